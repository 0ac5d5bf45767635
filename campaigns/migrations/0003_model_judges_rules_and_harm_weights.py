"""Model judges with what they answered, rules that leads write, and what an effect weighs."""

import campaigns.statuses
import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0002_proposals_once_by_their_cases"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HarmWeights",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("weights", models.JSONField(help_text="part -> word -> from 0 to 1")),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "campaign",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="harm_weights",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "updated_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ModelJudge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(max_length=60)),
                (
                    "kind",
                    models.CharField(
                        choices=[("openai", "openai"), ("double", "double")], max_length=16
                    ),
                ),
                ("base_url", models.URLField(blank=True)),
                ("model", models.CharField(blank=True, max_length=120)),
                (
                    "api_key_variable",
                    models.CharField(
                        blank=True,
                        max_length=80,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z][A-Z0-9_]*_API_KEY$",
                                "Name a variable in capitals that ends in _API_KEY, such as TARGET_API_KEY.",
                            )
                        ],
                    ),
                ),
                (
                    "call_budget",
                    models.PositiveIntegerField(
                        default=1000, help_text="No more calls than this in all."
                    ),
                ),
                ("calls", models.PositiveIntegerField(default=0)),
                (
                    "bias",
                    models.JSONField(
                        blank=True, default=dict, help_text="As it was last measured on gold."
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="model_judges",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ModelAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("revision", models.CharField(max_length=64)),
                ("text_hash", models.CharField(max_length=64)),
                ("order", models.CharField(max_length=24)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("answered", "answered"),
                            ("cant_tell", "cant tell"),
                            ("not_applicable", "not applicable"),
                            ("invalid", "invalid"),
                            ("refused_to_judge", "refused to judge"),
                        ],
                        max_length=20,
                    ),
                ),
                ("value", models.CharField(blank=True, max_length=120)),
                ("confidence", models.FloatField(blank=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=400)),
                ("raw_output", models.TextField(blank=True)),
                (
                    "exchange",
                    models.JSONField(default=dict, help_text="Model, tokens, seconds, request id."),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "judge",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="campaigns.modeljudge",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RuleSet",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "rules",
                    models.JSONField(
                        help_text="In order: name, phrases, weight, opening_only, disabled."
                    ),
                ),
                ("revision", models.CharField(max_length=64)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rule_sets",
                        to="campaigns.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="modeljudge",
            constraint=models.UniqueConstraint(
                fields=("campaign", "name"), name="model_judge_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="modeljudge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind", campaigns.statuses.JudgeKind["DOUBLE"]),
                    models.Q(
                        ("kind", campaigns.statuses.JudgeKind["OPENAI"]),
                        models.Q(("base_url", ""), _negated=True),
                        models.Q(("model", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="asked_endpoints_have_an_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="modeljudge",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("api_key_variable", ""),
                    ("api_key_variable__regex", "^[A-Z][A-Z0-9_]*_API_KEY$"),
                    _connector="OR",
                ),
                name="only_api_keys_are_sent_to_judges",
            ),
        ),
        migrations.AddConstraint(
            model_name="modelanswer",
            constraint=models.UniqueConstraint(
                fields=("judge", "revision", "text_hash", "order"), name="asked_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="modelanswer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("status", campaigns.statuses.JudgementStatus["ANSWERED"]),
                        models.Q(("value", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(
                            ("status", campaigns.statuses.JudgementStatus["ANSWERED"]),
                            _negated=True,
                        ),
                        ("value", ""),
                    ),
                    _connector="OR",
                ),
                name="only_answered_calls_have_values",
            ),
        ),
        migrations.AddConstraint(
            model_name="ruleset",
            constraint=models.UniqueConstraint(
                fields=("campaign", "number"), name="rule_set_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="ruleset",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="rule_sets_count_from_one"
            ),
        ),
    ]
