"""What the labels of each item say of its true value, people and judges together (pure).

Symbols: log pi (R, K, K) with entry [r, k, v] = log P(rater r says v | true value k);
e_i (K,) = sum of log pi[r, :, v] over the labels (r, v) of item i: its evidence;
q_ik = p_k exp(e_ik) / sum of p_k' exp(e_ik'): the posterior, with class shares p (K,).

The cap on judges. Judges copy each other's mistakes, so that their evidence does not add up as that
of people does. With e_i = people_i + judges_i, and range(x) = max x - min x (the largest log
likelihood ratio that x speaks for), the judges' part is scaled down to

    judges_i * min(1, c / range(judges_i)),   c = weight x the median range of one person's label,

so that all judges together never weigh more than `weight` typical persons (one), however many they
are and whatever they claim; what they favour, and how they order the values, stays. One person's
label with more than the median range, or two typical ones, always outweigh them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logsumexp

from annotations.measurement.aggregation.labels import Floats, SparseLabels

ONE_PERSON = 1.0


@dataclass(frozen=True, eq=False)
class Incidence:
    """A (N x RK) of the people's labels and of the judges'; `judges` None where nothing is capped.

    people_labels: how often people gave value v, (R, K) with zeros for judges.
    """

    people: Any
    judges: Any | None
    people_labels: Floats
    judge_weight: float


def incidence_of(labels: SparseLabels, *, judge_weight: float = ONE_PERSON) -> Incidence:
    """The labels as products; judges apart where there are people that they could outvote."""
    if not labels.has_people_and_judges:
        return Incidence(labels.incidence(), None, np.zeros((0, 0)), judge_weight)
    judged = labels.is_judge[labels.rater]
    people = labels.incidence(~judged)
    shape = (labels.n_raters, labels.n_values)
    given = np.asarray(people.sum(axis=0), dtype=np.float64).reshape(shape)
    return Incidence(people, labels.incidence(judged), given, judge_weight)


def evidence(incidence: Incidence, log_pi: Floats) -> Floats:
    """e (N, K) of log pi (R, K, K); the judges' part is capped."""
    R, K, V = log_pi.shape
    table = np.ascontiguousarray(log_pi.transpose(0, 2, 1)).reshape(R * V, K)
    people = np.asarray(incidence.people @ table, dtype=np.float64)
    if incidence.judges is None:
        return people
    cap = incidence.judge_weight * typical_range(log_pi, incidence.people_labels)
    return people + capped(incidence.judges @ table, cap)


def typical_range(log_pi: Floats, given: Floats) -> float:
    """The median, over people's labels (R, K), of the largest ratio that one label speaks for."""
    ranges = np.ptp(log_pi, axis=1).ravel()
    order = np.argsort(ranges)
    below = np.cumsum(given.ravel()[order])
    return float(ranges[order][np.searchsorted(below, below[-1] / 2)])


def capped(judges: Floats, cap: float) -> Floats:
    """The judges' evidence (N, K), scaled so that no item's range is over `cap`."""
    ranges = np.ptp(judges, axis=1, keepdims=True)
    scale = np.divide(cap, ranges, out=np.ones_like(ranges), where=ranges > cap)
    return np.asarray(judges * scale, dtype=np.float64)


def posterior_of(e: Floats, log_prior: Floats) -> tuple[Floats, float]:
    """q (N, K), and the log likelihood: the sum of log(sum of p_k exp(e_ik)) over items."""
    joint = e + log_prior
    highest = joint.max(axis=1, keepdims=True)
    joint -= highest
    np.exp(joint, out=joint)
    total = joint.sum(axis=1, keepdims=True)
    joint /= total
    return joint, float(np.log(total).sum() + highest.sum())


def expected_counts(incidence: Incidence, q: Floats) -> Floats:
    """n (R, K, K): n[r, k, v] = the sum of q_ik over the items i that rater r gave value v."""
    K = q.shape[1]
    total = incidence.people.T @ q
    if incidence.judges is not None:
        total = total + incidence.judges.T @ q
    return np.ascontiguousarray(total.reshape(-1, K, K).transpose(0, 2, 1))


def vote_shares(labels: SparseLabels, *, judge_weight: float = ONE_PERSON) -> Floats:
    """The shares (N, K) of the votes; the judges of an item share `judge_weight` votes.

    An item without labels has equal shares.
    """
    weights = np.ones(labels.n_labels)
    if labels.has_people_and_judges:
        judged = labels.is_judge[labels.rater]
        panel = np.bincount(labels.item[judged], minlength=labels.n_items)
        weights[judged] = judge_weight / np.maximum(panel, judge_weight)[labels.item[judged]]
    cell = labels.item.astype(np.int64) * labels.n_values + labels.value
    votes = np.bincount(cell, weights, minlength=labels.n_items * labels.n_values)
    votes = votes.reshape(labels.n_items, labels.n_values)
    total = votes.sum(axis=1, keepdims=True)
    return np.where(total > 0, votes / np.where(total > 0, total, 1), 1 / labels.n_values)


def log_normalised(weights: Floats) -> Floats:
    """log of the shares of positive weights along the last axis."""
    logs = np.log(weights)
    return np.asarray(logs - logsumexp(logs, axis=-1, keepdims=True), dtype=np.float64)
