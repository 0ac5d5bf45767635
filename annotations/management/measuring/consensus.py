"""`measure consensus FILE`: one answer an item from several raters, and how sure it is."""

import csv
import json
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError
from numpy.typing import NDArray

from annotations.exports.csv_file import harmless
from annotations.measurement.aggregation.answers import (
    NO_ANSWER,
    NO_GOLD,
    answers,
    error,
)
from annotations.measurement.aggregation.choice import Choice, choose
from annotations.measurement.aggregation.dawid_skene import NAME as DAWID_SKENE
from annotations.measurement.aggregation.dawid_skene import dawid_skene
from annotations.measurement.aggregation.em import Fit
from annotations.measurement.aggregation.inversion import FlaggedRater, flag_raters
from annotations.measurement.aggregation.judges import hear_judges, only_people
from annotations.measurement.aggregation.labels import (
    AggregationError,
    SparseLabels,
    labels_from_arrays,
)
from annotations.measurement.aggregation.methods import METHODS, fit
from annotations.measurement.aggregation.tempering import (
    FEWEST_GOLD,
    Temperature,
    calibration,
    temperature_on_gold,
    tempered,
)
from annotations.measurement.results import Estimate
from annotations.tables import TableError, read_table
from annotations.tables.labels import NO_STRATUM, LabelColumns, as_number, is_number, read_labels
from annotations.tables.numbered import (
    DUPLICATES,
    NumberedLabels,
    is_large,
    number_labels,
    on_scale,
    one_label_each,
    read_numbered,
)
from annotations.tables.problems import Findings, printable, shown

NAME = "consensus"
HELP = "one answer an item, the method chosen by data"
FLAGS_BY = "hierarchical"


def add_arguments(parser: ArgumentParser) -> None:
    """The file, its columns, who is a judge, the method, and what to write."""
    parser.add_argument("file", help="the file with the labels")
    parser.add_argument(
        "--item", required=True, help="column(s) that tell one item from another: id,model"
    )
    parser.add_argument("--rater-columns", help="one column for each rater: ann,ben")
    parser.add_argument("--rater", help="column with the rater, if each row is one label")
    parser.add_argument("--label", help="column with the label, if each row is one label")
    parser.add_argument("--gold", help="column with the true value, where it is known")
    parser.add_argument("--judge-raters", help="raters that are judges, heard as one: gpt,guard")
    parser.add_argument(
        "--judge-weight", type=float, default=1.0, help="how many persons all judges weigh as"
    )
    parser.add_argument("--method", choices=list(METHODS), help="this one, in place of a choice")
    parser.add_argument("--choose-by", choices=("labels", "gold"), default="labels")
    parser.add_argument("--values", help="the scale from low to high: no,maybe,yes")
    parser.add_argument(
        "--missing", default="", help="words for no label, besides an empty cell: NA,."
    )
    parser.add_argument(
        "--duplicates", choices=DUPLICATES, default="refuse",
        help="a rater's second label of an item: refuse the file, or keep the first or the latest",
    )  # fmt: skip
    parser.add_argument(
        "--ties", choices=("none", "draw"), default="none", help="no answer, or a seeded draw"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", help="write item, label, posterior, n_labels as CSV here")
    parser.add_argument("--soft", action="store_true", help="also a column for each value's share")
    parser.add_argument("--json", action="store_true", help="one JSON object")


@dataclass(frozen=True)
class Report:
    """Everything that is said of one file."""

    labels: SparseLabels
    choice: Choice
    temperature: Temperature
    errors: dict[str, Estimate]
    flagged: tuple[FlaggedRater, ...]
    calibration: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {
            "chosen": self.choice.fit.method,
            "reason": self.choice.reason,
            "n_items": int((self.labels.labels_of_items > 0).sum()),
            "n_raters": self.labels.n_raters,
            "n_labels": self.labels.n_labels,
            "error": {name: found.as_json() for name, found in self.errors.items()},
            "methods": {c.method: c.as_json() for c in self.choice.candidates},
            "raters": [flagged.as_json() for flagged in self.flagged],
            "calibration": self.calibration,
        }


def run(options: dict[str, Any]) -> str:
    """Reads, chooses, writes; a wrong file or question is told in plain sentences."""
    _check(options)
    try:
        labels, gold = _read(options)
        report = _measured(labels, gold, options)
        if options["out"]:
            _write(report, options)
    except TableError as problem:
        raise CommandError(
            f"{printable(options['file'])} was not measured.\n{problem}"
        ) from problem
    except AggregationError as problem:
        raise CommandError(printable(str(problem))) from problem
    if options["json"]:
        return json.dumps(report.as_json(), ensure_ascii=False, allow_nan=False)
    return _as_text(report)


def _check(options: dict[str, Any]) -> None:
    if options["seed"] < 0:
        raise CommandError("--seed is zero or a positive number.")
    if not 0 <= options["judge_weight"] < float("inf"):
        raise CommandError("--judge-weight is zero or a positive number of persons.")
    if options["choose_by"] == "gold" and not options["gold"]:
        raise CommandError("A choice by gold needs --gold COLUMN.")


def _read(options: dict[str, Any]) -> tuple[SparseLabels, NDArray[np.int64]]:
    """The labels, and gold as numbers (N,), -1 where there is none."""
    found = one_label_each(_numbered(options), options["duplicates"])
    scale = _names(options["values"]) or None
    value, values, ordered = on_scale(found, scale, numbers=False)
    labels = labels_from_arrays(
        found.item, found.rater, value, items=found.items, raters=found.raters, values=values,
        is_judge=_judges(found, options), ordered=ordered,
    )  # fmt: skip
    return labels, _gold(found, values, options["gold"])


def _numbered(options: dict[str, Any]) -> NumberedLabels:
    """The labels of the file, gold as their stratum; a large file is read in batches."""
    path, missing = options["file"], _names(options["missing"])
    if is_large(path):
        return read_numbered(path, _columns(options, ()), missing=missing)
    table = read_table(path)
    columns, repeats = _columns(options, table.columns), options["duplicates"] != "refuse"
    return number_labels(read_labels(table, columns, missing=missing, repeats=repeats))


def _columns(options: dict[str, Any], known: tuple[str, ...]) -> LabelColumns:
    return LabelColumns(
        item=_names(options["item"], known),
        rater_columns=_names(options["rater_columns"], known),
        rater=options["rater"],
        label=options["label"],
        by=options["gold"],
    )


def _judges(found: NumberedLabels, options: dict[str, Any]) -> list[bool]:
    named = set(_names(options["judge_raters"]))
    unknown = sorted(named.difference(found.raters))
    if unknown:
        raise AggregationError(
            f"No rater is called {', '.join(map(shown, unknown))}: --judge-raters names raters."
        )
    return [rater in named for rater in found.raters]


def _gold(
    found: NumberedLabels, values: Sequence[str | int | float], column: str | None
) -> NDArray[np.int64]:
    """Gold (N,) as the numbers of the values; K for a value that no rater ever gave."""
    gold = np.full(len(found.items), NO_GOLD)
    if column is None:
        return gold
    place = {value: k for k, value in enumerate(values)}
    numeric = not any(isinstance(value, str) for value in values)
    read = [as_number(s) if numeric and is_number(s) else s for s in found.strata]
    codes = np.array(
        [NO_GOLD if s == NO_STRATUM else place.get(s, len(values)) for s in read], np.int64
    )[found.stratum]
    known = codes != NO_GOLD
    gold[found.item[known]] = codes[known]
    findings = Findings()
    for at in np.flatnonzero(known & (gold[found.item] != codes)):
        item, line = shown(found.items[found.item[at]]), int(found.line[at])
        findings.problem(f"Item {item} has two different gold values.", line=line, column=column)
    findings.check()
    return gold


def _measured(labels: SparseLabels, gold: NDArray[np.int64], options: dict[str, Any]) -> Report:
    weight = options["judge_weight"]
    choice = choose(
        labels,
        rng=np.random.default_rng(options["seed"]),
        methods=[options["method"]] if options["method"] else None,
        gold=gold if options["choose_by"] == "gold" else None,
        judge_weight=weight,
    )
    has_gold = bool((gold != NO_GOLD).any())
    temperature = choice.temperature
    if int((gold != NO_GOLD).sum()) >= FEWEST_GOLD:
        temperature = temperature_on_gold(choice.fit.posterior, gold)
    return Report(
        labels,
        choice,
        temperature,
        _errors(labels, choice.fit, gold, weight) if has_gold else {},
        flag_raters(labels, fit(only_people(labels), FLAGS_BY)),
        _calibration(choice.fit, gold, temperature),
    )


def _errors(
    labels: SparseLabels, chosen: Fit, gold: NDArray[np.int64], weight: float
) -> dict[str, Estimate]:
    """The majority's, the classic Dawid-Skene's, the chosen one's; judges heard alike in all."""
    classic = hear_judges(labels, dawid_skene(only_people(labels)), weight=weight)
    by_votes = fit(labels, "majority", judge_weight=weight)
    found = {"majority": by_votes, DAWID_SKENE: classic, "chosen": chosen}
    return {name: error(one.posterior, gold) for name, one in found.items()}


def _calibration(chosen: Fit, gold: NDArray[np.int64], temperature: Temperature) -> dict[str, Any]:
    if (gold != NO_GOLD).any():
        return calibration(chosen.posterior, gold, temperature).as_json()
    cool = tempered(chosen.posterior, temperature.value)
    return {
        "temperature": temperature.value,
        "temperature_from": temperature.source,
        "claimed": float(chosen.posterior.max(axis=1).mean()),
        "claimed_tempered": float(cool.max(axis=1).mean()),
    }


def _write(report: Report, options: dict[str, Any]) -> None:
    """The CSV; an item in a tie, or without labels, has an empty label."""
    try:
        with Path(options["out"]).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(_cells(report, options))
    except OSError as problem:
        out = printable(options["out"])
        raise CommandError(f"{out} cannot be written: {problem.strerror}.") from problem


def _cells(report: Report, options: dict[str, Any]) -> Iterator[list[str]]:
    labels, raw = report.labels, report.choice.fit.posterior
    q, n = tempered(raw, report.temperature.value), labels.labels_of_items
    rng = np.random.default_rng(options["seed"])
    answer = np.where(n > 0, answers(raw, ties=options["ties"], rng=rng), NO_ANSWER)
    named = [f"posterior of {value}" for value in labels.values] if options["soft"] else []
    yield ["item", "label", "posterior", "n_labels", *map(harmless, named)]
    for i, item in enumerate(labels.items):
        value = "" if answer[i] == NO_ANSWER else str(labels.values[answer[i]])
        shares = [f"{share:.6g}" for share in q[i]] if options["soft"] else []
        yield [harmless(str(item)), harmless(value), f"{q[i].max():.6g}", str(n[i]), *shares]


def _names(text: str | None, columns: tuple[str, ...] = ()) -> list[str]:
    """A list given with commas; a column whose name holds a comma may be given alone."""
    if text is None:
        return []
    if text in columns:
        return [text]
    return [name.strip() for name in text.split(",") if name.strip()]


def _as_text(report: Report) -> str:
    labels, n_items = report.labels, int((report.labels.labels_of_items > 0).sum())
    lines = [
        f"{n_items:,} items, {labels.n_raters:,} raters, {labels.n_labels:,} labels",
        f"Chosen: {report.choice.fit.method}. {report.choice.reason}",
    ]
    lines += [f"  error of {name:<12} {found}" for name, found in report.errors.items()]
    for c in report.choice.candidates:
        lost = ", its values are not what they are called" if c.lost_names else ""
        lines.append(
            f"  {c.method:<13} held-out log likelihood {c.score:.4f}, behind the best by "
            f"{c.behind:.4f} (standard error {c.se:.4f}), {c.rounds} rounds{lost}"
        )
    for one in report.flagged:
        lines.append(
            f"  rater {printable(str(one.rater))}: {one.flag}; right {one.right:.2f}, by chance "
            f"{one.chance:.2f}, renamed {one.right_renamed:.2f} (n = {one.n:,})"
        )
    claim = report.calibration
    lines.append(
        f"Claimed {claim['claimed']:.3f}, tempered {claim['claimed_tempered']:.3f} "
        f"(T = {claim['temperature']:.2f} from {claim['temperature_from']})"
    )
    return "\n".join(lines)
