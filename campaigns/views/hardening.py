"""The hardening page: what an export of gold for fine-tuning would hold, and the file itself."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST, require_safe

from annotations import strata
from annotations.api.gold import streamed
from annotations.errors import BadInput
from annotations.models import Membership
from annotations.permissions import READERS
from annotations.views.doors import member_page, show
from campaigns import hardening
from campaigns.forms import HardeningForm
from campaigns.models import Campaign
from campaigns.views.campaign import revisions

TEMPLATE = "campaigns/hardening.html"


@member_page(READERS)
@require_safe
def page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Counts of what was asked for by the query; nothing is exported by looking."""
    campaign = Campaign.objects.filter(project=membership.project).select_related("project").first()
    if campaign is None:
        return show(request, membership, TEMPLATE, active="Campaign", campaign=None)
    asked = bool(request.GET)
    form = form_of(campaign, request.GET if asked else None)
    context: dict[str, Any] = {"campaign": campaign, "form": form, "compared": revisions(campaign)}
    status = 200
    if asked and form.is_valid():
        try:
            wish, release = form.wish()
            export = hardening.prepare(campaign, wish, release=release)
        except BadInput as problem:
            context["problem"] = str(problem)
        else:
            context |= {"summary": export.summary(), "asked": form.cleaned_data}
    elif asked:
        status = 422
    return show(request, membership, TEMPLATE, active="Campaign", status=status, **context)


@member_page(READERS)
@require_POST
def export(request: HttpRequest, membership: Membership) -> Any:
    """The file that was asked for; leaves an audit record."""
    campaign = get_object_or_404(Campaign, project=membership.project)
    form = form_of(campaign, request.POST)
    if not form.is_valid():
        context = {"campaign": campaign, "form": form, "compared": revisions(campaign)}
        return show(request, membership, TEMPLATE, active="Campaign", status=422, **context)
    wish, release = form.wish()
    made = hardening.prepare(campaign, wish, release=release)
    rows = hardening.rows(made, by=membership.user)
    return streamed(rows, hardening.JSONL, name=made.file_name)


def form_of(campaign: Campaign, data: Any) -> HardeningForm:
    targets = strata.values_of(campaign.project).get("target", {})
    return HardeningForm(data, campaign=campaign, targets=sorted(filter(None, targets)))
