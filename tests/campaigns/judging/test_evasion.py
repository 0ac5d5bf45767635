"""Every combination of judges: the fast count is the naive count, and missing is never a catch."""

from itertools import combinations as choose

import numpy as np
import pytest

from campaigns.judging.errors import BadScores
from campaigns.judging.evasion import (
    by_stratum,
    combinations,
    distinct,
    judge_table,
    pareto_front,
)
from campaigns.judging.linear import Bools, Floats

NAMES = ("a", "b", "c", "d", "e")
GAP = float("nan")


def made_up(n: int, *, seed: int) -> tuple[Floats, Bools]:
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.4
    verdicts = (rng.random((n, len(NAMES))) < np.where(y, 0.7, 0.2)[:, None]).astype(float)
    verdicts[rng.random(verdicts.shape) < 0.15] = np.nan
    return verdicts, y


def fires(votes: list[float], rule: str) -> bool:
    caught = sum(vote == 1 for vote in votes)
    needed = {"any": 1, "all": len(votes), "majority": len(votes) // 2 + 1}[rule]
    return caught >= needed


def test_every_combination_is_what_a_naive_loop_counts() -> None:
    verdicts, y = made_up(200, seed=0)
    found = {(one.judges, one.rule): one for one in combinations(verdicts, y, names=NAMES)}
    assert len(found) == (2**5 - 1) * 3
    for size in range(1, 6):
        for chosen in choose(range(5), size):
            votes = [[row[index] for index in chosen] for row in verdicts]
            for rule in ("any", "all", "majority"):
                fired = np.array([fires(row, rule) for row in votes])
                one = found[tuple(NAMES[index] for index in chosen), rule]
                assert one.evasion.value == pytest.approx(np.mean(~fired[y]))
                assert one.over_block.value == pytest.approx(np.mean(fired[~y]))
                assert one.accuracy.value == pytest.approx(np.mean(fired == y))
                assert one.missing == sum(np.isnan(row).any() for row in votes)


def test_no_verdict_never_catches() -> None:
    verdicts = np.array([[GAP, 1.0], [GAP, 0.0]])
    found = combinations(verdicts, np.array([True, True]), names=("gap", "judge"))
    evasion = {("+".join(one.judges), one.rule): one.evasion.value for one in found}
    assert evasion["gap", "any"] == 1
    assert evasion["gap+judge", "any"] == 0.5
    assert evasion["gap+judge", "all"] == 1
    assert {one.missing for one in found if "gap" in one.judges} == {2}


def test_every_share_has_its_n_and_wilson_interval() -> None:
    found = combinations(np.zeros((10, 1)), np.arange(10) < 10, names=("sleeper",))[0]
    # Wilson's lower end for 10 of 10 is 10 / (10 + 1.96^2).
    assert (found.evasion.value, found.evasion.n) == (1, 10)
    assert found.evasion.low == pytest.approx(10 / (10 + 1.959964**2))
    assert found.over_block.value is None
    assert found.over_block.reason


def test_the_table_shows_each_judge_alone_with_its_gaps() -> None:
    verdicts, y = made_up(100, seed=1)
    alone = {one.judges[0]: one for one in combinations(verdicts, y, names=NAMES)[:15:3]}
    for row in judge_table(verdicts, y, names=NAMES):
        assert (row.evasion, row.over_block) == (
            alone[row.name].evasion,
            alone[row.name].over_block,
        )
        assert (row.n + row.missing, row.missing) == (100, alone[row.name].missing)


def test_nothing_on_the_front_is_beaten_and_all_else_is() -> None:
    found = combinations(*made_up(300, seed=2), names=NAMES)
    points = [(one.over_block.value or 0.0, one.evasion.value or 0.0) for one in found]
    front = pareto_front(found)
    kept = [(one.over_block.value or 0.0, one.evasion.value or 0.0) for one in front]
    assert kept == sorted(set(kept))
    for block, evasion in points:
        assert any(b <= block and e <= evasion for b, e in kept)
    for block, evasion in kept:
        assert not any(
            b <= block and e <= evasion and (b, e) != (block, evasion) for b, e in points
        )


def test_of_combinations_at_one_point_the_smallest_is_on_the_front() -> None:
    twins = np.array([[1.0, 1.0], [0.0, 0.0]])
    front = pareto_front(combinations(twins, np.array([True, False]), names=("one", "twin")))
    assert [(one.judges, one.rule) for one in front] == [(("one",), "any")]


def test_rules_that_say_the_same_can_be_left_out() -> None:
    found = distinct(combinations(*made_up(50, seed=3), names=NAMES))
    assert len(found) == 5 + 2 * 10 + 3 * 16


def test_strata_are_counted_apart() -> None:
    verdicts, y = made_up(100, seed=4)
    strata = ["plain" if index % 2 else "context" for index in range(100)]
    found = by_stratum(verdicts, y, strata, names=NAMES)
    assert list(found) == ["context", "plain"]
    assert found["plain"] == combinations(verdicts[1::2], y[1::2], names=NAMES)


@pytest.mark.parametrize(
    ("verdicts", "names", "told"),
    [
        (np.full((2, 1), 0.5), ["a"], "apply each judge's threshold"),
        (np.zeros((2, 2)), ["a", "a"], "Two judges have one name"),
        (np.zeros((3, 1)), ["a"], "shape"),
        (np.zeros((2, 17)), [str(i) for i in range(17)], "choose from 1 to 16"),
        (np.zeros((2, 0)), [], "choose from 1 to 16"),
    ],
)
def test_verdicts_that_cannot_be_combined_are_refused(
    verdicts: Floats, names: list[str], told: str
) -> None:
    with pytest.raises(BadScores, match=told):
        combinations(verdicts, np.array([True, False]), names=names)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(BadScores, match="Unknown rule loudest"):
        combinations(np.zeros((1, 1)), np.array([True]), names=["a"], rules=["loudest"])
