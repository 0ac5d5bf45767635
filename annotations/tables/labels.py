"""Labels out of a table: who said what of which item, on which line; for measuring and importing.

Two shapes: one column a rater (wide), or one row a label (long). Missing is None, never zero.
"""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from annotations.tables.problems import Findings, failed, shown
from annotations.tables.table import Row, Table, text_of

NO_STRATUM = "(missing)"

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One rater's label of one item, with the line that says so."""

    line: int
    stratum: str
    item: tuple[str, ...]
    rater: str
    label: str | int | float | None


@dataclass(frozen=True)
class LabelColumns:
    """Where the labels stand: either `rater_columns`, or `rater` and `label`."""

    item: Sequence[str]
    rater_columns: Sequence[str] = ()
    rater: str | None = None
    label: str | None = None
    by: str | None = None

    def names(self) -> list[str]:
        """All columns that are read."""
        single = [name for name in (self.rater, self.label, self.by) if name is not None]
        return [*self.item, *self.rater_columns, *single]


def read_labels(
    table: Table,
    columns: LabelColumns,
    *,
    missing: Collection[str] = (),
    repeats: bool = False,
) -> list[LabelRow]:
    """Every label of the table; the words in `missing` mean no label, like an empty cell.

    A second label of a rater for an item is a problem, unless `repeats` lets it through.
    """
    check_columns(table, columns)
    findings = Findings()
    labels = []
    for row in table.rows:
        item = _item_of(row, columns.item, findings)
        stratum = (text_of(row[columns.by]) if columns.by else None) or NO_STRATUM
        for rater, label in _given(row, columns, findings):
            label = None if label in missing else label
            labels.append(LabelRow(row.line, stratum, item, rater, label))
    if not repeats:
        _find_repeats(labels, findings)
    findings.check()
    return labels


def is_number(label: str | int | float) -> bool:
    """Whether a label can be read as a finite number."""
    return bool(_NUMBER.fullmatch(str(label))) and math.isfinite(float(label))


def as_number(label: str | int | float) -> int | float:
    """A label that `is_number`, as a whole number where it is one."""
    value = float(label)
    return int(value) if value.is_integer() else value


def check_columns(table: Table, columns: LabelColumns) -> None:
    """Raises where the file lacks a column, or the columns do not say where the labels are."""
    table.check_columns(columns.names())
    for kind, names in (("rater", columns.rater_columns), ("item", columns.item)):
        twice = [name for name in dict.fromkeys(names) if list(names).count(name) > 1]
        if twice:
            raise failed(f"The {kind} column {shown(twice[0])} is named twice: name it once.")
    if not columns.item:
        raise failed("Say which column, or columns, tell one item from another.")
    if bool(columns.rater_columns) == bool(columns.rater and columns.label):
        raise failed(
            "Say where the labels are: either the columns of the raters, or one column with the "
            "rater and one with the label."
        )


def _item_of(row: Row, names: Sequence[str], findings: Findings) -> tuple[str, ...]:
    parts = []
    for name in names:
        part = text_of(row[name])
        if part is None:
            findings.problem(
                "The cell that names the item is empty: fill it in.", line=row.line, column=name
            )
        parts.append(part or "")
    return tuple(parts)


def _given(row: Row, columns: LabelColumns, findings: Findings) -> list[tuple[str, str | None]]:
    if columns.rater is None or columns.label is None:
        return [(name, text_of(row[name])) for name in columns.rater_columns]
    rater = text_of(row[columns.rater])
    if rater is None:
        findings.problem(
            "The cell that names the rater is empty: fill it in.",
            line=row.line,
            column=columns.rater,
        )
    return [(rater or "", text_of(row[columns.label]))]


def _find_repeats(labels: Sequence[LabelRow], findings: Findings) -> None:
    first: dict[tuple[tuple[str, ...], str], int] = {}
    for row in labels:
        if row.label is None:
            continue
        key = (row.item, row.rater)
        if key in first:
            item = " / ".join(shown(part) for part in row.item)
            findings.problem(
                f"Rater {shown(row.rater)} has a second label for item {item}; the first is in "
                f"line {first[key]:,}. Keep one, or name more columns that tell the items apart.",
                line=row.line,
            )
        first.setdefault(key, row.line)
