"""JSON: one object a line (JSONL), or one array of objects; cells keep their types and nesting."""

import json
from collections.abc import Iterator
from typing import Any

from annotations.tables.cells import inspect_cell
from annotations.tables.columns import clean_columns
from annotations.tables.problems import Findings, failed, shown
from annotations.tables.table import Cell, Row

_SPACE = " \t\r\n"


def read_json_lines(text: str, *, findings: Findings) -> tuple[tuple[str, ...], list[Row]]:
    """Columns and rows of JSONL; blank lines are skipped."""
    # Only a line feed ends a record: U+2028 and its like may stand inside a text.
    lines = text.split("\n")
    last = max((n for n, line in enumerate(lines, start=1) if line.strip()), default=0)
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = _DECODER.decode(line)
        except (ValueError, RecursionError) as error:
            cut = number == last and _is_cut_off(error, line)
            findings.problem(_mistake(error, cut_off=cut), line=number)
            continue
        records.append((number, value))
    return _table(records, findings)


def read_json_array(text: str, *, findings: Findings) -> tuple[tuple[str, ...], list[Row]]:
    """Columns and rows of an array of objects, each with the line where it begins."""
    return _table(list(_elements(text)), findings)


def _elements(text: str) -> Iterator[tuple[int, Any]]:
    position, line = _after_space(text, text.index("[") + 1), 1
    counted = 0
    while position < len(text) and text[position] != "]":
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            cut = _is_cut_off(error, text)
            raise failed(_mistake(error, cut_off=cut), line=line) from error
        yield line, value
        position = _after_comma(text, end, line)
    if position >= len(text):
        raise failed(
            "The array never ends with ]: the file is cut off. Copy or export it again.", line=line
        )
    if text[position + 1 :].strip():
        raise failed("There is more after the end of the array: keep one array of objects.")


def _after_comma(text: str, end: int, line: int) -> int:
    position = _after_space(text, end)
    if position < len(text) and text[position] == ",":
        return _after_space(text, position + 1)
    if position < len(text) and text[position] != "]":
        raise failed("After this object a comma or the closing ] is missing.", line=line)
    return position


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACE:
        position += 1
    return position


def _table(records: list[tuple[int, Any]], findings: Findings) -> tuple[tuple[str, ...], list[Row]]:
    objects = []
    for line, value in records:
        if isinstance(value, dict):
            objects.append((line, value))
        else:
            kind = type(value).__name__
            findings.problem(
                f'The record is a {kind}, not an object: write {{"column": value, ...}}.', line=line
            )
    names = tuple(dict.fromkeys(name for _, value in objects for name in value))
    columns = clean_columns(names, findings=findings)
    rows = []
    for line, value in objects:
        cells: dict[str, Cell] = {
            column: value.get(name) for name, column in zip(names, columns, strict=True)
        }
        for name, cell in cells.items():
            inspect_cell(cell, line=line, column=name, findings=findings)
        rows.append(Row(line, cells))
    return columns, rows


def _is_cut_off(error: Exception, text: str) -> bool:
    if not isinstance(error, json.JSONDecodeError):
        return False
    rest = text[error.pos :].strip()
    begun = any(word.startswith(rest) for word in ("true", "false", "null", "-"))
    return error.msg.startswith("Unterminated string") or begun


def _mistake(error: Exception, *, cut_off: bool) -> str:
    if cut_off:
        return "The record is incomplete: the file is cut off. Copy or export it again."
    if isinstance(error, RecursionError):
        return "The record is nested too deeply to be data: flatten it."
    if isinstance(error, json.JSONDecodeError):
        return f"This is not valid JSON ({error.msg}, character {error.colno:,}): mend the record."
    if isinstance(error, _UnkeepableError):
        return str(error)
    return "A number in the record has too many digits: write it as a text in quotes."


class _UnkeepableError(ValueError):
    """JSON that can be parsed but not kept; the text says what to do."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _UnkeepableError(
            f"The name {shown(twice)} stands twice in one object: keep one of them."
        )
    return found


def _constant(word: str) -> None:
    if word != "NaN":
        raise _UnkeepableError(f"{word} is not a JSON number: write null, or leave the name out.")


# NaN, which some exporters write, is a missing value; control characters inside texts are data.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, strict=False)
