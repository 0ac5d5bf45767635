"""What effects are predicted of cases, and when they were last learnt."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("annotations", "0008_stop_by_posterior"),
        ("campaigns", "0004_weights_by_content"),
    ]

    operations = [
        migrations.AddField(
            model_name="harmweights",
            name="learnt",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="When effects were last learnt, from what, how well.",
            ),
        ),
        migrations.CreateModel(
            name="PredictedEffects",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("any_effect", models.FloatField()),
                (
                    "parts",
                    models.JSONField(help_text="part -> word -> probability, given an effect"),
                ),
                ("precedents", models.JSONField(help_text="[case id, similarity], nearest first")),
                (
                    "n",
                    models.PositiveIntegerField(
                        help_text="Cases with records that it was learnt from."
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="predicted_effects",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="predicted_effects",
                        to="annotations.case",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("any_effect__gte", 0), ("any_effect__lte", 1)),
                        name="any_effect_is_a_probability",
                    )
                ],
            },
        ),
    ]
