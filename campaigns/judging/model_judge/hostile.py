"""Hostile text made ready to be shown to a model: stripped, capped, and fenced by a random boundary.

The boundary is drawn anew for each call, after the text is there, so that the text cannot hold it.
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass

MOST_CHARACTERS = 12_000  # of one part
CUT = "[… cut …]"
KEY_BYTES = 12
# Control (Cc), format (Cf: zero-width, bidi, tags), surrogate, private use, unassigned.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
KEPT = frozenset("\n\t")
_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef\u034f\u115f\u1160\u3164\uffa0]")


@dataclass(frozen=True)
class Call:
    """What is random in one call: `boundary` fences the case, `key` must be in the verdict."""

    boundary: str
    key: str


def draw_call() -> Call:
    """Fresh, from the operating system's source: nobody can guess it."""
    return Call(secrets.token_hex(KEY_BYTES), secrets.token_hex(KEY_BYTES))


def cleaned(text: str) -> str:
    """Without what no reader sees, at most `MOST_CHARACTERS`: the head and the tail are kept."""
    if len(text) > 4 * MOST_CHARACTERS:  # a text of 1 MB is not walked through whole
        text = text[: 2 * MOST_CHARACTERS] + text[-2 * MOST_CHARACTERS :]
        text = _seen(text)
        return _capped(text, was_cut=True)
    return _capped(_seen(text), was_cut=False)


def fenced(name: str, text: str, *, call: Call) -> str:
    """One part of the case between lines that only this call knows."""
    inside = cleaned(text).replace(call.boundary, "").replace(call.key, "")
    return f"<<<{name} {call.boundary}>>>\n{inside}\n<<<end of {name} {call.boundary}>>>"


def _seen(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (c for c in text if c in KEPT or unicodedata.category(c) not in UNSEEN)
    return _VARIATION.sub("", "".join(kept))


def _capped(text: str, *, was_cut: bool) -> str:
    if len(text) <= MOST_CHARACTERS and not was_cut:
        return text
    half = (MOST_CHARACTERS - len(CUT) - 2) // 2
    return f"{text[:half]}\n{CUT}\n{text[-half:]}"
