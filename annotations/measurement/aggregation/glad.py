"""GLAD: raters have an ability, items a difficulty.

Symbols: alpha_r = ability (below zero: inverted), exp(beta_i) = ease of item i;
s = sigma(alpha_r exp(beta_i)) = P(rater r is right on item i), any wrong value alike likely, so that
a label v adds the log ratio alpha_r exp(beta_i) + log(K - 1) to the evidence for v. Priors
alpha ~ N(1, 1) and beta ~ N(1, 1); class shares are equal. M-step: with y_l = q[item, value] of
label l, climb the expected log likelihood

    Q = sum over l of y_l log s_l + (1 - y_l) log((1 - s_l)/(K - 1)) - (alpha - 1)^2/2 - (beta - 1)^2/2
    dQ/d alpha_r = sum over its labels of (y_l - s_l) exp(beta) - (alpha_r - 1)
    dQ/d beta_i  = sum over its labels of (y_l - s_l) alpha exp(beta) - (beta_i - 1)

Source: J. Whitehill, P. Ruvolo, T. Wu, J. Bergsma, J. Movellan, "Whose Vote Should Count More",
NIPS 2009; with several wrong values as crowd-kit 1.4 has it. The climb is L-BFGS, not CG.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from annotations.measurement.aggregation.em import Fit, Stop, mean_change, run
from annotations.measurement.aggregation.evidence import posterior_of, vote_shares
from annotations.measurement.aggregation.labels import Floats, Ints, SparseLabels
from annotations.measurement.aggregation.majority import symmetric

NAME = "glad"
# A few steps a round are enough: the rounds go on where they ended (generalised EM).
CLIMB = {"maxiter": 8}
MAX_BETA = 5.0


@dataclass(frozen=True, eq=False)
class GladFit(Fit):
    """Also ability (R,) and beta (N,); `confusion` is that on an item of middling ease."""

    ability: Floats = field(default_factory=lambda: np.zeros(0))
    beta: Floats = field(default_factory=lambda: np.zeros(0))

    def says(self, item: Ints, rater: Ints, value: Ints) -> Floats:
        """P(the rater gives the item this value | the item's true value is k), (L, K)."""
        right = expit(self.ability[rater] * np.exp(self.beta[item]))[:, None]
        K = self.posterior.shape[1]
        is_said = np.arange(K)[None, :] == value[:, None]
        said = np.where(is_said, right, (1 - right) / max(K - 1, 1))
        return np.asarray(said, dtype=np.float64)


def glad(
    labels: SparseLabels,
    *,
    stop: Stop = Stop(),  # noqa: B008 (frozen)
) -> GladFit:
    """Posteriors, abilities and difficulties."""
    return run(rounds(labels), stop)


def rounds(labels: SparseLabels) -> Iterator[GladFit]:
    """Round by round."""
    alpha, beta = np.ones(labels.n_raters), np.ones(labels.n_items)
    q = vote_shares(labels)
    log_prior = np.full(labels.n_values, -np.log(max(labels.n_values, 1)))
    iterations = 0
    while True:
        before, iterations = q, iterations + 1
        q, likelihood = posterior_of(_evidence(labels, alpha, beta), log_prior)
        alpha, beta = _climb(labels, q[labels.item, labels.value], alpha, beta)
        middling = symmetric(expit(alpha * np.exp(np.median(beta))), labels.n_values)
        yield GladFit(
            NAME, q, np.exp(log_prior), middling, likelihood, iterations, mean_change(before, q),
            ability=alpha, beta=beta,
        )  # fmt: skip


def _evidence(labels: SparseLabels, alpha: Floats, beta: Floats) -> Floats:
    """e (N, K)."""
    ratio = alpha[labels.rater] * np.exp(beta[labels.item]) + np.log(max(labels.n_values - 1, 1))
    cell = labels.item.astype(np.int64) * labels.n_values + labels.value
    size = labels.n_items * labels.n_values
    total = np.bincount(cell, ratio, minlength=size).astype(np.float64)
    return total.reshape(labels.n_items, labels.n_values)


def _climb(labels: SparseLabels, y: Floats, alpha: Floats, beta: Floats) -> tuple[Floats, Floats]:
    """The M-step; y (L,) = P(the label is right)."""
    R, log_wrong = len(alpha), np.log(max(labels.n_values - 1, 1))

    def loss(x: Floats) -> tuple[float, Floats]:
        a, b = x[:R], x[R:]
        ease, skill = np.exp(b)[labels.item], a[labels.rater]
        z = skill * ease
        log_right = -np.logaddexp(0, -z)
        Q = (log_right - (1 - y) * (z + log_wrong)).sum()
        Q -= ((a - 1) ** 2).sum() / 2 + ((b - 1) ** 2).sum() / 2
        pull = y - np.exp(log_right)
        da = np.bincount(labels.rater, pull * ease, minlength=R) - (a - 1)
        db = np.bincount(labels.item, pull * z, minlength=len(b)) - (b - 1)
        return -float(Q), -np.concatenate([da, db])

    bounds = [(None, None)] * R + [(-MAX_BETA, MAX_BETA)] * len(beta)
    start = np.concatenate([alpha, beta])
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=CLIMB)
    return found.x[:R], found.x[R:]
