"""Labelling: drafts, submitting, revealing the AI's answer after the own one, and revising."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotations import arms, audit, gold, overlap, queue, rows, rubrics, sittings, visibility
from annotations.answers import Answer, check_sheet
from annotations.details import NO_DETAILS, Details, check_details, says_nothing
from annotations.errors import Conflict, NotAllowed
from annotations.models import (
    Annotation,
    Case,
    CriterionVersion,
    Rater,
    RubricVersion,
    Sitting,
    Skip,
    Slot,
    Verdict,
)
from annotations.statuses import (
    EXPOSED_ARMS,
    AnnotationStatus,
    Arm,
    OverlapRule,
    SlotStatus,
    VerdictStatus,
)

KEPT = "Your answers are kept as a draft."
# How long a rater may take back the last submit; the database holds it too (models/annotation.py).
UNDO = timedelta(seconds=60)


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
    confidence: int | None = None, details: Mapping[str, Any] | None = None,
) -> Annotation:  # fmt: skip
    """Keep what the rater has so far, even when the lease has lapsed: nothing typed is lost."""
    draft = {
        "words": dict(words), "comment": comment, "confidence": confidence,
        "details": dict(details or {}),
    }  # fmt: skip
    sheet, _ = Annotation.objects.get_or_create(
        case=slot.case,
        rater=rater,
        rubric_version_id=slot.rubric_version_id,
        defaults={"project_id": slot.project_id, "arm": slot.arm or Arm.BLIND, "draft": draft},
    )
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
    confidence: int | None = None, details: Details = NO_DETAILS,
) -> Annotation:  # fmt: skip
    """The rater's first answer on a case. Twice is once; a taken place keeps the draft.

    Raises `BadInput` for a sheet with gaps, `Conflict` when the case has no place left.
    """
    if rater.project_id != slot.project_id:
        raise NotAllowed("This case belongs to another project.")
    questions = rubrics.questions_of(slot.rubric_version_id)
    given = Given(
        answers=check_sheet(answers, questions=questions),
        details=details
        if says_nothing(details)
        else check_details(details, answers=answers, questions=questions, case=slot.case),
        comment=comment,
        confidence=confidence,
    )
    try:
        with transaction.atomic():
            return _submit(slot, rater, given, questions)
    except Conflict:
        save_draft(slot, rater=rater, comment=comment, confidence=confidence,
                   words=given.words, details=details.as_json())  # fmt: skip
        raise


@dataclass(frozen=True)
class Given:
    """A whole sheet, checked."""

    answers: dict[str, Answer]
    details: Details
    comment: str
    confidence: int | None

    @property
    def words(self) -> dict[str, str]:
        return {key: answer.word for key, answer in self.answers.items()}

    @cached_property
    def details_as_json(self) -> dict[str, Any]:
        return self.details.as_json()


def _submit(
    slot: Slot, rater: Rater, given: Given, questions: Sequence[CriterionVersion]
) -> Annotation:
    place = _fill(slot, rater=rater)
    if place is None:
        there = _submitted_before(slot, rater=rater)
        if there is not None:
            return there  # a double click, a second tab, a resent request
        place = _other_place(slot, rater=rater)
    if place is None:
        raise Conflict(_why_no_place(slot, rater=rater))
    sitting = sittings.current(rater, now=place.now)
    seconds = _seconds(place, sitting)
    written = _write(slot, rater, given, place, seconds, questions)
    if written is None:
        # Submitted before, in another tab, on a place that is filled: this one opens again.
        transaction.set_rollback(True)
        return Annotation.objects.get(case=slot.case_id, rater=rater,
                                      rubric_version=slot.rubric_version_id)  # fmt: skip
    pk, arm = written
    sittings.note_answer(
        sitting, seconds=seconds, severity=given.details.severity, now=place.now
    )  # fmt: skip
    if place.is_last:
        _settle(slot, rater, aided=place.aided or arm in EXPOSED_ARMS)
    sheet = Annotation(
        pk=pk, project_id=slot.project_id, case_id=slot.case_id, rater=rater, slot_id=place.slot_id,
        rubric_version_id=slot.rubric_version_id, arm=arm,
        status=AnnotationStatus.SUBMITTED, submitted_at=place.now, seconds=seconds,
        comment=given.comment, confidence=given.confidence, **given.details_as_json,
    )  # fmt: skip
    sheet._state.adding = False
    return sheet


def _settle(slot: Slot, rater: Rater, *, aided: bool) -> None:
    """The last place is filled: another rater if the overlap rule wants one, else gold or a dispute.

    `aided`: an answer was given with AI help, so that the blind ones may be too few.
    """
    is_asked = aided or rater.project.overlap_rule == OverlapRule.ADAPTIVE
    if not (is_asked and overlap.extend_if_wanted(slot.case)):
        gold.settle_new(slot.case_id, project_id=slot.project_id)


def _submitted_before(slot: Slot, *, rater: Rater) -> Annotation | None:
    sheet = Annotation.objects.filter(
        case=slot.case_id, rater=rater, rubric_version=slot.rubric_version_id,
        status=AnnotationStatus.SUBMITTED,
    ).first()  # fmt: skip
    if sheet is not None:
        sheet.was_there = True
    return sheet


def _why_no_place(slot: Slot, *, rater: Rater) -> str:
    if Skip.objects.filter(case=slot.case_id, rater=rater).exists():
        return f"You skipped this case in another tab. {KEPT} Take the next case."
    return (
        f"Your lease on this case lapsed and others have filled its places. {KEPT} "
        "Take the next case, or ask a lead to raise the overlap of this one."
    )


@dataclass(frozen=True)
class Place:
    """The slot that a submit filled."""

    slot_id: int
    arm: str
    leased_at: datetime
    lapsed: bool
    is_last: bool  # no other place of the case is left to fill
    aided: bool  # somebody answered the case with AI help
    now: datetime


# The case first, so that of two last submits the second sees the first one's place filled. Then the
# rater's own slot is filled, and tells what the sheet needs to know of it.
_LOCK_CASE = "SELECT id FROM annotations_case WHERE id = %(case)s FOR NO KEY UPDATE"
_FILL = """
UPDATE annotations_slot s SET status = 'done', done_at = clock_timestamp()
WHERE s.id = %(slot)s AND s.rater_id = %(rater)s AND s.status = 'leased' AND s.purpose = 'label'
RETURNING s.id, s.arm, s.leased_at, s.leased_until < clock_timestamp(),
    NOT EXISTS (SELECT 1 FROM annotations_slot o WHERE o.case_id = s.case_id AND o.id <> s.id
                AND o.purpose = 'label' AND o.status <> 'done'),
    EXISTS (SELECT 1 FROM annotations_annotation a WHERE a.case_id = s.case_id
            AND a.arm IN ('evidence', 'shown') AND a.status = 'submitted'),
    clock_timestamp()
"""


def _fill(slot: Slot, *, rater: Rater) -> Place | None:
    """Mark the slot done if it is (or, after a lapse, still is) this rater's; else None."""
    wanted = {"slot": slot.pk, "case": slot.case_id, "rater": rater.pk}
    row = rows.one(_LOCK_CASE, _FILL, values=wanted)
    return Place(*row) if row else None


def _other_place(slot: Slot, *, rater: Rater) -> Place | None:
    """Another free place of the case, when the own one was taken after its lease lapsed."""
    other = queue.claim(rater, case=slot.case)
    if other is None:
        return None
    place = _fill(other, rater=rater)
    # How long it took is not known: others may have had the case in between.
    return replace(place, lapsed=True) if place else None


def _seconds(place: Place, sitting: Sitting) -> float | None:
    """From when the case was on screen (claimed, or the one before it submitted) to the submit.

    Not known when the lease lapsed in between.
    """
    if place.lapsed:
        return None
    # A sitting that begins with this answer says nothing of when the case came in sight.
    since = (
        max(place.leased_at, sitting.last_at) if sitting.last_at < place.now else place.leased_at
    )
    return max(0.0, (place.now - since).total_seconds())


# The sheet and its verdicts. A draft becomes the sheet; a sheet that is submitted stays as it is, and then
# nothing is written. The arm of a draft on which the AI was seen is kept (arms.note_exposure).
_WRITE = """
WITH sheet AS (
    INSERT INTO annotations_annotation AS a (project_id, case_id, rater_id, rubric_version_id, slot_id,
        arm, status, draft, comment, confidence, severity, context_dependence, deciding_fact, effects,
        spans, quality, gap, gap_note, seconds, created_at, saved_at, submitted_at)
    VALUES (%(project)s, %(case)s, %(rater)s, %(version)s, %(slot)s, %(arm)s, 'submitted', '{}',
        %(comment)s, %(confidence)s, %(severity)s, %(context_dependence)s, %(deciding_fact)s,
        %(effects)s, %(spans)s, %(quality)s, %(gap)s, %(gap_note)s, %(seconds)s, %(now)s, %(now)s,
        %(now)s)
    ON CONFLICT (case_id, rater_id, rubric_version_id) DO UPDATE SET
        slot_id = EXCLUDED.slot_id, status = EXCLUDED.status, draft = EXCLUDED.draft,
        arm = CASE WHEN a.arm IN ('evidence', 'shown') THEN a.arm ELSE EXCLUDED.arm END,
        comment = EXCLUDED.comment, confidence = EXCLUDED.confidence, severity = EXCLUDED.severity,
        context_dependence = EXCLUDED.context_dependence, deciding_fact = EXCLUDED.deciding_fact,
        effects = EXCLUDED.effects, spans = EXCLUDED.spans, quality = EXCLUDED.quality,
        gap = EXCLUDED.gap, gap_note = EXCLUDED.gap_note, seconds = EXCLUDED.seconds,
        saved_at = EXCLUDED.saved_at, submitted_at = EXCLUDED.submitted_at
    WHERE a.status = 'draft'
    RETURNING a.id, a.arm)
INSERT INTO annotations_verdict (annotation_id, case_id, criterion_id, criterion_version_id, revision,
    status, value, after_reveal, raw_output, created_at)
SELECT sheet.id, %(case)s, v.criterion, v.version, 1, v.status, v.value, false, '', %(now)s
FROM sheet, unnest(%(criteria)s::bigint[], %(versions)s::bigint[], %(statuses)s::text[],
                   %(values)s::text[]) AS v (criterion, version, status, value)
RETURNING annotation_id, (SELECT arm FROM sheet)
"""
_JSON = ("effects", "spans", "quality")


def _write(
    slot: Slot, rater: Rater, given: Given, place: Place, seconds: float | None,
    questions: Sequence[CriterionVersion],
) -> tuple[int, str] | None:  # fmt: skip
    """Write the sheet with its verdicts: its number and arm; None when it was submitted before."""
    details = given.details_as_json
    answers = [given.answers[question.criterion.key] for question in questions]
    row = rows.one(
        _WRITE,
        values={
            **details, **{name: json.dumps(details[name]) for name in _JSON},
            "project": slot.project_id, "case": slot.case_id, "rater": rater.pk,
            "version": slot.rubric_version_id, "slot": place.slot_id,
            "arm": place.arm or Arm.BLIND, "comment": given.comment,
            "confidence": given.confidence, "seconds": seconds, "now": place.now,
            "criteria": [question.criterion_id for question in questions],
            "versions": [question.pk for question in questions],
            "statuses": [str(answer.status) for answer in answers],
            "values": [answer.value for answer in answers],
        },
    )  # fmt: skip
    return (row[0], row[1]) if row else None


@transaction.atomic
def undo(rater: Rater) -> Slot:
    """Take back the rater's last submit within its minute: the sheet is a draft again, the case in work.

    Raises `Conflict` when the minute is over, or something that the answer opened was looked at.
    """
    last = rater.annotations.filter(status=AnnotationStatus.SUBMITTED).order_by("-submitted_at")
    found = last.values_list("pk", "case_id").first()
    if found is None:
        raise Conflict("There is nothing to take back.")
    pk, case_id = found
    case = Case.objects.select_for_update(no_key=True).get(pk=case_id)
    sheet = Annotation.objects.select_for_update(of=("self",)).select_related("slot").get(pk=pk)
    slot = check_can_undo(sheet)
    gold.unsettle(case)
    verdicts = sheet.verdicts.select_related("criterion")
    words = {v.criterion.key: Answer(VerdictStatus(v.status), v.value).word for v in verdicts}
    details = Details.of(sheet)
    sheet.verdicts.all().delete()
    now = timezone.now()
    sheet.draft = {
        "words": words, "comment": sheet.comment, "confidence": sheet.confidence,
        "details": details.as_json(),
    }  # fmt: skip
    for name, value in NO_DETAILS.as_json().items():
        setattr(sheet, name, value)
    sheet.comment, sheet.confidence, sheet.seconds = "", None, None
    sheet.status, sheet.submitted_at, sheet.slot = AnnotationStatus.DRAFT, None, None
    sheet.save()
    slot.status, slot.done_at, slot.leased_until = SlotStatus.LEASED, None, now + queue.LEASE
    slot.save(update_fields=["status", "done_at", "leased_until"])
    audit.record("took back sheet", case, project=sheet.project, by=rater.user, words=words)
    return slot


def check_can_undo(sheet: Annotation) -> Slot:
    """The sheet's slot, if the submit is younger than `UNDO` and nothing was looked at since."""
    if sheet.submitted_at is None or timezone.now() - sheet.submitted_at > UNDO:
        raise Conflict("The minute in which a submit can be taken back is over.")
    if sheet.revealed_at or sheet.looked_at or sheet.slot is None:
        raise Conflict("You have seen what came after your answer, so it can't be taken back.")
    return sheet.slot


def close_undo(case: Case, *, user: User) -> None:
    """Others' answers, talk or precedents are shown to this person: the own answer now stands."""
    Annotation.objects.filter(
        case=case, rater__user=user, status=AnnotationStatus.SUBMITTED, looked_at__isnull=True
    ).update(looked_at=timezone.now())


def record_sheet(
    case: Case, *, rater: Rater, rubric_version: RubricVersion, answers: Mapping[str, Answer],
    scores: Mapping[str, float | None] | None = None, raw_outputs: Mapping[str, str] | None = None,
) -> Annotation:  # fmt: skip
    """A whole sheet without a slot (an outside judge through the API). Twice is once.

    Criteria that the sheet lacks are added; what was answered before stays as it is.
    """
    questions = rubrics.questions_of(rubric_version.pk)
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


_REVEALED = "UPDATE annotations_annotation SET revealed_at = %(now)s WHERE id = %(sheet)s"


def reveal(sheet: Annotation, *, rater: Rater) -> list[Prelabel]:
    """The AI's answers, now that the own ones are locked. Only where `visibility` allows."""
    if not visibility.can_see_prelabel(sheet, rater=rater):
        raise NotAllowed("The AI's answer is not shown on this case.")
    prelabels = prelabels_of(sheet.case)
    if prelabels and sheet.revealed_at is None:
        sheet.revealed_at = timezone.now()
        rows.change(_REVEALED, values={"sheet": sheet.pk, "now": sheet.revealed_at})
    return prelabels


def has_reveal(sheet: Annotation, *, rater: Rater) -> bool:
    """Whether there is an AI's answer that this rater may now be shown on the sheet's case."""
    return visibility.can_see_prelabel(sheet, rater=rater) and bool(arms.ai_statuses(sheet.case_id))


def draft_of(slot: Slot, *, rater: Rater) -> Annotation | None:
    """What the rater has kept on this slot's case, if it is not submitted yet."""
    return Annotation.objects.filter(
        case=slot.case, rater=rater, rubric_version=slot.rubric_version,
        status=AnnotationStatus.DRAFT,
    ).first()  # fmt: skip


_PRELABELS = """
SELECT DISTINCT ON (v.criterion_id) v.criterion_id, q.key, v.status, v.value, v.score, r.name,
    r.revision, v.raw_output
FROM annotations_verdict v
JOIN annotations_annotation a ON a.id = v.annotation_id
JOIN annotations_rater r ON r.id = a.rater_id
JOIN annotations_criterion q ON q.id = v.criterion_id
WHERE v.case_id = %(case)s AND r.kind = 'judge' AND r.name = %(judge)s
ORDER BY v.criterion_id, v.id DESC
"""


def prelabels_of(case: Case) -> list[Prelabel]:
    """The newest verdict of the pre-labelling judge on each criterion; empty when there is none.

    Never call this for a person before `visibility.can_see_prelabel` allows it.
    """
    found = rows.every(_PRELABELS, values={"case": case.pk, "judge": arms.PRELABELLER})
    return [
        Prelabel(
            criterion=key, answer=Answer(VerdictStatus(status), value), score=score,
            judge=str(Rater(name=name, revision=revision)), reasons=reasons,
        )
        for _, key, status, value, score, name, revision, reasons in found
    ]  # fmt: skip


@transaction.atomic
def revise(sheet: Annotation, *, rater: Rater, answers: Mapping[str, Answer]) -> Annotation:
    """A change of mind after the reveal: new revisions beside the first answers, which stay."""
    locked = Annotation.objects.select_for_update().get(pk=sheet.pk)
    if locked.rater_id != rater.pk:
        raise NotAllowed("Only the rater who gave this sheet can revise it.")
    if locked.status != AnnotationStatus.SUBMITTED or locked.revealed_at is None:
        raise Conflict("There is nothing to revise before the AI's answer has been shown.")
    questions = rubrics.questions_of(locked.rubric_version_id)
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
