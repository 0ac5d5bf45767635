"""Arms compared where raters and items are samples: limits, published forms, simulated coverage."""

import numpy as np
import pytest
from scipy.special import expit

from annotations.measurement.crossed import (
    BY_ITEM,
    INDEPENDENT,
    TWO_WAY,
    Row,
    difference_of_shares,
    ratio_of_means,
    share,
    two_way_variance,
)
from annotations.measurement.inference import difference_of_proportions, proportion


def answers(right: int, asked: int, *, raters: int = 10, items: int | None = None) -> list[Row]:
    """Each answer on an item of its own, unless there are fewer items."""
    return [(n % raters, n % (items or asked), float(n < right)) for n in range(asked)]


def test_the_variance_is_that_of_cameron_gelbach_and_miller() -> None:
    """By hand for 2 x 2: each cell one answer; V_rater + V_item - V_cell, with G / (G - 1) each."""
    psi = np.array([0.3, 0.1, 0.2, -0.6])
    raters, items = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    by_rater, by_item = 2 * (0.4**2 + 0.4**2), 2 * (0.5**2 + 0.5**2)
    cells = 4 / 3 * (0.09 + 0.01 + 0.04 + 0.36)
    expected = max(by_rater + by_item - cells, by_rater, by_item)
    assert two_way_variance(psi, raters, items) == pytest.approx(expected)


def test_four_raters_on_four_items_are_no_sample_and_answers_count_as_independent() -> None:
    arm = [(g, i, float(g == i)) for g in range(4) for i in range(4)]
    blind = [(g, i, float(g < i)) for g in range(4) for i in range(4)]
    found, plain = difference_of_shares(arm, blind), difference_of_proportions(4, 16, 6, 16)
    assert INDEPENDENT in found.method
    assert (found.value, found.low, found.high) == pytest.approx(
        (plain.value, plain.low, plain.high)
    )


def test_few_raters_are_named_and_only_items_are_a_sample() -> None:
    found = difference_of_shares(answers(56, 70, raters=2), answers(48, 80, raters=2))
    assert BY_ITEM in found.method


def test_no_error_on_either_side_is_no_certainty() -> None:
    found = difference_of_shares(answers(0, 40), answers(0, 40))
    assert found.value == 0.0
    assert found.low is not None
    assert found.low < -0.05
    assert share(answers(40, 40)).high == 1.0


def test_an_empty_arm_has_no_difference() -> None:
    assert difference_of_shares([], answers(3, 10)).value is None
    assert ratio_of_means([], [(n, n, 2.0) for n in range(10)]).value is None
    assert share([]).value is None


def test_raters_who_differ_widen_the_interval() -> None:
    """Half the raters adopt whatever they are shown, the others nothing: clusters, not answers."""
    arm = [(g, (g, n), float(g % 2 == 0)) for g in range(10) for n in range(50)]
    blind = [(g, (g, -n), 0.0) for g in range(10) for n in range(50)]
    found, independent = (
        difference_of_shares(arm, blind),
        difference_of_proportions(250, 500, 0, 500),
    )
    assert TWO_WAY in found.method
    assert None not in (found.low, found.high, independent.low, independent.high)
    assert found.high - found.low > 2 * (independent.high - independent.low)  # type: ignore[operator]


def test_independent_answers_have_nearly_wilsons_interval() -> None:
    rng = np.random.default_rng(4)
    rows = [(n % 100, n, float(rng.random() < 0.3)) for n in range(2_000)]
    k = int(sum(x for _, _, x in rows))
    found, plain = share(rows), proportion(k, 2_000)
    assert None not in (found.low, found.high, plain.low, plain.high)
    width, known = found.high - found.low, plain.high - plain.low  # type: ignore[operator]
    assert width == pytest.approx(known, rel=0.15)


def test_the_interval_holds_the_true_shift_where_raters_and_items_have_effects() -> None:
    """20 raters, 200 items, 3 answers each, 15 % helped; taken as independent it is too short."""
    rng = np.random.default_rng(8)
    mix = rng.normal(0, np.hypot(0.8, 0.8), 200_000)
    truth = float(
        (expit(0.8 * 1 + rng.normal(0, 0.8, 200_000) + mix - 1.5) - expit(mix - 1.5)).mean()
    )
    covered, plain, runs = 0, 0, 150
    for _ in range(runs):
        u, v, s = rng.normal(0, 0.8, 20), rng.normal(0, 0.8, 200), rng.normal(0, 0.8, 20)
        sides: tuple[list[Row], list[Row]] = ([], [])
        for i in range(200):
            for g in rng.choice(20, 3, replace=False):
                helped = rng.random() < 0.15
                x = float(rng.random() < expit(u[g] + v[i] - 1.5 + (0.8 + s[g]) * helped))
                sides[0 if helped else 1].append((int(g), i, x))
        found = difference_of_shares(*sides)
        k1, k0 = (int(sum(x for _, _, x in side)) for side in sides)
        known = difference_of_proportions(k1, len(sides[0]), k0, len(sides[1]))
        covered += found.low <= truth <= found.high  # type: ignore[operator]
        plain += known.low <= truth <= known.high  # type: ignore[operator]
    assert 0.92 <= covered / runs <= 0.995
    assert plain < covered


def test_seconds_are_told_as_a_ratio_that_was_put_in() -> None:
    rng = np.random.default_rng(3)
    arm = [(n % 12, n % 120, float(20 * np.exp(rng.normal(0, 0.3)))) for n in range(240)]
    blind = [(n % 12, n % 120, float(40 * np.exp(rng.normal(0, 0.3)))) for n in range(240)]
    found = ratio_of_means(arm, blind)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    assert found.high < 0.6
