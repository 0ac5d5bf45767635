"""Alpha within an arm against blind, and revisions: exact values, limits, coverage by simulation."""

import numpy as np
import pytest

from annotations.measurement.agreement import krippendorff_alpha
from annotations.measurement.anchoring import (
    CROSSED,
    ITEMS_ONLY,
    Labelled,
    Revisions,
    alpha_within,
    difference_of_alphas,
    revisions,
)
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.counts import count_values


def labels(rng: np.random.Generator, *, items: int, raters: int, error: float) -> list[Labelled]:
    truth = rng.random(items) < 0.4
    return [
        (g, i, str(bool(truth[i] ^ (rng.random() < error))))
        for i in range(items)
        for g in rng.choice(raters, 3, replace=False)
    ]


def test_the_value_is_krippendorffs_alpha() -> None:
    rows = labels(np.random.default_rng(1), items=80, raters=8, error=0.15)
    known = krippendorff_alpha(count_values((i, g, word) for g, i, word in rows))
    found = alpha_within(rows)
    assert found.value == pytest.approx(known.value, abs=1e-12)
    assert found.method == CROSSED


def test_few_raters_are_not_resampled_and_the_method_says_so() -> None:
    rows = labels(np.random.default_rng(1), items=80, raters=3, error=0.15)
    assert alpha_within(rows).method == ITEMS_ONLY


def test_help_that_all_follow_raises_alpha_and_blind_is_taken_off() -> None:
    rng = np.random.default_rng(2)
    arm = labels(rng, items=150, raters=10, error=0.02)
    blind = labels(rng, items=150, raters=10, error=0.20)
    found = difference_of_alphas(arm, blind)
    expected = (alpha_within(arm).value or 0) - (alpha_within(blind).value or 0)
    assert found.value == pytest.approx(expected)
    assert found.low is not None
    assert found.low > 0.2


def test_an_arm_without_pairs_has_no_alpha_and_none_to_take_off() -> None:
    rows = labels(np.random.default_rng(1), items=20, raters=6, error=0.1)
    single = [(1, i, "True") for i in range(30)]
    assert "Fewer than 5 questions have two answers" in (alpha_within(single).reason or "")
    assert difference_of_alphas(single, rows).value is None
    assert difference_of_alphas([], []).value is None


def test_all_answers_alike_are_undefined_not_one() -> None:
    same = [(g, i, "no") for i in range(20) for g in range(6)]
    assert alpha_within(same).value is None


def test_the_interval_of_the_difference_covers_and_is_rather_too_wide() -> None:
    rng = np.random.default_rng(4)

    def draw(items: int, raters: int) -> tuple[list[Labelled], list[Labelled]]:
        e = 1 / (1 + np.exp(2.2 + rng.normal(0, 0.5, raters)))
        sides: tuple[list[Labelled], list[Labelled]] = ([], [])
        for i in range(items):
            y = rng.random() < 0.35
            for g in rng.choice(raters, 4, replace=False):
                word = str(bool(y ^ (rng.random() < e[g])))
                sides[int(rng.random() < 0.5)].append((int(g), i, word))
        return sides

    found = [difference_of_alphas(*draw(100, 12), how=Bootstrap(replicates=150)) for _ in range(80)]
    covered = np.mean([e.low is not None and e.low <= 0 <= (e.high or 0) for e in found])
    assert covered >= 0.93


def test_revisions_are_counted_both_ways() -> None:
    found = revisions([(True, True), (True, False), (True, False), (False, True), (False, False)])
    assert found == Revisions(1, 2, 1, 1)
    assert (found.n, found.net) == (5, -1)
