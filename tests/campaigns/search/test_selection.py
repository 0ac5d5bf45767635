"""Which technique is tried next."""

import numpy as np
import pytest

from campaigns.search.selection import TechniqueStat, choose_technique, laplace, seeded_rng


def test_an_untried_technique_counts_one() -> None:
    assert laplace(None) == 1.0
    assert laplace(TechniqueStat(0, 1)) == 0.5
    assert laplace(TechniqueStat(3, 4)) == 0.8


def test_without_exploring_the_best_estimate_is_taken() -> None:
    stats = {"a": TechniqueStat(1, 9), "b": TechniqueStat(5, 9)}
    drawn = {
        choose_technique(["a", "b"], stats, rng=np.random.default_rng(i), epsilon=0).technique
        for i in range(20)
    }
    assert drawn == {"b"}


def test_exploring_draws_the_worse_one_too() -> None:
    stats = {"a": TechniqueStat(0, 9), "b": TechniqueStat(9, 9)}
    drawn = [
        choose_technique(["a", "b"], stats, rng=np.random.default_rng(i), epsilon=0.2).technique
        for i in range(400)
    ]
    assert 0.05 < drawn.count("a") / 400 < 0.17  # half of epsilon, within its noise


def test_a_run_has_its_own_generator() -> None:
    assert seeded_rng(7, "a").random() == seeded_rng(7, "a").random()
    assert seeded_rng(7, "a").random() != seeded_rng(7, "b").random()


def test_more_violations_than_cases_cannot_be() -> None:
    with pytest.raises(ValueError, match="same gold"):
        TechniqueStat(3, 2)
