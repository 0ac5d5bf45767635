"""Slots: one place each for one rater on one case, made ahead of time, leased while in work."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from annotations.models.case import Case
from annotations.models.people import Project, Rater
from annotations.models.rubric import RubricVersion
from annotations.statuses import Arm, SlotPurpose, SlotStatus, choices


class Slot(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="slots")
    case = models.ForeignKey(Case, models.CASCADE, related_name="slots")
    rubric_version = models.ForeignKey(RubricVersion, models.PROTECT, related_name="slots")
    number = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=16, choices=choices(SlotStatus), default=SlotStatus.OPEN)
    purpose = models.CharField(
        max_length=16, choices=choices(SlotPurpose), default=SlotPurpose.LABEL
    )
    priority = models.FloatField(default=0, help_text="Higher comes first.")
    category = models.CharField(
        max_length=80, blank=True, help_text="The case's harm category, for those who opted out."
    )
    severity = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="0-4 as foreseen, for caps on severe cases in a row."
    )
    is_held = models.BooleanField(default=False, help_text="Kept back by a lead: given to nobody.")
    assigned_to = models.ForeignKey(
        Rater, models.SET_NULL, null=True, blank=True, related_name="assigned",
        help_text="Given to this rater only, before all else.",
    )  # fmt: skip
    rater = models.ForeignKey(Rater, models.PROTECT, null=True, blank=True, related_name="slots")
    arm = models.CharField(max_length=16, choices=choices(Arm), blank=True)
    blind_only = models.BooleanField(default=False, help_text="Whatever the hash says: no AI help.")
    leased_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    # Set by a claim: whether the rater held the slot already (then there may be a draft).
    was_own: bool | None = None

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "number"],
                condition=Q(purpose=SlotPurpose.LABEL),
                name="slot_number_on_case",
            ),
            models.UniqueConstraint(
                fields=["case", "rater"],
                condition=Q(rater__isnull=False, purpose=SlotPurpose.LABEL),
                name="one_slot_a_rater_a_case",
            ),
            models.CheckConstraint(
                condition=Q(purpose__in=[p.value for p in SlotPurpose]), name="slot_purpose_known"
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="slot_numbers_from_one"),
            models.CheckConstraint(
                condition=Q(status=SlotStatus.OPEN, rater__isnull=True, leased_until__isnull=True)
                | Q(status=SlotStatus.LEASED, rater__isnull=False, leased_until__isnull=False)
                | Q(status=SlotStatus.DONE, rater__isnull=False, done_at__isnull=False),
                name="slot_status_fits_its_lease",
            ),
        ]
        indexes = [
            models.Index(
                F("project"),
                -F("priority"),
                F("id"),
                name="slot_queue",
                condition=~Q(status=SlotStatus.DONE)
                & Q(is_held=False, assigned_to__isnull=True, purpose=SlotPurpose.LABEL),
            ),
            models.Index(
                F("assigned_to"),
                -F("priority"),
                F("id"),
                name="slot_assigned",
                condition=~Q(status=SlotStatus.DONE) & Q(assigned_to__isnull=False),
            ),
            models.Index(
                fields=["rater"],
                name="slot_in_work",
                condition=Q(status=SlotStatus.LEASED),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="no_slot_over_the_cap",
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("number", "case_id", "purpose"),
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__purpose=SlotPurpose.LABEL.value),
                func="""
                    IF NEW.number > (SELECT overlap FROM annotations_case WHERE id = NEW.case_id)
                    THEN RAISE EXCEPTION 'Slot % is over the case''s overlap.', NEW.number
                         USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            )
        ]

    def __str__(self) -> str:
        return f"{self.case} #{self.number}"


class Skip(models.Model):
    """A case that a rater passed on, with a reason; never counted against the rater."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="skips")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="skips")
    reason = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "rater"], name="one_skip_a_rater_a_case")
        ]

    def __str__(self) -> str:
        return f"{self.rater} skipped {self.case}"


class Check(models.Model):
    """A case that tells how a rater works: answered like any other, and never counted as a label."""

    slot = models.OneToOneField(Slot, models.CASCADE, related_name="check_of")
    project = models.ForeignKey(Project, models.CASCADE, related_name="checks")
    case = models.ForeignKey(Case, models.CASCADE, related_name="checks")
    rater = models.ForeignKey(Rater, models.CASCADE, related_name="checks")
    rubric_version = models.ForeignKey(RubricVersion, models.PROTECT, related_name="+")
    purpose = models.CharField(max_length=16, choices=choices(SlotPurpose))
    expected = models.JSONField(default=dict, help_text="{criterion key: word} that is right.")
    planted = models.JSONField(default=dict, help_text="The wrong AI answers of a sentinel.")
    draft = models.JSONField(default=dict, blank=True)
    given = models.JSONField(default=dict, blank=True, help_text="{criterion key: word}, first.")
    final = models.JSONField(default=dict, blank=True, help_text="After the AI's answer was shown.")
    details = models.JSONField(default=dict, blank=True)
    n_right = models.PositiveSmallIntegerField(default=0)
    n_asked = models.PositiveSmallIntegerField(default=0)
    seconds = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    revealed_at = models.DateTimeField(null=True, blank=True)
    looked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "rater", "purpose", "rubric_version"], name="check_once_a_rater"
            ),
            models.CheckConstraint(
                condition=Q(n_right__lte=F("n_asked")), name="no_more_right_than_asked"
            ),
        ]
        indexes = [models.Index(fields=["rater", "purpose"], name="check_by_rater")]

    def __str__(self) -> str:
        return f"{self.purpose} {self.case} for {self.rater}"
