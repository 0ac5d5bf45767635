"""Order and length bias, against published intervals, limits and worlds where they are known."""

import numpy as np
import pytest

from campaigns.judging.errors import BadScores
from campaigns.judging.model_judge.bias import length_bias, order_bias


def pairs(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    rows = [(1, 1)] * both + [(1, 0)] * first + [(0, 1)] * second + [(0, 0)] * neither
    a, b = np.array(rows, dtype=float).T
    return a, b


def test_the_paired_interval_is_that_of_the_paper_worked_by_hand() -> None:
    """f10 = 5, f01 = 20, n = 100: p10 = 6/102, p01 = 21/102, 15/102 +- 1.96 * .0485."""
    found = order_bias(*pairs(40, 5, 20, 35), order="options swapped")
    assert found.shift.value == pytest.approx(0.15)
    assert found.shift.low == pytest.approx(0.0520, abs=2e-3)
    assert found.shift.high == pytest.approx(0.2421, abs=2e-3)
    assert found.flips.value == 0.25


def test_a_judge_that_never_flips_has_no_shift_and_an_interval_that_says_how_sure_that_is() -> None:
    found = order_bias(*pairs(20, 0, 0, 20), order="parts swapped")
    assert (found.flips.value, found.shift.value) == (0.0, 0.0)
    assert found.shift.low is not None
    assert -0.1 < found.shift.low < 0 < -found.shift.low < 0.1


def test_cases_judged_one_way_only_do_not_count() -> None:
    a, b = pairs(10, 1, 0, 10)
    a[:3], b[-3:] = np.nan, np.nan
    assert order_bias(a, b, order="o").flips.n == 15
    none = order_bias(np.full(9, np.nan), np.ones(9), order="o")
    assert none.shift.value is None
    assert "both ways" in str(none.shift.reason)
    with pytest.raises(BadScores, match="9 verdicts but 8"):
        order_bias(np.ones(9), np.ones(8), order="o")


def test_one_table_of_equal_halves_gives_walds_interval() -> None:
    """Sato's variance becomes (p1 q1 + p0 q0) / n there: .5 +- 1.96 sqrt((.25 * .75 + .75 * .25) / 20)."""
    lengths = np.arange(40.0)
    verdicts = np.concatenate([np.repeat([1.0, 0.0], [5, 15]), np.repeat([1.0, 0.0], [15, 5])])
    found = length_bias(verdicts, np.ones(40, bool), lengths)
    half = 1.959964 * np.sqrt((0.25 * 0.75 * 2) / 20)
    assert found.value == pytest.approx(0.5)
    assert found.low == pytest.approx(0.5 - half)
    assert found.high == pytest.approx(0.5 + half)


def test_long_answers_of_one_gold_class_are_no_bias_but_a_liking_for_length_is() -> None:
    rng = np.random.default_rng(5)
    y = rng.random(400) < 0.5
    lengths = rng.lognormal(5, 1, 400) * np.where(y, 6, 1)  # failures are longer by far
    right = np.where(rng.random(400) < 0.9, y, ~y).astype(float)
    fair = length_bias(right, y, lengths)
    assert fair.low is not None
    assert fair.high is not None
    assert fair.low < 0 < fair.high
    longest = (lengths > np.median(lengths)).astype(float)
    liking = np.where(rng.random(400) < 0.5, right, (rng.random(400) < longest * 0.9 + 0.05))
    within = length_bias(np.where(lengths > 400, 1.0, liking), y, lengths)
    assert within.low is not None
    assert within.low > 0


def test_too_few_or_unequal_inputs_say_so() -> None:
    assert length_bias(np.ones(5), np.ones(5, bool), np.arange(5.0)).value is None
    with pytest.raises(BadScores, match="one length"):
        length_bias(np.ones(5), np.ones(5, bool), np.arange(4.0))
