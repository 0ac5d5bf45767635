"""Slots: one place each for one rater on one case, made ahead of time, leased while in work."""

import pgtrigger
from django.db import models
from django.db.models import F, Q

from annotations.models.case import Case
from annotations.models.people import Project, Rater
from annotations.models.rubric import RubricVersion
from annotations.statuses import Arm, SlotStatus, choices


class Slot(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, related_name="slots")
    case = models.ForeignKey(Case, models.CASCADE, related_name="slots")
    rubric_version = models.ForeignKey(RubricVersion, models.PROTECT, related_name="slots")
    number = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=16, choices=choices(SlotStatus), default=SlotStatus.OPEN)
    priority = models.FloatField(default=0, help_text="Higher comes first.")
    rater = models.ForeignKey(Rater, models.PROTECT, null=True, blank=True, related_name="slots")
    arm = models.CharField(max_length=16, choices=choices(Arm), blank=True)
    leased_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "number"], name="slot_number_on_case"),
            models.UniqueConstraint(
                fields=["case", "rater"],
                condition=Q(rater__isnull=False),
                name="one_slot_a_rater_a_case",
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
                F("priority").desc(),
                F("id"),
                name="slot_queue",
                condition=~Q(status=SlotStatus.DONE),
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
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("number", "case_id"),
                when=pgtrigger.Before,
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
