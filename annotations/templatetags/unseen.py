"""Characters that can't be seen or that reorder what is, for whoever shows hostile text (pure).

Source: Unicode 14 general categories Cc, Cf, Cs, Co, Zl, Zp; the fillers, blanks and variation
selectors that draw nothing (UTS 39, UAX 9); the joiners are kept where a script or an emoji needs
them (in the spirit of CONTEXTJ, RFC 5892).
"""

import re
import unicodedata
from collections.abc import Callable

KEEP = "\n\t"
UNSEEN = re.compile(
    "(["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 and C1 controls but tab and line feed
    "\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2"
    "\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, separators, bidirectional
    "\u2800\u3164\uffa0"  # blanks that count as letters or symbols
    "\ufdd0-\ufdef\ufe00-\ufe0e\ufeff\ufff0-\ufffb\ufffe\uffff"
    "\ue000-\uf8ff\ud800-\udfff"  # private use and lone surrogates
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff\U000f0000-\U0010ffff"  # tags, selectors, private use
    "])\\1*"
)
JOINERS = "\u200c\u200d"
CONTROL_NAMES = {
    0x00: "NULL", 0x07: "BELL", 0x08: "BACKSPACE", 0x0B: "LINE TABULATION", 0x0C: "FORM FEED",
    0x0D: "CARRIAGE RETURN", 0x1B: "ESCAPE", 0x7F: "DELETE", 0x85: "NEXT LINE",
}  # fmt: skip
JOINING_SCRIPTS = (
    "ARABIC", "SYRIAC", "MONGOLIAN", "DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI", "ORIYA",
    "TAMIL", "TELUGU", "KANNADA", "MALAYALAM", "SINHALA", "KHMER", "MYANMAR",
)  # fmt: skip


def character_name(character: str) -> str:
    """`U+202E RIGHT-TO-LEFT OVERRIDE`, with a plain word where Unicode gives no name."""
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:
        name = "LONE SURROGATE"
    elif unicodedata.category(character) == "Co":
        name = "PRIVATE USE CHARACTER"
    elif unicodedata.category(character) == "Cc":
        name = CONTROL_NAMES.get(code, "CONTROL CHARACTER")
    else:
        name = unicodedata.name(character, "UNNAMED CHARACTER")
    return f"U+{code:04X} {name}"


def replace_unseen(text: str, *, shown: Callable[[str], str], kept: Callable[[str], str]) -> str:
    """`text` with each run of one unseen character through `shown`, all between through `kept`."""
    text = text.replace("\r\n", "\n")
    parts: list[str] = []
    start = 0
    for run in UNSEEN.finditer(text):
        if _joins_properly(text, run.start(), run.end()):
            continue
        parts += [kept(text[start : run.start()]), shown(run.group())]
        start = run.end()
    parts.append(kept(text[start:]))
    return "".join(parts)


def _joins_properly(text: str, start: int, end: int) -> bool:
    """One joiner between two letters of a script that is written with it, or inside an emoji."""
    if text[start] not in JOINERS or end - start > 1 or start == 0 or end == len(text):
        return False
    return all(_is_joined(character) for character in (text[start - 1], text[end]))


def _is_joined(character: str) -> bool:
    if unicodedata.category(character) in ("So", "Sk") or character == "\ufe0f":
        return character not in "\u2800"
    return unicodedata.name(character, "").startswith(JOINING_SCRIPTS)
