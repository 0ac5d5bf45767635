"""Parquet: rows as Python values; a line is the number of the record."""

import io
import math
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow
import pyarrow.parquet

from annotations.tables.cells import inspect_cell
from annotations.tables.columns import clean_columns
from annotations.tables.problems import Findings, failed
from annotations.tables.table import Cell, Row

MAGIC = b"PAR1"
# A few kilobytes of Parquet can name billions of rows.
MAX_ROWS = 2_000_000
# Rows decoded at a time, fewer where cells may be large: see `_batch_size`.
MAX_BATCH = 1_024


def read_parquet(
    data: bytes, *, max_bytes: int, findings: Findings
) -> tuple[tuple[str, ...], list[Row]]:
    """Columns and rows; `max_bytes` limits the text that the file unpacks to."""
    if not data.endswith(MAGIC) or len(data) < 12:
        raise failed("The Parquet file has no end mark: it is cut off. Copy or export it again.")
    try:
        file = pyarrow.parquet.ParquetFile(io.BytesIO(data))
        _check_rows(file.metadata.num_rows)
        columns = clean_columns(list(file.schema_arrow.names), findings=findings)
        rows = list(_rows(file, columns, max_bytes, findings))
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise failed("The Parquet file is damaged: copy or export it again.") from error
    return columns, rows


def _rows(
    file: "pyarrow.parquet.ParquetFile",
    columns: tuple[str, ...],
    max_bytes: int,
    findings: Findings,
) -> Iterator[Row]:
    line, size = 0, 0
    for batch in file.iter_batches(batch_size=_batch_size(file, max_bytes), use_threads=False):
        size += batch.nbytes
        if size > max_bytes:
            raise failed(f"The file unpacks to more than {max_bytes / 1e6:,.0f} MB: split it.")
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            line += 1
            cells = {name: _cell(value) for name, value in zip(columns, values, strict=True)}
            for name, cell in cells.items():
                inspect_cell(cell, line=line, column=name, findings=findings)
            yield Row(line, cells)


def _batch_size(file: "pyarrow.parquet.ParquetFile", max_bytes: int) -> int:
    """No cell is larger than its row group, but a dictionary may repeat one in every row."""
    groups = (file.metadata.row_group(i) for i in range(file.metadata.num_row_groups))
    largest = max((group.total_byte_size for group in groups), default=1)
    return min(MAX_BATCH, max(1, max_bytes // max(largest, 1)))


def _cell(value: Any) -> Cell:
    if isinstance(value, float):
        return None if math.isnan(value) else value
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (Decimal, timedelta)):
        return str(value)
    if isinstance(value, dict):
        return {str(name): _cell(part) for name, part in value.items()}
    return _list(value)


def _list(value: Any) -> Cell:
    # Maps come as pairs, lists as lists; anything else that Arrow may hold is shown as text.
    return [_cell(part) for part in value] if isinstance(value, (list, tuple)) else str(value)


def _check_rows(rows: int) -> None:
    if rows > MAX_ROWS:
        raise failed(f"The file has {rows:,} rows; the limit is {MAX_ROWS:,}: split it.")
