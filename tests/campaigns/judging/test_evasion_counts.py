"""Every t-of-n and weighted vote of every set, held against counting case by case."""

import itertools

import numpy as np
import pytest

from campaigns.judging.errors import BadScores
from campaigns.judging.evasion import Options, combinations, pareto_front
from campaigns.judging.evasion.counting import (
    at_least,
    fire_masks,
    histograms,
    needed,
    whole_type,
)
from campaigns.judging.evasion.resampling import (
    Draws,
    draw,
    order_statistics,
    percentiles,
    spread,
)
from campaigns.judging.linear import Bools, Floats

WEIGHTS = (3, 1, 0, 2, 2, 1, 5)


def fires(n: int, k: int, seed: int) -> Bools:
    return np.random.default_rng(seed).random((n, k)) < 0.4


def by_loop(fired: Bools, weights: tuple[int, ...]) -> Floats:
    """At least t of the weights of every set, set by set and case by case."""
    k = fired.shape[1]
    table = np.zeros((sum(weights) + 1, 1 << k))
    for mask in range(1 << k):
        inside = [j for j in range(k) if mask >> j & 1]
        votes = (fired[:, inside] * np.array([weights[j] for j in inside])).sum(axis=1)
        for t in range(len(table)):
            table[t, mask] = (votes >= t).sum()
    return table


@pytest.mark.parametrize("weights", [(1,) * 7, WEIGHTS, (2,) * 7], ids=str)
def test_all_sets_are_counted_as_a_loop_counts_them(weights: tuple[int, ...]) -> None:
    fired = fires(90, 7, seed=1)
    groups = np.arange(90) % 3
    h = histograms(fire_masks(fired), groups, k=7, n_groups=3)
    found = at_least(h, weights)
    for group in range(3):
        assert np.array_equal(found[..., group], by_loop(fired[groups == group], weights))


@pytest.mark.parametrize("k", [1, 2, 9, 16])
def test_sets_of_any_number_of_judges_are_counted(k: int) -> None:
    fired = fires(40, k, seed=k)
    found = at_least(histograms(fire_masks(fired), np.zeros(40, int), k=k, n_groups=1), (1,) * k)
    everyone = (1 << k) - 1
    for t in range(k + 1):
        assert found[t, everyone, 0] == (fired.sum(axis=1) >= t).sum()
        assert found[t, 1, 0] == (fired[:, 0] >= t).sum()


def test_numbers_are_held_by_the_narrowest_type_that_holds_them() -> None:
    assert (whole_type(65_535), whole_type(65_536)) == (np.uint16, np.uint32)
    many = np.array([[0, 70_000]])
    assert at_least(many, (1,))[1, 1, 0] == 70_000


@pytest.mark.parametrize("weights", [(1,) * 7, WEIGHTS, (2,) * 7], ids=str)
def test_each_draw_goes_through_the_same_transform(weights: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    drawn = rng.multinomial(50, np.full(128, 1 / 128), size=20)
    wanted = np.ones((sum(weights) + 1, 128), dtype=bool)
    found = spread([Draws(drawn, drawn.sum(axis=1))] * 2, weights, wanted)[1]
    each = np.sort([at_least(one[None], weights)[..., 0] / 50 for one in drawn], axis=0)
    first, last = order_statistics(20, 0.95)
    assert np.allclose(found.low, each[first])
    assert np.allclose(found.high, each[last])
    assert np.allclose(found.sd, each.std(axis=0), atol=1e-6)


def test_only_what_is_asked_for_is_reduced() -> None:
    drawn = np.random.default_rng(4).multinomial(30, np.full(128, 1 / 128), size=10)
    need = needed("weighted", 7, weights=WEIGHTS)
    wanted = np.zeros((sum(WEIGHTS) + 1, 128), dtype=bool)
    wanted[need, np.arange(128)] = need > 0
    draws = [Draws(drawn, drawn.sum(axis=1))]
    few, every = (spread(draws, WEIGHTS, w)[0].low for w in (wanted, np.ones_like(wanted)))
    assert np.isnan(few[~wanted]).all()
    assert np.array_equal(few[wanted], every[wanted])


def test_draws_of_cases_vary_as_a_binomial_does() -> None:
    fired = np.arange(400)[:, None] < 100
    draws = draw(fire_masks(fired), np.zeros(400, int), k=1, n_groups=1, replicates=2000, seed=5)
    sd = float(spread(draws, (1,), np.ones((2, 2), bool))[0].sd[1, 1])
    assert sd == pytest.approx(np.sqrt(0.25 * 0.75 / 400), rel=0.06)


def test_families_are_drawn_whole() -> None:
    fired = np.repeat(np.arange(40) < 10, 10)[:, None]  # ten alike cases a family
    draws = draw(
        fire_masks(fired), np.zeros(400, int), k=1, n_groups=1, replicates=2000, seed=5,
        families=np.repeat(np.arange(40), 10),
    )  # fmt: skip
    sd = float(spread(draws, (1,), np.ones((2, 2), bool))[0].sd[1, 1])
    assert sd == pytest.approx(np.sqrt(0.25 * 0.75 / 40), rel=0.06)


def test_a_draw_without_cases_of_a_class_says_nothing_of_it() -> None:
    groups = np.array([1, 0, 0])
    negatives, positives = draw(
        fire_masks(np.ones((3, 1), bool)), groups, k=1, n_groups=2, replicates=300, seed=1
    )
    assert 0 < len(positives.totals) < 300
    assert positives.totals.min() == 1
    found = spread([negatives, positives], (1,), np.ones((2, 2), bool))
    assert float(found[1].low[1, 1]) == 1


def test_ends_are_refused_where_too_many_draws_are_undefined() -> None:
    values = np.linspace(0, 1, 199)
    low, high = percentiles(values, level=0.95) or (0.0, 0.0)
    assert (low, high) == pytest.approx((4 / 198, 194 / 198))
    values[:30] = np.nan
    assert percentiles(values, level=0.95) is None


def test_three_of_n_and_weighted_votes_are_rules() -> None:
    rng = np.random.default_rng(6)
    x, y = (rng.random((80, 4)) < 0.5).astype(float), rng.random(80) < 0.5
    weights = (4, 1, 2, 1)
    found = combinations(
        x, y, names="abcd", options=Options(rules=("3-of-n", "weighted"), weights=weights)
    )
    by_name = {(one.judges, one.rule): one.evasion.value for one in found}
    assert sum(rule == "3-of-n" for _, rule in by_name) == 5
    for size in range(1, 5):
        for inside in itertools.combinations(range(4), size):
            votes = x[:, inside] @ np.array([weights[j] for j in inside])
            missed = 2 * votes[y] <= sum(weights[j] for j in inside)
            assert by_name[tuple("abcd"[j] for j in inside), "weighted"] == missed.mean()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (Options(rules=("weighted",)), "needs a weight for each"),
        (Options(rules=("weighted",), weights=(40, 40)), "at most 64"),
        (Options(rules=("0-of-n",)), "Unknown rule 0-of-n"),
        (Options(families=("a",)), "1 families but 2 labels"),
    ],
)
def test_what_cannot_be_counted_is_told(options: Options, told: str) -> None:
    with pytest.raises(BadScores, match=told):
        combinations(np.zeros((2, 2)), np.array([True, False]), names="ab", options=options)


def test_alike_cases_widen_the_interval_and_a_share_of_none_keeps_one() -> None:
    families = tuple(str(i // 10) for i in range(400))
    y = np.arange(400) % 2 == 0
    x = np.stack([np.repeat(np.arange(40) < 10, 10), np.ones(400)], axis=1).astype(float)
    alone = combinations(x, y, names="ab")
    clustered = combinations(x, y, names="ab", options=Options(families=families))
    a, plain = clustered[0].evasion, alone[0].evasion
    assert a.value == plain.value == 0.75
    assert (a.high or 0) - (a.low or 0) > 2 * ((plain.high or 0) - (plain.low or 0))
    always = clustered[3].evasion
    # Wilson's upper end for 0 of 40 families, not for 0 of 200 cases.
    assert (always.value, always.high) == (0, pytest.approx(1.96**2 / (40 + 1.96**2), abs=1e-3))


def test_costs_are_added_and_break_ties_of_one_point() -> None:
    twins = np.array([[1.0, 1.0], [0.0, 0.0]])
    options = Options(costs={"dear": 5.0, "cheap": 0.5})
    found = combinations(twins, np.array([True, False]), names=("dear", "cheap"), options=options)
    assert {one.judges: one.cost for one in found}[("dear", "cheap")] == 5.5
    assert [one.judges for one in pareto_front(found)] == [("cheap",)]
