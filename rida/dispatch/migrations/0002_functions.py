"""The ledger's SQL functions."""

from django.db import migrations

from rida.dispatch.statements import functions


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0001_initial")]
    operations = [migrations.RunSQL(functions(), reverse_sql=migrations.RunSQL.noop)]
