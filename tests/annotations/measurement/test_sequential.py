"""Evidence of harm: exact by hand, fair without an effect however often one looks, quick with one."""

from datetime import datetime, timedelta
from math import comb

import numpy as np
import pytest

from annotations.measurement.sequential import (
    ODDS,
    SHARES,
    TOLERATED,
    Process,
    Step,
    above_tolerated,
    against_blind,
    combine,
)

START = datetime(2026, 1, 1)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def blocks(rng: np.random.Generator, n: int, wrong_blind: float, wrong_helped: float) -> Process:
    helped = rng.random(n) < 0.2
    y = rng.random(n) < np.where(helped, wrong_helped, wrong_blind)
    return against_blind("x", [(at(t), bool(helped[t]), bool(y[t])) for t in range(n)])


def test_one_block_is_what_fishers_noncentral_hypergeometric_says() -> None:
    """4 rows, 2 helped, 2 wrong, both of them helped: P(2) = 1 / 6 under no effect."""
    rows = [(at(t), helped, helped) for t, helped in enumerate([True, False, True, False])]
    found = against_blind("x", rows, size=4)
    null = {x: comb(2, x) * comb(2, 2 - x) / comb(4, 2) for x in range(3)}
    bets = [w**2 / sum(w**x * p for x, p in null.items()) for w in ODDS]
    assert found.e == pytest.approx(np.mean(bets))


def test_without_an_effect_a_block_is_expected_to_change_nothing() -> None:
    """The mean of E over all places of the helped among a block's rows is exactly 1."""
    y = [True, True, False, False, False]
    values = [
        against_blind(
            "x", [(at(t), t in (i, j), y[t]) for t in range(5)], size=5
        ).e
        for i in range(5)
        for j in range(i)
    ]  # fmt: skip
    assert np.mean(values) == pytest.approx(1.0)


def test_one_planted_answer_is_a_likelihood_ratio() -> None:
    taken, kept = (above_tolerated("x", [(at(0), word)]).e for word in (True, False))
    assert taken == pytest.approx(np.mean([q / TOLERATED for q in SHARES]))
    assert kept == pytest.approx(np.mean([(1 - q) / (1 - TOLERATED) for q in SHARES]))
    assert TOLERATED * taken + (1 - TOLERATED) * kept == pytest.approx(1.0)


def test_an_unfinished_block_and_blocks_that_cannot_tell_say_nothing() -> None:
    assert against_blind("x", [(at(t), True, True) for t in range(19)]).e == 1.0
    assert against_blind("x", [(at(t), t % 2 == 0, False) for t in range(200)]).e == 1.0
    assert combine([], arms=3).harms is False


def test_a_look_after_every_answer_stops_few_arms_that_do_nothing() -> None:
    """Raters differ, items differ; at most one in twenty over all arms, by far."""
    rng = np.random.default_rng(11)
    stopped, runs = 0, 300
    for _ in range(runs):
        verdict = combine(
            [
                blocks(rng, 1_500, 0.15, 0.15),
                above_tolerated("p", [(at(t), bool(rng.random() < TOLERATED)) for t in range(150)]),
            ],
            arms=1,
        )
        stopped += verdict.harms
    assert stopped / runs <= 0.05


def test_thirty_per_cent_adoption_is_found_within_a_hundred_planted_answers() -> None:
    rng = np.random.default_rng(12)
    found = [
        combine(
            [
                above_tolerated("p", [(at(t), bool(rng.random() < 0.3)) for t in range(100)]),
                Process("nothing yet", (), 0),
            ],
            arms=3,
        ).harms
        for _ in range(200)
    ]
    assert np.mean(found) > 0.8


def test_help_that_helps_is_never_stopped_for_harm() -> None:
    rng = np.random.default_rng(13)
    assert not any(combine([blocks(rng, 2_000, 0.3, 0.1)], arms=3).harms for _ in range(30))


def test_the_peak_stays_and_says_when_it_was_reached() -> None:
    up, down = Step(at(1), np.log(80.0)), Step(at(2), 0.0)
    found = combine([Process("x", (up, down), 2)], arms=3)
    assert (found.peak, found.e, found.crossed_at) == (pytest.approx(80.0), 1.0, at(1))
    assert found.needed == 60
    shared = combine([Process("x", (up,), 1), Process("y", (), 0)], arms=3)
    assert shared.e == pytest.approx(40.5)
    assert not shared.harms
