"""Judges beside people: measured against them, and never heard louder than one of them."""

import numpy as np
import pytest
from crowd_worlds import one_accuracy, world

from annotations.measurement.aggregation.inversion import CONSTANT, INVERTED, flag_raters
from annotations.measurement.aggregation.judges import capped, only_people
from annotations.measurement.aggregation.labels import code_labels, labels_from_arrays
from annotations.measurement.aggregation.methods import METHODS, fit


def people_and_copies(n_judges, *, n_items=200, seed=1):
    """Three people of .85, and judges who all copy one judge of .7."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, n_items)
    right = rng.random((n_items, 3)) < 0.85
    people = np.where(right, truth[:, None], 1 - truth[:, None])
    judge = np.where(rng.random(n_items) < 0.7, truth, 1 - truth)
    table = np.column_stack([people, np.repeat(judge[:, None], n_judges, axis=1)])
    item, rater = np.divmod(np.arange(table.size), table.shape[1])
    is_judge = np.arange(table.shape[1]) >= 3
    labels = labels_from_arrays(item, rater, table.ravel(), is_judge=is_judge)
    return labels, truth, people, judge


@pytest.mark.parametrize("method", [name for name in METHODS if name != "ordinal"])
def test_a_crowd_of_judges_cannot_outvote_people_who_agree(method):
    labels, _, people, judge = people_and_copies(20)
    answer = fit(labels, method).posterior.argmax(axis=1)

    agreed = people.min(axis=1) == people.max(axis=1)
    opposed = agreed & (judge != people[:, 0])
    assert opposed.sum() > 20
    assert (answer == people[:, 0])[opposed].all()


@pytest.mark.parametrize("method", ["majority", "hierarchical", "glad"])
def test_twenty_copies_of_a_judge_weigh_no_more_than_a_person(method):
    labels, truth, *_ = people_and_copies(20)
    heard = fit(labels, method).posterior
    alone = fit(only_people(labels), method)

    ratio = np.abs(np.log(heard[:, 1] / heard[:, 0]) - np.log(
        alone.posterior[:, 1] / alone.posterior[:, 0]
    ))  # fmt: skip
    own = only_people(labels)
    said = np.log(alone.says(own.item, own.rater, own.value))
    assert ratio.max() <= np.median(np.ptp(said, axis=1)) + 1e-9
    assert (heard.argmax(axis=1) == truth).mean() > 0.85


def test_judges_alone_are_the_raters_and_without_weight_are_not_heard():
    labels, truth, *_ = people_and_copies(2)
    judges = labels.keep(labels.is_judge[labels.rater])

    assert (fit(judges, "majority").posterior.argmax(axis=1) == truth).mean() > 0.6
    silent = fit(labels, "hierarchical", judge_weight=0)
    assert silent.posterior == pytest.approx(fit(only_people(labels), "hierarchical").posterior)


def test_a_judge_helps_where_people_are_split():
    labels = code_labels(
        [(i, rater, i % 2) for i in range(40) for rater in ("ann", "ben", "judge")]
        + [("split", "ann", 0), ("split", "ben", 1), ("split", "judge", 1)],
        judges=["judge"],
    )
    assert fit(labels, "majority").posterior[-1].argmax() == 1


def test_what_judges_favour_stays_when_they_are_capped():
    x = np.array([[-30.0, -1.0, 0.0], [-0.1, 0.0, -0.2]])
    cool = capped(x, 2.0)

    assert np.ptp(cool, axis=1) == pytest.approx([2.0, 0.2])
    assert cool.argsort(axis=1).tolist() == x.argsort(axis=1).tolist()


def test_an_inverted_judge_is_flagged_with_what_it_means_and_others_are_not():
    confusion = np.concatenate([one_accuracy(4, 0.85), one_accuracy(1, 0.1)])
    labels, _ = world(3, confusion=confusion, n_items=150, each=5, is_judge=[0, 0, 0, 0, 1])
    (flagged,) = flag_raters(labels, fit(only_people(labels), "hierarchical"))

    assert (flagged.rater, flagged.flag, flagged.renaming) == (4, INVERTED, {0: 1, 1: 0})
    assert flagged.right < 0.25
    assert flagged.right + flagged.right_renamed == pytest.approx(1)


def test_a_rotated_scale_is_flagged_and_chance_is_not():
    rotated = np.roll(one_accuracy(1, 0.9, n_values=3), 1, axis=2)
    guess = one_accuracy(1, 1 / 3, n_values=3)
    confusion = np.concatenate([one_accuracy(5, 0.85, n_values=3), rotated, guess])
    labels, _ = world(4, confusion=confusion, n_items=200, each=7)
    found = flag_raters(labels, fit(labels, "hierarchical"))

    assert [(f.rater, f.renaming) for f in found] == [(5, {0: 2, 1: 0, 2: 1})]


def test_few_honest_raters_are_flagged_by_chance():
    flagged = 0
    for seed in range(8):
        labels, _ = world(seed, confusion=one_accuracy(10, 0.6), n_items=60, each=5)
        flagged += bool(flag_raters(labels, fit(labels, "hierarchical")))
    assert flagged <= 1


def test_one_answer_to_everything_is_flagged_unless_it_was_deserved():
    constant = np.array([[[1.0, 0.0], [1.0, 0.0]]])
    confusion = np.concatenate([one_accuracy(4, 0.9), constant])
    mixed, _ = world(5, confusion=confusion, n_items=60, each=5)
    deserved, _ = world(5, confusion=confusion, n_items=60, each=5, prior=[0.99, 0.01])

    assert [f.flag for f in flag_raters(mixed, fit(mixed, "hierarchical"))] == [CONSTANT]
    assert flag_raters(deserved, fit(deserved, "hierarchical")) == ()
