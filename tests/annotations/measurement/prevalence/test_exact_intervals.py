"""Intervals of the labels alone: published limits, enumerated coverage, finite populations."""

import numpy as np
import pytest
from scipy.stats import binom, binomtest, hypergeom

from annotations.measurement.inference import (
    SLACK,
    clopper_pearson,
    exact_proportion,
    jeffreys,
)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_clopper_and_pearsons_interval_equals_newcombes_table(k, n, low, high):
    found = clopper_pearson(k, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("k", "n", "level"), [(3, 7, 0.95), (0, 5, 0.9), (50, 50, 0.99)])
def test_clopper_and_pearsons_interval_equals_scipys(k, n, level):
    theirs = binomtest(k, n).proportion_ci(level, method="exact")
    found = clopper_pearson(k, n, level=level)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_jeffreys_interval_equals_brown_cai_and_dasguptas_table():
    """Brown, Cai and DasGupta (2001), table 5: n = 7 and n = 30."""
    assert jeffreys(2, 7).low == pytest.approx(0.065, abs=5e-4)
    assert jeffreys(2, 7).high == pytest.approx(0.648, abs=5e-4)
    assert (jeffreys(0, 7).low, jeffreys(7, 7).high) == (0.0, 1.0)


@pytest.mark.parametrize("n", [20, 50, 120])
def test_no_truth_is_covered_less_than_the_slack_allows(n):
    found = [exact_proportion(k, n) for k in range(n + 1)]
    low, high = (np.array([getattr(e, end) for e in found]) for end in ("low", "high"))
    truths = np.linspace(0.001, 0.999, 331)
    coverage = [binom.pmf(np.arange(n + 1), n, p)[(low <= p) & (p <= high)].sum() for p in truths]

    assert min(coverage) >= 0.95 - SLACK - 1e-9
    assert np.mean(coverage) == pytest.approx(0.955, abs=0.01)


def test_a_small_population_is_covered_whatever_it_holds():
    n, N = 30, 90
    found = [exact_proportion(k, n, population=N) for k in range(n + 1)]
    low, high = (np.array([getattr(e, end) for e in found]) for end in ("low", "high"))
    for K in range(N + 1):
        inside = (low <= K / N + 1e-12) & (high >= K / N - 1e-12)
        assert hypergeom.pmf(np.arange(n + 1), N, K, n)[inside].sum() >= 0.95 - SLACK - 1e-9


def test_where_half_was_drawn_equally_likely_counts_are_not_both_covered():
    """Of 4 failures in 100 cases none and all four are as likely among 50: .06 each, so one will do."""
    covers = [
        (e := exact_proportion(k, 50, population=100)).low <= 0.04 <= e.high for k in range(5)
    ]
    assert covers == [True, True, True, True, False]


def test_the_larger_the_part_that_was_labelled_the_narrower_and_all_of_it_is_a_count():
    widths = [
        (e := exact_proportion(10, 50, population=N)).high - e.low for N in (None, 500, 100, 60)
    ]
    assert widths == sorted(widths, reverse=True)
    whole = exact_proportion(10, 50, population=50)
    assert (whole.value, whole.low, whole.high) == (0.2, 0.2, 0.2)


def test_a_failure_that_was_seen_and_one_that_was_not_are_never_excluded():
    for k in (0, 1, 7, 29, 30):
        found = exact_proportion(k, 30, population=60)
        assert found.low >= k / 60 - 1e-12
        assert found.high <= (60 - (30 - k)) / 60 + 1e-12


def test_hundreds_of_thousands_are_no_trouble():
    found = exact_proportion(300_000, 1_000_000)
    assert (found.low, found.high) == pytest.approx((0.2991, 0.3009), abs=1e-4)


def test_nothing_counted_and_impossible_counts():
    assert exact_proportion(0, 0).reason
    assert clopper_pearson(0, 0).reason
    assert jeffreys(0, 0).reason
    with pytest.raises(ValueError, match="0 <= k <= n"):
        exact_proportion(3, 2)
    with pytest.raises(ValueError, match="cannot hold a sample"):
        exact_proportion(1, 10, population=9)
