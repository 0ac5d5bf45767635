"""How often gold gives each answer, by up to two strata: over-refusal, prevalence, and the like."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.models import Criterion, Gold, Project
from annotations.statuses import Provenance, VerdictStatus
from annotations.strata import NONE


@dataclass(frozen=True)
class Rates:
    """One group of cases: the share of each answer among those that have one."""

    group: tuple[str, ...]
    answers: dict[str, Estimate]
    positive: Estimate
    no_answer: int  # settled as can't tell or not applicable: in no share
    simulated: int

    @property
    def label(self) -> str:
        return " · ".join(self.group)


def answer_rates(
    project: Project, criterion: Criterion, *, answers: Sequence[str], by: Sequence[str] = (),
) -> list[Rates]:  # fmt: skip
    """A row for each group of the strata `by`, in order of their names; for none, one row of all.

    n = the settled answers of the group. Gold that says can't tell is counted apart.
    """
    groups: dict[tuple[str, ...], Counter[tuple[str, str, bool]]] = defaultdict(Counter)
    rows = Gold.objects.filter(
        project=project, criterion=criterion, superseded_at__isnull=True
    ).values_list("case__strata", "status", "value", "is_simulated")
    for strata, status, value, simulated in rows:
        group = tuple(_word(strata, name) for name in by)
        groups[group][status, value, simulated] += 1
    if not groups and not by:
        groups[()] = Counter()
    return [_rates(group, groups[group], criterion, answers) for group in sorted(groups)]


def _word(strata: Mapping[str, object], name: str) -> str:
    value = strata.get(name)
    return NONE if value is None else str(value)


def _rates(
    group: tuple[str, ...], found: Counter[tuple[str, str, bool]], criterion: Criterion,
    answers: Sequence[str],
) -> Rates:  # fmt: skip
    given: Counter[str] = Counter()
    for (status, value, _), n in found.items():
        if status == VerdictStatus.ANSWERED:
            given[value] += n
    n_answered = given.total()
    seen = dict.fromkeys([*answers, *sorted(given)])  # answers of older versions come last
    return Rates(
        group=group,
        answers={value: proportion(given[value], n_answered) for value in seen},
        positive=proportion(sum(given[v] for v in set(criterion.positive)), n_answered),
        no_answer=found.total() - n_answered,
        simulated=sum(n for (_, _, simulated), n in found.items() if simulated),
    )


def provenance_counts(project: Project) -> dict[Provenance, int]:
    """How the gold that stands was settled; each way is listed, also with none."""
    counts = Counter(
        Gold.objects.filter(project=project, superseded_at__isnull=True).values_list(
            "provenance", flat=True
        )
    )
    return {way: counts[way.value] for way in Provenance}
