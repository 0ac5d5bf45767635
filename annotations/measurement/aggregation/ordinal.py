"""Ordinal values: a rater sees the true value through a shift and a blur, and cuts it into values.

Symbols: true value k of K, at position k; rater r sees x ~ N(k + b_r, sigma_r^2) and says the value
whose stretch (v - 1/2, v + 1/2) x falls in (the ends are open), or, with probability eps_r, any:

    pi[r, k, v] = (1 - eps) [Phi((v + 1/2 - k - b)/sigma) - Phi((v - 1/2 - k - b)/sigma)] + eps / K

so that near misses are likelier than far ones: three numbers a rater in place of K (K - 1).
The belief about (b, sigma, eps) is a distribution w_r over a grid of G triples, exact on the grid:

    w_rg  is proportional to  h_g exp(sum over k, v of n_rkv log pi_g[k, v]),     h = the mean of w_r

with h, the crowd's distribution, learnt from all raters and two raters' worth of h_0, which has
shifts ~ N(0, 1/4) cut to the grid and is even in blur and lapse: a crowd that shifts as one man cannot be
told from values that do, so the shifts are held near zero.
Source: B. Lakshminarayanan, Y. W. Teh, "Inferring ground truth from multi-annotator ordinal data: a
probabilistic approach", arXiv 1305.0015 (2013); the thresholds after P. McCullagh, "Regression Models
for Ordinal Data", JRSS B 42 (1980). The grid in place of their sampler is ours.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Self

import numpy as np
from scipy.special import log_softmax, ndtr

from annotations.measurement.aggregation.em import Fit, Stop, em_rounds, run
from annotations.measurement.aggregation.labels import AggregationError, Floats, SparseLabels

NAME = "ordinal"
SHIFTS = np.linspace(-1.5, 1.5, 13)
BLURS = np.geomspace(0.2, 3.0, 9)
LAPSES = (0.005, 0.05, 0.2, 0.5)
SPREAD_OF_SHIFTS = 0.5
RATERS_OF_H0 = 2.0


@dataclass(frozen=True, eq=False)
class ShiftAndBlur:
    """w (R, G) over the grid; `table` (G, K K) = pi of each triple; h and h_0 (G,)."""

    table: Floats
    h_0: Floats
    h: Floats
    w: Floats | None = None

    def update(self, n: Floats) -> Self:
        """Each rater's distribution, then the crowd's."""
        K = n.shape[1]
        fit = n.reshape(-1, K * K) @ np.log(self.table).T
        w = np.exp(log_softmax(fit + np.log(self.h), axis=1))
        h = (w.sum(axis=0) + RATERS_OF_H0 * self.h_0) / (len(w) + RATERS_OF_H0)
        return type(self)(self.table, self.h_0, h, w)

    def log_pi(self) -> Floats:
        """E[log pi]."""
        return self._mean(np.log(self.table))

    def pi(self) -> Floats:
        """E[pi]."""
        return self._mean(self.table)

    def _mean(self, of: Floats) -> Floats:
        assert self.w is not None  # noqa: S101 (updated before it is asked)
        K = round(of.shape[1] ** 0.5)
        return (self.w @ of).reshape(-1, K, K)


def grid(n_values: int) -> Floats:
    """pi (G, K K) of every triple of shift, blur and lapse."""
    k = np.arange(n_values)
    cuts = np.concatenate([[-np.inf], k[:-1] + 0.5, [np.inf]])
    tables = []
    for shift, blur, lapse in product(SHIFTS, BLURS, LAPSES):
        below = ndtr((cuts[None, :] - k[:, None] - shift) / blur)
        tables.append((1 - lapse) * np.diff(below, axis=1) + lapse / n_values)
    return np.array(tables).reshape(len(tables), -1)


def shares_of_grid() -> Floats:
    """h_0 (G,), in the order of `grid`."""
    shifts = np.array([shift for shift, *_ in product(SHIFTS, BLURS, LAPSES)])
    weights = np.exp(-((shifts / SPREAD_OF_SHIFTS) ** 2) / 2)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def ordinal(
    labels: SparseLabels,
    *,
    stop: Stop = Stop(),  # noqa: B008 (frozen)
) -> Fit:
    """Posteriors over values in their order."""
    return run(rounds(labels), stop)


def rounds(labels: SparseLabels) -> Iterator[Fit]:
    """Round by round."""
    if not labels.ordered:
        raise AggregationError(
            "The ordinal method needs values in an order: give the scale from low to high."
        )
    table = grid(labels.n_values)
    h_0 = shares_of_grid()
    model = ShiftAndBlur(table, h_0, h_0)
    return em_rounds(labels, model, method=NAME)
