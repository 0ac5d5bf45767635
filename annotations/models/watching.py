"""What was watched and found: arms that were suspended, and alarms of drift."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotations.models.people import Project, Rater
from annotations.models.rubric import Criterion
from annotations.statuses import Arm, Drift, choices


class Suspension(models.Model):
    """An arm that was stopped: by the rule (nobody's name) or by a lead; with its figures, and its end.

    From the end of the last one on the rule counts afresh.
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="suspensions")
    arm = models.CharField(max_length=16, choices=choices(Arm))
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+",
        help_text="Empty: the rule.",
    )  # fmt: skip
    evidence = models.JSONField(default=dict, help_text="The rule's figures when it was stopped.")
    at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.TextField(blank=True, help_text="Why the arm goes on.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "arm"],
                condition=Q(ended_at__isnull=True),
                name="one_suspension_an_arm",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True)
                | (Q(ended_by__isnull=False) & ~Q(reason="")),
                name="who_resumes_says_why",
            ),
            models.CheckConstraint(condition=~Q(arm=Arm.BLIND), name="blind_is_never_suspended"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.arm} since {self.at:%Y-%m-%d %H:%M}"


class DriftAlarm(models.Model):
    """A CUSUM reached its limit: of one rater, or of all; open until a lead has looked into it."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="drift_alarms")
    kind = models.CharField(max_length=16, choices=choices(Drift))
    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="+")
    rater = models.ForeignKey(
        Rater, models.CASCADE, null=True, blank=True, related_name="drift_alarms",
        help_text="Empty: of all raters together.",
    )  # fmt: skip
    is_rise = models.BooleanField()
    began_at = models.DateTimeField(help_text="When the change is estimated to have begun.")
    raised_at = models.DateTimeField(help_text="When the answer was given that raised the alarm.")
    cases = models.JSONField(default=list, help_text="Ids of the cases from the one to the other.")
    found_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    note = models.TextField(blank=True, help_text="What was found, and done.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "kind", "criterion", "rater", "is_rise", "raised_at"],
                nulls_distinct=False,
                name="drift_alarm_once",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | (Q(closed_by__isnull=False) & ~Q(note="")),
                name="who_closes_an_alarm_says_what_was_found",
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.kind} of {self.rater or 'all'} on {self.criterion}, {self.raised_at:%Y-%m-%d}"
        )
