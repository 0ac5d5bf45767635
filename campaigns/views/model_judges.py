"""Model judges: what they are asked, what they answered, their bias and their budget."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from annotations.errors import BadInput
from annotations.measurement.results import Estimate
from annotations.models import Job, Membership
from annotations.permissions import LEADS, READERS, has_role
from annotations.views.doors import member_page, show
from campaigns import model_judging
from campaigns.forms import AskForm, BudgetForm, ModelJudgeForm
from campaigns.judging.errors import CannotFit
from campaigns.judging.model_judge.asking import system_words
from campaigns.models import Campaign, ModelJudge

TEMPLATE = "campaigns/model_judges.html"


@member_page(READERS)
@require_safe
def page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Every model judge, with what came of its calls; leads add and ask them here."""
    if request.GET.get("part") == "work":
        return show(request, membership, f"{TEMPLATE}#work", active="Judges", polled=True,
                    job=newest_job(membership))  # fmt: skip
    return shown(request, membership, ModelJudgeForm())


def shown(
    request: HttpRequest, membership: Membership, form: ModelJudgeForm, *, status: int = 200
) -> HttpResponse:
    """The page, with a form as it was filled in where it was refused."""
    campaign = Campaign.objects.filter(project=membership.project).first()
    judges = campaign.model_judges.order_by("id") if campaign else ModelJudge.objects.none()
    context: dict[str, Any] = {"campaign": campaign, "form": form, "problem": "", "cards": []}
    try:
        context["cards"] = [card(judge) for judge in judges]
        context["prompt"] = prompt_of(judges.first())
    except (BadInput, CannotFit) as problem:
        context["problem"] = str(problem)
    return show(request, membership, TEMPLATE, active="Judges", status=status,
                is_lead=has_role(membership, LEADS), job=newest_job(membership), **context)  # fmt: skip


def card(judge: ModelJudge) -> dict[str, Any]:
    """One judge as the page shows it."""
    bias = judge.bias
    return {
        "judge": judge,
        **model_judging.standing(judge),
        "orders": [
            (one["order"], Estimate(**one["flips"]), Estimate(**one["shift"]))
            for one in bias.get("orders", [])
        ],
        "length": Estimate(**bias["length"]) if "length" in bias else None,
        "ask": AskForm(auto_id=f"ask_{judge.pk}_%s"),
        "budget": BudgetForm(initial={"calls": judge.call_budget}, auto_id=f"b_{judge.pk}_%s"),
    }


def prompt_of(judge: ModelJudge | None) -> str:
    """The system's words as they are compiled from the released criterion."""
    if judge is None:
        return ""
    return system_words(model_judging.asked_of(model_judging.question_of(judge))[0])


def newest_job(membership: Membership) -> Job | None:
    return (
        Job.objects.filter(project=membership.project, kind=model_judging.KIND)
        .order_by("-id")
        .first()
    )


@member_page(LEADS)
@require_POST
def add(request: HttpRequest, membership: Membership) -> HttpResponse:
    """A new model judge; nothing is asked yet."""
    campaign = get_object_or_404(Campaign, project=membership.project)
    form = ModelJudgeForm(request.POST)
    if not form.is_valid():
        return shown(request, membership, form, status=422)
    judge = model_judging.add_judge(campaign, by=membership.user, **form.cleaned_data)
    messages.success(request, f"{judge} is there. Ask it about the gold cases first.")
    return redirect("model_judges", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def ask(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Queue the asking; what was answered before is not asked again."""
    judge = judge_of(membership, pk)
    form = AskForm(request.POST)
    if not form.is_valid():
        raise BadInput("Choose what the judge is asked about: the gold cases or all cases.")
    try:
        model_judging.ask_later(judge, by=membership.user, **form.cleaned_data)
    except CannotFit as problem:
        raise BadInput(str(problem)) from problem
    messages.success(request, f"The worker asks {judge}.")
    return redirect("model_judges", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def budget(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """How many calls the judge may make in all."""
    judge = judge_of(membership, pk)
    form = BudgetForm(request.POST)
    if not form.is_valid():
        raise BadInput("A budget is a whole number of calls from 1 to 1,000,000.")
    model_judging.set_budget(judge, by=membership.user, **form.cleaned_data)
    messages.success(request, "The budget is changed.")
    return redirect("model_judges", slug=membership.project.slug)


def judge_of(membership: Membership, pk: int) -> ModelJudge:
    return get_object_or_404(ModelJudge, pk=pk, campaign__project=membership.project)
