"""The ledger's SQL functions."""

from django.db import migrations

from rida.dispatch.statements import functions


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0001_initial")]
    # The newest text of the functions: what they name may be made by a migration still to come. Nothing calls them yet.
    operations = [
        migrations.RunSQL("SET LOCAL check_function_bodies = off;" + functions(), reverse_sql=migrations.RunSQL.noop)
    ]
