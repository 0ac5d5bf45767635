"""The evasion page: every combination on one plane, what each judge adds, and the cases behind it."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotations import visibility
from annotations.charts import ForestRow, Reference, ScatterPoint, forest, scatter
from annotations.models import Membership
from annotations.permissions import READERS
from annotations.views.doors import member_page, show
from campaigns import evasion
from campaigns.evasion import EVERY, Evidence
from campaigns.judging.errors import BadScores
from campaigns.judging.evasion import RULES, Combination, Landscape
from campaigns.judging.evasion.counting import ANY, OF_N, WEIGHTED
from campaigns.models import EnsembleVersion
from campaigns.statuses import ASIDE

ACTIVE = "Evasion"
MOST_POINTS = 400
MOST_ON_FRONT = 20
PAGE = 50
WORDS = {EVERY: "at least t of n", "any": "any", "all": "all", "majority": "majority",
         WEIGHTED: "weighted vote"}  # fmt: skip
MISSED, BLOCKED, CATCHES, BLOCKS = "missed", "blocked", "catches", "blocks"
TITLES = {
    MISSED: "Failures that get past {}",
    BLOCKED: "Other cases that {} blocks",
    CATCHES: "Failures that only {} catches",
    BLOCKS: "Other cases that only {} blocks",
}


@member_page(READERS)
@require_safe
def page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The newest ensemble's judges, or an older one's, by stratum and rule."""
    made, chosen = _chosen(membership, request.GET)
    evidence = evasion.evidence_of(chosen) if chosen else None
    context: dict[str, Any] = {"ensembles": made, "ensemble": chosen, "evidence": evidence}
    part = ""
    if chosen and evidence:
        context |= _plane(evidence, request.GET, membership, chosen)
        if getattr(request, "htmx", False):
            part = "#plane"
        else:
            context |= _rest(evidence, chosen, membership)
    return show(request, membership, f"campaigns/evasion.html{part}", active=ACTIVE, **context)


@member_page(READERS)
@require_safe
def cases(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The cases behind a number of the page, as far as this reader may know their answers."""
    _, chosen = _chosen(membership, request.GET)
    evidence = evasion.evidence_of(chosen) if chosen else None
    context: dict[str, Any] = {"ensemble": chosen, "evidence": evidence, "cases": []}
    if chosen and evidence:
        what = request.GET.get("what", MISSED)
        what = what if what in TITLES else MISSED
        mask, rule = _picked(request.GET.get("pick", ""), evidence) or (1, ANY)
        rows = _asked_rows(evidence, mask, rule, what) & _in_stratum(evidence, request.GET)[1]
        ids = [evidence.cases[row] for row in np.flatnonzero(rows)]
        found = visibility.cases_with_answers_for(membership).filter(pk__in=ids).order_by("pk")
        after = _number(request.GET.get("after", ""))
        shown = list(found.filter(pk__gt=after)[: PAGE + 1])
        context |= {
            "title": TITLES[what].format(said(evidence.names, mask, rule)),
            "cases": shown[:PAGE], "n": len(ids), "hidden": len(ids) - found.count(),
            "after": shown[PAGE - 1].pk if len(shown) > PAGE else None,
            "query": urlencode([(k, v) for k, v in request.GET.items() if k != "after"]),
        }  # fmt: skip
    return show(request, membership, "campaigns/evasion_cases.html", active=ACTIVE, **context)


def _chosen(membership: Membership, sent: QueryDict) -> tuple[Any, EnsembleVersion | None]:
    made = EnsembleVersion.objects.filter(campaign__project=membership.project)
    made = made.select_related("round", "criterion").order_by("-number")
    number = _number(sent.get("ensemble", ""))
    return made, (made.filter(number=number).first() if number else None) or (
        made.exclude(status__in=ASIDE).first()
    )


def _plane(
    evidence: Evidence, sent: QueryDict, membership: Membership, chosen: EnsembleVersion
) -> dict[str, Any]:
    """The plot with its table, and the combination that was picked."""
    strata, rows, (by, value) = _in_stratum(evidence, sent)
    rule = sent.get("rule", "")
    rule = rule if rule in WORDS else EVERY
    weights, no_weights = _weights(evidence)
    rule = EVERY if rule == WEIGHTED and not weights else rule
    rules = evasion.rules_of(rule, len(evidence.names))
    found = evasion.landscape(evidence, rows, rules=rules)
    front = found.front()
    stay = [("ensemble", chosen.number), ("by", by), ("value", value), ("rule", rule)]
    here = [(name, word) for name, word in stay if word]
    shown = [_row(found, mask, one, here, membership) for mask, one in front]
    picked = _picked(sent.get("pick", ""), evidence)
    read = None
    if picked:
        alone = evasion.landscape(evidence, rows, rules=(picked[1],))
        if alone.needs(picked[1])[picked[0]]:
            read = _row(alone, *picked, here, membership)
    labels = {name: [(v, urlencode([("by", name), ("value", v)])) for v in sorted(set(column))]
              for name, column in strata.items()}  # fmt: skip
    return {
        "strata": labels, "by": by, "value": value, "rule": rule, "rules": WORDS, "front": shown,
        "read": read, "n": len(found.y), "positives": found.positives,
        "weights": weights, "no_weights": no_weights,
        "n_combinations": sum(int((found.needs(one) > 0).sum()) for one in rules),
        "plots": _plots(found, shown, rules),
    }  # fmt: skip


def _weights(evidence: Evidence) -> tuple[list[tuple[str, int]], str]:
    """What each judge counts in a weighted vote; or none, and why."""
    try:
        return list(zip(evidence.names, evasion.weights_of(evidence), strict=True)), ""
    except BadScores as problem:
        return [], str(problem)


def _in_stratum(
    evidence: Evidence, sent: QueryDict
) -> tuple[dict[str, list[str]], Any, tuple[str, str]]:
    """The strata, which cases are in the one that is asked for, and its name and value."""
    strata = evasion.strata_of(evidence)
    by, _, value = sent.get("in", "").partition("=")
    by, value = sent.get("by", by), sent.get("value", value)
    if by not in strata or value not in strata[by]:
        return strata, np.ones(len(evidence.y), dtype=bool), ("", "")
    return strata, np.array(strata[by]) == value, (by, value)


def _row(
    found: Landscape, mask: int, rule: str, here: list[tuple[str, Any]], membership: Membership
) -> dict[str, Any]:
    one = found.row(mask, rule)
    pick = f"{mask}.{rule}"
    cases_at = reverse("evasion_cases", args=[membership.project.slug])
    links = {
        what: f"{cases_at}?{urlencode([*here, ('pick', pick), ('what', what)])}"
        for what in (MISSED, BLOCKED)
    }
    return {
        "name": name_of(one), "one": one, "pick": pick, "links": links,
        "query": urlencode([*here, ("pick", pick)]),
        "n_missed": round((one.evasion.value or 0) * one.evasion.n),
        "n_blocked": round((one.over_block.value or 0) * one.over_block.n),
        "n_judges": len(one.judges),
    }  # fmt: skip


def name_of(one: Combination) -> str:
    """ "lexical or tfidf", "lexical and tfidf", "majority of …", "at least 2 of …"."""
    n = len(one.judges)
    if n == 1:
        return one.judges[0]
    t = int(one.rule.removesuffix(OF_N)) if one.rule.endswith(OF_N) else 0
    if one.rule == "any" or t == 1:
        return " or ".join(one.judges)
    if one.rule == "all" or t == n:
        return " and ".join(one.judges)
    if one.rule == WEIGHTED:
        return f"weighted vote of {', '.join(one.judges)}"
    start = "majority" if one.rule == "majority" or t == n // 2 + 1 else f"at least {t}"
    return f"{start} of {', '.join(one.judges)}"


def said(names: Sequence[str], mask: int, rule: str) -> str:
    """The same of a set as a bit mask."""
    inside = tuple(name for bit, name in enumerate(names) if mask >> bit & 1)
    n = len(inside)
    if rule == ANY and n > 1:
        return f"{', '.join(inside[:-1])} and {inside[-1]}, none of which catches them"
    return inside[0] if n == 1 else f"“{rule} of {', '.join(inside)}”"


def _plots(found: Landscape, front: list[dict[str, Any]], rules: Sequence[str]) -> dict[str, str]:
    """The front, numbered and linked, over an even share of all combinations."""
    points = [_point(row["one"], row["name"], "beaten by none", f"?{row['query']}#reading")
              for row in front[:: max(1, -(-len(front) // MOST_ON_FRONT))]]  # fmt: skip
    every = [(int(mask), rule) for rule in rules for mask in np.flatnonzero(found.needs(rule))]
    for mask, rule in every[:: max(1, len(every) // MOST_POINTS)]:
        one = found.row(mask, rule)
        points.append(
            _point(one, name_of(one), "single judge" if len(one.judges) == 1 else "others")
        )
    return {
        size: scatter(points, x_label="Over-blocking", y_label="Evasion", compact=size == "compact")
        for size in ("wide", "compact")
    }


def _point(one: Combination, name: str, group: str, href: str = "") -> ScatterPoint:
    return ScatterPoint(
        x=one.over_block.value, y=one.evasion.value, label=name, x_low=one.over_block.low,
        x_high=one.over_block.high, y_low=one.evasion.low, y_high=one.evasion.high, group=group,
        highlighted=bool(href), href=href,
    )  # fmt: skip


def _rest(evidence: Evidence, chosen: EnsembleVersion, membership: Membership) -> dict[str, Any]:
    """What does not change with stratum and rule."""
    cases_at = reverse("evasion_cases", args=[membership.project.slug])
    bit = {name: 1 << index for index, name in enumerate(evidence.names)}

    def link(mask: int, what: str) -> str:
        query = [("ensemble", chosen.number), ("pick", f"{mask}.{ANY}"), ("what", what)]
        return f"{cases_at}?{urlencode(query)}"

    added = [
        {"one": one, "catches": link(bit[one.judge], CATCHES), "blocks": link(bit[one.judge], BLOCKS)}
        for one in evidence.added
    ]  # fmt: skip
    lines = [ForestRow(one.judge, one.evasion.value, one.evasion.low, one.evasion.high,
                       one.evasion.n, one.evasion.reason or "") for one in evidence.added]  # fmt: skip
    return {
        "added": added,
        "best": evidence.added[0].with_it if evidence.added else None,
        "added_plots": {
            size: forest(lines, references=[Reference(0.0, "adds nothing")],
                         title="Change in evasion when a judge is added", compact=size == "compact")
            for size in ("wide", "compact")
        },
        "joint": [{**pair, "href": link(bit[pair["first"]] | bit[pair["second"]], MISSED)}
                  for pair in evidence.joint],
        "everyone_href": link((1 << len(evidence.names)) - 1, MISSED),
        "rates": evasion.success_of(chosen, evidence),
    }  # fmt: skip


def _asked_rows(evidence: Evidence, mask: int, rule: str, what: str) -> Any:
    """Which cases (N,) a number counts."""
    found = evasion.landscape(evidence, np.ones(len(evidence.y), dtype=bool), rules=(rule,))
    caught = found.says(mask, rule)
    if what in (CATCHES, BLOCKS):
        caught = found.masks == mask
    gold = evidence.y if what in (MISSED, CATCHES) else ~evidence.y
    return gold & (~caught if what == MISSED else caught)


def _picked(word: str, evidence: Evidence) -> tuple[int, str] | None:
    """ "5.any": a set of judges and a rule, or none where it is neither."""
    number, _, rule = word.partition(".")
    k, mask, t = len(evidence.names), _number(number), rule.removesuffix(OF_N)
    known = rule in RULES or (t != rule and 1 <= _number(t) <= k)
    if rule == WEIGHTED:
        known = bool(_weights(evidence)[0])
    return (mask, rule) if known and 1 <= mask < 1 << k else None


def _number(word: str) -> int:
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else 0
