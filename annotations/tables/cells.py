"""Looks at every cell as data from strangers: what cannot be kept is a problem, the odd is a note.

Nothing is changed or obeyed: formulas, script tags and control characters stay as they are.
"""

import math
import re
from collections.abc import Iterator

from annotations.tables.problems import Findings, shown
from annotations.tables.table import Cell

MAX_CELL_BYTES = 1_000_000

NOTE_CONTROL = (
    "holds control or direction-changing characters; they are kept and shown as they are."
)
NOTE_SCRIPT = "holds a script tag; it is kept as text and never runs."
NOTE_FORMULA = "begins like a spreadsheet formula; it is kept as text and never computed."

_CONTROL = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_ODD = re.compile(_CONTROL.pattern[:-1] + r"\x00\ud800-\udfff]|<\s*/?\s*script", re.IGNORECASE)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_FORMULA = re.compile(r"\s*(?:=|@|[+-](?=\S))")
_NUMBER = re.compile(r"\s*[+-]?(?:\d[\d_,]*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*%?\s*")


def inspect_cell(cell: Cell, *, line: int, column: str, findings: Findings) -> None:
    """Adds what there is to say about one cell, and about all texts inside a nested one."""
    if cell is None or isinstance(cell, (bool, int)):
        return
    if isinstance(cell, float):
        if math.isinf(cell):
            findings.problem(
                "Infinity is not a value that can be kept: leave the cell empty.",
                line=line,
                column=column,
            )
        return
    texts = [cell] if isinstance(cell, str) else list(_texts(cell))
    _check_size(texts, line=line, column=column, findings=findings)
    for text in texts:
        _inspect_text(text, line=line, column=column, findings=findings)


def _inspect_text(text: str, *, line: int, column: str, findings: Findings) -> None:
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        findings.note(NOTE_FORMULA, line=line, column=column)
    if not _ODD.search(text):
        return
    if "\x00" in text:
        findings.problem(
            "The cell holds a NUL byte, which no text has: remove it, or leave the column out.",
            line=line,
            column=column,
        )
    if _SURROGATE.search(text):
        findings.problem(
            "The cell holds half a character (a lone surrogate such as \\ud800): write the file "
            "again with whole characters.",
            line=line,
            column=column,
        )
    if _CONTROL.search(text):
        findings.note(NOTE_CONTROL, line=line, column=column)
    if "script" in text.lower() and "<" in text:
        findings.note(NOTE_SCRIPT, line=line, column=column)


def _check_size(texts: list[str], *, line: int, column: str, findings: Findings) -> None:
    # A character is 1 to 4 bytes: most cells are decided without encoding them.
    characters = sum(len(text) for text in texts)
    if characters * 4 <= MAX_CELL_BYTES:
        return
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    if size > MAX_CELL_BYTES:
        findings.problem(
            f"The cell holds {size / 1e6:.1f} MB and begins with {shown(texts[0][:20])}; the limit "
            f"is {MAX_CELL_BYTES / 1e6:.0f} MB. Shorten it, or leave the column out.",
            line=line,
            column=column,
        )


def _texts(cell: Cell) -> Iterator[str]:
    """All texts in a nested cell; no recursion, since the depth is the file's choice."""
    waiting = [cell]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            yield from part.keys()
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
