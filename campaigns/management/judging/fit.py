"""`judges fit TRAIN`: judges learnt from a file of labelled cases, combined, kept in a folder."""

import json
import os
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from annotations.measurement.results import Estimate
from annotations.tables import TableError, read_table
from annotations.tables.problems import printable, shown
from campaigns.embeddings import encoder, encoder_on, pair_body
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.fitting import Panel, fit_panel
from campaigns.judging.members import MEMBERS, Judge, make_members
from campaigns.judging.members.cross_encoder import LEAST_CASES, CrossEncoderJudge
from campaigns.judging.members.cross_encoder import NAME as FINE_TUNED
from campaigns.judging.members.hub_classifier import HubClassifierJudge, load_classifier
from campaigns.management.judging.cache import Cache
from campaigns.management.judging.folder import (
    WEIGHTS,
    FolderWeights,
    JudgesFolder,
    is_ours,
    write_folder,
)
from campaigns.management.judging.rows import COLUMNS, LabelledRows, TextColumns, read_labelled

NAME = "fit"
FOLDS = 6  # of the cross-fit: two for each model of the fine-tuned judge
HELP = "fit judges to labelled cases, combine and calibrate them, keep them in a folder"


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="TRAIN", help="labelled cases, a row each")
    parser.add_argument("--response", required=True, metavar="COL", help="the answer to judge")
    parser.add_argument("--label", required=True, metavar="COL", help="what people decided")
    parser.add_argument("--positive", required=True, metavar="VALUE", help="the label of a failure")
    parser.add_argument("--to", required=True, metavar="DIR", help="the folder to write")
    parser.add_argument("--context", metavar="COL", help="what stood before the prompt")
    parser.add_argument("--prompt", metavar="COL", help="what was asked")
    parser.add_argument("--deployment", metavar="COL", help="where the target runs")
    parser.add_argument("--asker", metavar="COL", help="who asks")
    parser.add_argument("--family", metavar="COL", help="the seed that a case is a variant of")
    parser.add_argument("--judges", metavar="a,b", help=f"which ({', '.join(judge_names())})")
    parser.add_argument("--classifier", metavar="FOLDER",
                        help="a text classifier of Hugging Face's format as one more judge")  # fmt: skip
    parser.add_argument("--minutes", type=float, default=60, metavar="N",
                        help="what the fine-tuned judge may take (60)")  # fmt: skip
    parser.add_argument("--bound", type=float, default=0.05,
                        help="the share of other cases that may be called failures (0.05)")  # fmt: skip
    parser.add_argument("--cache", metavar="FOLDER", help="embeddings and scores (DIR/cache)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(options: dict[str, Any]) -> str:
    """Reads, fits, writes; a wrong file or question is told in plain sentences."""
    began = time.monotonic()
    folder = Path(options["to"])
    check(options, folder)
    try:
        rows = read_rows(options)
        panel = fit(rows, options, folder)
        made = write_folder(folder, panel, told=told_of(rows, panel, options))
    except TableError as problem:
        raise CommandError(f"{printable(options['file'])} was not read.\n{problem}") from problem
    except (CannotFit, BadScores) as problem:
        raise CommandError(printable(str(problem))) from problem
    except OSError as problem:
        raise CommandError(
            f"{printable(str(folder))} cannot be written: {problem.strerror}."
        ) from problem
    report = report_of(made, panel, rows, seconds=time.monotonic() - began)
    if options["json"]:
        return json.dumps(report, ensure_ascii=False, allow_nan=False)
    return as_text(report)


def judge_names() -> list[str]:
    """The judges that can be chosen."""
    return [*MEMBERS, FINE_TUNED]


def check(options: dict[str, Any], folder: Path) -> None:
    """Raise `CommandError` for a question that makes no sense, before anything is read."""
    unknown = set(chosen(options)) - set(judge_names())
    if unknown:
        raise CommandError(
            f"No judge is called {', '.join(map(shown, sorted(unknown)))}. There are: "
            f"{', '.join(judge_names())}."
        )
    if options["seed"] < 0:
        raise CommandError("--seed is zero or a positive number.")
    if not 0 < options["bound"] < 1:
        raise CommandError("--bound is a share between 0 and 1, such as 0.05.")
    if not options["minutes"] > 0:
        raise CommandError("--minutes is a positive number.")
    if not is_ours(folder):
        raise CommandError(
            f"{printable(str(folder))} is there and is no folder of judges: name a new folder, or "
            "one that “judges fit” wrote before."
        )


def chosen(options: dict[str, Any]) -> list[str]:
    """The judges that are asked for; without --judges all of them, as far as they pay."""
    if options["judges"] is None:
        return judge_names()
    return [name.strip() for name in options["judges"].split(",") if name.strip()]


def read_rows(options: dict[str, Any]) -> LabelledRows:
    """The labelled cases of the file."""
    columns = TextColumns(**{name: options[name] for name in COLUMNS})
    return read_labelled(
        read_table(options["file"]), columns,
        label=options["label"], positive=options["positive"].strip(), family=options["family"],
    )  # fmt: skip


def fit(rows: LabelledRows, options: dict[str, Any], folder: Path) -> Panel:
    """The judges and their ensemble; progress goes to stderr."""
    names = chosen(options)
    if options["judges"] is None and (len(rows.y) < LEAST_CASES or pair_body() is None):
        names.remove(FINE_TUNED)
    members = make_judges(
        names, cache_of(options["cache"], folder), folder, seconds=options["minutes"] * 60
    )
    if options["classifier"]:
        members.append(HubClassifierJudge(load_classifier(options["classifier"])))
    return fit_panel(
        members, rows.examples, rows.y, bound_over_block=options["bound"], folds=FOLDS,
        seed=options["seed"], tell=tell,
    )  # fmt: skip


def cache_of(asked: str | None, folder: Path) -> Cache:
    """The cache that is asked for, or the folder's own."""
    return Cache(Path(asked) if asked else folder / "cache")


def make_judges(
    names: list[str], cache: Cache, folder: Path, *, seconds: float | None = None
) -> list[Judge]:
    """The judges by name, over an encoder that remembers; large weights lie in the folder."""
    coder, body = encoder_on(cores()), pair_body()
    if body:
        body.threads = cores()
    encode = cache.encode(coder.encode, coder.revision, progress=tell_embedded)
    made = make_members(
        encode,
        coder.revision,
        pairs=cache.encode_pairs(body, progress=tell_embedded) if body else None,
        pairs_encoder=body.rows_revision if body else "",
    )
    fine_tuned = CrossEncoderJudge(
        body, FolderWeights(folder / WEIGHTS), missing=coder.note, seconds=seconds,
        progress=tell_taught,
    )  # fmt: skip
    from_elsewhere = HubClassifierJudge()  # reads back what was fitted over a classifier
    return [one for one in (*made, fine_tuned, from_elsewhere) if one.name in names]


def tell(line: str) -> None:
    """Progress for people, out of the way of what is printed."""
    print(line, file=sys.stderr, flush=True)


def tell_embedded(done: int, total: int) -> None:
    """How far the embedding is, where it takes a while."""
    if total > 1000:
        tell(f"  embedded {done:,} of {total:,} texts")


def tell_taught(done: int, total: int, what: str) -> None:
    """How far the fine-tuning is, twenty times over."""
    if done == total or done % max(1, total // 20) == 0:
        tell(f"  {what}: {done:,} of {total:,}")


def told_of(rows: LabelledRows, panel: Panel, options: dict[str, Any]) -> dict[str, Any]:
    """What the folder says of itself beside its files."""
    coder = encoder()
    return {
        "encoder": {"name": coder.name, "revision": coder.revision},
        "columns": {name: options[name] for name in COLUMNS},
        "label": {"positive": options["positive"].strip(), "other": rows.other},
        "cases": len(rows.y),
        "positives": int(rows.y.sum()),
        "families": len({one.family for one in rows.examples}),
        "seed": options["seed"],
        "notes": [*rows.notes, *([coder.note] if coder.note else [])],
    }


def report_of(
    made: JudgesFolder, panel: Panel, rows: LabelledRows, *, seconds: float
) -> dict[str, Any]:
    """What was fitted and how well it does, as plain values."""
    quality = panel.ensemble.quality
    rates = {
        name: getattr(quality, name).as_json()
        for name in ("auroc", "accuracy", "evasion", "over_block")
    }
    return {
        "folder": str(made.path),
        "revision": made.revision,
        "cases": len(rows.y),
        "positives": int(rows.y.sum()),
        "families": made.manifest["families"],
        "judges": {
            one.name: {
                "auroc": one.auroc.as_json(), "used": one.used, "reason": one.reason,
                "weight": panel.ensemble.weights.get(one.name),
            }
            for one in panel.ensemble.members
        },
        "failures": dict(panel.failures),
        "ensemble": {
            **rates, "log_loss": quality.log_loss, "brier": quality.brier,
            "calibration": asdict(quality.calibration),
        },
        "threshold": asdict(panel.ensemble.threshold),
        "person": person_of(panel),
        "notes": made.manifest["notes"],
        "seconds": round(seconds, 1),
    }  # fmt: skip


def person_of(panel: Panel) -> dict[str, Any]:
    """What goes to a person, and how wrong the ensemble is about the rest."""
    if panel.conformal is None or panel.decisions is None:
        return {}
    found = panel.decisions
    return {
        "level": panel.conformal.alpha,
        "to_person": found.to_person.as_json(),
        "wrong": found.wrong.as_json(),
        "passed": found.passed.as_json(),
        "blocked": found.blocked.as_json(),
        "notes": list(panel.conformal.notes),
    }


def as_text(report: dict[str, Any]) -> str:
    """The report for people."""
    lines = [f"Note: {note}" for note in report["notes"]]
    lines.append(
        f"{report['cases']:,} cases, {report['positives']:,} positive, "
        f"{report['families']:,} families"
    )
    for name, one in report["judges"].items():
        vote = "" if one["used"] else f" left out: {one['reason']}"
        lines.append(f"  {name:<14} area under the curve {Estimate(**one['auroc'])}{vote}")
    lines += [f"  {name}: {reason}" for name, reason in report["failures"].items()]
    ensemble, threshold = report["ensemble"], report["threshold"]
    lines.append("The ensemble on families that it has not seen:")
    lines += [
        f"  {told:<22} {Estimate(**ensemble[name])}"
        for name, told in (
            ("auroc", "area under the curve"), ("accuracy", "accuracy"),
            ("evasion", "failures missed"), ("over_block", "others called failures"),
        )
    ]  # fmt: skip
    lines.append(f"Positive from {threshold['value']:.3f}. {threshold['reason']}".rstrip())
    if person := report["person"]:
        lines.append(f"  goes to a person       {Estimate(**person['to_person'])}")
        lines.append(f"  wrong about the rest   {Estimate(**person['wrong'])}")
        lines += [f"  {note}" for note in person["notes"]]
    lines.append(f"Written to {printable(report['folder'])} in {report['seconds']:.0f} s.")
    return "\n".join(lines)


def cores() -> int:
    """The processor's cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
