"""Since when a departure's way is as it is: only a test after that counts."""

from django.db import migrations, models

import rida.kernel.clock


class Migration(migrations.Migration):
    dependencies = [("shaping", "0002_routes_into_the_world")]
    operations = [
        migrations.AddField("departure", "changed_at", models.DateTimeField(default=rida.kernel.clock.now)),
    ]
