"""What a text classifier from elsewhere says: its labels, its generated words, and which is bad.

Label names lie: they may be missing (LABEL_0, LABEL_1), inverted, or of another task. So a name
decides only what is tried first; gold decides which label is the positive one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from campaigns.judging.discrimination import auroc
from campaigns.judging.errors import CannotFit
from campaigns.judging.linear import Bools, Floats

NAMELESS = re.compile(r"label[_ -]?\d+", re.IGNORECASE)
BAD = frozenset({
    "unsafe", "toxic", "harmful", "hate", "hateful", "offensive", "violation", "violates", "jailbreak",
    "injection", "malicious", "abusive", "positive", "yes", "true", "1", "bad", "flagged", "refusal",
})  # fmt: skip
GOOD = frozenset({
    "safe", "nontoxic", "non-toxic", "harmless", "neutral", "benign", "clean", "normal", "negative",
    "no", "false", "0", "good", "ok", "compliance",
})  # fmt: skip
LEAST_OF_EACH = 5  # gold cases of each answer, to check the polarity


@dataclass(frozen=True)
class Polarity:
    """`positive` is the index of the label that means a failure; `notes` tell what was found."""

    positive: int
    notes: tuple[str, ...]


def guard_answer(text: str) -> tuple[str, tuple[str, ...]] | None:
    """("safe" or "unsafe", categories) of a Llama-Guard-like answer, or None: it is no verdict.

    The first line must be the one word, case and all: "unsafe" inside a sentence says nothing, and
    "UNSAFE" or "Safe" is another model's format. Categories stand on the second line: S1,S9.
    """
    lines = [line.strip() for line in text.strip().split("\n") if line.strip()]
    if not lines or lines[0] not in ("safe", "unsafe"):
        return None
    found = re.findall(r"\bS\d{1,2}\b", lines[1]) if lines[0] == "unsafe" and len(lines) > 1 else []
    if lines[0] == "safe" and len(lines) > 1:
        return None  # safe, and then something: the format was not kept
    return lines[0], tuple(found)


def positive_by_name(labels: Sequence[str]) -> int | None:
    """The index that the names say is the bad one; None where they say nothing or contradict."""
    words = [label.strip().casefold().replace("_", "-").replace(" ", "-") for label in labels]
    bad = [at for at, word in enumerate(words) if word in BAD]
    good = [at for at, word in enumerate(words) if word in GOOD]
    if len(bad) == 1:
        return bad[0]
    if len(words) == 2 and len(good) == 1:
        return 1 - good[0]
    return None


def check_polarity(labels: Sequence[str], scores: Floats, y: Bools) -> Polarity:
    """Which label (of L) is the positive one, by gold: scores (N, L) are probabilities, y (N,).

    Raises `CannotFit` where gold is too small to tell, or where no label tells the answers apart.
    """
    low = min(int(y.sum()), int((~y).sum()))
    if low < LEAST_OF_EACH:
        raise CannotFit(
            f"It takes {LEAST_OF_EACH} gold cases of each answer to check what the labels of this "
            f"classifier mean; there are {low} of one. Its names alone are not trusted."
        )
    found = [auroc(scores[:, at], y) for at in range(len(labels))]
    areas = np.array([one.value if one.value is not None else 0.5 for one in found])
    best, named = int(np.argmax(areas)), positive_by_name(labels)
    if (found[best].low or 0.0) <= 0.5:
        raise CannotFit(
            f"None of the labels {_listed(labels)} tells gold's answers apart (the best has an area "
            f"under the curve of {areas[best]:.2f}): this classifier answers another question."
        )
    return Polarity(best, tuple(_notes(labels, best, named, areas)))


def check_names(id2label: Mapping[int, str] | None, outputs: int) -> tuple[list[str], list[str]]:
    """(a name for each output, what is wrong with the names)."""
    given = {int(at): str(name) for at, name in (id2label or {}).items()}
    names = [given.get(at, f"LABEL_{at}") for at in range(outputs)]
    notes = []
    if sorted(given) != list(range(outputs)):
        notes.append(f"The folder names {len(given)} labels, but the model has {outputs} outputs.")
    if any(NAMELESS.fullmatch(name) for name in names):
        notes.append(
            "Its labels have no names (LABEL_0, …): gold decides which is the positive one."
        )
    if len(set(names)) < len(names):
        notes.append(f"Two of its labels have one name: {_listed(names)}.")
    return names, notes


def _notes(labels: Sequence[str], best: int, named: int | None, areas: Floats) -> list[str]:
    if named is None:
        return [
            f"The names {_listed(labels)} do not say which is bad: by gold it is {labels[best]}."
        ]
    if named != best:
        return [
            f"The labels are inverted: by its name {labels[named]} is the bad one, but on gold it is "
            f"{labels[best]} (area under the curve {areas[best]:.2f}). Gold is followed."
        ]
    return []


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(f"“{label}”" for label in labels)
