"""One-coin: every rater has one accuracy, and errs to any other value alike.

Symbols: n (R, K, K) expected counts; a_r = accuracy; pi[r, k, v] = a_r for v = k, else
(1 - a_r)/(K - 1).

    classic:    a_r = (sum over k of n_rkk) / (sum of n_r)                     (crowd-kit's convention)
    with prior: a_r ~ Beta(kappa m, kappa (1 - m)), m and kappa learnt from all raters

Source: Y. Zhang, X. Chen, D. Zhou, M. I. Jordan, "Spectral Methods Meet EM: A Provably Optimal
Algorithm for Crowdsourcing", JMLR 17 (2016) 1-44; the prior as in `hierarchical`, with two outcomes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from annotations.measurement.aggregation.em import EPSILON, Fit, Stop, em_rounds, run
from annotations.measurement.aggregation.hierarchical import NearCommon
from annotations.measurement.aggregation.labels import Floats, SparseLabels
from annotations.measurement.aggregation.majority import symmetric

NAME = "one_coin"


@dataclass(frozen=True, eq=False)
class Coins:
    """The accuracies (R,), each by itself."""

    n_values: int
    accuracy: Floats | None = None

    def update(self, n: Floats) -> Self:
        """The share of each rater's labels that are right."""
        right, total = _right_and_total(n)
        share = np.where(total > 0, right / np.where(total > 0, total, 1), 1 / self.n_values)
        return type(self)(self.n_values, share)

    def log_pi(self) -> Floats:
        """log pi, floored as crowd-kit floors it."""
        return np.log(self.pi())

    def pi(self) -> Floats:
        """pi."""
        assert self.accuracy is not None  # noqa: S101 (updated before it is asked)
        return np.clip(symmetric(self.accuracy, self.n_values), EPSILON, 1 - EPSILON)


@dataclass(frozen=True, eq=False)
class CoinsNearCommon:
    """The accuracies (R,) near a common one: a hierarchical model of two outcomes."""

    n_values: int
    outcomes: NearCommon

    def update(self, n: Floats) -> Self:
        """Right and wrong, counted and shrunk."""
        right, total = _right_and_total(n)
        counts = np.stack([right, np.maximum(total - right, 0)], axis=1)[:, None, :]
        return type(self)(self.n_values, self.outcomes.update(counts))

    def log_pi(self) -> Floats:
        """E[log pi]."""
        logs = self.outcomes.log_pi()[:, 0]
        return self._spread(logs[:, 0], logs[:, 1] - np.log(max(self.n_values - 1, 1)))

    def pi(self) -> Floats:
        """E[pi]."""
        return symmetric(self.outcomes.pi()[:, 0, 0], self.n_values)

    def _spread(self, right: Floats, wrong: Floats) -> Floats:
        same = np.eye(self.n_values, dtype=bool)
        return np.where(same, right[:, None, None], wrong[:, None, None])


def _right_and_total(n: Floats) -> tuple[Floats, Floats]:
    return np.einsum("rkk->r", n), n.sum(axis=(1, 2))


def one_coin(
    labels: SparseLabels,
    *,
    classic: bool = False,
    stop: Stop = Stop(),  # noqa: B008 (frozen)
) -> Fit:
    """Posteriors, and an accuracy a rater (the diagonal of their confusion matrix)."""
    if not classic:
        return run(rounds(labels), stop)
    coins = Coins(labels.n_values)
    return run(em_rounds(labels, coins, method=NAME), stop)


def rounds(labels: SparseLabels) -> Iterator[Fit]:
    """Round by round, with the prior."""
    model = CoinsNearCommon(labels.n_values, NearCommon(np.ones((1, 2))))
    return em_rounds(labels, model, method=NAME)
