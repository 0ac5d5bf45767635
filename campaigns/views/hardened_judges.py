"""Judges taught again on found evasions: start it, see case by case what it gains and loses, take it or not."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from annotations.errors import BadInput, Conflict
from annotations.measurement.results import Estimate
from annotations.models import Job, Membership
from annotations.permissions import LEADS, READERS, has_role
from annotations.views.doors import member_page, show
from campaigns import hardened_judges, versions
from campaigns.gold_sets import frozen_set
from campaigns.hardened_judges import HARDENING
from campaigns.judging.hardening import LEAST_EVASIONS
from campaigns.models import Campaign, EnsembleVersion
from campaigns.views.versions import DIFFERENCES

TEMPLATE = "campaigns/hardened_judges.html"


@member_page(READERS)
@require_safe
def page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """What got past the judges, what teaching it again brought, and the version that is offered."""
    part = "#work" if request.GET.get("part") == "work" else ""
    context = _standing(membership)
    shown = show(request, membership, TEMPLATE + part, active="Judges", **context)
    if part and not (context["job"] and context["job"].is_live):
        shown["HX-Refresh"] = "true"  # it is done: the result stands further down
    return shown


@member_page(LEADS)
@require_POST
def start(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Ask the worker to teach the judges again."""
    try:
        hardened_judges.harden_later(_campaign(membership), by=membership.user)
    except (BadInput, Conflict) as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, "The worker teaches the judges again.")
    return redirect("hardened_judges", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def decide(request: HttpRequest, membership: Membership, number: int) -> HttpResponse:
    """Take the version that is offered, or leave it."""
    one = get_object_or_404(EnsembleVersion, campaign=_campaign(membership), number=number)
    takes = request.POST.get("decision") == "take"
    try:
        (hardened_judges.take if takes else hardened_judges.leave)(one, by=membership.user)
    except Conflict as problem:
        messages.error(request, str(problem))
    else:
        done = "is the current ensemble now" if takes else "is left; the current ensemble stays"
        messages.success(request, f"{one} {done}.".capitalize())
    return redirect("hardened_judges", slug=membership.project.slug)


def _campaign(membership: Membership) -> Campaign:
    return get_object_or_404(Campaign, project=membership.project)


def _standing(membership: Membership) -> dict[str, Any]:
    campaign = Campaign.objects.filter(project=membership.project).first()
    jobs = Job.objects.filter(project=membership.project, kind=hardened_judges.KIND)
    job = jobs.order_by("-id").first()
    made = hardened_judges.current(campaign) if campaign else None
    one = hardened_judges.offered(campaign) if campaign else None
    context: dict[str, Any] = {
        "campaign": campaign, "made": made, "offered": one, "job": job,
        "is_lead": has_role(membership, LEADS), "least": LEAST_EVASIONS,
        "few": versions.FEW_POSITIVES,
        "past": campaign.ensembles.filter(report__has_key=HARDENING)
        .order_by("-number") if campaign else [],
    }  # fmt: skip
    if made and not (job and job.is_live):  # the page asks every two seconds while it works
        gold = hardened_judges.learnt_from(made)
        frozen = frozen_set(made.campaign, made.question)
        context |= {
            "evasions": len(hardened_judges.evasions_of(made, gold)),
            "failures": int(gold.y.sum()),
            "frozen": {"n": len(frozen.y), "positives": int(frozen.y.sum()),
                       "families": len(set(frozen.families))},
        }  # fmt: skip
    if one and campaign:
        context |= _compared(campaign, one, membership) | _trials(one.report[HARDENING])
    elif job and job.result.get("trials"):
        context |= _trials(job.result)
    return context


def _trials(kept: dict[str, Any]) -> dict[str, Any]:
    """The recipes as rows, the judges as they are first."""
    rows = [
        {"name": name, "evasion": Estimate(**one["evasion"]), "gained": one["gained"],
         "over_block": Estimate(**one["over_block"]), "lost": one["lost"],
         "recovered": one["recovered"], "chosen": name == kept["recipe"], "plain": plain}
        for name, one, plain in (
            ("the judges as they are", kept["plain"], True),
            *((one["name"], one, False) for one in kept["trials"]),
        )
    ]  # fmt: skip
    return {"trials": rows, "told": kept["told"], "tried": kept}


def _compared(campaign: Campaign, one: EnsembleVersion, membership: Membership) -> dict[str, Any]:
    """The offered version against the one that it was made from, on the frozen test."""
    pair = hardened_judges.comparison(campaign, one)
    if pair is None:
        return {"said": None}
    said = versions.between(*pair)
    address = reverse("version_cases", args=[membership.project.slug])
    here = {"from": pair[0].made.number, "to": one.number}
    links = [
        (title.format(one), len(getattr(said, what)),
         f"{address}?{urlencode({**here, 'what': what})}", what in ("caught", "cleared"))
        for what, title in DIFFERENCES.items()
    ]  # fmt: skip
    return {"said": said, "links": links}
