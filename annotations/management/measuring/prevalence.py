"""`measure prevalence FILE`: how common a failure is, from a judge for all rows and people for some."""

import json
import math
from argparse import ArgumentParser
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.core.management.base import CommandError

from annotations.measurement.prevalence.choice import Prevalence, measure_prevalence
from annotations.measurement.prevalence.evidence import Evidence, Population, PrevalenceError
from annotations.measurement.results import Estimate
from annotations.tables import TableError, read_table
from annotations.tables.labels import is_number
from annotations.tables.problems import Findings, printable, shown
from annotations.tables.table import Row, Table, text_of

NAME = "prevalence"
HELP = "how common a failure is, from a judge's answers and some human labels"

WORDS = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0}
NAN = float("nan")
ORDER = ("shown", "human_only", "ppi", "rogan_gladen", "anytime", "raw")


@dataclass
class Read:
    """The columns as numbers, one entry a row; nan where a cell says nothing."""

    labels: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    probabilities: list[float] = field(default_factory=list)
    folds: list[int] = field(default_factory=list)


def add_arguments(parser: ArgumentParser) -> None:
    """The file, its columns, and what the rows are of the population."""
    parser.add_argument("file", help="the file with one row a case")
    parser.add_argument("--human", required=True, help="column with people's label, empty if none")
    parser.add_argument(
        "--judge", required=True, help="column with the judge's probability (0 to 1) or verdict"
    )
    parser.add_argument("--positive", help="word(s) that mean a failure: unsafe,harmful")
    parser.add_argument("--negative", help="word(s) that mean none, where few rows are labelled")
    parser.add_argument(
        "--invalid", type=float, help="what a judge's word that is no answer counts as, 0 to 1"
    )
    parser.add_argument("--probability", help="column with the chance with which a row was drawn")
    parser.add_argument(
        "--fold", help="column with the fold whose labels the row's judge did not learn from"
    )
    parser.add_argument(
        "--population",
        default="rows",
        help="rows (the file is everything), endless, or how many cases the rows were drawn from",
    )
    parser.add_argument("--level", type=float, default=0.95, help="confidence: .95")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(options: dict[str, Any]) -> str:
    """Reads and measures; a wrong file or question is told in plain sentences."""
    if not 0.5 <= options["level"] < 1:
        raise CommandError("--level is a confidence from .5 up to, but not, 1: .95")
    if options["invalid"] is not None and not 0 <= options["invalid"] <= 1:
        raise CommandError("--invalid is a number from 0 to 1.")
    try:
        read = _read(read_table(options["file"]), options)
        evidence = Evidence(
            np.array(read.scores, dtype=np.float64),
            np.array(read.labels, dtype=np.float64),
            probabilities=np.array(read.probabilities) if options["probability"] else None,
            folds=np.array(read.folds, dtype=np.int64) if options["fold"] else None,
            population=_population(options["population"]),
        )
    except TableError as error:
        raise CommandError(f"{printable(options['file'])} was not measured.\n{error}") from error
    except PrevalenceError as error:
        raise CommandError(printable(str(error))) from error
    found = measure_prevalence(evidence, level=options["level"])
    if options["json"]:
        return json.dumps(found.as_json(), ensure_ascii=False, allow_nan=False)
    return _as_text(found, options["level"])


def _population(word: str) -> Population:
    if word == "rows":
        return "rows"
    if word == "endless":
        return "endless"
    if not word.isdecimal():
        raise CommandError("--population is rows, endless, or a whole number of cases.")
    return int(word)


def _read(table: Table, options: dict[str, Any]) -> Read:
    columns = [options[name] for name in ("human", "judge", "probability", "fold")]
    table.check_columns([name for name in columns if name])
    findings, read = Findings(), Read()
    positive = _words(options["positive"])
    known = positive | _words(options["negative"])
    if positive:
        known |= {word for row in table.rows if (word := text_of(row[options["human"]]))}
    folds: dict[str, int] = {}
    for row in table.rows:
        label = _label(row, options["human"], positive, findings)
        read.labels.append(label)
        read.scores.append(_score(row, options, positive, known, findings))
        if options["probability"]:
            read.probabilities.append(
                _probability(row, options["probability"], not math.isnan(label), findings)
            )
        if options["fold"]:
            word = text_of(row[options["fold"]])
            if word is None and not math.isnan(label):
                findings.problem(
                    "A labelled row needs its fold.", line=row.line, column=options["fold"]
                )
            read.folds.append(folds.setdefault(word or "", len(folds)))
    findings.check()
    return read


def _words(text: str | None) -> set[str]:
    return {word.strip() for word in (text or "").split(",") if word.strip()}


def _label(row: Row, column: str, positive: Collection[str], findings: Findings) -> float:
    word = text_of(row[column])
    if word is None:
        return NAN
    if positive:
        return float(word in positive)
    if word.lower() in WORDS:
        return WORDS[word.lower()]
    findings.problem(
        f"{shown(word)} is neither 1 nor 0: say with --positive which words mean a failure.",
        line=row.line, column=column,
    )  # fmt: skip
    return NAN


def _score(
    row: Row, options: dict[str, Any], positive: Collection[str], known: Collection[str],
    findings: Findings,
) -> float:  # fmt: skip
    """The judge's probability, or 1 and 0 for its verdict; a problem is said with its line."""
    column, invalid = options["judge"], options["invalid"]
    word = text_of(row[column])
    if word is not None and word in known:
        return float(word in positive)
    if word is not None and is_number(word):
        return _in_unit(float(word), row, column, findings, least=0.0)
    if word is not None and not positive and word.lower() in WORDS:
        return WORDS[word.lower()]
    if invalid is not None:
        return float(invalid)
    findings.problem(
        "The judge says nothing here: give the row an answer, or say with --invalid what it counts as."
        if word is None
        else f"{shown(word)} is neither a probability nor an answer that is known: name it with "
        "--positive or --negative, or say with --invalid what it counts as.",
        line=row.line, column=column,
    )  # fmt: skip
    return 0.0


def _probability(row: Row, column: str, is_labelled: bool, findings: Findings) -> float:
    word = text_of(row[column])
    if word is None or not is_number(word):
        if is_labelled:
            findings.problem(
                "A labelled row needs the chance with which it was drawn: a number above 0, at most 1.",
                line=row.line, column=column,
            )  # fmt: skip
        return NAN
    return _in_unit(float(word), row, column, findings, least=1e-300)


def _in_unit(x: float, row: Row, column: str, findings: Findings, *, least: float) -> float:
    if least <= x <= 1:
        return x
    bound = "between 0 and 1" if least == 0 else "above 0 and at most 1"
    findings.problem(f"{x:g} is no probability: it lies {bound}.", line=row.line, column=column)
    return 0.0 if least == 0 else 1.0


def _as_text(found: Prevalence, level: float) -> str:
    width = max(map(len, ORDER)) + 2
    head = f"{found.n:,} human labels, {found.N:,} cases"
    title = f"  {'':<{width}}{'value':>8}   {f'{level:.0%} interval':<18}method"
    return "\n".join([head, title, *(_line(name, getattr(found, name), width) for name in ORDER)])


def _line(name: str, e: Estimate, width: int) -> str:
    if e.value is None:
        return f"  {name:<{width}}undefined: {e.reason}"
    if e.low is None or e.high is None:
        return f"  {name:<{width}}{e.value:>8.4f}   no interval: {e.reason}"
    why = f" ({e.reason})" if e.reason else ""
    return f"  {name:<{width}}{e.value:>8.4f}   {f'{e.low:.4f} to {e.high:.4f}':<18}{e.method}{why}"
