"""What a round's hunting brings: gold failures for each 100 candidates, guided half against control.

Both halves get the same budget and raters do not know which is which, so the difference is what the
guidance is worth. Shares are of settled cases: of those that wait nobody knows yet, and they are told.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from annotations.measurement.inference import difference_of_proportions, proportion
from annotations.measurement.results import Estimate
from annotations.models import Annotation, Criterion, Gold, Project
from annotations.statuses import AnnotationStatus, RaterKind
from campaigns.gold_sets import GUIDED
from campaigns.models import Candidate

CONTROL = "control"


@dataclass(frozen=True)
class Yield:
    """One half of one round, or of all."""

    arm: str
    failures: Estimate  # of its settled cases
    open: int  # cases that are not settled yet
    minutes: float  # of people, on its cases

    @property
    def per_hour(self) -> float | None:
        """Gold failures for each hour that people spent, where they spent a minute at least."""
        if self.minutes < 1 or self.failures.value is None:
            return None
        return self.failures.value * self.failures.n / self.minutes * 60


@dataclass(frozen=True)
class Yields:
    """Both halves and guided minus control."""

    guided: Yield
    control: Yield
    difference: Estimate


def yields_of(project: Project, criterion: Criterion) -> Yields:
    """Over all rounds of the project's campaign, on one criterion."""
    failure = Gold.objects.filter(
        case=OuterRef("case"), criterion=criterion, superseded_at__isnull=True,
        value__in=criterion.positive,
    )  # fmt: skip
    settled = Gold.objects.filter(
        case=OuterRef("case"), criterion=criterion, superseded_at__isnull=True
    )
    rows = (
        Candidate.objects.filter(round__campaign__project=project, case__isnull=False)
        .values("arm")
        .annotate(n=Count("id"), failures=Count("id", filter=Exists(failure)),
                  settled=Count("id", filter=Exists(settled)))
    )  # fmt: skip
    counts = {row["arm"]: row for row in rows}
    minutes = _minutes(project)
    halves = {arm: _half(arm, counts.get(arm), minutes[arm]) for arm in (GUIDED, CONTROL)}
    guided, control = counts.get(GUIDED), counts.get(CONTROL)
    return Yields(
        halves[GUIDED], halves[CONTROL],
        difference_of_proportions(
            guided["failures"] if guided else 0, guided["settled"] if guided else 0,
            control["failures"] if control else 0, control["settled"] if control else 0,
        ),
    )  # fmt: skip


def _half(arm: str, row: Mapping[str, Any] | None, minutes: float) -> Yield:
    failures, n, settled = (row["failures"], row["n"], row["settled"]) if row else (0, 0, 0)
    return Yield(arm, proportion(failures, settled), n - settled, minutes)


def _minutes(project: Project) -> Counter[str]:
    rows = (
        Annotation.objects.filter(
            Q(rater__kind=RaterKind.PERSON), project=project, status=AnnotationStatus.SUBMITTED,
            case__candidate__isnull=False,
        )
        .values(arm_of=F("case__candidate__arm"))
        .annotate(seconds=Coalesce(Sum("seconds"), 0.0))
    )  # fmt: skip
    return Counter({row["arm_of"]: row["seconds"] / 60 for row in rows})
