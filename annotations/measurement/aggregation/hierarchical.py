"""Hierarchical Dawid-Skene: every rater's confusion matrix is drawn near a common one.

Symbols: n (R, K, K) expected counts; m (K, K) = the common matrix, a row a true value; kappa (K,) =
how many labels' worth the common row weighs. A rater's row k has the prior Dirichlet(kappa_k m_k)
and the posterior Dirichlet(alpha_rk), alpha_rkv = n_rkv + kappa_k m_kv, so that

    pi_rkv = alpha_rkv / sum of alpha_rkv',     E[log pi_rkv] = psi(alpha_rkv) - psi(sum of alpha_rkv')

A rater with few labels is judged like the crowd, one with many by their own labels. m and kappa are
learnt from all raters (empirical Bayes): the fixed point that raises the Dirichlet-multinomial
likelihood of the counts,

    b_kv <- b_kv x (sum over r of psi(n_rkv + b_kv) - psi(b_kv))
                 / (sum over r of psi(n_rk + kappa_k) - psi(kappa_k)),      b = kappa m, n_rk = sum over v.

 Sources: H.-C. Kim, Z. Ghahramani, "Bayesian Classifier Combination", AISTATS 2012;
E. Simpson et al., "Dynamic Bayesian Combination of Multiple Imperfect Classifiers" (2013), for the
variational step; T. Minka, "Estimating a Dirichlet distribution" (2000), equation 65, for m, kappa.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import digamma

from annotations.measurement.aggregation.em import Fit, Stop, em_rounds, run
from annotations.measurement.aggregation.labels import Floats, SparseLabels

NAME = "hierarchical"
START_KAPPA = 2.0
MIN_KAPPA, MAX_KAPPA = 0.1, 1e4
MIN_SHARE = 1e-4
STEPS = 3


@dataclass(frozen=True, eq=False)
class NearCommon:
    """b = kappa m (K, K) and the posteriors alpha (R, K, K) of the rows."""

    b: Floats
    alpha: Floats | None = None

    def update(self, n: Floats) -> Self:
        """A few fixed-point steps of b, then the posteriors."""
        b = self.b if self.alpha is not None else START_KAPPA * _pooled(n)
        for _ in range(STEPS):
            b = _next_b(b, n)
        return type(self)(b, n + b)

    def log_pi(self) -> Floats:
        """E[log pi]."""
        assert self.alpha is not None  # noqa: S101 (updated before it is asked)
        total = self.alpha.sum(axis=2, keepdims=True)
        return np.asarray(digamma(self.alpha) - digamma(total), dtype=np.float64)

    def pi(self) -> Floats:
        """E[pi]."""
        assert self.alpha is not None  # noqa: S101 (updated before it is asked)
        return np.asarray(self.alpha / self.alpha.sum(axis=2, keepdims=True), dtype=np.float64)


def _pooled(n: Floats) -> Floats:
    """The confusion matrix (K, K) of all raters together, one right label a row added."""
    total = n.sum(axis=0) + np.eye(n.shape[1]) + 1 / n.shape[1]
    return np.asarray(total / total.sum(axis=1, keepdims=True), dtype=np.float64)


def _next_b(b: Floats, n: Floats) -> Floats:
    kappa = b.sum(axis=1)
    gain = (digamma(n + b) - digamma(b)).sum(axis=0)
    loss = (digamma(n.sum(axis=2) + kappa) - digamma(kappa)).sum(axis=0)
    new = b * (gain + 1e-12) / (loss[:, None] + 1e-12)
    kappa = np.clip(new.sum(axis=1, keepdims=True), MIN_KAPPA, MAX_KAPPA)
    m = np.maximum(new / new.sum(axis=1, keepdims=True), MIN_SHARE)
    return np.asarray(kappa * m / m.sum(axis=1, keepdims=True), dtype=np.float64)


def hierarchical(
    labels: SparseLabels,
    *,
    stop: Stop = Stop(),  # noqa: B008 (frozen)
) -> Fit:
    """Posteriors, and confusion matrices shrunk towards the common one."""
    return run(rounds(labels), stop)


def rounds(labels: SparseLabels) -> Iterator[Fit]:
    """Round by round."""
    model = NearCommon(np.ones((labels.n_values, labels.n_values)))
    return em_rounds(labels, model, method=NAME)
