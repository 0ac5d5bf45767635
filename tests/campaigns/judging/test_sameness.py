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
