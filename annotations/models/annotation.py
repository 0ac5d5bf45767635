"""Annotations and verdicts: one rater's sheet for one case, one answer to one criterion on it."""

import pgtrigger
from django.db import models
from django.db.models import Q

from annotations.models.assignment import Slot
from annotations.models.case import Case
from annotations.models.people import Project, Rater
from annotations.models.rubric import Criterion, CriterionVersion, RubricVersion
from annotations.statuses import (
    AnnotationStatus,
    Arm,
    ContextDependence,
    VerdictStatus,
    choices,
)


class Annotation(models.Model):
    """One rater's sheet for one case under one rubric version; a draft until it is submitted."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="annotations")
    case = models.ForeignKey(Case, models.CASCADE, related_name="annotations")
    rater = models.ForeignKey(Rater, models.PROTECT, related_name="annotations")
    rubric_version = models.ForeignKey(RubricVersion, models.PROTECT, related_name="annotations")
    slot = models.OneToOneField(
        Slot, models.SET_NULL, null=True, blank=True, related_name="annotation"
    )
    arm = models.CharField(max_length=16, choices=choices(Arm), default=Arm.BLIND)
    status = models.CharField(
        max_length=16, choices=choices(AnnotationStatus), default=AnnotationStatus.DRAFT
    )
    draft = models.JSONField(default=dict, blank=True)
    confidence = models.PositiveSmallIntegerField(null=True, blank=True)
    comment = models.TextField(blank=True)
    # What a sheet says beside its verdicts: shapes and rules in annotations/details.py.
    severity = models.PositiveSmallIntegerField(null=True, blank=True)
    context_dependence = models.CharField(
        max_length=16, choices=choices(ContextDependence), blank=True
    )
    deciding_fact = models.CharField(
        max_length=400, blank=True, help_text="The fact that would flip the verdict."
    )
    effects = models.JSONField(default=list, blank=True)
    spans = models.JSONField(default=list, blank=True)
    quality = models.JSONField(default=list, blank=True)
    gap = models.BooleanField(default=False, help_text="The guideline does not cover this.")
    gap_note = models.CharField(max_length=400, blank=True)
    seconds = models.FloatField(null=True, blank=True, help_text="From claim to first submit.")
    created_at = models.DateTimeField(auto_now_add=True)
    saved_at = models.DateTimeField(auto_now=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    revealed_at = models.DateTimeField(
        null=True, blank=True, help_text="When the AI's answer was first shown, after the own."
    )

    looked_at = models.DateTimeField(
        null=True, blank=True,
        help_text="When precedents, talk or others' answers were first shown: no undo from then on.",
    )  # fmt: skip

    # Set by a submit: whether the sheet had been submitted before, so that nothing was changed.
    was_there = False

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "rater", "rubric_version"], name="one_sheet_a_rater_a_case"
            ),
            models.CheckConstraint(
                condition=Q(status=AnnotationStatus.DRAFT, submitted_at__isnull=True)
                | Q(status=AnnotationStatus.SUBMITTED, submitted_at__isnull=False),
                name="submitted_sheets_say_when",
            ),
            models.CheckConstraint(
                condition=Q(revealed_at__isnull=True) | Q(submitted_at__isnull=False),
                name="nothing_revealed_before_the_answer",
            ),
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=1, confidence__lte=3),
                name="confidence_1_to_3",
            ),
            models.CheckConstraint(
                condition=Q(severity__isnull=True) | Q(severity__lte=4), name="severity_0_to_4"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "rater", "status"], name="sheet_by_rater"),
            models.Index(fields=["rater", "-submitted_at"], name="sheet_latest"),
        ]

    def __str__(self) -> str:
        return f"{self.rater} on {self.case}"


class Verdict(models.Model):
    """One answer to one criterion. Append-only: a change of mind is a row with a higher revision.

    The one exception: a rater may take back a submit for a minute, before anything was revealed.

    Revision 1 is the first answer, given blind in the arms blind and reveal: it counts for
    agreement and calibration. The highest revision is the final answer.
    """

    annotation = models.ForeignKey(Annotation, models.CASCADE, related_name="verdicts")
    case = models.ForeignKey(Case, models.CASCADE, related_name="verdicts")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="verdicts")
    criterion_version = models.ForeignKey(CriterionVersion, models.PROTECT, related_name="verdicts")
    revision = models.PositiveSmallIntegerField(default=1)
    status = models.CharField(max_length=20, choices=choices(VerdictStatus))
    value = models.CharField(max_length=120, blank=True)
    score = models.FloatField(
        null=True, blank=True, help_text="Judges: P(positive), calibrated where they are."
    )
    after_reveal = models.BooleanField(default=False)
    raw_output = models.TextField(blank=True, help_text="What a judge or a file said, verbatim.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotation", "criterion", "revision"], name="verdict_revision_once"
            ),
            models.CheckConstraint(
                condition=(Q(status=VerdictStatus.ANSWERED) & ~Q(value=""))
                | (~Q(status=VerdictStatus.ANSWERED) & Q(value="")),
                name="only_answers_have_values",
            ),
            models.CheckConstraint(condition=Q(revision__gte=1), name="verdict_revision_from_one"),
            models.CheckConstraint(
                condition=Q(after_reveal=False) | Q(revision__gte=2),
                name="first_answers_are_before_the_reveal",
            ),
            models.CheckConstraint(
                condition=Q(score__isnull=True) | Q(score__gte=0, score__lte=1),
                name="verdict_score_is_a_probability",
            ),
        ]
        indexes = [models.Index(fields=["case", "criterion"], name="verdict_by_case")]
        triggers = [
            pgtrigger.Protect(name="verdicts_are_never_overwritten", operation=pgtrigger.Update),
            pgtrigger.Trigger(
                name="verdicts_stay_after_their_minute",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                # 75 seconds: the minute of labelling.UNDO, and the time that a request may take.
                func="""
                    IF EXISTS (SELECT 1 FROM annotations_annotation a
                               WHERE a.id = OLD.annotation_id AND a.revealed_at IS NULL
                                 AND a.looked_at IS NULL AND a.submitted_at > clock_timestamp() - interval '75 seconds')
                       AND OLD.revision = 1
                    THEN RETURN OLD; END IF;
                    RAISE EXCEPTION 'A verdict can be taken back for a minute, and not afterwards.';
                """,  # noqa: E501
            ),
        ]

    def __str__(self) -> str:
        return f"{self.criterion}: {self.value or self.status}"
