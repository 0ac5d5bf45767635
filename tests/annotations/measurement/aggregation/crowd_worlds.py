"""Simulated raters whose truth is known, for tests: small worlds from a seed."""

import numpy as np

from annotations.measurement.aggregation.labels import labels_from_arrays


def one_accuracy(n_raters, accuracy, n_values=2):
    """Confusion matrices (R, K, K) of raters who are all right equally often."""
    wrong = (1 - accuracy) / (n_values - 1)
    table = np.full((n_values, n_values), wrong)
    np.fill_diagonal(table, accuracy)
    return np.repeat(table[None], n_raters, axis=0)


def spammers(n_raters, n_values=2):
    """Raters who say the first value whatever is true, in nine of ten cases."""
    table = np.full((n_values, n_values), 0.1 / (n_values - 1))
    table[:, 0] = 0.9
    return np.repeat(table[None], n_raters, axis=0)


def world(seed, *, confusion, n_items, each, prior=None, is_judge=None, ordered=False):
    """Labels by `each` random raters an item, and the truth (N,)."""
    rng = np.random.default_rng(seed)
    R, K, _ = confusion.shape
    truth = rng.choice(K, size=n_items, p=prior)
    item = np.repeat(np.arange(n_items), each)
    rater = np.argsort(rng.random((n_items, R)), axis=1)[:, :each].ravel()
    chances = confusion[rater, truth[item]].cumsum(axis=1)
    value = (rng.random(len(item))[:, None] > chances).sum(axis=1).clip(max=K - 1)
    labels = labels_from_arrays(
        item, rater, value,
        items=range(n_items), raters=range(R), values=range(K), is_judge=is_judge, ordered=ordered,
    )  # fmt: skip
    return labels, truth
