"""Places by realm, departures, and what a source may send over all networks."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_login_failure"),
        ("shaping", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        # What was looked up is asked again; nothing is lost.
        migrations.DeleteModel(name="Domain"),
        migrations.CreateModel(
            name="Domain",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("realm", models.CharField(choices=[("sandbox", "Sandbox"), ("world", "World")], max_length=10)),
                ("name", models.CharField(max_length=255)),
                ("failure", models.CharField(blank=True, max_length=40)),
                ("located_at", models.DateTimeField()),
                ("site", models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="shaping.site")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("realm", "name"), name="one_place_a_realm")],
            },
        ),
        migrations.CreateModel(
            name="Departure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("chosen_at", models.DateTimeField()),
                ("tested_at", models.DateTimeField(null=True)),
                ("approved_at", models.DateTimeField(null=True)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "chosen_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("source", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="shaping.source")),
                (
                    "workspace",
                    models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, to="accounts.workspace"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Allowance",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hour", models.IntegerField(null=True)),
                ("day", models.IntegerField(null=True)),
                ("day_more_ms", models.BigIntegerField()),
                ("connections", models.IntegerField(null=True)),
                ("hold_until", models.BigIntegerField(default=0)),
                ("hold_reason", models.CharField(blank=True, max_length=500)),
                ("source", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, to="shaping.source")),
            ],
        ),
        migrations.AddField(
            "budget",
            "waits_for",
            django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, size=None),
        ),
        migrations.AddField("budget", "waits_since", models.BigIntegerField(default=9_000_000_000_000_000)),
        migrations.AddIndex(
            "budget",
            models.Index(
                condition=models.Q(("waits_since__lt", 9_000_000_000_000_000)),
                fields=["waits_since"],
                name="budget_waits",
            ),
        ),
    ]
