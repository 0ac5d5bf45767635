"""The bootstrap over items and raters: both are drawn with replacement, each coefficient on the same.

A rater drawn twice is no pair with itself: pairs of one rater are left out, and the pairs that an
item has left count m / pairs each, so that an item weighs what it weighed.
Symbols: N items, G raters, V values, B resamples at a time; k (B, G) = how often each rater is drawn,
w (B, N) each item; of item u, n_uv = sum of k over the raters that said v, q_uv = sum of k^2,
m_u = sum_v n_uv, pairs_u = m_u^2 - sum_v q_uv (pairs of different raters).
For any weights a_u all sums are A = sum_u a_u n_u n_u' and b = sum_u a_u q_u: with a = w m / pairs,
A - diag b is the sum of coincidences; with a = w / pairs it has the shares of agreeing pairs.
n and q come from one product of the drawn k, k^2 with the labels as 0 and 1, in single precision:
they are whole numbers, and the sums are good to 6 digits.
Sources: P. McCullagh, "Resampling and exchangeable arrays" (2000); A. B. Owen, "The pigeonhole
bootstrap" (2007); pairs of one rater: `docs/measurement/agreement.md` has what leaving them in costs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from annotations.measurement.bootstrap import (
    WORTH_THREADS,
    Bootstrap,
    Statistic,
    draw,
    spread,
    values_of,
)
from annotations.measurement.contributions import Floats, Layout, Scoring, union
from annotations.measurement.ratings import Ratings

Singles = NDArray[np.float32]
# Resamples drawn at a time, each set from its own stream.
SET = 32
# Items at a time: what is computed of them stays in the processor's cache.
STRIP = 512
# With fewer labels than this share of all items times raters, labels are kept as a sparse table.
DENSE = 0.15


def replicate_over_raters(
    ratings: Ratings, scoring: Scoring, statistics: Mapping[str, Statistic], how: Bootstrap
) -> dict[str, Floats]:
    """Every statistic on resamples of items and raters at once: name -> (R,)."""
    layout = Layout(union([s.needs for s in statistics.values()]), len(ratings.values))
    n_raters = len(ratings.raters)
    strips = list(_strips(ratings))
    seeds = np.random.SeedSequence(how.seed).spawn(-(-how.replicates // SET))
    alone = np.ones(len(ratings.items), dtype=np.int64)
    weights = ratings.item_weights.astype(np.float32)

    def of(which: int) -> dict[str, Floats]:
        rng = np.random.default_rng(seeds[which])
        size = min(SET, how.replicates - SET * which)
        k = rng.multinomial(n_raters, np.full(n_raters, 1 / n_raters), size=size)
        drawn = np.concatenate([k, k**2]).astype(np.float32)  # (2 B, G)
        w = draw(alone, size, rng)
        totals = np.zeros((size, layout.columns))
        for start, stop, labels in strips:
            n, q = _product(drawn, labels).reshape(2, size, len(ratings.values), stop - start)
            strip = Strip(n, q, w[:, start:stop] * weights[start:stop])
            totals += np.concatenate([SUMS[block](strip, scoring) for block in layout.blocks], 1)
        return values_of(layout.sums(totals), statistics)

    work = how.replicates * ratings.n_labels
    parts = spread(of, len(seeds), threads=work > WORTH_THREADS)
    return {name: np.concatenate([part[name] for part in parts]) for name in statistics}


@dataclass(frozen=True, eq=False)
class Strip:
    """Some items under B resamples: n, q (B, V, items) and w (B, items)."""

    n: Singles
    q: Singles
    w: Singles

    @cached_property
    def m(self) -> Singles:
        """Labels of each item (B, items)."""
        return np.asarray(self.n.sum(axis=1))

    @cached_property
    def pairs(self) -> Singles:
        """Ordered pairs of labels by different raters (B, items)."""
        return np.asarray(self.m * self.m - self.q.sum(axis=1))

    @cached_property
    def per_pair(self) -> Singles:
        """w / pairs, and zero without pairs (B, items)."""
        return np.divide(self.w, self.pairs, out=np.zeros_like(self.w), where=self.pairs > 0.5)

    @cached_property
    def coincidences(self) -> Floats:
        """A - diag b for w m / pairs (B, V, V)."""
        return self._sums(self.per_pair * self.m)

    @cached_property
    def alike(self) -> Floats:
        """A - diag b for w / pairs (B, V, V)."""
        return self._sums(self.per_pair)

    def _sums(self, a: Singles) -> Floats:
        sums = ((self.n * a[:, None]) @ self.n.transpose(0, 2, 1)).astype(np.float64)
        values = np.arange(self.n.shape[1])
        sums[:, values, values] -= (self.q @ a[:, :, None])[:, :, 0]
        return np.asarray(sums)


def _totals(strip: Strip, scoring: Scoring) -> Floats:
    return np.asarray(strip.coincidences.sum(axis=2))


def _observed(strip: Strip, scoring: Scoring) -> Floats:
    distances = np.zeros_like(scoring.weights) if scoring.distances is None else scoring.distances
    return np.asarray((strip.coincidences * distances).sum(axis=(1, 2)))[:, None]


def _coincidences(strip: Strip, scoring: Scoring) -> Floats:
    first, second = np.triu_indices(strip.n.shape[1], 1)
    return np.asarray(strip.coincidences[:, first, second])


def _same(strip: Strip, scoring: Scoring) -> Floats:
    return np.asarray(strip.coincidences.diagonal(axis1=1, axis2=2))


def _agreeing(strip: Strip, scoring: Scoring) -> Floats:
    return np.asarray((strip.alike * scoring.weights).sum(axis=(1, 2)))[:, None]


def _paired(strip: Strip, scoring: Scoring) -> Floats:
    return np.asarray((strip.w * (strip.pairs > 0.5)).sum(axis=1, keepdims=True), np.float64)


def _shares(strip: Strip, scoring: Scoring) -> Floats:
    each = np.divide(strip.w, strip.m, out=np.zeros_like(strip.w), where=strip.m > 0.5)
    return np.asarray((strip.n @ each[:, :, None])[:, :, 0], np.float64)


def _present(strip: Strip, scoring: Scoring) -> Floats:
    return np.asarray((strip.w * (strip.m > 0.5)).sum(axis=1, keepdims=True), np.float64)


# The sums of the blocks of `contributions.py`, each (B, columns of the block).
SUMS: dict[str, Callable[[Strip, Scoring], Floats]] = {
    "totals": _totals,
    "observed": _observed,
    "coincidences": _coincidences,
    "same": _same,
    "agreeing": _agreeing,
    "paired": _paired,
    "shares": _shares,
    "present": _present,
}


def _strips(ratings: Ratings) -> Iterator[tuple[int, int, Any]]:
    """Items a strip at a time, as 0 and 1: dense (G, V items) bytes, or sparse (V items, G)."""
    n_raters, n_values = len(ratings.raters), len(ratings.values)
    dense = ratings.n_labels > DENSE * len(ratings.items) * n_raters
    starts = [*range(0, len(ratings.items), STRIP), len(ratings.items)]
    places = np.searchsorted(ratings.item, np.array(starts, dtype=np.int32)).tolist()
    stretches = zip(starts, starts[1:], places, places[1:], strict=False)
    for start, stop, first, last in stretches:
        row = ratings.value[first:last] * (stop - start) + ratings.item[first:last] - start
        rater, rows = ratings.rater[first:last], n_values * (stop - start)
        if dense:
            labels = np.zeros((n_raters, rows), dtype=np.uint8)
            labels[rater, row] = 1
            yield start, stop, labels
        else:
            ones = np.ones(last - first, dtype=np.float32)
            yield start, stop, csr_matrix((ones, (row, rater)), shape=(rows, n_raters))


def _product(drawn: Singles, labels: Any) -> Singles:
    """drawn (2 B, G) times labels: (2 B, V items)."""
    if isinstance(labels, np.ndarray):
        return np.asarray(drawn @ labels.astype(np.float32))
    return np.ascontiguousarray((labels @ drawn.T).T)
