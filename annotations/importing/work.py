"""The import as a job: read in the worker, with progress, written in one fenced transaction."""

from dataclasses import asdict
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from annotations.importing import uploads
from annotations.importing.importer import Choice, open_table, read, take
from annotations.jobs import SWEEPERS, JobRun, enqueue, handles
from annotations.models import Job, Project
from annotations.tables import Table

KIND = "import_cases"


def register_sweep() -> None:
    """Let the sweep take away uploads that nobody confirmed for a day."""
    if uploads.remove_old not in SWEEPERS:
        SWEEPERS.append(uploads.remove_old)


def ask(project: Project, *, sha256: str, name: str, choice: Choice, by: User) -> Job:
    """Enqueue the import of a stored upload. Asking twice gives the same job."""
    uploads.find(sha256, project=project)
    arguments = {
        "project": project.pk, "sha256": sha256, "name": name, "choice": choice.to_json(),
    }  # fmt: skip
    return enqueue(KIND, arguments, project=project, by=by)


@handles(KIND)
def run_import(run: JobRun) -> dict[str, Any]:
    """Handle one attempt. A later attempt after the commit finds the report in the checkpoint."""
    project = Project.objects.get(pk=run.arguments["project"])
    sha256 = run.arguments["sha256"]
    if "report" not in run.checkpoint:
        run.progress(0, 0, "Reading the file")
        path = uploads.find(sha256, project=project)
        table = open_table(path, run.arguments["name"])
        _import(run, table, project)
    uploads.remove(sha256, project=project)
    return dict(run.checkpoint["report"])


def _import(run: JobRun, table: Table, project: Project) -> None:
    rows = len(table.rows)
    choice = Choice.from_json(run.arguments["choice"])
    offer = read(table, choice, project=project, progress=run.progress)
    run.progress(rows, rows, f"Writing {len(offer.proposal.cases):,} cases")
    with transaction.atomic():
        report = take(
            offer, choice, project=project, sha256=run.arguments["sha256"], by=run.job.created_by
        )
        # Last, so that the job's row is locked only for a moment and the lease can be renewed; a
        # lost lease or a cancel undoes the whole import.
        run.progress(rows, rows, "Done", report=asdict(report))
