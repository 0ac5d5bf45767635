"""CSV and TSV: a line number for each record, also where cells hold line breaks."""

import csv
import io
from collections.abc import Iterator

from annotations.tables.cells import inspect_cell
from annotations.tables.columns import clean_columns
from annotations.tables.problems import Findings, failed
from annotations.tables.table import Row

# Python's csv module stops at 131,072 characters without saying which column. Our limit of a cell
# says line and column, so the module's own (one for the whole process) is lifted once.
csv.field_size_limit(2**31 - 1)

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


def read_delimited(
    text: str, *, separator: str, findings: Findings
) -> tuple[tuple[str, ...], list[Row]]:
    """Columns and rows; an empty cell is None."""
    found = _separator_of(text, separator, findings)
    records = _records(text, found)
    _, header = next(records, (1, []))
    columns = clean_columns(header, findings=findings)
    rows = []
    for line, fields in records:
        if len(fields) != len(columns):
            findings.problem(_wrong_count(len(fields), len(columns), found), line=line)
            continue
        cells = {name: field or None for name, field in zip(columns, fields, strict=True)}
        for name, cell in cells.items():
            inspect_cell(cell, line=line, column=name, findings=findings)
        rows.append(Row(line, cells))
    return columns, rows


def _records(text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise failed(_csv_mistake(error, reader.line_num), line=line) from error
        if fields:
            yield line, fields


def _separator_of(text: str, usual: str, findings: Findings) -> str:
    """The usual separator, or another one where the header has none of the usual."""
    header = text.lstrip("\r\n").split("\n", 1)[0]
    outside = "".join(header.split('"')[::2])
    if usual in outside:
        return usual
    counts = {separator: outside.count(separator) for separator in SEPARATORS}
    best = max(counts, key=lambda separator: counts[separator])
    if not counts[best]:
        return usual
    findings.note(f"The columns are read as separated by a {SEPARATORS[best]}.", line=1)
    return best


def _wrong_count(found: int, expected: int, separator: str) -> str:
    name = SEPARATORS[separator]
    if found < expected:
        why = "a separator is missing, or the file is cut off here"
    else:
        why = f'put a text that holds a {name} into double quotes ("...")'
    return f"The row has {found:,} fields where the header has {expected:,}: {why}."


def _csv_mistake(error: csv.Error, last_line: int) -> str:
    if "unexpected end of data" in str(error):
        return (
            "A double quote opens in this record and never closes: the file is cut off, or a quote "
            "is missing."
        )
    return (
        f"A double quote inside a quoted cell is not doubled (seen at line {last_line:,}): "
        'write "" for each double quote inside a quoted cell.'
    )
