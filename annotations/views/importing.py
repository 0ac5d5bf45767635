"""Importing in the browser: upload, preview with the columns' mapping, confirm, watch the job."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from annotations.errors import BadInput
from annotations.importing import importer, uploads, work
from annotations.importing.columns import ALIASES, ROLES, ColumnMap
from annotations.importing.importer import Choice, Report
from annotations.importing.planning import Plan
from annotations.importing.words import PARSERS
from annotations.models import Job, Membership, Project
from annotations.permissions import LEADS
from annotations.statuses import Scale
from annotations.tables import Problem, Table
from annotations.tables.problems import MAX_PROBLEMS
from annotations.views.doors import member_page, show

ACTIVE = "Import"
FIRST_CASES = 3
EXAMPLES = 3


@dataclass
class Preview:
    """What the preview page shows of one file under one mapping."""

    name: str
    sha256: str
    choice: Choice
    table: Table | None = None
    plan: Plan | None = None
    report: Report | None = None
    problems: list[Problem] = field(default_factory=list)
    columns: list[dict[str, Any]] = field(default_factory=list)

    @property
    def more_problems(self) -> int:
        return max(0, len(self.problems) - MAX_PROBLEMS)


@member_page(LEADS)
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The upload form, and what was imported before."""
    project, error = membership.project, ""
    if request.method == "POST":
        sent = request.FILES.get("file")
        try:
            sha256 = uploads.keep(sent, project=project)
        except BadInput as refusal:
            error = str(refusal)
        else:
            name = urlencode({"name": uploads.clean_name(getattr(sent, "name", ""))})
            return redirect(f"{reverse('import_preview', args=[project.slug, sha256])}?{name}")
    return show(
        request, membership, "annotations/import.html", active=ACTIVE, error=error,
        status=422 if error else 200, roles=ROLES,
        batches=project.batches.annotate(n=Count("cases")).order_by("-id")[:20],
        jobs=Job.objects.filter(project=project, kind=work.KIND).order_by("-id")[:5],
    )  # fmt: skip


@member_page(LEADS)
@require_http_methods(["GET", "HEAD", "POST"])
def preview(request: HttpRequest, membership: Membership, sha256: str) -> HttpResponse:
    """Nothing is written here; the button “Import” asks the worker to, if nothing is wrong."""
    project, wants_import = membership.project, request.POST.get("act") == "import"
    name = uploads.clean_name(request.POST.get("name") or request.GET.get("name") or "")
    seen = _preview(request.POST, project, sha256=sha256, name=name)
    if wants_import and not seen.problems:
        job = work.ask(project, sha256=sha256, name=name, choice=seen.choice, by=membership.user)
        return redirect("import_job", project.slug, job.pk)
    released = project.rubric.released
    return show(
        request, membership, "annotations/import_preview.html", active=ACTIVE,
        status=422 if wants_import else 200, seen=seen, roles=ROLES, parsers=list(PARSERS),
        scales=list(Scale), first_cases=seen.plan.proposal.cases[:FIRST_CASES] if seen.plan else [],
        shown_problems=seen.problems[:MAX_PROBLEMS], released=released,
        criteria=list(released.criteria.select_related("criterion")) if released else [],
    )  # fmt: skip


@member_page(LEADS)
@require_safe
def job(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """How far the import is; its report when it is done."""
    found = get_object_or_404(Job, pk=pk, project=membership.project, kind=work.KIND)
    part = "#status" if getattr(request, "htmx", False) else ""
    return show(request, membership, f"annotations/import_job.html{part}", active=ACTIVE, job=found)


def _preview(data: QueryDict, project: Project, *, sha256: str, name: str) -> Preview:
    """Read the upload under the mapping of the form, or under the guessed one."""
    path = uploads.find(sha256, project=project)
    seen = Preview(name, sha256, Choice())
    try:
        table = seen.table = importer.open_table(path, name)
        seen.choice = _choice(data, table, project)
        seen.columns = _columns(table, seen.choice.mapping)
        offer = importer.read(table, seen.choice, project=project)
        plan = seen.plan = importer.preview(offer, project=project)
    except importer.FileRefused as error:
        seen.problems = error.found
        return seen
    except BadInput as error:
        seen.problems = [Problem(None, None, str(error))]
        return seen
    seen.problems = plan.problems
    seen.report = importer.report_of(plan, table, sha256=sha256, project=project, done=None)
    return seen


def _choice(data: QueryDict, table: Table, project: Project) -> Choice:
    """The form's choice; before there was a form, the guess."""
    released = project.rubric.released
    keys = [q.criterion.key for q in released.criteria.all()] if released else []
    criterion = data.get("criterion", "").strip() or (keys[0] if keys else "")
    if "columns" not in data:
        return Choice(importer.guess_mapping(table), criterion=criterion)
    pairs: list[tuple[str, str]] = []
    parsers: dict[str, str] = {}
    for number, column in enumerate(table.columns):
        role = data.get(f"role-{number}", "")
        role = ALIASES.get(role, role)
        if role in ROLES:
            pairs.append((role, column))
        if role == "judge" and data.get(f"parser-{number}"):
            parsers[column] = data.get(f"parser-{number}", "")
    if not pairs:
        raise BadInput("Say of at least one column what it is.")
    return Choice(
        mapping=ColumnMap(tuple(pairs), parsers),
        criterion=criterion,
        scale="" if released else data.get("scale", ""),
        positive=() if released else tuple(data.getlist("positive")),
        batch=data.get("batch", "").strip()[:160],
        open_slots=data.get("open_slots") == "on",
    )


def _columns(table: Table, mapping: ColumnMap) -> list[dict[str, Any]]:
    """Each column with its role, its parser, and the first few values in it."""
    role_of = {column: role for role, column in reversed(mapping.pairs)}
    columns = []
    for number, column in enumerate(table.columns):
        examples: dict[str, None] = {}
        for row in table.rows[:200]:
            cell = row[column]
            if cell is not None and len(examples) < EXAMPLES:
                examples[str(cell)[:60]] = None
        columns.append(
            {
                "number": number,
                "name": column,
                "role": role_of.get(column, ""),
                "parser": mapping.parsers.get(column, ""),
                "examples": list(examples),
            }
        )
    return columns
