"""Labels as numbers: who said what of which item as arrays, so that ten million of them fit.

Small files come through `labels.py`, which knows the line of each mistake. Large CSV, TSV and Parquet
files are read here, a batch at a time, by their needed columns only. Their lines are counted by
records: after a cell that holds a line break they are behind.
Symbols: L labels; item, rater, label, stratum (L,): the number of each name; line (L,).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from annotations.tables.delimited import SEPARATORS
from annotations.tables.labels import (
    NO_STRATUM,
    LabelColumns,
    LabelRow,
    as_number,
    check_columns,
    is_number,
)
from annotations.tables.problems import Findings, failed, shown
from annotations.tables.table import Row, Table, text_of

Numbers = NDArray[np.int64]
# Files of more bytes than this are read in batches (packed ones of a quarter).
LARGE = 16_000_000
# Labels that fit a machine of 8 GB: 40 bytes each, and the names of their items.
MAX_LABELS = 50_000_000
BATCH_BYTES = 8_000_000
NO_NUMBER = (
    "{} is not a number, which this level of measurement needs: mend it, or measure on the nominal "
    "or ordinal level."
)
DUPLICATES = ("refuse", "first", "latest")


@dataclass(frozen=True, eq=False)
class NumberedLabels:
    """Labels (L,) by number, in the order of the file."""

    items: Sequence[str]
    raters: Sequence[str]
    labels: Sequence[str]
    strata: Sequence[str]
    item: Numbers
    rater: Numbers
    label: Numbers
    stratum: Numbers
    line: Numbers

    def kept(self, which: NDArray[np.bool_]) -> "NumberedLabels":
        """Some of the labels, with all names."""
        return replace(
            self, item=self.item[which], rater=self.rater[which], label=self.label[which],
            stratum=self.stratum[which], line=self.line[which],
        )  # fmt: skip


def is_large(path: str | PathLike[str]) -> bool:
    """Whether a file is read in batches: CSV, TSV and Parquet of many megabytes."""
    suffixes = [suffix.lower() for suffix in PurePath(path).suffixes]
    packed = suffixes[-1:] == [".gz"]
    kinds = {".csv", ".tsv", ".tab", ".parquet", ".pq"}
    try:
        size = Path(path).stat().st_size
    except OSError:
        return False
    return bool(kinds.intersection(suffixes)) and size > (LARGE // 4 if packed else LARGE)


def number_labels(rows: Sequence[LabelRow]) -> NumberedLabels:
    """The labels of a small file; those that are missing are left out."""
    numbering = _Numbering()
    for row in rows:
        if row.label is not None:
            numbering.add(
                item=" / ".join(row.item), rater=row.rater, label=str(row.label),
                stratum=row.stratum, line=row.line, key=row.item,
            )  # fmt: skip
    return numbering.done()


def read_numbered(
    path: str | PathLike[str], columns: LabelColumns, *, missing: Collection[str] = ()
) -> NumberedLabels:
    """The labels of a large file, batch by batch."""
    findings, found = Findings(), _Batches(columns, set(missing))
    first = 1 if _is_parquet(Path(path)) else 2  # the header is line 1
    try:
        for batch in _batches(Path(path), columns):
            found.add(batch, first, findings)
            first += batch.num_rows
            if found.n_labels > MAX_LABELS:
                raise failed(f"The file holds more than {MAX_LABELS:,} labels: split it.")
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        words = str(error).splitlines()[0] if str(error) else "it is damaged"
        raise failed(
            f"After line {first - 1:,} the file cannot be read: {shown(words)}."
        ) from error
    findings.check()
    return found.done()


def one_label_each(labels: NumberedLabels, keep: str) -> NumberedLabels:
    """Each rater's one label of an item: the first or the latest, or a refusal that names them."""
    key = labels.item * max(len(labels.raters), 1) + labels.rater
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(key[order][1:] == key[order][:-1]) + 1
    if not len(again):
        return labels
    if keep == "refuse":
        _refuse_again(labels, order, again)
    dropped = order[again if keep == "first" else again - 1]
    which = np.ones(len(key), dtype=np.bool_)
    which[dropped] = False
    return labels.kept(which)


def on_scale(
    labels: NumberedLabels, scale: Sequence[str] | None, *, numbers: bool
) -> tuple[Numbers, tuple[str | int | float, ...], bool]:
    """The place of each label on its scale (L,), the scale, and whether that has an order.

    Labels are numbers if all are (so that 1 and 1.0 agree), else words. With `numbers` words are
    refused, and so are labels that are not on the scale, each with its line.
    """
    names = [*labels.labels, *(scale or ())]
    numeric = all(is_number(name) for name in names)
    if numbers and not numeric:
        _refuse(labels, scale, [not is_number(name) for name in labels.labels], NO_NUMBER)
    read = [as_number(name) if numeric else name for name in names]
    said = read[: len(labels.labels)]
    values = read[len(said) :] if scale else sorted(set(said), key=float if numeric else str)
    place = {value: v for v, value in enumerate(values)}
    if len(place) < len(values):
        raise failed("A value stands twice in the scale: name each value once.")
    if any(value not in place for value in said):
        known = ", ".join(shown(str(value)) for value in values)
        off = [value not in place for value in said]
        _refuse(labels, (), off, f"{{}} is not on the scale {known}: mend it, or add it there.")
    of_label = np.array([place[value] for value in said], dtype=np.int64)
    where = of_label[labels.label] if len(said) else labels.label
    return where, tuple(values), numeric or scale is not None


def _refuse(
    labels: NumberedLabels, scale: Sequence[str] | None, wrong: Sequence[bool], message: str
) -> None:
    findings = Findings()
    for value in scale or ():
        if not is_number(value):
            findings.problem(f"{shown(value)} on the scale is not a number.")
    for which in np.flatnonzero(np.array([*wrong, False])[labels.label]):
        name = shown(labels.labels[labels.label[which]])
        findings.problem(message.format(name), line=int(labels.line[which]))
    findings.check()


def _refuse_again(labels: NumberedLabels, order: Numbers, again: Numbers) -> None:
    findings = Findings()
    for position in sorted(again, key=lambda k: labels.line[order[k]]):
        this, before = order[position], order[position - 1]
        findings.problem(
            f"Rater {shown(labels.raters[labels.rater[this]])} has a second label for item "
            f"{shown(labels.items[labels.item[this]])}; another is in line "
            f"{labels.line[before]:,}. Keep one, or name more columns that tell the items apart.",
            line=int(labels.line[this]),
        )
    findings.check()


class _Numbering:
    """Numbers names as they come."""

    def __init__(self) -> None:
        self.items: dict[Any, int] = {}
        self.names: list[str] = []
        self.raters: dict[str, int] = {}
        self.labels: dict[str, int] = {}
        self.strata: dict[str, int] = {}
        self.rows: list[tuple[int, int, int, int, int]] = []

    def add(self, *, item: str, rater: str, label: str, stratum: str, line: int, key: Any) -> None:
        if key not in self.items:
            self.names.append(item)
        self.rows.append((
            self.items.setdefault(key, len(self.items)),
            self.raters.setdefault(rater, len(self.raters)),
            self.labels.setdefault(label, len(self.labels)),
            self.strata.setdefault(stratum, len(self.strata)),
            line,
        ))  # fmt: skip

    def done(self) -> NumberedLabels:
        columns = np.array(self.rows, dtype=np.int64).reshape(-1, 5).T
        return NumberedLabels(
            self.names, list(self.raters), list(self.labels), list(self.strata), *columns
        )


class _Names:
    """Texts of one column as numbers, through the few different ones of each batch."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, column: Any, instead: str | None = None) -> Numbers:
        """The numbers of a column's cells (rows,), -1 for a missing one."""
        encoded = column.dictionary_encode()
        cells = encoded.dictionary.to_pylist()
        empty = [None] if encoded.null_count else []
        places = [self._number(text_of(cell) or instead) for cell in [*cells, *empty]]
        indices = encoded.indices.fill_null(len(cells)).to_numpy(zero_copy_only=False)
        return np.asarray(np.array(places, dtype=np.int64)[indices])

    def _number(self, text: str | None) -> int:
        return -1 if text is None else self.numbers.setdefault(text, len(self.numbers))


class _Batches:
    """What the batches of a large file add up to."""

    def __init__(self, columns: LabelColumns, missing: set[str]) -> None:
        self.columns, self.missing, self.n_labels = columns, missing, 0
        self.items = [_Names() for _ in columns.item]
        self.raters, self.labels, self.strata = _Names(), _Names(), _Names()
        for name in columns.rater_columns:
            self.raters.numbers.setdefault(name, len(self.raters.numbers))
        self.parts: list[Numbers] = []

    def add(self, batch: Any, first: int, findings: Findings) -> None:
        columns, rows = self.columns, np.arange(first, first + batch.num_rows)
        item = [
            names.number(batch[name]) for names, name in zip(self.items, columns.item, strict=True)
        ]
        for name, numbers in zip(columns.item, item, strict=True):
            _tell_empty(numbers, rows, name, "item", findings)
        stratum = np.zeros(len(rows), dtype=np.int64)
        if columns.by:
            stratum = self.strata.number(batch[columns.by], instead=NO_STRATUM)
        for rater, labels in self._given(batch, rows, findings):
            here = labels >= 0
            part = np.stack([*item, rater, labels, stratum, rows])[:, here]
            self.parts.append(part)
            self.n_labels += int(here.sum())

    def done(self) -> NumberedLabels:
        width = len(self.items) + 4
        table = np.concatenate([np.zeros((width, 0), dtype=np.int64), *self.parts], axis=1)
        self.parts = []
        item, names = self._items(table[: len(self.items)])
        return NumberedLabels(
            names, list(self.raters.numbers), list(self.labels.numbers),
            list(self.strata.numbers) or [NO_STRATUM], item, *table[len(self.items) :],
        )  # fmt: skip

    def _items(self, parts: Numbers) -> tuple[Numbers, Sequence[str]]:
        texts = [list(names.numbers) for names in self.items]
        if len(parts) == 1:
            return parts[0], texts[0]
        item, different = parts[0], parts[:1]
        for part in parts[1:]:
            key = item * (int(part.max(initial=0)) + 1) + part
            _, first, item = np.unique(key, return_index=True, return_inverse=True)
            different = parts[:, first]
        names = [
            " / ".join(text[n] for text, n in zip(texts, one, strict=True)) for one in different.T
        ]
        return item.astype(np.int64), names

    def _given(
        self, batch: Any, rows: Numbers, findings: Findings
    ) -> Iterator[tuple[Numbers, Numbers]]:
        columns = self.columns
        if columns.rater is None or columns.label is None:
            for g, name in enumerate(columns.rater_columns):
                yield np.full(len(rows), g), self._labels(batch[name])
            return
        rater = self.raters.number(batch[columns.rater])
        _tell_empty(rater, rows, columns.rater, "rater", findings)
        yield rater, self._labels(batch[columns.label])

    def _labels(self, column: Any) -> Numbers:
        numbers = self.labels.number(column)
        none = [n for text, n in self.labels.numbers.items() if text in self.missing]
        return np.where(np.isin(numbers, none), -1, numbers) if none else numbers


def _tell_empty(
    numbers: Numbers, rows: Numbers, column: str, what: str, findings: Findings
) -> None:
    for row in rows[numbers < 0]:
        findings.problem(
            f"The cell that names the {what} is empty: fill it in.", line=int(row), column=column
        )


def _batches(path: Path, columns: LabelColumns) -> Iterator[Any]:
    """Record batches with the needed columns only."""
    if _is_parquet(path):
        file = pyarrow.parquet.ParquetFile(path)
        _check(file.schema_arrow.names, columns)
        yield from file.iter_batches(batch_size=200_000, columns=_needed(columns))
        return
    with pyarrow.input_stream(str(path), compression="detect") as start:
        header = start.read(65_536).split(b"\n", 1)[0].decode("utf-8-sig")
    separator = max(SEPARATORS, key=header.count)
    with pyarrow.input_stream(str(path), compression="detect") as file:
        names = [name.strip().strip('"') for name in header.rstrip("\r").split(separator)]
        _check(names, columns)
        yield from pyarrow.csv.open_csv(
            file,
            read_options=pyarrow.csv.ReadOptions(block_size=BATCH_BYTES),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=_needed(columns), strings_can_be_null=True, null_values=[""],
                column_types=dict.fromkeys(_needed(columns), pyarrow.string()),
            ),
        )  # fmt: skip


def _is_parquet(path: Path) -> bool:
    return path.suffix.lower() in (".parquet", ".pq")


def _needed(columns: LabelColumns) -> list[str]:
    return list(dict.fromkeys(columns.names()))


def _check(names: Sequence[str], columns: LabelColumns) -> None:
    check_columns(Table("", "", tuple(names), (Row(1, {}),), ()), columns)
