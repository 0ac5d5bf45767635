"""Drawing by score, and what more labels would buy."""

import numpy as np
import pytest

from annotations.measurement.prevalence.evidence import Evidence, PrevalenceError
from annotations.measurement.prevalence.next_labels import best_additions, outlook
from annotations.measurement.prevalence.sampling import (
    FLOOR,
    allocate,
    draw,
    draw_by_key,
    gain_of_plan,
    plan_by_score,
)


@pytest.fixture
def scores():
    return np.random.default_rng(3).beta(0.3, 2.0, 1_000)


def test_neymans_allocation_equals_cochrans_formula_where_nothing_binds():
    N, s = np.array([[4_000.0, 2_000, 1_000]]), np.array([[0.1, 0.3, 0.5]])
    exact = 1_000 * N * s / (N * s).sum()
    assert allocate(N, s, 1_000)[0] == pytest.approx(exact[0], abs=1.01)


def test_every_stratum_gets_the_floor_and_no_more_than_it_has():
    N, s = np.array([[900.0, 90, 8]]), np.array([[0.001, 0.4, 0.5]])
    given = allocate(N, s, 100)[0]
    assert given.sum() == 100
    assert given.min() >= FLOOR
    assert (given <= N[0]).all()


def test_a_plan_gives_out_all_labels_and_says_with_which_probability(scores):
    plan = plan_by_score(scores, 200)
    rows = draw(plan, np.random.default_rng(0))
    assert len(rows) == len(set(rows)) == 200
    assert plan.probabilities.sum() == pytest.approx(200)
    assert (np.diff(plan.probabilities[np.argsort(scores)][[0, 500, -1]]) >= 0).all()


def test_the_same_secret_draws_the_same_rows_and_another_does_not(scores):
    plan, keys = plan_by_score(scores, 100), [f"case-{i}" for i in range(1_000)]
    assert draw_by_key(plan, keys, "a").tolist() == draw_by_key(plan, keys, "a").tolist()
    assert draw_by_key(plan, keys, "a").tolist() != draw_by_key(plan, keys, "b").tolist()
    assert len(draw_by_key(plan, keys, "a")) == 100


def test_a_judge_of_two_words_makes_two_strata():
    plan = plan_by_score(np.repeat([0.0, 1.0], [900, 100]), 100)
    assert plan.sizes.tolist() == [900, 100]


@pytest.mark.parametrize("n", [0, 1_001])
def test_impossible_numbers_of_labels_are_refused(scores, n):
    with pytest.raises(PrevalenceError, match="can be labelled"):
        plan_by_score(scores, n)


def test_more_labels_narrow_the_interval_and_the_best_are_at_least_as_good(scores):
    rng = np.random.default_rng(1)
    labels = np.full(1_000, np.nan)
    rows = rng.choice(1_000, 100, replace=False)
    labels[rows] = rng.random(100) < scores[rows]
    found = outlook(Evidence(scores, labels))

    widths = [found.width, *(p.width for p in found.purchases)]
    assert widths == sorted(widths, reverse=True)
    assert all(p.best_width <= p.width * 1.001 for p in found.purchases)
    assert [sum(p.best) for p in found.purchases] == [100, 200, 500]


def test_nobody_can_label_more_rows_than_there_are(scores):
    labels = np.full(1_000, np.nan)
    labels[:950] = 0.0
    found = outlook(Evidence(scores, labels))
    assert {p.labels for p in found.purchases} == {50}
    assert found.purchases[0].width < 0.001
    assert outlook(Evidence(scores, np.full(1_000, np.nan))) is None


def test_the_first_label_goes_where_it_lowers_the_variance_most():
    added = best_additions(np.array([500.0, 500]), np.array([20.0, 20]), np.array([0.02, 0.5]), 1)
    assert added.tolist() == [0, 1]


def test_a_judge_that_tells_is_worth_drawing_by_and_one_that_does_not_is_not(scores):
    rng = np.random.default_rng(8)
    rows = rng.choice(1_000, 300, replace=False)
    plan = plan_by_score(scores, 200)

    def gain(truth: np.ndarray) -> float | None:
        labels = np.full(1_000, np.nan)
        labels[rows] = truth[rows]
        return gain_of_plan(plan, Evidence(scores, labels))

    assert gain(rng.random(1_000) < scores) < 0.9
    assert gain(rng.random(1_000) < 0.15) > 1
    assert gain_of_plan(plan, Evidence(scores, np.full(1_000, np.nan))) is None
