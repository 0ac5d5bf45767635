"""The gate of a rubric version: its marks, looks at a frozen pilot, and who signed. Append-only."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from annotations.models.rubric import Criterion, RubricVersion

_APPEND_ONLY = pgtrigger.Update | pgtrigger.Delete


class GateMark(models.Model):
    """Another mark of alpha for one criterion than the usual one, with the lead's reason."""

    version = models.ForeignKey(RubricVersion, models.CASCADE, related_name="gate_marks")
    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="+")
    alpha = models.FloatField()
    reason = models.TextField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="another_mark_has_a_reason"),
            models.CheckConstraint(
                condition=Q(alpha__gt=0, alpha__lt=1), name="gate_mark_is_between_0_and_1"
            ),
        ]
        triggers = [pgtrigger.Protect(name="gate_marks_are_kept", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.version} {self.criterion}: alpha {self.alpha}"


class GateLook(models.Model):
    """One look at a pilot: which cases, the hash of their labels, and what each criterion came to."""

    version = models.ForeignKey(RubricVersion, models.PROTECT, related_name="gate_looks")
    number = models.PositiveSmallIntegerField()
    cases = models.JSONField(help_text="Ids of the pilot's cases.")
    labels_sha256 = models.CharField(
        max_length=64, help_text="Over (case, rater, criterion, answer) in order."
    )
    n_raters = models.PositiveSmallIntegerField()
    results = models.JSONField(help_text="Criterion key -> state, marks, estimates, advice.")
    is_passed = models.BooleanField(help_text="Every criterion that has a gate is past it.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["version", "number"], name="gate_look_number"),
            models.UniqueConstraint(
                fields=["version", "labels_sha256"], name="one_look_at_the_same_labels"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=3), name="at_most_three_looks"
            ),
        ]
        triggers = [pgtrigger.Protect(name="gate_looks_are_kept", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.version}, look {self.number}"


class GateSignature(models.Model):
    """One of the two who stand by a look that passed."""

    look = models.ForeignKey(GateLook, models.PROTECT, related_name="signatures")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    is_lead = models.BooleanField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["look", "by"], name="a_person_signs_once")]
        triggers = [pgtrigger.Protect(name="signatures_are_kept", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.by} on {self.look}"
