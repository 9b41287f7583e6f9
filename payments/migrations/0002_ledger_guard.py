"""The database's own refusal of changes to the books, and of entries that do not balance.

PostgreSQL: no UPDATE or DELETE on entries and postings, and an entry's postings must sum to zero
when its transaction commits. SQLite cannot check at commit, and its DELETE is how Django empties
tables; there UPDATE is refused, and the code keeps the rest.
"""

from django.db import migrations

TABLES = ("payments_ledgerentry", "payments_ledgerposting")

POSTGRESQL = """
CREATE FUNCTION payments_ledger_is_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is never changed; write a reversal' USING ERRCODE = '23001';
END $$;

CREATE FUNCTION payments_ledger_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT sum(amount) FROM payments_ledgerposting WHERE entry_id = NEW.entry_id) <> 0 THEN
    RAISE EXCEPTION 'debit and credit differ' USING ERRCODE = '23514';
  END IF;
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER payments_ledger_balances AFTER INSERT ON payments_ledgerposting
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payments_ledger_balances();
"""
ONCE = """
CREATE TRIGGER {0}_once BEFORE UPDATE OR DELETE ON {0}
  FOR EACH ROW EXECUTE FUNCTION payments_ledger_is_written_once();
"""
SQLITE = """
CREATE TRIGGER {0}_once BEFORE UPDATE ON {0}
BEGIN SELECT RAISE(ABORT, 'the ledger is never changed; write a reversal'); END
"""


def guard(apps, schema_editor):
    """Set the guards that the database at hand can keep."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(POSTGRESQL, params=None)
        for table in TABLES:
            schema_editor.execute(ONCE.format(table), params=None)
    else:
        for table in TABLES:
            schema_editor.execute(SQLITE.format(table), params=None)


def unguard(apps, schema_editor):
    """Take them away again."""
    for table in TABLES:
        on = f" ON {table}" if schema_editor.connection.vendor == "postgresql" else ""
        schema_editor.execute(f"DROP TRIGGER {table}_once{on}")
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER payments_ledger_balances ON payments_ledgerposting")
        schema_editor.execute("DROP FUNCTION payments_ledger_balances()")
        schema_editor.execute("DROP FUNCTION payments_ledger_is_written_once()")


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [migrations.RunPython(guard, unguard)]
