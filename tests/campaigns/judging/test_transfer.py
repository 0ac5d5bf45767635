"""A new target: recalibrated from labels of its own, in the light of how targets differ; or no promise."""

import numpy as np
import pytest
from scipy.special import expit

from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.transfer import Between, learn_between, recalibrate


def target(n: int, *, slope: float, offset: float, seed: int) -> tuple[Floats, Bools]:
    """Log odds that mean slope s + offset on this target."""
    rng = np.random.default_rng(seed)
    s = rng.normal(0, 3, n)
    return s, rng.random(n) < expit(slope * s + offset)


def others() -> Between:
    """What eight targets tell, whose offsets spread by 2."""
    offsets = np.random.default_rng(5).normal(1.0, 2.0, 8)
    made = [target(400, slope=1.5, offset=b, seed=i) for i, b in enumerate(offsets)]
    s, y = (np.concatenate(part) for part in zip(*made, strict=True))
    return learn_between(s, y, np.repeat([f"t{i}" for i in range(8)], 400).tolist())


def test_it_learns_how_targets_differ() -> None:
    between = others()
    assert between.mean[0] == pytest.approx(1.5, abs=0.2)
    assert between.covariance[1][1] ** 0.5 == pytest.approx(2.0, abs=0.8)
    assert Between.from_json(between.as_json()) == between


def test_fifty_labels_of_its_own_undo_a_targets_offset() -> None:
    s, y = target(4_000, slope=1.5, offset=5.0, seed=99)
    between = others()
    draws = [
        recalibrate(s[at : at + 50], y[at : at + 50], between=between) for at in range(0, 500, 50)
    ]
    rest, gold = s[500:], y[500:]
    before = np.mean((recalibrate(s[:0], y[:0], between=between).apply(rest) >= 0.5) == gold)
    after = np.mean([(one.apply(rest) >= 0.5) == gold for one in draws])
    best = np.mean((expit(1.5 * rest + 5) >= 0.5) == gold)
    assert before < best - 0.1
    assert after > best - 0.025
    assert sum(one.promised for one in draws) >= 5  # the others drew too few of one answer


def test_without_labels_of_its_own_nothing_is_promised() -> None:
    between = others()
    found = recalibrate(np.empty(0), np.empty(0, bool), between=between)
    assert (found.slope, found.offset) == pytest.approx(between.mean)
    assert not found.promised
    assert "nothing is promised before 50" in found.reason


def test_labels_of_one_answer_only_promise_nothing_and_stay_finite() -> None:
    s = np.random.default_rng(0).normal(0, 3, 80)
    found = recalibrate(s, np.ones(80, bool), between=others())
    assert np.isfinite([found.slope, found.offset]).all()
    assert "80 of 80 labels of this target are positive" in found.reason


def test_scores_that_point_the_wrong_way_are_not_turned_round() -> None:
    s, y = target(600, slope=1.5, offset=0.0, seed=3)
    assert recalibrate(s, ~y, between=others()).slope == 0


def test_one_target_tells_little_about_the_next() -> None:
    s, y = target(400, slope=1.0, offset=0.5, seed=1)
    assert learn_between(s, y, ["only"] * 400).covariance[1][1] > 1
    assert learn_between(s[:0], y[:0], []).targets == 0


def test_missing_scores_are_left_out_and_lengths_must_agree() -> None:
    s, y = target(100, slope=1.0, offset=0.0, seed=2)
    s[:10] = np.nan
    assert recalibrate(s, y, between=others()).n == 90
    with pytest.raises(BadScores, match="one for each case"):
        learn_between(s, y, ["t"])
