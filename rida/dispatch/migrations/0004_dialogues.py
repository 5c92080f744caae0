"""What was said at each try of a test."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_login_failure"),
        ("dispatch", "0003_allowances"),
        ("outbox", "0002_launch_source"),
    ]
    operations = [
        migrations.CreateModel(
            name="Dialogue",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tranche_id", "n", "attempt", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("n", models.IntegerField()),
                ("attempt", models.SmallIntegerField()),
                ("lines", models.JSONField()),
                ("at", models.BigIntegerField()),
                (
                    "tranche",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="outbox.tranche",
                    ),
                ),
                (
                    "workspace",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="accounts.workspace",
                    ),
                ),
            ],
        ),
    ]
