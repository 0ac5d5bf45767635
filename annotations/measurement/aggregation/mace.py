"""MACE: a rater either knows the true value and says it, or answers by a habit of their own.

Symbols: theta_r = P(r knows); xi_rv = P(r says v by habit); pi[r, k, v] = theta_r [v = k] +
(1 - theta_r) xi_rv. Of the expected counts n (R, K, K) the share (1 - theta_r) xi_rv / pi_rkv was
said by habit: that gives s_rv (said v by habit), and known_r = the rest. With the priors
theta ~ Beta(1/2, 1/2) and xi ~ Dirichlet(10), variational Bayes puts exp(E[log .]) into pi:

    theta_r <- exp(psi(known_r + 1/2) - psi(known_r + s_r + 1)),  s_r = sum over v of s_rv
    xi_rv   <- exp(psi(s_rv + 10) - psi(s_r + 10 K))

Class shares are equal. Source: D. Hovy, T. Berg-Kirkpatrick, A. Vaswani, E. Hovy, "Learning Whom to
Trust with MACE", NAACL-HLT 2013, 1120-1130. The paper restarts at random; this begins with the
shares of the votes, and so needs no seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import digamma

from annotations.measurement.aggregation.em import Fit, Stop, em_rounds, run
from annotations.measurement.aggregation.labels import Floats, SparseLabels

NAME = "mace"
KNOWS_PRIOR = 0.5
HABIT_PRIOR = 10.0


@dataclass(frozen=True, eq=False)
class KnowsOrHabit:
    """known (R,) and habit (R, K): expected numbers of labels of either kind."""

    known: Floats
    habit: Floats

    def update(self, n: Floats) -> Self:
        """Both numbers, the labels divided as the belief so far divides them."""
        theta, rest, xi = self._weights()
        said = np.einsum("rkk->rk", n)  # (R, K): the labels that may have been known
        knew = theta[:, None] / (theta[:, None] + rest[:, None] * xi)
        known = said * knew
        return type(self)(known.sum(axis=1), np.maximum(n.sum(axis=1) - known, 0))

    def log_pi(self) -> Floats:
        """log of pi with exp(E[log .]) in it."""
        return np.log(_mixed(*self._weights()))

    def pi(self) -> Floats:
        """pi at the means of the posteriors."""
        total = self.known + self.habit.sum(axis=1)
        theta = (self.known + KNOWS_PRIOR) / (total + 2 * KNOWS_PRIOR)
        xi = self.habit + HABIT_PRIOR
        return _mixed(theta, 1 - theta, xi / xi.sum(axis=1, keepdims=True))

    def _weights(self) -> tuple[Floats, Floats, Floats]:
        said = self.habit.sum(axis=1)
        both = digamma(self.known + said + 2 * KNOWS_PRIOR)
        theta = np.exp(digamma(self.known + KNOWS_PRIOR) - both)
        rest = np.exp(digamma(said + KNOWS_PRIOR) - both)
        xi = self.habit + HABIT_PRIOR
        xi = np.exp(digamma(xi) - digamma(xi.sum(axis=1, keepdims=True)))
        return theta, rest, xi


def _mixed(theta: Floats, rest: Floats, xi: Floats) -> Floats:
    """pi (R, K, K)."""
    K = xi.shape[1]
    return theta[:, None, None] * np.eye(K) + (rest[:, None] * xi)[:, None, :]


def mace(
    labels: SparseLabels,
    *,
    stop: Stop = Stop(),  # noqa: B008 (frozen)
) -> Fit:
    """Posteriors; a rater's habit shows off the diagonal of their confusion matrix."""
    return run(rounds(labels), stop)


def rounds(labels: SparseLabels) -> Iterator[Fit]:
    """Round by round."""
    given = labels.labels_of_raters.astype(np.float64)
    # Before anything is known: half of the labels known, the other half said at random.
    habit = np.repeat((given / 2 / labels.n_values)[:, None], labels.n_values, axis=1)
    model = KnowsOrHabit(given / 2, habit)
    return em_rounds(labels, model, method=NAME, uniform_prior=True)
