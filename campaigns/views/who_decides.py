"""Who decides, the ensemble or a person: a part of the judges page, and a panel on a case."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from annotations.case_panels import Panel
from annotations.charts import Curve, ForestRow, curves, forest
from annotations.errors import NotFound
from annotations.measurement.results import Estimate
from annotations.models import Case, Membership
from annotations.views.doors import member_page, show
from campaigns import promises, who_decides
from campaigns.models import EnsembleVersion, Round

RATES = ("to_person", "wrong", "passed", "blocked")


def section(report: dict[str, Any]) -> dict[str, Any]:
    """What goes to a person, by stratum, with its pictures; empty for a version of before."""
    kept = report.get(who_decides.PERSON)
    if not kept:
        return {}
    rows = [
        {
            "stratum": row["stratum"],
            "n": row["n"],
            **{name: Estimate(**row[name]) for name in RATES},
        }
        for row in kept["rows"]
    ]
    return {"person": {**kept, "rows": rows, **_drawn(rows, kept)}}


def _drawn(rows: list[dict[str, Any]], kept: dict[str, Any]) -> dict[str, str]:
    shares = [
        ForestRow(row["stratum"] or "all", e.value, e.low, e.high, e.n, e.reason or "")
        for row in rows
        for e in [row["to_person"]]
    ]
    lines = [
        Curve(label, sorted((one["to_person"], one[name]) for one in kept["levels"]
                            if one["to_person"] is not None and one[name] is not None))
        for name, label in (("wrong", "of the decided cases, those decided wrongly"),
                            ("passed", "of the failures, those let pass without a person"))
    ]  # fmt: skip
    now = rows[0]["to_person"].value
    drawn = {}
    for compact in (False, True):
        size = "compact" if compact else "wide"
        drawn[f"shares_{size}"] = forest(
            shares, domain=(0.0, 1.0), title="Share that goes to a person", compact=compact
        )
        drawn[f"levels_{size}"] = curves(
            lines, title="What more cases for people would buy", x_label="Share to a person",
            y_label="Share", now=now, compact=compact,
        )  # fmt: skip
    return drawn


def targets(made: EnsembleVersion) -> dict[str, Any]:
    """Of which targets the bound is promised, and which rounds of this version hold cases unlike its gold."""
    kept, found = made.report.get(promises.TARGETS) or {}, promises.rows_of(made.report)
    rounds = Round.objects.filter(ensemble=made).order_by("number")
    return {
        "targets": [_target(row) for row in found],
        "unpromised": [row for row in found if row["reason"]],
        "way": kept.get("way", "") if isinstance(kept, dict) else "",
        "losses": _losses(kept),
        "broken": [told for told in map(promises.broken, rounds) if told],
    }


def _target(row: dict[str, Any]) -> dict[str, Any]:
    names = ("over_block_before", "over_block", "evasion_before", "evasion")
    return {**row, **{name: Estimate(**row[name]) for name in names if name in row}}


def _losses(kept: Any) -> list[tuple[str, float]]:
    said = kept.get("losses", {}) if isinstance(kept, dict) else {}
    return [(way, loss) for way, loss in said.items() if loss is not None]


@member_page()
@require_safe
def case(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """What the ensemble says of one case, where this member may see its word."""
    found = Case.objects.filter(pk=pk, project=membership.project).first()
    told = who_decides.told_of(found, membership) if found else None
    if told is None:
        raise NotFound(
            "There is no such case, or what the ensemble says of it is not to be seen yet."
        )
    part = "#body" if request.htmx else ""  # type: ignore[attr-defined]  # by a middleware
    return show(
        request, membership, f"campaigns/case_decided.html{part}", active="Cases", case=found, told=told
    )  # fmt: skip


def panel(found: Case, membership: Membership) -> Panel | None:
    """The panel on the case's and the adjudicator's page."""
    if not who_decides.is_told(found, membership):
        return None
    return Panel(
        "Who would decide it", reverse("case_decided", args=[membership.project.slug, found.pk])
    )
