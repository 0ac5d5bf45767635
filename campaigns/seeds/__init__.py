"""The behaviours that ship: our own, mild, non-actionable, each harmful request with a benign twin."""

import json
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from campaigns.statuses import Intent

FILE = Path(__file__).with_name("behaviors.json")
WORDS = ("key", "pair", "category", "intent", "text", "context")
FIELDS = {*WORDS, "context_dependent"}
LONGEST = 400  # characters of a text or a context: a request, not an essay


@dataclass(frozen=True)
class SeedBehavior:
    """One request to seek with; `context_dependent` ones are harmful, or not, by their context."""

    key: str
    pair: str
    category: str
    intent: str
    text: str
    context: str
    context_dependent: bool


@lru_cache(maxsize=1)
def load_behaviors() -> tuple[SeedBehavior, ...]:
    """All of them, in the file's order."""
    return read_behaviors(FILE.read_text(encoding="utf-8"), source=FILE.name)


def read_behaviors(text: str, *, source: str) -> tuple[SeedBehavior, ...]:
    """The behaviours of a JSON list. Raises `ValueError` that says which entry breaks what."""
    rows = json.loads(text)
    problems = [
        f"entry {number} {problem}"
        for number, row in enumerate(rows, start=1)
        if (problem := _problem(row))
    ]
    behaviors = () if problems else tuple(SeedBehavior(**row) for row in rows)
    problems += _unmatched(behaviors)
    if problems:
        raise ValueError(f"{source} does not fit its schema: {'; '.join(problems)}.")
    return behaviors


def _problem(row: Any) -> str:
    """What is wrong with one entry; empty where nothing is."""
    if not isinstance(row, dict) or set(row) != FIELDS:
        return f"needs the fields {', '.join(sorted(FIELDS))}"
    if not all(isinstance(row[name], str) for name in WORDS):
        return "has a value that is no text"
    if not isinstance(row["context_dependent"], bool):
        return "says neither true nor false in context_dependent"
    if row["intent"] not in set(Intent):
        return f"has an unknown intent, {row['intent']!r}"
    if not all(row[name].strip() for name in ("key", "pair", "category", "text")):
        return "lacks a key, pair, category or text"
    if max(len(row["text"]), len(row["context"])) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if row["context_dependent"] and not row["context"].strip():
        return "depends on a context that it does not give"
    return ""


def _unmatched(behaviors: tuple[SeedBehavior, ...]) -> list[str]:
    """Keys used twice, and pairs that are not one harmful and one benign request of a category."""
    keys = Counter(behavior.key for behavior in behaviors)
    problems = [f"the key {key!r} is used {n} times" for key, n in keys.items() if n > 1]
    pairs: dict[str, list[SeedBehavior]] = {}
    for behavior in behaviors:
        pairs.setdefault(behavior.pair, []).append(behavior)
    for name, pair in pairs.items():
        if sorted(one.intent for one in pair) != sorted(Intent):
            problems.append(f"the pair {name!r} is not one harmful and one benign request")
        if len({(one.category, one.context_dependent) for one in pair}) > 1:
            problems.append(f"the pair {name!r} is not of one category and one kind")
    return problems
