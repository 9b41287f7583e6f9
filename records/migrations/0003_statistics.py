"""What PostgreSQL is to know of the index: which values are frequent *for their parameter*.

Without it a frequent code counts as rare, and a search for it together with a patient reads every
row of the code.
"""

from django.db import migrations

CREATE = "CREATE STATISTICS records_index_values (mcv) ON k, v FROM records_indexrow"
PRECISE = "ALTER STATISTICS records_index_values SET STATISTICS 300"
DROP = "DROP STATISTICS records_index_values"


def create(apps, schema_editor):
    """Where the database plans by statistics."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE)
        schema_editor.execute(PRECISE)


def drop(apps, schema_editor):
    """The way back."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DROP)


class Migration(migrations.Migration):
    dependencies = (("records", "0002_audit_guard"),)
    operations = (migrations.RunPython(create, drop),)
