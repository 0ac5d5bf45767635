"""Differences: Newcombe's published paired tables, exact p values, q values over a family."""

import numpy as np
import pytest
from scipy.stats import binomtest, false_discovery_control

from annotations.measurement.prevalence.differences import (
    compare,
    compare_all,
    mcnemar,
    paired_difference,
    paired_ppi_difference,
    two_shares,
)


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        ((36, 12, 2, 0), 0.0569, 0.3404),
        ((20, 12, 2, 16), 0.0562, 0.3292),
        ((0, 12, 2, 36), 0.0569, 0.3404),
    ],
)  # fmt: skip
def test_paired_intervals_equal_newcombes_table(table, low, high):
    """R. G. Newcombe (1998), Statistics in Medicine 17: 2635-2650, table II, method 10."""
    found = paired_difference(*table)
    _, f, g, _ = table
    assert found.value == pytest.approx((f - g) / sum(table))
    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


def test_pairs_that_agree_are_told_apart_better_than_strangers():
    first = {i: i < 60 for i in range(200)}
    second = {i: i < 50 for i in range(200)}
    strangers = {f"x{i}": i < 50 for i in range(200)}
    pairs, apart = compare(first, second), compare(first, strangers)

    assert pairs.is_paired
    assert not apart.is_paired
    assert pairs.difference.value == apart.difference.value
    assert pairs.p_value < 0.01 < apart.p_value
    assert pairs.difference.high - pairs.difference.low < 0.6 * (
        apart.difference.high - apart.difference.low
    )


def test_mcnemars_mid_p_lies_half_an_outcome_below_the_exact_p():
    exact = binomtest(2, 12, 0.5).pvalue
    assert mcnemar(2, 10) == pytest.approx(exact - 66 / 4096)  # C(12, 2) / 2^12
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0


def test_two_shares_without_any_spread_are_the_same():
    assert two_shares(0, 10, 0, 20) == 1.0
    assert two_shares(30, 100, 50, 100) == pytest.approx(0.00389, abs=5e-5)


def test_q_values_are_over_the_whole_family():
    rng = np.random.default_rng(2)
    groups = {
        name: {i: bool(x) for i, x in enumerate(rng.random(150) < p)}
        for name, p in (("a", 0.2), ("b", 0.2), ("c", 0.45), ("d", 0.22))
    }
    found = compare_all(groups)
    assert len(found) == 6
    assert [c.q_value for c in found] == pytest.approx(
        false_discovery_control([c.p_value for c in found])
    )
    assert {(c.first, c.second) for c in compare_all(groups, against="a")} == {
        ("b", "a"), ("c", "a"), ("d", "a"),
    }  # fmt: skip


def test_an_empty_group_is_undefined_and_takes_no_part_in_the_family():
    found = compare_all({"a": {1: True}, "b": {}, "c": {2: False, 3: True}})
    assert [c.q_value is None for c in found] == [True, False, True]
    assert not found[0].difference.is_defined


def test_judges_of_both_targets_narrow_the_paired_difference():
    rng = np.random.default_rng(5)
    y = rng.random((2, 3_000)) < np.array([[0.4], [0.3]])
    f = np.where(rng.random((2, 3_000)) < 0.95, y, ~y).astype(float)
    d, scored = (y[0].astype(float) - y[1]), f[0] - f[1]
    rows = rng.choice(3_000, 300, replace=False)
    helped = paired_ppi_difference(d[rows], scored[rows], scored)
    alone = paired_ppi_difference(d[rows], np.zeros(300), np.zeros(3_000))

    assert helped.low <= d.mean() <= helped.high
    assert helped.high - helped.low < 0.6 * (alone.high - alone.low)
    assert not paired_ppi_difference(d[:1], scored[:1], scored).is_defined
