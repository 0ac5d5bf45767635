"""What is settled well enough to measure a rater by, and which cases are new to whom."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from annotations import arms, rubrics
from annotations.answers import Answer
from annotations.models import (
    Adjudication,
    Annotation,
    Case,
    Check,
    CriterionVersion,
    Gold,
    Mark,
    Opinion,
    Project,
    Rater,
    RubricVersion,
    Skip,
    Slot,
    Verdict,
)
from annotations.statuses import (
    BLIND_ARMS,
    AnnotationStatus,
    MarkKind,
    Provenance,
    SlotPurpose,
    VerdictStatus,
)

REPEAT_AFTER = timedelta(days=7)
ENOUGH_RATERS = 2
HANDFUL = 50
# What an adjudicator marked as a lesson.
LESSON_MARKS = (MarkKind.TRAINING, MarkKind.EXEMPLAR)
DECIDED = (Provenance.ADJUDICATED, Provenance.IMPORTED)


# ---- the answers


def same_wording(version: RubricVersion) -> list[int]:
    """The ids of all criterion versions whose question is, word for word, one of this version's."""
    questions = {q.criterion_id: q.content_hash for q in rubrics.questions_of(version.pk)}
    every = CriterionVersion.objects.filter(criterion__in=questions).select_related("criterion")
    return [one.pk for one in every if one.content_hash == questions[one.criterion_id]]


def known_gold(project: Project, version: RubricVersion) -> QuerySet[Gold]:
    """Settled answers that a rater can be measured against: by two people or more, or adjudicated.

    Not what the posterior rule settled against dissent, nor where the AI's word counted.
    Gold of simulated raters measures nobody, except in the demo.
    """
    gold = Gold.objects.filter(
        project=project, superseded_at__isnull=True, status=VerdictStatus.ANSWERED,
        criterion_version__in=same_wording(version), rests_on_ai=False,
    ).filter(
        Q(n_raters__gte=ENOUGH_RATERS, provenance=Provenance.UNANIMOUS) | Q(provenance__in=DECIDED)
    )  # fmt: skip
    return gold if project.is_demo else gold.filter(is_simulated=False)


def gold_words(case: Case, version: RubricVersion) -> dict[str, str]:
    """{criterion key: the settled word} of a case, as far as it is known."""
    found = known_gold(case.project, version).filter(case=case).select_related("criterion")
    return {gold.criterion.key: gold.value for gold in found}


def teachable_gold(project: Project, version: RubricVersion) -> QuerySet[Gold]:
    """Gold to qualify on: decided by an adjudicator, or marked as a lesson."""
    marked = Mark.objects.filter(
        case=OuterRef("case"), criterion=OuterRef("criterion"), kind__in=LESSON_MARKS
    )
    decided = Q(provenance__in=DECIDED)
    return known_gold(project, version).filter(decided | Exists(marked))


def teachable_count(project: Project, version: RubricVersion) -> int:
    """How many cases a qualification can draw on."""
    return teachable_gold(project, version).values("case").distinct().count()


def lesson_gold(
    project: Project, version: RubricVersion, criteria: Sequence[int]
) -> QuerySet[Gold]:
    """Gold that fits these criteria as this version words them: settled, or marked, since then."""
    marked = Mark.objects.filter(
        case=OuterRef("case"), criterion=OuterRef("criterion"),
        kind__in=LESSON_MARKS, created_at__gte=version.released_at,
    )  # fmt: skip
    gold = Gold.objects.filter(
        Q(criterion_version__in=same_wording(version)) | Exists(marked),
        project=project, criterion__in=criteria, superseded_at__isnull=True,
        status=VerdictStatus.ANSWERED,
    )  # fmt: skip
    return gold if project.is_demo else gold.filter(is_simulated=False)


# ---- the cases


def new_to(rater: Rater, version: RubricVersion) -> QuerySet[Case]:
    """Cases with known gold that this rater has had no part in."""
    gold = known_gold(rater.project, version).filter(case=OuterRef("pk"))
    return foreign_to(rater).filter(Exists(gold))


def foreign_to(rater: Rater) -> QuerySet[Case]:
    """Cases that this rater has not answered, skipped, decided or opted out of."""
    mine = {"case": OuterRef("pk")}
    cases = Case.objects.filter(project=rater.project).exclude(
        Exists(Annotation.objects.filter(**mine, rater=rater))
        | Exists(Skip.objects.filter(**mine, rater=rater))
        | Exists(Slot.objects.filter(**mine, rater=rater, purpose=SlotPurpose.LABEL))
        | Exists(Adjudication.objects.filter(**mine, adjudicator=rater.user_id))
        | Exists(Opinion.objects.filter(**mine, by=rater.user_id))
    )
    return wanted_by(cases, rater)


def wanted_by(cases: QuerySet[Case], rater: Rater) -> QuerySet[Case]:
    """Those of the cases whose category the rater has not opted out of."""
    # A missing category is NULL, which is in no list: it must not fall out of the exclusion.
    opted_out = Q(strata__category__in=rater.opt_outs) & Q(strata__has_key="category")
    return cases.exclude(opted_out) if rater.opt_outs else cases


def repeatable(rater: Rater, version: RubricVersion) -> QuerySet[Case]:
    """The rater's own cases of a week ago and more, answered blind under the same wording."""
    sheets = Annotation.objects.filter(
        case=OuterRef("pk"), rater=rater, status=AnnotationStatus.SUBMITTED, arm__in=BLIND_ARMS,
        submitted_at__lt=timezone.now() - REPEAT_AFTER,
        verdicts__criterion_version__in=same_wording(version),
    )  # fmt: skip
    decided = Adjudication.objects.filter(case=OuterRef("pk"), adjudicator=rater.user_id)
    cases = Case.objects.filter(Exists(sheets), project=rater.project)
    return wanted_by(cases.exclude(Exists(decided)), rater)


def own_words(rater: Rater, case: Case, version: RubricVersion) -> dict[str, str]:
    """{criterion key: word}: what the rater first answered on the case, blind."""
    first = Verdict.objects.filter(
        case=case, annotation__rater=rater, revision=1, annotation__arm__in=BLIND_ARMS,
        criterion_version__in=same_wording(version),
    ).select_related("criterion").order_by("id")  # fmt: skip
    return {v.criterion.key: Answer(VerdictStatus(v.status), v.value).word for v in first}


def checks_of(rater: Rater) -> QuerySet[Check]:
    """The rater's checks on the case of an outer query."""
    return Check.objects.filter(case=OuterRef("pk"), rater=rater)


def drawn_gold(rater: Rater, version: RubricVersion, *, n_done: int) -> list[int]:
    """A handful of cases with known gold, from a place that the keyed hash draws; marked ones first.

    However much is settled, a handful is looked at: a check is made while a rater waits.
    """
    marked = Mark.objects.filter(case__project=rater.project_id, kind=MarkKind.TRAINING)
    first = list(marked.order_by("id").values_list("case", flat=True)[:HANDFUL])
    gold = known_gold(rater.project, version)
    ends = Gold.objects.filter(project=rater.project_id).aggregate(low=Min("id"), high=Max("id"))
    if ends["low"] is None:
        return []
    share = arms.share_of("pick", rater.pk, n_done)
    start = ends["low"] + int(share * (ends["high"] - ends["low"] + 1))
    ordered = gold.order_by("id").values_list("case", flat=True)
    return [*first, *ordered.filter(id__gte=start)[:HANDFUL], *ordered[:HANDFUL]]


def drawn_sheets(rater: Rater, *, n_done: int) -> list[int]:
    """A handful of the rater's own cases of a week ago and more, from a moment that the hash draws."""
    until = timezone.now() - REPEAT_AFTER
    old = rater.annotations.filter(status=AnnotationStatus.SUBMITTED, submitted_at__lt=until)
    ordered = old.order_by("submitted_at")
    first = ordered.values_list("submitted_at", flat=True).first()
    if first is None:
        return []
    start = first + arms.share_of("pick", rater.pk, n_done) * (until - first)
    ids = ordered.values_list("case", flat=True)
    return [*ids.filter(submitted_at__gte=start)[:HANDFUL], *ids[:HANDFUL]]


def pick(cases: QuerySet[Case], drawn: Sequence[int]) -> Case | None:
    """The first of the drawn cases that is among `cases`."""
    if not drawn:
        return None
    found = cases.in_bulk(set(drawn))
    return next((found[pk] for pk in drawn if pk in found), None)


def make(
    rater: Rater, case: Case, version: RubricVersion, purpose: SlotPurpose,
    expected: Mapping[str, str], planted: Mapping[str, Any] | None = None, *,
    priority: float = 0.0,
) -> Slot:  # fmt: skip
    """A place for this rater only, and what will be right on it."""
    foreseen = case.slots.aggregate(severity=Max("severity"))["severity"]
    slot = Slot.objects.create(
        project_id=rater.project_id, case=case, rubric_version=version, number=1, purpose=purpose,
        assigned_to=rater, category=case.category, severity=foreseen, priority=priority,
    )  # fmt: skip
    Check.objects.create(
        pk=_sheet_number(), slot=slot, project_id=rater.project_id, case=case, rater=rater,
        rubric_version=version, purpose=purpose, expected=dict(expected),
        planted=dict(planted or {}),
    )  # fmt: skip
    return slot


def _sheet_number() -> int:
    """The next number of the sheets' own sequence: in an address a check looks like any sheet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('annotations_annotation', 'id'))")
        return int(cursor.fetchone()[0])
