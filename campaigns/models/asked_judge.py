"""Judges that are asked or written by hand: model judges and their answers, rules, weights of harm."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotations.models import Case
from annotations.statuses import choices
from campaigns.models.campaign import KEY_PATTERN, KEY_VARIABLE, Campaign
from campaigns.statuses import JudgeKind, JudgementStatus


class ModelJudge(models.Model):
    """A language model that is asked by the criterion; its revision is made of what it is asked."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="model_judges")
    name = models.SlugField(max_length=60)
    kind = models.CharField(max_length=16, choices=choices(JudgeKind))
    base_url = models.URLField(blank=True)
    model = models.CharField(max_length=120, blank=True)
    api_key_variable = models.CharField(max_length=80, blank=True, validators=[KEY_VARIABLE])
    call_budget = models.PositiveIntegerField(
        default=1000, help_text="No more calls than this in all."
    )
    calls = models.PositiveIntegerField(default=0)
    bias = models.JSONField(default=dict, blank=True, help_text="As it was last measured on gold.")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "name"], name="model_judge_name"),
            models.CheckConstraint(
                condition=Q(kind=JudgeKind.DOUBLE)
                | (Q(kind=JudgeKind.OPENAI) & ~Q(base_url="") & ~Q(model="")),
                name="asked_endpoints_have_an_address",
            ),
            models.CheckConstraint(
                condition=Q(api_key_variable="") | Q(api_key_variable__regex=KEY_PATTERN),
                name="only_api_keys_are_sent_to_judges",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (scripted double)" if self.is_double else self.name

    @property
    def is_double(self) -> bool:
        return self.kind == JudgeKind.DOUBLE

    @property
    def left(self) -> int:
        """How many calls the budget still has."""
        return max(0, self.call_budget - self.calls)


class ModelAnswer(models.Model):
    """What one call gave, by revision and text: asked once. An error is not kept, but asked again."""

    judge = models.ForeignKey(ModelJudge, models.CASCADE, related_name="answers")
    revision = models.CharField(max_length=64)
    text_hash = models.CharField(max_length=64)
    order = models.CharField(max_length=24)
    status = models.CharField(max_length=20, choices=choices(JudgementStatus))
    value = models.CharField(max_length=120, blank=True)
    confidence = models.FloatField(null=True, blank=True)
    reason = models.CharField(max_length=400, blank=True)
    raw_output = models.TextField(blank=True)
    exchange = models.JSONField(default=dict, help_text="Model, tokens, seconds, request id.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["judge", "revision", "text_hash", "order"], name="asked_once"
            ),
            models.CheckConstraint(
                condition=(Q(status=JudgementStatus.ANSWERED) & ~Q(value=""))
                | (~Q(status=JudgementStatus.ANSWERED) & Q(value="")),
                name="only_answered_calls_have_values",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.judge}: {self.value or self.status}"


class RuleSet(models.Model):
    """The lexical judge's rules as a lead wrote them; the highest number is in force."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="rule_sets")
    number = models.PositiveIntegerField()
    rules = models.JSONField(help_text="In order: name, phrases, weight, opening_only, disabled.")
    revision = models.CharField(max_length=64)
    note = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="rule_set_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="rule_sets_count_from_one"),
        ]

    def __str__(self) -> str:
        return f"rules {self.number}"


class PredictedEffects(models.Model):
    """What effects a case would have, as distributions, with the cases that they rest on."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="predicted_effects")
    case = models.OneToOneField(Case, models.CASCADE, related_name="predicted_effects")
    any_effect = models.FloatField()
    parts = models.JSONField(help_text="part -> word -> probability, given an effect")
    precedents = models.JSONField(help_text="[case id, similarity], nearest first")
    n = models.PositiveIntegerField(help_text="Cases with records that it was learnt from.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(any_effect__gte=0, any_effect__lte=1),
                name="any_effect_is_a_probability",
            ),
        ]

    def __str__(self) -> str:
        return f"effects of {self.case}"


class HarmWeights(models.Model):
    """What a downstream effect weighs in this project; without a row the defaults hold."""

    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="harm_weights")
    weights = models.JSONField(help_text="part -> word -> from 0 to 1")
    learnt = models.JSONField(
        default=dict, blank=True, help_text="When effects were last learnt, from what, how well."
    )
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"harm weights of {self.campaign}"
