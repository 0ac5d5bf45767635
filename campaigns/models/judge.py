"""Ensembles and embeddings: calibrated combinations of judges, each at one exact revision.

A judge itself is an `annotations.Rater` of kind judge: people and judges give verdicts by the same
road. What a campaign adds is how judges are combined, and the cached inputs that they read.
"""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q

from annotations.models import Criterion, CriterionVersion, Rater, Release
from annotations.statuses import choices
from campaigns.models.campaign import Campaign
from campaigns.models.round import Round
from campaigns.statuses import EnsembleStatus


class EnsembleVersion(models.Model):
    """A released combination of judges: what it learnt from, its threshold, how well it does."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="ensembles")
    round = models.ForeignKey(Round, models.PROTECT, related_name="calibrations")
    number = models.PositiveIntegerField()
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="+")
    gold = models.ForeignKey(Release, models.PROTECT, related_name="ensembles")
    rater = models.OneToOneField(
        Rater, models.PROTECT, related_name="ensemble", help_text="The rater that pre-labels."
    )
    revision = models.CharField(max_length=64)
    status = models.CharField(
        max_length=16, choices=choices(EnsembleStatus), default=EnsembleStatus.CURRENT
    )
    threshold = models.FloatField()
    payload = models.JSONField(help_text="campaigns.judging Ensemble.as_json()")
    report = models.JSONField(
        default=dict, help_text="Judges' table, combinations, reliability: what the page shows."
    )
    learnt_from_simulated = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+",
        help_text="The lead who signed it off for use outside of the project.",
    )  # fmt: skip
    release_note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "number"], name="ensemble_number_in_campaign"
            ),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(status=EnsembleStatus.CURRENT),
                name="one_current_ensemble",
            ),
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=1),
                name="ensemble_threshold_is_a_probability",
            ),
        ]

    def __str__(self) -> str:
        return f"ensemble e{self.number}"

    @property
    def question(self) -> CriterionVersion:
        """The criterion as it read in the rubric whose answers this version learnt."""
        return CriterionVersion.objects.select_related("criterion").get(
            version=self.gold.rubric_version_id, criterion=self.criterion_id
        )


class EnsembleMember(models.Model):
    """One judge in an ensemble, at its revision, with its weight, or why it was left out."""

    ensemble = models.ForeignKey(EnsembleVersion, models.CASCADE, related_name="members")
    rater = models.ForeignKey(Rater, models.PROTECT, related_name="memberships")
    threshold = models.FloatField(null=True, blank=True)
    weight = models.FloatField(null=True, blank=True)
    left_out = models.CharField(max_length=200, blank=True)
    payload = models.JSONField(
        default=dict, help_text="Fitted.as_json() of a local judge; empty for an imported one."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ensemble", "rater"], name="judge_once_an_ensemble")
        ]

    def __str__(self) -> str:
        return str(self.rater)


class Embedding(models.Model):
    """A cached vector: float32 bytes by encoder revision and text hash."""

    encoder = models.CharField(max_length=80)
    text_hash = models.CharField(max_length=64)
    vector = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["encoder", "text_hash"], name="embedding_once")
        ]

    def __str__(self) -> str:
        return f"{self.encoder}:{self.text_hash[:12]}"


class WeightPart(models.Model):
    """A piece of a judge's large weights: bytes by their sha256, cut so that no row is huge."""

    digest = models.CharField(max_length=64, help_text="sha256 of all pieces together.")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest", "number"], name="weight_part_once")
        ]

    def __str__(self) -> str:
        return f"{self.digest[:12]} part {self.number}"
