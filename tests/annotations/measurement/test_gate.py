"""The gate's three states, what it takes, and the power of a pilot by simulation."""

from math import sqrt

import numpy as np
import pytest

from annotations.measurement.agreement import krippendorff_alpha, specific_agreement
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.counts import counts_from_matrix
from annotations.measurement.gate import (
    Marks,
    State,
    cases_needed,
    decide,
    power_to_pass,
)
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate, undefined


def est(value: float, low: float, high: float, n: int = 150) -> Estimate:
    return Estimate(value, low, high, n, method="made up")


GOOD_ALPHA, GOOD_POSITIVE, GOOD_CANT = (
    est(0.75, 0.65, 0.85),
    est(0.8, 0.7, 0.9),
    est(0.04, 0.02, 0.08),
)


@pytest.mark.parametrize(
    ("alpha", "positive", "cant_tell", "state"),
    [
        (GOOD_ALPHA, GOOD_POSITIVE, GOOD_CANT, State.PASS),
        (est(0.75, 0.60, 0.85), GOOD_POSITIVE, GOOD_CANT, State.PASS),  # at the mark is past it
        (est(0.70, 0.59, 0.80), GOOD_POSITIVE, GOOD_CANT, State.CANNOT_TELL),
        (est(0.50, 0.40, 0.599), GOOD_POSITIVE, GOOD_CANT, State.FAIL),
        (est(0.50, 0.40, 0.60), GOOD_POSITIVE, GOOD_CANT, State.CANNOT_TELL),
        (GOOD_ALPHA, est(0.69, 0.60, 0.78), GOOD_CANT, State.CANNOT_TELL),
        (GOOD_ALPHA, est(0.50, 0.40, 0.69), GOOD_CANT, State.FAIL),
        (GOOD_ALPHA, GOOD_POSITIVE, est(0.12, 0.09, 0.16), State.CANNOT_TELL),
        (GOOD_ALPHA, GOOD_POSITIVE, est(0.15, 0.11, 0.20), State.FAIL),
        (undefined("one value", n=9, method="x"), GOOD_POSITIVE, GOOD_CANT, State.CANNOT_TELL),
        (GOOD_ALPHA, undefined("none", n=0, method="x"), GOOD_CANT, State.CANNOT_TELL),
    ],
)  # fmt: skip
def test_three_states(
    alpha: Estimate, positive: Estimate, cant_tell: Estimate, state: State
) -> None:
    assert decide(alpha, positive, cant_tell).state == state


def test_a_mark_with_a_reason_moves_the_gate() -> None:
    alpha = est(0.60, 0.50, 0.70)
    assert decide(alpha, GOOD_POSITIVE, GOOD_CANT).state == State.CANNOT_TELL
    low = decide(alpha, GOOD_POSITIVE, GOOD_CANT, marks=Marks(alpha=0.45))
    assert low.state == State.PASS


def test_more_cases_are_needed_until_the_interval_fits_with_the_power_asked_for() -> None:
    alpha = est(0.70, 0.59, 0.80)
    needed = cases_needed(alpha, 0.60)
    assert needed is not None
    assert power_to_pass(alpha, 0.60, n=needed) == pytest.approx(0.80, abs=0.005)
    se = 0.11 / 1.959964
    assert needed == pytest.approx(150 * (se * (1.959964 + 0.841621) / 0.1) ** 2, abs=1)
    advice = decide(alpha, GOOD_POSITIVE, GOOD_CANT).advice
    assert f"{needed - 150:,} more cases" in advice


def test_an_alpha_that_is_not_over_its_mark_asks_for_other_words_not_more_cases() -> None:
    found = decide(est(0.58, 0.45, 0.70), GOOD_POSITIVE, GOOD_CANT)
    assert found.cases_needed is None
    assert "more cases won't do" in found.advice
    near = decide(est(0.605, 0.50, 0.70), GOOD_POSITIVE, GOOD_CANT)
    assert "Alpha is too near its mark" in near.advice


def test_a_lower_end_at_the_value_shows_no_error_to_reckon_with() -> None:
    assert power_to_pass(est(0.7, 0.7, 0.7), 0.6, n=100) is None
    assert cases_needed(undefined("none", n=0, method="x"), 0.6) is None


def passes(base: float, flip: float, cases: int, runs: int) -> tuple[float, list[float]]:
    """Three raters who flip the truth with the same probability, alpha .70."""
    rng = np.random.default_rng(1)
    passed, power = 0, []
    for _ in range(runs):
        truth = rng.random(cases) < base
        yes = ((rng.random((cases, 3)) < flip) ^ truth[:, None]).sum(axis=1)
        counts = counts_from_matrix(np.column_stack([3 - yes, yes]), values=["no", "yes"])
        alpha = krippendorff_alpha(
            counts, bootstrap=Bootstrap(replicates=400, seed=int(rng.integers(1 << 30)))
        )
        positive = specific_agreement(counts, value="yes", bootstrap=Bootstrap(replicates=20))
        passed += decide(alpha, positive, proportion(0, 3 * cases)).state == State.PASS
        if alpha.low is not None and alpha.value is not None:
            power.append(alpha.value - alpha.low)
    return passed / runs, power


def test_a_pilot_of_150_passes_about_half_of_the_time_and_far_less_at_a_low_base_rate() -> None:
    """EXPERIENCE names 53 % and 25 %; with these raters it is 51 % and 23 % (benchmark, 2,000 runs)."""
    third, halves = passes(1 / 3, 0.0745185, 150, 250)
    tenth, _ = passes(0.10, 0.0346140, 150, 250)
    assert third == pytest.approx(0.51, abs=3 * sqrt(0.25 / 250))
    assert tenth == pytest.approx(0.23, abs=3 * sqrt(0.17 / 250))
    typical = est(0.70, 0.70 - float(np.median(halves)), 0.80)
    promised = power_to_pass(typical, 0.60, n=150)
    assert promised == pytest.approx(third, abs=0.12)
