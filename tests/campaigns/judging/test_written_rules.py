"""Rules that people write: wildcards and whole words, bounded, and told what is wrong with them."""

import math
from dataclasses import replace

import pytest

from campaigns.judging.members.lexical import RULES, LexicalJudge, Rule, check_rules


def rule(*phrases: str, whole_words: bool = True, weight: float = 1.0, name: str = "r") -> Rule:
    return Rule(name, phrases, weight, whole_words=whole_words)


@pytest.mark.parametrize(
    ("phrase", "text", "whole", "found"),
    [
        ("hat", "a hat of paper", True, True),
        ("hat", "what a day", True, False),
        ("hat", "what a day", False, True),
        ("fold*", "folding paper", True, True),
        ("fold*", "a scaffold", True, False),
        ("fold* paper", "we folded paper", True, True),
        ("fold* paper", "fold the paper", True, False),
        ("c.t", "cat", False, False),
        ("(a+)+$", "aaaa", False, False),
        ("a*z", "a" + "b" * 21 + "z", False, False),
    ],
)
def test_a_phrase_is_found_where_its_words_stand(
    phrase: str, text: str, whole: bool, found: bool
) -> None:
    assert bool(rule(phrase, whole_words=whole).hits(text)) is found


def test_hostile_texts_cannot_make_the_search_run_away() -> None:
    """Two wildcards of 20 letters try at most 441 ways at each place: the text is the only factor."""
    assert rule("a*a*b", whole_words=False).hits("a" * 20_000) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (rule("*"), "is no phrase"),
        (rule("x"), "is no phrase"),
        (rule("a" * 101), "is no phrase"),
        (rule("aa*bb*cc*dd"), "write two phrases"),
        (rule("Sorry"), "write it in small letters"),
        (rule(), "needs 1 to 200 phrases"),
        (rule("sorry", weight=math.nan), "its weight is a number"),
        (rule("sorry", weight=6.0), "its weight is a number"),
        (rule("sorry", name=" "), "needs a name"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place(wrong: Rule, said: str) -> None:
    [problem] = check_rules([rule("fine", name="first"), wrong])
    assert said in problem
    assert "Rule 2" in problem


def test_the_rules_that_ship_are_right_and_names_are_unique() -> None:
    assert check_rules(RULES) == []
    assert "name of another rule" in check_rules([rule("one", name="A"), rule("two", name="a")])[0]


def test_another_wording_is_another_judge_and_survives_storage() -> None:
    judge = LexicalJudge((rule("fold*"),))
    fitted = judge.restore(
        {"rules": [rule("fold*").as_json()], "learnt": False,
         "model": judge._own_weights().as_json()}
    )  # fmt: skip
    other = replace(fitted, rules=(rule("bend*"),))
    assert fitted.revision != other.revision
    assert judge.restore(fitted.as_json()).revision == fitted.revision
