"""A launch knows by which source it leaves; those before left by the sandbox."""

import django.db.models.deletion
from django.db import migrations, models


def _sandbox(apps, _schema_editor):
    launch = apps.get_model("outbox", "Launch")
    if launch.objects.exists():
        source, _ = apps.get_model("shaping", "Source").objects.get_or_create(
            name="sandbox", defaults={"route": "sandbox"}
        )
        launch.objects.update(source=source)


class Migration(migrations.Migration):
    # Rows and table are changed: one transaction would refuse the second after the first.
    atomic = False
    dependencies = [("outbox", "0001_initial"), ("shaping", "0002_routes_into_the_world")]
    operations = [
        migrations.AddField(
            "launch",
            "source",
            models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="shaping.source"),
        ),
        migrations.RunPython(_sandbox, migrations.RunPython.noop),
        migrations.AlterField(
            "launch", "source", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="shaping.source")
        ),
    ]
