"""Intervals of shares equal the published tables and stay honest at the limits."""

import pytest
from scipy.stats import binomtest

from annotations.measurement.inference import difference_of_proportions, proportion
from annotations.measurement.results import Estimate


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_equals_newcombes_table(k, n, low, high):
    found = proportion(k, n)

    assert (found.value, found.n) == (k / n, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(("k", "n", "level"), [(3, 7, 0.95), (0, 5, 0.9), (50, 50, 0.99)])
def test_wilsons_interval_equals_scipys(k, n, level):
    found = proportion(k, n, level=level)
    theirs = binomtest(k, n).proportion_ci(level, method="wilson")

    assert found.low == pytest.approx(theirs.low, abs=1e-9)
    assert found.high == pytest.approx(theirs.high, abs=1e-9)


@pytest.mark.parametrize(
    ("k1", "n1", "k2", "n2", "low", "high"),
    [
        (56, 70, 48, 80, 0.0524, 0.3339),
        (9, 10, 3, 10, 0.1705, 0.8090),
        (6, 7, 2, 7, 0.0582, 0.8062),
        (5, 56, 0, 29, -0.0381, 0.1926),
        (10, 10, 0, 10, 0.6075, 1.0),
    ],
)
def test_a_difference_equals_newcombes_table_for_method_10(k1, n1, k2, n2, low, high):
    found = difference_of_proportions(k1, n1, k2, n2)

    assert found.value == pytest.approx(k1 / n1 - k2 / n2)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_nothing_counted_is_undefined_with_a_reason():
    for nothing in (proportion(0, 0), difference_of_proportions(1, 2, 0, 0)):
        assert nothing.value is None
        assert nothing.reason
        assert not nothing.is_defined


@pytest.mark.parametrize(("k", "n"), [(3, 2), (-1, 2)])
def test_impossible_counts_are_refused(k, n):
    with pytest.raises(ValueError, match="0 <= k <= n"):
        proportion(k, n)


def test_an_estimate_says_itself_with_interval_and_n():
    assert str(proportion(81, 263)) == "0.308 (0.255 to 0.366), n = 263"
    assert str(proportion(0, 0)) == "undefined, n = 0: Nothing was counted (n = 0)."


@pytest.mark.parametrize(
    "values", [(None, None, None), (0.5, 0.4, None), (float("nan"), 0.1, 0.2), (0.5, None, None)]
)
def test_an_estimate_without_a_number_or_a_reason_cannot_be_made(values):
    with pytest.raises(ValueError):
        Estimate(*values, 10, method="none")
