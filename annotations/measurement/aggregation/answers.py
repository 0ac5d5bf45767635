"""Posteriors into answers: the most probable value, ties by a stated rule, and how often wrong.

Symbols: q (N, K) posteriors; a tie is two or more values within 1e-9 of the highest; gold (N,) =
the number of the true value, -1 where there is none. In figures a tie of t values is as right as a
draw among them is on average, 1/t if gold is one of them.
"""

from collections.abc import Hashable, Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from annotations.measurement.aggregation.labels import AggregationError, Floats, SparseLabels
from annotations.measurement.counts import Label
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate, undefined

SAME = 1e-9
NO_ANSWER = -1
NO_GOLD = -1
Ties = Literal["none", "first", "draw"]


def answers(
    q: Floats, *, ties: Ties = "none", rng: np.random.Generator | None = None
) -> NDArray[np.int64]:
    """The most probable value of each item, (N,): a tie has none (-1), the first, or is drawn."""
    top = q >= q.max(axis=1, keepdims=True) - SAME
    first: NDArray[np.int64] = np.argmax(top, axis=1)
    tied = top.sum(axis=1) > 1
    if ties == "first":
        return first
    if ties == "none":
        return np.asarray(np.where(tied, NO_ANSWER, first))
    if rng is None:
        raise AggregationError("Ties are drawn with a seeded generator: give one.")
    drawn = np.argmax(np.where(top, rng.random(q.shape), -1.0), axis=1)
    return np.asarray(np.where(tied, drawn, first))


def right_of(q: Floats, gold: NDArray[np.int64]) -> Floats:
    """How right each item with gold is: 1, 0, or 1/t in a tie, (N,)."""
    top = q >= q.max(axis=1, keepdims=True) - SAME
    askable = (gold >= 0) & (gold < q.shape[1])
    right = top[np.arange(len(q)), np.where(askable, gold, 0)] / top.sum(axis=1)
    return np.where(askable, right, 0.0)


def error(q: Floats, gold: NDArray[np.int64]) -> Estimate:
    """The share of items with gold that are wrong, with Wilson's interval."""
    known = gold != NO_GOLD
    n = int(known.sum())
    if n == 0:
        return undefined("No item has gold.", n=0, method="error against gold")
    wrong = n - float(right_of(q[known], gold[known]).sum())
    interval = proportion(round(wrong), n)
    return Estimate(wrong / n, interval.low, interval.high, n, method="error against gold")


def code_gold(labels: SparseLabels, gold: Mapping[Hashable, Label]) -> NDArray[np.int64]:
    """Gold by item as numbers (N,), -1 where there is none.

    A gold value that no rater ever gave is one more value, K: no method can be right there.
    """
    number = {value: k for k, value in enumerate(labels.values)}
    return np.array(
        [number.get(gold[i], labels.n_values) if i in gold else NO_GOLD for i in labels.items],
        dtype=np.int64,
    )
