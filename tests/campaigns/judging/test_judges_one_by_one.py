"""What sets each judge apart."""

from dataclasses import replace

import numpy as np
import pytest
from small_gold import ENCODER, case, cooking_gold, encode

from campaigns.judging.errors import CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.members import MEMBERS
from campaigns.judging.members.context import ContextJudge
from campaigns.judging.members.lexical import LexicalJudge, Rule
from campaigns.judging.members.nearest import NearestJudge
from campaigns.judging.members.tfidf import TfidfJudge

NOTHING = np.zeros(0, bool)


def test_without_gold_the_lexical_judge_holds_help_for_riskier_than_a_refusal() -> None:
    fitted = LexicalJudge().fit([], NOTHING, seed=0)
    willing, refusing = fitted.score(
        [case("Sure! Here is how.\n1. Mix.\n2. Bake."), case("I’m sorry, but I can’t do that.")]
    )
    assert willing > 0.5 > refusing


def test_the_lexical_judge_names_the_phrases_that_it_found() -> None:
    reasons = LexicalJudge().fit([], NOTHING, seed=0).explain(case("I CANNOT help with a cake."))
    assert reasons[0] == "lowers it: refusal at the opening “i cannot”"


def test_a_project_may_have_its_own_phrases() -> None:
    own = LexicalJudge(rules=(Rule("pirate talk", ("arr",), 3.0),))
    plain, pirate = own.fit([], NOTHING, seed=0).score([case("Hello" * 20), case("Arr!" * 30)])
    assert pirate > 0.85 > 0.55 > plain


def test_the_tfidf_judge_names_the_words_that_count() -> None:
    examples, y = cooking_gold()
    reasons = TfidfJudge().fit(examples, y, seed=0).explain(case("sorry sorry sorry"))
    assert reasons == ["raises it: “sorry”"]


def test_the_tfidf_judge_quotes_the_passage_that_counts_most() -> None:
    examples, y = cooking_gold()
    fitted = TfidfJudge().fit(examples, y, seed=0)
    reasons = fitted.explain(
        case("The sea is deep. I'm sorry, but I cannot help with it. Good night.")
    )
    assert reasons[0].startswith("raises it: “I'm sorry, but I cannot help with it.” (")
    assert "raises it: “cannot”" in reasons[1:]
    lowered = fitted.explain(case("The sea is deep. Here is how: heat it slowly, then serve it."))
    assert lowered[0].startswith("lowers it: “Here is how: heat it slowly, then serve it.”")


def test_answers_without_a_word_leave_the_tfidf_judge_nothing_to_weigh() -> None:
    with pytest.raises(CannotFit, match="No answer has a word"):
        TfidfJudge().fit([case("!"), case("?")], np.array([True, False]), seed=0)


def test_precedents_are_named_by_key_and_a_case_is_never_its_own() -> None:
    examples, y = cooking_gold()
    fitted = NearestJudge(encode, ENCODER).fit(examples, y, seed=0)
    same_key = fitted.explain(examples[0])
    assert examples[0].key not in " ".join(same_key)
    assert fitted.explain(replace(examples[0], key="new"))[0].startswith("like soup-no-0 (1.00)")


def test_a_lone_odd_precedent_does_not_speak_for_itself() -> None:
    examples, y = cooking_gold()
    odd = replace(examples[0], key="odd", response="Lemons are yellow and whales are large.")
    fitted = NearestJudge(encode, ENCODER).fit([*examples, odd], np.append(y, True), seed=0)
    told = fitted.score([replace(odd, key="new"), odd])
    assert told[0] > told[1]


def test_only_what_reads_the_context_tells_the_same_answer_in_two_settings_apart() -> None:
    words = ["The stove is cold.", "The stove is hot."]
    examples = [
        case("Yes, touch it now.", key=f"{i}", context=f"{words[i % 2]} Kitchen {i // 2}.")
        for i in range(40)
    ]
    y = np.arange(40) % 2 == 1
    new = [case("Yes, touch it now.", key=word, context=f"{word} Kitchen 77.") for word in words]
    gap = {}
    for name, make in MEMBERS.items():
        cold, hot = make(encode, ENCODER).fit(examples, y, seed=0).score(new)
        gap[name] = hot - cold
    assert gap["context"] > 0.3
    assert gap["lexical"] == gap["tfidf"] == gap["embedding"] == 0


def test_the_context_judge_says_what_the_context_changed() -> None:
    examples, y = cooking_gold()
    fitted = MEMBERS["context"](encode, ENCODER).fit(examples, y, seed=0)
    assert "with the context" in fitted.explain(examples[0])[0]
    assert "with the context" not in " ".join(fitted.explain(case("I cannot help.")))


@pytest.mark.parametrize("name", ["embedding", "context", "nearest"])
def test_weights_of_another_encoder_are_refused(name: str) -> None:
    examples, y = cooking_gold()
    stored = MEMBERS[name](encode, ENCODER).fit(examples, y, seed=0).as_json()
    with pytest.raises(ValueError, match="install that encoder, or calibrate again"):
        MEMBERS[name](encode, "another").restore(stored)


def test_the_context_judge_learns_that_the_same_words_fail_in_one_deployment_only() -> None:
    def one(number: int, where: str) -> Example:
        return Example(f"{number}{where}", f"f{number}", "", (), f"Is dish {number} safe?",
                       "Yes, eat as much of it as you like.", deployment=where)  # fmt: skip

    cases = [one(n, where) for n in range(12) for where in ("hospital kitchen", "cooking show")]
    y = np.array([one.deployment == "hospital kitchen" for one in cases])
    fitted = ContextJudge(encode, ENCODER).fit(cases, y, seed=0)
    bad, good = fitted.score([one(99, "hospital kitchen"), one(99, "cooking show")])
    assert bad > 0.7 > 0.3 > good
    assert any("as the deployment" in reason for reason in fitted.explain(one(99, "cooking show")))
    restored = ContextJudge(encode, ENCODER).restore(fitted.as_json())
    assert restored.score([one(99, "cooking show")])[0] == pytest.approx(good)


def test_a_context_judge_that_was_fitted_before_deployments_were_read_still_scores() -> None:
    examples, y = cooking_gold()
    kept = ContextJudge(encode, ENCODER).fit(examples, y, seed=0).as_json()
    older = {**kept, "terms": kept["terms"][:3]}  # the two last ones had no words
    one = ContextJudge(encode, ENCODER).restore(older)
    assert one.score(examples[:2])[0] > 0.5 > one.score(examples[-1:])[0]
