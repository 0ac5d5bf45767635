"""Adjudication: the queue of disagreements, raters side by side, a decision with its cause."""

import random
from dataclasses import dataclass

from django.db import transaction
from django.db.models import QuerySet

from annotations import audit, gold, policies
from annotations.answers import Answer, check_answer
from annotations.errors import BadInput, NotAllowed
from annotations.models import (
    Adjudication,
    Annotation,
    Case,
    CriterionVersion,
    Membership,
    Project,
    Verdict,
)
from annotations.statuses import Cause, CaseStatus, RaterKind, VerdictStatus
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


def waiting(project: Project) -> QuerySet[Case]:
    """The cases with an open disagreement, in the order in which they are shown."""
    return Case.objects.filter(project=project, status=CaseStatus.ADJUDICATION).order_by("id")


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
    random.Random(case.pk).shuffle(columns)
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
) -> Adjudication:
    """Settle one criterion of one case. The cause is required; verdicts stay as they were given."""
    locked = Case.objects.select_for_update().get(pk=case.pk)
    policies.check_can_adjudicate(by, locked)
    check_answer(answer, question=question)
    causes = {c.value for c in Cause} - {Cause.NOT_RECORDED.value}
    if cause not in causes:
        raise BadInput("Choose the cause of the disagreement: it is what the rubric learns from.")
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
