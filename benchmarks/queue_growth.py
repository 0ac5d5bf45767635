"""Does the next case cost more in a long queue? `./run bench queue_growth [--large 1000000]`.

Two projects in a served install: 1,000 cases that were imported, measured first, and then 1,000,000.
Those are 1,000 imported ones, copied in bulk by SQL with their slots and pre-labels, column by column,
without triggers; then the planner is told. The ratio of the latencies of next is the figure.
"""

import argparse
import asyncio
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

from _bulk import multiply  # noqa: E402 - the paths above come first
from _figures import Figure, note, show  # noqa: E402
from _load import Books, cases, percentile, under_load  # noqa: E402
from _meter import Usage, quiet_note  # noqa: E402
from _ours import Evalplatform, own_postgres  # noqa: E402

ISSUE = "limit of the issue"
GROWTH = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=int, default=1_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--raters", type=int, default=2)
    parser.add_argument("--overlap", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--through", choices=("browser", "api"), default="browser")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with (
        own_postgres() as (folder, postgres),
        Evalplatform(folder / "var", postgres).running() as ours,
    ):
        small = measured(ours, options, folder, copies=0)
        large = measured(ours, options, folder, copies=options.large // options.small - 1)
    show(figures_of(small, large, options), as_json=options.json)


def measured(
    ours: Evalplatform, options: argparse.Namespace, folder: Path, *, copies: int
) -> Books:
    """A project of its own under load."""
    project = ours.project(options.through, raters=options.raters, overlap=options.overlap)
    project.take_in(cases(options.small, seed=options.seed + copies), folder=folder)
    if copies:
        began = time.monotonic()
        multiply(project.slug, copies)
        note(
            f"{options.small * (copies + 1):,} cases laid down in {time.monotonic() - began:.0f} s."
        )
    note(quiet_note(ours.parts()))
    books, usage = asyncio.run(under_load(project.door, ours.parts(), options.seconds))
    for error, times in books.errors.most_common(5):
        note(f"{times} times {error}")
    if not books.in_window:
        sys.exit(f"No label was taken in {options.seconds:g} s.")
    note(f"Others on this machine used {usage.other_cores:.2f} cores meanwhile.")
    return books, usage


def figures_of(
    small: tuple[Books, Usage], large: tuple[Books, Usage], options: argparse.Namespace
) -> dict[str, Figure]:
    """The latencies and the CPU of the server, and how much they grew."""
    figures: dict[str, Figure] = {}
    for step in ("next", "submit"):
        for word, share in (("p50", 0.50), ("p95", 0.95)):
            few, many = (percentile(getattr(books, step), share) for books, _ in (small, large))
            figures[f"{step}_{word}_ms_at_{options.small}"] = Figure(few, "ms", None, "")
            figures[f"{step}_{word}_ms_at_{options.large}"] = Figure(many, "ms", None, "")
            goal = GROWTH if (step, word) == ("next", "p50") else None
            figures[f"{step}_{word}_growth"] = Figure(
                many / few, "times", goal, ISSUE if goal else ""
            )
    few, many = (1000 * usage.server / books.driven for books, usage in (small, large))
    figures[f"server_cpu_ms_per_label_at_{options.small}"] = Figure(few, "ms", None, "")
    figures[f"server_cpu_ms_per_label_at_{options.large}"] = Figure(many, "ms", None, "")
    figures["server_cpu_growth"] = Figure(many / few, "times", None, "")
    return figures


if __name__ == "__main__":
    main()
