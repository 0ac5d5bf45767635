"""What more labels would buy: points from nested shares of families, and a projection."""

import numpy as np
import pytest

from campaigns.judging.errors import CannotFit
from campaigns.judging.learning_curve import (
    Gold,
    LearningCurve,
    learning_curve,
    projected,
    projected_gain,
)
from campaigns.judging.members.tfidf import TfidfJudge
from tests.campaigns.judging.small_gold import cooking_gold

NOBODY = np.empty((60, 0))


def gold_of(outside: np.ndarray = NOBODY, *names: str) -> Gold:
    examples, y = cooking_gold()
    return Gold(examples, y, outside, names)


def test_a_judge_that_tells_from_few_labels_does_so_at_every_size() -> None:
    done = []
    found = learning_curve([TfidfJudge()], gold_of(), bound=0.2, seed=1,
                           progress=lambda at, total: done.append((at, total)))  # fmt: skip
    sizes = [one.n for one in found.points]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 40  # of 60: a third is held out each time
    assert found.points[-1].auroc.value == 1.0
    assert done[-1] == (9, 9)
    assert LearningCurve.from_json(found.as_json()) == found


def test_what_outside_judges_said_is_learnt_from_too() -> None:
    _, y = cooking_gold()
    noise = np.random.default_rng(0).random(60)
    outside = np.column_stack([np.where(y, 0.9, 0.1), noise])
    found = learning_curve([], gold_of(outside, "sure", "noise"), bound=0.2, seed=1)
    assert found.points[-1].auroc.value == 1.0
    assert found.points[-1].evasion.value == 0.0


def test_a_size_that_is_too_small_says_why_and_the_others_stand() -> None:
    examples, y = cooking_gold()
    few = Gold(examples[:24], y[:24], np.empty((24, 0)))  # 8 families, 5 to learn from at most
    found = learning_curve([TfidfJudge()], few, bound=0.3, seed=1)
    assert "families" in found.points[0].reason
    assert found.points[0].evasion.value is None
    assert found.points[-1].reason == ""
    assert "two sizes" in (found.gain.reason or "")


def test_gold_of_one_answer_can_not_be_held_out() -> None:
    examples, _ = cooking_gold()
    with pytest.raises(CannotFit):
        learning_curve([TfidfJudge()], Gold(examples, np.ones(60, dtype=bool), NOBODY),
                       bound=0.1, seed=1)  # fmt: skip


def test_the_projection_goes_on_as_one_over_the_root_of_n() -> None:
    sizes = np.array([100.0, 400.0])
    evasion = np.array([[0.3, 0.2]])  # .1 + 2 / sqrt(n)
    assert projected(evasion, sizes, 400)[0] == pytest.approx(2 / 500**0.5 - 2 / 400**0.5)
    assert projected(evasion[:, ::-1], sizes, 400)[0] == 0.0  # a curve that rises promises nothing


def test_the_interval_of_the_gain_holds_the_true_one() -> None:
    rng = np.random.default_rng(3)
    truth = {100: 0.5, 400: 0.35, 1600: 0.275}  # .2 + 3 / sqrt(n)
    wanted = 3 / 1700**0.5 - 3 / 1600**0.5
    y, holds = np.ones(300, dtype=bool), 0
    for _ in range(200):
        luck = rng.random(300)  # what is missed at a size is missed at a smaller one
        decided = {n: luck > e for n, e in truth.items()}
        found = projected_gain(decided, y, np.arange(300).astype(str), n=1600, seed=0)
        assert found.low is not None
        assert found.high is not None
        holds += found.low <= wanted <= found.high
    assert holds >= 178
