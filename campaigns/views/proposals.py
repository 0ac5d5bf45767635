"""The evidence inbox: patterns with the cases that they cite, and what the lead makes of them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from annotations import jobs
from annotations.errors import BadInput, NotFound
from annotations.models import Case, Job, Membership
from annotations.permissions import LEADS
from annotations.views.doors import member_page, show
from campaigns import proposals
from campaigns.models import Proposal, Round
from campaigns.statuses import ProposalStatus

KINDS = {
    "uncovered": "Uncovered regions",
    "disagreement_pair": "Disagreement pairs",
    "exemplars": "Exemplars",
}
NEWEST = 60


@member_page(LEADS)
def inbox(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Open patterns by kind, then what was decided before."""
    return page(request, membership)


def page(
    request: HttpRequest, membership: Membership, *, status: int = 200, **context: Any
) -> HttpResponse:
    """The inbox; after a refused decision with its reason beside the pattern."""
    found = Proposal.objects.filter(campaign__project=membership.project).select_related(
        "criterion", "decided_by", "became", "round"
    )
    waiting = list(found.filter(status=ProposalStatus.OPEN).order_by("q_value", "-id")[:NEWEST])
    counts = {kind: sum(p.kind == kind for p in waiting) for kind in KINDS}
    kind = request.GET.get("kind", "")
    kind = kind if kind in KINDS else next((k for k, n in counts.items() if n), "uncovered")
    newest = Round.objects.filter(campaign__project=membership.project).order_by("-number").first()
    job = Job.objects.filter(project=membership.project, kind="mine_patterns").last()
    return show(
        request, membership, "campaigns/proposals.html", active="Patterns", status=status,
        cards=[card(p, membership) for p in waiting if p.kind == kind],
        tabs=[(k, name, counts[k]) for k, name in KINDS.items()],
        kind=kind, last=last_refresh(newest), round=newest, job=job,
        decided=found.exclude(status=ProposalStatus.OPEN).order_by("-decided_at")[:NEWEST],
        **context,
    )  # fmt: skip


def card(proposal: Proposal, membership: Membership) -> dict[str, Any]:
    """A pattern with its cited cases, in the order in which it cites them."""
    cases = Case.objects.filter(project=membership.project).in_bulk(proposal.case_ids)
    return {
        "proposal": proposal,
        "cited": [
            (cases[pk], role)
            for pk, role in zip(proposal.case_ids, proposal.roles, strict=False)
            if pk in cases
        ],
        "suggestion": proposals.suggestion(proposal),
    }


def last_refresh(round_: Round | None) -> dict[str, Any]:
    """How many patterns the last refresh tested and kept, and why none, if none."""
    if round_ is None:
        return {}
    found = round_.findings
    mined: dict[str, Any] = found.get("patterns") or found.get("next", {}).get("patterns") or {}
    return mined or found.get("draft", {})


@member_page(LEADS)
@require_POST
def mine(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Ask the worker to look for patterns again."""
    round_ = Round.objects.filter(campaign__project=membership.project).order_by("-number").first()
    if round_ is None:
        raise NotFound("Patterns are mined in a round: start a campaign first.")
    jobs.enqueue(
        "mine_patterns", {"round": round_.pk}, project=membership.project, by=membership.user
    )
    messages.info(request, "The worker looks for patterns.")
    return redirect("proposals", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def decide(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Accept (as cited, or in the lead's own words) or reject with a reason."""
    proposal = get_object_or_404(Proposal, pk=pk, campaign__project=membership.project)
    words = request.POST.get("text", ""), request.POST.get("reason", "")
    try:
        if request.POST.get("decision") == "reject":
            proposals.reject(proposal, by=membership.user, reason=words[1])
            messages.success(request, "Pattern rejected; the reason is kept with it.")
        else:
            part = request.POST.get("part", "includes")
            proposals.accept(proposal, by=membership.user, text=words[0], part=part)
            messages.success(
                request, "Written into the draft. Nothing changes for raters before its release."
            )
    except BadInput as refusal:
        return page(request, membership, status=422, refused=pk, refusal=str(refusal))
    return redirect("proposals", slug=membership.project.slug)
