"""`judges combinations FILE`: what gets past every combination of the judges in a file."""

import csv
import json
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError

from annotations.exports.csv_file import harmless
from annotations.tables import Table, TableError, read_table
from annotations.tables.problems import printable, shown
from annotations.tables.table import text_of
from campaigns.judging.errors import BadScores
from campaigns.judging.evasion import MOST_JUDGES, RULES, Options, judge_table
from campaigns.judging.evasion.counting import OF_N, WEIGHTED, check_rules
from campaigns.judging.evasion.reading import (
    Column,
    Gold,
    Words,
    bare,
    majority,
    read_column,
    read_people,
)
from campaigns.judging.evasion.weighing import evidence_weights
from campaigns.management.judging.combination_report import (
    JudgedFile,
    as_json,
    as_text,
    csv_rows,
    make_report,
)

NAME = "combinations"
HELP = "evasion and over-blocking of every combination of judges, against people's majority"
EVERY = "every"  # all t-of-n
MOST_LINES = 5
DEFAULT_BOUND = 0.1


def add_arguments(parser: ArgumentParser) -> None:
    """The file, its columns, how cells are read, the rules, and what to write."""
    add = parser.add_argument
    add("file", help="the file, one row a case")
    add("--human", required=True, help="people's columns: gold is their majority: h0,h1,h2")
    add("--judge", required=True, help="the judges' columns: a,b,c")
    add("--positive", required=True, help="word(s) that mean a failure: 1 or unsafe,harmful")
    add("--negative", help="word(s) that mean none, where they are no usual pair: fine,ok")
    add(
        "--threshold",
        action="append",
        default=[],
        metavar="JUDGE=NUMBER",
        help="from which rating or score on a judge catches (10 of ratings, 0.5 of scores)",
    )
    add("--family", help="column of what cases are variants of: they are drawn together")
    add("--stratum", help="also each value of this column by itself")
    add(
        "--rule",
        action="append",
        default=[],
        help=f"{', '.join(RULES)}, {WEIGHTED}, 2{OF_N} and so on, or {EVERY}; again for more "
        f"({', '.join(RULES)})",
    )
    add(
        "--weight",
        action="append",
        default=[],
        metavar="JUDGE=NUMBER",
        help=f"whole weights for the rule {WEIGHTED}; else each judge's evidence, rounded",
    )
    add(
        "--cost",
        action="append",
        default=[],
        metavar="JUDGE=NUMBER",
        help="seconds or money a case; else each judge counts 1",
    )
    add(
        "--over-block",
        type=float,
        default=DEFAULT_BOUND,
        help="the most over-blocking that the best rule may have (0.1)",
    )
    add(
        "--best",
        type=int,
        help=f"of more judges, keep this many most accurate ones (at most {MOST_JUDGES})",
    )
    add("--level", type=float, default=0.95, help="confidence: .95")
    add("--seed", type=int, default=0)
    add("--json", action="store_true", help="one JSON object")
    add("--out", metavar="CSV", help="write every combination here")  # fmt: skip


def run(options: dict[str, Any]) -> str:
    """Reads and counts; a wrong file or question is told in plain sentences."""
    if not 0.5 <= options["level"] < 1:
        raise CommandError("--level is a confidence from .5 up to, but not, 1: .95")
    if options["seed"] < 0:
        raise CommandError("--seed is zero or a positive number.")
    try:
        file = _kept(_read(read_table(options["file"]), options), options["best"])
        report = make_report(file, _how(file, options), bound=options["over_block"])
    except TableError as error:
        raise CommandError(f"{printable(options['file'])} was not read.\n{error}") from error
    except BadScores as error:
        raise CommandError(printable(str(error))) from error
    if options["out"]:
        _write(csv_rows(report), options["out"])
    if options["json"]:
        return json.dumps(as_json(report), ensure_ascii=False, allow_nan=False)
    return as_text(report)


def _read(table: Table, options: dict[str, Any]) -> JudgedFile:
    people, judges = (_names(options[name], table.columns) for name in ("human", "judge"))
    single = [options[name] for name in ("family", "stratum") if options[name]]
    table.check_columns([*people, *judges, *single])
    _check_named(people, judges)
    words = _words(table, people, options)
    thresholds = _numbers(options["threshold"], judges, "--threshold")
    gold, told = _gold(table, people, words, open_ended=not options["negative"])
    columns = [read_column(name, cells(table, name), words, threshold=thresholds.get(name))
               for name in judges]  # fmt: skip
    told += [line for column in columns for line in _told(column, table)]
    if not options["family"]:
        told.append("Rows are taken as independent. Where they are variants of one another, name the "
                    "column of what they are variants of with --family: intervals get honest.")  # fmt: skip
    return JudgedFile(
        names=tuple(judges),
        verdicts=np.stack([column.verdicts for column in columns], axis=1),
        gold=gold,
        families=_words_of(table, options["family"], own=True),
        strata=_words_of(table, options["stratum"], own=False),
        lines=tuple(row.line for row in table.rows),
        warnings=tuple(told),
    )


def _check_named(people: Sequence[str], judges: Sequence[str]) -> None:
    if not people or not judges:
        raise BadScores("Name at least one column of people and one of a judge.")
    for names in (people, judges):
        twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
        if twice:
            raise BadScores(f"The column {shown(twice[0])} is named twice: name it once.")
    both = sorted(set(people) & set(judges))
    if both:
        raise BadScores(f"{shown(both[0])} is named as a person and as a judge: choose one.")


def _words(table: Table, people: Sequence[str], options: dict[str, Any]) -> Words:
    """The words given, and every other word of the people, as what is not positive."""
    positive, negative = _names(options["positive"]), _names(options["negative"])
    words = Words.of(positive, negative=negative)
    seen = {bare(cell) for name in people for cell in cells(table, name) if cell}
    if seen and not seen & {bare(word) for word in positive}:
        some = ", ".join(shown(word) for word in sorted(seen)[:MOST_LINES])
        raise BadScores(
            f"No person ever says {shown(options['positive'])}; people's words are {some}. Name the "
            "one that means a failure with --positive."
        )
    own = [] if negative else [w for w in seen - words.positive if _is_a_word(w)]
    return Words.of(positive, negative=[*negative, *own])


def _is_a_word(word: str) -> bool:
    found = read_people([word], Words(frozenset(), frozenset()), open_ended=True)
    return not found.missing and not found.invalid


def _gold(
    table: Table, people: Sequence[str], words: Words, *, open_ended: bool
) -> tuple[Gold, list[str]]:
    columns = [read_people(cells(table, name), words, open_ended=open_ended) for name in people]
    gold, told = majority([column.verdicts for column in columns]), []
    for name, column in zip(people, columns, strict=True):
        if column.invalid:
            told.append(f"{len(column.invalid):,} cells of {shown(name)} are no label"
                        f"{_places(column, table)}.")  # fmt: skip
    if gold.ties:
        told.append(f"{len(gold.ties):,} rows are ties of the people and have no gold"
                    f"{_lines(gold.ties, table)}.")  # fmt: skip
    if gold.unlabelled:
        told.append(f"{len(gold.unlabelled):,} rows have no human label; they count only in the raw "
                    "attack success rates.")  # fmt: skip
    return gold, told


def _told(column: Column, table: Table) -> list[str]:
    told = [f"{shown(column.name)}: {note}." for note in column.notes]
    if column.missing:
        told.append(
            f"{shown(column.name)} is empty in {column.missing:,} rows: missing is not zero."
        )
    if column.invalid:
        told.append(f"{len(column.invalid):,} cells of {shown(column.name)} are no verdict and count as "
                    f"missing{_places(column, table)}.")  # fmt: skip
    return told


def _places(column: Column, table: Table) -> str:
    first = column.invalid[:MOST_LINES]
    said = ", ".join(f"line {table.rows[row].line:,} {shown(cell)}" for row, cell in first)
    return f" ({said}{', …' if len(column.invalid) > MOST_LINES else ''})"


def _lines(rows: Sequence[int], table: Table) -> str:
    said = ", ".join(f"{table.rows[row].line:,}" for row in rows[:MOST_LINES])
    return f" (lines {said}{', …' if len(rows) > MOST_LINES else ''})"


def _kept(file: JudgedFile, best: int | None) -> JudgedFile:
    """At most sixteen judges: 2^k combinations are counted."""
    k = len(file.names)
    if best is not None and not 1 <= best <= MOST_JUDGES:
        raise BadScores(f"--best is a number from 1 to {MOST_JUDGES}.")
    if best is None and k > MOST_JUDGES:
        raise BadScores(
            f"{k} judges have {2**k - 1:,} combinations. Name at most {MOST_JUDGES}, or keep the most "
            f"accurate ones with --best {MOST_JUDGES}."
        )
    if best is None or best >= k:
        return file
    table = judge_table(file.x, file.y, names=file.names)
    order = sorted(range(k), key=lambda j: -(table[j].accuracy.value or 0.0))
    keep, left = sorted(order[:best]), [file.names[j] for j in sorted(order[best:])]
    told = (
        f"Left out, as less accurate than the {best} that were kept: {', '.join(map(shown, left))}."
    )
    return JudgedFile(
        tuple(file.names[j] for j in keep), file.verdicts[:, keep], file.gold, file.families,
        file.strata, file.lines, (*file.warnings, told),
    )  # fmt: skip


def _how(file: JudgedFile, options: dict[str, Any]) -> Options:
    asked = [rule for text in options["rule"] for rule in _names(text)] or list(RULES)
    every = [f"{t}{OF_N}" for t in range(1, len(file.names) + 1)]
    rules = tuple(dict.fromkeys(r for rule in asked for r in (every if rule == EVERY else [rule])))
    check_rules(rules)
    weights = None
    if WEIGHTED in rules:
        given = _numbers(options["weight"], file.names, "--weight")
        weights = _given(given, file.names) if given else _by_evidence(file)
    costs = _numbers(options["cost"], file.names, "--cost")
    if any(cost < 0 for cost in costs.values()):
        raise BadScores("A cost is zero or more.")
    return Options(
        rules=rules, weights=weights, costs=costs or None, level=options["level"],
        families=file.of_known(file.families), seed=options["seed"],
    )  # fmt: skip


def _given(weights: dict[str, float], names: Sequence[str]) -> tuple[int, ...]:
    if any(not weight.is_integer() for weight in weights.values()):
        raise BadScores("Weights are whole numbers: round them.")
    return tuple(int(weights.get(name, 1)) for name in names)


def _by_evidence(file: JudgedFile) -> tuple[int, ...]:
    try:
        return evidence_weights(file.x, file.y, names=file.names)
    except BadScores as problem:
        raise BadScores(f"{problem} The option is --weight JUDGE=NUMBER.") from problem


def _numbers(texts: Sequence[str], judges: Sequence[str], option: str) -> dict[str, float]:
    """JUDGE=NUMBER, any number of them."""
    found = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            raise BadScores(f"{option} {shown(text)} is no JUDGE=NUMBER: cls=10") from None
        if name not in judges or not np.isfinite(found[name]):
            raise BadScores(
                f"{option} {shown(text)}: the judges are {', '.join(map(shown, judges))}."
            )
    return found


def cells(table: Table, name: str) -> list[str | None]:
    """A column as texts; an empty cell is None."""
    return [text_of(row[name]) for row in table.rows]


def _words_of(table: Table, name: str | None, *, own: bool) -> tuple[str, ...] | None:
    """A column of families or strata; an empty cell is a family of its `own`, or the stratum (none)."""
    if not name:
        return None
    return tuple(
        word if word is not None else f"(row {row})" if own else "(none)"
        for row, word in enumerate(cells(table, name))
    )


def _names(text: str | None, columns: Sequence[str] = ()) -> list[str]:
    """A list given with commas; a column whose name holds a comma may be given alone."""
    if text is None:
        return []
    if text in columns:
        return [text]
    return [name.strip() for name in text.split(",") if name.strip()]


def _write(rows: list[list[object]], path: str) -> None:
    try:
        with Path(path).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(
                [harmless(str(cell)) for cell in row] for row in rows
            )
    except OSError as problem:
        raise CommandError(f"{printable(path)} cannot be written: {problem.strerror}.") from problem
