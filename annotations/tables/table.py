"""A table as read: rows that know their line, cells as they stood in the file."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from annotations.tables.problems import Problem, TableError, shown

# None is a missing cell (empty in CSV, null or absent elsewhere); zero and False are not missing.
Cell: TypeAlias = "str | int | float | bool | list[Cell] | dict[str, Cell] | None"


@dataclass(frozen=True, slots=True)
class Row:
    """One record; `line` is the physical line where it begins (Parquet: its number)."""

    line: int
    cells: Mapping[str, Cell]

    def __getitem__(self, column: str) -> Cell:
        return self.cells[column]


@dataclass(frozen=True)
class Table:
    """All rows of one file; notes tell what a reader should know. No cell was changed."""

    name: str
    format: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[Problem, ...]

    def check_columns(self, wanted: Iterable[str]) -> None:
        """Raises if the file lacks one of these columns; the message says which it has."""
        known = ", ".join(shown(column) for column in self.columns)
        missing = [column for column in dict.fromkeys(wanted) if column not in self.columns]
        if missing:
            message = f"The file has no such column. Its columns are: {known}."
            raise TableError([Problem(None, column, message) for column in missing])


def text_of(cell: Cell) -> str | None:
    """A cell as labels and keys are compared: trimmed text, 1.0 as 1, or None."""
    if cell is None or isinstance(cell, (list, dict)):
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip() or None
