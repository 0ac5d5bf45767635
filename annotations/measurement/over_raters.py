"""Intervals that speak of other raters too: items and raters are both drawn from a population.

An interval over items alone speaks of these raters: for the alpha of a large pool of raters it
covers about half of what it says (docs/measurement/agreement.md has the figures). Two ways:
- where most raters label most items, the bootstrap over items and raters (`rater_bootstrap.py`);
- elsewhere, and where that is dear, the two-way jackknife: each rater, each item and each label is
  left out once. The squared changes give V = V_items + max(V_raters - V_labels, 0): what belongs to
  single labels is in V_items already. The t quantile has Satterthwaite's degrees of freedom, at
  least G - 1. With few labels an item the bootstrap would count their noise up to three times.
Symbols: G raters, N items, V values; T (K,) sums over items; theta(T) a coefficient.
Sources: B. Efron, C. Stein, "The jackknife estimate of variance" (1981); A. C. Cameron, J. B. Gelbach,
D. L. Miller, "Robust inference with multiway clustering" (2011), whose V this is; F. E. Satterthwaite
(1946); A. B. Owen, "The pigeonhole bootstrap" (2007), on what counts three times.
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
    Bootstrap,
    Statistic,
    items_of,
    percentile_interval,
    values_of,
)
from annotations.measurement.contributions import (
    Floats,
    Layout,
    Patterns,
    Scoring,
    collapse,
    tally,
    union,
)
from annotations.measurement.rater_bootstrap import replicate_over_raters
from annotations.measurement.ratings import Ratings, counts_of

# With fewer raters there is nothing to learn about other raters from.
MIN_RATERS = 3
# The bootstrap draws raters: with fewer, too many resamples hold one rater only.
MIN_DRAWN = 4
# How much of all items times raters has to be labelled for the bootstrap over both.
COMPLETE = 0.5
# Labels times resamples up to which the bootstrap over both is worth waiting for (about 6 seconds).
MAX_WORK = 2_000_000_000
POPULATION = "for other items and other raters like these"
JACKKNIFE = f"two-way jackknife over items and raters, {POPULATION}"


@dataclass(frozen=True)
class Beyond:
    """A coefficient with its interval for other items and raters, and how that was found."""

    value: float
    low: float | None
    high: float | None
    method: str
    reason: str | None = None


def over_raters(
    ratings: Ratings,
    scoring: Scoring,
    statistics: Mapping[str, Statistic],
    how: Bootstrap,
    *,
    max_work: int = MAX_WORK,
) -> dict[str, Beyond]:
    """Every statistic with its interval for other items and other raters like these."""
    n_raters = len(np.unique(ratings.rater))
    if n_raters < MIN_RATERS:
        return {}
    found = jackknife(ratings, scoring, statistics, level=how.level)
    complete = ratings.n_labels > COMPLETE * len(ratings.items) * n_raters
    if n_raters < MIN_DRAWN or not complete or ratings.n_labels * how.replicates > max_work:
        return {name: one.beyond() for name, one in found.items()}
    drawn = replicate_over_raters(ratings, scoring, statistics, how)
    return {name: _percentiles(found[name].value, drawn[name], ratings, how) for name in found}


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

    def beyond(self) -> Beyond:
        """The interval alone."""
        return Beyond(self.value, self.low, self.high, JACKKNIFE, self.reason)


def jackknife(
    ratings: Ratings,
    scoring: Scoring,
    statistics: Mapping[str, Statistic],
    *,
    level: float = 0.95,
) -> dict[str, Delete]:
    """Every statistic with its two-way jackknife."""
    patterns = collapse(counts_of(ratings))
    layout = Layout(union([s.needs for s in statistics.values()]), len(ratings.values))
    whole = items_of(patterns, scoring, layout).whole()
    points = values_of(layout.sums(whole), statistics)
    squares = _Squares(ratings, patterns, scoring, layout, statistics, whole).measured()
    n_raters = len(np.unique(ratings.rater))
    return {
        name: _interval(float(points[name][0]), found, n_raters, patterns.n_items, level)
        for name, found in squares.items()
    }


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
        step = max(1, CHUNK // (4 * max(self.layout.columns, 1)))
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
    variance = v_items + max(v_raters - v_labels, 0.0)
    if not np.isfinite(value) or not np.isfinite(variance):
        reason = "Without one of the raters, items or labels the coefficient is undefined."
        return Delete(value, v_raters, v_items, v_labels, 0, None, None, reason)
    if variance < SAME:
        reason = "No rater and no item changes the value: they show no uncertainty."
        return Delete(value, v_raters, v_items, v_labels, 0, None, None, reason)
    effective = variance**2 / (v_raters**2 / (raters - 1) + v_items**2 / max(items - 1, 1))
    degrees = max(effective, raters - 1)
    half = float(student.ppf((1 + level) / 2, degrees)) * variance**0.5
    low, high = value - half, min(value + half, 1.0)
    return Delete(value, v_raters, v_items, v_labels, degrees, low, high)


def _percentiles(value: float, drawn: Floats, ratings: Ratings, how: Bootstrap) -> Beyond:
    found = percentile_interval(drawn, point=value, n=len(ratings.items), level=how.level)
    method = f"percentile bootstrap over items and raters, {how.replicates:,} resamples"
    return Beyond(value, found.low, found.high, f"{method}, {POPULATION}", found.reason)
