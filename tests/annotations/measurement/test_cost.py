"""Ratios of sums: the textbook's value, coverage of the interval, both forms, and nothing to divide by."""

import numpy as np
import pytest

from annotations.measurement import cost
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.cost import ratio_of_sums


def test_minutes_for_each_settled_case_count_those_on_open_cases_too() -> None:
    assert ratio_of_sums([4, 6, 5], [1, 1, 0], nothing="none").value == 7.5


def test_where_nothing_is_settled_the_reason_is_given() -> None:
    found = ratio_of_sums([4.0], [0], nothing="No case is settled yet.")
    assert (found.value, found.reason) == (None, "No case is settled yet.")


def test_the_interval_holds_the_true_ratio_as_often_as_it_says() -> None:
    rng, hits = np.random.default_rng(3), 0
    for seed in range(200):
        y = rng.binomial(1, 0.8, 120)
        x = rng.gamma(2.0, 1.5, 120)  # mean 3, so that the ratio is 3 / .8
        found = ratio_of_sums(list(x), list(y), nothing="", how=Bootstrap(300, seed))
        hits += found.low <= 3 / 0.8 <= found.high
    assert 0.90 <= hits / 200 <= 0.99


def test_many_cases_give_by_the_shorter_way_what_resampling_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.gamma(2.0, 1.5, 4_000), rng.binomial(1, 0.8, 4_000)
    slow = ratio_of_sums(list(x), list(y), nothing="")
    monkeypatch.setattr(cost, "MOST", 1_000)
    fast = ratio_of_sums(list(x), list(y), nothing="")
    assert fast.value == slow.value
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=0.02)
