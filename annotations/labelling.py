"""Labelling: drafts, submitting, revealing the AI's answer after the own one, and revising."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotations import audit, gold, queue, visibility
from annotations.answers import Answer, check_sheet
from annotations.errors import Conflict, NotAllowed
from annotations.models import Annotation, Case, Rater, RubricVersion, Skip, Slot, Verdict
from annotations.statuses import AnnotationStatus, Arm, SlotStatus, VerdictStatus

KEPT = "Your answers are kept as a draft."


@dataclass(frozen=True)
class Prelabel:
    """The ensemble's answer to one criterion, shown only after the rater's own."""

    criterion: str
    answer: Answer
    score: float | None
    judge: str
    reasons: str


def save_draft(
    slot: Slot, *, rater: Rater, words: Mapping[str, Any], comment: str = "",
    confidence: int | None = None,
) -> Annotation:  # fmt: skip
    """Keep what the rater has so far, even when the lease has lapsed: nothing typed is lost."""
    sheet, _ = Annotation.objects.get_or_create(
        case=slot.case,
        rater=rater,
        rubric_version=slot.rubric_version,
        defaults={
            "project": slot.project,
            "arm": queue.arm_for(slot.project, rater=rater, case=slot.case),
        },
    )
    draft = {"words": dict(words), "comment": comment, "confidence": confidence}
    now = timezone.now()
    # The status is in the WHERE: an autosave that arrives after the submit must not write.
    kept = Annotation.objects.filter(pk=sheet.pk, status=AnnotationStatus.DRAFT).update(
        draft=draft, saved_at=now
    )
    if not kept:
        raise Conflict("This sheet is submitted already; its answers are not a draft any more.")
    sheet.draft, sheet.saved_at = draft, now
    queue.heartbeat(slot, rater=rater)
    return sheet


def submit(
    slot: Slot, *, rater: Rater, answers: Mapping[str, Answer], comment: str = "",
    confidence: int | None = None,
) -> Annotation:  # fmt: skip
    """The rater's first answer on a case. Twice is once; a taken place keeps the draft.

    Raises `BadInput` for a sheet with gaps, `Conflict` when the case has no place left.
    """
    if rater.project_id != slot.project_id:
        raise NotAllowed("This case belongs to another project.")
    questions = list(slot.rubric_version.criteria.select_related("criterion"))
    answers = check_sheet(answers, questions=questions)
    words = {key: answer.word for key, answer in answers.items()}
    try:
        with transaction.atomic():
            return _submit(slot, rater, answers, comment, confidence, questions)
    except Conflict:
        save_draft(slot, rater=rater, words=words, comment=comment, confidence=confidence)
        raise


def _submit(slot: Slot, rater: Rater, answers: dict[str, Answer], comment: str,
            confidence: int | None, questions: list[Any]) -> Annotation:  # fmt: skip
    place = _own_place(slot, rater=rater)
    sheet = Annotation.objects.select_for_update().filter(
        case=slot.case, rater=rater, rubric_version=slot.rubric_version
    ).first()  # fmt: skip
    if sheet is not None and sheet.status == AnnotationStatus.SUBMITTED:
        return sheet  # a double click, a second tab, a resent request
    if place is None:
        if Skip.objects.filter(case=slot.case, rater=rater).exists():
            raise Conflict(f"You skipped this case in another tab. {KEPT} Take the next case.")
        raise Conflict(
            f"Your lease on this case lapsed and others have filled its places. {KEPT} "
            "Take the next case, or ask a lead to raise the overlap of this one."
        )
    now = timezone.now()
    sheet = sheet or Annotation(
        project=slot.project, case=slot.case, rater=rater, rubric_version=slot.rubric_version
    )
    sheet.slot, sheet.arm, sheet.status = place, place.arm or Arm.BLIND, AnnotationStatus.SUBMITTED
    sheet.comment, sheet.confidence, sheet.draft = comment, confidence, {}
    sheet.submitted_at = now
    sheet.seconds = _seconds(place, slot, now)
    sheet.save()
    Verdict.objects.bulk_create(
        Verdict(
            annotation=sheet,
            case=slot.case,
            criterion=question.criterion,
            criterion_version=question,
            status=answers[question.criterion.key].status,
            value=answers[question.criterion.key].value,
        )
        for question in questions
    )
    Slot.objects.filter(pk=place.pk).update(status=SlotStatus.DONE, done_at=now, leased_until=None)
    gold.settle_if_labelled(slot.case)
    return sheet


def _seconds(place: Slot, slot: Slot, now: datetime) -> float | None:
    """From claim to submit; not known when the lease lapsed in between."""
    lapsed = place.leased_until is None or place.leased_until < now
    if place.pk != slot.pk or place.leased_at is None or lapsed:
        return None
    return (now - place.leased_at).total_seconds()


def _own_place(slot: Slot, *, rater: Rater) -> Slot | None:
    """The slot, locked, if it is (or can again be) this rater's; else another free one, or None."""
    locked = Slot.objects.select_for_update().get(pk=slot.pk)
    if locked.rater_id == rater.pk:
        return locked
    return queue.claim(rater, case=slot.case)


def record_sheet(
    case: Case, *, rater: Rater, rubric_version: RubricVersion, answers: Mapping[str, Answer],
    scores: Mapping[str, float | None] | None = None, raw_outputs: Mapping[str, str] | None = None,
) -> Annotation:  # fmt: skip
    """A whole sheet without a slot (an outside judge through the API). Twice is once.

    Criteria that the sheet lacks are added; what was answered before stays as it is.
    """
    questions = list(rubric_version.criteria.select_related("criterion"))
    with transaction.atomic():
        sheet, made = Annotation.objects.get_or_create(
            case=case,
            rater=rater,
            rubric_version=rubric_version,
            defaults={
                "project": case.project,
                "status": AnnotationStatus.SUBMITTED,
                "submitted_at": timezone.now(),
            },
        )
        there = set() if made else set(sheet.verdicts.values_list("criterion_id", flat=True))
        Verdict.objects.bulk_create(
            Verdict(
                annotation=sheet, case=case, criterion=question.criterion,
                criterion_version=question, status=answers[key].status, value=answers[key].value,
                score=(scores or {}).get(key), raw_output=(raw_outputs or {}).get(key, ""),
            )
            for question in questions
            if (key := question.criterion.key) in answers and question.criterion_id not in there
        )  # fmt: skip
    return sheet


def reveal(sheet: Annotation, *, rater: Rater) -> list[Prelabel]:
    """The AI's answers, now that the own ones are locked. Only where `visibility` allows."""
    if not visibility.can_see_prelabel(sheet, rater=rater):
        raise NotAllowed("The AI's answer is not shown on this case.")
    prelabels = prelabels_of(sheet.case)
    if prelabels and sheet.revealed_at is None:
        sheet.revealed_at = timezone.now()
        sheet.save(update_fields=["revealed_at"])
    return prelabels


def has_reveal(sheet: Annotation, *, rater: Rater) -> bool:
    """Whether there is an AI's answer that this rater may now be shown on the sheet's case."""
    return visibility.can_see_prelabel(sheet, rater=rater) and bool(prelabels_of(sheet.case))


def draft_of(slot: Slot, *, rater: Rater) -> Annotation | None:
    """What the rater has kept on this slot's case, if it is not submitted yet."""
    return Annotation.objects.filter(
        case=slot.case, rater=rater, rubric_version=slot.rubric_version,
        status=AnnotationStatus.DRAFT,
    ).first()  # fmt: skip


def prelabels_of(case: Case) -> list[Prelabel]:
    """The newest verdict of the pre-labelling judge on each criterion; empty when there is none.

    Never call this for a person before `visibility.can_see_prelabel` allows it.
    """
    verdicts = (
        Verdict.objects.filter(case=case, annotation__rater__kind="judge",
                               annotation__rater__name="ensemble")
        .select_related("criterion", "annotation__rater")
        .order_by("criterion_id", "-id")
        .distinct("criterion_id")
    )  # fmt: skip
    return [
        Prelabel(
            criterion=verdict.criterion.key,
            answer=Answer(VerdictStatus(verdict.status), verdict.value),
            score=verdict.score,
            judge=str(verdict.annotation.rater),
            reasons=verdict.raw_output,
        )
        for verdict in verdicts
    ]


@transaction.atomic
def revise(sheet: Annotation, *, rater: Rater, answers: Mapping[str, Answer]) -> Annotation:
    """A change of mind after the reveal: new revisions beside the first answers, which stay."""
    locked = Annotation.objects.select_for_update().get(pk=sheet.pk)
    if locked.rater_id != rater.pk:
        raise NotAllowed("Only the rater who gave this sheet can revise it.")
    if locked.status != AnnotationStatus.SUBMITTED or locked.revealed_at is None:
        raise Conflict("There is nothing to revise before the AI's answer has been shown.")
    questions = list(locked.rubric_version.criteria.select_related("criterion"))
    checked = check_sheet(answers, questions=questions)
    latest = {v.criterion_id: v for v in locked.verdicts.order_by("revision")}
    changed = []
    for question in questions:
        old, new = latest[question.criterion_id], checked[question.criterion.key]
        if (old.status, old.value) == (new.status, new.value):
            continue
        changed.append(
            Verdict(
                annotation=locked, case=locked.case, criterion=question.criterion,
                criterion_version=question, revision=old.revision + 1, status=new.status,
                value=new.value, after_reveal=True,
            )
        )  # fmt: skip
    Verdict.objects.bulk_create(changed)
    if changed:
        audit.record("revised sheet", locked, project=locked.project, by=rater.user,
                     criteria=[v.criterion.key for v in changed])  # fmt: skip
        gold.reopen_if_revised(locked.case)
    return locked
