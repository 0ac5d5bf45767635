"""`measure agreement FILE`: how far the raters in a file agree."""

import json
from argparse import ArgumentParser
from typing import Any

import numpy as np
from django.core.management.base import CommandError

from annotations.measurement.agreement import measure_agreement
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.counts import MAX_VALUES, AgreementError
from annotations.measurement.ratings import Ratings, ratings_from_codes, subset
from annotations.measurement.results import AgreementReport, Estimate
from annotations.measurement.weights import FAMILIES, LEVELS
from annotations.tables import TableError, read_table
from annotations.tables.labels import LabelColumns, is_number, read_labels
from annotations.tables.numbered import (
    DUPLICATES,
    NumberedLabels,
    is_large,
    number_labels,
    on_scale,
    one_label_each,
    read_numbered,
)
from annotations.tables.problems import printable
from annotations.tables.table import text_of

NAME = "agreement"
HELP = "how far raters agree, with intervals"
MAX_REPLICATES = 100_000
POPULATIONS = ("both", "items", "raters")


def add_arguments(parser: ArgumentParser) -> None:
    """The file, its columns, the level and the resampling."""
    add = parser.add_argument
    add("file", help="the file with the labels")
    add("--item", required=True, help="column(s) that tell one item from another: id,model")
    add("--rater-columns", help="one column for each rater: ann,ben")
    add("--rater", help="column with the rater, if each row is one label")
    add("--label", help="column with the label, if each row is one label")
    add("--by", help="also measure each value of this column by itself")
    add("--level", choices=LEVELS, default="nominal", help="alpha's level of measurement")
    add("--distances", help="a table of alpha's distances: a row and a column for each value")
    add("--weights", choices=FAMILIES, default="identity", help="agreement weights of the kappas")
    add("--values", help="the scale from low to high: no,maybe,yes")
    add("--missing", default="", help="words for no label, besides an empty cell: NA,.")
    add(
        "--duplicates",
        choices=DUPLICATES,
        default="refuse",
        help="a rater's second label of an item: refuse the file, or keep the first or the latest",
    )
    add(
        "--population",
        choices=POPULATIONS,
        default="both",
        help="whom the intervals speak of: these raters on other items (items), other raters too "
        "(raters), or both, beside one another",
    )
    add("--replicates", type=int, default=1_000, help="bootstrap resamples")
    add("--seed", type=int, default=0)
    add("--json", action="store_true", help="one JSON object")  # fmt: skip


def run(options: dict[str, Any]) -> str:
    """Reads and measures; a wrong file or question is told in plain sentences."""
    bootstrap = _bootstrap(options)
    try:
        labels = one_label_each(_labels(options), options["duplicates"])
        ratings = _ratings(labels, options)
        question = _question(ratings, options, bootstrap)
        overall = _told(measure_agreement(ratings, **question), options)
        by = _strata(labels, ratings, question, options) if options["by"] else {}
    except TableError as error:
        raise CommandError(f"{printable(options['file'])} was not measured.\n{error}") from error
    except AgreementError as error:
        needs_order = "order of the values" in str(error)
        hint = " Use --values LOW,...,HIGH." if needs_order else ""
        raise CommandError(f"{printable(str(error))}{hint}") from error
    return _as_json(overall, by) if options["json"] else _as_text(overall, by, options["level"])


def _bootstrap(options: dict[str, Any]) -> Bootstrap:
    if not 1 <= options["replicates"] <= MAX_REPLICATES:
        raise CommandError(f"--replicates is a number from 1 to {MAX_REPLICATES:,}.")
    if options["seed"] < 0:
        raise CommandError("--seed is zero or a positive number.")
    return Bootstrap(replicates=options["replicates"], seed=options["seed"])


def _labels(options: dict[str, Any]) -> NumberedLabels:
    """The labels of the file: a large one is read in batches, a small one line by line."""
    path, missing = options["file"], _names(options["missing"])
    if is_large(path):
        return read_numbered(path, _columns(options, ()), missing=missing)
    table = read_table(path)
    repeats = options["duplicates"] != "refuse"
    columns = _columns(options, table.columns)
    return number_labels(read_labels(table, columns, missing=missing, repeats=repeats))


def _columns(options: dict[str, Any], known: tuple[str, ...]) -> LabelColumns:
    return LabelColumns(
        item=_names(options["item"], known),
        rater_columns=_names(options["rater_columns"], known),
        rater=options["rater"],
        label=options["label"],
        by=options["by"],
    )


def _ratings(labels: NumberedLabels, options: dict[str, Any]) -> Ratings:
    if len(labels.labels) > MAX_VALUES:
        raise AgreementError(
            f"{len(labels.labels):,} different labels: agreement needs a scale of at most "
            f"{MAX_VALUES:,} values. Choose the column with the answers, not one with texts."
        )
    numbers = options["level"] in ("interval", "ratio") and not options["distances"]
    scale = _names(options["values"]) or None
    value, values, ordered = on_scale(labels, scale, numbers=numbers)
    return ratings_from_codes(
        labels.item.astype(np.int32), labels.rater.astype(np.int32), value.astype(np.int32),
        items=labels.items, raters=labels.raters, values=values, ordered=ordered,
    )  # fmt: skip


def _question(ratings: Ratings, options: dict[str, Any], bootstrap: Bootstrap) -> dict[str, Any]:
    path = options["distances"]
    return {
        "level": options["level"],
        "distances": _distances(path, ratings) if path else None,
        "weights": options["weights"],
        "bootstrap": bootstrap,
        "raters_too": options["population"] != "items",
    }


def _distances(path: str, ratings: Ratings) -> list[list[float]]:
    """The table's distances in the order of the scale; its first column names the row's value."""
    table = read_table(path)
    names = [str(value) for value in ratings.values]
    first, rows = table.columns[0], {}
    for row in table.rows:
        rows[text_of(row[first]) or ""] = row
    lacking = [name for name in names if name not in rows or name not in table.columns]
    if lacking:
        raise AgreementError(
            f"{path} has no distances for the label {lacking[0]!r}: its first column and its header "
            f"name every value ({', '.join(names)})."
        )
    cells = [[text_of(rows[one][other]) or "" for other in names] for one in names]
    wrong = [cell for line in cells for cell in line if not is_number(cell)]
    if wrong:
        raise AgreementError(f"{path} has the distance {wrong[0]!r}, which is not a number.")
    return [[float(cell) for cell in line] for line in cells]


def _strata(
    labels: NumberedLabels, ratings: Ratings, question: dict[str, Any], options: dict[str, Any]
) -> dict[str, AgreementReport]:
    """A report for each stratum, all on one scale, in order of appearance."""
    by_item = np.argsort(labels.item, kind="stable")  # the order that the ratings have
    stratum = labels.stratum[by_item]
    return {
        name: _told(measure_agreement(subset(ratings, stratum == s), **question), options)
        for s, name in enumerate(labels.strata)
    }


def _told(report: AgreementReport, options: dict[str, Any]) -> AgreementReport:
    """With --population raters the interval is the one that speaks of other raters."""
    if options["population"] != "raters":
        return report
    return report.of_other_raters()


def _names(text: str | None, columns: tuple[str, ...] = ()) -> list[str]:
    """A list given with commas; a column whose name holds a comma may be given alone."""
    if text is None:
        return []
    if text in columns:
        return [text]
    return [name.strip() for name in text.split(",") if name.strip()]


def _as_json(overall: AgreementReport, by: dict[str, AgreementReport]) -> str:
    answer = overall.as_json()
    if by:
        answer["by"] = {name: report.as_json() for name, report in by.items()}
    return json.dumps(answer, ensure_ascii=False, allow_nan=False)


def _as_text(overall: AgreementReport, by: dict[str, AgreementReport], level: str) -> str:
    parts = [f"All labels ({level} level)\n{_table(overall)}"]
    parts += [f"{printable(name)}\n{_table(report)}" for name, report in by.items()]
    return "\n\n".join(parts)


def _table(report: AgreementReport) -> str:
    size = f"{report.n_items:,} items, {report.n_raters:,} raters, {report.n_labels:,} labels"
    width = max(len(printable(name)) for name in report.coefficients) + 2
    beyond = "other raters too" if report.over_raters else ""
    head = f"  {'coefficient':<{width}}{'value':>8}   {'95 % interval':<20}{beyond:<20}{'n':>9}"
    rows = [
        _line(printable(name), e, report.over_raters.get(name), width)
        for name, e in report.coefficients.items()
    ]
    return "\n".join([f"  {size}", head.rstrip(), *rows])


def _line(name: str, estimate: Estimate, beyond: Estimate | None, width: int) -> str:
    if estimate.value is None:
        return f"  {name:<{width}}undefined (n = {estimate.n:,}): {estimate.reason}"
    if estimate.low is None or estimate.high is None:
        why = f"n = {estimate.n:,}, no interval: {estimate.reason}"
        return f"  {name:<{width}}{estimate.value:>8.4f}   {why}"
    both = f"{_interval(estimate):<20}{_interval(beyond):<20}"
    return f"  {name:<{width}}{estimate.value:>8.4f}   {both}{estimate.n:>9,}"


def _interval(estimate: Estimate | None) -> str:
    if estimate is None or estimate.low is None or estimate.high is None:
        return ""
    return f"{estimate.low:.4f} to {estimate.high:.4f}"
