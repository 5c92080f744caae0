"""What a source may send over all networks: indexes to count it by, and the functions that do."""

from django.db import migrations, models

from rida.dispatch.statements import functions

# The ledger's statements are prepared, and take arrays: a plan made for the very array costs more than it saves. The
# database is ours; where the role may not say so, sending is slower, that is all.
GENERIC_PLANS = """
DO $$ BEGIN
    EXECUTE format('ALTER DATABASE %I SET plan_cache_mode = force_generic_plan', current_database());
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$
"""


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
        migrations.RunSQL(GENERIC_PLANS, reverse_sql=migrations.RunSQL.noop),
    ]
