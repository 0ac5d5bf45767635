"""The frozen test: which families, and two ensembles compared on the same cases."""

import numpy as np
import pytest
from scipy.stats import binom

from campaigns.judging.comparing import compare
from campaigns.judging.errors import BadScores
from campaigns.judging.frozen_test import is_frozen

FAMILIES = [f"family {number}" for number in range(2_000)]


def frozen(share: float, key: str = "k") -> set[str]:
    return {name for name in FAMILIES if is_frozen(name, key=key, share=share)}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.15, 0.5])
def test_about_the_asked_share_of_families_is_drawn(share: float) -> None:
    low, high = binom.interval(0.999, len(FAMILIES), share)
    assert low <= len(frozen(share)) <= high


def test_a_larger_share_keeps_what_a_smaller_one_drew_and_another_key_draws_others() -> None:
    assert frozen(0.1) < frozen(0.2)
    assert frozen(0.1) == frozen(0.1)
    assert len(frozen(0.1) & frozen(0.1, key="other")) < 60  # 20 expected by chance


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_a_share_that_leaves_too_little_to_learn_from_is_refused(share: float) -> None:
    with pytest.raises(BadScores, match=r"from 0 to 0\.5"):
        is_frozen("f", key="k", share=share)


def test_each_case_on_which_two_ensembles_differ_is_named_by_what_it_is() -> None:
    y = np.array([1, 1, 1, 0, 0, 0], dtype=bool)
    before = np.array([1, 0, 0, 1, 0, 0], dtype=bool)
    after = np.array([0, 1, 0, 0, 1, 0], dtype=bool)
    found = compare(before, after, y, list("abcdef"))
    assert (found.missed, found.caught) == ((0,), (1,))
    assert (found.cleared, found.blocked) == ((3,), (4,))
    assert (found.gained, found.lost, found.p_value) == (2, 2, 1.0)
    assert found.evasion.before.value == found.evasion.after.value == pytest.approx(2 / 3)
    assert found.evasion.difference.value is None  # three families say nothing of others


def test_the_p_value_is_that_of_mcnemars_exact_test() -> None:
    # Gained in 15 cases and lost in 5: 2 P(X <= 5), X ~ Binomial(20, 1/2), is .0414 (tables).
    y = np.ones(40, dtype=bool)
    before, after = np.zeros(40, dtype=bool), np.zeros(40, dtype=bool)
    after[:15], before[15:20] = True, True
    found = compare(before, after, y, [str(n) for n in range(40)])
    assert found.p_value == pytest.approx(0.0414, abs=5e-5)
    assert found.evasion.difference.value == pytest.approx(-10 / 40)


def test_two_that_never_differ_have_no_test_and_a_difference_that_is_bounded() -> None:
    same = np.array([True, False] * 20)
    found = compare(same, same, np.ones(40, dtype=bool), [str(n) for n in range(40)])
    assert found.p_value is None
    low, high = found.evasion.difference.low, found.evasion.difference.high
    assert low is not None
    assert high is not None
    assert low < 0 < high < 0.1


def test_the_interval_of_a_difference_holds_the_true_one_with_variants_of_few_seeds() -> None:
    rng = np.random.default_rng(5)
    holds = 0
    for _ in range(200):
        of = np.repeat(np.arange(40), 4)
        worse = np.repeat(rng.random(40) < 0.3, 4)  # whole families are missed
        better = worse & np.repeat(rng.random(40) < 0.5, 4)
        found = compare(~worse, ~better, np.ones(160, dtype=bool), [str(f) for f in of])
        d = found.evasion.difference
        assert d.low is not None
        assert d.high is not None
        holds += d.low <= -0.15 <= d.high
    assert holds >= 180  # of 200, for an interval of 95 %: 190 expected, 4 of them one deviation


def test_lists_of_other_lengths_are_refused() -> None:
    with pytest.raises(BadScores, match="one of each"):
        compare(np.ones(2, dtype=bool), np.ones(3, dtype=bool), np.ones(2, dtype=bool), ["a", "b"])
