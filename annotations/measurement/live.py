"""Alpha and its interval while labels arrive: one more label costs microseconds, whatever is there.

Kept are T = sum of x_u and M = sum of x_u x_u', where x_u (K,) is what item u adds to the sums
(`contributions.py`). A label changes x of its own item only: T and M change by the old and the new
x. A resample of N items has sums of mean T and covariance M - T T' / N; with many items they are
normal, so the interval is that of the coefficient at normal draws of T, always from the same
standard normals: it moves only because the labels do.
Symbols: N items, V values, K columns, R draws. The point value is the full one but for rounding.
Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 6 and 22 (the
multinomial weights and their normal limit).
"""

from collections.abc import Hashable, Iterable

import numpy as np

from annotations.measurement.bootstrap import (
    Bootstrap,
    Statistic,
    percentile_interval,
)
from annotations.measurement.contributions import Floats, Layout, Scoring, tally
from annotations.measurement.counts import AgreementError, Label
from annotations.measurement.results import Estimate, undefined

# With fewer items the sums of a resample are not yet normal: measure them in full.
MIN_ITEMS = 30
# The sums are added up anew after so many changes, so that rounding never adds up.
REFRESH = 100_000


class LiveAgreement:
    """One coefficient of a growing set of labels."""

    def __init__(
        self,
        values: Iterable[Label],
        scoring: Scoring,
        statistic: Statistic,
        bootstrap: Bootstrap | None = None,
    ) -> None:
        self._place = {value: v for v, value in enumerate(values)}
        self._scoring, self._statistic = scoring, statistic
        self._how = bootstrap or Bootstrap()
        self._layout = Layout(statistic.needs, len(self._place))
        self._counts: dict[Hashable, Floats] = {}
        self._labelled = self._paired = self._changes = 0
        k = self._layout.columns
        self._totals, self._moments = np.zeros(k), np.zeros((k, k))
        rng = np.random.default_rng(self._how.seed)
        self._normal = rng.standard_normal((self._how.replicates, k))

    def add(self, item: Hashable, label: Label) -> None:
        """One more label of an item, by a rater who had none there."""
        self._change(item, label, 1)

    def take(self, item: Hashable, label: Label) -> None:
        """A label is withdrawn (a corrected one is taken and the new one added)."""
        self._change(item, label, -1)

    def estimate(self) -> Estimate:
        """The coefficient now, with its interval over items for these raters."""
        n, level = self._paired, self._how.level
        method = f"normal limit of the bootstrap over items for these raters, {len(self._normal):,} draws"
        point = float(self._at(self._totals[None])[0]) if n else float("nan")
        if np.isnan(point):
            reason = "No two labels of an item that could differ: there is nothing to compare yet."
            return undefined(reason, n=n, method=method, level=level)
        if n < MIN_ITEMS:
            reason = f"Fewer than {MIN_ITEMS} items with two labels: measure them in full."
            return Estimate(point, None, None, n, level=level, method=method, reason=reason)
        found = percentile_interval(self._at(self._drawn()), point=point, n=n, level=level)
        return Estimate(
            point, found.low, found.high, n, level=level, method=method, reason=found.reason
        )

    def _change(self, item: Hashable, label: Label, by: int) -> None:
        if label not in self._place:
            raise AgreementError(f"{label!r} is not on the scale: it cannot be measured.")
        counts = self._counts.setdefault(item, np.zeros(len(self._place)))
        v = self._place[label]
        if counts[v] + by < 0:
            raise AgreementError(f"Item {item!r} has no label {label!r} to take back.")
        self._add(counts, -1)
        counts[v] += by
        self._add(counts, 1)
        self._changes += 1
        if self._changes % REFRESH == 0:
            self._refresh()

    def _add(self, counts: Floats, sign: int) -> None:
        labels = counts.sum()
        if labels == 0:
            return
        x = self._layout.of(tally(counts[None]), self._scoring)[:, 0]
        self._totals += sign * x
        self._moments += sign * np.outer(x, x)
        self._labelled += sign
        self._paired += sign * int(labels > 1)

    def _refresh(self) -> None:
        used = np.array([c for c in self._counts.values() if c.any()])
        x = self._layout.of(tally(used), self._scoring)
        self._totals, self._moments = x.sum(axis=1), x @ x.T

    def _drawn(self) -> Floats:
        """Normal sums with the mean and covariance of a resample's (R, K)."""
        covariance = self._moments - np.outer(self._totals, self._totals) / self._labelled
        spread, axes = np.linalg.eigh(covariance)
        root = axes * np.sqrt(np.maximum(spread, 0.0))
        return np.asarray(self._totals + self._normal @ root.T)

    def _at(self, totals: Floats) -> Floats:
        return self._statistic.value(self._layout.sums(totals))
