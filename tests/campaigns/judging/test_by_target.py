"""Targets that answer differently get their own map of the probabilities, where it helps on unseen families."""

import json

import numpy as np
import pytest
from scipy.special import expit

from campaigns.judging.by_target import TargetMaps, fit_maps, has_several, log_odds, try_ways
from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats

Gold = tuple[Floats, Bools, list[str], list[str]]


def gold(truth: dict[str, tuple[float, float]], n: int = 250) -> Gold:
    """p, y, targets, families; logit P(y) = slope * logit p + offset on each target."""
    rng = np.random.default_rng(6)
    s = rng.normal(0, 2, n * len(truth))
    targets = [name for name in truth for _ in range(n)]
    slope, offset = np.array([truth[name] for name in targets]).T
    y = rng.random(len(s)) < expit(slope * s + offset)
    return expit(s), y, targets, [f"seed {i % 100}" for i in range(len(s))]


def test_targets_that_are_alike_are_left_as_they_are() -> None:
    p, y, targets, families = gold({"a": (1, 0), "b": (1, 0), "c": (1, 0)})
    tried = try_ways(p, y, targets, families, seed=0)
    assert tried.way == "none"
    assert (tried.p == p).all()


def test_targets_whose_answers_are_riskier_throughout_get_an_offset() -> None:
    p, y, targets, families = gold({"a": (1, 2), "b": (1, 0), "c": (1, -2)})
    tried = try_ways(p, y, targets, families, seed=0)
    assert tried.way == "offset"
    assert tried.losses["offset"] < tried.losses["none"] - 0.05  # type: ignore[operator]
    here = np.array(targets) == "a"
    assert abs(tried.p[here].mean() - y[here].mean()) < 0.03
    assert abs(p[here].mean() - y[here].mean()) > 0.15


def test_targets_on_which_the_judges_are_differently_sure_get_a_slope_too() -> None:
    p, y, targets, families = gold({"a": (3, 1), "b": (0.3, 0), "c": (1, -1)})
    assert try_ways(p, y, targets, families, seed=0).way == "slope and offset"


def test_a_target_never_seen_gets_the_others_mean_and_no_promise() -> None:
    p, y, targets, _ = gold({"a": (1, 3), "b": (1, 2)})
    maps = fit_maps(p, y, targets)
    assert maps.of("a").promised
    new = maps.of("new")
    assert not new.promised
    assert "nothing is promised before 50" in new.reason
    assert (new.slope, new.offset) == maps.between.mean
    at = maps.apply(np.full(3, 0.5), ["a", "b", "new"])
    assert at[1] < at[2] < at[0]


def test_cases_of_no_target_and_without_a_score_stay_as_they_are() -> None:
    p, y, targets, _ = gold({"a": (1, 3), "b": (1, 2)})
    maps = fit_maps(np.append(p, [np.nan, 0.4]), np.append(y, [True, True]), [*targets, "a", ""])
    found = maps.apply(np.array([np.nan, 0.4]), ["a", ""])
    assert np.isnan(found[0])
    assert found[1] == 0.4
    assert maps.of("a").n == 250
    assert has_several(["a", "b", ""])
    assert not has_several(["a", "", "a"])


def test_no_case_is_mapped_by_labels_of_its_own_family() -> None:
    p, y, targets, _ = gold({"a": (1, 0), "b": (1, 0)}, n=60)
    families = [f"{name} {i % 3}" for i, name in enumerate(targets)]
    before = try_ways(p, y, targets, families, seed=1)
    turned = np.where(np.array(families) == "a 0", ~y, y)
    after = try_ways(p, turned, targets, families, seed=1)
    own = np.array(families) == "a 0"
    assert not np.array_equal(before.p_by["slope and offset"], after.p_by["slope and offset"])
    assert np.allclose(
        before.p_by["slope and offset"][own], after.p_by["slope and offset"][own], atol=1e-9
    )


def test_it_is_kept_as_json_and_lengths_must_agree() -> None:
    p, y, targets, _ = gold({"a": (1, 3), "b": (1, 2)}, n=40)
    maps = fit_maps(p, y, targets)
    assert TargetMaps.from_json(json.loads(json.dumps(maps.as_json()))) == maps
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
    with pytest.raises(BadScores, match="80 cases but 1 targets"):
        fit_maps(p, y, ["a"])
