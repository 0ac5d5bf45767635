"""The versions page: every ensemble on the same frozen test, what the newest gained and lost, its release."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from annotations import visibility
from annotations.charts import ForestRow, Reference, forest
from annotations.errors import Conflict
from annotations.measurement.results import Estimate
from annotations.models import Job, Membership
from annotations.permissions import LEADS, READERS, has_role
from annotations.views.doors import member_page, show
from campaigns import learning, staleness, versions
from campaigns.judging.learning_curve import Point
from campaigns.models import Campaign, EnsembleVersion
from campaigns.statuses import EnsembleStatus
from campaigns.versions import FEW_POSITIVES, Tested

TEMPLATE = "campaigns/versions.html"
PAGE = 50
MOST_NOTE = 2_000
# What differs between two versions, in the words of its cases' page.
DIFFERENCES = {
    "caught": "Failures that only {} catches",
    "missed": "Failures that {} no longer catches",
    "cleared": "Other cases that {} no longer blocks",
    "blocked": "Other cases that only {} blocks",
}


@member_page(READERS)
@require_safe
def page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """All versions of the main criterion on the frozen test, and two of them case by case."""
    campaign = Campaign.objects.filter(project=membership.project).first()
    newest = versions.newest(campaign) if campaign else None
    if request.GET.get("part") == "curve":
        return show(request, membership, f"{TEMPLATE}#curve", active="Judges",
                    **_curve(newest, membership))  # fmt: skip
    context: dict[str, Any] = {"campaign": campaign, "newest": newest, "few": FEW_POSITIVES}
    if campaign and newest:
        found = versions.tested(campaign, newest.question)
        context |= _standing(campaign, newest, found)
        context |= _compared(found, request.GET, membership)
        context |= _curve(newest, membership)
    return show(request, membership, TEMPLATE, active="Judges", **context)


@member_page(READERS)
@require_safe
def cases(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The frozen cases on which two versions differ, as far as this reader may know their answers."""
    campaign = Campaign.objects.filter(project=membership.project).first()
    newest = versions.newest(campaign) if campaign else None
    found = versions.tested(campaign, newest.question) if campaign and newest else []
    pair, what = _pair(found, request.GET), request.GET.get("what", "")
    context: dict[str, Any] = {"title": "Cases that differ", "cases": [], "n": 0, "hidden": 0}
    if pair:
        what = what if what in DIFFERENCES else "caught"
        rows = getattr(versions.between(*pair), what)
        ids = [pair[1].gold.cases[row].pk for row in rows]
        shown = visibility.cases_with_answers_for(membership).filter(pk__in=ids).order_by("pk")
        numbers = {"from": pair[0].made.number, "to": pair[1].made.number}
        context = {
            "title": DIFFERENCES[what].format(pair[1].made), "cases": shown[:PAGE], "n": len(ids),
            "hidden": len(ids) - shown.count(), "back": f"?{urlencode(numbers)}",
        }  # fmt: skip
    return show(request, membership, "campaigns/version_cases.html", active="Judges", **context)


@member_page(LEADS)
@require_POST
def release(request: HttpRequest, membership: Membership, number: int) -> HttpResponse:
    """The lead's word that this version may be used outside."""
    made = _version(membership, number)
    if staleness.mark_if_stale(made):
        made.refresh_from_db()
    try:
        versions.release(made, by=membership.user, note=request.POST.get("note", "")[:MOST_NOTE])
    except Conflict as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"{made} is released.".capitalize())
    return redirect("versions", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def draw(request: HttpRequest, membership: Membership, number: int) -> HttpResponse:
    """Let the worker draw the learning curve of the gold that stands now."""
    learning.draw_later(_version(membership, number), by=membership.user)
    messages.success(request, "The worker draws the curve.")
    return redirect(reverse("versions", args=[membership.project.slug]) + "#curve-title")


def _version(membership: Membership, number: int) -> EnsembleVersion:
    return get_object_or_404(EnsembleVersion, campaign__project=membership.project, number=number)


def _standing(campaign: Campaign, newest: EnsembleVersion, found: list[Tested]) -> dict[str, Any]:
    """The frozen test itself, every version on it, and what a lead may do with the newest."""
    gold = found[-1].gold if found else None
    rows = [
        {"made": one.made, "quality": one.quality, "learnt": one.made.report["n"],
         "said": versions.between(before, one) if before and one.quality and before.quality else None}
        for before, one in zip([None, *found], found, strict=False)
    ]  # fmt: skip
    return {
        "rows": rows[::-1],
        "frozen": {"n": len(gold.y), "positives": int(gold.y.sum()),
                   "families": len(set(gold.families))} if gold else None,
        "share": campaign.frozen_share,
        "older": campaign.ensembles.count() - len(found),
        "plots": _plots(found),
        "changes": staleness.changes_since(newest),
        "can_release": newest.status == EnsembleStatus.CURRENT and newest.released_at is None,
        "released": campaign.ensembles.filter(released_at__isnull=False)
        .select_related("released_by").order_by("-number"),
    }  # fmt: skip


def _plots(found: list[Tested]) -> list[dict[str, str]]:
    """Evasion and over-blocking of every version, oldest on top, each with its interval."""
    measured = [(one.made, one.quality) for one in found if one.quality]
    drawn = []
    for name, title in (("evasion", "Evasion"), ("over_block", "Over-blocking")):
        rows = [_line(f"e{made.number}, {made.report['n']} gold cases", getattr(quality, name))
                for made, quality in measured]  # fmt: skip
        bound = measured[-1][0].report["threshold"] if measured else {}
        marks = [Reference(bound["stated"], "bound")] if (
            name == "over_block" and bound.get("rule") == "bound") else []  # fmt: skip
        drawn.append({"title": title, **{
            size: forest(rows, title=f"{title} on the frozen test", references=marks,
                         domain=(0.0, 1.0), compact=size == "compact")
            for size in ("wide", "compact")
        }})  # fmt: skip
    return drawn if measured else []


def _line(label: str, e: Estimate) -> ForestRow:
    return ForestRow(label, e.value, e.low, e.high, e.n, e.reason or "")


def _compared(found: list[Tested], sent: QueryDict, membership: Membership) -> dict[str, Any]:
    """Two versions against each other: the last two, or the ones asked for."""
    pair = _pair(found, sent)
    if pair is None:
        return {"pair": None}
    first, second = pair
    said = versions.between(first, second)
    address = reverse("version_cases", args=[membership.project.slug])
    here = {"from": first.made.number, "to": second.made.number}
    links = [
        (title.format(second.made), len(getattr(said, what)),
         f"{address}?{urlencode({**here, 'what': what})}", what in ("caught", "cleared"))
        for what, title in DIFFERENCES.items()
    ]  # fmt: skip
    return {
        "pair": pair, "said": said, "links": links, "choices": [one.made for one in found],
        "changed": versions.what_changed(first.made, second.made),
    }  # fmt: skip


def _pair(found: list[Tested], sent: QueryDict) -> tuple[Tested, Tested] | None:
    by_number = {str(one.made.number): one for one in found if one.quality}
    if len(by_number) < 2:
        return None
    *_, before, newest = by_number.values()
    second = by_number.get(sent.get("to", ""), newest)
    first = by_number.get(sent.get("from", ""), before)
    return (first, second) if first is not second else (before, newest)


def _curve(newest: EnsembleVersion | None, membership: Membership) -> dict[str, Any]:
    """The learning curve that was kept, or what the worker is doing about it."""
    job = Job.objects.filter(project=membership.project, kind=learning.KIND).order_by("-id").first()
    context: dict[str, Any] = {"job": job, "newest": newest, "curve": None,
                               "is_lead": has_role(membership, LEADS)}  # fmt: skip
    if newest is None:
        return context
    curve, problem = learning.curve_of(newest)
    context |= {"curve": curve, "curve_problem": problem}
    if curve:
        context["curve_plots"] = {
            size: forest(
                [_point_row(one) for one in curve.points], title="Evasion by labels learnt from",
                domain=(0.0, 1.0), compact=size == "compact",
            )
            for size in ("wide", "compact")
        }  # fmt: skip
    return context


def _point_row(point: Point) -> ForestRow:
    return _line(f"{point.n} labels", point.evasion)
