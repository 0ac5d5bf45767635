"""What judges learn from: settled cases of one criterion, and what outside judges said of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

from annotations.models import (
    Case,
    Criterion,
    CriterionVersion,
    Gold,
    Project,
    Rater,
    RubricVersion,
    Verdict,
)
from annotations.statuses import RaterKind, VerdictStatus
from campaigns.judging.errors import CannotFit
from campaigns.judging.examples import Example
from campaigns.models import Campaign
from campaigns.scores import POSITIVE
from campaigns.seen_by_judges import example_of

ARM, GUIDED = "arm", "guided"  # of a case's strata, as the generator writes them
FEW = 20  # failures, or other cases

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class GoldSet:
    """The settled cases of one criterion as the judges see them: N cases in a fixed order."""

    criterion: Criterion
    question: CriterionVersion
    golds: list[Gold]
    examples: list[Example]
    y: npt.NDArray[np.bool_]

    @cached_property
    def cases(self) -> list[Case]:
        return [gold.case for gold in self.golds]

    @property
    def learnt_from_simulated(self) -> bool:
        return any(gold.is_simulated for gold in self.golds)

    @property
    def families(self) -> list[str]:
        return [case.family for case in self.cases]

    @cached_property
    def drawn(self) -> Bools:
        """The cases (N,) that were drawn without regard to any judge: what new cases are like.

        Guided ones were sought where judges err. All, while those drawn are too few to measure on.
        """
        found = np.array([case.strata.get(ARM) != GUIDED for case in self.cases], dtype=bool)
        few = min(int(self.y[found].sum()), int((~self.y[found]).sum())) < FEW
        return np.ones(len(found), dtype=bool) if few else found

    def some(self, rows: Bools) -> "GoldSet":
        """The cases of these rows, (N,) true or false."""
        at = np.flatnonzero(rows).tolist()
        return GoldSet(
            self.criterion, self.question, [self.golds[n] for n in at],
            [self.examples[n] for n in at], self.y[rows],
        )  # fmt: skip


def settled_set(project: Project, question: CriterionVersion) -> GoldSet:
    """All current gold with an answer (can't tell teaches a judge nothing), by case id.

    Not gold that rests on a judge's own word, which would praise it.
    """
    criterion = question.criterion
    golds = Gold.objects.filter(
        project=project, criterion=criterion, superseded_at__isnull=True,
        status=VerdictStatus.ANSWERED, rests_on_ai=False,
    ).select_related("case").order_by("case_id")  # fmt: skip
    return _set_of(question, list(golds))


def gold_set(
    campaign: Campaign, question: CriterionVersion, *, until: datetime | None = None
) -> GoldSet:
    """What judges may be trained on: settled cases without the families of the frozen test.

    With `until`, what had been settled by then.
    """
    golds = settled_set(campaign.project, question).golds
    return _set_of(
        question,
        [one for one in golds if not campaign.is_frozen(one.case.family)
         and (until is None or one.settled_at <= until)],
    )  # fmt: skip


def frozen_set(campaign: Campaign, question: CriterionVersion) -> GoldSet:
    """What no judge is trained on and every version is tested on."""
    golds = settled_set(campaign.project, question).golds
    return _set_of(question, [one for one in golds if campaign.is_frozen(one.case.family)])


def _set_of(question: CriterionVersion, golds: list[Gold]) -> GoldSet:
    positive = question.criterion.positive
    return GoldSet(
        criterion=question.criterion,
        question=question,
        golds=golds,
        examples=[example_of(gold.case) for gold in golds],
        y=np.array([gold.value in positive for gold in golds], dtype=bool),
    )


def outside_verdicts(cases: Sequence[Case], criterion: Criterion) -> dict[Rater, Floats]:
    """Judges from files, the API or an endpoint: (N,) of their P(positive), nan where no answer.

    One that gives no score says 1 where its answer is positive and 0 where it is another.
    Invalid and refused verdicts are no answer; they are never read as "not positive".
    """
    index = {case.pk: row for row, case in enumerate(cases)}
    verdicts = (
        Verdict.objects.filter(
            case__in=list(index), criterion=criterion, annotation__rater__kind=RaterKind.JUDGE,
            annotation__rater__ensemble__isnull=True, annotation__rater__memberships__payload={},
        )
        | Verdict.objects.filter(
            case__in=list(index), criterion=criterion, annotation__rater__kind=RaterKind.JUDGE,
            annotation__rater__ensemble__isnull=True, annotation__rater__memberships__isnull=True,
        )
    ).select_related("annotation__rater").distinct()  # fmt: skip
    found: dict[Rater, Floats] = {}
    for verdict in verdicts.order_by("annotation__rater_id", "id"):
        column = found.setdefault(verdict.annotation.rater, np.full(len(cases), np.nan))
        if verdict.status == VerdictStatus.ANSWERED:
            positive = verdict.value in (*criterion.positive, POSITIVE)
            score = verdict.score  # P(positive), of a judge that says how sure it is
            column[index[verdict.case_id]] = float(positive) if score is None else score
    return found


def strata_of(examples: Sequence[Example]) -> list[str]:
    """Obvious or context-dependent, as the cases say: the strata whose probabilities may shift."""
    return [example.stratum for example in examples]


def main_question(version: RubricVersion) -> CriterionVersion:
    """The criterion that judges learn: the first of the rubric."""
    return version.criteria.select_related("criterion").order_by("position", "id")[0]


def check_positive(criterion: Criterion) -> None:
    """Without positive answers there is nothing that a judge could catch."""
    if not criterion.positive:
        raise CannotFit(
            f"No answer of “{criterion}” counts as a failure yet: choose the positive answers on "
            "the rubric page (or import with --positive), then calibrate again."
        )
