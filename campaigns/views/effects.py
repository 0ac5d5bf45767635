"""Effects: what they weigh, how well they are predicted, and what is predicted of one case."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from annotations.case_panels import Panel
from annotations.charts import BarRow, bars
from annotations.errors import BadInput, NotFound
from annotations.measurement.results import Estimate
from annotations.models import Case, Job, Membership
from annotations.permissions import ADJUDICATORS, LEADS, READERS, has_role
from annotations.views.doors import member_page, show
from campaigns import effects
from campaigns.judging.effects.weighing import DEFAULTS, PARTS
from campaigns.models import Campaign, HarmWeights, PredictedEffects

TEMPLATE = "campaigns/effects.html"
QUESTIONS = {"any": "any effect at all", "who": "who bears it", "scale": "how many",
             "likelihood": "how likely", "reversibility": "can it be undone",
             "horizon": "how soon and how long"}  # fmt: skip


@member_page(READERS)
@require_safe
def page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Weights, and how much the predictions gain over the base rate."""
    return shown(request, membership)


def shown(
    request: HttpRequest, membership: Membership, *, typed: dict[str, str] | None = None,
    problem: str = "", status: int = 200,
) -> HttpResponse:  # fmt: skip
    campaign = Campaign.objects.filter(project=membership.project).first()
    context: dict[str, Any] = {"campaign": campaign}
    if campaign:
        weights = effects.weights_of(campaign)
        kept = HarmWeights.objects.filter(campaign=campaign).first()
        learnt = dict(kept.learnt) if kept else {}
        if learnt.get("at"):
            learnt["at"] = datetime.fromisoformat(learnt["at"])
        context |= {
            "groups": [(part, QUESTIONS[part], [field_of(part, word, weights, typed)
                                                for word in DEFAULTS[part]]) for part in PARTS],
            "learnt": learnt,
            "skill": [
                (words, Estimate(**learnt["skill"][part]))
                for part, words in QUESTIONS.items()
                if part in learnt.get("skill", {})
            ],
            "job": Job.objects.filter(project=membership.project, kind=effects.KIND)
            .order_by("-id").first(),
        }  # fmt: skip
    return show(request, membership, TEMPLATE, active="Judges", status=status, problem=problem,
                is_lead=has_role(membership, LEADS), **context)  # fmt: skip


def field_of(part: str, word: str, weights: Any, typed: dict[str, str] | None) -> dict[str, str]:
    name = f"{part}-{word}"
    value = f"{weights[part][word]:g}" if typed is None else typed.get(name, "")
    return {"name": name, "word": word.replace("_", " "), "value": value,
            "default": f"{DEFAULTS[part][word]:g}"}  # fmt: skip


@member_page(LEADS)
@require_POST
def weigh(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Change the weights; what was typed stays where one of them is wrong."""
    campaign = get_object_or_404(Campaign, project=membership.project)
    typed = {key: value for key, value in request.POST.items() if isinstance(value, str)}
    given = {p: {w: _number(typed.get(f"{p}-{w}", "")) for w in DEFAULTS[p]} for p in PARTS}
    try:
        effects.set_weights(campaign, given, by=membership.user)
    except BadInput as problem:
        return shown(request, membership, typed=typed, problem=str(problem), status=422)
    messages.success(request, "The weights are changed: expected harm follows them at once.")
    return redirect("effects", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def learn(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Let the worker learn from what people told so far, and predict."""
    campaign = get_object_or_404(Campaign, project=membership.project)
    effects.learn_later(campaign, by=membership.user)
    messages.success(request, "The worker learns from what people told.")
    return redirect("effects", slug=membership.project.slug)


@member_page(ADJUDICATORS)
@require_safe
def case(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """The distributions of one case, with the cases that they rest on."""
    found = Case.objects.filter(pk=pk, project=membership.project).first()
    if found is None or not effects.can_see(membership, found):
        raise NotFound("There is no such case, or its effects are not to be seen yet.")
    predicted = effects.predicted_of(found)
    part = "#body" if request.htmx else ""  # type: ignore[attr-defined]  # by a middleware
    if predicted is None:
        return show(request, membership, f"campaigns/case_effects.html{part}", active="Cases",
                    case=found, predicted=None)  # fmt: skip
    weights = effects.weights_of(membership.project.campaign)
    near = Case.objects.filter(project=membership.project).in_bulk(
        [int(key) for key, _ in predicted.precedents]
    )
    return show(
        request, membership, f"campaigns/case_effects.html{part}", active="Cases", case=found,
        predicted=predicted, harm=predicted.harm(weights),
        charts=[chart_of(p, predicted.parts[p]) for p in PARTS],
        precedents=[(near[int(key)], s) for key, s in predicted.precedents if int(key) in near
                    and effects.can_see(membership, near[int(key)])],
    )  # fmt: skip


def chart_of(part: str, words: Any) -> dict[str, str]:
    rows = [BarRow(word.replace("_", " "), p, reason="a prediction has no interval of its own")
            for word, p in words.items()]  # fmt: skip
    drawn = {
        size: bars(rows, title=QUESTIONS[part].capitalize(), domain=(0.0, 1.0), compact=compact)
        for size, compact in (("wide", False), ("compact", True))
    }
    return {"title": QUESTIONS[part].capitalize(), **drawn}


def panel(found: Case, membership: Membership) -> Panel | None:
    """The panel on the case's and the adjudicator's page, where there is a prediction to see."""
    there = PredictedEffects.objects.filter(case=found).exists()
    if not there or not effects.can_see(membership, found):
        return None
    address = reverse("case_effects", args=[membership.project.slug, found.pk])
    return Panel("Predicted effects", address)


def _number(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text
