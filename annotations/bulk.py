"""A change to thousands of cases: a job in chunks, each written together with its checkpoint.

The request that asks for one only writes the job's row. A worker that is killed leaves whole chunks
behind, and the next one goes on after the last; cancelling keeps what is done.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User

from annotations import audit, jobs, queue
from annotations.jobs import JobRun
from annotations.models import Job, Project
from annotations.selection import Selection

CHUNK = 1_000  # a submit on a case of the chunk waits for it: tenths of a second

# What is done to one chunk of case ids, in the chunk's transaction: how many of what it changed.
Change = Callable[[Project, list[int], dict[str, Any]], Counter[str]]
KINDS: dict[str, str] = {}  # the kind of job -> what the trail and the board call it


def ask(kind: str, project: Project, *, selection: Selection, by: User | None, **how: Any) -> Job:
    """Enqueue the change. Asking for the same again while it waits or runs gives the same job.

    A few cases named by hand are changed before this returns, if no worker was quicker.
    """
    arguments = {"project": project.pk, "selection": selection.as_json(), "how": how}
    job = jobs.enqueue(kind, arguments, project=project, by=by)
    if selection.cases:
        return jobs.run_job(job.pk) or Job.objects.get(pk=job.pk)
    return job


def changes(kind: str, verb: str) -> Callable[[Change], Change]:
    """Register a change by chunks as a job: `@bulk.changes("hold_places", "held places")`."""

    def register(change: Change) -> Change:
        KINDS[kind] = verb

        @jobs.handles(kind)
        def handler(run: JobRun) -> dict[str, Any]:
            return run_chunks(run, change, verb)

        return change

    return register


def run_chunks(run: JobRun, change: Change, verb: str) -> dict[str, Any]:
    """Chunk after chunk by the id of the case; a later attempt begins after the last one written."""
    project = Project.objects.get(pk=run.arguments["project"])
    cases = Selection.from_json(run.arguments["selection"]).cases_of(project).order_by("pk")
    if not run.checkpoint:
        count = cases.count()
        run.progress(0, count, "Beginning", cases=count, after=0, seen=0, changed={})
    while not run.checkpoint.get("over"):
        after = run.checkpoint["after"]
        ids = list(cases.filter(pk__gt=after).values_list("pk", flat=True)[:CHUNK])
        with run.fenced():
            _one_chunk(run, change, ids, project, verb)
        # After the chunk: a claim holds its rater's row, which must not wait for a chunk's cases.
        queue.rewind(project)
    return dict(run.checkpoint["changed"])


def _one_chunk(run: JobRun, change: Change, ids: list[int], project: Project, verb: str) -> None:
    """The chunk and its checkpoint in one transaction; an empty chunk is the end, and audited."""
    there = run.checkpoint
    changed = Counter[str](there["changed"])
    if ids:
        changed.update(change(project, ids, run.arguments["how"]))
    else:
        audit.record(verb, project, project=project, by=run.job.created_by, job=run.job.pk,
                     **{key: run.arguments[key] for key in ("selection", "how")},
                     changed=dict(changed))  # fmt: skip
    seen = there["seen"] + len(ids)
    total = max(there["cases"], seen)
    after = ids[-1] if ids else there["after"]
    run.progress(
        seen, total, f"{seen:,} of {total:,} cases",
        after=after, seen=seen, changed=dict(changed), over=not ids,
    )  # fmt: skip
