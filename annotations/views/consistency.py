"""For leads: whether raters give the same answer again, and whether their answers drift. No ranking."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from annotations import drift, members, retest
from annotations.charts import AlarmMark, ForestRow, forest, watch
from annotations.drift import Series
from annotations.measurement.drift import BASELINE_CHECKS, BASELINE_LABELS
from annotations.measurement.results import Estimate
from annotations.models import Case, DriftAlarm, Membership, Project, Rater
from annotations.permissions import LEADS
from annotations.retest import Consistency
from annotations.statuses import Drift
from annotations.views.doors import member_page, show

ACTIVE = "Consistency"
MOST_WORDS = 2_000
CASES_SHOWN = 12
CLOSED_SHOWN = 20
WHAT = {
    Drift.CHECKS: "Wrong answers to cases whose answer is known",
    Drift.REPEATS: "Own cases of a week ago, answered otherwise",
    Drift.RATE: "Positive answers at the same predicted score",
}
TO_DO = {
    Drift.CHECKS: "Open the cases, see which clause they turn on, and talk it over; give training on them "
    "(mark them as training). One rater: talk with that rater. All: the wording may have to change.",
    Drift.REPEATS: "Open the cases: did the rater learn something, or tire? Ask for a break, or train on "
    "the clause. Many raters at once: look at what the guideline says since.",
    Drift.RATE: "Open the cases: the same scores are answered otherwise than before. See whether the "
    "raters' line moved (train, or clarify the clause) or the judge's score did (recalibrate it).",
}


@dataclass(frozen=True)
class Shown:
    """One series as the page draws it."""

    title: str
    series: Series
    wide: str
    compact: str


@member_page(LEADS)
@require_safe
def consistency(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Repeats by criterion, then what is watched, with the alarms first."""
    return _page(request, membership)


@member_page(LEADS)
@require_POST
def close(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """A lead has looked into an alarm."""
    alarm = get_object_or_404(DriftAlarm, pk=pk, project=membership.project)
    drift.close(alarm, by=membership.user, note=request.POST.get("note", "")[:MOST_WORDS])
    messages.success(request, "The alarm is closed; what you found stands beside it.")
    return redirect("consistency", membership.project.slug)


def _page(request: HttpRequest, membership: Membership) -> HttpResponse:
    project = membership.project
    found = drift.series(project)
    names = {r.pk: r.name for r in Rater.objects.filter(project=project)}
    alarms = list(drift.open_alarms(project))
    closed = DriftAlarm.objects.filter(project=project, closed_at__isnull=False)
    return show(
        request, membership, "annotations/consistency.html", active=ACTIVE,
        repeats=[_repeats(one, names) for one in retest.of_project(project)],
        alarms=[_alarm(one, project) for one in alarms],
        closed=[_alarm(one, project) for one in closed.order_by("-closed_at")[:CLOSED_SHOWN]],
        watched=[_shown(one) for one in found if one.rater is None],
        raters=_by_rater(found), names=members.names_in(project),
        not_watched=sum(one.rater is not None and not one.chart.is_monitored for one in found),
        baselines=(BASELINE_CHECKS, BASELINE_LABELS),
    )  # fmt: skip


def _repeats(found: Consistency, names: dict[int, str]) -> dict[str, Any]:
    """Percent same as a forest plot, in the order of pseudonyms, and the figures as a table."""
    ordered = sorted(found.raters, key=lambda pk: members.in_order(names.get(pk, "")))
    rows = [ForestRow("All raters", *_ends(found.pooled.same))]
    rows += [ForestRow(names.get(pk, "?"), *_ends(found.raters[pk].same)) for pk in ordered]
    title = f"Same answer again on {found.question.name}"
    wide, compact = (
        forest(rows, title=title, domain=(0, 1), compact=narrow) for narrow in (False, True)
    )
    lines = [("All raters", found.pooled)]
    lines += [(names.get(pk, "?"), found.raters[pk]) for pk in ordered]
    return {
        "name": found.question.name, "pk": found.question.criterion_id, "lines": lines,
        "wide": wide, "compact": compact, "has_any": found.pooled.same.is_defined,
    }  # fmt: skip


def _alarm(one: DriftAlarm, project: Project) -> dict[str, Any]:
    kind = Drift(one.kind)
    cases = Case.objects.filter(project=project, pk__in=one.cases[:CASES_SHOWN])
    by_id = {case.pk: case for case in cases}
    return {
        "one": one, "what": WHAT[kind], "to_do": TO_DO[kind],
        "who": one.rater.name if one.rater else "All raters",
        "cases": [by_id[pk] for pk in one.cases[:CASES_SHOWN] if pk in by_id],
        "more": max(len(one.cases) - CASES_SHOWN, 0),
    }  # fmt: skip


def _by_rater(found: Sequence[Series]) -> list[dict[str, Any]]:
    """A line a series of one rater; a picture only where an alarm was raised."""
    own = [one for one in found if one.rater is not None and one.chart.is_monitored]
    own.sort(key=lambda one: members.in_order(one.rater.name if one.rater else ""))
    return [
        {"shown": _shown(one) if one.chart.alarms else None, "series": one, "what": WHAT[one.kind],
         "watched": len(one.chart.rise), "alarms": len(one.chart.alarms)}
        for one in own
    ]  # fmt: skip


def _shown(one: Series) -> Shown:
    chart, points = one.chart, one.points[one.chart.skipped :]
    who = one.rater.name if one.rater else "all raters"
    title = f"{WHAT[one.kind]}, {one.question.name}, {who}"
    marks = [
        AlarmMark(alarm.at, alarm.is_rise, f"{points[alarm.at].at:%-d %b %Y}")
        for alarm in chart.alarms
    ]
    ends = [f"{point.at:%-d %b %Y}" for point in (points[0], points[-1])] if points else ["", ""]
    fall = None if chart.fall is None else chart.fall.tolist()
    wide, compact = (
        watch(
            chart.rise.tolist(), fall, chart.limit, alarms=marks, first=ends[0], last=ends[1],
            title=title, reason=chart.reason or "", compact=narrow,
        )
        for narrow in (False, True)
    )  # fmt: skip
    return Shown(title, one, wide, compact)


def _ends(e: Estimate) -> tuple[float | None, float | None, float | None, int, str]:
    return e.value, e.low, e.high, e.n, e.reason or ""
