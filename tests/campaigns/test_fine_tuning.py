"""The fine-tuned judge in the product: only with enough gold, its weights in the database."""

from dataclasses import replace

import numpy as np
import pytest

from campaigns import fine_tuning
from campaigns.fine_tuning import fine_tuned, pair_options
from campaigns.judging.examples import Example
from campaigns.judging.members.cross_encoder import LEAST_CASES, CrossEncoderJudge
from campaigns.judging.pairs.body import PairBody
from campaigns.models import Embedding, WeightPart


def test_with_little_gold_it_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    body = PairBody(lambda: (None, None, None), "never loaded")
    monkeypatch.setattr(fine_tuning, "pair_body", lambda: body)
    assert fine_tuned(LEAST_CASES - 1) == ()
    assert [one.name for one in fine_tuned(LEAST_CASES)] == ["cross_encoder"]


def test_without_the_transformer_only_what_was_fitted_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")
    assert pair_options() == {}
    assert fine_tuned(10 * LEAST_CASES) == ()
    assert [one.name for one in fine_tuned(None)] == ["cross_encoder"]


def test_progress_is_told_seldom_and_what_it_raises_ends_the_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Cancelled(Exception):
        pass

    told: list[int] = []

    def progress(done: int, total: int, what: str) -> None:
        told.append(done)
        if done == 40:
            raise Cancelled

    (judge,) = fine_tuned(None, progress)
    assert isinstance(judge, CrossEncoderJudge)
    for done in range(1, 40):
        judge.progress(done, 100, "batches")
    with pytest.raises(Cancelled):
        judge.progress(40, 100, "batches")
    assert told == [20, 40]


def test_rows_of_pairs_are_computed_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Counting(PairBody):
        asked = 0

        def rows(self, examples: list[Example]) -> np.ndarray:
            self.asked += len(examples)
            return np.array([[len(one.prompt), len(one.response)] for one in examples], np.float32)

    body = Counting(lambda: (None, None, None), "counting")
    monkeypatch.setattr(fine_tuning, "pair_body", lambda: body)
    encode = pair_options()["pairs"]
    one = Example("1", "1", "", (), "Tea?", "Yes, please.")
    other = replace(one, key="2", prompt="Some tea?")
    np.testing.assert_array_equal(encode([one, other, one]), [[4, 12], [9, 12], [4, 12]])
    np.testing.assert_array_equal(encode([other]), [[9, 12]])
    assert body.asked == 2
    assert Embedding.objects.filter(encoder="counting-pairs3").count() == 2


def test_weights_go_to_the_database(db: None) -> None:
    (judge,) = fine_tuned(None)
    assert isinstance(judge, CrossEncoderJudge)
    digest = judge.store.put(b"weights")
    assert WeightPart.objects.get().digest == digest
