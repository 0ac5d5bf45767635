"""Rounds and candidates: one turn of the loop, and each attempt in it with its lineage."""

from django.db import models
from django.db.models import F, Q

from annotations.models import Batch, Case, RubricVersion
from annotations.statuses import choices
from campaigns.models.campaign import Behavior, Campaign, Target
from campaigns.statuses import CandidateStatus, Step


class Round(models.Model):
    """One turn of the loop. `status` is the step that is to be done now."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=16, choices=choices(Step), default=Step.DRAFT)
    seed = models.PositiveIntegerField(default=7)
    size = models.PositiveIntegerField(default=200, help_text="Candidates to plan.")
    batch = models.OneToOneField(Batch, models.PROTECT, null=True, blank=True, related_name="round")
    rubric_version = models.ForeignKey(
        RubricVersion, models.PROTECT, null=True, blank=True, related_name="rounds"
    )
    target = models.ForeignKey(
        Target, models.PROTECT, null=True, blank=True, related_name="rounds",
        help_text="Empty: the cases were imported with their responses.",
    )  # fmt: skip
    ensemble = models.ForeignKey(
        "campaigns.EnsembleVersion", models.PROTECT, null=True, blank=True, related_name="+",
        help_text="The ensemble of the round before: it pre-labels this round.",
    )  # fmt: skip
    is_imported = models.BooleanField(default=False)
    simulated_raters = models.PositiveSmallIntegerField(
        default=0, help_text="0: people label. Else this many simulated raters do, marked so."
    )
    # What each step found, for the page and for a second run: {"agree": {...}, "calibrate": {...}}.
    findings = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "number"], name="round_number_in_campaign"),
            models.UniqueConstraint(
                fields=["campaign"],
                condition=~Q(status=Step.CLOSED),
                name="one_open_round_a_campaign",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in Step]), name="round_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"round {self.number}"

    @property
    def version(self) -> RubricVersion:
        """The rubric version that the lead began the round with; draft lets none pass without."""
        if self.rubric_version is None:
            raise LookupError(f"{self} has not begun: it has no rubric version yet.")
        return self.rubric_version

    @property
    def cases(self) -> models.QuerySet[Case]:
        """The cases of the round's batch; none before they are handed over or imported."""
        return Case.objects.filter(batch=self.batch) if self.batch else Case.objects.none()


class Candidate(models.Model):
    """One attempt: a behaviour or a parent case, a chain of techniques, a prompt, an answer."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="candidates")
    key = models.CharField(max_length=64)
    behavior = models.ForeignKey(
        Behavior, models.PROTECT, null=True, blank=True, related_name="candidates"
    )
    parent_case = models.ForeignKey(
        Case, models.PROTECT, null=True, blank=True, related_name="offspring"
    )
    family = models.CharField(max_length=200)
    techniques = models.JSONField(default=list)
    parameters = models.JSONField(default=dict)
    arm = models.CharField(max_length=8, choices=[("guided", "guided"), ("control", "control")])
    reason = models.TextField(help_text="Why this case was chosen.")
    context = models.TextField(blank=True)
    prompt = models.TextField()
    status = models.CharField(
        max_length=16, choices=choices(CandidateStatus), default=CandidateStatus.PLANNED
    )
    folded_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="folds"
    )
    response = models.TextField(blank=True)
    exchange = models.JSONField(
        default=dict, help_text="Model, tokens, latency, request id; for the sandbox, its plan."
    )
    case = models.OneToOneField(
        Case, models.PROTECT, null=True, blank=True, related_name="candidate"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["round", "key"], name="candidate_once_a_round"),
            models.CheckConstraint(
                condition=Q(status=CandidateStatus.FOLDED, folded_into__isnull=False)
                | (~Q(status=CandidateStatus.FOLDED) & Q(folded_into__isnull=True)),
                name="folded_candidates_say_into_what",
            ),
            models.CheckConstraint(
                condition=Q(folded_into__isnull=True) | ~Q(folded_into=F("id")),
                name="no_candidate_folds_into_itself",
            ),
        ]
        indexes = [models.Index(fields=["round", "status"], name="candidate_by_status")]

    def __str__(self) -> str:
        return f"{self.round}: {self.key[:12]}"
