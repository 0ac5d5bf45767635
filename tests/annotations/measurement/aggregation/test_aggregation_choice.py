"""The choice by data in worlds whose truth is known: near the better of majority and Dawid-Skene."""

import numpy as np
import pytest
from crowd_worlds import one_accuracy, spammers, world

from annotations.measurement.aggregation.answers import NO_GOLD, answers, error, right_of
from annotations.measurement.aggregation.choice import (
    assign_folds,
    choose,
    information,
    lost_names,
)
from annotations.measurement.aggregation.dawid_skene import dawid_skene
from annotations.measurement.aggregation.em import Fit
from annotations.measurement.aggregation.labels import AggregationError, labels_from_arrays
from annotations.measurement.aggregation.majority import majority
from annotations.measurement.aggregation.tempering import (
    Temperature,
    calibration,
    temperature_on_gold,
    tempered,
)

TABLE = np.array([[[0.95, 0.05], [0.45, 0.55]], [[0.6, 0.4], [0.05, 0.95]]])
WORLDS = {
    "homogeneous raters": {"confusion": one_accuracy(20, 0.75), "n_items": 200, "each": 5},
    "few labels a rater": {
        "confusion": one_accuracy(150, 0.75, n_values=4), "n_items": 150, "each": 4,
    },
    "spammers": {
        "confusion": np.concatenate([one_accuracy(5, 0.9), spammers(8)]),
        "n_items": 200, "each": 6,
    },
    "skewed classes, lenient and strict raters": {
        "confusion": np.repeat(TABLE, 6, axis=0), "n_items": 300, "each": 5, "prior": [0.85, 0.15],
    },
}  # fmt: skip
METHODS = ["majority", "one_coin", "hierarchical", "dawid_skene"]


@pytest.mark.parametrize("name", WORLDS)
def test_the_choice_is_near_the_better_of_majority_and_dawid_skene(name):
    labels, truth = world(0, **WORLDS[name])
    found = choose(labels, rng=np.random.default_rng(0), methods=METHODS)
    chosen, by_votes, by_tables = (
        error(one.posterior, truth).value
        for one in (found.fit, majority(labels), dawid_skene(labels))
    )

    assert chosen <= min(by_votes, by_tables) + 0.01


def test_where_all_raters_are_alike_the_simplest_method_is_taken():
    labels, _ = world(1, **WORLDS["homogeneous raters"])
    found = choose(labels, rng=np.random.default_rng(1), methods=METHODS)

    assert found.fit.method in ("majority", "one_coin")
    assert {c.method for c in found.candidates} == set(METHODS)
    chosen = next(c for c in found.candidates if c.method == found.fit.method)
    assert chosen.behind <= chosen.se


def test_the_same_seed_makes_the_same_choice():
    labels, _ = world(2, **WORLDS["spammers"])
    one, two = (choose(labels, rng=np.random.default_rng(5), methods=METHODS[:3]) for _ in range(2))

    assert one.candidates == two.candidates
    assert (one.posterior == two.posterior).all()


def test_each_item_keeps_a_label_and_each_label_is_hidden_once():
    labels, _ = world(3, confusion=one_accuracy(9, 0.8), n_items=50, each=4)
    single = labels.keep((labels.item != 7) | (np.arange(labels.n_labels) % 4 == 0))
    fold = assign_folds(single, np.random.default_rng(0))

    assert (fold[single.item == 7] == -1).all()
    assert (fold[single.item != 7] >= 0).all()
    for f in range(5):
        assert (single.keep(fold != f).labels_of_items > 0).all()


def with_posterior(labels, q, right=0.8):
    """A fit of raters who are right so often, with these posteriors."""
    pi = one_accuracy(labels.n_raters, right)
    return Fit("given", np.array(q), np.full(2, 0.5), pi, 0.0, 1, 0.0)


def test_a_value_that_raters_mostly_call_otherwise_has_lost_its_name():
    labels = labels_from_arrays([0, 0, 1, 1, 2, 2], [0, 1] * 3, [0, 0, 0, 1, 1, 1])
    sound = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]]

    assert not lost_names(labels, with_posterior(labels, sound))
    assert lost_names(labels, with_posterior(labels, np.array(sound)[:, ::-1]))


def test_raters_who_always_say_the_same_give_no_name_to_anything():
    labels, _ = world(1, **WORLDS["spammers"])
    found = dawid_skene(labels)

    assert not lost_names(labels, found)
    assert information(found)[:5].min() > 3 * information(found)[5:].max()


def test_gold_may_choose_when_there_is_enough_of_it():
    labels, truth = world(4, **WORLDS["spammers"])
    gold = np.where(np.arange(len(truth)) < 80, truth, NO_GOLD)
    found = choose(labels, rng=np.random.default_rng(0), methods=METHODS, gold=gold)

    assert found.reason == "Chosen by gold."
    assert error(found.fit.posterior, truth).value < 0.1
    assert found.temperature.source == "gold"
    with pytest.raises(AggregationError, match="Only 5 items"):
        choose(
            labels, rng=np.random.default_rng(0), methods=METHODS,
            gold=np.where(np.arange(len(truth)) < 5, truth, NO_GOLD),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("item", "rater", "value", "says"),
    [
        ([0, 1, 2], [0, 0, 0], [0, 1, 0], "one rater"),
        ([0, 1, 1], [0, 0, 1], [1, 1, 1], "same value"),
        ([0, 1, 2], [0, 1, 2], [0, 1, 0], "second label"),
    ],
)
def test_where_nothing_can_be_foretold_the_majority_stands_with_the_reason(
    item, rater, value, says
):
    found = choose(labels_from_arrays(item, rater, value), rng=np.random.default_rng(0))

    assert found.fit.method == "majority"
    assert says in found.reason
    assert (found.posterior.argmax(axis=1)[item] == value).all()


def test_no_label_at_all_is_refused():
    empty = labels_from_arrays([], [], [], items=["a"], raters=["ann"], values=["no", "yes"])
    with pytest.raises(AggregationError, match="all cells missing"):
        choose(empty, rng=np.random.default_rng(0))


def test_ties_have_no_answer_the_first_or_a_seeded_draw():
    q = np.array([[0.5, 0.5, 0.0]] * 400 + [[0.2, 0.3, 0.5]])

    assert answers(q)[[0, -1]].tolist() == [-1, 2]
    assert answers(q, ties="first")[[0, -1]].tolist() == [0, 2]
    drawn = answers(q, ties="draw", rng=np.random.default_rng(1))
    assert 150 < (drawn[:-1] == 1).sum() < 250
    assert set(drawn[:-1]) == {0, 1}


def test_in_figures_a_tie_is_as_right_as_a_draw_and_unknown_gold_is_never_right():
    q = np.array([[0.5, 0.5], [0.9, 0.1], [0.9, 0.1], [0.9, 0.1]])
    gold = np.array([1, 0, NO_GOLD, 2])

    assert right_of(q, gold).tolist() == [0.5, 1, 0, 0]
    assert (error(q, gold).value, error(q, gold).n) == (0.5, 3)
    assert not error(q, np.full(4, NO_GOLD)).is_defined


def test_a_temperature_mends_the_claim_and_changes_no_answer():
    rng = np.random.default_rng(0)
    honest = rng.dirichlet([1, 1, 1], size=4000)
    gold = (honest.cumsum(axis=1) < rng.random((4000, 1))).sum(axis=1)
    too_sure = tempered(honest, 1 / 3)
    found = temperature_on_gold(too_sure, gold)
    told = calibration(too_sure, gold, found)

    assert found.value == pytest.approx(3, rel=0.1)
    assert told.claimed > told.right.value + 0.1
    assert told.claimed_tempered == pytest.approx(told.right.value, abs=0.02)
    assert told.log_loss_tempered < told.log_loss
    assert (tempered(too_sure, 7).argmax(axis=1) == too_sure.argmax(axis=1)).all()


def test_too_little_gold_gives_no_temperature_and_none_at_all_no_calibration():
    q = np.full((10, 2), 0.5)

    assert temperature_on_gold(q, np.zeros(10, int)) == Temperature(1.0, "none", 10)
    with pytest.raises(AggregationError, match="no item has any"):
        calibration(q, np.full(10, NO_GOLD), Temperature(1.0, "none", 0))
    with pytest.raises(AggregationError, match="above zero"):
        tempered(q, 0)
