"""Raters at full speed, next -> submit without a pause: `./run bench annotators [--peer label-studio]`.

Starts the product as a user would (`./run serve`, PostgreSQL with its ordinary, durable settings, one
machine), imports synthetic cases with pre-labels, and lets raters work who are each signed in and keep
a connection of their own: through the browser's requests, and through the API (keys with `api_`). It
tells labels per second, latencies, CPU of the whole server, memory, and what an audit of the product's
own export finds. Planted checks and caps on exposure are off: a repeat is a case that comes twice on
purpose. With a peer the same cases, raters and load go to that one afterwards, on the same server of
PostgreSQL.

The client shares the machine with the server: its CPU is told, and what others used meanwhile. On a
machine that is not quiet trust CPU and ratios, not latencies.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

from _doccano import Doccano  # noqa: E402 - the paths above come first
from _figures import Figure, note, show  # noqa: E402
from _label_studio import LabelStudio  # noqa: E402
from _load import Audit, Books, audit, cases, percentile, under_load  # noqa: E402
from _meter import Usage, quiet_note  # noqa: E402
from _ours import Evalplatform, own_postgres  # noqa: E402

MODES = ("browser", "api")
PEERS = {"label-studio": LabelStudio, "doccano": Doccano}
ISSUE = "limit of the issue"
# At 100,000 cases, 3 raters a case and 10 raters on 2 cores Label Studio 1.23 gave 2.9 labels/s and
# took in 100,000 cases in 98 s: the goals without a peer in the run are these multiples of that.
TIMES_THE_LABELS, PEER_LABELS = 40, 2.9
TIMES_THE_IMPORT, PEER_IMPORT = 10, 100_000 / 98
CPU_MS_A_LABEL = 10
LIMITS_MS = {"p50": (0.50, 30), "p95": (0.95, 80), "p99": (0.99, None)}


@dataclass(frozen=True)
class Run:
    """What one platform did under one load."""

    books: Books
    usage: Usage
    audit: Audit
    import_rate: float

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.usage.server / self.books.driven


def main() -> None:
    options = read_options()
    runs, peer = {}, None
    with own_postgres() as (folder, postgres):
        with Evalplatform(folder / "var", postgres).running() as ours:
            for mode in options.through:
                runs[mode] = run_one(ours, mode, options, folder)
        if options.peer:
            with PEERS[options.peer](folder, postgres).running() as other:
                peer = (other.title, run_one(other, "api", options, folder))
    show(figures_of(runs, peer), as_json=options.json)


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--raters", type=int, default=10)
    parser.add_argument("--overlap", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--through", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--peer", choices=PEERS)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def run_one(platform: Any, mode: str, options: argparse.Namespace, folder: Path) -> Run:
    """A project with its cases and raters, the load on it, and the audit."""
    project = platform.project(mode, raters=options.raters, overlap=options.overlap)
    rows = cases(options.cases, seed=options.seed)
    seconds = project.take_in(rows, folder=folder)
    rate = options.cases / seconds
    note(f"{platform.title}: {options.cases:,} cases imported in {seconds:.1f} s.")
    note(quiet_note(platform.parts()))
    books, usage = asyncio.run(under_load(project.door, platform.parts(), options.seconds))
    for error, times in books.errors.most_common(5):
        note(f"{platform.title}: {times} times {error}")
    if not books.in_window:
        sys.exit(f"{platform.title} ({mode}) took no label in {options.seconds:g} s.")
    note(
        f"{platform.title} through {mode}: {books.driven:,} labels; the client used "
        f"{1000 * usage.client / books.driven:.2f} ms of CPU a label, and all others on this "
        f"machine {usage.other_cores:.2f} cores."
    )
    served = {case for _, case in books.served}
    found = audit(books, project.sheets(books), project.overlap_of(served))
    return Run(books, usage, found, rate)


# ---- figures


def figures_of(runs: dict[str, Run], peer: tuple[str, Run] | None) -> dict[str, Figure]:
    """Those of the first way without a prefix; the other's with its name."""
    figures: dict[str, Figure] = {}
    for number, (mode, run) in enumerate(runs.items()):
        prefix = f"{mode}_" if number else ""
        figures |= {f"{prefix}{name}": one for name, one in figures_of_run(run, peer)}
    return figures


def figures_of_run(run: Run, peer: tuple[str, Run] | None) -> Iterable[tuple[str, Figure]]:
    """By the names that the issue gives them."""
    name, other = peer or (ISSUE, None)
    books, usage = run.books, run.usage
    rate = other.books.labels_per_second if other else None
    goal = TIMES_THE_LABELS * (rate or PEER_LABELS)
    yield "labels_per_second", Figure(books.labels_per_second, "labels/s", goal, name, True, rate)
    for step in ("next", "submit"):
        for word, (share, limit) in LIMITS_MS.items():
            theirs = percentile(getattr(other.books, step), share) if other else None
            ours = percentile(getattr(books, step), share)
            yield f"{step}_{word}_ms", Figure(ours, "ms", limit, name, peer_value=theirs)
    theirs = other.cpu_ms if other else None
    yield (
        "server_cpu_ms_per_label",
        Figure(run.cpu_ms, "ms", CPU_MS_A_LABEL, name, peer_value=theirs),
    )
    for part, seconds in [*usage.cpu.items(), ("client", usage.client)]:
        yield f"{part}_cpu_ms_per_label", Figure(1000 * seconds / books.driven, "ms", None, "")
    theirs = other.usage.memory_mb if other else None
    yield "server_memory_mb", Figure(usage.memory_mb, "MB", None, name, peer_value=theirs)
    counts = {"errors": books.errors.total(), **vars(run.audit)}
    others = {"errors": other.books.errors.total(), **vars(other.audit)} if other else {}
    for key, count in counts.items():
        yield key, Figure(count, "", 0, name, peer_value=others.get(key))
    theirs = other.import_rate if other else None
    goal = TIMES_THE_IMPORT * (theirs or PEER_IMPORT)
    yield (
        "import_cases_per_second",
        Figure(run.import_rate, "cases/s", goal, name, True, theirs),
    )
    yield "other_cpu_cores", Figure(usage.other_cores, "cores", None, "")


if __name__ == "__main__":
    main()
