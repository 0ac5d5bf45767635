"""The one door for files of rows: unpacks, finds the format, reads, or says what is wrong."""

import gzip
import io
import zlib
from os import PathLike, fspath
from pathlib import Path, PurePath
from typing import BinaryIO

from annotations.tables.delimited import read_delimited
from annotations.tables.json_records import read_json_array, read_json_lines
from annotations.tables.parquet import MAGIC as PARQUET_MAGIC
from annotations.tables.parquet import read_parquet
from annotations.tables.problems import Findings, failed, shown
from annotations.tables.table import Row, Table
from annotations.tables.text_encoding import decode

GZIP_MAGIC = b"\x1f\x8b"
# What a file may unpack to; a gzip of zeros grows a thousandfold.
MAX_BYTES = 512_000_000

FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or a ZIP: save the sheet as “CSV UTF-8”, or unpack it",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as “CSV UTF-8”",
    b"%PDF": "a PDF: export the data as CSV, JSONL or Parquet",
    b"SQLite format 3": "a SQLite database: export the table as CSV, JSONL or Parquet",
    b"\x28\xb5\x2f\xfd": "packed with Zstandard: unpack it, or pack it with gzip",
    b"BZh": "packed with bzip2: unpack it, or pack it with gzip",
    b"\xfd7zXZ": "packed with xz: unpack it, or pack it with gzip",
    b"ARROW1": "an Arrow file: save it as Parquet",
}
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def read_table(
    source: str | PathLike[str] | bytes | BinaryIO,
    name: str | None = None,
    *,
    max_bytes: int = MAX_BYTES,
) -> Table:
    """The table in a file (a path, its bytes, or an open binary file), or a TableError.

    `name` is the file's name where `source` is no path: its ending is a hint, the content decides.
    """
    findings = Findings()
    data = _bytes_of(source, max_bytes)
    file_name = name or (fspath(source) if isinstance(source, (str, PathLike)) else "")
    suffixes = [suffix.lower() for suffix in PurePath(file_name).suffixes]
    data = _unpacked(data, suffixes, max_bytes, findings)
    suffix = next((SUFFIXES[s] for s in reversed(suffixes) if s in SUFFIXES), "")
    kind, columns, rows = _read(data, suffix, max_bytes, findings)
    findings.check()
    if not rows:
        raise failed("The file has no rows: was it cut off, or filtered to nothing?")
    if not columns:
        raise failed("The records of the file name no columns: export it again, with its fields.")
    shown_name = PurePath(file_name).name
    return Table(shown_name, kind, columns, tuple(rows), tuple(findings.all_notes()))


def _read(
    data: bytes, suffix: str, max_bytes: int, findings: Findings
) -> tuple[str, tuple[str, ...], list[Row]]:
    _check_foreign(data)
    if data.startswith(PARQUET_MAGIC):
        return ("parquet", *read_parquet(data, max_bytes=max_bytes, findings=findings))
    if suffix == "parquet":
        raise failed("The file is named Parquet but is none: its first four bytes are not PAR1.")
    text = decode(data)
    kind = _kind_of(text, suffix)
    if kind == "json":
        return (kind, *read_json_array(text, findings=findings))
    if kind == "jsonl":
        return (kind, *read_json_lines(text, findings=findings))
    separator = "\t" if kind == "tsv" else ","
    return (kind, *read_delimited(text, separator=separator, findings=findings))


def _kind_of(text: str, suffix: str) -> str:
    if suffix in ("csv", "tsv"):
        return suffix
    start = text.lstrip()[:1]
    if start == "[":
        return "json"
    if start == "{" or suffix in ("json", "jsonl"):
        return "jsonl"
    header = text.lstrip().split("\n", 1)[0]
    return "tsv" if "\t" in header and "," not in header else "csv"


def _bytes_of(source: str | PathLike[str] | bytes | BinaryIO, max_bytes: int) -> bytes:
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, (str, PathLike)):
        data = _bytes_at(Path(source), max_bytes)
    else:
        data = source.read(max_bytes + 1)
    _check_size(len(data), max_bytes)
    if not data:
        raise failed("The file is empty: choose one with a header line and rows.")
    return data


def _bytes_at(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(max_bytes + 1)
    except OSError as error:
        raise failed(f"{shown(str(path))} cannot be read: {error.strerror}.") from error


def _unpacked(data: bytes, suffixes: list[str], max_bytes: int, findings: Findings) -> bytes:
    if not data.startswith(GZIP_MAGIC):
        if suffixes[-1:] == [".gz"]:
            findings.note("The file is named .gz but is not packed; it is read as it is.")
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            unpacked = file.read(max_bytes + 1)
    except EOFError as error:
        raise failed("The gzip file is cut off: copy or download it again.") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise failed("The gzip file is damaged: copy or download it again.") from error
    _check_size(len(unpacked), max_bytes)
    if not unpacked:
        raise failed("The gzip file holds an empty file: choose one with a header line and rows.")
    return unpacked


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise failed(f"The file holds more than {max_bytes / 1e6:,.0f} MB: split it.")


def _check_foreign(data: bytes) -> None:
    for magic, what in FOREIGN.items():
        if data.startswith(magic):
            raise failed(f"The file is {what}.")
    if data.startswith(GZIP_MAGIC):
        raise failed("The file is packed with gzip twice: unpack it once.")
