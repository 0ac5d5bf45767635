"""The campaigns of a person, and the campaign page: the loop as a picture, and who moves next."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_POST

from annotations import jobs, members
from annotations.errors import BadInput
from annotations.measurement.results import Estimate
from annotations.models import Gold, Job, Membership
from annotations.permissions import LEADS, READERS, has_role
from annotations.statuses import CaseStatus, JobStatus
from annotations.views.doors import member_page, show
from campaigns import launch, promises, target_revisions
from campaigns.forms import BeginForm, NewProjectForm, TargetForm
from campaigns.models import Campaign, Round
from campaigns.statuses import MEANING, OWNER, Step
from campaigns.views.picture import ORDER, pictures


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Every project that the person is a member of, and where its campaign stands."""
    memberships = (
        Membership.objects.filter(user__username=request.user.get_username())
        .select_related("project__campaign")
        .order_by("project__name")
    )
    cards = [card(membership) for membership in memberships]
    form = NewProjectForm(request.POST) if request.method == "POST" else NewProjectForm()
    status = 422 if form.is_bound else 200
    return render(request, "campaigns/home.html", {"cards": cards, "form": form}, status=status)


def card(membership: Membership) -> dict[str, Any]:
    """One project on the first page."""
    project = membership.project
    campaign = getattr(project, "campaign", None)
    round_ = campaign.rounds.order_by("-number").first() if campaign else None
    cases = project.cases
    here = (
        ORDER.index(Step(round_.status)) if round_ and round_.status != Step.CLOSED else len(ORDER)
    )
    return {
        "states": [
            "done" if n < here else "current" if n == here else "todo" for n in range(len(ORDER))
        ],
        "membership": membership,
        "project": project,
        "round": round_,
        "owner": OWNER[Step(round_.status)] if round_ else None,
        "cases": cases.count(),
        "settled": cases.filter(status=CaseStatus.SETTLED).count(),
        "simulated": cases.filter(is_simulated=True).exists(),
    }


@login_required
@require_POST
def create_project(request: HttpRequest) -> HttpResponse:
    """A new, empty project whose owner is the person who asks."""
    form = NewProjectForm(request.POST)
    if not form.is_valid():
        return home(request)
    project = members.create_project(
        form.cleaned_data["name"],
        by=request.user,  # type: ignore[arg-type]  # login_required: a real user
        description=form.cleaned_data["description"],
    )
    messages.success(request, "Project made. Write its rubric, or import cases.")
    return redirect("project", slug=project.slug)


@member_page()
def project(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Where the campaign stands, what the person can do about it, and the rounds so far."""
    template = "campaigns/campaign.html" + ("#stand" if request.GET.get("part") == "stand" else "")
    return show(request, membership, template, active="Campaign", **stand(membership))


def stand(membership: Membership) -> dict[str, Any]:
    """Everything that the campaign page shows, for this member's role."""
    project = membership.project
    campaign = Campaign.objects.filter(project=project).first()
    context: dict[str, Any] = {
        "campaign": campaign,
        "is_lead": has_role(membership, LEADS),
        "is_reader": has_role(membership, READERS),
        "batches": project.batches.order_by("-id"),
        "job": Job.objects.filter(project=project).order_by("-id").first(),
    }
    round_ = campaign.rounds.order_by("-number").first() if campaign else None
    if campaign is None or round_ is None:
        return context
    step = Step(round_.status)
    return context | {
        "round": round_,
        "step": step,
        "meaning": MEANING[step],
        "owner": "the simulator" if round_.simulated_raters and step in (Step.LABEL, Step.ADJUDICATE)
        else OWNER[step],
        "pictures": pictures(round_, job=context["job"]),
        "rounds": [summary(r) for r in campaign.rounds.order_by("-number")],
        "target": campaign.targets.filter(is_active=True).first(),
        "begin": BeginForm(initial={"size": round_.size, "seed": round_.seed}),
        "target_form": TargetForm(campaign=campaign),
        "next": round_.findings.get("next"),
        "released": project.rubric.released,
        "promise": promises.broken(round_),
        # Not counted where only the part that a live job refreshes is shown.
        "compared": SimpleLazyObject(partial(revisions, campaign)),
    }  # fmt: skip


def revisions(campaign: Campaign) -> dict[str, Any]:
    """The targets side by side, once there are two with cases."""
    released = campaign.project.rubric.released
    first = released.criteria.order_by("position", "id").first() if released else None
    if first is None or campaign.targets.count() < 2:
        return {"standings": [], "hardenings": []}
    rows, pairs = target_revisions.standings(campaign, first.criterion)
    return {"standings": rows, "hardenings": pairs}


def summary(round_: Round) -> dict[str, Any]:
    """One line of the table of rounds."""
    alphas = list(round_.findings.get("agree", {}).get("alpha", {}).values())
    calibrated = round_.findings.get("calibrate", {})
    golds = Gold.objects.filter(case__batch=round_.batch, superseded_at__isnull=True)
    return {
        "round": round_,
        "cases": round_.cases.count(),
        "gold": golds.values("case").distinct().count() if round_.batch else 0,
        "alpha": Estimate(**alphas[0]) if alphas else None,
        "evasion": Estimate(**calibrated["evasion"]) if calibrated.get("evasion") else None,
        "over_block": Estimate(**calibrated["over_block"])
        if calibrated.get("over_block")
        else None,
        "problem": calibrated.get("problem", ""),
    }


@member_page(LEADS)
def start(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Start a campaign on this project; on imported cases its first round needs no generation."""
    if request.method == "POST":
        campaign = launch.start_campaign(membership.project, by=membership.user)
        if not campaign.rounds.exists():
            batch = membership.project.batches.order_by("-id").first()
            launch.open_round(campaign, by=membership.user, batch=batch)
        messages.success(request, "Campaign started.")
    return redirect("project", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def begin(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The lead's go for the round in draft."""
    round_ = open_round_of(membership)
    form = BeginForm(request.POST)
    if not form.is_valid():
        context = stand(membership) | {"begin": form}
        return show(request, membership, "campaigns/campaign.html", active="Campaign", status=422,
                    **context)  # fmt: skip
    if round_.status == Step.DRAFT:
        round_.size, round_.seed = form.cleaned_data["size"], form.cleaned_data["seed"]
        round_.simulated_raters = form.cleaned_data["simulated_raters"] or 0
        round_.save(update_fields=["size", "seed", "simulated_raters"])
    launch.begin(round_, by=membership.user)
    messages.success(request, f"Round {round_.number} has begun: the worker takes it on.")
    return redirect("project", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def follow(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Close the reviewed round and open the next one."""
    round_ = launch.close_and_open_next(open_round_of(membership), by=membership.user)
    messages.success(request, f"Round {round_.number} is open, in draft.")
    return redirect("project", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def again(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Ask the worker to take the round on again, after a failure was read or a job was cancelled."""
    launch.advance_later(open_round_of(membership), by=membership.user)
    return redirect("project", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def cancel(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Stop a live job at its next chunk; what is done stays done."""
    job = get_object_or_404(Job, pk=pk, project=membership.project)
    if job.status in (JobStatus.QUEUED, JobStatus.RUNNING):
        jobs.request_cancel(job, by=membership.user)
        messages.info(request, "The job stops at its next step. What is done stays done.")
    return redirect("project", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def target(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Choose the target of the rounds to come."""
    campaign = get_object_or_404(Campaign, project=membership.project)
    form = TargetForm(request.POST, campaign=campaign)
    if form.is_valid():
        try:
            chosen = launch.use_target(campaign, by=membership.user, **form.cleaned_data)
        except BadInput as problem:
            form.add_error("revision", str(problem))
    if form.errors:
        context = stand(membership) | {"target_form": form}
        return show(request, membership, "campaigns/campaign.html", active="Campaign", status=422,
                    **context)  # fmt: skip
    messages.success(request, f"Rounds to come test {chosen}.")
    return redirect("project", slug=membership.project.slug)


def open_round_of(membership: Membership) -> Round:
    """The project's newest round; 404 without one."""
    newest = Round.objects.filter(campaign__project=membership.project).order_by("-number")
    return get_object_or_404(newest[:1])
