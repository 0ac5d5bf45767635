"""A judge's large weights, cut into rows, by the sha256 of the whole."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_model_judges_rules_and_harm_weights")]

    operations = [
        migrations.CreateModel(
            name="WeightPart",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "digest",
                    models.CharField(help_text="sha256 of all pieces together.", max_length=64),
                ),
                ("number", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("digest", "number"), name="weight_part_once")
                ],
            },
        ),
    ]
