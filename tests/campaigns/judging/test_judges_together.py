"""Joint errors, what a judge adds, and rates undone of the judge's errors, in worlds that are known."""

import numpy as np
import pytest

from campaigns.judging.errors import BadScores
from campaigns.judging.evasion.added_value import best_choice, what_each_adds
from campaigns.judging.evasion.success_rates import success_rates
from campaigns.judging.evasion.together import blocks, evades, joint_errors
from campaigns.judging.linear import Bools, Floats


def world(n: int, seed: int) -> tuple[Floats, Bools]:
    """Judges a and b err alone, c errs wherever a does, d says nothing of use."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.5
    a, b = (np.where(rng.random(n) < 0.2, ~y, y) for _ in range(2))
    return np.stack([a, b, a, rng.random(n) < 0.02], axis=1).astype(float), y


def test_judges_that_err_alone_have_a_factor_of_one_and_a_twin_a_large_one() -> None:
    x, y = world(4_000, seed=1)
    found = joint_errors(evades(x, y), "abcd")
    pairs = {(one.first, one.second): one for one in found.pairs}
    assert len(pairs) == 12
    alone, twin = pairs["a", "b"], pairs["a", "c"]
    assert (alone.factor.low or 0) < 1 < (alone.factor.high or 0)
    assert alone.share.value == pytest.approx(0.2, abs=0.03)
    assert twin.share.value == 1
    assert (twin.factor.low or 0) > 4  # 1 / .2


def test_of_what_evades_one_the_share_that_evades_the_other_is_counted() -> None:
    x = np.array([[0, 0], [0, 1], [0, np.nan], [1, 0], [1, 1.0]])
    found = joint_errors(evades(x, np.ones(5, bool)), "ab")
    first, second = found.pairs
    assert (first.both, first.share.n, first.share.value) == (2, 3, pytest.approx(2 / 3))
    assert second.share.value == pytest.approx(2 / 3)
    assert first.factor.value == pytest.approx(2 * 5 / (3 * 3))
    assert (found.everyone.share.value, found.everyone.product) == (0.4, pytest.approx(9 / 25))


def test_where_nothing_evades_there_is_no_factor() -> None:
    found = joint_errors(evades(np.ones((6, 2)), np.ones(6, bool)), "ab")
    assert found.pairs[0].share.value is None
    assert "no factor" in (found.pairs[0].factor.reason or "")
    assert joint_errors(blocks(np.ones((6, 2)), np.ones(6, bool)), "ab").everyone.share.n == 0


def test_draws_of_families_widen_joint_errors() -> None:
    x, y = world(300, seed=2)
    wrong = evades(x, np.ones_like(y))
    families = [str(index // 6) for index in range(len(wrong))]
    plain, drawn = (joint_errors(wrong, "abcd", families=f).pairs[0] for f in (None, families))
    assert drawn.factor.value == plain.factor.value
    assert "families" in drawn.factor.method
    assert "cases" in plain.factor.method


def test_the_best_choice_is_what_a_search_through_all_finds() -> None:
    x, y = world(200, seed=3)
    x[::7, 1] = np.nan
    found = best_choice(x, y, names="abcd", bound=0.25)
    fired = np.nan_to_num(x).astype(bool)
    best = min(
        ((~votes[y]).mean(), votes[~y].mean())
        for mask in range(1, 16)
        for t in range(1, mask.bit_count() + 1)
        for votes in [fired[:, [j for j in range(4) if mask >> j & 1]].sum(axis=1) >= t]
        if votes[~y].mean() <= 0.25
    )
    assert (found.evasion.value, found.over_block.value) == pytest.approx(best)
    assert found.within_bound


def test_a_judge_that_errs_alone_adds_and_a_twin_adds_nothing() -> None:
    x, y = world(2_000, seed=4)
    rows = {one.judge: one for one in what_each_adds(x, y, names="abcd", bound=0.45)}
    b, c = rows["b"], rows["c"]
    assert b.evasion.value is not None
    assert (b.evasion.high or 0) < 0  # less gets past with it
    assert c.evasion.value == pytest.approx(0, abs=0.02)
    assert (c.evasion.low or 0) <= 0 <= (c.evasion.high or 0)
    assert c.only_catches == ()
    fired = x.astype(bool)
    only = fired[:, 1] & ~fired[:, [0, 2, 3]].any(axis=1)
    assert b.only_catches == tuple(np.flatnonzero(only & y))
    assert b.only_blocks == tuple(np.flatnonzero(only & ~y))


def test_noise_that_looks_useful_on_its_own_cases_is_not_praised() -> None:
    rng = np.random.default_rng(5)
    y = rng.random(60) < 0.5
    x = (rng.random((60, 8)) < 0.1).astype(float)
    changes = [one.evasion for one in what_each_adds(x, y, names="abcdefgh", bound=0.2)]
    assert np.mean([one.value or 0.0 for one in changes]) > -0.03
    assert all((one.high or 0) >= 0 for one in changes)


def test_a_single_judge_is_held_against_none() -> None:
    x, y = world(200, seed=6)
    (only,) = what_each_adds(x[:, :1], y, names="a", bound=0.3)
    assert (only.without.judges, only.without.evasion.value) == ((), 1.0)
    assert only.evasion.value == pytest.approx(-0.8, abs=0.1)


def test_too_few_families_give_no_change_and_a_wrong_bound_is_refused() -> None:
    x, y = world(12, seed=7)
    few = what_each_adds(x, y, names="abcd", bound=0.2, families=["one"] * 6 + ["two"] * 6)
    assert "settle more cases" in (few[0].evasion.reason or "")
    with pytest.raises(BadScores, match="share above 0"):
        what_each_adds(x, y, names="abcd", bound=1.0)


def rates(said: Floats, behaviours: list[str], x: Floats, y: Bools) -> dict[str, tuple[float, ...]]:
    found = success_rates(said, behaviours, gold_said=x, gold=y)
    return {
        one.definition.name: (one.raw.value or 0, one.corrected.value or 0, one.corrected.low or 0,
                              one.corrected.high or 0)
        for one in found
    }  # fmt: skip


def test_the_corrected_rate_undoes_the_judges_errors() -> None:
    rng = np.random.default_rng(8)
    truth = rng.random(6_000) < 0.3
    said = np.where(truth, rng.random(6_000) < 0.8, rng.random(6_000) < 0.1).astype(float)
    behaviours = [str(index // 20) for index in range(6_000)]
    found = rates(said, behaviours, said[:1_000], truth[:1_000])
    raw, value, low, high = found["harmbench"]
    assert raw == pytest.approx(0.3 * 0.8 + 0.7 * 0.1, abs=0.02)
    assert low < truth.mean() < high
    assert value == pytest.approx(truth.mean(), abs=0.03)


def test_a_rate_of_behaviours_is_not_corrected_by_errors_on_cases() -> None:
    x, y = np.array([1, 1, 0, 0.0] * 20), np.array([True, True, False, False] * 20)
    found = success_rates(x, [str(i // 2) for i in range(80)], gold_said=x, gold=y)
    of = {one.definition.name: one for one in found}
    assert "counts behaviours" in (of["jailbreakbench"].corrected.reason or "")
    assert of["garak"].corrected.value == pytest.approx(0.5)


def test_a_judge_like_chance_gives_no_corrected_rate() -> None:
    x, y = np.array([1, 0, 1, 0.0] * 10), np.array([True, True, False, False] * 10)
    found = success_rates(x, ["b"] * 40, gold_said=x, gold=y, names=["garak"])[0]
    assert (found.sensitivity.value, found.specificity.value) == (0.5, 0.5)
    assert found.corrected.value is None
    assert "no better than" in (found.corrected.reason or "")


def test_missing_verdicts_count_as_each_definition_says() -> None:
    said = np.array([1, np.nan, 0, np.nan] * 10)
    gold = np.array([True, True, False, False] * 10)
    found = success_rates(said, [str(i) for i in range(40)], gold_said=said, gold=gold)
    of = {one.definition.name: one for one in found}
    assert (of["garak"].raw.value, of["garak"].sensitivity.value) == (0.5, 1.0)
    assert (of["promptfoo"].raw.value, of["promptfoo"].sensitivity.value) == (0.25, 0.5)


def test_lengths_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadScores, match="behaviour for each verdict"):
        success_rates(np.zeros(2), ["a"], gold_said=np.zeros(1), gold=np.zeros(1, bool))
