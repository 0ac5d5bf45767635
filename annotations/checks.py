"""Checks: cases that tell how a rater works, mixed in unawares or given before the first real one.

A check is answered like any case and never counted as a label: no sheet, no verdict. Known gold,
sentinels (an AI answer planted wrong) and repeats look like any case; qualification and training
say what was right, clause by clause. A check below the mark asks for more training, never for a ban.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum
from django.utils import timezone

from annotations import arms, audit, entrance, known, labelling, queue, rubrics, visibility
from annotations.answers import Answer, check_sheet
from annotations.details import NO_DETAILS, Details, check_details
from annotations.errors import BadInput, Conflict, NotAllowed
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.measurement.skill import posterior
from annotations.models import (
    Case,
    Check,
    CriterionVersion,
    Gold,
    Project,
    Rater,
    RubricVersion,
    Skip,
    Slot,
)
from annotations.statuses import (
    TAUGHT,
    Arm,
    RaterKind,
    SlotPurpose,
    SlotStatus,
)

UNAWARES = (SlotPurpose.KNOWN_GOLD, SlotPurpose.SENTINEL, SlotPurpose.REPEAT)
MOST_CHECKS, MOST_LESSONS = 0.5, 100
GONE = "This case is no longer yours. Take the next."


@dataclass(frozen=True)
class Planted:
    """A sentinel's wrong answer to one criterion, in the shape of the AI's (labelling.Prelabel)."""

    criterion: str
    answer: Answer
    score: float | None
    judge: str
    reasons: str


@dataclass(frozen=True)
class Lesson:
    """One criterion of a check, after the answer: the own one, the right one, and why."""

    question: CriterionVersion
    own: Answer
    right: Answer
    planted: Answer | None
    note: str

    @property
    def is_right(self) -> bool:
        return self.own == self.right


@dataclass(frozen=True)
class Skill:
    """What the checks say of one rater: shares with their intervals, no rank."""

    accuracy: Estimate  # against known gold, answers given blind
    consistency: Estimate  # the same answer to the own case of a week ago and more
    adoption: Estimate  # took over the AI's answer where it was planted wrong
    checks: int


# ---- unawares: known gold, sentinels, repeats


def due(rater: Rater, n_done: int, *, max_severity: int | None = None) -> Slot | None:
    """A check for this rater now, by the keyed hash of (rater, n_done), or None: most of the time.

    Nothing is asked of the database unless the hash says so. Never two between two labels, so that
    asking twice with the same `n_done` makes one.
    """
    if rater.kind != RaterKind.PERSON:
        return None
    if arms.share_of("check", rater.pk, n_done) >= rater.project.check_share:
        return None
    with transaction.atomic():
        Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)  # two tabs make one check
        version = rater.project.rubric.released
        if version is None or _had_one_since_the_last_label(rater):
            return None
        turn = int(arms.share_of("purpose", rater.pk, n_done) * len(UNAWARES))
        for purpose in [*UNAWARES[turn:], *UNAWARES[:turn]]:
            slot = _make_unawares(rater, version, purpose, n_done, max_severity)
            if slot is not None:
                return slot
    return None


def _had_one_since_the_last_label(rater: Rater) -> bool:
    last = Check.objects.filter(rater=rater, purpose__in=UNAWARES).order_by("-id").first()
    if last is None:
        return False
    if last.answered_at is None:
        return True
    since = rater.annotations.filter(submitted_at__gt=last.answered_at)
    return not since.exists()


def _make_unawares(
    rater: Rater, version: RubricVersion, purpose: SlotPurpose, n_done: int,
    max_severity: int | None,
) -> Slot | None:  # fmt: skip
    if purpose == SlotPurpose.SENTINEL and not _can_plant(rater.project):
        return None
    if purpose == SlotPurpose.REPEAT:
        drawn, cases = known.drawn_sheets(rater, n_done=n_done), known.repeatable(rater, version)
    else:
        drawn = known.drawn_gold(rater, version, n_done=n_done)
        cases = known.new_to(rater, version)
    if max_severity is not None:
        severe = Slot.objects.filter(case=OuterRef("pk"), severity__gt=max_severity)
        cases = cases.exclude(Exists(severe))
    cases = cases.exclude(Exists(known.checks_of(rater)))
    case = known.pick(cases, drawn)
    if case is None:
        return None
    if purpose == SlotPurpose.REPEAT:
        return known.make(rater, case, version, purpose, known.own_words(rater, case, version))
    expected = known.gold_words(case, version)
    planted = _plant(case, version, expected) if purpose == SlotPurpose.SENTINEL else {}
    return known.make(rater, case, version, purpose, expected, planted)


def _can_plant(project: Project) -> bool:
    """Only where an AI's answer is nothing unusual: else the reveal alone would give it away."""
    if not project.reveal_share or Arm.REVEAL in project.suspended_arms:
        return False
    return project.raters.filter(kind=RaterKind.JUDGE, name=arms.PRELABELLER).exists()


def _plant(
    case: Case, version: RubricVersion, expected: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """For each settled criterion a wrong answer; the AI's own where it is wrong already."""
    said = arms.ai_words(case)
    planted = {}
    for question in rubrics.questions_of(version.pk):
        key = question.criterion.key
        wrong = [value for value in question.values if value != expected.get(key)]
        if key not in expected or not wrong:
            continue
        share = arms.share_of("planted", case.pk, key)
        word = said[key] if said.get(key) in wrong else wrong[int(share * len(wrong))]
        sure = 0.7 + 0.28 * arms.share_of("score", case.pk, key)
        positive = word in question.criterion.positive
        planted[key] = {"word": word, "score": round(sure if positive else 1 - sure, 4)}
    return planted


# ---- answering


def of_slot(slot: Slot, *, rater: Rater) -> Check:
    """The check of this place. Raises `Conflict` where it is another's, as a taken place does."""
    check = Check.objects.select_related("slot").filter(slot=slot, rater=rater).first()
    if check is None:
        raise Conflict(GONE)
    return check


def save_draft(slot: Slot, *, rater: Rater, draft: Mapping[str, Any]) -> Check:
    """Keep what the rater has so far, on the check itself."""
    check = of_slot(slot, rater=rater)
    kept = Check.objects.filter(pk=check.pk, answered_at__isnull=True).update(draft=dict(draft))
    if not kept:
        raise Conflict("This sheet is submitted already; its answers are not a draft any more.")
    check.draft = dict(draft)
    return check


def take(
    slot: Slot, *, rater: Rater, answers: Mapping[str, Answer], details: Details = NO_DETAILS,
    comment: str = "", confidence: int | None = None,
) -> Check:  # fmt: skip
    """The rater's answer to a check. Twice is once. Refuses what a label would be refused for."""
    questions = rubrics.questions_of(slot.rubric_version_id)
    words = {key: one.word for key, one in check_sheet(answers, questions=questions).items()}
    details = check_details(details, answers=answers, questions=questions, case=slot.case)
    with transaction.atomic():
        Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
        check = of_slot(slot, rater=rater)
        if check.answered_at is not None:
            return check
        now = timezone.now()
        check.given, check.draft, check.answered_at = words, {}, now
        check.details = {**details.as_json(), "comment": comment, "confidence": confidence}
        check.seconds = _seconds(check.slot, now)
        check.n_asked = len(check.expected)
        check.n_right = sum(words.get(key) == word for key, word in check.expected.items())
        check.save()
        Slot.objects.filter(pk=slot.pk).update(
            status=SlotStatus.DONE, rater=rater, done_at=now, leased_until=None
        )
        if check.purpose == SlotPurpose.QUALIFICATION:
            entrance.note_answer(rater)
    return check


def _seconds(slot: Slot, now: datetime) -> float | None:
    """From the claim; not known when the lease lapsed in between."""
    if slot.leased_at is None or slot.leased_until is None or slot.leased_until < now:
        return None
    return (now - slot.leased_at).total_seconds()


@transaction.atomic
def skip(slot: Slot, *, rater: Rater, reason: str) -> None:
    """Pass over a check, as over any case: it is gone, and the case is not given again."""
    if not reason.strip():
        raise BadInput(
            "Say why you skip the case: it helps the leads, and never counts against you."
        )
    check = of_slot(slot, rater=rater)
    if check.answered_at is not None:
        raise Conflict("This case is no longer yours, so there is nothing to skip. Take the next.")
    Skip.objects.get_or_create(case=slot.case, rater=rater, defaults={"reason": reason[:200]})
    audit.record(
        "skipped case", slot.case, project=slot.project, by=rater.user, reason=reason[:200]
    )
    slot.delete()


@transaction.atomic
def take_back(rater: Rater, *, after: datetime | None) -> Slot | None:
    """Undo the rater's last check, if it came after the last label (submitted at `after`).

    None: there is none, so the label is what an undo means. Raises `Conflict` as a label does.
    """
    Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
    check = (
        Check.objects.filter(rater=rater, answered_at__isnull=False)
        .select_related("slot__case", "slot__project")
        .order_by("-answered_at")
        .first()
    )
    if check is None or check.answered_at is None or (after and check.answered_at < after):
        return None
    if timezone.now() - check.answered_at > labelling.UNDO:
        raise Conflict("The minute in which a submit can be taken back is over.")
    if check.revealed_at or check.looked_at or check.purpose in TAUGHT:
        raise Conflict("You have seen what came after your answer, so it can't be taken back.")
    details = dict(check.details)
    check.draft = {
        "words": check.given, "comment": details.pop("comment", ""),
        "confidence": details.pop("confidence", None), "details": details,
    }  # fmt: skip
    check.given, check.details, check.seconds, check.answered_at = {}, {}, None, None
    check.n_right = check.n_asked = 0
    check.save()
    slot = check.slot
    slot.status, slot.done_at = SlotStatus.LEASED, None
    slot.leased_at = slot.leased_at or timezone.now()
    slot.leased_until = timezone.now() + queue.LEASE
    slot.save(update_fields=["status", "done_at", "leased_at", "leased_until"])
    return slot


def close_undo(check: Check) -> None:
    """Precedents were looked at: from now on the answer stands."""
    Check.objects.filter(pk=check.pk, looked_at__isnull=True).update(looked_at=timezone.now())


# ---- a sentinel's planted answer


@transaction.atomic
def reveal(check: Check, *, rater: Rater) -> list[Planted]:
    """The planted answers, shown as the AI's; that they were seen is written down."""
    if not visibility.can_see_planted(check, rater=rater):
        raise NotAllowed("The AI's answer is not shown on this case.")
    Check.objects.filter(pk=check.pk, revealed_at__isnull=True).update(revealed_at=timezone.now())
    judge = (
        check.project.raters.filter(kind=RaterKind.JUDGE, name=arms.PRELABELLER)
        .order_by("-id")
        .first()
    )
    said = arms.prelabels(check.case_id).select_related("criterion").order_by("id")
    reasons = {verdict.criterion.key: verdict.raw_output for verdict in said}
    return [
        Planted(key, Answer.parse(one["word"]), one["score"], str(judge or arms.PRELABELLER),
                reasons.get(key, ""))
        for key, one in check.planted.items()
    ]  # fmt: skip


@transaction.atomic
def have_last_word(
    check: Check, *, rater: Rater, answers: Mapping[str, Answer] | None = None
) -> Check:
    """After the planted answer was shown: keep the own one (no answers), or change it. Once."""
    locked = Check.objects.select_for_update().get(pk=check.pk)
    if not visibility.can_see_planted(locked, rater=rater):
        raise NotAllowed("Only the rater who gave this sheet can revise it.")
    if locked.revealed_at is None:
        raise Conflict("There is nothing to revise before the AI's answer has been shown.")
    if locked.final:
        return locked
    final = dict(locked.given)
    if answers is not None:
        questions = rubrics.questions_of(locked.rubric_version_id)
        final = {k: one.word for k, one in check_sheet(answers, questions=questions).items()}
    locked.final = final
    locked.save(update_fields=["final"])
    return locked


# ---- what was right, and why


def lessons(check: Check, *, rater: Rater) -> list[Lesson]:
    """Own against right, clause by clause. Only where `visibility` allows."""
    if not visibility.can_see_right_answer(check, rater=rater):
        raise NotAllowed("What is right on this case is not shown to you.")
    gold = {
        one.criterion.key: one
        for one in Gold.objects.filter(case=check.case, superseded_at__isnull=True)
        .select_related("criterion", "adjudication")
    }  # fmt: skip
    marks = {mark.criterion_id: mark.note for mark in check.case.marks.exclude(note="")}
    found = []
    for question in rubrics.questions_of(check.rubric_version_id):
        key = question.criterion.key
        if key not in check.expected:
            continue
        one, planted = gold.get(key), check.planted.get(key)
        decided = one.adjudication.note if one is not None and one.adjudication else ""
        found.append(
            Lesson(
                question=question,
                own=Answer.parse((check.final or check.given).get(key, "")),
                right=Answer.parse(check.expected[key]),
                planted=Answer.parse(planted["word"]) if planted else None,
                note=decided or marks.get(question.criterion_id, ""),
            )
        )
    return found


# ---- what leads set


@transaction.atomic
def set_mix(
    project: Project, *, check_share: float, qualification_size: int, qualification_mark: float,
    training_size: int, by: User,
) -> Project:  # fmt: skip
    """How often checks come, and what raters pass before a real case."""
    if not 0 <= check_share <= MOST_CHECKS or not 0 <= qualification_mark <= 1:
        raise BadInput(f"The share of checks is from 0 to {MOST_CHECKS}; the mark from 0 to 1.")
    if not 0 <= qualification_size <= MOST_LESSONS or not 0 <= training_size <= MOST_LESSONS:
        raise BadInput(f"At most {MOST_LESSONS} cases of qualification or training.")
    settings = {
        "check_share": check_share, "qualification_size": qualification_size,
        "qualification_mark": qualification_mark, "training_size": training_size,
    }  # fmt: skip
    locked = Project.objects.select_for_update().get(pk=project.pk)
    for name, value in settings.items():
        setattr(locked, name, value)
    locked.save(update_fields=list(settings))
    audit.record("set checks", locked, project=locked, by=by, **settings)
    return locked


# ---- what the checks say


def skills(project: Project) -> dict[int, Skill]:
    """Rater id -> what the checks say; raters without an answered check are left out."""
    answered = Check.objects.filter(project=project, answered_at__isnull=False)
    rows = answered.values("rater", "purpose").annotate(
        right=Sum("n_right"), asked=Sum("n_asked"), n=Count("id")
    )
    sums: dict[int, dict[str, tuple[int, int, int]]] = {}
    for row in rows:
        by_purpose = sums.setdefault(row["rater"], {})
        by_purpose[row["purpose"]] = (row["right"], row["asked"], row["n"])
    adopted = _adopted(project)
    return {
        rater: _skill(by_purpose, adopted.get(rater, (0, 0))) for rater, by_purpose in sums.items()
    }


def _skill(by_purpose: Mapping[str, tuple[int, int, int]], adopted: tuple[int, int]) -> Skill:
    # First answers to sentinels were blind too; training is where one may err.
    blind = (SlotPurpose.KNOWN_GOLD, SlotPurpose.SENTINEL, SlotPurpose.QUALIFICATION)
    counted = [by_purpose.get(purpose, (0, 0, 0)) for purpose in blind]
    right, asked, _ = by_purpose.get(SlotPurpose.REPEAT, (0, 0, 0))
    return Skill(
        accuracy=posterior(sum(one[0] for one in counted), sum(one[1] for one in counted)),
        consistency=posterior(right, asked, nothing="No repeat was answered yet."),
        adoption=proportion(*adopted),
        checks=sum(one[2] for one in by_purpose.values()),
    )


def _adopted(project: Project) -> dict[int, tuple[int, int]]:
    """Rater -> (answers changed to the planted one, planted answers that differed from the own)."""
    found: dict[int, tuple[int, int]] = {}
    for check in sentinels_answered(project):
        for key, one in check.planted.items():
            if check.given.get(key) != one["word"]:
                k, n = found.get(check.rater_id, (0, 0))
                found[check.rater_id] = (k + (check.final.get(key) == one["word"]), n + 1)
    return found


def sentinels_answered(project: Project) -> QuerySet[Check]:
    """Sentinels on which the rater has said the last word."""
    return Check.objects.filter(project=project, purpose=SlotPurpose.SENTINEL).exclude(final={})
