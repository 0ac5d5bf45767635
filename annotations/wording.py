"""Word by word, how a text was changed: for the rubric's draft beside its release (pure)."""

import difflib
import re

WORDS = re.compile(r"\s+|[^\s]+")


def word_diff(old: str, new: str) -> list[tuple[str, str]]:
    """Runs of (op, text), op one of equal, delete, insert; joined they give either text back."""
    before, after = WORDS.findall(old), WORDS.findall(new)
    runs: list[tuple[str, str]] = []
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    for op, i1, i2, j1, j2 in matcher.get_opcodes():
        if op in ("delete", "replace"):
            runs.append(("delete", "".join(before[i1:i2])))
        if op in ("insert", "replace"):
            runs.append(("insert", "".join(after[j1:j2])))
        if op == "equal":
            runs.append(("equal", "".join(before[i1:i2])))
    return runs
