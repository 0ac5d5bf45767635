"""The wellbeing page: what today came to, what a rater would rather not read, and a lead's caps."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotations import members, sittings, wellbeing
from annotations.errors import BadInput
from annotations.forms import CapsForm
from annotations.middleware import status_of
from annotations.models import Membership
from annotations.permissions import ADJUDICATORS, LABELLERS, LEADS, has_role
from annotations.views import sheets
from annotations.views.doors import member_page, show

ACTIVE = "Wellbeing"
YEAR = 31_536_000


@member_page(LABELLERS)
@require_safe
@never_cache
def wellbeing_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The own choices and today's minutes; leads also set caps and read what groups say."""
    return _page(request, membership)


@member_page(LABELLERS)
@require_POST
def choose(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Which categories the rater is not given, and whether texts come masked. No reason is asked."""
    rater = members.rater_for(membership)
    wanted = [sheets.clean(word) for word in request.POST.getlist("category")]
    try:
        wellbeing.set_opt_outs(rater, wanted)
    except BadInput as error:
        return _page(request, membership, error=error)
    messages.success(request, "Kept. It holds from your next case on.")
    response = redirect("wellbeing", membership.project.slug)
    masked = "1" if request.POST.get("mask") else "0"
    # The room's key B writes the same cookie.
    response.set_cookie("mask", masked, max_age=YEAR, path="/", samesite="Lax")
    return response


@member_page(LEADS)
@require_POST
def rules(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Set the caps and breaks of the project."""
    form = CapsForm(request.POST)
    if not form.is_valid():
        return _page(request, membership, form=form, status=422)
    wellbeing.set_rules(membership, **form.cleaned_data)
    messages.success(request, "Caps and breaks hold from everybody's next case on.")
    return redirect("wellbeing", membership.project.slug)


@member_page(LABELLERS)
@require_POST
def check_in(request: HttpRequest, membership: Membership) -> HttpResponse:
    """How somebody feels at the end, without who; and the sitting is over."""
    word = request.POST.get("strain", "")
    sitting = sittings.current(members.rater_for(membership))
    sittings.check_in(
        membership.project, int(word) if word in ("1", "2", "3", "4", "5") else 0, sitting=sitting
    )
    sittings.end(sitting)
    if sheets.is_htmx(request):
        return HttpResponse(status=204)
    messages.success(request, "Thank you. Your answer is kept without your name.")
    return redirect("project", membership.project.slug)


@member_page(LABELLERS)
@require_POST
def take_break(request: HttpRequest, membership: Membership) -> HttpResponse:
    """An adjudicator's break that is offered or runs: take it, or go on."""
    sitting = sittings.current(members.rater_for(membership))
    if request.POST.get("act") == "take":
        sittings.take_break(sitting, membership.project)
        return redirect("project", membership.project.slug)
    sittings.go_on_without_break(sitting)
    if has_role(membership, ADJUDICATORS):
        return redirect("adjudicate", membership.project.slug)
    return redirect("label", membership.project.slug)


def _page(
    request: HttpRequest, membership: Membership, *, error: BadInput | None = None,
    form: forms.Form | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    project, rater = membership.project, members.rater_for(membership)
    is_lead = has_role(membership, LEADS)
    told: dict[str, Any] = {}
    if is_lead:
        told = {
            "form": form or CapsForm(initial={n: getattr(project, n) for n in wellbeing.LIMITS}),
            "opted_out": wellbeing.opted_out(project),
            "weeks": wellbeing.strain_by_week(project),
            "fewest": wellbeing.FEWEST,
        }
    categories = sorted({*wellbeing.categories(project), *rater.opt_outs})
    return show(
        request, membership, "annotations/wellbeing.html", active=ACTIVE, error=error,
        exposure=sittings.today(rater, project), is_lead=is_lead,
        categories=[(name, name in rater.opt_outs) for name in categories],
        masked=request.COOKIES.get("mask") == "1",
        status=status_of(error) if error else status, **told,
    )  # fmt: skip
