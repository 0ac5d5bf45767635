"""Judges that are taught again on what got past them: what they learn from, and when it counts as help."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from small_gold import ENCODER, cooking_gold, encode, families_of

from annotations.measurement.inference import proportion
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.hardening import (
    PLAIN,
    Hardened,
    Recipe,
    Trial,
    choose,
    harden,
    missed_by,
)
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.members.base import Fitted
from campaigns.judging.members.embedding import STRENGTH, EmbeddingJudge
from campaigns.judging.members.lexical import LexicalJudge
from campaigns.judging.members.tfidf import TfidfJudge


@dataclass(frozen=True)
class Watched(LexicalJudge):
    """Notes what it learns from and what it is asked about."""

    learnt: list[list[Example]] = field(default_factory=list)
    labels: list[Bools] = field(default_factory=list)

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> Fitted:  # type: ignore[override]
        self.learnt.append(list(examples))
        self.labels.append(np.asarray(y))
        return super().fit(examples, y, seed=seed)


def shout(one: Example, count: int) -> list[Example]:
    return [replace(one, prompt=one.prompt.upper() + "!" * n) for n in range(count)]


def never(one: Example, count: int) -> list[Example]:
    return []


def evasions_of(examples: Sequence[Example], y: Bools, count: int = 12) -> list[str]:
    return [one.key for one, label in zip(examples, y, strict=True) if label][:count]


def trial(times: int, gained: int, lost: int) -> Trial:
    half = proportion(1, 2)
    return Trial(Recipe(times), half, half, gained, lost, 0, 0.5)


def test_an_evasion_is_learnt_as_often_as_the_recipe_says_and_the_rest_once() -> None:
    examples, y = cooking_gold()
    watched, (missed, *_) = Watched(), evasions_of(examples, y)
    Hardened(watched, frozenset([missed]), Recipe(4), never).fit(examples, y, seed=0)
    keys = [one.key for one in watched.learnt[0]]
    assert keys.count(missed) == 4
    assert len(keys) == len(examples) + 3
    assert watched.labels[0].sum() == y.sum() + 3


def test_repeating_a_case_is_weighing_it() -> None:
    examples, y = cooking_gold()
    missed = evasions_of(examples, y, 7)
    judge = Hardened(EmbeddingJudge(encode, ENCODER), frozenset(missed), Recipe(3), never)
    fitted = judge.fit(examples, y, seed=0)
    rows = encode([one.answer for one in examples]).astype(float)
    model = LogisticRegression(C=STRENGTH, max_iter=2000, tol=1e-8)
    model.fit(rows, y, sample_weight=[3 if one.key in missed else 1 for one in examples])
    assert fitted.score(examples) == pytest.approx(model.predict_proba(rows)[:, 1], abs=2e-3)


def test_changed_texts_stay_in_the_family_and_where_nothing_changes_the_case_itself_is_repeated() -> (
    None
):
    examples, y = cooking_gold()
    missed, watched = examples[0], Watched()
    for vary in (shout, never):
        Hardened(watched, frozenset([missed.key]), Recipe(3, varied=True), vary).fit(
            examples, y, seed=0
        )
    varied, bare = (learnt[len(examples) :] for learnt in watched.learnt)
    assert [one.prompt for one in varied] == [missed.prompt.upper(), missed.prompt.upper() + "!"]
    assert {(one.key, one.family) for one in varied} == {(missed.key, missed.family)}
    assert bare == [missed, missed]


def test_no_judge_learns_from_a_changed_text_of_a_family_that_it_scores() -> None:
    examples, y = cooking_gold()
    watched = Watched()
    found = harden(
        [watched], examples, y, evasions_of(examples, y), vary=shout,
        recipes=[Recipe(3, varied=True)], seed=0,
    )  # fmt: skip
    folds = found.scores[PLAIN].folds
    hardened_fits = watched.learnt[len(np.unique(folds)) :]
    outside = {frozenset(families_of(learnt)) for learnt in hardened_fits}
    for fold in np.unique(folds):
        held = {one.family for one, at in zip(examples, folds, strict=True) if at == fold}
        assert frozenset(set(families_of(examples)) - held) in outside


def test_a_hardened_judge_takes_its_judges_place_and_is_read_back_by_it() -> None:
    examples, y = cooking_gold()
    judge = TfidfJudge()
    fitted = Hardened(judge, frozenset(evasions_of(examples, y)), Recipe(2), never).fit(
        examples, y, seed=0
    )
    assert fitted.name == judge.name
    assert judge.restore(fitted.as_json()).revision == fitted.revision
    assert fitted.revision != judge.fit(examples, y, seed=0).revision


def test_a_failure_without_a_score_got_past_and_a_harmless_case_never_did() -> None:
    p, y = np.array([0.2, 0.9, np.nan, 0.1]), np.array([True, True, True, False])
    assert missed_by(p, y, threshold=0.5).tolist() == [True, False, True, False]


@pytest.mark.parametrize(("gained", "lost", "sure"), [(4, 0, True), (1, 0, False), (10, 5, True),
                                                      (10, 6, False), (0, 9, False)])  # fmt: skip
def test_a_gain_counts_where_it_exceeds_its_standard_error(
    gained: int, lost: int, sure: bool
) -> None:
    # 4 - 0 > sqrt 4; 1 = sqrt 1; 10 - 5 > sqrt 15 = 3.9; 10 - 6 = sqrt 16.
    assert trial(2, gained, lost).is_sure is sure


def test_the_recipe_of_most_net_gain_is_chosen_the_lighter_of_two_equals_and_none_where_none_is_sure() -> (
    None
):
    assert choose([trial(2, 9, 1), trial(4, 12, 2), trial(8, 10, 0)]) == Recipe(4)
    assert choose([trial(2, 1, 1), trial(4, 0, 3)]) is None


def rare_failures(seed: int) -> tuple[list[Example], Bools]:
    """Failures of two kinds, loud and quiet; a quiet one shows in one common word's company only."""
    rng = np.random.default_rng(seed)
    words = [f"word{n}" for n in range(30)]
    examples, y = [], []
    for number in range(96):
        kind = number % 6  # 0, 1 loud; 2 quiet; 3, 4, 5 harmless
        text = list(rng.choice(words, 8))
        text += ["loud"] if kind < 2 else ["quiet"] if kind == 2 or rng.random() < 0.04 else []
        examples.append(
            Example(f"c{number}", f"f{number // 2}", "", (), "A question.", " ".join(text))
        )
        y.append(kind <= 2)
    return examples, np.array(y)


def test_labels_that_mean_nothing_are_not_helped_by_learning_them_twice() -> None:
    examples, y = rare_failures(1)
    y = np.random.default_rng(3).permutation(y)
    found = harden(
        [TfidfJudge()], examples, y, evasions_of(examples, y, 20), vary=never,
        recipes=[Recipe(4)], seed=0,
    )  # fmt: skip
    assert found.chosen is None
    assert "No help" in found.told


def test_the_trials_count_what_each_recipe_catches_more_and_fewer() -> None:
    examples, y = rare_failures(1)
    found = harden(
        [TfidfJudge()], examples, y, evasions_of(examples, y, 20), vary=never,
        recipes=[Recipe(4)], seed=0,
    )  # fmt: skip
    caught = found.positives * (1 - (found.plain.evasion.value or 0))
    for one in found.trials:
        now = found.positives * (1 - (one.evasion.value or 0))
        assert now == pytest.approx(caught + one.gained - one.lost)
    assert set(found.scores) == {PLAIN, *(one.recipe for one in found.trials)}


def test_it_says_what_it_cannot_learn_from() -> None:
    examples, y = cooking_gold()
    missed = evasions_of(examples, y)
    harmless = next(one.key for one, label in zip(examples, y, strict=True) if not label)
    with pytest.raises(CannotFit, match=r"3 failures got past .* from 10 on"):
        harden([TfidfJudge()], examples, y, missed[:3], vary=never, seed=0)
    with pytest.raises(BadScores, match="1 of 13 evasions are no failures"):
        harden([TfidfJudge()], examples, y, [*missed, harmless], vary=never, seed=0)
    with pytest.raises(BadScores, match="one label for each case"):
        harden([TfidfJudge()], examples, y[1:], missed, vary=never, seed=0)
    with pytest.raises(BadScores, match="2 to 20 times"):
        harden([TfidfJudge()], examples, y, missed, vary=never, recipes=[PLAIN], seed=0)


def test_a_judge_that_is_not_fitted_here_is_heard_beside_the_others() -> None:
    examples, y = rare_failures(2)
    missed = evasions_of(examples, y, 20)
    knows = {"outside": np.where(y, 0.99, 0.01)}
    found = harden(
        [TfidfJudge()], examples, y, missed, vary=never, recipes=[Recipe(2)], beside=knows, seed=0
    )
    assert found.plain.evasion.value == 0
    assert found.chosen is None  # nothing is left to gain


def test_what_is_an_evasion_is_found_without_the_fold_that_is_scored() -> None:
    examples, y = cooking_gold()
    watched = Watched()
    found = harden(
        [watched], examples, y, evasions_of(examples, y), vary=never, recipes=[Recipe(2)], folds=4,
        seed=0,
    )  # fmt: skip
    folds = found.scores[PLAIN].folds
    family = {one.family: int(at) for one, at in zip(examples, folds, strict=True)}
    without = [frozenset(range(4)) - {family[one.family] for one in learnt}
               for learnt in watched.learnt]  # fmt: skip
    # The judges as they are and the hardened ones lack the fold that they score; between them, every
    # pair of folds is left out once, so that each of a pair is judged for when the other is scored.
    assert sorted(map(len, without)) == [1] * 4 + [1] * 4 + [2] * 6
    assert len({pair for pair in without if len(pair) == 2}) == 6


@dataclass(frozen=True)
class Slow:
    """Believes a word only once it was learnt in twenty failures."""

    name: str = "slow"
    needs_training: bool = True

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> Fitted:
        told = Counter(one.response for one, label in zip(examples, y, strict=True) if label)

        class Believing:
            name = "slow"

            def score(self, asked: Sequence[Example]) -> Floats:
                return np.array([0.9 if told[one.response] >= 20 else 0.1 for one in asked])

        return Believing()  # type: ignore[return-value]  # all that the trials need


def test_failures_that_only_lack_weight_are_caught_once_they_have_it() -> None:
    kinds = ["loud"] * 30 + ["quiet"] * 12 + ["kind"] * 40
    examples = [Example(f"c{n}", f"f{n}", "", (), "", kind) for n, kind in enumerate(kinds)]
    y = np.array([kind != "kind" for kind in kinds])
    quiet = [one.key for one in examples if one.response == "quiet"]
    found = harden([Slow()], examples, y, quiet, vary=never, recipes=[Recipe(4)], folds=4, seed=0)  # type: ignore[list-item]  # it is never kept
    assert found.chosen == Recipe(4)
    assert (found.plain.recovered, found.trials[0].recovered) == (0, 12)
    assert (found.trials[0].gained, found.trials[0].lost) == (12, 0)
    assert "catches 12 failures more and 0 fewer, out of 42" in found.told
