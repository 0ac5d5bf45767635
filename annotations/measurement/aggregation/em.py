"""The loop that all rater models share: whom to believe, then what is true, then whom to believe.

Symbols: q (N, K) = posteriors of the true values; p (K,) = class shares; n (R, K, K) = expected
counts n[r, k, v] of rater r saying v where k is true; pi (R, K, K) = the rater model's
P(r says v | k is true). E-step: q from p and pi (`evidence`); M-step: p = the mean of q, pi from n.
A rater model is what turns n into pi; it sees the labels through n alone. The loop is a stream of
fits, one a round, so that `choice` can watch each round.
Source: A. P. Dawid, A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the
EM Algorithm", Applied Statistics 28 (1979) 20-28. With a model that answers with exp(E[log pi])
(variational Bayes) the loop climbs a bound of the likelihood; it ends where q stands still.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self, TypeVar

import numpy as np

from annotations.measurement.aggregation.evidence import (
    evidence,
    expected_counts,
    posterior_of,
    vote_shares,
)
from annotations.measurement.aggregation.labels import (
    AggregationError,
    Floats,
    Ints,
    SparseLabels,
)

EPSILON = 1e-10


@dataclass(frozen=True)
class Stop:
    """When the loop ends: after `max_iter` rounds, or when q changes by under `tol` on average."""

    max_iter: int = 200
    tol: float = 1e-6


class RaterModel(Protocol):
    """What a method believes of its raters; immutable, `update` gives the next belief."""

    def update(self, n: Floats) -> Self:
        """The belief after expected counts n (R, K, K)."""
        ...

    def log_pi(self) -> Floats:
        """log pi, or E[log pi], (R, K, K): what the E-step adds up."""
        ...

    def pi(self) -> Floats:
        """pi (R, K, K), the mean of the belief: what the next label is predicted with."""
        ...


@dataclass(frozen=True, eq=False)
class Fit:
    """What a method found: posterior (N, K), class shares (K,), pi (R, K, K).

    change: how much the posteriors moved in the last round, on average.
    """

    method: str
    posterior: Floats
    prior: Floats
    confusion: Floats
    log_likelihood: float
    iterations: int
    change: float
    converged: bool = False

    def says(self, item: Ints, rater: Ints, value: Ints) -> Floats:
        """P(the rater gives the item this value | the item's true value is k), (L, K)."""
        return self.confusion.transpose(0, 2, 1)[rater, value]


AnyFit = TypeVar("AnyFit", bound=Fit)


def em_rounds(
    labels: SparseLabels,
    model: RaterModel,
    *,
    method: str,
    uniform_prior: bool = False,
) -> Iterator[Fit]:
    """The fit after each round, without end; begins with the shares of the votes."""
    A = labels.incidence()
    seen = labels.labels_of_items > 0
    q = vote_shares(labels)
    prior = class_shares(q[seen], uniform=uniform_prior)
    model = model.update(expected_counts(A, q))
    iterations = 0
    while True:
        before, iterations = q, iterations + 1
        q, likelihood = posterior_of(evidence(A, model.log_pi()), np.log(prior))
        prior = class_shares(q[seen], uniform=uniform_prior)
        model = model.update(expected_counts(A, q))
        change = mean_change(before, q)
        yield Fit(method, q, prior, model.pi(), likelihood, iterations, change)


def run(rounds: Iterator[AnyFit], stop: Stop) -> AnyFit:
    """The fit where the loop ends."""
    for fit in rounds:
        if fit.change < stop.tol or fit.iterations >= stop.max_iter:
            return replace(fit, converged=fit.change < stop.tol)
    raise AggregationError("The method made no round.")


def class_shares(q: Floats, *, uniform: bool) -> Floats:
    """p (K,): the mean of the posteriors, never quite zero; or equal shares."""
    if uniform or not len(q):
        return np.full(q.shape[1], 1 / max(q.shape[1], 1))
    return np.asarray(np.maximum(q.mean(axis=0), EPSILON), dtype=np.float64)


def mean_change(before: Floats, after: Floats) -> float:
    """The mean absolute difference of two sets of posteriors."""
    difference = before - after
    return float(np.abs(difference, out=difference).mean()) if difference.size else 0.0
