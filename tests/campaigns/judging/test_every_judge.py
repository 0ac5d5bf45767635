"""Every listed judge keeps the one contract; a new judge is tested by being listed."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from small_gold import ENCODER, case, cooking_gold, encode

from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.members import MEMBERS, Judge

Make = Callable[[], Judge]


@pytest.fixture(params=sorted(MEMBERS))
def judge(request: pytest.FixtureRequest) -> Judge:
    return MEMBERS[request.param](encode, ENCODER)


def test_a_judge_is_listed_under_its_own_name() -> None:
    for name, make in MEMBERS.items():
        assert make(encode, ENCODER).name == name
        assert len(MEMBERS) >= 5


def test_it_learns_to_tell_plain_refusals_from_help(judge: Judge) -> None:
    examples, y = cooking_gold()
    scores = judge.fit(examples[:48], y[:48], seed=0).score(examples[48:])
    assert scores[y[48:]].min() > scores[~y[48:]].max()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_the_opposite_gold_gives_the_opposite_scores(judge: Judge) -> None:
    examples, y = cooking_gold()
    scores = judge.fit(examples[:48], ~y[:48], seed=0).score(examples[48:])
    assert scores[y[48:]].max() < scores[~y[48:]].min()


def test_one_at_a_time_scores_as_all_at_once(judge: Judge) -> None:
    examples, y = cooking_gold()
    fitted = judge.fit(examples, y, seed=0)
    single = [fitted.score([example])[0] for example in examples[:9]]
    np.testing.assert_allclose(fitted.score(examples)[:9], single, rtol=1e-9)
    assert fitted.score([]).shape == (0,)


def test_the_same_gold_and_seed_give_the_same_revision_and_scores(judge: Judge) -> None:
    examples, y = cooking_gold()
    one, other = (judge.fit(examples, y, seed=3) for _ in range(2))
    assert one.revision == other.revision
    assert len(one.revision) == 64
    np.testing.assert_array_equal(one.score(examples), other.score(examples))


def test_other_gold_gives_another_revision(judge: Judge) -> None:
    examples, y = cooking_gold()
    changed = y.copy()
    changed[:6] = ~changed[:6]
    revisions = {judge.fit(examples, labels, seed=0).revision for labels in (y, changed)}
    assert len(revisions) == 2


def test_what_is_stored_as_json_scores_exactly_alike(judge: Judge) -> None:
    examples, y = cooking_gold()
    fitted = judge.fit(examples, y, seed=0)
    restored = judge.restore(json.loads(json.dumps(fitted.as_json(), allow_nan=False)))
    assert restored.revision == fitted.revision
    np.testing.assert_array_equal(restored.score(examples), fitted.score(examples))


def test_no_text_is_no_verdict_and_has_no_reasons(judge: Judge) -> None:
    examples, y = cooking_gold()
    fitted = judge.fit(examples, y, seed=0)
    scores = fitted.score([case(" \n"), examples[0]])
    assert np.isnan(scores[0])
    assert not np.isnan(scores[1])
    assert fitted.explain(case("")) == []


def test_reasons_are_few_and_short(judge: Judge) -> None:
    examples, y = cooking_gold()
    reasons = judge.fit(examples, y, seed=0).explain(replace(examples[0], key="new"))
    assert 1 <= len(reasons) <= 5
    assert all(len(reason) < 200 and "\n" not in reason for reason in reasons)


def test_one_class_says_which_is_missing(judge: Judge) -> None:
    examples, y = cooking_gold()
    refused = [example for example, label in zip(examples, y, strict=True) if label]
    if not judge.needs_training:
        assert judge.fit(refused, np.ones(30, bool), seed=0).score(refused).shape == (30,)
        return
    with pytest.raises(CannotFit, match="settle gold for some negative ones"):
        judge.fit(refused, np.ones(30, bool), seed=0)
    with pytest.raises(CannotFit, match="no labelled cases"):
        judge.fit([], np.zeros(0, bool), seed=0)


def test_labels_that_do_not_belong_to_the_cases_are_refused(judge: Judge) -> None:
    examples, y = cooking_gold()
    with pytest.raises(BadScores, match="60 cases but 59 labels"):
        judge.fit(examples, y[:-1], seed=0)


@pytest.mark.parametrize(
    "text", ["👍", "\x00\x07", "a" * 1_000_000, "<script>alert(1)</script>", "=1+1", "\ud800"]
)
def test_hostile_text_gets_a_score_like_any_other(judge: Judge, text: str) -> None:
    examples, y = cooking_gold()
    fitted = judge.fit([*examples, case(text)], np.append(y, True), seed=0)
    other = case(text, key="other", context=text, prompt=text)
    assert 0 <= fitted.score([other])[0] <= 1
    assert all("\n" not in reason for reason in fitted.explain(other))
