"""The methods by name, the simplest first: each is one file with `rounds(labels)`."""

from collections.abc import Callable, Iterator

from annotations.measurement.aggregation import (
    dawid_skene,
    glad,
    hierarchical,
    mace,
    majority,
    one_coin,
    ordinal,
)
from annotations.measurement.aggregation.em import Fit, Stop, run
from annotations.measurement.aggregation.judges import ONE_PERSON, hear_judges, only_people
from annotations.measurement.aggregation.labels import AggregationError, SparseLabels

# In order of how much they suppose of each rater: one number for all, then one, two, a table.
METHODS: dict[str, Callable[..., Iterator[Fit]]] = {
    module.NAME: module.rounds
    for module in (majority, one_coin, glad, mace, ordinal, hierarchical, dawid_skene)
}
FEWEST_ORDERED = 3


def suitable(labels: SparseLabels) -> list[str]:
    """The methods that these labels allow: ordinal needs an order of three values or more."""
    has_order = labels.ordered and labels.n_values >= FEWEST_ORDERED
    return [name for name in METHODS if name != ordinal.NAME or has_order]


def fit(
    labels: SparseLabels,
    method: str,
    *,
    stop: Stop = Stop(),  # noqa: B008 (frozen)
    judge_weight: float = ONE_PERSON,
) -> Fit:
    """The labels brought together by one method; judges beside people are heard afterwards."""
    if method not in METHODS:
        raise AggregationError(f"There is no method {method!r}: choose of {', '.join(METHODS)}.")
    people = run(METHODS[method](only_people(labels)), stop)
    return hear_judges(labels, people, weight=judge_weight)
