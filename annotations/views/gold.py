"""The gold page: what is settled and how, how often each answer, and its releases."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from annotations import rates, releases, rubrics, strata
from annotations.answers import Answer
from annotations.charts import BarRow, bars
from annotations.errors import BadInput, NotFound
from annotations.exports import FORMATS, records
from annotations.measurement.results import Estimate
from annotations.models import Criterion, CriterionVersion, Gold, Membership, Project
from annotations.permissions import LEADS, READERS, has_role
from annotations.rates import Rates
from annotations.statuses import Provenance, VerdictStatus
from annotations.views import sheets
from annotations.views.doors import member_page, show

ACTIVE = "Gold"
PAGE = 50
POSITIVE = "positive"


@member_page(READERS)
@require_safe
def gold(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Counts, rates by strata, the settled answers one by one, and the releases."""
    project = membership.project
    table = _table(project, request.GET)
    if getattr(request, "htmx", False):
        return show(request, membership, "annotations/gold.html#table", active=ACTIVE, **table)
    counts = rates.provenance_counts(project)
    current = records.current_gold(project)
    return show(
        request, membership, "annotations/gold.html", active=ACTIVE, counts=counts,
        total=sum(counts.values()), n_simulated=current.filter(is_simulated=True).count(),
        can_lead=has_role(membership, LEADS), **table, **_rates(project, request.GET),
        releases=_releases(project),
        downloads=[(name, known.title) for name, known in FORMATS.items()],
        current_url=reverse("api_gold", args=[project.slug]), host=request.get_host(),
        scheme=request.scheme,
    )  # fmt: skip


@member_page(LEADS)
@require_POST
def release(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Freeze the gold that stands; the same gold again is the release that it already is."""
    note = sheets.clean(request.POST.get("note", "")).strip()[:2_000]
    try:
        made = releases.release(membership.project, by=membership.user, note=note)
    except BadInput as error:
        messages.warning(request, str(error))
    else:
        messages.success(
            request, f"Release {made.number} holds {made.n_items:,} answers, "
            f"sha256 {made.sha256[:12]}…"
        )  # fmt: skip
    return redirect(f"{reverse('gold', args=[membership.project.slug])}#releases")


@member_page(LEADS)
@require_POST
def positive(request: HttpRequest, membership: Membership, key: str) -> HttpResponse:
    """Say which answers of a criterion count as a failure seen."""
    project = membership.project
    criterion = Criterion.objects.filter(rubric=project.rubric, key=key).first()
    if criterion is None:
        raise NotFound("There is no such criterion in this project's rubric.")
    values = [sheets.clean(value) for value in request.POST.getlist("positive")]
    rubrics.set_positive(criterion, values, by=membership.user)
    said = ", ".join(values) or "no answer"
    messages.success(request, f"Counted as positive from now on: {said}. Labels did not change.")
    query = urlencode({"criterion": criterion.key})
    return redirect(f"{reverse('gold', args=[project.slug])}?{query}#rates")


# ---- the answers one by one


def _table(project: Project, query: QueryDict) -> dict[str, Any]:
    """The page of settled answers that the filters leave, and the filters themselves."""
    filters = {
        name: sheets.clean(query.get(name, "")).strip()[:200]
        for name in ("q", "on", "answer", "provenance", "simulated")
    }
    rows = _filtered(records.current_gold(project), filters).select_related("criterion_version")
    page = Paginator(rows.order_by("case__external_id", "id"), PAGE).get_page(query.get("page"))
    kept = {name: value for name, value in filters.items() if value}
    return {
        "page": page,
        "rows": [_row(row) for row in page.object_list],
        "filters": filters,
        "query": urlencode(kept),
        "is_filtered": bool(kept),
        "keys": list(project.rubric.criteria.order_by("key").values_list("key", flat=True)),
        "words": _words(project),
        "provenances": list(Provenance),
    }


def _filtered(rows: QuerySet[Gold], filters: dict[str, str]) -> QuerySet[Gold]:
    if filters["q"]:
        rows = rows.filter(case__external_id__icontains=filters["q"])
    if filters["on"]:
        rows = rows.filter(criterion__key=filters["on"])
    if filters["answer"]:
        answer = Answer.parse(filters["answer"])
        rows = rows.filter(status=answer.status, value=answer.value)
    if filters["provenance"]:
        rows = rows.filter(provenance=filters["provenance"])
    if filters["simulated"]:
        rows = rows.filter(is_simulated=filters["simulated"] == "yes")
    return rows


def _words(project: Project) -> list[str]:
    """Every answer that stands in the gold, as the filter offers it."""
    seen = Gold.objects.filter(project=project, superseded_at__isnull=True)
    pairs = seen.order_by("status", "value").values_list("status", "value").distinct()
    return [Answer(VerdictStatus(status), value).word for status, value in pairs]


def _row(row: Gold) -> dict[str, Any]:
    version = row.criterion_version
    given = sorted(row.dissent.items(), key=lambda item: (-item[1], item[0]))
    return {
        "gold": row,
        "answer": sheets.label_of(version, Answer(VerdictStatus(row.status), row.value)),
        "is_positive": row.value != "" and row.value in row.criterion.positive,
        "counts": [(sheets.label_of(version, Answer.parse(word)), n) for word, n in given],
    }


# ---- rates


def _rates(project: Project, query: QueryDict) -> dict[str, Any]:
    """How often each answer, by up to two strata, for one criterion."""
    questions = _questions(project)
    if not questions:
        return {"question": None}
    wanted = query.get("criterion", "")
    question = next((q for q in questions if q.criterion.key == wanted), questions[0])
    names = strata.names(project)
    by = [name for name in dict.fromkeys((query.get("by"), query.get("and"))) if name in names]
    groups = rates.answer_rates(
        project, question.criterion, answers=question.values, by=[str(name) for name in by]
    )
    shown = query.get("show", "")
    shown = shown if shown in (*question.values, POSITIVE) else POSITIVE
    if shown == POSITIVE and not question.criterion.positive:
        shown = question.values[0]
    return {
        "question": question,
        "questions": questions,
        "by_names": names,
        "by": by,
        "first_by": by[0] if by else "",
        "second_by": by[1] if len(by) > 1 else "",
        "shown": shown,
        "shown_label": _label(question, shown),
        "options": [
            {"value": value, "label": question.label_of(value),
             "positive": value in question.criterion.positive}
            for value in question.values
        ],
        "groups": [_group(group, question) for group in groups],
        **_drawings(groups, question, shown),
    }  # fmt: skip


def _questions(project: Project) -> list[CriterionVersion]:
    """The questions of the released rubric."""
    version = project.rubric.released
    return list(version.criteria.select_related("criterion")) if version else []


def _label(question: CriterionVersion, shown: str) -> str:
    return "counted as positive" if shown == POSITIVE else f"“{question.label_of(shown)}”"


def _group(group: Rates, question: CriterionVersion) -> dict[str, Any]:
    return {
        "label": group.label or "All settled",
        "estimates": [group.answers[value] for value in question.values],
        "positive": group.positive,
        "no_answer": group.no_answer,
        "simulated": group.simulated,
    }


def _drawings(groups: list[Rates], question: CriterionVersion, shown: str) -> dict[str, str]:
    rows = []
    for group in groups:
        e: Estimate = group.positive if shown == POSITIVE else group.answers[shown]
        label = group.label or "All settled"
        rows.append(BarRow(label, e.value, e.low, e.high, e.n, e.reason or ""))
    title = f"{question.name}: share of answers {_label(question, shown)}"
    return {
        "bars_wide": bars(rows, title=title, domain=(0.0, 1.0)),
        "bars_compact": bars(rows, title=title, domain=(0.0, 1.0), compact=True),
    }


def _releases(project: Project) -> list[dict[str, Any]]:
    """Every release with its addresses, the newest first."""
    found = []
    for made in project.releases.select_related("rubric_version").order_by("-number"):
        address = reverse("api_release_download", args=[project.slug, made.number])
        links = [(known.title, f"{address}?as={name}") for name, known in FORMATS.items()]
        manifest = made.manifest
        simulated = manifest.get("simulated_raters", 0) or manifest.get("simulated_responses", 0)
        found.append({"made": made, "links": links, "simulated": simulated, "address": address})
    return found
