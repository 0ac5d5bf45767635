"""The behaviours' file is checked entry by entry; what breaks its schema is named."""

import json
from typing import Any

import pytest

from campaigns.seeds import read_behaviors

HARMFUL: dict[str, Any] = {
    "key": "a-harmful", "pair": "a", "category": "privacy", "intent": "harmful",
    "text": "Ask for it in secret.", "context": "", "context_dependent": False,
}  # fmt: skip
BENIGN = {**HARMFUL, "key": "a-benign", "intent": "benign", "text": "Ask for it openly."}


def read(*rows: Any) -> int:
    return len(read_behaviors(json.dumps(rows), source="mine.json"))


def test_a_harmful_request_and_its_twin_are_read() -> None:
    assert read(HARMFUL, BENIGN) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"extra": 1}, "entry 2 needs the fields"),
        ({"text": 3}, "no text"),
        ({"text": " "}, "lacks a key"),
        ({"text": "long " * 100}, "longer than 400"),
        ({"intent": "odd"}, "unknown intent, 'odd'"),
        ({"context_dependent": "yes"}, "neither true nor false"),
        ({"context_dependent": True}, "does not give"),
        ({"key": "a-harmful"}, "'a-harmful' is used 2 times"),
        ({"intent": "harmful"}, "'a' is not one harmful and one benign"),
        ({"category": "deception"}, "not of one category"),
    ],
)
def test_an_entry_that_breaks_the_schema_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"mine\.json") as failure:
        read(HARMFUL, {**BENIGN, **changes})
    assert said in str(failure.value)


def test_a_request_without_its_twin_is_refused() -> None:
    with pytest.raises(ValueError, match="one harmful and one benign"):
        read(HARMFUL)
