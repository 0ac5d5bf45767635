"""Shifts of strata: found where they are, shrunk where labels are few, none where there are none."""

import numpy as np
import pytest
from scipy.special import expit, logit

from campaigns.judging.linear import Bools, Floats
from campaigns.judging.shifts import NO_SHIFTS, Shifts, fit_shifts


def world(n: int, shift: dict[str, float], *, seed: int) -> tuple[Floats, Bools, list[str]]:
    """Probabilities that are right but for what `shift` adds to the log odds of a stratum."""
    rng = np.random.default_rng(seed)
    strata = [str(one) for one in rng.choice(list(shift), n)]
    s = rng.normal(0, 1.5, n)
    y = rng.random(n) < expit(s + np.array([shift[one] for one in strata]))
    return np.asarray(expit(s)), y, strata


def test_it_finds_the_shifts_that_made_the_labels() -> None:
    p, y, strata = world(20_000, {"obvious": -0.8, "context": 1.0, "other": 0.0}, seed=1)
    found = fit_shifts(p, y, strata)
    assert found.by == pytest.approx({"obvious": -0.8, "context": 1.0, "other": 0.0}, abs=0.08)


def test_without_a_difference_there_is_mostly_no_shift() -> None:
    none = [fit_shifts(*world(400, {"a": 0.0, "b": 0.0}, seed=seed)).by for seed in range(20)]
    assert sum(not by for by in none) >= 12
    assert all(abs(value) < 0.5 for by in none for value in by.values())


def test_few_labels_are_shrunk_and_an_unknown_stratum_keeps_its_probability() -> None:
    p, y, strata = world(3_000, {"a": -1.0, "b": 1.0}, seed=2)
    strata[:4], y[:4] = ["tiny"] * 4, True
    p[:4] = 0.5
    found = fit_shifts(p, y, strata)
    assert 0 < found.by["tiny"] < 2  # the labels alone say infinity
    np.testing.assert_allclose(found.apply(np.array([0.3]), ["never seen"]), [0.3])
    np.testing.assert_allclose(
        found.apply(np.array([0.3]), ["a"]), expit(logit(0.3) + found.by["a"])
    )


def test_one_stratum_has_nothing_to_differ_from() -> None:
    assert fit_shifts(np.full(4, 0.5), np.array([1, 1, 1, 0], bool), ["a"] * 4) is NO_SHIFTS


def test_a_missing_probability_stays_missing_and_shifts_survive_storage() -> None:
    shifts = Shifts(0.4, {"a": 0.5})
    assert np.isnan(shifts.apply(np.array([np.nan]), ["a"])[0])
    assert Shifts.from_json(shifts.as_json()) == shifts
