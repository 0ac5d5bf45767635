"""Coefficients of the table of two raters, with their published errors and weights of a direction.

The other modules see a pair of labels without an order. A table has one: its rows are one rater, its
columns the other, and w_kl may differ from w_lk (a false alarm need not count like a miss).
Symbols: n items, V values, p (V, V) = the table over n, a = its row sums, b = its column sums,
pi = (a + b) / 2, w (V, V) weights, W = their sum. Each coefficient is (p_a - p_e) / (1 - p_e) with
p_a = sum w p and a chance p_e = half the mean of e_kl; its variance is
(sum p (w - (1 - kappa) e)^2 - (p_a - 2 (1 - kappa) p_e)^2) / (n (1 - p_e)^2), t with n - 1 degrees.
Sources: J. Fleiss, J. Cohen, B. Everitt, "Large sample standard errors of kappa and weighted kappa"
(1969); K. Gwet, "Handbook of Inter-Rater Reliability" (4th ed., 2014), chapter 5.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from annotations.measurement.analytic import Analytic
from annotations.measurement.contributions import Floats
from annotations.measurement.counts import AgreementError


@dataclass(frozen=True, eq=False)
class TwoRaters:
    """p (V, V), w (V, V) and n."""

    shares: Floats
    weights: Floats
    n: int

    @property
    def rows(self) -> Floats:
        """a (V,)."""
        return np.asarray(self.shares.sum(axis=1))

    @property
    def columns(self) -> Floats:
        """b (V,)."""
        return np.asarray(self.shares.sum(axis=0))

    @property
    def agreement(self) -> float:
        """p_a."""
        return float((self.shares * self.weights).sum())


def two_raters(table: ArrayLike, weights: ArrayLike | None = None) -> TwoRaters:
    """A table of counts, rows one rater and columns the other, or why it is none."""
    counts = np.asarray(table, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or len(counts) < 2:
        raise AgreementError("The table of two raters has a row and a column for each value.")
    if (counts < 0).any() or counts.sum() < 2:
        raise AgreementError("The table holds how many items got each pair of labels: two or more.")
    w = np.eye(len(counts)) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != counts.shape:
        raise AgreementError(
            "The weights have a row and a column for each value, as the table has."
        )
    return TwoRaters(counts / counts.sum(), w, int(counts.sum()))


def percent_of(pair: TwoRaters) -> Analytic:
    """Percent agreement: no chance."""
    return _kappa(pair, np.zeros_like(pair.weights))


def cohen_of(pair: TwoRaters) -> Analytic:
    """Cohen's kappa: e_kl = (w b)_k + (a w)_l."""
    return _kappa(pair, _outer(pair.weights @ pair.columns, pair.rows @ pair.weights))


def scott_of(pair: TwoRaters) -> Analytic:
    """Scott's pi, Fleiss' kappa of two raters: e_kl = pi'w at k and at l, from both sides."""
    pi = (pair.rows + pair.columns) / 2
    each = (pi @ pair.weights + pair.weights @ pi) / 2
    return _kappa(pair, _outer(each, each))


def gwet_of(pair: TwoRaters) -> Analytic:
    """Gwet's AC1 and AC2: e_kl = W (2 - pi_k - pi_l) / (V (V - 1))."""
    n_values = len(pair.weights)
    pi = (pair.rows + pair.columns) / 2
    each = pair.weights.sum() * (1 - pi) / (n_values * (n_values - 1))
    return _kappa(pair, _outer(each, each))


def brennan_prediger_of(pair: TwoRaters) -> Analytic:
    """Brennan and Prediger's kappa: chance is W / V^2, whatever the labels."""
    chance = float(pair.weights.mean())
    free = _kappa(pair, np.zeros_like(pair.weights))
    room = 1 - chance
    return replace(free, value=(free.value - chance) / room, chance=chance, error=free.error / room)


def alpha_of(pair: TwoRaters) -> Analytic:
    """Krippendorff's alpha: Scott's pi with p_a moved towards 1 by 1 / (2 n)."""
    free, first = scott_of(pair), 1 / (2 * pair.n)
    agreed = (1 - first) * free.agreement + first
    return replace(free, value=(agreed - free.chance) / (1 - free.chance), agreement=agreed)


def _outer(by_row: Floats, by_column: Floats) -> Floats:
    return np.asarray(by_row[:, None] + by_column[None, :])


def _kappa(pair: TwoRaters, e: Floats) -> Analytic:
    agreed, p = pair.agreement, pair.shares
    chance = float((p * e).sum() / 2)
    kappa = (agreed - chance) / (1 - chance)
    spread = (p * (pair.weights - (1 - kappa) * e) ** 2).sum()
    variance = (spread - (agreed - 2 * (1 - kappa) * chance) ** 2) / (pair.n * (1 - chance) ** 2)
    return Analytic(kappa, agreed, chance, float(np.sqrt(max(variance, 0.0))), pair.n - 1)
