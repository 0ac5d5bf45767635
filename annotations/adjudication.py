"""Adjudication: the queue of disagreements, raters side by side, a decision with its cause."""

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, QuerySet

from annotations import audit, gold, policies
from annotations.answers import Answer, check_answer
from annotations.errors import BadInput, Conflict, NotAllowed
from annotations.models import (
    Adjudication,
    Annotation,
    Case,
    CriterionVersion,
    Gold,
    Membership,
    Project,
    Verdict,
)
from annotations.statuses import (
    BLIND_ARMS,
    AnnotationStatus,
    CaseStatus,
    Cause,
    RaterKind,
    VerdictStatus,
)
from annotations.visibility import can_see_side_by_side


@dataclass(frozen=True)
class SideBySide:
    """One rater's column: who (a pseudonym), what first, what finally, how sure, how long."""

    name: str
    is_judge: bool
    is_simulated: bool
    first: Answer
    final: Answer
    score: float | None
    confidence: int | None
    seconds: float | None
    comment: str


@dataclass(frozen=True)
class OpenQuestion:
    """One undecided criterion of one case: how many people finally gave each answer."""

    question: CriterionVersion
    counts: dict[str, int]
    people: int
    simulated: int


def waiting(project: Project) -> QuerySet[Case]:
    """The cases with an open disagreement, in the order in which they are shown."""
    return Case.objects.filter(project=project, status=CaseStatus.ADJUDICATION).order_by("id")


def waiting_for(by: Membership) -> QuerySet[Case]:
    """The waiting cases that this member may decide: not those that the member rated."""
    cases = waiting(by.project)
    if not policies.others_can_adjudicate(by):
        return cases
    rated = Annotation.objects.filter(
        project=by.project, rater__user=by.user, status=AnnotationStatus.SUBMITTED
    )
    return cases.exclude(pk__in=rated.values("case"))


def history(case: Case) -> QuerySet[Adjudication]:
    """Every decision on the case, the latest first."""
    return case.adjudications.select_related("adjudicator", "criterion").order_by("-id")


def causes_decided(project: Project) -> dict[Cause, int]:
    """How many decisions each cause has in this project, the commonest first."""
    rows = (
        Adjudication.objects.filter(case__project=project)
        .values_list("cause")
        .annotate(n=Count("id"))
        .order_by("-n", "cause")
    )
    return {Cause(cause): n for cause, n in rows}


def open_questions(cases: Sequence[Case]) -> dict[int, list[OpenQuestion]]:
    """case id -> what is undecided on it, with the people's final answers counted."""
    ids = [case.pk for case in cases]
    settled = set(
        Gold.objects.filter(case__in=ids, superseded_at__isnull=True).values_list(
            "case_id", "criterion_id"
        )
    )
    verdicts = (
        Verdict.objects.filter(case__in=ids, annotation__arm__in=BLIND_ARMS)
        .exclude(annotation__rater__kind=RaterKind.JUDGE)
        .select_related("annotation__rater", "criterion_version__criterion")
        .order_by("criterion_version__position", "criterion_version__version__number", "id")
    )
    given: dict[tuple[int, int], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        if (verdict.case_id, verdict.criterion_id) not in settled:
            given[verdict.case_id, verdict.criterion_id].append(verdict)
    found: dict[int, list[OpenQuestion]] = defaultdict(list)
    for (case_id, _), rows in given.items():
        raters = {row.annotation.rater for row in rows}
        found[case_id].append(
            OpenQuestion(
                question=rows[-1].criterion_version,
                counts=gold.final_counts(rows),
                people=len(raters),
                simulated=sum(rater.is_simulated for rater in raters),
            )
        )
    return found


def side_by_side(case: Case, *, question: CriterionVersion, by: Membership) -> list[SideBySide]:
    """People in an order that is random but fixed for this case; judges come last.

    Raises `NotAllowed` unless `visibility` lets this member see them.
    """
    if not can_see_side_by_side(by, case):
        raise NotAllowed("Raters are shown side by side to adjudicators, after the labelling.")
    sheets: dict[int, list[Verdict]] = {}
    for verdict in Verdict.objects.filter(
        case=case, criterion=question.criterion
    ).select_related("annotation__rater").order_by("revision", "id"):  # fmt: skip
        sheets.setdefault(verdict.annotation_id, []).append(verdict)
    columns = [_column(verdicts) for verdicts in sheets.values()]
    random.Random(case.pk).shuffle(columns)  # noqa: S311 (an order on a screen, no secret)
    return sorted(columns, key=lambda column: column.is_judge)


def _column(verdicts: list[Verdict]) -> SideBySide:
    sheet: Annotation = verdicts[0].annotation
    first, final = verdicts[0], verdicts[-1]
    return SideBySide(
        name=str(sheet.rater),
        is_judge=sheet.rater.kind == RaterKind.JUDGE,
        is_simulated=sheet.rater.is_simulated,
        first=Answer(VerdictStatus(first.status), first.value),
        final=Answer(VerdictStatus(final.status), final.value),
        score=final.score,
        confidence=sheet.confidence,
        seconds=sheet.seconds,
        comment=sheet.comment,
    )


@transaction.atomic
def decide(
    case: Case,
    *,
    question: CriterionVersion,
    by: Membership,
    answer: Answer,
    cause: str,
    note: str = "",
    seen: int | None = None,
) -> Adjudication:
    """Settle one criterion of one case. The cause is required; verdicts stay as they were given.

    `seen` is the latest decision that the adjudicator had on screen (0: none, None: not checked).
    The same decision twice is once; raises `Conflict` when somebody decided otherwise meanwhile.
    """
    locked = Case.objects.select_for_update().get(pk=case.pk)
    policies.check_can_adjudicate(by, locked)
    check_answer(answer, question=question)
    if question.criterion_id not in {q.criterion_id for q in gold.questions_of(locked)}:
        raise BadInput(f"Nobody has answered “{question.name}” on this case: nothing to decide.")
    causes = {c.value for c in Cause} - {Cause.NOT_RECORDED.value}
    if cause not in causes:
        raise BadInput("Choose the cause of the disagreement: it is what the rubric learns from.")
    latest = history(locked).filter(criterion=question.criterion).first()
    if latest is not None and seen is not None and latest.pk != seen:
        words = Answer(VerdictStatus(latest.status), latest.value)
        if (latest.adjudicator_id, words, latest.cause) == (by.user_id, answer, cause):
            return latest  # a double click, a resent request
        raise Conflict(
            "This was decided while you looked at it. Nothing was overwritten: read the decision "
            "below, and decide again only if you disagree."
        )
    adjudication = Adjudication.objects.create(
        case=locked,
        criterion=question.criterion,
        criterion_version=question,
        status=answer.status,
        value=answer.value,
        cause=cause,
        note=note,
        adjudicator=by.user,
    )
    gold.settle_by_decision(adjudication)
    audit.record(
        "adjudicated", f"{locked}/{question.criterion}", project=locked.project, by=by.user,
        answer=answer.word, cause=cause,
    )  # fmt: skip
    return adjudication
