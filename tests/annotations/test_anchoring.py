"""The effect of AI help: published sample sizes, limits, and coverage of the intervals."""

import numpy as np
import pytest

from annotations.measurement.anchoring import (
    BY_ANSWER,
    BY_RATER,
    answers_needed,
    detectable_shift,
    difference_of_medians,
    difference_of_shares,
)
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.inference import NEWCOMBE, difference_of_proportions


def answers(right: int, asked: int, *, raters: int = 10) -> list[tuple[int, bool]]:
    return [(number % raters, number < right) for number in range(asked)]


@pytest.mark.parametrize(("shift", "n"), [(0.05, 1374), (0.03, 3760)])
def test_the_sample_sizes_are_the_published_ones(shift: float, n: int) -> None:
    """A share of 30 %, power .8, two-sided 5 %: Fleiss' formula without continuity correction."""
    assert answers_needed(0.30, shift) == pytest.approx(n, abs=1)
    assert detectable_shift(0.30, n) == pytest.approx(shift, abs=2e-4)


def test_too_few_answers_detect_nothing() -> None:
    assert detectable_shift(0.3, 3) is None
    assert detectable_shift(1.0, 1000) is None
    assert detectable_shift(0.3, 0) is None


def test_with_few_raters_answers_are_taken_as_independent() -> None:
    arm, blind = answers(56, 70, raters=2), answers(48, 80, raters=2)
    found = difference_of_shares(arm, blind)
    assert found == difference_of_proportions(56, 70, 48, 80)
    assert found.method == NEWCOMBE


def test_no_spread_among_raters_is_no_certainty() -> None:
    found = difference_of_shares(answers(0, 40), answers(0, 40))
    assert found.value == 0.0
    assert found.low is not None
    assert found.low < 0


def test_an_empty_arm_has_no_difference() -> None:
    assert difference_of_shares([], answers(3, 10)).value is None
    assert difference_of_medians([], [(1, 2.0)] * 10).value is None


def test_raters_who_differ_widen_the_interval() -> None:
    """Half the raters adopt whatever they are shown, the others nothing: clusters, not answers."""
    arm = [(g, g % 2 == 0) for g in range(10) for _ in range(50)]
    blind = [(g, False) for g in range(10) for _ in range(50)]
    found = difference_of_shares(arm, blind)
    independent = difference_of_proportions(250, 500, 0, 500)
    assert found.method == BY_RATER
    assert found.value == pytest.approx(0.5)
    assert None not in (found.low, found.high, independent.low, independent.high)
    assert found.high - found.low > 2 * (independent.high - independent.low)  # type: ignore[operator]


def test_the_interval_by_rater_holds_the_true_shift_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    covered, runs = 0, 120
    for _ in range(runs):
        levels = rng.beta(8, 2, size=20)
        arm = [(g, bool(rng.random() < p - 0.1)) for g, p in enumerate(levels) for _ in range(20)]
        blind = [(g, bool(rng.random() < p)) for g, p in enumerate(levels) for _ in range(20)]
        found = difference_of_shares(arm, blind, how=Bootstrap(replicates=400))
        truth = float(np.mean(np.maximum(levels - 0.1, 0) - levels))
        assert found.low is not None
        assert found.high is not None
        covered += found.low <= truth <= found.high
    assert covered / runs > 0.88


@pytest.mark.parametrize(("raters", "method"), [(2, BY_ANSWER), (12, BY_RATER)])
def test_medians_differ_by_what_was_put_in(raters: int, method: str) -> None:
    rng = np.random.default_rng(3)
    arm = [(n % raters, float(20 + rng.normal())) for n in range(240)]
    blind = [(n % raters, float(30 + rng.normal())) for n in range(240)]
    found = difference_of_medians(arm, blind)
    assert found.method == method
    assert found.value == pytest.approx(-10, abs=0.5)
    assert found.low is not None
    assert found.high is not None
    assert found.low < -9.5 < 0
    assert found.high < -9


def test_the_same_rows_give_the_same_interval() -> None:
    arm, blind = answers(30, 60), answers(40, 60)
    assert difference_of_shares(arm, blind) == difference_of_shares(arm, blind)
