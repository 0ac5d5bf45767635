"""Majority: every rater is right equally often, so that the most frequent value wins.

Symbols: a = the accuracy that all raters share; pi[r, k, v] = a for v = k, else (1 - a)/(K - 1).
With equal class shares the most probable value is the most frequent one for every a > 1/K, which
is what makes this the model of which the majority vote is the answer; a says how sure it is.
Source: the one-coin model of Y. Zhang et al., "Spectral Methods Meet EM", JMLR 17 (2016), with one
coin for all. a has the prior Beta(1, 1), is at least 1/K + 0.001, and is found by EM.
`vote_shares` of `evidence` is the other reading of a majority: the shares themselves.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from annotations.measurement.aggregation.em import Fit, Stop, em_rounds, run
from annotations.measurement.aggregation.labels import Floats, SparseLabels

NAME = "majority"
ABOVE_CHANCE = 1e-3
BELOW_CERTAIN = 1e-6


@dataclass(frozen=True, eq=False)
class OneAccuracy:
    """The accuracy that all R raters share."""

    n_raters: int
    n_values: int
    accuracy: float = 0.7

    def update(self, n: Floats) -> Self:
        """The share of labels that are right, with one right and one wrong added."""
        right, total = np.einsum("rkk->", n), n.sum()
        chance = 1 / self.n_values + ABOVE_CHANCE
        accuracy = float(np.clip((right + 1) / (total + 2), chance, 1 - BELOW_CERTAIN))
        return type(self)(self.n_raters, self.n_values, accuracy)

    def log_pi(self) -> Floats:
        """log pi."""
        return np.log(self.pi())

    def pi(self) -> Floats:
        """pi, the same for all raters."""
        return symmetric(np.full(self.n_raters, self.accuracy), self.n_values)


def symmetric(accuracy: Floats, n_values: int) -> Floats:
    """pi (R, K, K) of raters that are right with accuracy (R,) and else say any other value."""
    wrong = (1 - accuracy) / max(n_values - 1, 1)
    same = np.eye(n_values, dtype=bool)
    return np.where(same, accuracy[:, None, None], wrong[:, None, None])


def majority(
    labels: SparseLabels,
    *,
    stop: Stop = Stop(),  # noqa: B008 (frozen)
) -> Fit:
    """Posteriors whose most probable value is the most frequent one."""
    return run(rounds(labels), stop)


def rounds(labels: SparseLabels) -> Iterator[Fit]:
    """Round by round."""
    model = OneAccuracy(labels.n_raters, labels.n_values)
    return em_rounds(labels, model, method=NAME, uniform_prior=True)
