"""How long a whole round takes, and the import of a real file: `./run bench one_round [--json]`.

A round of 1,000 candidates against the sandbox, labelled by three simulated raters through the same
queue and submits as people's, measured, adjudicated and calibrated; and XSTest's 2,250 cases with
two raters and two judges, where the shared data is.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import django
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

from _figures import Figure, show  # noqa: E402 - the paths above come first

LIMIT = "limit of the issue"
XSTEST = [
    "case=id", "target=model", "prompt=prompt", "response=completion", "rater=annotation_1",
    "rater=annotation_2", "judge=strmatch_label", "judge=gpt4_label", "stratum=type",
    "settled=final_label",
]  # fmt: skip


def timed(*command: str) -> tuple[float, str]:
    """Seconds that a management command takes in this process, and what it printed."""
    with tempfile.TemporaryFile("w+") as out:
        started = time.perf_counter()
        call_command(*command, stdout=out)
        seconds = time.perf_counter() - started
        out.seek(0)
        return seconds, out.read()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evalplatform.settings")
    django.setup()
    call_command("migrate", verbosity=0)
    figures = {}
    file = (
        Path(os.environ.get("EVALPLATFORM_DATA", ROOT.parent / "shared/data"))
        / "xstest_annotated.csv"
    )
    if file.exists():
        maps = [word for role in XSTEST for word in ("--map", role)]
        seconds, _ = timed("import_cases", str(file), "--project", "xstest", "--create", *maps)
        figures["import_xstest"] = Figure(seconds, "s", 20, LIMIT)
    else:
        print(f"Skipped: {file} is not here, so no import is measured.", file=sys.stderr)
    seconds, printed = timed(
        "run_round", "--campaign", "demo", "--simulated-raters", "3", "--seed", "7",
        "--size", str(options.size), "--json",
    )  # fmt: skip
    report = json.loads(printed)
    if report["status"] != "next":
        sys.exit(f"The round stopped at {report['status']}: {report['findings']}")
    figures[f"round_of_{options.size}"] = Figure(seconds, "s", 180, LIMIT)
    show(figures, as_json=options.json)


if __name__ == "__main__":
    main()
