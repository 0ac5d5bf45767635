"""What routing has learnt: of each criterion, and of each rater on it. Written by a job, read by submits."""

from django.db import models
from django.db.models import Q

from annotations.models.people import Project, Rater
from annotations.models.rubric import Criterion


class RoutingModel(models.Model):
    """One criterion: measurement/posterior.py says what each number is."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="routing_models")
    criterion = models.OneToOneField(Criterion, models.CASCADE, related_name="routing_model")
    words = models.JSONField(help_text="Its K answers; the first `on_scale` are its scale.")
    on_scale = models.PositiveSmallIntegerField()
    is_ordinal = models.BooleanField()
    pi = models.JSONField(help_text="K base rates.")
    typical = models.JSONField(help_text="K x K: a typical person's confusion matrix.")
    ai = models.JSONField(null=True, help_text="K x K: the AI's; null where it does not count.")
    ai_rater = models.ForeignKey(Rater, models.SET_NULL, null=True, related_name="+")
    ai_reason = models.CharField(max_length=200, help_text="Why the AI counts, or why not.")
    tau = models.FloatField(help_text="The temperature.")
    nu = models.FloatField(null=True, help_text="How alike cases are; null: quite.")
    n_audit = models.PositiveIntegerField(help_text="Cases of the audit slice it was fitted on.")
    claimed = models.FloatField(null=True, help_text="Of the audited cases that it would settle.")
    n_right = models.PositiveIntegerField(default=0)
    n_claimed = models.PositiveIntegerField(default=0)
    learnt_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(tau__gt=0), name="temperature_is_positive"),
            models.CheckConstraint(
                condition=Q(n_right__lte=models.F("n_claimed")), name="no_more_right_than_claimed"
            ),
        ]

    def __str__(self) -> str:
        return f"routing of {self.criterion}"


class RaterSkill(models.Model):
    """One rater on one criterion. Nobody is barred by it: it weighs answers."""

    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="rater_skills")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="skills")
    theta = models.JSONField(help_text="K x K: the confusion matrix, in the order of the words.")
    right = models.FloatField(help_text="The mean of its diagonal: for lists and orders.")
    n_known = models.PositiveIntegerField(help_text="Answers whose truth is known.")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["criterion", "rater"], name="one_skill_a_rater_a_criterion"
            ),
            models.CheckConstraint(
                condition=Q(right__gt=0, right__lt=1), name="skill_is_never_certain"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rater} on {self.criterion}"
