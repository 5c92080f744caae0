"""What a source may send over all networks: indexes to count it by, and the functions that do."""

from django.db import migrations, models

from rida.dispatch.statements import functions


class Migration(migrations.Migration):
    dependencies = [
        ("dispatch", "0002_functions"),
        ("shaping", "0002_routes_into_the_world"),
        ("outbox", "0002_launch_source"),
    ]
    operations = [
        migrations.AddIndex(
            "volley",
            models.Index(fields=["source", "counts_until"], include=["n", "urgent"], name="volley_source_window"),
        ),
        migrations.AddIndex(
            "volley",
            models.Index(condition=models.Q(("closed", False)), fields=["source"], name="volley_source_open"),
        ),
        migrations.RunSQL(functions(), reverse_sql=migrations.RunSQL.noop),
    ]
