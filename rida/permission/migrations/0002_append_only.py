"""Nobody changes the ledger: UPDATE, DELETE and TRUNCATE of events, places and checkpoints are refused by the database.

Only the vault may be emptied. An owner of the database can still drop the triggers; the checkpoints that others hold
are what gives that away.
"""

from django.db import migrations

_TABLES = ("permission_event", "permission_leaf", "permission_checkpoint")

_FORWARDS = """
CREATE FUNCTION permission_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
""" + "".join(
    f"""
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION permission_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION permission_refuse_change();
"""
    for table in _TABLES
)

_BACKWARDS = (
    "".join(
        f"""
DROP TRIGGER append_only_rows ON {table};
DROP TRIGGER append_only_table ON {table};
"""
        for table in _TABLES
    )
    + "DROP FUNCTION permission_refuse_change();"
)


class Migration(migrations.Migration):
    dependencies = [("permission", "0001_initial")]

    operations = [migrations.RunSQL(_FORWARDS, _BACKWARDS)]
