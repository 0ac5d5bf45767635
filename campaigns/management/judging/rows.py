"""Rows of a file as cases for the judges: what is read, what is left out and said, what is refused."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from annotations.tables import Cell, Row, Table
from annotations.tables.problems import failed, shown
from annotations.tables.table import text_of
from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools
from campaigns.search.novelty import fold_near_duplicates

COLUMNS = ("context", "prompt", "response", "deployment", "asker")  # the fields of `TextColumns`
NO_LABEL = frozenset({"", "nan", "na", "n/a", "null", "none", "?"})
MOST_LINES = 5  # of rows that are left out; the others are counted
MOST_LABELS = 10  # values that are named in a message
LIKE = 0.8  # of character shingles that two texts of one family share
MOST_OF_ONE_REQUEST = 0.2  # above it the request is a setting that all cases share, not a seed


@dataclass(frozen=True)
class TextColumns:
    """Where the texts stand; all but the response may be missing."""

    response: str
    context: str | None = None
    prompt: str | None = None
    deployment: str | None = None
    asker: str | None = None

    def names(self) -> list[str]:
        """All columns that are read."""
        return [name for name in (getattr(self, field) for field in COLUMNS) if name]


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Cases with labels (N,), the value that is called when a case is not positive, and notes."""

    examples: list[Example]
    y: Bools
    other: str
    notes: list[str]


def read_examples(table: Table, columns: TextColumns) -> list[Example]:
    """A case for each row, in order; its key is the hash of its texts, its family is its own."""
    table.check_columns(columns.names())
    return [_example(row, columns) for row in table.rows]


def read_labelled(
    table: Table, columns: TextColumns, *, label: str, positive: str, family: str | None
) -> LabelledRows:
    """The rows with an answer and a label; raises `TableError` with lines."""
    table.check_columns([*columns.names(), label, *([family] if family else [])])
    examples = read_examples(table, columns)
    labels = [_label(row[label]) for row in table.rows]
    _check_positive(labels, positive, label)
    lines = [row.line for row in table.rows]
    blank = [i for i, one in enumerate(examples) if not one.has_text]
    unlabelled = [i for i in range(len(labels)) if labels[i] is None and examples[i].has_text]
    left_out = set(blank) | set(unlabelled)
    kept = [i for i in range(len(examples)) if i not in left_out]
    notes = [str(one) for one in table.notes]
    notes += _left_out([lines[i] for i in blank], "no answer to judge")
    notes += _left_out([lines[i] for i in unlabelled], "no label")
    others = sorted({str(labels[i]) for i in kept} - {positive})
    if len(others) > 1:
        named = ", ".join(map(shown, others[:MOST_LABELS]))
        notes.append(f"Several labels count as not {shown(positive)}: {named}.")
    chosen = [examples[i] for i in kept]
    if family:
        chosen = [
            _in_family(one, table.rows[i][family]) for one, i in zip(chosen, kept, strict=True)
        ]
        notes += _without_family(chosen)
    else:
        chosen = with_families(chosen)
        notes.append(
            "No family column: rows with the same or nearly the same text were taken as one family "
            f"({len({one.family for one in chosen}):,} families). Where your rows are variants of "
            "seeds, name the seed with --family, or the figures will be too good."
        )
    y = np.array([labels[i] == positive for i in kept], dtype=bool)
    other = others[0] if len(others) == 1 else f"not {positive}"
    return LabelledRows(chosen, y, other, notes)


def with_families(examples: Sequence[Example]) -> list[Example]:
    """Families by near-duplicates: of the request where it tells cases apart, and of the whole."""
    whole = [f"{one.setting}\n{one.question}\n{one.answer}" for one in examples]
    leader = list(range(len(examples)))
    _join(leader, fold_near_duplicates(whole, threshold=LIKE))
    requests = [f"{one.setting}\n{one.question}".strip() for one in examples]
    there = [i for i, text in enumerate(requests) if text]
    folded = fold_near_duplicates([requests[i] for i in there], threshold=LIKE)
    heads = [i if into is None else there[into] for i, into in zip(there, folded, strict=True)]
    largest = max(Counter(heads).values(), default=0)
    if largest <= max(2, MOST_OF_ONE_REQUEST * len(examples)):
        for i, head in zip(there, heads, strict=True):
            leader[_head(leader, i)] = _head(leader, head)
    return [replace(one, family=f"family {_head(leader, i) + 1}") for i, one in enumerate(examples)]


def _example(row: Row, columns: TextColumns) -> Example:
    context, prompt, response, deployment, asker = (
        _text(row[name]) if name else "" for name in (getattr(columns, field) for field in COLUMNS)
    )
    key = content_key(context, prompt, response, deployment, asker)
    return Example(key, key, context, (), prompt, response, deployment=deployment, asker=asker)


def content_key(
    context: str, prompt: str, response: str, deployment: str = "", asker: str = ""
) -> str:
    """sha256 of what is judged, by which a case is known again in any file."""
    about = [deployment, asker] if deployment or asker else []
    text = json.dumps([context, prompt, response, *about])
    return hashlib.sha256(text.encode()).hexdigest()


def _text(cell: Cell) -> str:
    """A cell as it stands; a list of turns, as JSON files may hold, as JSON text."""
    if cell is None:
        return ""
    if isinstance(cell, (list, dict)):
        return json.dumps(cell, ensure_ascii=False)
    return str(cell)


def _label(cell: Cell) -> str | None:
    text = text_of(cell)
    return None if text is None or text.lower() in NO_LABEL else text


def _check_positive(labels: Sequence[str | None], positive: str, column: str) -> None:
    found = Counter(one for one in labels if one is not None)
    if not found:
        raise failed("No row has a label: is this the right column?", column=column)
    if positive not in found:
        values = ", ".join(shown(one) for one, _ in found.most_common(MOST_LABELS))
        raise failed(
            f"No row has the positive value {shown(positive)}. The column holds: {values}.",
            column=column,
        )


def _left_out(lines: Sequence[int], why: str) -> list[str]:
    if not lines:
        return []
    named = ", ".join(f"{line:,}" for line in lines[:MOST_LINES])
    more = f" and {len(lines) - MOST_LINES:,} more" if len(lines) > MOST_LINES else ""
    what = "1 row is" if len(lines) == 1 else f"{len(lines):,} rows are"
    return [f"{what} left out, with {why}: line {named}{more}."]


def _in_family(example: Example, cell: Cell) -> Example:
    name = text_of(cell)
    return replace(example, family=f"named {name}" if name else example.key)


def _without_family(examples: Sequence[Example]) -> list[str]:
    alone = sum(one.family == one.key for one in examples)
    return [f"{alone:,} rows name no family: each is a family of its own."] if alone else []


def _join(leader: list[int], folded: Sequence[int | None]) -> None:
    for at, into in enumerate(folded):
        if into is not None:
            leader[_head(leader, at)] = _head(leader, into)


def _head(leader: list[int], at: int) -> int:
    while leader[at] != at:
        leader[at] = leader[leader[at]]
        at = leader[at]
    return at
