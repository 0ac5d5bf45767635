"""One contract for all methods, and the posteriors that crowd-kit has.

The recorded figures are those of crowd-kit 1.4.1 (numpy 2.4.6) on the ten items below, labels sorted
by rater and value, as its MACE needs to keep raters and values apart: DawidSkene and
OneCoinDawidSkene with n_iter=10 and tol=-inf, MACE(n_restarts=1, n_iter=500), GLAD(n_iter=40,
tol=-inf, m_step_max_iter=40, m_step_tol=1e-7).
"""

import numpy as np
import pytest
from crowd_worlds import one_accuracy, spammers, world

from annotations.measurement.aggregation.dawid_skene import dawid_skene, diagonal_prior
from annotations.measurement.aggregation.em import Stop
from annotations.measurement.aggregation.evidence import vote_shares
from annotations.measurement.aggregation.glad import glad
from annotations.measurement.aggregation.hierarchical import hierarchical
from annotations.measurement.aggregation.labels import (
    AggregationError,
    code_labels,
    labels_from_arrays,
)
from annotations.measurement.aggregation.mace import mace
from annotations.measurement.aggregation.majority import majority
from annotations.measurement.aggregation.methods import METHODS, fit, suitable
from annotations.measurement.aggregation.one_coin import one_coin
from annotations.measurement.aggregation.ordinal import ordinal

ROWS = ["aaab.", "abbbb", "cccac", "bbabb", "aacaa", "cbccc", ".ccac", "abab.", "bb.bc", "caaab"]
TEN = [(i, r, value) for i, row in enumerate(ROWS) for r, value in enumerate(row) if value != "."]


def ten_items():
    return code_labels(TEN)


def test_dawid_skene_has_crowd_kits_posteriors_after_ten_rounds():
    q = dawid_skene(ten_items(), stop=Stop(10, 0)).posterior

    assert q[0, :2] == pytest.approx([9.689126306239e-01, 3.108736937607e-02], abs=1e-9)
    assert q[7] == pytest.approx([2.347250452474e-10, 9.999999997653e-01, 0], abs=1e-9)
    assert q[[1, 2, 3, 4, 5, 6, 8, 9], [1, 2, 1, 0, 2, 2, 1, 0]] == pytest.approx(1, abs=1e-9)


def test_one_coin_has_crowd_kits_posteriors_after_ten_rounds():
    q = one_coin(ten_items(), classic=True, stop=Stop(10, 0)).posterior

    assert q[[0, 5, 7, 9]] == pytest.approx(
        np.array([
            [9.759312710435e-01, 2.016355800477e-02, 3.905170951772e-03],
            [2.369615243920e-03, 3.778894774079e-02, 9.598414370153e-01],
            [2.155666187022e-01, 7.730689756857e-01, 1.136440561209e-02],
            [9.518871796120e-01, 3.071501696717e-02, 1.739780342085e-02],
        ]),
        abs=1e-9,
    )  # fmt: skip


def test_mace_ends_where_crowd_kits_ends():
    q = mace(ten_items(), stop=Stop(300, 0)).posterior

    assert q[[0, 5, 7, 9]] == pytest.approx(
        np.array([
            [9.806288120802e-01, 1.534724056773e-02, 4.023947352057e-03],
            [1.798184666832e-03, 2.059604227902e-02, 9.776057730541e-01],
            [2.972365460810e-01, 6.870362273764e-01, 1.572722654258e-02],
            [9.505851808124e-01, 2.779876317640e-02, 2.161605601122e-02],
        ]),
        abs=1e-9,
    )  # fmt: skip


def test_glad_ends_where_crowd_kits_ends_to_the_tolerance_of_its_climb():
    found = glad(ten_items(), stop=Stop(60, 0))

    assert found.ability == pytest.approx(
        [0.5966503, 0.70671655, 0.38886833, -0.04577516, 0.75605039], abs=1e-5
    )
    assert found.posterior[[5, 7, 9]] == pytest.approx(
        np.array([
            [2.453854361259e-03, 1.874817797050e-02, 9.787979676682e-01],
            [6.040903467065e-01, 3.635842390722e-01, 3.232541422132e-02],
            [7.567111251738e-01, 1.331906628655e-01, 1.100982119607e-01],
        ]),
        abs=2e-5,
    )  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_posteriors_are_shares_and_most_are_right(method):
    labels, truth = world(
        3, confusion=one_accuracy(12, 0.8, n_values=3), n_items=150, each=5, ordered=True
    )
    found = fit(labels, method, stop=Stop(50))

    assert found.posterior.sum(axis=1) == pytest.approx(1)
    assert found.confusion.sum(axis=2) == pytest.approx(1)
    assert found.confusion.shape == (12, 3, 3)
    assert (found.posterior.argmax(axis=1) == truth).mean() > 0.88
    assert np.diagonal(found.confusion, axis1=1, axis2=2).mean() == pytest.approx(0.8, abs=0.07)


@pytest.mark.parametrize("method", METHODS)
def test_raters_without_labels_and_items_without_labels_are_no_harm(method):
    labels = labels_from_arrays(
        [0, 0, 0, 2, 2, 2], [0, 1, 2, 0, 1, 2], [0, 0, 2, 2, 2, 2],
        items=range(4), raters=range(5), values=range(3), ordered=True,
    )  # fmt: skip
    found = fit(labels, method)

    assert np.isfinite(found.posterior).all()
    assert found.posterior[[0, 2]].argmax(axis=1).tolist() == [0, 2]
    assert found.confusion.sum(axis=2) == pytest.approx(1)


@pytest.mark.parametrize("method", METHODS)
def test_names_and_order_of_labels_do_not_matter(method):
    other = code_labels([(9 - i, 10 - r, value) for i, r, value in TEN], values=["a", "b", "c"])
    one = fit(code_labels(TEN, values=["a", "b", "c"]), method, stop=Stop(30))
    two = fit(other, method, stop=Stop(30))

    back = [list(other.items).index(9 - i) for i in range(10)]
    assert two.posterior[back] == pytest.approx(one.posterior, abs=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_one_value_is_certain_and_one_rater_is_believed(method):
    same = labels_from_arrays([0, 0, 1], [0, 1, 0], [0, 0, 0], ordered=True)
    alone = labels_from_arrays(range(30), [0] * 30, [0, 1, 2] * 10, ordered=True)

    assert fit(same, method).posterior == pytest.approx(1)
    assert fit(alone, method).posterior.argmax(axis=1).tolist() == [0, 1, 2] * 10


def test_majority_answers_the_most_frequent_value():
    labels, _ = world(5, confusion=spammers(9, n_values=3), n_items=80, each=4)
    shares = vote_shares(labels)
    q = majority(labels).posterior

    clear = np.sort(shares, axis=1)[:, -1] > np.sort(shares, axis=1)[:, -2]
    assert (q.argmax(axis=1) == shares.argmax(axis=1))[clear].all()


def test_a_table_of_confusions_sees_through_spammers_where_the_majority_cannot():
    confusion = np.concatenate([one_accuracy(4, 0.9), spammers(6)])
    labels, truth = world(7, confusion=confusion, n_items=400, each=6)

    def wrong(found):
        return (found.posterior.argmax(axis=1) != truth).mean()

    assert wrong(majority(labels)) > 0.25
    assert wrong(dawid_skene(labels)) < 0.1
    assert wrong(hierarchical(labels)) < 0.1


def test_the_hierarchy_shrinks_a_rater_with_few_labels_and_leaves_one_with_many():
    labels, _ = world(11, confusion=one_accuracy(10, 0.8), n_items=300, each=5)
    few = labels.keep((labels.rater != 0) | (labels.item < 8))
    found, alone = hierarchical(few), dawid_skene(few)
    right = np.diagonal(found.confusion, axis1=1, axis2=2).mean(axis=1)
    by_itself = np.diagonal(alone.confusion, axis1=1, axis2=2).mean(axis=1)

    assert abs(right[0] - 0.8) < abs(by_itself[0] - 0.8)
    assert np.abs(right[1:] - by_itself[1:]).max() < 0.1


def test_pseudo_counts_draw_confusions_towards_them():
    strong = dawid_skene(ten_items(), prior=1e6 * diagonal_prior(3, right=0.7, wrong=0.3))

    assert np.diagonal(strong.confusion, axis1=1, axis2=2) == pytest.approx(0.7, abs=1e-3)


def test_the_ordinal_method_finds_shift_and_blur():
    K = np.arange(5)
    near = np.exp(-((K[:, None] - K[None, :]) ** 2) / 0.9)
    high = np.exp(-((K[:, None] + 1 - K[None, :]) ** 2) / 0.9)
    confusion = np.stack([near, near, near, high, high])
    confusion /= confusion.sum(axis=2, keepdims=True)
    labels, truth = world(13, confusion=confusion, n_items=400, each=5, ordered=True)
    found, by_votes = ordinal(labels), majority(labels)

    right = [(one.posterior.argmax(axis=1) == truth).mean() for one in (found, by_votes)]
    assert right[0] > right[1] + 0.05
    mean_said = found.confusion @ K
    assert (mean_said[3:, 1:3] > mean_said[:3, 1:3].max(axis=0) + 0.5).all()


def test_the_ordinal_method_needs_an_order():
    labels = code_labels(TEN)

    assert "ordinal" not in suitable(labels)
    assert "ordinal" in suitable(code_labels(TEN, values=["a", "b", "c"]))
    with pytest.raises(AggregationError, match="from low to high"):
        ordinal(labels)


def test_a_method_that_does_not_exist_is_refused_with_those_that_do():
    with pytest.raises(AggregationError, match="majority"):
        fit(ten_items(), "guess")
