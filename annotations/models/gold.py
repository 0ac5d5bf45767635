"""Adjudications, gold with its provenance, and releases: immutable, hashed sets of gold."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from annotations.models.case import Case
from annotations.models.people import Project
from annotations.models.rubric import Criterion, CriterionVersion, RubricVersion
from annotations.statuses import (
    Cause,
    MarkKind,
    OpinionKind,
    Provenance,
    VerdictStatus,
    choices,
)

# Settled without a decision.
SETTLED_BY_PEOPLE = (Provenance.UNANIMOUS, Provenance.POSTERIOR)

_APPEND_ONLY = pgtrigger.Update | pgtrigger.Delete


class Adjudication(models.Model):
    """A decision on a disagreement, with its cause. Append-only; never overwrites a verdict."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="adjudications")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="adjudications")
    criterion_version = models.ForeignKey(CriterionVersion, models.PROTECT, related_name="+")
    status = models.CharField(max_length=20, choices=choices(VerdictStatus))
    value = models.CharField(max_length=120, blank=True)
    cause = models.CharField(max_length=20, choices=choices(Cause))
    severity = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="0-4; from 3 on a second adjudicator must agree."
    )
    note = models.TextField(blank=True)
    adjudicator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    source = models.CharField(
        max_length=120, blank=True, help_text="Where no member decided: the file and column, or "
        "the simulated adjudicator."
    )  # fmt: skip
    is_simulated = models.BooleanField(default=False)
    wants_recheck = models.BooleanField(
        default=False,
        help_text="One in ten, by a keyed hash: another adjudicator answers it blind.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(Q(status=VerdictStatus.ANSWERED) & ~Q(value=""))
                | (~Q(status=VerdictStatus.ANSWERED) & Q(value="")),
                name="only_decided_answers_have_values",
            ),
            models.CheckConstraint(
                condition=Q(cause__in=[c.value for c in Cause]), name="adjudication_has_a_cause"
            ),
            models.CheckConstraint(
                condition=Q(adjudicator__isnull=False) | ~Q(source=""),
                name="somebody_adjudicated",
            ),
        ]
        indexes = [
            models.Index(
                fields=["case"], name="decision_to_recheck", condition=Q(wants_recheck=True)
            )
        ]
        triggers = [
            pgtrigger.Protect(name="adjudications_are_kept", operation=_APPEND_ONLY),
        ]

    def __str__(self) -> str:
        return f"{self.case}/{self.criterion}: {self.value or self.status} ({self.cause})"


class Opinion(models.Model):
    """An adjudicator's own answer, given before the raters' were shown. Append-only."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="opinions")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="+")
    criterion_version = models.ForeignKey(CriterionVersion, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=choices(OpinionKind))
    status = models.CharField(max_length=20, choices=choices(VerdictStatus))
    value = models.CharField(max_length=120, blank=True)
    severity = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "criterion", "by", "kind"], name="one_opinion_a_person"
            ),
            models.CheckConstraint(
                condition=(Q(status=VerdictStatus.ANSWERED) & ~Q(value=""))
                | (~Q(status=VerdictStatus.ANSWERED) & Q(value="")),
                name="only_answered_opinions_have_values",
            ),
        ]
        triggers = [pgtrigger.Protect(name="opinions_are_kept", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.case}/{self.criterion}: {self.value or self.status} ({self.kind})"


class Mark(models.Model):
    """What an adjudicator made of a case: an exemplar, a training case, a seed, a proposal."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="marks")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=choices(MarkKind))
    note = models.TextField(blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "criterion", "kind"], name="one_mark_of_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.case}/{self.criterion}"


class Post(models.Model):
    """One contribution to the talk on a case; open to whoever has answered it. Append-only."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="posts")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    pseudonym = models.CharField(max_length=40)
    body = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        triggers = [pgtrigger.Protect(name="posts_are_kept", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.pseudonym} on {self.case}"


class TalkVote(models.Model):
    """A rater's answer after the talk: kept apart from verdicts, counted in no figure of theirs."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="talk_votes")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    status = models.CharField(max_length=20, choices=choices(VerdictStatus))
    value = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "criterion", "by"], name="one_talk_vote")
        ]

    def __str__(self) -> str:
        return f"{self.case}/{self.criterion}: {self.value or self.status} (after talk)"


class Gold(models.Model):
    """The settled answer to one criterion on one case, and how it was settled."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="gold")
    case = models.ForeignKey(Case, models.CASCADE, related_name="gold")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="gold")
    criterion_version = models.ForeignKey(CriterionVersion, models.PROTECT, related_name="+")
    status = models.CharField(max_length=20, choices=choices(VerdictStatus))
    value = models.CharField(max_length=120, blank=True)
    provenance = models.CharField(max_length=16, choices=choices(Provenance))
    adjudication = models.OneToOneField(
        Adjudication, models.PROTECT, null=True, blank=True, related_name="gold"
    )
    n_raters = models.PositiveSmallIntegerField()
    dissent = models.JSONField(
        default=dict, help_text="How many raters gave each answer; dissent stays on the gold."
    )
    probability = models.FloatField(
        null=True, help_text="How sure the posterior rule was, where it settled the case."
    )
    rests_on_ai = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The AI's word counted when it was settled: it measures no judge and no rater.",
    )
    is_simulated = models.BooleanField(
        default=False, help_text="At least one simulated rater or adjudicator had a part in it."
    )
    settled_at = models.DateTimeField(auto_now_add=True)
    superseded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "gold"
        constraints = [
            models.UniqueConstraint(
                fields=["case", "criterion"],
                condition=Q(superseded_at__isnull=True),
                name="one_current_gold_a_criterion",
            ),
            models.CheckConstraint(
                condition=(Q(status=VerdictStatus.ANSWERED) & ~Q(value=""))
                | (~Q(status=VerdictStatus.ANSWERED) & Q(value="")),
                name="only_settled_answers_have_values",
            ),
            models.CheckConstraint(
                condition=Q(provenance__in=SETTLED_BY_PEOPLE, adjudication__isnull=True)
                | (~Q(provenance__in=SETTLED_BY_PEOPLE) & Q(adjudication__isnull=False)),
                name="adjudicated_gold_has_its_adjudication",
            ),
            models.CheckConstraint(
                condition=Q(probability__isnull=True) | Q(probability__gt=0, probability__lte=1),
                name="gold_probability_is_a_probability",
            ),
            models.CheckConstraint(
                condition=~Q(provenance=Provenance.POSTERIOR) | Q(probability__isnull=False),
                name="posterior_gold_has_its_probability",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "criterion"], name="gold_by_criterion"),
            models.Index(
                fields=["project", "-id"],
                name="gold_newest",
                condition=Q(superseded_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case}/{self.criterion} = {self.value or self.status}"


class Release(models.Model):
    """An immutable, numbered, hashed set of gold, with the manifest that exports carry."""

    project = models.ForeignKey(Project, models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField()
    rubric_version = models.ForeignKey(RubricVersion, models.PROTECT, related_name="+")
    n_items = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64, help_text="Over the items in order, as NDJSON.")
    manifest = models.JSONField(default=dict)
    note = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="release_number_in_project")
        ]
        triggers = [pgtrigger.Protect(name="releases_are_kept", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.project.slug} gold r{self.number}"


class ReleaseItem(models.Model):
    release = models.ForeignKey(Release, models.PROTECT, related_name="items")
    position = models.PositiveIntegerField()
    record = models.JSONField()

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["release", "position"], name="release_item_position")
        ]
        triggers = [pgtrigger.Protect(name="release_items_are_kept", operation=_APPEND_ONLY)]

    def __str__(self) -> str:
        return f"{self.release} item {self.position}"
