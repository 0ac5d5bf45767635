"""What each item adds to the sums of which every agreement coefficient is a function.

A coefficient depends on the labels through sums over items only. So its value, its resamples, its
value without one rater and its value after one more label are the same function of other sums.
Symbols: V values; of an item, n_v = the weight of the labels v, q_v = the sum of their squared
weights (weights are 1, or how often a rater was drawn: then n_v^2 - q_v counts pairs of different
raters only), m = sum n_v, pairs = m^2 - sum q_v; d, w = distances and weights of `weights.py`.
Coincidences: c_kl = (n_k n_l - [k = l] q_k) m / pairs, which is Krippendorff's
(n_k n_l - [k = l] n_k) / (m - 1) where all weights are 1; zero where an item has no pair.
Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011); K. Gwet, "Handbook of
Inter-Rater Reliability" (4th ed., 2014), chapters 2 and 3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from annotations.measurement.counts import ValueCounts

Floats = NDArray[np.float64]
Sums = Mapping[str, Floats]  # block -> sums over items (R, columns of the block)

# Collapsing equal rows pays where they are this much fewer than the items; and always if few.
WORTH_COLLAPSING = 16
FEW = 500


@dataclass(frozen=True, eq=False)
class Scoring:
    """What a pair of labels counts: d (V, V), None for ordinal, and w (V, V)."""

    distances: Floats | None
    weights: Floats


@dataclass(frozen=True, eq=False)
class Tally:
    """Label weights of some items: n and q, both (V, ...)."""

    n: Floats
    q: Floats

    @cached_property
    def m(self) -> Floats:
        """Labels of each item (...)."""
        return np.asarray(self.n.sum(axis=0))

    @cached_property
    def pairs(self) -> Floats:
        """Ordered pairs of labels by different raters (...)."""
        return np.asarray(self.m**2 - self.q.sum(axis=0))

    @cached_property
    def per_pair(self) -> Floats:
        """1 / pairs, and zero without pairs (...)."""
        return np.divide(1.0, self.pairs, out=np.zeros_like(self.m), where=self.pairs > 0.5)

    @cached_property
    def scale(self) -> Floats:
        """m / pairs: what a coincidence counts (...)."""
        return self.per_pair * self.m


def tally(counts: Floats) -> Tally:
    """Plain counts (P, V), every label of weight 1."""
    return Tally(np.ascontiguousarray(counts.T), np.ascontiguousarray(counts.T))


def _totals(t: Tally, s: Scoring) -> Floats:
    """n_v of pairable items, the row sums of c (V, ...)."""
    return np.asarray((t.n * t.m - t.q) * t.scale)


def _observed(t: Tally, s: Scoring) -> Floats:
    """sum_kl c_kl d_kl for fixed distances (1, ...)."""
    distances = np.zeros_like(s.weights) if s.distances is None else s.distances
    apart = np.tensordot(distances, t.n, axes=1)
    return np.asarray((t.n * apart).sum(axis=0) * t.scale)[None]


def _coincidences(t: Tally, s: Scoring) -> Floats:
    """c_kl for k < l, row by row (V (V - 1) / 2, ...)."""
    first, second = np.triu_indices(len(t.n), 1)
    return np.asarray(t.n[first] * t.n[second] * t.scale)


def _same(t: Tally, s: Scoring) -> Floats:
    """c_vv (V, ...)."""
    return np.asarray((t.n**2 - t.q) * t.scale)


def _agreeing(t: Tally, s: Scoring) -> Floats:
    """The weighted share of agreeing pairs (1, ...)."""
    alike = (t.n * np.tensordot(s.weights, t.n, axes=1)).sum(axis=0)
    alike -= np.tensordot(np.diag(s.weights), t.q, axes=1)
    return np.asarray(alike * t.per_pair)[None]


def _paired(t: Tally, s: Scoring) -> Floats:
    """1 for an item with a pair of labels (1, ...)."""
    return (t.pairs > 0.5).astype(np.float64)[None]


def _shares(t: Tally, s: Scoring) -> Floats:
    """n_v / m (V, ...)."""
    return np.divide(t.n, t.m, out=np.zeros_like(t.n), where=t.m > 0.5)


def _present(t: Tally, s: Scoring) -> Floats:
    """1 for an item with a label (1, ...)."""
    return (t.m > 0.5).astype(np.float64)[None]


BLOCKS: dict[str, Callable[[Tally, Scoring], Floats]] = {
    "totals": _totals,
    "observed": _observed,
    "coincidences": _coincidences,
    "same": _same,
    "agreeing": _agreeing,
    "paired": _paired,
    "shares": _shares,
    "present": _present,
}


def width(block: str, n_values: int) -> int:
    """How many columns a block has."""
    if block == "coincidences":
        return n_values * (n_values - 1) // 2
    return n_values if block in ("totals", "same", "shares") else 1


@dataclass(frozen=True)
class Layout:
    """Which blocks stand beside one another, for V values: K columns in all."""

    blocks: tuple[str, ...]
    n_values: int

    @property
    def columns(self) -> int:
        """K."""
        return sum(width(block, self.n_values) for block in self.blocks)

    def of(self, tallied: Tally, scoring: Scoring) -> Floats:
        """The columns of each item (K, ...)."""
        return np.concatenate([BLOCKS[block](tallied, scoring) for block in self.blocks])

    def sums(self, totals: Floats) -> dict[str, Floats]:
        """Totals (R, K) by block."""
        ends = np.cumsum([width(block, self.n_values) for block in self.blocks])
        parts = np.split(totals, ends[:-1], axis=1)
        return dict(zip(self.blocks, parts, strict=True))


@dataclass(frozen=True, eq=False)
class Patterns:
    """Different rows of counts (P, V), how many items have each (P,), what such an item weighs.

    of_item (N,): the pattern of each item, -1 for an item without labels.
    """

    counts: Floats
    multiplicity: NDArray[np.int64]
    weight: Floats
    of_item: NDArray[np.int64]

    @property
    def n_items(self) -> int:
        """Items in all."""
        return int(self.multiplicity.sum())


def collapse(counts: ValueCounts) -> Patterns:
    """Items with equal counts and weight as one pattern where that pays; none without labels.

    Where nearly every item is its own pattern, rows stay as they are, each with multiplicity 1.
    """
    used = counts.matrix.sum(axis=1) > 0
    rows = counts.matrix[used]
    weight = np.ones(len(rows)) if counts.weights is None else counts.weights[used]
    of_item = np.full(len(used), -1, dtype=np.int64)
    first, which, multiplicity = groups(rows, weight)
    if worth_collapsing(len(first), len(rows)):
        of_item[used] = which
        return Patterns(rows[first].astype(np.float64), multiplicity, weight[first], of_item)
    of_item[used] = np.arange(len(rows))
    alone = np.ones(len(rows), dtype=np.int64)
    return Patterns(rows.astype(np.float64), alone, weight, of_item)


def worth_collapsing(patterns: int, items: int) -> bool:
    """Whether so few patterns make it worth to draw patterns and not items."""
    return patterns <= max(FEW, items // WORTH_COLLAPSING)


def groups(
    rows: NDArray[np.int64], weight: Floats
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The first row of each pattern, the pattern of each row, and how many there are of it.

    rows (n, k) of numbers from zero; rows of different weight (n,) are different patterns.
    """
    base = int(rows.max(initial=0)) + 1
    key, most = np.zeros(len(rows), dtype=np.int64), 1
    if len(weight) and np.ptp(weight) > 0:
        key = np.unique(weight, return_inverse=True)[1].astype(np.int64)
        most = int(key.max()) + 1
    for column in rows.T:
        if most > 2**62 // base:  # the key would overflow: number the patterns so far
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            most = int(key.max(initial=0)) + 1
        key = key * base + column
        most *= base
    _, first, which, multiplicity = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    return first.astype(np.int64), which.astype(np.int64), multiplicity.astype(np.int64)


def union(needs: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Every block that is needed, once, in order of appearance."""
    return tuple(dict.fromkeys(block for blocks in needs for block in blocks))
