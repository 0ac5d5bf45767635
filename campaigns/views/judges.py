"""The judges page: each judge alone, the ensemble of them, and what gets past it."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from annotations.charts import (
    ForestRow,
    Reference,
    ReliabilityBin,
    forest,
    reliability,
)
from annotations.measurement.results import Estimate
from annotations.models import Membership
from annotations.permissions import READERS
from annotations.views.doors import member_page, show
from campaigns import staleness
from campaigns.models import EnsembleVersion, Round
from campaigns.statuses import ASIDE, EnsembleStatus
from campaigns.views import who_decides


@member_page(READERS)
def judges(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Evasion and over-blocking of judges and ensemble, with intervals, of the newest or a chosen one."""
    ensembles = EnsembleVersion.objects.filter(campaign__project=membership.project)
    made = ensembles.order_by("-number")
    wanted = request.GET.get("ensemble", "")
    in_use = made.exclude(status__in=ASIDE)
    chosen = made.filter(number=wanted).first() if wanted.isdigit() else in_use.first()
    context: dict[str, Any] = {"ensembles": made, "ensemble": chosen}
    if chosen is None:
        context["problem"] = why_none(membership)
        return show(request, membership, "campaigns/judges.html", active="Judges", **context)
    report = chosen.report
    context |= {
        "report": report,
        "judges": [judge_row(row, report) for row in report["judges"]],
        "quality": {name: Estimate(**report["quality"][name])
                    for name in ("auroc", "accuracy", "evasion", "over_block")},
        "calibration": report["quality"]["calibration"],
        "threshold": report["threshold"],
        "changes": staleness.changes_since(chosen),
        "new_gold": staleness.new_gold(chosen),
        "is_stale": chosen.status == EnsembleStatus.STALE,
        "members": chosen.members.select_related("rater").order_by("-weight"),
        **drawings(report),
        **breakdown(report, request.GET.get("by", "")),
        **who_decides.section(report),
        **who_decides.targets(chosen),
    }  # fmt: skip
    return show(request, membership, "campaigns/judges.html", active="Judges", **context)


def judge_row(row: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """One judge alone, with its area under the curve and why it was left out, if it was."""
    member = next((m for m in report["members"] if m["name"] == row["name"]), None)
    return {
        "name": row["name"],
        "n": row["n"],
        "missing": row["missing"],
        "evasion": Estimate(**row["evasion"]),
        "over_block": Estimate(**row["over_block"]),
        "accuracy": Estimate(**row["accuracy"]),
        "auroc": Estimate(**member["auroc"]) if member else None,
        "left_out": member["reason"] if member and not member["used"] else "",
        "is_ensemble": member is None,
    }


def drawings(report: dict[str, Any]) -> dict[str, str]:
    """Forest of the judges' evasion, reliability of the ensemble."""
    single = {judge["name"]: Estimate(**judge["evasion"]) for judge in report["judges"]}
    lines = [ForestRow(n, e.value, e.low, e.high, e.n, e.reason or "") for n, e in single.items()]
    bins = [
        ReliabilityBin(b["said"], b["found"]["value"], b["found"]["low"], b["found"]["high"],
                       b["found"]["n"])
        for b in report["quality"]["reliability"]
    ]  # fmt: skip
    drawn = {}
    for compact in (False, True):
        size = "compact" if compact else "wide"
        drawn[f"forest_{size}"] = forest(
            lines, references=[Reference(0.0, "nothing gets past")], domain=(0.0, 1.0),
            title="Evasion of each judge", compact=compact,
        )  # fmt: skip
        drawn[f"reliability_{size}"] = reliability(bins, compact=compact)
    return drawn


def breakdown(report: dict[str, Any], by: str) -> dict[str, Any]:
    """The ensemble within the values of one stratum; obvious against context-dependent first."""
    strata = report.get("strata", {})
    if not strata:
        return {}
    by = by if by in strata else next((n for n in ("kind", "target") if n in strata), min(strata))
    rows = [
        {"value": row["value"], "evasion": Estimate(**row["evasion"]),
         "over_block": Estimate(**row["over_block"])}
        for row in strata[by]
    ]  # fmt: skip
    lines = []
    for row in rows:
        e = row["evasion"]
        lines.append(ForestRow(row["value"], e.value, e.low, e.high, e.n, e.reason or ""))
    drawn = {
        f"strata_{'compact' if compact else 'wide'}": forest(
            lines, domain=(0.0, 1.0), title=f"Evasion by {by}", compact=compact
        )
        for compact in (False, True)
    }
    return {"by": by, "strata": rows, "strata_names": sorted(strata), **drawn}


def why_none(membership: Membership) -> str:
    """Why there is no ensemble yet, if the calibration said so."""
    rounds = Round.objects.filter(campaign__project=membership.project).order_by("-number")
    for round_ in rounds:
        problem = round_.findings.get("calibrate", {}).get("problem")
        if problem:
            return str(problem)
    return ""
