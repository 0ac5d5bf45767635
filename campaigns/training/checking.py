"""Is a file one that a trainer can read, and if not, in which line? For files of ours and of others."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from campaigns.training.rows import ASSISTANT, NOT_ADJUDICATED, PREFERENCE, SFT, SYSTEM, USER

MOST_PROBLEMS = 20
BOM = b"\xef\xbb\xbf"
ROLES = (SYSTEM, USER, ASSISTANT)
PARTS = ("prompt", "chosen", "rejected")


@dataclass(frozen=True)
class Checked:
    """What a file holds; `problems` name lines, and there may be more than are listed."""

    format: str  # "" where no line tells
    rows: int
    kinds: Mapping[str, int]  # hardening, benign, or "unmarked"
    standard_refusals: int
    simulated: int
    problems: tuple[str, ...]
    more_problems: int

    @property
    def is_good(self) -> bool:
        return self.rows > 0 and not self.problems


@dataclass
class _Tally:
    format: str = ""
    rows: int = 0
    refusals: int = 0
    simulated: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def check_file(lines: Iterable[bytes]) -> Checked:
    """Read line by line, so that a file of any size can be checked."""
    tally = _Tally()
    for number, line in enumerate(lines, start=1):
        text = line.removeprefix(BOM) if number == 1 else line
        tally.problems += [f"Line {number}: {why}" for why in _read(text, tally)]
    if not tally.rows:
        tally.problems.append("The file has no row.")
    return Checked(
        tally.format,
        tally.rows,
        dict(sorted(tally.kinds.items())),
        tally.refusals,
        tally.simulated,
        tuple(tally.problems[:MOST_PROBLEMS]),
        max(0, len(tally.problems) - MOST_PROBLEMS),
    )


def _read(line: bytes, tally: _Tally) -> list[str]:
    """What is wrong with one line; what is right is counted."""
    if not line.strip():
        return ["is empty: write one JSON object a line."]
    try:
        row = json.loads(line)
    except UnicodeDecodeError:
        return ["is no UTF-8."]
    except (json.JSONDecodeError, RecursionError) as error:
        return [f"is no JSON ({error})."]
    if not isinstance(row, dict):
        return ["is no JSON object."]
    tally.rows += 1
    kind = SFT if "messages" in row else PREFERENCE if "prompt" in row else ""
    if not kind:
        return ["has neither “messages” nor “prompt”, “chosen” and “rejected”."]
    tally.format = tally.format or kind
    if kind != tally.format:
        return [f"is of the format {kind}, the lines before it are {tally.format}: use two files."]
    found = _of_messages(row) if kind == SFT else _of_preference(row)
    return found + _count(row, tally)


def _of_messages(row: Mapping[str, Any]) -> list[str]:
    messages = row["messages"]
    found = _turns(messages, "messages")
    if found:
        return found
    if messages[-1]["role"] != ASSISTANT:
        return ["“messages” does not end with the assistant's answer: there is nothing to learn."]
    return _asks(messages[:-1], "“messages” before the answer")


def _of_preference(row: Mapping[str, Any]) -> list[str]:
    missing = [part for part in PARTS if part not in row]
    if missing:
        return [f"has no “{missing[0]}”."]
    found = [why for part in PARTS for why in _turns(row[part], part)]
    if found:
        return found
    found = _asks(row["prompt"], "“prompt”")
    for part in PARTS[1:]:
        if [turn["role"] for turn in row[part]] != [ASSISTANT]:
            found.append(f"“{part}” is not one answer of the assistant.")
    if not found and row["chosen"] == row["rejected"]:
        found.append("“chosen” and “rejected” are the same answer.")
    return found


def _turns(messages: Any, name: str) -> list[str]:
    """Problems of a list of turns by itself."""
    if not isinstance(messages, list) or not messages:
        return [f'“{name}” is no list of {{"role": …, "content": …}}.']
    for number, turn in enumerate(messages, start=1):
        where = f"“{name}”, turn {number}"
        if not isinstance(turn, dict):
            return [f"{where} is no object."]
        if turn.get("role") not in ROLES:
            return [f"{where} has the role {str(turn.get('role'))[:40]!r}: use {', '.join(ROLES)}."]
        if not isinstance(turn.get("content"), str) or not turn["content"].strip():
            return [f"{where} has no text."]
        if turn["role"] == SYSTEM and number > 1:
            return [f"{where} is the system's: most chat templates take it only at the start."]
    return []


def _asks(turns: list[dict[str, str]], name: str) -> list[str]:
    if not turns or turns[-1]["role"] != USER:
        return [f"{name} does not end with the user's turn."]
    return []


def _count(row: Mapping[str, Any], tally: _Tally) -> list[str]:
    metadata = row.get("metadata", {})
    if not isinstance(metadata, dict):
        return ["“metadata” is no object."]
    tally.kinds[str(metadata.get("kind") or "unmarked")] += 1
    tally.refusals += metadata.get("safe_answer") == NOT_ADJUDICATED
    tally.simulated += metadata.get("simulated") is True
    return []
