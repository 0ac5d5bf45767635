"""What the labels of each item say of its true value (pure).

Symbols: log pi (R, K, K) with entry [r, k, v] = log P(rater r says v | true value k);
e_i (K,) = sum of log pi[r, :, v] over the labels (r, v) of item i: its evidence;
q_ik = p_k exp(e_ik) / sum of p_k' exp(e_ik'): the posterior, with class shares p (K,);
A (N x RK) = the labels as a sparse matrix (`SparseLabels.incidence`), so that e = A log pi and the
expected counts n = A' q.
Source: Dawid, Skene (1979), equations 2.3 to 2.5.
"""

from typing import Any

import numpy as np

from annotations.measurement.aggregation.labels import Floats, SparseLabels


def evidence(incidence: Any, log_pi: Floats) -> Floats:
    """e (N, K) = A log pi."""
    R, K, V = log_pi.shape
    table = np.ascontiguousarray(log_pi.transpose(0, 2, 1)).reshape(R * V, K)
    return np.asarray(incidence @ table, dtype=np.float64)


def expected_counts(incidence: Any, q: Floats) -> Floats:
    """n (R, K, K) = A' q: n[r, k, v] = the sum of q_ik over the items that rater r gave value v."""
    K = q.shape[1]
    n = np.asarray(incidence.T @ q, dtype=np.float64).reshape(-1, K, K)
    return np.ascontiguousarray(n.transpose(0, 2, 1))


def posterior_of(e: Floats, log_prior: Floats) -> tuple[Floats, float]:
    """q (N, K), and the log likelihood: the sum of log(sum of p_k exp(e_ik)) over items."""
    joint = e + log_prior
    highest = joint.max(axis=1, keepdims=True)
    joint -= highest
    np.exp(joint, out=joint)
    total = joint.sum(axis=1, keepdims=True)
    joint /= total
    return joint, float(np.log(total).sum() + highest.sum())


def vote_shares(labels: SparseLabels) -> Floats:
    """The shares (N, K) of the votes; equal shares for an item without any."""
    cell = labels.item.astype(np.int64) * labels.n_values + labels.value
    votes = np.bincount(cell, minlength=labels.n_items * labels.n_values)
    votes = votes.reshape(labels.n_items, labels.n_values)
    total = votes.sum(axis=1, keepdims=True)
    return np.where(total > 0, votes / np.where(total > 0, total, 1), 1 / labels.n_values)
