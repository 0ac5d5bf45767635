"""A training file is read line by line, and whatever a trainer would choke on is named with its line."""

import json
from typing import Any

import pytest

from campaigns.training.checking import MOST_PROBLEMS, Checked, check_file
from campaigns.training.rows import (
    NOT_ADJUDICATED,
    Unusable,
    preference_row,
    prompt_messages,
    sft_row,
)

ASK = [{"role": "user", "content": "How do I fold a hat?"}]
ABOUT = {"kind": "hardening", "safe_answer": "gold, adjudicated", "simulated": False}
SFT_ROW = sft_row(ASK, "With a sheet of paper.", ABOUT)
PAIR = preference_row(ASK, "With a sheet.", "With scissors.", ABOUT)


def checked(*rows: Any) -> Checked:
    return check_file(row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows)


def test_rows_of_both_formats_are_read_back() -> None:
    refused = sft_row(ASK, "No.", {**ABOUT, "safe_answer": NOT_ADJUDICATED, "simulated": True})
    found = checked(SFT_ROW, refused, sft_row(ASK, "Yes.", {"kind": "benign"}))
    assert (found.format, found.rows, found.is_good) == ("sft", 3, True)
    assert found.kinds == {"benign": 1, "hardening": 2}
    assert (found.standard_refusals, found.simulated) == (1, 1)
    assert checked(PAIR).format == "preference"


def test_a_file_of_others_without_metadata_is_one_too() -> None:
    found = checked({"messages": [*ASK, {"role": "assistant", "content": "Like this."}]})
    assert found.is_good
    assert found.kinds == {"unmarked": 1}


def test_a_byte_order_mark_before_the_first_line_is_no_problem() -> None:
    assert checked(b"\xef\xbb\xbf" + json.dumps(SFT_ROW).encode()).is_good


SYSTEM = {"role": "system", "content": "Be kind."}
ANSWER = {"role": "assistant", "content": "Like this."}
BAD: dict[str, tuple[Any, str]] = {
    "not JSON": (b"{messages:", "no JSON"),
    "a list": ([1], "no JSON object"),
    "an empty line": (b" \n", "is empty"),
    "bytes that are no text": (b'{"a": "\xff"}', "no UTF-8"),
    "neither format": ({"text": "x"}, "neither “messages” nor"),
    "another format": (PAIR, "use two files"),
    "no list": ({"messages": "hello"}, "is no list"),
    "no answer": ({"messages": ASK}, "nothing to learn"),
    "an answer to nothing": ({"messages": [ANSWER]}, "does not end with the user's turn"),
    "an unknown role": ({"messages": [{"role": "human", "content": "x"}, ANSWER]}, "'human'"),
    "an empty text": ({"messages": [{"role": "user", "content": " "}, ANSWER]}, "turn 1 has no text"),
    "a late system turn": ({"messages": [*ASK, SYSTEM, ANSWER]}, "only at the start"),
    "metadata as text": ({**SFT_ROW, "metadata": "x"}, "“metadata” is no object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_each_problem_is_named_with_its_line(name: str) -> None:
    row, told = BAD[name]
    found = checked(SFT_ROW, row)
    assert not found.is_good
    assert len(found.problems) == 1
    assert found.problems[0].startswith("Line 2: ")
    assert told in found.problems[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"chosen": PAIR["rejected"]}, "the same answer"),
        ({"chosen": [*PAIR["chosen"], *PAIR["chosen"]]}, "“chosen” is not one answer"),
        ({"prompt": [ANSWER]}, "“prompt” does not end with the user's turn"),
        ({"prompt": "How?"}, "“prompt” is no list"),
    ],
)
def test_a_pair_that_teaches_nothing_is_named(change: dict[str, Any], told: str) -> None:
    (problem,) = checked({**PAIR, **change}).problems
    assert told in problem


def test_a_pair_without_a_part_says_which() -> None:
    (problem,) = checked({key: PAIR[key] for key in ("prompt", "chosen")}).problems
    assert problem == "Line 1: has no “rejected”."


def test_an_empty_file_is_none_and_many_problems_are_counted() -> None:
    assert check_file([]).problems == ("The file has no row.",)
    found = checked(SFT_ROW, *[b"?"] * 30)
    assert len(found.problems) == MOST_PROBLEMS
    assert found.more_problems == 10


def test_what_the_target_was_told_is_one_system_message() -> None:
    turns = [{"role": "developer", "content": "Be short."}, *ASK]
    found = prompt_messages("You are a helper.", "A class of children.", turns)
    assert found == [
        {"role": "system", "content": "You are a helper.\n\nA class of children.\n\nBe short."},
        *ASK,
    ]
    assert prompt_messages("", " ", ASK) == ASK


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        ([], "no prompt"),
        ([*ASK, ANSWER], "does not end with the user's turn"),
        ([*ASK, {"role": "tool", "content": "3"}], "neither the user's nor the assistant's"),
        ([*ASK, SYSTEM, *ASK], "neither the user's nor the assistant's"),
        ([{"role": "user", "content": ""}], "an empty turn"),
    ],
)
def test_a_conversation_that_is_no_prompt_says_why(turns: list[dict[str, str]], why: str) -> None:
    with pytest.raises(Unusable, match=why):
        prompt_messages("", "", turns)
