"""What answers could tell: published sample sizes, and limits."""

import numpy as np
import pytest
from scipy.stats import norm

from annotations.measurement.power import answers_needed, detectable_shift, reach


@pytest.mark.parametrize(("shift", "n"), [(0.05, 1374), (0.03, 3760)])
def test_the_sample_sizes_are_the_published_ones(shift: float, n: int) -> None:
    """A share of 30 %, power .8, two-sided 5 %: Fleiss' formula without continuity correction."""
    assert answers_needed(0.30, shift) == n
    assert detectable_shift(0.30, n) == pytest.approx(shift, abs=2e-4)


def test_the_promised_power_is_what_a_test_of_two_shares_has() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.binomial(1374, 0.30, 20_000) / 1374, rng.binomial(1374, 0.35, 20_000) / 1374
    z = (b - a) / np.sqrt((a * (1 - a) + b * (1 - b)) / 1374)
    assert np.mean(z > norm.ppf(0.975)) == pytest.approx(0.80, abs=0.01)


def test_too_few_answers_detect_nothing() -> None:
    assert detectable_shift(0.3, 3) is None
    assert detectable_shift(1.0, 1000) is None
    assert detectable_shift(0.3, 0) is None


def test_more_blind_answers_help_up_to_a_point() -> None:
    alone, more, many = (detectable_shift(0.3, 200, n) for n in (200, 1_000, 10**9))
    assert alone is not None
    assert more is not None
    assert many is not None
    assert many < more < alone
    assert many > alone / 2


def test_what_is_lacking_counts_the_design_effect_and_the_smaller_arm() -> None:
    found = reach(0.30, 100, 2_000, design_effect=2.0)
    by_shift = {need.shift: need for need in found.needed}
    assert by_shift[0.05].answers == pytest.approx(2 * 1374, abs=1)
    assert by_shift[0.05].lacking == by_shift[0.05].answers - 100
    assert reach(0.30, 5_000, 5_000).needed[1].lacking == 0
    assert reach(0.30, 100, 100, design_effect=0.6).design_effect == 1.0


def test_a_shift_beyond_everything_is_not_asked_for() -> None:
    assert [need.shift for need in reach(0.95, 10, 10).needed] == [0.03, 0.05]
