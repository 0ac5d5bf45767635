"""Campaigns, targets and behaviours: what is tested, and what is sought in it."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from annotations.models import Project, Release
from annotations.statuses import choices
from campaigns.judging.frozen_test import MOST, is_frozen
from campaigns.statuses import Intent, TargetKind

# Whoever chooses a target chooses where the key is sent, so only keys can be named, no other secret.
KEY_PATTERN = r"^[A-Z][A-Z0-9_]*_API_KEY$"
KEY_VARIABLE = RegexValidator(
    KEY_PATTERN, "Name a variable in capitals that ends in _API_KEY, such as TARGET_API_KEY."
)


class Campaign(models.Model):
    """The hunt on one project: its behaviours, target, rounds and judges."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="campaign")
    seed = models.PositiveIntegerField(default=7)
    round_size = models.PositiveIntegerField(default=200, help_text="Candidates a round.")
    guided_share = models.FloatField(default=0.5)
    over_block_bound = models.FloatField(
        default=0.05, help_text="The ensemble's threshold keeps over-blocking under this share."
    )
    frozen_share = models.FloatField(
        default=0.2, help_text="Of the families, for the frozen test: no judge is trained on them."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(frozen_share__gte=0, frozen_share__lte=MOST),
                name="frozen_share_leaves_enough_to_learn_from",
            ),
            models.CheckConstraint(
                condition=Q(guided_share__gte=0, guided_share__lte=1),
                name="guided_share_is_a_share",
            ),
            models.CheckConstraint(
                condition=Q(over_block_bound__gt=0, over_block_bound__lt=1),
                name="over_block_bound_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return self.project.name

    def is_frozen(self, family: str) -> bool:
        """Whether a family belongs to the test that nothing is ever trained on, nor guided by."""
        return is_frozen(family, key=f"frozen {self.seed}", share=self.frozen_share)


class Target(models.Model):
    """What is tested: the sandbox simulator, or a model behind an OpenAI-compatible endpoint."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="targets")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=16, choices=choices(TargetKind))
    base_url = models.URLField(blank=True)
    model = models.CharField(max_length=120, blank=True)
    revision = models.CharField(max_length=80, default="1")
    system_prompt = models.TextField(blank=True)
    api_key_variable = models.CharField(
        max_length=80, blank=True, help_text="Name of the environment variable that holds the key."
    )
    is_active = models.BooleanField(default=True)
    hardened_from = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="hardened",
        help_text="The revision that this one was trained from, on failures that were found in it.",
    )  # fmt: skip
    hardened_on = models.ForeignKey(
        Release, models.PROTECT, null=True, blank=True, related_name="+",
        help_text="The gold whose hardening export it was trained on.",
    )  # fmt: skip

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "name", "revision"], name="target_revision_in_campaign"
            ),
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(is_active=True), name="one_active_target"
            ),
            models.CheckConstraint(
                condition=Q(kind=TargetKind.SANDBOX)
                | (Q(kind=TargetKind.OPENAI) & ~Q(base_url="") & ~Q(model="")),
                name="endpoints_have_an_address_and_a_model",
            ),
            models.CheckConstraint(
                condition=Q(api_key_variable="") | Q(api_key_variable__regex=KEY_PATTERN),
                name="only_api_keys_are_sent_to_targets",
            ),
            models.CheckConstraint(
                condition=Q(hardened_from__isnull=True) | ~Q(hardened_from=F("id")),
                name="no_target_is_hardened_from_itself",
            ),
            models.CheckConstraint(
                condition=Q(hardened_on__isnull=True) | Q(hardened_from__isnull=False),
                name="hardening_gold_goes_with_what_was_hardened",
            ),
        ]

    def __str__(self) -> str:
        """Revisions are targets of their own in figures and strata; the first goes without saying."""
        name = self.name if self.revision == "1" else f"{self.name}, revision {self.revision}"
        return f"{name} (simulator)" if self.is_simulated else name

    @property
    def is_simulated(self) -> bool:
        return self.kind == TargetKind.SANDBOX


class Behavior(models.Model):
    """What is sought: a request with harmful intent, or its matched benign twin."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="behaviors")
    key = models.CharField(max_length=120)
    pair = models.CharField(max_length=120, help_text="Shared by a harmful request and its twin.")
    intent = models.CharField(max_length=8, choices=choices(Intent))
    category = models.CharField(max_length=80)
    text = models.TextField()
    context = models.TextField(blank=True)
    context_dependent = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "key"], name="behavior_key_in_campaign")
        ]

    def __str__(self) -> str:
        return self.key
