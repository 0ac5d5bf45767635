"""Word by word, how a text was changed: for the rubric's draft beside its release (pure)."""

import hashlib
import re
from difflib import SequenceMatcher
from typing import Literal

Op = Literal["equal", "delete", "insert"]
Run = tuple[Op, str]

WORDS = re.compile(r"\s+|\w+|[^\w\s]")
# A rubric's texts are short; beyond this the comparison takes seconds, so the texts stand in turn.
MOST_WORDS = 6000


def word_diff(old: str, new: str) -> list[Run]:
    """Runs of (op, text): "equal" and "delete" join to `old`, "equal" and "insert" to `new`."""
    if old == new:
        return [("equal", new)] if new else []
    before, after = WORDS.findall(old), WORDS.findall(new)
    if max(len(before), len(after)) > MOST_WORDS:
        return _replaced(old, new)
    runs: list[Run] = []
    matcher = SequenceMatcher(a=before, b=after, autojunk=False)
    for op, i1, i2, j1, j2 in matcher.get_opcodes():
        if op == "equal":
            runs.append(("equal", "".join(before[i1:i2])))
        else:
            runs += _replaced("".join(before[i1:i2]), "".join(after[j1:j2]))
    return runs


def is_changed(runs: list[Run]) -> bool:
    """Whether a diff holds anything but what stood there before."""
    return any(op != "equal" for op, _ in runs)


def fingerprint(text: str) -> str:
    """SHA-256 of a text: tells a form whether the words that it started from still stand."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _replaced(old: str, new: str) -> list[Run]:
    runs: list[Run] = [("delete", old), ("insert", new)]
    return [run for run in runs if run[1]]
