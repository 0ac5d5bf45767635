"""More raters for 100,000 cases: `./run bench overlap_change`. Does the request wait, does the work?

A lead asks on the queue's board for overlap 3 where it was 1; the request must answer at once and the
worker do the rest, while raters go on labelling through the room. Of the cases 1,000 are imported and
the others copied from them in bulk by SQL.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

from _bulk import multiply  # noqa: E402 - the paths above come first
from _figures import Figure, note, show  # noqa: E402
from _http import Agent  # noqa: E402
from _load import Books, cases, drive, percentile  # noqa: E402
from _meter import quiet_note  # noqa: E402
from _ours import Evalplatform, Project, own_postgres  # noqa: E402

ISSUE = "limit of the issue"
REQUEST_MS = 300
SEED_CASES = 1_000
GIVE_UP_SECONDS = 900.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--raters", type=int, default=2)
    parser.add_argument("--before", type=int, default=1)
    parser.add_argument("--after", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with (
        own_postgres() as (folder, postgres),
        Evalplatform(folder / "var", postgres).running() as ours,
    ):
        project = ours.project("browser", raters=options.raters, overlap=options.before)
        seeds = min(SEED_CASES, options.cases)
        project.take_in(cases(seeds, seed=options.seed), folder=folder)
        if copies := options.cases // seeds - 1:
            multiply(project.slug, copies)
        note(quiet_note(ours.parts()))
        request_ms, job_seconds, books = asyncio.run(change(project, options.after))
        reached = share_with(project, options.after)
    show(figures_of(request_ms, job_seconds, books, reached), as_json=options.json)


async def change(project: Project, overlap: int) -> tuple[float, float, Books]:
    """Ask, and label until the job is over: ms of the request, seconds of the job, the raters' books."""
    raters: Sequence[Agent] = await project.door.sign_in()
    lead = await project.lead()
    books = Books()
    work = asyncio.create_task(drive(project.door, raters, books, seconds=GIVE_UP_SECONDS))
    began = time.perf_counter()
    sent = {"scope": "all", "act": "overlap", "way": "set", "to": str(overlap)}
    (await lead.post_form(f"/p/{project.slug}/queue/change/", sent)).expect(302)
    answered = time.perf_counter()
    while await asyncio.to_thread(project.has_live_job):
        await asyncio.sleep(0.2)
    over = time.perf_counter()
    books.ended = min(books.ended, over)
    await work
    for agent in (lead, *raters):
        agent.close()
    return 1000 * (answered - began), over - began, books


def share_with(project: Project, overlap: int) -> float:
    """The share of the cases that have so many raters now, or more (the audit slice)."""
    found = list(project.overlap_of_all().values())
    return sum(one >= overlap for one in found) / len(found)


def figures_of(
    request_ms: float, job_seconds: float, books: Books, reached: float
) -> dict[str, Figure]:
    return {
        "overlap_request_ms": Figure(request_ms, "ms", REQUEST_MS, ISSUE),
        "overlap_job_seconds": Figure(job_seconds, "s", None, ""),
        "cases_changed_share": Figure(reached, "", 1, ISSUE, at_least=True),
        "next_p95_ms_meanwhile": Figure(percentile(books.next, 0.95), "ms", None, ""),
        "submit_p95_ms_meanwhile": Figure(percentile(books.submit, 0.95), "ms", None, ""),
        "errors_meanwhile": Figure(books.errors.total(), "", 0, ISSUE),
    }


if __name__ == "__main__":
    main()
