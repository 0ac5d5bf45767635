"""No judge scores a case of a family that it was fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from small_gold import ENCODER, cooking_gold, encode, families_of

from campaigns.judging.crossfit import cross_fit, family_folds
from campaigns.judging.errors import CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.members import MEMBERS, make_members
from campaigns.judging.members.base import Fitted
from campaigns.judging.members.lexical import LexicalJudge
from campaigns.judging.members.tfidf import TfidfJudge


@dataclass(frozen=True)
class Watcher(LexicalJudge):
    """Notes which families it was fitted on and asked about."""

    seen: list[tuple[set[str], set[str]]] = field(default_factory=list)

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> Fitted:  # type: ignore[override]
        fitted, learnt, seen = super().fit(examples, y, seed=seed), families_of(examples), self.seen

        class Noting:
            name = fitted.name

            def score(self, asked: Sequence[Example]) -> Floats:
                seen.append((set(learnt), set(families_of(asked))))
                return fitted.score(asked)

        return Noting()  # type: ignore[return-value]


def test_no_family_is_on_both_sides() -> None:
    examples, y = cooking_gold()
    watcher = Watcher()
    cross_fit([watcher], examples, y, seed=0)
    assert len(watcher.seen) == 5
    assert all(not learnt & asked for learnt, asked in watcher.seen)
    assert set().union(*(asked for _, asked in watcher.seen)) == set(families_of(examples))


def test_every_case_is_scored_once_by_every_judge() -> None:
    examples, y = cooking_gold()
    found = cross_fit(make_members(encode, ENCODER), examples, y, seed=0)
    assert found.scores.shape == (60, len(MEMBERS))
    assert not np.isnan(found.scores).any()
    assert found.keys == tuple(example.key for example in examples)
    assert found.failures == {}


def test_labels_that_mean_nothing_are_not_learnt() -> None:
    rng = np.random.default_rng(11)
    examples, _ = cooking_gold()
    words = [f"word{number}" for number in range(60)]
    noise = [
        replace(
            example, key=f"{i}-{j}", family=f"{i}-{j}", response=" ".join(rng.choice(words, 12))
        )
        for i in range(10)
        for j, example in enumerate(examples)
    ]
    y = rng.random(600) < 0.5
    found = cross_fit([TfidfJudge()], noise, y, seed=0)
    # Hanley and McNeil's standard error of an area of .5 from 300 and 300 cases is .024.
    assert roc_auc_score(y, found.scores[:, 0]) == pytest.approx(0.5, abs=0.07)


def test_the_seed_decides_the_folds() -> None:
    examples, y = cooking_gold()
    folds = [family_folds(families_of(examples), y, folds=5, seed=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(folds[0], folds[1])
    assert (folds[0] != folds[2]).any()


def test_few_families_give_fewer_folds() -> None:
    y = np.array([True, True, False, False, False])
    folds = family_folds(["a", "b", "c", "d", "e"], y, folds=5, seed=0)
    assert set(folds) == {0, 1}
    assert all(0 < y[folds != held].mean() < 1 for held in (0, 1))


def test_one_family_with_a_positive_answer_is_not_enough() -> None:
    with pytest.raises(CannotFit, match="positive gold answer and there is only 1"):
        family_folds(["a", "a", "b", "c"], np.array([True, True, False, False]), folds=5, seed=0)


def test_a_case_without_family_is_a_family_of_its_own() -> None:
    examples, y = cooking_gold()
    bare = [replace(example, family="") for example in examples]
    assert len(set(cross_fit([LexicalJudge()], bare, y, seed=0).folds)) == 5


def test_a_judge_that_cannot_be_fitted_has_no_scores_but_a_reason() -> None:
    examples, y = cooking_gold()
    empty = [replace(example, response="") for example in examples]
    found = cross_fit([LexicalJudge(), TfidfJudge()], empty, y, seed=0)
    assert np.isnan(found.scores).all()
    assert list(found.failures) == ["tfidf"]
    assert "no labelled cases" in found.failures["tfidf"]
