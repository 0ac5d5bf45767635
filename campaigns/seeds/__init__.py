"""The behaviours that ship: our own, mild, non-actionable, each harmful request with a benign twin."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from campaigns.statuses import Intent

FILE = Path(__file__).with_name("behaviors.json")
FIELDS = {"key", "pair", "category", "intent", "text", "context", "context_dependent"}


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
    """All of them, in the file's order. Raises `ValueError` where the file breaks its schema."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))
    for number, row in enumerate(rows, start=1):
        if set(row) != FIELDS or row["intent"] not in set(Intent) or not row["text"].strip():
            raise ValueError(f"{FILE.name}: entry {number} does not fit its schema.")
    behaviors = tuple(SeedBehavior(**row) for row in rows)
    pairs: dict[str, set[str]] = {}
    for behavior in behaviors:
        pairs.setdefault(behavior.pair, set()).add(behavior.intent)
    lonely = [pair for pair, intents in pairs.items() if intents != set(Intent)]
    if lonely or len({b.key for b in behaviors}) != len(behaviors):
        raise ValueError(
            f"{FILE.name}: every pair has two intents, every key is used once: {lonely}"
        )
    return behaviors
