"""`measure agreement FILE`: how far the raters in a file agree."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from annotations.measurement.agreement import agreement_by, measure_agreement
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.counts import AgreementError, Label
from annotations.measurement.ratings import read_ratings
from annotations.measurement.results import AgreementReport, Estimate
from annotations.measurement.weights import LEVELS, Level
from annotations.tables import TableError, read_table
from annotations.tables.labels import (
    LabelColumns,
    LabelRow,
    as_numbers,
    check_on_scale,
    read_labels,
)
from annotations.tables.problems import printable

MAX_REPLICATES = 100_000
NAME = "agreement"
HELP = "how far raters agree, with intervals"


def add_arguments(parser: ArgumentParser) -> None:
    """The file, its columns, the level and the resampling."""
    parser.add_argument("file", help="the file with the labels")
    parser.add_argument(
        "--item", required=True, help="column(s) that tell one item from another: id,model"
    )
    parser.add_argument("--rater-columns", help="one column for each rater: ann,ben")
    parser.add_argument("--rater", help="column with the rater, if each row is one label")
    parser.add_argument("--label", help="column with the label, if each row is one label")
    parser.add_argument("--by", help="also measure each value of this column by itself")
    parser.add_argument("--level", choices=LEVELS, default="nominal")
    parser.add_argument("--values", help="the scale from low to high: no,maybe,yes")
    parser.add_argument(
        "--missing", default="", help="words for no label, besides an empty cell: NA,."
    )
    parser.add_argument("--replicates", type=int, default=1_000, help="bootstrap resamples")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(options: dict[str, Any]) -> str:
    """Reads and measures; a wrong file or question is told in plain sentences."""
    bootstrap = _bootstrap(options)
    try:
        labels, scale = _labels(options)
        overall = _overall(labels, scale, options["level"], bootstrap)
        by = _strata(labels, scale, options["level"], bootstrap) if options["by"] else {}
    except TableError as error:
        raise CommandError(f"{printable(options['file'])} was not measured.\n{error}") from error
    except AgreementError as error:
        hint = " Use --values LOW,...,HIGH." if options["level"] == "ordinal" else ""
        raise CommandError(f"{printable(str(error))}{hint}") from error
    return _as_json(overall, by) if options["json"] else _as_text(overall, by, options["level"])


def _bootstrap(options: dict[str, Any]) -> Bootstrap:
    if not 1 <= options["replicates"] <= MAX_REPLICATES:
        raise CommandError(f"--replicates is a number from 1 to {MAX_REPLICATES:,}.")
    if options["seed"] < 0:
        raise CommandError("--seed is zero or a positive number.")
    return Bootstrap(replicates=options["replicates"], seed=options["seed"])


def _labels(options: dict[str, Any]) -> tuple[list[LabelRow], list[Label] | None]:
    table = read_table(options["file"])
    columns = LabelColumns(
        item=_names(options["item"], table.columns),
        rater_columns=_names(options["rater_columns"], table.columns),
        rater=options["rater"],
        label=options["label"],
        by=options["by"],
    )
    labels = read_labels(table, columns, missing=_names(options["missing"]))
    labels, scale = as_numbers(
        labels,
        _names(options["values"]) or None,
        required=options["level"] in ("interval", "ratio"),
    )
    if scale is not None:
        check_on_scale(labels, scale)
    return labels, scale


def _overall(
    labels: list[LabelRow], scale: list[Label] | None, level: Level, bootstrap: Bootstrap
) -> AgreementReport:
    triples = ((row.item, row.rater, row.label) for row in labels)
    return measure_agreement(read_ratings(triples, values=scale), level=level, bootstrap=bootstrap)


def _strata(
    labels: list[LabelRow], scale: list[Label] | None, level: Level, bootstrap: Bootstrap
) -> dict[str, AgreementReport]:
    rows = ((row.stratum, row.item, row.rater, row.label) for row in labels)
    reports = agreement_by(rows, level=level, values=scale, bootstrap=bootstrap)
    return {str(name): report for name, report in reports.items()}


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
    head = f"  {'coefficient':<{width}}{'value':>8}   {'95 % interval':<18}{'n':>9}"
    rows = [_line(printable(name), e, width) for name, e in report.coefficients.items()]
    return "\n".join([f"  {size}", head, *rows])


def _line(name: str, estimate: Estimate, width: int) -> str:
    if estimate.value is None:
        return f"  {name:<{width}}undefined (n = {estimate.n:,}): {estimate.reason}"
    if estimate.low is None or estimate.high is None:
        why = f"n = {estimate.n:,}, no interval: {estimate.reason}"
        return f"  {name:<{width}}{estimate.value:>8.4f}   {why}"
    interval = f"{estimate.low:.4f} to {estimate.high:.4f}"
    return f"  {name:<{width}}{estimate.value:>8.4f}   {interval:<18}{estimate.n:>9,}"
