"""What a rater passes before a real case: qualification, and training after a rubric release.

Both are settled cases answered with feedback, clause by clause. Below the mark comes another set, and
when the settled cases are used up the rater goes on and the leads see it: training, never a ban.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from annotations import arms, audit, known, rubrics
from annotations.models import (
    Adjudication,
    Case,
    Check,
    CriterionVersion,
    Membership,
    Project,
    Rater,
    RubricVersion,
    Skip,
)
from annotations.permissions import ADJUDICATORS
from annotations.statuses import (
    TAUGHT,
    AnnotationStatus,
    RaterKind,
    RubricStatus,
    SlotPurpose,
)

MOST_LESSONS = 500
# Before whatever a lead has assigned.
PRIORITY = 100.0


@dataclass(frozen=True)
class Qualifying:
    """How far one rater is: answers right of those asked in the last full set."""

    rater: Rater
    answered: int
    share: float | None
    sets: int


@dataclass(frozen=True)
class Standing:
    """Where a rater is in a set of lessons: the `number`th of `size`, and after the last how it went."""

    number: int
    size: int
    is_over: bool
    is_qualified: bool
    share: float | None
    has_more: bool  # below the mark, another set follows


def is_outstanding(rater: Rater) -> bool:
    """Whether the rater has to pass qualification or training before the next label.

    Makes the places that are missing; while this is true, only they are given out.
    """
    if rater.kind != RaterKind.PERSON:
        return False
    project = rater.project
    unqualified = bool(project.qualification_size) and rater.qualified_at is None
    behind = bool(project.training_size) and _is_behind(rater)
    if not unqualified and not behind:
        return False
    with transaction.atomic():
        Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
        if Check.objects.filter(
            rater=rater, purpose__in=TAUGHT, answered_at__isnull=True
        ).exists():  # fmt: skip
            return True
        version = project.rubric.released
        if version is None:
            return False
        return (unqualified and _open_qualification(rater, version)) or (
            behind and _open_training(rater, version)
        )


def _is_behind(rater: Rater) -> bool:
    """Whether the rater's last sheet is of a version that has been replaced (one indexed look)."""
    last = rater.annotations.filter(status=AnnotationStatus.SUBMITTED).order_by("-submitted_at")
    return last.values_list("rubric_version__status", flat=True).first() == RubricStatus.ARCHIVED


def _open_qualification(rater: Rater, version: RubricVersion) -> bool:
    """The next set, or what is missing of one; False where there is no set for this rater.

    Whoever has labelled already, or decides disagreements, is past it. A rater who is below the mark
    when the settled cases are used up goes on, and the leads see it: training, no ban.
    """
    if rater.annotations.filter(status=AnnotationStatus.SUBMITTED).exists():
        return False
    if Membership.objects.filter(
        project=rater.project, user=rater.user_id, role__in=ADJUDICATORS
    ).exists():
        return False
    size = rater.project.qualification_size
    missing = size - len(_qualification(rater)) % size
    cases = _teachable(rater, version)[:missing]
    if len(cases) < missing:
        return False
    for case in cases:
        words = known.gold_words(case, version)
        known.make(rater, case, version, SlotPurpose.QUALIFICATION, words, priority=PRIORITY)
    return True


def _teachable(rater: Rater, version: RubricVersion) -> list[Case]:
    """Adjudicated or marked cases that are new to this rater, those marked first."""
    gold = known.teachable_gold(rater.project, version).filter(case=OuterRef("pk"))
    new = known.foreign_to(rater).filter(Exists(gold)).exclude(Exists(known.checks_of(rater)))
    marked = new.filter(marks__kind__in=known.LESSON_MARKS).distinct().order_by("pk")[:MOST_LESSONS]
    others = new.exclude(marks__kind__in=known.LESSON_MARKS).order_by("pk")[:MOST_LESSONS]
    # In an order of the rater's own, so that neighbours can't pass answers on by their place.
    return [
        case
        for cases in (marked, others)
        for case in sorted(cases, key=lambda one: arms.share_of("lesson", rater.pk, one.pk))
    ]


def _qualification(rater: Rater) -> list[Check]:
    answered = Check.objects.filter(
        rater=rater, purpose=SlotPurpose.QUALIFICATION, answered_at__isnull=False
    )
    return list(answered.order_by("answered_at", "id"))


def note_answer(rater: Rater) -> None:
    """After the last case of a set: qualified, or another set to learn from."""
    project = rater.project
    size, done = project.qualification_size, _qualification(rater)
    if rater.qualified_at or not size or len(done) % size:
        return
    share = _share(done[-size:])
    if share is None or share < project.qualification_mark:
        audit.record("not yet qualified", rater, project=project, by=rater.user, share=share)
        return
    rater.qualified_at = timezone.now()
    rater.save(update_fields=["qualified_at"])
    audit.record("qualified", rater, project=project, by=rater.user, share=share)


def standing(rater: Rater, check: Check) -> Standing:
    """The place of an answered lesson in its set, for its feedback."""
    same = Check.objects.filter(
        rater=rater, purpose=check.purpose, answered_at__lte=check.answered_at
    )
    if check.purpose == SlotPurpose.TRAINING:
        same = same.filter(rubric_version=check.rubric_version)
        every = Check.objects.filter(
            rater=rater, purpose=check.purpose, rubric_version=check.rubric_version
        )
        size = every.count()
    else:
        size = rater.project.qualification_size or same.count()
    done = list(same.order_by("answered_at", "id"))
    number = (len(done) - 1) % size + 1
    below = number == size and rater.qualified_at is None
    return Standing(
        number=number,
        size=size,
        is_over=number == size,
        is_qualified=rater.qualified_at is not None,
        share=_share(done[-number:]),
        has_more=below and len(_teachable(rater, check.rubric_version)) >= size,
    )


def _share(done: Sequence[Check]) -> float | None:
    asked = sum(check.n_asked for check in done)
    return sum(check.n_right for check in done) / asked if asked else None


def _open_training(rater: Rater, version: RubricVersion) -> bool:
    """Up to `training_size` cases on what has changed since the rater's last sheet; once a version."""
    if Check.objects.filter(
        rater=rater, purpose=SlotPurpose.TRAINING, rubric_version=version
    ).exists():  # fmt: skip
        return False
    changed = changed_since(rater, version)
    if not changed:
        return False
    gold = known.lesson_gold(rater.project, version, [q.criterion_id for q in changed])
    words: dict[int, dict[str, str]] = {}
    for one in gold.select_related("criterion").order_by("-id")[:MOST_LESSONS]:
        words.setdefault(one.case_id, {})[one.criterion.key] = one.value
    mine = Skip.objects.filter(case=OuterRef("pk"), rater=rater)
    decided = Adjudication.objects.filter(case=OuterRef("pk"), adjudicator=rater.user_id)
    cases = known.wanted_by(
        Case.objects.filter(pk__in=words).exclude(Exists(mine) | Exists(decided)), rater
    )
    chosen = sorted(cases, key=lambda case: arms.share_of("lesson", rater.pk, case.pk))
    chosen = chosen[: rater.project.training_size]
    for case in chosen:
        known.make(rater, case, version, SlotPurpose.TRAINING, words[case.pk], priority=PRIORITY)
    return bool(chosen)


def changed_since(rater: Rater, version: RubricVersion) -> list[CriterionVersion]:
    """The questions that do not read as they did on the rater's last sheet."""
    last = version_before(rater, version)
    before = {q.criterion_id: q.content_hash for q in rubrics.questions_of(last)} if last else {}
    return [
        q for q in rubrics.questions_of(version.pk) if before.get(q.criterion_id) != q.content_hash
    ]


def version_before(rater: Rater, version: RubricVersion) -> int | None:
    """The rubric version of the rater's last sheet under another version than this."""
    sheets = rater.annotations.filter(status=AnnotationStatus.SUBMITTED)
    return (
        sheets.exclude(rubric_version=version)
        .order_by("-submitted_at")
        .values_list("rubric_version", flat=True)
        .first()
    )


def qualifying(project: Project) -> list[Qualifying]:
    """Everybody who is at the qualification, or went on below its mark."""
    size = project.qualification_size
    raters = Rater.objects.filter(
        project=project, qualified_at__isnull=True, checks__purpose=SlotPurpose.QUALIFICATION
    ).distinct()  # fmt: skip
    found = []
    for rater in raters:
        done = _qualification(rater)
        full = len(done) - len(done) % size if size else len(done)
        last = done[max(0, full - size) : full] if size else done
        found.append(Qualifying(rater, len(done), _share(last), full // size if size else 0))
    return found
