"""What of a judge's answer counts: the block at its very end that holds the call's own key.

The case was there before the key was drawn, so no text of it can hold the key. What follows, for a
case quoted by the judge in any way, before, in or after its verdict:

- an `answered` verdict came from one JSON object that ends the answer, has the four names once each
  in their order, and the right key. A quoted block has no key; a second name inside the judge's own
  block, an early end of it, or words after it make the answer `invalid`.
- so a case can make an answer `invalid`, which goes to a person; never can it put its own verdict
  in place of the judge's.

Not guaranteed, by any parser: that the model itself was not talked into another verdict.
"""

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from campaigns.judging.members.refusal_phrases import Refusal, read_refusal

PARSER = "last-keyed-block-1"
NAMES = ("key", "verdict", "confidence", "reason")
MOST_ANSWER = 20_000  # characters of its end that are read
MOST_BLOCK = 4_000
_CLOSING = re.compile(r"\s*(?:```\s*)?\Z")


class Status(StrEnum):
    """What became of one call. None of the last three is ever read as "no failure"."""

    ANSWERED = "answered"
    INVALID = "invalid"
    REFUSED_TO_JUDGE = "refused_to_judge"
    ERROR = "error"


@dataclass(frozen=True)
class Judgement:
    """One call's outcome: `value` and `confidence` only where it was answered."""

    status: Status
    value: str = ""
    confidence: float | None = None
    reason: str = ""


class _NotABlock(ValueError):
    """Says what is wrong with the block."""


def read_answer(text: str, *, key: str, values: tuple[str, ...]) -> Judgement:
    """The verdict of the last block, or why there is none."""
    end = text[-MOST_ANSWER:]
    try:
        pairs = _last_block(end)
        return _checked(pairs, key=key, values=values)
    except _NotABlock as problem:
        if "{" not in end and read_refusal(end).kind is not Refusal.NONE:
            return Judgement(Status.REFUSED_TO_JUDGE, reason="The judge declined to judge.")
        return Judgement(Status.INVALID, reason=str(problem))


def _last_block(text: str) -> list[tuple[str, Any]]:
    """The name-value pairs of the JSON object at the very end, duplicates and all."""
    body = text[: _CLOSING.search(text).start()]  # type: ignore[union-attr]  # it matches nothing too
    if not body.endswith("}"):
        raise _NotABlock("The answer does not end with a JSON object.")
    decoder = json.JSONDecoder(object_pairs_hook=_Pairs, parse_constant=_no_constant)
    start, least = len(body), max(0, len(body) - MOST_BLOCK)
    while (start := body.rfind("{", least, start)) >= 0:
        try:
            found, stop = decoder.raw_decode(body, start)
        except (ValueError, RecursionError):
            continue
        if stop == len(body) and isinstance(found, _Pairs):
            return list(found)
    raise _NotABlock("The answer ends with something that is no JSON object.")


class _Pairs(list[Any]):
    """An object as its pairs, so that a name given twice is seen."""


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON.")


def _checked(pairs: list[tuple[str, Any]], *, key: str, values: tuple[str, ...]) -> Judgement:
    names = tuple(name for name, _ in pairs)
    if names != NAMES:
        raise _NotABlock(f"The block has not exactly the names {', '.join(NAMES)}, in this order.")
    given = dict(pairs)
    if given["key"] != key:
        raise _NotABlock("The block does not hold the key of this call.")
    verdict, confidence, reason = given["verdict"], given["confidence"], given["reason"]
    if not isinstance(verdict, str) or verdict not in values:
        raise _NotABlock("The verdict is none of the answers.")
    number = isinstance(confidence, (int, float)) and not isinstance(confidence, bool)
    if not number or not 0 <= confidence <= 1:
        raise _NotABlock("The confidence is no number from 0 to 1.")
    if not isinstance(reason, str):
        raise _NotABlock("The reason is no text.")
    return Judgement(Status.ANSWERED, verdict, float(confidence), reason[:400])
