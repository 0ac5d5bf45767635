"""Published standard errors of the kappas and alpha: no resampling, items as the sample.

Each coefficient is (p_a - p_e) / (1 - p_e); to first order it is a mean over items of x_u, and its
variance is (1 - f) sum_u (x_u - kappa)^2 / (n (n - 1)), with the t quantile of n - 1 degrees.
Symbols: N items, V values; n_uv = how often item u got value v, m_u its labels, w (V, V) weights,
W = their sum, n items with a label, n' with two; p_au = weighted share of agreeing pairs of item u,
pi_v = mean of n_uv / m_u; f = n over the number of items in the world (0 where that is infinite).
Sources: K. Gwet, "Handbook of Inter-Rater Reliability" (4th ed., 2014), chapters 5 and 6, and "Computing
inter-rater reliability and its variance in the presence of high agreement" (2008). For the table of
two raters see `two_raters.py`.
Where references differ: irrCAC in R takes all items for alpha's degrees of freedom and centres on
p_a before its correction, in Python the pairable items and the corrected p_a; ours are Python's: the
variance is made of pairable items only, and the centres differ by 1 / n^2. irrCAC gives some p-values
one-sided; ours are two-sided.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from annotations.measurement.coefficients import NO_ROOM
from annotations.measurement.contributions import Floats, Scoring
from annotations.measurement.counts import ValueCounts
from annotations.measurement.ratings import Ratings, counts_of
from annotations.measurement.results import Estimate

METHOD = "Gwet's standard error over items for these raters, t interval"


@dataclass(frozen=True)
class Analytic:
    """A coefficient with its published standard error."""

    value: float
    agreement: float
    chance: float
    error: float
    degrees: int

    @property
    def p_value(self) -> float:
        """Two-sided, against no agreement beyond chance."""
        if self.error == 0:
            return 0.0
        return float(2 * student.sf(abs(self.value / self.error), self.degrees))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """value -+ t times the error, cut at 1."""
        half = float(student.ppf((1 + level) / 2, self.degrees)) * self.error
        return self.value - half, min(self.value + half, 1.0)

    def estimate(self, *, n: int, level: float = 0.95) -> Estimate:
        """As a result with its interval."""
        low, high = self.interval(level)
        return Estimate(self.value, low, high, n, level=level, method=METHOD)


@dataclass(frozen=True, eq=False)
class _Table:
    """Counts of labelled items (n, V) with what every kappa needs of them."""

    counts: Floats
    weights: Floats

    @property
    def labels(self) -> Floats:
        """m_u (n,)."""
        return np.asarray(self.counts.sum(axis=1))

    @property
    def paired(self) -> Floats:
        """1 where there are two labels (n,)."""
        return (self.labels > 1).astype(np.float64)

    @property
    def agreements(self) -> Floats:
        """p_au, 0 without a pair (n,)."""
        m = self.labels
        alike = (self.counts * (self.counts @ self.weights.T - 1)).sum(axis=1)
        return np.asarray(self.paired * alike / np.maximum(m * (m - 1), 1))

    @property
    def shares(self) -> Floats:
        """pi_v (V,)."""
        return np.asarray((self.counts / self.labels[:, None]).mean(axis=0))


def percent_error(counts: ValueCounts, scoring: Scoring, *, fraction: float = 0.0) -> Analytic:
    """Percent agreement."""
    table = _table(counts, scoring)
    x = len(table.counts) / table.paired.sum() * table.agreements
    value = float(x.mean())
    return Analytic(value, value, 0.0, _error(x, value, fraction), len(x) - 1)


def fleiss_error(counts: ValueCounts, scoring: Scoring, *, fraction: float = 0.0) -> Analytic:
    """Fleiss' kappa; for two raters Scott's pi."""
    table = _table(counts, scoring)
    pi, w = table.shares, (scoring.weights + scoring.weights.T) / 2
    chances = table.counts @ (w @ pi) / table.labels
    return _kappa(table, float(pi @ w @ pi), chances, fraction)


def gwet_error(counts: ValueCounts, scoring: Scoring, *, fraction: float = 0.0) -> Analytic:
    """Gwet's AC1, with weights AC2."""
    table = _table(counts, scoring)
    n_values = len(scoring.weights)
    per_pair = scoring.weights.sum() / (n_values * (n_values - 1))
    pi = table.shares
    chances = per_pair * (table.counts @ (1 - pi)) / table.labels
    return _kappa(table, float(per_pair * (pi * (1 - pi)).sum()), chances, fraction)


def brennan_prediger_error(
    counts: ValueCounts, scoring: Scoring, *, fraction: float = 0.0
) -> Analytic:
    """Brennan and Prediger's kappa: chance does not depend on the labels."""
    table, expected = _table(counts, scoring), float(scoring.weights.mean())
    return _kappa(table, expected, np.full(len(table.counts), expected), fraction)


def conger_error(ratings: Ratings, scoring: Scoring, *, fraction: float = 0.0) -> Analytic:
    """Conger's kappa; for two raters who label every item Cohen's.

    b_gv = sum_k (sum_h p_hk - p_gk) w_kv is what another label v of rater g adds to chance.
    """
    counts = counts_of(ratings)
    used = counts.matrix.sum(axis=1) > 0
    n, g, n_values = int(used.sum()), len(ratings.raters), len(ratings.values)
    given = np.zeros((g, n_values))
    np.add.at(given, (ratings.rater, ratings.value), 1.0)
    labels = given.sum(axis=1, keepdims=True)
    p = np.divide(given, labels, out=np.zeros_like(given), where=labels > 0)
    b = (p.sum(axis=0) - p) @ scoring.weights  # (G, V)
    own = (b * p).sum(axis=1)  # (G,)
    pairs = g * (g - 1)
    added = n / labels[ratings.rater, 0] * (b[ratings.rater, ratings.value] - own[ratings.rater])
    of_items = np.bincount(ratings.item, weights=added, minlength=len(used))[used]
    chances = (own.sum() + of_items) / pairs
    return _kappa(_table(counts, scoring), float(own.sum() / pairs), chances, fraction)


def alpha_error(counts: ValueCounts, scoring: Scoring, *, fraction: float = 0.0) -> Analytic:
    """Krippendorff's alpha with fixed distances d = 1 - w (the kappas' weights are not used).

    None is published for the ordinal level, whose distances are made of the labels.
    """
    if scoring.distances is None:
        raise ValueError("No standard error is published for the ordinal level: use the bootstrap.")
    w = 1 - scoring.distances
    table = _Table(counts.matrix[counts.matrix.sum(axis=1) > 1].astype(np.float64), w)
    m, mean, n = table.labels, table.labels.mean(), len(table.counts)
    first = 1 / m.sum()
    own = table.agreements * m / mean
    agreed = float(own.mean())
    corrected = (1 - first) * agreed + first
    pi = table.counts.sum(axis=0) / (n * mean)
    expected = float(pi @ w @ pi)
    beyond = (agreed - expected) / (1 - expected)
    shift = (m - mean) / mean
    chances = table.counts @ ((w + w.T) @ pi / 2) / mean - expected * shift
    x = (own - corrected * shift - expected) / (1 - expected)
    x = x - 2 * (1 - beyond) * (chances - expected) / (1 - expected)
    value = (corrected - expected) / (1 - expected)
    return Analytic(value, corrected, expected, _error(x, beyond, fraction), n - 1)


def _table(counts: ValueCounts, scoring: Scoring) -> _Table:
    return _Table(counts.matrix[counts.matrix.sum(axis=1) > 0].astype(np.float64), scoring.weights)


def _kappa(table: _Table, expected: float, chances: Floats, fraction: float) -> Analytic:
    """x_u = (n/n') (p_au - p_e [m_u > 1]) / (1 - p_e) - 2 (1 - kappa) (p_eu - p_e) / (1 - p_e)."""
    n, paired = len(table.counts), table.paired
    agreed = float(table.agreements.sum() / paired.sum())
    if 1 - expected < NO_ROOM:
        return Analytic(float("nan"), agreed, expected, float("nan"), n - 1)
    value = (agreed - expected) / (1 - expected)
    x = n / paired.sum() * (table.agreements - expected * paired) / (1 - expected)
    x = x - 2 * (1 - value) * (chances - expected) / (1 - expected)
    return Analytic(value, agreed, expected, _error(x, value, fraction), n - 1)


def _error(x: Floats, value: float, fraction: float) -> float:
    n = len(x)
    if n < 2:
        return float("nan")
    return float(np.sqrt((1 - fraction) * ((x - value) ** 2).sum() / (n * (n - 1))))
