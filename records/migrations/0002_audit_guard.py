"""The database's own refusal to change the trail of accesses, row by row or as a whole."""

from django.db import migrations

POSTGRESQL = (
    """
CREATE FUNCTION records_audit_is_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit trail is never changed' USING ERRCODE = '23001';
END $$
""",
    """
CREATE TRIGGER records_audit_once BEFORE UPDATE OR DELETE ON records_auditrow
  FOR EACH ROW EXECUTE FUNCTION records_audit_is_written_once()
""",
    """
CREATE TRIGGER records_audit_whole BEFORE TRUNCATE ON records_auditrow
  FOR EACH STATEMENT EXECUTE FUNCTION records_audit_is_written_once()
""",
)
SQLITE = tuple(
    f"""
CREATE TRIGGER records_audit_{name} BEFORE {what} ON records_auditrow
BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END
"""
    for name, what in (("once", "UPDATE"), ("whole", "DELETE"))
)


def guard(apps, schema_editor):
    """Set the guards of the database at hand."""
    for statement in POSTGRESQL if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement, params=None)


def unguard(apps, schema_editor):
    """Take them away again."""
    on = " ON records_auditrow" if schema_editor.connection.vendor == "postgresql" else ""
    for name in ("once", "whole"):
        schema_editor.execute(f"DROP TRIGGER records_audit_{name}{on}")
    if on:
        schema_editor.execute("DROP FUNCTION records_audit_is_written_once()")


class Migration(migrations.Migration):
    dependencies = [("records", "0001_initial")]

    operations = [migrations.RunPython(guard, unguard)]
