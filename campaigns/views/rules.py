"""The rules of the lexical judge: what each finds in gold, and leads change, disable and try them."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from annotations import members
from annotations.errors import BadInput
from annotations.models import Membership
from annotations.permissions import LEADS, READERS, has_role
from annotations.views.doors import member_page, show
from campaigns import lexical_rules
from campaigns.forms import RuleForm
from campaigns.gold_sets import GoldSet, gold_set, main_question
from campaigns.judging.members.lexical import Rule, check_rules
from campaigns.lexical_rules import Tried, Written
from campaigns.models import Campaign

TEMPLATE = "campaigns/rules.html"
NEWEST = 20


@member_page(READERS)
@require_safe
def page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Every rule with what it finds; `?rule=N` opens one for a lead to change."""
    campaign = Campaign.objects.filter(project=membership.project).first()
    rules = lexical_rules.written(campaign) if campaign else []
    asked = request.GET.get("rule", "")
    place = int(asked) if asked.isdigit() and 1 <= int(asked) <= len(rules) else 0
    form = RuleForm(initial=initial(rules[place - 1]) if place else None)
    return shown(request, membership, form, place=place)


def shown(
    request: HttpRequest, membership: Membership, form: RuleForm, *, place: int = 0,
    status: int = 200, tried: Tried | None = None, problems: tuple[str, ...] = (),
) -> HttpResponse:  # fmt: skip
    """The page, with a form as it was filled in and what the rule in it would find."""
    campaign = Campaign.objects.filter(project=membership.project).first()
    context: dict[str, Any] = {"campaign": campaign, "rows": [], "versions": []}
    if campaign:
        gold = gold_of(campaign)
        rules = lexical_rules.written(campaign)
        newest = lexical_rules.newest(campaign)
        context |= {
            "rows": [(n, one, found_by(one.rule, gold)) for n, one in enumerate(rules, start=1)],
            "on": newest.number if newest else 0,
            "versions": campaign.rule_sets.order_by("-number")[:NEWEST],
            "names": members.names_in(membership.project),
            "gold": gold,
        }
    return show(
        request, membership, TEMPLATE, active="Judges", status=status, form=form, place=place,
        tried=tried, problems=problems, is_lead=has_role(membership, LEADS), **context,
    )  # fmt: skip


def gold_of(campaign: Campaign) -> GoldSet | None:
    """The settled cases that rules may be written for; None without a released rubric."""
    version = campaign.project.rubric.released
    return gold_set(campaign, main_question(version)) if version else None


def found_by(rule: Rule, gold: GoldSet | None) -> Tried | None:
    return lexical_rules.try_rule(rule, gold.cases, gold.examples, gold.y) if gold else None


def initial(one: Written) -> dict[str, Any]:
    rule = one.rule
    return {"name": rule.name, "phrases": "\n".join(rule.phrases), "weight": rule.weight,
            "whole_words": rule.whole_words, "opening_only": rule.opening_only}  # fmt: skip


@member_page(LEADS)
@require_POST
def change(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Try a rule on gold without saving it, or save it: in the place of another, or as a new one."""
    campaign = get_object_or_404(Campaign, project=membership.project)
    form, place = RuleForm(request.POST), _number(request.POST.get("place"))
    if not form.is_valid():
        return shown(request, membership, form, place=place, status=422)
    rule = rule_of(form.cleaned_data)
    problems = tuple(check_rules([rule]))
    if problems or request.POST.get("act") == "try":
        tried = None if problems else found_by(rule, gold_of(campaign))
        return shown(request, membership, form, place=place, tried=tried, problems=problems,
                     status=422 if problems else 200)  # fmt: skip
    rules = lexical_rules.written(campaign)
    if 1 <= place <= len(rules):
        rules[place - 1] = Written(rule, rules[place - 1].disabled)
    else:
        rules.append(Written(rule))
    return _save(request, membership, campaign, rules, form.cleaned_data["note"])


@member_page(LEADS)
@require_POST
def switch(request: HttpRequest, membership: Membership, place: int) -> HttpResponse:
    """Disable a rule, or put it in force again."""
    campaign = get_object_or_404(Campaign, project=membership.project)
    rules = lexical_rules.written(campaign)
    if not 1 <= place <= len(rules):
        raise BadInput("There is no such rule: load the page again.")
    one = rules[place - 1]
    rules[place - 1] = Written(one.rule, not one.disabled)
    note = f"{'Enabled' if one.disabled else 'Disabled'} “{one.rule.name}”"
    return _save(request, membership, campaign, rules, note)


def _save(
    request: HttpRequest,
    membership: Membership,
    campaign: Campaign,
    rules: list[Written],
    note: str,
) -> HttpResponse:
    made = lexical_rules.save(
        campaign, rules, on=_number(request.POST.get("on")), by=membership.user, note=note
    )
    messages.success(
        request, f"Version {made.number} of the rules is in force: calibrate again to use it."
    )
    return redirect("judge_rules", slug=membership.project.slug)


def rule_of(data: dict[str, Any]) -> Rule:
    """The rule of a valid form; phrases are read as the judge reads texts."""
    lines = (line.strip().lower().replace("’", "'") for line in data["phrases"].splitlines())
    phrases = tuple(dict.fromkeys(line for line in lines if line))
    return Rule(data["name"].strip(), phrases, data["weight"], data["opening_only"],
                data["whole_words"])  # fmt: skip


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() and len(text) < 10 else 0
