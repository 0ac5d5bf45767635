"""The judges page: each judge alone, every combination, the ensemble, and what gets past them."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from annotations.charts import (
    ForestRow,
    Reference,
    ReliabilityBin,
    ScatterPoint,
    forest,
    reliability,
    scatter,
)
from annotations.measurement.results import Estimate
from annotations.models import Membership
from annotations.permissions import READERS
from annotations.views.doors import member_page, show
from campaigns import staleness
from campaigns.calibration_report import COMBINATION
from campaigns.judging.evasion import RULES
from campaigns.models import EnsembleVersion, Round
from campaigns.statuses import ASIDE, EnsembleStatus
from campaigns.views import who_decides

SHOWN = 40  # combinations a page of the table
MOST_POINTS = 600


@member_page(READERS)
def judges(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Evasion and over-blocking of every combination, with intervals, from the newest ensemble."""
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
    rule = request.GET.get("rule", "front")
    rows = [Row(row, report) for row in report["combinations"]["rows"]]
    context |= {
        "report": report,
        "judges": [judge_row(row, report) for row in report["judges"]],
        "quality": {name: Estimate(**report["quality"][name])
                    for name in ("auroc", "accuracy", "evasion", "over_block")},
        "calibration": report["quality"]["calibration"],
        "threshold": report["threshold"],
        "rule": rule,
        "rules": ["front", "any", "all", "majority"],
        "combinations": chosen_rows(rows, rule)[:SHOWN],
        "n_combinations": len(rows),
        "changes": staleness.changes_since(chosen),
        "new_gold": staleness.new_gold(chosen),
        "is_stale": chosen.status == EnsembleStatus.STALE,
        "members": chosen.members.select_related("rater").order_by("-weight"),
        **drawings(rows, report),
        **breakdown(report, request.GET.get("by", "")),
        **who_decides.section(report),
        **who_decides.targets(chosen),
    }  # fmt: skip
    part = "#combinations" if request.htmx else ""  # type: ignore[attr-defined]  # by a middleware
    template = f"campaigns/judges.html{part}"
    return show(request, membership, template, active="Judges", **context)


class Row:
    """One combination of the stored report (`calibration.COMBINATION`), with its estimates."""

    def __init__(self, places: list[Any], report: dict[str, Any]) -> None:
        data = dict(zip(COMBINATION, places, strict=True))
        names = report["combinations"]["names"]
        self.judges = [name for bit, name in enumerate(names) if data["mask"] >> bit & 1]
        self.rule = RULES[data["rule"]]
        self.on_front = bool(data["on_front"])
        self.missing: int = data["missing"]
        positives, n = report["positives"], report["n"]
        self.evasion = _estimate(data, "evasion", n=positives)
        self.over_block = _estimate(data, "over_block", n=n - positives)
        self.accuracy = _estimate(data, "accuracy", n=n)

    @property
    def name(self) -> str:
        """ "lexical or tfidf": what stands on the plot and in the table."""
        if len(self.judges) == 1:
            return self.judges[0]
        word = {"any": " or ", "all": " and "}.get(self.rule)
        return word.join(self.judges) if word else f"majority of {', '.join(self.judges)}"


def _estimate(data: dict[str, Any], name: str, *, n: int) -> Estimate:
    return Estimate(
        data[name], data[f"{name}_low"], data[f"{name}_high"], n, method="Wilson score interval",
        reason=None if data[name] is not None else "there is no such gold case",
    )  # fmt: skip


def chosen_rows(rows: list[Row], rule: str) -> list[Row]:
    """The Pareto front, or one rule's rows, least evasion first."""
    chosen = (
        [r for r in rows if r.on_front] if rule == "front" else [r for r in rows if r.rule == rule]
    )
    return sorted(chosen, key=lambda r: (_value(r.evasion), _value(r.over_block), len(r.judges)))


def _value(estimate: Estimate) -> float:
    return 2.0 if estimate.value is None else estimate.value


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


def drawings(rows: list[Row], report: dict[str, Any]) -> dict[str, str]:
    """Scatter of all combinations, forest of the judges' evasion, reliability of the ensemble."""
    single = {judge["name"]: Estimate(**judge["evasion"]) for judge in report["judges"]}
    points = [point(row) for row in rows if row.on_front or len(row.judges) == 1]
    plain = [row for row in rows if not row.on_front and len(row.judges) > 1]
    step = max(1, len(plain) // MOST_POINTS)
    points += [point(row) for row in plain[::step]]
    lines = [ForestRow(n, e.value, e.low, e.high, e.n, e.reason or "") for n, e in single.items()]
    bins = [
        ReliabilityBin(b["said"], b["found"]["value"], b["found"]["low"], b["found"]["high"],
                       b["found"]["n"])
        for b in report["quality"]["reliability"]
    ]  # fmt: skip
    drawn = {}
    for compact in (False, True):
        size = "compact" if compact else "wide"
        drawn[f"scatter_{size}"] = scatter(
            points, x_label="Over-blocking", y_label="Evasion", compact=compact
        )
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


def point(row: Row) -> ScatterPoint:
    group = "single judge" if len(row.judges) == 1 else row.rule
    return ScatterPoint(
        x=row.over_block.value, y=row.evasion.value, label=row.name,
        x_low=row.over_block.low, x_high=row.over_block.high,
        y_low=row.evasion.low, y_high=row.evasion.high,
        group=group, highlighted=row.on_front,
    )  # fmt: skip


def why_none(membership: Membership) -> str:
    """Why there is no ensemble yet, if the calibration said so."""
    rounds = Round.objects.filter(campaign__project=membership.project).order_by("-number")
    for round_ in rounds:
        problem = round_.findings.get("calibrate", {}).get("problem")
        if problem:
            return str(problem)
    return ""
