"""The evidence inbox: patterns with the cases that they cite, and what the lead makes of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from annotations import jobs, members
from annotations.errors import BadInput, NotFound
from annotations.measurement.results import Estimate
from annotations.models import Case, Job, Membership, Project
from annotations.permissions import LEADS
from annotations.views.doors import member_page, show
from campaigns import proposals
from campaigns.forms import AcceptForm, RejectForm
from campaigns.models import Proposal, Round
from campaigns.statuses import ProposalStatus

ACTIVE = "Patterns"
KINDS = {
    "uncovered": "Uncovered regions",
    "disagreement_pair": "Disagreement pairs",
    "exemplars": "Exemplars",
}
MEANING = {
    "uncovered": "Groups of like texts where raters can't tell, differ or comment more than elsewhere, "
    "or where the judges lie further apart: the rubric may not cover them.",
    "disagreement_pair": "Texts that read alike and were judged apart: a rule may be missing between "
    "them. What is tested is whether like texts get like answers; each pair is an exception to that.",
    "exemplars": "Typical cases that all raters answered alike, at most six: examples for the rubric.",
}
NEWEST = 60
SMALLEST = 0.0001  # a p below this is shown as a bound


@dataclass(frozen=True)
class Card:
    """One open pattern as the inbox shows it."""

    proposal: Proposal
    cited: list[tuple[Case, str]]
    figures: list[tuple[str, Estimate | str]]
    is_stale: bool
    suggestion: str
    accept: AcceptForm
    reject: RejectForm


@member_page(LEADS)
@require_safe
def inbox(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Open patterns by kind, then what was decided before."""
    if request.GET.get("part") == "mining":
        return show(request, membership, "campaigns/proposals.html#mining", active=ACTIVE,
                    polled=True, **mining(membership.project))  # fmt: skip
    return page(request, membership)


def page(
    request: HttpRequest, membership: Membership, *, status: int = 200,
    refused: tuple[Proposal, AcceptForm | RejectForm] | None = None,
) -> HttpResponse:  # fmt: skip
    """The inbox; after a refused decision with what was typed, and what is wrong with it."""
    found = patterns_of(membership.project)
    waiting = found.filter(status=ProposalStatus.OPEN)
    counted = dict(waiting.order_by().values_list("kind").annotate(n=Count("pk")))
    kind = refused[0].kind if refused else request.GET.get("kind", "")
    if kind not in KINDS:
        kind = next((k for k in KINDS if counted.get(k)), "uncovered")
    last = proposals.last_refresh(membership.project)
    shown = list(waiting.filter(kind=kind).order_by("-round__number", "q_value", "id")[:NEWEST])
    return show(
        request, membership, "campaigns/proposals.html", active=ACTIVE, status=status,
        cards=cards_of(shown, membership.project, last, refused), kind=kind, meaning=MEANING[kind],
        tabs=[(k, name, counted.get(k, 0)) for k, name in KINDS.items()],
        can_mine=Round.objects.filter(campaign__project=membership.project).exists(),
        decided=found.exclude(status=ProposalStatus.OPEN).order_by("-decided_at")[:NEWEST],
        names=members.names_in(membership.project),
        released=membership.project.rubric.released, **mining(membership.project),
    )  # fmt: skip


def patterns_of(project: Project) -> QuerySet[Proposal]:
    return Proposal.objects.filter(campaign__project=project).select_related(
        "criterion", "became", "round"
    )


def mining(project: Project) -> dict[str, Any]:
    """The newest refresh, and the job that mines again, if one was asked for."""
    last = proposals.last_refresh(project)
    if last.get("at"):
        last["at"] = datetime.fromisoformat(last["at"])
    asked = Job.objects.filter(project=project, kind="mine_patterns").order_by("-id")
    return {"last": last, "job": asked.first()}


def cards_of(
    shown: list[Proposal], project: Project, last: dict[str, Any],
    refused: tuple[Proposal, AcceptForm | RejectForm] | None,
) -> list[Card]:  # fmt: skip
    """The patterns with their cited cases, in the order in which they cite them."""
    wanted = {pk for proposal in shown for pk in proposal.case_ids}
    cases = Case.objects.filter(project=project).in_bulk(list(wanted))
    fresh = set(last.get("evidence", {}).values())
    return [card(proposal, cases, fresh, refused) for proposal in shown]


def card(
    proposal: Proposal, cases: dict[int, Case], fresh: set[str],
    refused: tuple[Proposal, AcceptForm | RejectForm] | None,
) -> Card:  # fmt: skip
    words = proposals.suggestion(proposal)
    form = refused[1] if refused and refused[0].pk == proposal.pk else None
    return Card(
        proposal=proposal,
        cited=[
            (cases[pk], role)
            for pk, role in zip(proposal.case_ids, proposal.roles, strict=False)
            if pk in cases
        ],
        figures=figures(proposal),
        is_stale=bool(fresh) and proposal.evidence_hash not in fresh,
        suggestion=words,
        accept=form
        if isinstance(form, AcceptForm)
        else AcceptForm(initial={"text": words}, auto_id=f"p{proposal.pk}_%s"),
        reject=form if isinstance(form, RejectForm) else RejectForm(auto_id=f"p{proposal.pk}_%s"),
    )


def figures(proposal: Proposal) -> list[tuple[str, Estimate | str]]:
    """The pattern's numbers in words; a share comes with its interval and n."""
    found = NUMBERS[proposal.kind](proposal.numbers)
    for name, p in (
        ("p, half A", proposal.p_value),
        ("p, again on half B", proposal.numbers.get("p_verified")),
        (f"q over {proposal.tested:,} tested", proposal.q_value),
    ):
        if p is not None:
            found.append((name, f"{p:.4f}" if p >= SMALLEST else f"< {SMALLEST}"))
    return found


def region_numbers(numbers: dict[str, float]) -> list[tuple[str, Estimate | str]]:
    return [
        ("In this region", share(numbers, "inside")),
        ("Elsewhere", share(numbers, "elsewhere")),
        ("Size", f"{numbers['cases']:,.0f} cases of {numbers['families']:,.0f} families"),
        ("Clustered anew, found again in", f"{numbers['stability']:.0%} of draws"),
    ]


def pair_numbers(numbers: dict[str, float]) -> list[tuple[str, Estimate | str]]:
    apart = f"{numbers['unlike_pairs']:,.0f} of {numbers['pairs']:,.0f}"
    return [
        ("Likeness of the two (cosine)", f"{numbers['cosine']:.3f}"),
        ("Near pairs judged apart, in all", apart),
    ]


def exemplar_numbers(numbers: dict[str, float]) -> list[tuple[str, Estimate | str]]:
    counts = [(name.partition(":")[2], n) for name, n in numbers.items() if ":" in name]
    return [
        ("Unanimous cases", f"{numbers['unanimous']:,.0f}"),
        *((f"of them “{answer}”", f"{n:,.0f}") for answer, n in counts),
    ]


NUMBERS: dict[str, Callable[[dict[str, float]], list[tuple[str, Estimate | str]]]] = {
    "uncovered": region_numbers,
    "disagreement_pair": pair_numbers,
    "exemplars": exemplar_numbers,
}


def share(numbers: dict[str, float], where: str) -> Estimate:
    """The flagged share inside or elsewhere, as the miner measured it."""
    return Estimate(
        numbers[f"rate_{where}"], numbers[f"rate_{where}_low"], numbers[f"rate_{where}_high"],
        int(numbers[f"n_{where}"]), method="Wilson interval, cases taken as independent",
    )  # fmt: skip


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
    return redirect("proposals", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def decide(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Accept (as cited, or in the lead's own words) or reject with a reason."""
    proposal = get_object_or_404(patterns_of(membership.project), pk=pk)
    proposals.check_is_open(proposal)
    wants_no = request.POST.get("decision") == "reject"
    form = (RejectForm if wants_no else AcceptForm)(request.POST, auto_id=f"p{pk}_%s")
    if form.is_valid():
        verb = proposals.reject if wants_no else proposals.accept
        try:
            decided = verb(proposal, by=membership.user, **form.cleaned_data)
        except BadInput as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, said(decided))
            address = reverse("proposals", args=[membership.project.slug])
            return redirect(f"{address}?{urlencode({'kind': proposal.kind})}")
    return page(request, membership, status=422, refused=(proposal, form))


def said(decided: Proposal) -> str:
    if decided.became is None:
        return "Pattern rejected; the reason is kept with it."
    return (
        f"Written into the draft of version {decided.became.number}. Nothing changes for raters "
        "before its release."
    )
