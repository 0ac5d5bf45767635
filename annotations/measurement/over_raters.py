"""Intervals that speak of other raters too: items and raters are both drawn from a population.

An interval over items alone speaks of these raters: for the alpha of a large pool of raters it
covers half of what it says (docs/measurement/agreement.md has the figures). Here are two ways:
- the two-way jackknife: each rater, each item and each label is left out once; the squared changes
  give V = V_raters + V_items - V_labels, since what belongs to a label alone is in both of the
  first. The t quantile has Satterthwaite's degrees of freedom, so that few raters count as few.
- the bootstrap over items and raters: both are drawn with replacement. A rater drawn twice is no
  pair with itself: pairs of one rater are left out, and an item's pairs count m / pairs.
Symbols: G raters, N items, V values; T (K,) sums over items; theta(T) a coefficient.
Sources: B. Efron, C. Stein, "The jackknife estimate of variance" (1981); A. C. Cameron, J. B. Gelbach,
D. L. Miller, "Robust inference with multiway clustering" (2011), whose V this is;
F. E. Satterthwaite (1946); A. B. Owen, "The pigeonhole bootstrap" (2007); self-pairs:
P. McCullagh, "Resampling and exchangeable arrays" (2000).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.stats import t as student

from annotations.measurement.bootstrap import (
    CHUNK,
    SAME,
    SET,
    STRIP,
    WORTH_THREADS,
    Bootstrap,
    Statistic,
    draw,
    items_of,
    spread,
    values_of,
)
from annotations.measurement.contributions import (
    Floats,
    Layout,
    Patterns,
    Scoring,
    Tally,
    collapse,
    tally,
    union,
)
from annotations.measurement.ratings import Ratings, counts_of

# With fewer raters there is nothing to learn about other raters from.
MIN_RATERS = 3
JACKKNIFE = "two-way jackknife over items and raters, for other items and other raters like these"


@dataclass(frozen=True)
class Delete:
    """A coefficient with its two-way jackknife: variances, degrees of freedom, interval."""

    value: float
    over_raters: float
    over_items: float
    over_labels: float
    degrees: float
    low: float | None
    high: float | None
    reason: str | None = None
    method: str = JACKKNIFE


def over_raters(
    ratings: Ratings,
    scoring: Scoring,
    statistics: Mapping[str, Statistic],
    *,
    level: float = 0.95,
) -> dict[str, Delete]:
    """Every statistic with its interval for other items and other raters like these."""
    n_raters = len(np.unique(ratings.rater))
    patterns = collapse(counts_of(ratings))
    layout = Layout(union([s.needs for s in statistics.values()]), len(ratings.values))
    whole = items_of(patterns, scoring, layout).whole()
    points = values_of(layout.sums(whole), statistics)
    if n_raters < MIN_RATERS:
        reason = (
            f"{n_raters} raters say nothing about other raters: the interval over raters needs "
            f"{MIN_RATERS}."
        )
        return {
            name: Delete(float(point[0]), 0, 0, 0, 0, None, None, reason)
            for name, point in points.items()
        }
    squares = _Squares(ratings, patterns, scoring, layout, statistics, whole).measured()
    return {
        name: _interval(float(points[name][0]), found, n_raters, patterns.n_items, level)
        for name, found in squares.items()
    }


def replicate_over_raters(
    ratings: Ratings, scoring: Scoring, statistics: Mapping[str, Statistic], how: Bootstrap
) -> dict[str, Floats]:
    """Every statistic on resamples of items and raters at once: name -> (R,)."""
    layout = Layout(union([s.needs for s in statistics.values()]), len(ratings.values))
    n_items, n_raters = len(ratings.items), len(ratings.raters)
    strips = list(_one_hot_strips(ratings))
    seeds = np.random.SeedSequence(how.seed).spawn(-(-how.replicates // SET))
    alone = np.ones(n_items, dtype=np.int64)

    def of(which: int) -> dict[str, Floats]:
        rng = np.random.default_rng(seeds[which])
        size = min(SET, how.replicates - SET * which)
        k = rng.multinomial(n_raters, np.full(n_raters, 1 / n_raters), size=size)
        w = draw(alone, size, rng)
        drawn = np.concatenate([k, k**2]).T.astype(np.float32)  # (G, 2 size)
        totals = np.zeros((size, layout.columns))
        for start, stop, labels in strips:
            both = (labels @ drawn).reshape(len(ratings.values), stop - start, 2, size)
            columns = layout.of(Tally(both[:, :, 0], both[:, :, 1]), scoring)  # (K, items, size)
            weights = (w[:, start:stop] * ratings.item_weights[start:stop]).T  # (items, size)
            totals += np.einsum("kus,us->sk", columns, weights)
        return values_of(layout.sums(totals), statistics)

    work = how.replicates * ratings.n_labels
    parts = spread(of, len(seeds), threads=work > WORTH_THREADS)
    return {name: np.concatenate([part[name] for part in parts]) for name in statistics}


@dataclass(frozen=True, eq=False)
class _Squares:
    """Squared changes of the statistics when a rater, an item or a label is left out."""

    ratings: Ratings
    patterns: Patterns
    scoring: Scoring
    layout: Layout
    statistics: Mapping[str, Statistic]
    whole: Floats

    def measured(self) -> dict[str, tuple[float, float, float]]:
        """Name -> variance over raters, items and labels."""
        of_rater = np.zeros((len(self.ratings.raters), self.layout.columns))
        items = dict.fromkeys(self.statistics, 0.0)
        labels = dict.fromkeys(self.statistics, 0.0)
        for start, stop in self._stretches():
            rows = self.patterns.counts[start:stop]
            columns = self._columns(rows, start, stop)
            self._add(items, columns, self.patterns.multiplicity[start:stop].astype(np.float64))
            for v in range(rows.shape[1]):
                has = rows[:, v] > 0
                less = rows - has[:, None] * (np.arange(rows.shape[1]) == v)
                change = (columns - self._columns(less, start, stop)) * has[:, None]
                given = self.patterns.multiplicity[start:stop] * rows[:, v]
                self._add(labels, change[has], given[has])
                of_rater += self._by_rater(v, start, stop) @ change
        raters: dict[str, float] = dict.fromkeys(self.statistics, 0.0)
        self._add(raters, of_rater, np.ones(len(of_rater)))
        n, g = self.patterns.n_items, len(of_rater)
        return {
            name: (raters[name] * (g - 1) / g, items[name] * (n - 1) / n, labels[name])
            for name in self.statistics
        }

    def _stretches(self) -> Iterator[tuple[int, int]]:
        step = max(1, min(STRIP, CHUNK // max(self.layout.columns, 1)))
        for start in range(0, len(self.patterns.counts), step):
            yield start, min(start + step, len(self.patterns.counts))

    def _columns(self, rows: Floats, start: int, stop: int) -> Floats:
        weight = self.patterns.weight[start:stop]
        return np.asarray((self.layout.of(tally(rows), self.scoring) * weight).T)

    def _add(self, squares: dict[str, float], changes: Floats, times: NDArray[np.float64]) -> None:
        here = values_of(self.layout.sums(self.whole), self.statistics)
        there = values_of(self.layout.sums(self.whole - changes), self.statistics)
        for name in self.statistics:
            squares[name] += float((times * (there[name] - here[name]) ** 2).sum())

    def _by_rater(self, v: int, start: int, stop: int) -> csr_matrix:
        """How often each rater gave value v to an item of each pattern (G, stop - start)."""
        of_label = self.patterns.of_item[self.ratings.item]
        here = (self.ratings.value == v) & (of_label >= start) & (of_label < stop)
        ones = np.ones(int(here.sum()))
        place = (self.ratings.rater[here], of_label[here] - start)
        return csr_matrix((ones, place), shape=(len(self.ratings.raters), stop - start))


def _interval(
    value: float, squares: tuple[float, float, float], raters: int, items: int, level: float
) -> Delete:
    v_raters, v_items, v_labels = squares
    variance = max(v_raters + v_items - v_labels, v_raters, v_items)
    if not np.isfinite(value) or not np.isfinite(variance):
        reason = "Without one of the raters or items the coefficient is undefined: too few of them."
        return Delete(value, v_raters, v_items, v_labels, 0, None, None, reason)
    if variance < SAME:
        reason = "No rater and no item changes the value: they show no uncertainty."
        return Delete(value, v_raters, v_items, v_labels, 0, None, None, reason)
    degrees = variance**2 / (v_raters**2 / (raters - 1) + v_items**2 / max(items - 1, 1))
    half = float(student.ppf((1 + level) / 2, degrees)) * variance**0.5
    low, high = value - half, min(value + half, 1.0)
    return Delete(value, v_raters, v_items, v_labels, degrees, low, high)


def _one_hot_strips(ratings: Ratings) -> Iterator[tuple[int, int, csr_matrix]]:
    """Items a strip at a time, as 0 and 1 (V * items, G): has the rater given the value?"""
    step = max(SET, STRIP // 16)
    for start in range(0, len(ratings.items), step):
        stop = min(start + step, len(ratings.items))
        first, last = np.searchsorted(ratings.item, [start, stop])
        rows = ratings.value[first:last] * (stop - start) + ratings.item[first:last] - start
        ones = np.ones(last - first, dtype=np.float32)
        shape = (len(ratings.values) * (stop - start), len(ratings.raters))
        yield start, stop, csr_matrix((ones, (rows, ratings.rater[first:last])), shape=shape)
