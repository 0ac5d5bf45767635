"""One rater at work: what comes next, where an answer goes, and how to take it back.

Labels and checks look the same from here on outwards: every door (page, fragment, API) calls these
functions and can't tell which it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.utils import timezone

from annotations import checks, entrance, labelling, queue, rows, rubrics, sittings, visibility
from annotations.answers import Answer
from annotations.checks import Planted
from annotations.details import NO_DETAILS, Details
from annotations.errors import NotFound
from annotations.models import (
    Annotation,
    Case,
    Check,
    Project,
    Rater,
    RubricVersion,
    Sitting,
    Slot,
)
from annotations.sittings import Due
from annotations.statuses import (
    AnnotationStatus,
    RubricStatus,
    SlotPurpose,
    SlotStatus,
    VerdictStatus,
)

NO_PLACE = "There is no such place in this project's queue."


@dataclass(frozen=True)
class Next:
    """What comes next: a place on a case, or a pause that is due, or nothing at all."""

    slot: Slot | None
    due: Due | None
    sitting: Sitting


def next_case(rater: Rater, *, project: Project, after: int = 0) -> Next:
    """The case in work, or (`after` the slot in work) the one ahead of it; breaks come first."""
    sitting = sittings.current(rater)
    due = sittings.due(sitting, project, timezone.now())
    if due is not None and due.stops:
        return Next(None, due, sitting)
    most = sittings.MILD if due is not None else None
    entering = _may_owe_lessons(rater, sitting) and entrance.is_outstanding(rater)
    if not entering and project.paused_at is None:
        turn = sitting.pk * 10_000 + sitting.cases + (1 if after else 0)
        checks.due(rater, turn, max_severity=most)
    slot = queue.claim(rater, after=after, only_given=entering, max_severity=most)
    return Next(slot, None, sitting)


def _may_owe_lessons(rater: Rater, sitting: Sitting) -> bool:
    """Asked at the start of a sitting and after a release; what is owed then is given out first."""
    if sitting.cases == 0 or (rater.project.qualification_size and rater.qualified_at is None):
        return True
    released_at = _released_at(rater.project_id, rubrics.moment())
    return released_at is not None and released_at > sitting.started_at


@lru_cache(maxsize=128)
def _released_at(project_id: int, _moment: int) -> datetime | None:
    released = RubricVersion.objects.filter(
        rubric__project=project_id, status=RubricStatus.RELEASED
    )
    return released.values_list("released_at", flat=True).first()


def skip(slot: Slot, *, rater: Rater, reason: str) -> None:
    """Pass the case on; it was seen, so its time counts as exposure."""
    if slot.purpose == SlotPurpose.LABEL:
        queue.skip(slot, rater=rater, reason=reason)
    else:
        checks.skip(slot, rater=rater, reason=reason)
    sitting, now = sittings.current(rater), timezone.now()
    seconds = sittings.seconds_on_case(sitting, since=slot.leased_at, now=now)
    sittings.note_skip(sitting, seconds=seconds, now=now)


_PLACE = f"""
SELECT {rows.columns(Slot, "s")} FROM annotations_slot s WHERE s.id = %(slot)s AND s.project_id = %(project)s
"""  # noqa: S608 (column names)


def place_of(rater: Rater, pk: int) -> Slot:
    """A place in the rater's project, whoever holds it now; its case is read when it is asked for."""
    row = rows.one(_PLACE, values={"slot": pk, "project": rater.project_id})
    if row is None:
        raise NotFound(NO_PLACE)
    slot = rows.build(Slot, row)
    slot.project = rater.project
    # A check is made for one rater: to all others it does not exist.
    if slot.purpose != SlotPurpose.LABEL and slot.assigned_to_id != rater.pk:
        raise NotFound(NO_PLACE)
    return slot


def kept_draft(slot: Slot, *, rater: Rater) -> Mapping[str, Any] | None:
    """What the rater has kept on this slot's case, if it is not submitted yet."""
    if slot.purpose != SlotPurpose.LABEL:
        return Check.objects.get(slot=slot).draft or None
    kept = labelling.draft_of(slot, rater=rater)
    return kept.draft if kept else None


def keep(
    slot: Slot, *, rater: Rater, words: Mapping[str, Any], comment: str = "",
    confidence: int | None = None, details: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Keep what the rater has so far as a draft, and renew the lease."""
    if slot.purpose == SlotPurpose.LABEL:
        labelling.save_draft(
            slot, rater=rater, words=words, comment=comment, confidence=confidence,
            details=details,
        )  # fmt: skip
        return
    draft = {
        "words": dict(words), "comment": comment, "confidence": confidence,
        "details": dict(details or {}),
    }  # fmt: skip
    checks.save_draft(slot, rater=rater, draft=draft)
    queue.heartbeat(slot, rater=rater)


def submit(
    slot: Slot, *, rater: Rater, answers: Mapping[str, Answer], comment: str = "",
    confidence: int | None = None, details: Details = NO_DETAILS,
) -> Annotation | Check:  # fmt: skip
    """The rater's answer: a sheet on a label slot, a check on any other."""
    if slot.purpose == SlotPurpose.LABEL:
        return labelling.submit(
            slot, rater=rater, answers=answers, comment=comment, confidence=confidence,
            details=details,
        )  # fmt: skip
    with transaction.atomic():
        before = slot.status
        check = checks.take(
            slot, rater=rater, answers=answers, details=details, comment=comment,
            confidence=confidence,
        )  # fmt: skip
        if before != SlotStatus.DONE and check.answered_at is not None:
            sittings.note_answer(
                sittings.current(rater), seconds=check.seconds, severity=details.severity,
                now=check.answered_at,
            )  # fmt: skip
    return check


def undo(rater: Rater) -> Slot:
    """Take back the last submit, whatever it was, within its minute."""
    last = rater.annotations.filter(status=AnnotationStatus.SUBMITTED).order_by("-submitted_at")
    submitted_at = last.values_list("submitted_at", flat=True).first()
    return checks.take_back(rater, after=submitted_at) or labelling.undo(rater)


_OWN_SHEET = f"""
SELECT {rows.columns(Annotation, "a")}, {rows.columns(Case, "c")}, {rows.columns(RubricVersion, "v")}
FROM annotations_annotation a JOIN annotations_case c ON c.id = a.case_id
JOIN annotations_rubricversion v ON v.id = a.rubric_version_id
WHERE a.id = %(sheet)s AND a.rater_id = %(rater)s
"""  # noqa: S608 (column names)


def own_sheet(rater: Rater, pk: int) -> Annotation | Check:
    """A sheet of this rater's, or a check, whose numbers are drawn alike. Raises `NotFound`."""
    row = rows.one(_OWN_SHEET, values={"sheet": pk, "rater": rater.pk})
    if row is None:
        return _own_check(rater, pk)
    found, case, version, _ = rows.split(row, Annotation, Case, RubricVersion)
    sheet = rows.build(Annotation, found)
    sheet.case, sheet.rubric_version = rows.build(Case, case), rows.build(RubricVersion, version)
    sheet.rater, sheet.project = rater, rater.project
    sheet.case.project = rater.project
    return sheet


def _own_check(rater: Rater, pk: int) -> Check:
    found = Check.objects.select_related("case", "project", "rubric_version")
    check = found.filter(pk=pk, rater=rater).first()
    if check is None:
        raise NotFound("There is no such sheet of yours in this project.")
    return check


def is_answered(given: Annotation | Check) -> bool:
    if isinstance(given, Check):
        return given.answered_at is not None
    return given.status == AnnotationStatus.SUBMITTED


def close_undo(given: Annotation | Check) -> None:
    """What comes after the answer is shown: from now on it stands."""
    if isinstance(given, Check):
        checks.close_undo(given)
    elif given.rater.user is not None:
        labelling.close_undo(given.case, user=given.rater.user)


def has_reveal(given: Annotation | Check, *, rater: Rater) -> bool:
    """Whether an AI's answer is to be shown now, a planted one among them."""
    if isinstance(given, Check):
        return visibility.can_see_planted(given, rater=rater)
    return labelling.has_reveal(given, rater=rater)


def reveal(given: Annotation | Check, *, rater: Rater) -> Sequence[labelling.Prelabel | Planted]:
    """The AI's answers after the own one; on a sentinel the planted ones, which look the same."""
    if isinstance(given, Check):
        return checks.reveal(given, rater=rater)
    return labelling.reveal(given, rater=rater)


def have_last_word(
    given: Annotation | Check, *, rater: Rater, answers: Mapping[str, Answer] | None
) -> None:
    """After the reveal: keep the own answer (None), or change it beside the first."""
    if isinstance(given, Check):
        checks.have_last_word(given, rater=rater, answers=answers)
    elif answers is not None:
        labelling.revise(given, rater=rater, answers=answers)


_WORDS = """
SELECT q.key, v.status, v.value FROM annotations_verdict v
JOIN annotations_criterion q ON q.id = v.criterion_id
WHERE v.annotation_id = %(sheet)s ORDER BY v.revision
"""


def final_words(given: Annotation | Check) -> dict[str, str]:
    """{criterion key: word}: the rater's answer as it stands."""
    if isinstance(given, Check):
        return dict(given.final or given.given)
    found = rows.every(_WORDS, values={"sheet": given.pk})
    return {key: Answer(VerdictStatus(status), value).word for key, status, value in found}


def words_of(due: Due) -> str:
    """What is due, as a sentence."""
    if due.kind == "cap":
        return f"You have reached today's {due.minutes} minutes on cases. Go on tomorrow."
    return f"A break of {due.minutes} minutes is due. The queue waits for you."
