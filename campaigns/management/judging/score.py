"""`judges score FILE`: new cases judged by a folder of fitted judges, a row each as CSV."""

import csv
import json
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from django.core.management.base import CommandError

from annotations.exports.csv_file import harmless
from annotations.tables import TableError, read_table
from annotations.tables.problems import printable
from campaigns.judging.examples import Example
from campaigns.judging.fitting import Panel
from campaigns.judging.linear import Bools, Floats
from campaigns.management.judging.cache import Cache
from campaigns.management.judging.fit import cache_of, make_judges, tell
from campaigns.management.judging.folder import BadFolder, JudgesFolder, read_folder
from campaigns.management.judging.rows import COLUMNS, TextColumns, read_examples

NAME = "score"
HELP = "judge new cases by a folder that “judges fit” wrote"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="cases, a row each")
    parser.add_argument("--from", dest="folder", required=True, metavar="DIR",
                        help="the folder that “judges fit” wrote")  # fmt: skip
    parser.add_argument("--out", required=True, metavar="CSV", help="the file to write")
    for name in COLUMNS:
        parser.add_argument(f"--{name}", metavar="COL", help="if it is called otherwise here")
    parser.add_argument("--cache", metavar="FOLDER", help="embeddings and scores (DIR/cache)")
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(options: dict[str, Any]) -> str:
    """Reads, scores, writes; a wrong file or folder is told in plain sentences."""
    began, where = time.monotonic(), printable(options["folder"])
    try:
        folder = read_folder(Path(options["folder"]))
        examples = read_examples(read_table(options["file"]), columns_of(folder, options))
        cache = cache_of(options["cache"], folder.path)
        names = list(folder.manifest["judges"])
        panel = folder.panel(make_judges(names, cache, folder.path))
        scores = score(panel, examples, cache)
    except TableError as problem:
        raise CommandError(f"{printable(options['file'])} was not read.\n{problem}") from problem
    except BadFolder as problem:
        raise CommandError(f"{where}: {printable(str(problem))}") from problem
    p = panel.ensemble.predict(scores)
    abstains = to_person(panel, p)
    write(Path(options["out"]), panel, scores, p, abstains, folder)
    report = report_of(panel, p, abstains, folder, options, seconds=time.monotonic() - began)
    if options["json"]:
        return json.dumps(report, ensure_ascii=False, allow_nan=False)
    return as_text(report)


def columns_of(folder: JudgesFolder, options: dict[str, Any]) -> TextColumns:
    """The columns that the judges were fitted on, unless they are called otherwise here."""
    named = {
        name: options[name] or folder.manifest["columns"].get(name)  # older folders know three
        for name in COLUMNS
    }
    return TextColumns(**named)


def score(panel: Panel, examples: list[Example], cache: Cache) -> Floats:
    """(N, M) by the judges of the ensemble, in its order."""
    columns = []
    for name in panel.ensemble.names:
        tell(f"{name}: {len(examples):,} cases")
        columns.append(cache.score(panel.fitted[name], examples))
    return np.column_stack(columns)


def to_person(panel: Panel, p: Floats) -> Bools:
    """Where a person should decide, (N,): no verdict, or not exactly one answer that is left open."""
    if panel.conformal is None:
        return np.isnan(p)
    return ~panel.conformal.sets(p).decided(p, threshold=panel.ensemble.threshold.value)


def write(
    out: Path, panel: Panel, scores: Floats, p: Floats, abstains: Bools, folder: JudgesFolder
) -> None:
    """The CSV, whole or not at all; a case without a verdict has empty cells and abstains."""
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(
                cells(panel, scores, p, abstains, folder)
            )
        part.replace(out)
    except OSError as problem:
        name = printable(str(out))
        raise CommandError(f"{name} cannot be written: {problem.strerror}.") from problem


def cells(
    panel: Panel, scores: Floats, p: Floats, abstains: Bools, folder: JudgesFolder
) -> Iterator[list[str]]:
    """A header, then a row a case in the file's order."""
    words = folder.manifest["label"]
    yield ["score", "label", "abstain", *map(harmless, panel.ensemble.names)]
    for row, value in enumerate(p):
        if np.isnan(value):
            label = ""
        else:
            positive = value >= panel.ensemble.threshold.value
            label = harmless(words["positive" if positive else "other"])
        yield [_number(value), label, str(int(abstains[row])), *map(_number, scores[row])]


def report_of(
    panel: Panel, p: Floats, abstains: Bools, folder: JudgesFolder, options: dict[str, Any], *,
    seconds: float,
) -> dict[str, Any]:  # fmt: skip
    """What was scored, as plain values."""
    scored = ~np.isnan(p)
    return {
        "rows": len(p),
        "positive": int((p[scored] >= panel.ensemble.threshold.value).sum()),
        "abstained": int(abstains.sum()),
        "unanswered": int((~scored).sum()),
        "notes": notes_of(panel),
        "out": options["out"],
        "revision": folder.revision,
        "judges": list(panel.ensemble.names),
        "threshold": panel.ensemble.threshold.value,
        "promised": panel.ensemble.threshold.promised,
        "seconds": round(seconds, 1),
    }


def as_text(report: dict[str, Any]) -> str:
    """The report for people."""
    rest = report["rows"] - report["unanswered"]
    notes = "".join(f"{note}\n" for note in report["notes"])
    return (
        f"{report['positive']:,} of {rest:,} cases are called a failure (from "
        f"{report['threshold']:.3f}); {report['unanswered']:,} have no answer to judge. "
        f"{report['abstained']:,} of {report['rows']:,} go to a person.\n{notes}"
        f"Written to {printable(report['out'])} in {report['seconds']:.0f} s."
    )


def notes_of(panel: Panel) -> list[str]:
    """Why more goes to a person than one might expect, or less."""
    if panel.conformal is None:
        return ["This folder was written before judges said what goes to a person: fit again."]
    return list(panel.conformal.notes)


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"
