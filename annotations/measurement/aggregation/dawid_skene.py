"""Dawid-Skene: every rater has a confusion matrix of their own.

Symbols: n (R, K, K) expected counts, pi[r, k, v] = P(r says v | k); a (K, K) = Dirichlet
pseudo-counts, a_kv for saying v where k is true.

    classic:    pi_rkv = max(n_rkv, 1e-10) / sum over the values v' that r ever used
    with prior: pi_rkv = (n_rkv + a_kv) / sum of (n_rkv' + a_kv')      (the posterior mean)

Source: Dawid, Skene (1979), equations 2.3 to 2.5; the priors after V. C. Raykar et al., "Learning
from Crowds", JMLR 11 (2010) 1297-1322. The classic form floors and normalises as crowd-kit 1.4 does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from annotations.measurement.aggregation.em import EPSILON, Fit, Stop, em_rounds, run
from annotations.measurement.aggregation.labels import Bools, Floats, SparseLabels

NAME = "dawid_skene"
# Two labels' worth of belief a row, more of it on the diagonal.
PRIOR_RIGHT, PRIOR_WRONG = 1.0, 1.0


@dataclass(frozen=True, eq=False)
class ClassicConfusion:
    """pi (R, K, K) by maximum likelihood; `used` (R, K) = the values that each rater ever gave."""

    used: Bools
    rows: Floats | None = None

    def update(self, n: Floats) -> Self:
        """The shares of the counts, floored."""
        floored = np.where(self.used[:, None, :], np.maximum(n, EPSILON), EPSILON)
        over_used = np.where(self.used[:, None, :], floored, 0).sum(axis=2, keepdims=True)
        return type(self)(self.used, floored / np.where(over_used > 0, over_used, 1))

    def log_pi(self) -> Floats:
        """log pi."""
        return np.log(self.pi())

    def pi(self) -> Floats:
        """pi; rows of a rater without labels are equal shares."""
        assert self.rows is not None  # noqa: S101 (updated before it is asked)
        silent = ~np.any(self.used, axis=1, keepdims=True)[:, :, None]
        return np.where(silent, 1 / self.rows.shape[2], self.rows)


@dataclass(frozen=True, eq=False)
class ConfusionWithPrior:
    """pi (R, K, K) as the mean of Dirichlet posteriors with pseudo-counts a (K, K)."""

    a: Floats
    rows: Floats | None = None

    def update(self, n: Floats) -> Self:
        """The shares of counts and pseudo-counts."""
        total = n + self.a
        return type(self)(self.a, total / total.sum(axis=2, keepdims=True))

    def log_pi(self) -> Floats:
        """log pi."""
        return np.log(self.pi())

    def pi(self) -> Floats:
        """pi."""
        assert self.rows is not None  # noqa: S101 (updated before it is asked)
        return self.rows


def dawid_skene(
    labels: SparseLabels,
    *,
    prior: Floats | None = None,
    stop: Stop = Stop(),  # noqa: B008 (frozen)
) -> Fit:
    """Posteriors and confusion matrices; `prior` (K, K) are Dirichlet pseudo-counts.

    Without a prior the same iterations give the same posteriors as crowd-kit's DawidSkene.
    """
    model: ClassicConfusion | ConfusionWithPrior
    if prior is None:
        model = ClassicConfusion(used_values(labels))
    else:
        model = ConfusionWithPrior(np.asarray(prior, dtype=np.float64))
    return run(em_rounds(labels, model, method=NAME), stop)


def rounds(labels: SparseLabels) -> Iterator[Fit]:
    """Round by round, with `diagonal_prior`: what the choice by data looks at."""
    model = ConfusionWithPrior(diagonal_prior(labels.n_values))
    return em_rounds(labels, model, method=NAME)


def diagonal_prior(
    n_values: int, *, right: float = PRIOR_RIGHT, wrong: float = PRIOR_WRONG
) -> Floats:
    """Pseudo-counts a (K, K): `right` on the diagonal, `wrong` shared by the rest of a row."""
    off = wrong / max(n_values - 1, 1)
    return np.where(np.eye(n_values, dtype=bool), right, off)


def used_values(labels: SparseLabels) -> Bools:
    """Which values each rater ever gave, (R, K)."""
    cell = labels.rater.astype(np.int64) * labels.n_values + labels.value
    given = np.bincount(cell, minlength=labels.n_raters * labels.n_values) > 0
    return given.reshape(labels.n_raters, labels.n_values)
