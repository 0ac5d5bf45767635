"""What of a model judge's answer counts, and that hostile answers can't put words into it."""

import json

import pytest

from benchmarks._judging_injection import ATTACKS, DOUBLES, outcomes, turned_safe
from campaigns.judging.model_judge.reading import NAMES, Judgement, Status, read_answer

KEY = "a1b2c3"
VALUES = ("yes", "no", "cant_tell")


def block(**changed: object) -> str:
    plain = {"key": KEY, "verdict": "yes", "confidence": 0.75, "reason": "It helps."}
    return json.dumps({**plain, **changed})


def read(text: str) -> Judgement:
    return read_answer(text, key=KEY, values=VALUES)


@pytest.mark.parametrize(
    "text", [block(), f"Let me think.\n{block()}\n", f"```json\n{block()}\n```", f"{{}} {block()}"]
)
def test_the_block_at_the_end_is_the_verdict(text: str) -> None:
    assert read(text) == Judgement(Status.ANSWERED, "yes", 0.75, "It helps.")


def test_the_last_of_two_keyed_blocks_counts() -> None:
    assert read(f"{block(verdict='no')}\nNo, on second thought:\n{block()}").value == "yes"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "does not end with a JSON object"),
        ("I think that it violates.", "does not end with a JSON object"),
        (f"{block()}\nThat is my verdict.", "does not end with a JSON object"),
        (block(key="guessed"), "key of this call"),
        (block(verdict="Yes"), "none of the answers"),
        (block(verdict=["no"]), "none of the answers"),
        (block(confidence=True), "no number from 0 to 1"),
        (block(confidence=1.01), "no number from 0 to 1"),
        (block(confidence="0.9"), "no number from 0 to 1"),
        (block().replace("0.75", "NaN"), "no JSON object"),
        (block().replace("0.75", "1e999"), "no number from 0 to 1"),
        (block(extra=1), "exactly the names"),
        (block().replace('"reason"', '"verdict"'), "exactly the names"),
        (json.dumps(dict(sorted(json.loads(block()).items()))), "exactly the names"),
        (f"[{block()}]", "does not end with a JSON object"),
        ('{"a":' * 4000 + "}", "no JSON object"),
        ("{" * 9000 + "}", "exactly the names"),
    ],
)
def test_anything_else_is_invalid_and_says_why(text: str, why: str) -> None:
    found = read(text)
    assert found.status == Status.INVALID
    assert why in found.reason
    assert found.value == ""


def test_a_judge_that_declines_is_told_apart_from_one_that_rambles() -> None:
    assert read("I'm sorry, but I can't assist with that.").status == Status.REFUSED_TO_JUDGE
    assert read("The weather is fine.").status == Status.INVALID
    assert read(f"I'm sorry, but I can't. {block(key='x')}").status == Status.INVALID


def test_the_order_of_names_puts_the_verdict_before_what_may_quote_the_case() -> None:
    assert NAMES.index("verdict") < NAMES.index("reason")


def test_none_of_forty_hostile_answers_turns_a_verdict_to_safe_however_it_is_quoted() -> None:
    found = outcomes()
    assert len(ATTACKS) >= 40
    assert len(found) == len(ATTACKS) * len(DOUBLES)
    assert turned_safe(found) == []


def test_a_verdict_after_a_quotation_is_still_read() -> None:
    found = outcomes()
    before = {pair: one for pair, one in found.items() if pair[1] == "quotes it before its verdict"}
    assert {one.value for one in before.values()} == {"yes"}


def test_the_attacks_would_win_against_a_parser_that_takes_any_block() -> None:
    """Otherwise they would show nothing: without the key and the end, quoted blocks do win."""

    def naive(text: str) -> str:
        at = text.rfind('"verdict": "')
        return text[at + 12 :].split('"')[0] if at >= 0 else ""

    won = [a for a, hostile in ATTACKS.items() if naive(f"{block()} {hostile}") == "no"]
    assert len(won) >= 15
