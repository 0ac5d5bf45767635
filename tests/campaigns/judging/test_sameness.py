"""Whether new cases are like the gold: seen without their labels, silent where there is no difference."""

import numpy as np
import pytest

from campaigns.judging.errors import BadScores
from campaigns.judging.sameness import compare


def rows(n: int, shift: float, *, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(shift, 1.0, (n, 30))


def test_cases_of_one_kind_are_alike() -> None:
    found = [compare(rows(300, 0, seed=s), rows(300, 0, seed=100 + s), seed=s) for s in range(10)]
    assert all(one.alike for one in found)


def test_another_kind_is_told_apart_and_nothing_is_promised() -> None:
    found = compare(rows(300, 0, seed=1), rows(300, 0.4, seed=2), seed=0)
    assert not found.alike
    assert "a threshold does not carry over" in found.reason


def test_too_few_cases_are_no_ground_for_a_promise() -> None:
    found = compare(rows(300, 0, seed=1), rows(19, 0, seed=2), seed=0)
    assert not found.alike
    assert "19 new cases: at least 20" in found.reason


def test_many_cases_are_compared_by_a_sample_and_columns_must_agree() -> None:
    assert compare(rows(5_000, 0, seed=1), rows(5_000, 0, seed=2), seed=0).area.n == 2_000  # type: ignore[union-attr]
    with pytest.raises(BadScores, match="same columns"):
        compare(rows(50, 0, seed=1), rows(50, 0, seed=2)[:, :3], seed=0)


def seeds(n: int, *, seed: int) -> tuple[np.ndarray, list[str]]:
    """`n` seeds drawn alike, each with ten variants that lie close to it."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(0, 1, (n, 30)), 10, axis=0) + rng.normal(0, 0.3, (n * 10, 30))
    return x, [f"{seed}-{i // 10}" for i in range(n * 10)]


def test_new_seeds_of_the_same_kind_are_no_other_domain() -> None:
    (x, gold), (z, new) = seeds(30, seed=1), seeds(30, seed=2)
    assert not compare(x, z, seed=0).alike  # told by their seeds, of which each has twins
    assert compare(x, z, families=(gold, new), seed=0).alike
    assert not compare(x, z + 1.5, families=(gold, new), seed=0).alike


def test_seeds_on_both_sides_and_too_few_of_them() -> None:
    x, names = seeds(30, seed=1)
    assert compare(x[::2], x[1::2], families=(names[::2], names[1::2]), seed=0).alike
    z, new = seeds(4, seed=2)
    assert "new cases of 4 seeds" in compare(x, z, families=(names, new), seed=0).reason
    with pytest.raises(BadScores, match="family of each"):
        compare(x, z, families=(names, names), seed=0)
