"""CSV for spreadsheets: a row a record, formulas made harmless, conversations as JSON text.

A cell that a spreadsheet would compute gets a leading apostrophe, as OWASP's "CSV Injection" page
advises, also where blanks, invisible or full-width characters hide the sign. Everything else stays
as it was given.
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from annotations.exports.formats import NUL, NUL_WRITTEN, ExportFormat, Record

COLUMNS = (
    "case", "family", "criterion", "answer", "status", "positive", "provenance", "cause",
    "n_raters", "dissent", "simulated_raters", "simulated_response", "rubric_version", "context",
    "conversation", "response", "strata", "content_hash",
)  # fmt: skip
BOM = "\ufeff".encode()
# NFKC makes the full-width and small forms of these signs the signs themselves.
SIGNS = frozenset("=+-@")
STARTERS = frozenset("\t\r\n")
ROWS_A_CHUNK = 200


def write(records: Iterable[Record]) -> Iterator[bytes]:
    """A header, then a row a record, in chunks of some rows."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for number, record in enumerate(records, start=1):
        writer.writerow([cell(record.get(name)) for name in COLUMNS])
        if number % ROWS_A_CHUNK == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def write_with_bom(records: Iterable[Record]) -> Iterator[bytes]:
    """The same after a byte order mark, by which Excel knows that it is UTF-8."""
    yield BOM
    yield from write(records)


def cell(value: Any) -> str:
    """One value as the text of a cell: nothing for None, JSON for what is nested."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if not isinstance(value, str):
        value = orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    return harmless(value.replace(NUL, NUL_WRITTEN))


def harmless(text: str) -> str:
    """The text, after an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if is_formula(text) else text


def is_formula(text: str) -> bool:
    """Whether the first character, or the first that is seen, starts a formula."""
    if not text:
        return False
    if text[0] in STARTERS:
        return True
    seen = next((c for c in text if not _is_unseen(c)), "")
    return bool(seen) and unicodedata.normalize("NFKC", seen)[0] in SIGNS


def _is_unseen(character: str) -> bool:
    """Blanks, controls, and characters of no width (Cc, Cf)."""
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "backslashreplace")


CSV = ExportFormat(
    name="csv", title="CSV", content_type="text/csv; charset=utf-8", suffix="csv", write=write
)
CSV_BOM = ExportFormat(
    name="csv-bom",
    title="CSV for Excel",
    content_type="text/csv; charset=utf-8",
    suffix="csv",
    write=write_with_bom,
)
