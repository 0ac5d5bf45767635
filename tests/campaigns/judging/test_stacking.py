"""The stack: a line where judges add up, a surface where they err together."""

import json

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from campaigns.judging.errors import CannotFit
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.stacking import LANDMARKS, Stack, fit_stack


def siblings(n: int, *, seed: int) -> tuple[Floats, Bools]:
    """Two siblings that are wrong together, and a third that alone knows when."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.5
    blind = rng.random(n) < 0.3
    one, two = np.where(blind, ~y, y), np.where(blind, ~y, y)
    two = two ^ (rng.random(n) < 0.05)
    third = np.where(rng.random(n) < 0.8, y, ~y)
    return np.column_stack([one, two, third]).astype(float), y


def test_it_learns_what_no_weighted_sum_can_say() -> None:
    rng = np.random.default_rng(3)
    fires = rng.random((1_200, 3)) < 0.5
    y = rng.random(1_200) < np.where(fires.sum(axis=1) >= 2, 0.9, 0.1)
    y[fires.all(axis=1)] = rng.random(int(fires.all(axis=1).sum())) < 0.2  # all three: a known trap
    stack = fit_stack(fires[:800].astype(float), y[:800], names=("a", "b", "c"), seed=0)
    p = expit(stack.log_odds(fires[800:].astype(float)))
    trap, two = fires[800:].all(axis=1), fires[800:].sum(axis=1) == 2
    # the best sum of three judges says more where all three fire than where two do
    assert p[trap].mean() < 0.4 < 0.7 < p[two].mean()


def test_two_siblings_count_for_little_more_than_one() -> None:
    scores, y = siblings(4_000, seed=1)
    stack = fit_stack(scores[:2_000], y[:2_000], names=("one", "two", "third"), seed=0)
    p = expit(stack.log_odds(scores[2_000:]))
    # the rates of each pattern are what can be known
    patterns = scores[2_000:] @ [4, 2, 1]
    rates = np.array([y[2_000:][patterns == one].mean() for one in patterns])
    assert log_loss(y[2_000:], p) < log_loss(y[2_000:], rates) + 0.01


def test_many_distinct_rows_are_met_by_a_bounded_number_of_landmarks() -> None:
    rng = np.random.default_rng(0)
    y = rng.random(900) < 0.5
    scores = expit(rng.normal(np.where(y, 1.0, -1.0)[:, None], 1.0, (900, 4)))
    stack = fit_stack(scores, y, names=tuple("abcd"), seed=0)
    assert len(stack.surface.landmarks) == LANDMARKS
    again = Stack.from_json(json.loads(json.dumps(stack.as_json())))
    np.testing.assert_array_equal(again.log_odds(scores), stack.log_odds(scores))


def test_a_gap_is_no_vote_and_a_row_of_gaps_has_no_score() -> None:
    scores, y = siblings(600, seed=2)
    scores[:100, 2] = np.nan
    scores[0] = np.nan
    s = fit_stack(scores, y, names=("one", "two", "third"), seed=0).log_odds(scores)
    assert np.isnan(s[0])
    assert np.isfinite(s[1:]).all()


def test_judges_that_guess_cannot_be_stacked() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CannotFit, match="useless so far"):
        fit_stack(rng.random((300, 1)), rng.random(300) < 0.5, names=("guess",), seed=0)
