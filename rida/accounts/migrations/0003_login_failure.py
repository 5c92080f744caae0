from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_api_key"),
    ]

    operations = [
        migrations.CreateModel(
            name="LoginFailure",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("email_hash", models.BinaryField(max_length=32)),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["email_hash", "at"], name="login_failures")],
            },
        ),
    ]
