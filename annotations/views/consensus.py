"""For leads: what all answers say together, how sure that is, and which cases to look at again."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from annotations import consensus, dashboard
from annotations.charts import ForestRow, forest
from annotations.errors import NotFound
from annotations.measurement.results import Estimate
from annotations.models import Case, CriterionVersion, Job, Membership, Project, Rater
from annotations.permissions import LEADS
from annotations.views.doors import member_page, show

ACTIVE = "Consensus"
METHODS = {
    "majority": ("Majority", "every answer counts as one"),
    "one_coin": ("One coin", "each rater has one accuracy"),
    "glad": ("GLAD", "one accuracy a rater and one difficulty a case"),
    "mace": ("MACE", "each rater answers, or guesses by habit"),
    "ordinal": ("Ordinal", "near answers are confused oftener than far ones"),
    "hierarchical": ("Hierarchical", "a table of errors a rater, drawn towards a common one"),
    "dawid_skene": ("Dawid-Skene", "a table of errors for each rater by itself"),
}


@member_page(LEADS)
@require_safe
def consensus_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """One question: the chosen method, its sureness, odd raters, and cases to look at."""
    question = _question(membership.project, request.GET.get("criterion", ""))
    part = "#live" if getattr(request, "htmx", False) else ""
    return show(
        request, membership, f"annotations/consensus.html{part}", active=ACTIVE, question=question,
        questions=dashboard.questions_of(membership.project),
        **(_shown(membership.project, question) if question else {}),
    )  # fmt: skip


@member_page(LEADS)
@require_POST
def measure_consensus(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Ask the worker for the figures on the answers that there are now."""
    question = _question(membership.project, request.POST.get("criterion", ""))
    if question is None:
        raise NotFound("No rubric is released yet: there is no question to measure.")
    consensus.ask(membership.project, question, by=membership.user)
    messages.success(request, "Asked for: it takes seconds, or minutes with many answers.")
    page = reverse("consensus", args=[membership.project.slug])
    return redirect(f"{page}?criterion={question.criterion.key}")


def _question(project: Project, key: str) -> CriterionVersion | None:
    questions = dashboard.questions_of(project)
    if not key:
        return questions[0] if questions else None
    found = next((one for one in questions if one.criterion.key == key), None)
    if found is None:
        raise NotFound("There is no such criterion in the released rubric.")
    return found


def _shown(project: Project, question: CriterionVersion) -> dict[str, Any]:
    stand = consensus.latest(project, question)
    return {"stand": stand, **(_result(project, question, stand.done) if stand.done else {})}


def _result(project: Project, question: CriterionVersion, job: Job) -> dict[str, Any]:
    found = job.result
    listed = [*found["differing"], *found["unsure"]]
    cases = Case.objects.filter(project=project).in_bulk([one["case"] for one in listed])
    errors = [
        ForestRow(_title(name, found), e["value"], e["low"], e["high"], e["n"], e["reason"] or "")
        for name, e in found["error"].items()
    ]
    return {
        "found": found,
        "chosen": METHODS[found["chosen"]],
        "methods": [
            {"name": METHODS[name][0], "what": METHODS[name][1], "figures": figures,
             "is_chosen": name == found["chosen"]}
            for name, figures in found["methods"].items()
        ],
        "claims": found["calibration"],
        "right": Estimate(**found["calibration"]["right"]) if found["calibration"] else None,
        "raters": _raters(project, found["raters"]),
        "differing": [_case(one, cases, question) for one in found["differing"]
                      if one["case"] in cases],
        "unsure": [_case(one, cases, question) for one in found["unsure"] if one["case"] in cases],
        "wide": forest(errors, title="Differs from gold", domain=(0.0, 1.0)),
        "compact": forest(errors, title="Differs from gold", domain=(0.0, 1.0), compact=True),
    }  # fmt: skip


def _title(name: str, found: dict[str, Any]) -> str:
    if name == "chosen":
        return f"Chosen: {METHODS[found['chosen']][0]}"
    return METHODS[name][0]


def _raters(project: Project, flagged: list[dict[str, Any]]) -> list[dict[str, Any]]:
    people = {str(rater.pk): rater for rater in Rater.objects.filter(project=project)}
    return [
        {**one, "name": str(people[one["rater"]]) if one["rater"] in people
         else one["rater"].removeprefix(consensus.JUDGE)}
        for one in flagged
    ]  # fmt: skip


def _case(
    one: dict[str, Any], cases: dict[int, Case], question: CriterionVersion
) -> dict[str, Any]:
    return {
        "case": cases[one["case"]],
        "gold": question.label_of(one["gold"]) if one.get("gold") else "",
        "says": question.label_of(one["says"]),
        "posterior": one["posterior"],
    }
