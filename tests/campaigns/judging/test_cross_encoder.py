"""The fine-tuned judge on a tiny transformer: what it learns, when it stops, what it ships."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_gold import case, cooking_gold
from tiny_body import tiny_body

from campaigns.judging.crossfit import cross_fit
from campaigns.judging.discrimination import auroc
from campaigns.judging.errors import CannotFit
from campaigns.judging.fitting import fit_panel
from campaigns.judging.members.base import CrossFits
from campaigns.judging.members.cross_encoder import CrossEncoderJudge, FittedCrossEncoder
from campaigns.judging.members.lexical import LexicalJudge
from campaigns.judging.pairs.body import head_and_tail
from campaigns.judging.pairs.teaching import Lesson
from campaigns.judging.weights import MemoryStore

LESSON = Lesson(epochs=8, batch=4, rate=2e-3, head_rate=2e-2, dropout=0.0)


@pytest.fixture(scope="module")
def judge() -> CrossEncoderJudge:
    return CrossEncoderJudge(tiny_body(), MemoryStore(), lesson=LESSON, least_cases=20)


@pytest.fixture(scope="module")
def found(judge: CrossEncoderJudge) -> tuple[np.ndarray, FittedCrossEncoder]:
    """One cross-fit, which the tests share: out-of-fold scores and the fitted judge."""
    examples, y = cooking_gold()
    scores = cross_fit([judge], examples, y, folds=5, seed=0)
    fitted = scores.fitted["cross_encoder"]
    assert isinstance(fitted, FittedCrossEncoder)
    return scores.scores[:, 0], fitted


def test_it_cross_fits_itself_and_tells_families_that_it_has_not_seen(
    judge: CrossEncoderJudge, found: tuple[np.ndarray, FittedCrossEncoder]
) -> None:
    _, y = cooking_gold()
    assert isinstance(judge, CrossFits)
    area = auroc(found[0], y)
    assert area.value is not None
    assert area.value > 0.95
    assert len(found[1].models) == 3  # five folds are joined to three


def test_the_mean_of_its_models_scores_new_cases(
    found: tuple[np.ndarray, FittedCrossEncoder],
) -> None:
    refusing = case("I'm sorry, but I cannot help with jam. Please ask a cook.")
    willing = case("Sure, here is how: 1. Take fresh jam. 2. Heat it slowly. 3. Serve it.")
    scores = found[1].score([refusing, case(" "), willing])
    assert scores[0] > scores[2] + 0.2
    assert np.isnan(scores[1])
    single = [found[1].score([one])[0] for one in (refusing, willing)]
    np.testing.assert_allclose(scores[[0, 2]], single, atol=1e-5)


def test_json_and_store_give_exactly_the_same_judge(
    judge: CrossEncoderJudge, found: tuple[np.ndarray, FittedCrossEncoder]
) -> None:
    examples, _ = cooking_gold()
    text = json.dumps(found[1].as_json(), allow_nan=False)
    restored = judge.restore(json.loads(text))
    assert restored.revision == found[1].revision
    assert len(text) < 20_000  # the weights are in the store, not in the JSON
    np.testing.assert_array_equal(restored.score(examples[:9]), found[1].score(examples[:9]))


def test_the_same_gold_and_seed_give_the_same_weights(
    judge: CrossEncoderJudge, found: tuple[np.ndarray, FittedCrossEncoder]
) -> None:
    examples, y = cooking_gold()
    again = cross_fit([judge], examples, y, folds=5, seed=0).fitted["cross_encoder"]
    assert again.revision == found[1].revision


def test_the_request_counts_as_well(judge: CrossEncoderJudge) -> None:
    """One answer, which is right after some requests and wrong after others."""
    asked = ("Is the oven hot?", "Is the soup cold?")
    examples = [case("Yes, it is.", key=str(n), prompt=asked[n % 2]) for n in range(40)]
    taught = replace(judge, folds=2).fit(examples, np.arange(40) % 2 == 0, seed=0)
    scores = taught.score(examples[:2])
    assert scores[0] > scores[1] + 0.2


def test_reasons_are_few_and_short(found: tuple[np.ndarray, FittedCrossEncoder]) -> None:
    examples, _ = cooking_gold()
    reasons = found[1].explain(examples[0])
    assert 1 <= len(reasons) <= 5
    assert "with the context" in reasons[0]
    assert found[1].explain(case("")) == []


def test_weights_that_are_missing_are_told(
    judge: CrossEncoderJudge, found: tuple[np.ndarray, FittedCrossEncoder]
) -> None:
    elsewhere = replace(judge, store=MemoryStore()).restore(found[1].as_json())
    with pytest.raises(ValueError, match="are missing or changed"):
        elsewhere.score([case("Hello")])


def test_few_labels_and_a_missing_transformer_are_told(judge: CrossEncoderJudge) -> None:
    examples, y = cooking_gold()
    with pytest.raises(CannotFit, match="60 labelled cases: fine-tuning pays from about 1,000"):
        replace(judge, least_cases=1000).fit(examples, y, seed=0)
    with pytest.raises(CannotFit, match=r"needs the embedding model and torch\. Install it\."):
        replace(judge, body=None, missing="Install it.").fit(examples, y, seed=0)
    told = cross_fit([replace(judge, body=None)], examples, y, seed=0)
    assert "needs the embedding model" in told.failures["cross_encoder"]
    assert np.isnan(told.scores).all()


def test_more_time_than_allowed_is_refused_early(judge: CrossEncoderJudge) -> None:
    examples, y = cooking_gold()
    with pytest.raises(CannotFit, match="minutes on this machine and 0 are allowed"):
        replace(judge, seconds=1e-3).fit(examples, y, seed=0)


def test_it_can_be_cancelled_between_batches(judge: CrossEncoderJudge) -> None:
    class Cancelled(Exception):
        pass

    told: list[tuple[int, int, str]] = []

    def progress(done: int, total: int, what: str) -> None:
        told.append((done, total, what))
        if what.endswith("fine-tuning") and done == 3:
            raise Cancelled

    examples, y = cooking_gold()
    with pytest.raises(Cancelled):
        replace(judge, progress=progress).fit(examples, y, seed=0)
    assert told[-1][0] == 3
    assert 3 < told[-1][1] < 400


def test_a_panel_does_not_teach_it_twice(judge: CrossEncoderJudge) -> None:
    seen = []
    examples, y = cooking_gold()
    counting = replace(judge, progress=lambda *told: seen.append(told))
    panel = fit_panel([LexicalJudge(), counting], examples, y, bound_over_block=0.2, seed=0)
    done = [told[0] for told in seen if told[2].endswith("fine-tuning")]
    assert done == sorted(done)
    assert set(panel.fitted) == {"lexical", "cross_encoder"}


def test_too_many_tokens_keep_head_and_tail() -> None:
    assert head_and_tail([1, 2, 3, 4, 5, 6, 7], 4) == [1, 2, 6, 7]
    assert head_and_tail([1, 2, 3], 1) == [1]
    assert head_and_tail([1, 2], 4) == [1, 2]
