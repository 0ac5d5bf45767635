"""The dashboard tiles of this floor, drawn; `annotations.registration` adds them."""

from django.urls import reverse

from annotations import anchoring, balance, dashboard, drift, frame, prevalence, strata
from annotations.agreement import CriterionAgreement
from annotations.charts import BarRow, ForestRow, Reference, ScatterPoint, bars, forest, scatter
from annotations.dashboard import Line, Tile, TileSource
from annotations.measurement.agreement import KRIPPENDORFF_ALPHA, specific_agreement_name
from annotations.measurement.gate import Marks
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.models import Membership, Project
from annotations.permissions import LEADS, has_role
from annotations.views.cases import CAUSE_NAMES
from annotations.watching import NAMES

# The whole interval of a criterion's alpha must be above this to pass its gate.
MARK = Marks().alpha
TARGET = "target"
BLIND = "First, blind answers of people"


def health(membership: Membership) -> Tile:
    """Alpha of every criterion against the mark, with positive agreement and can't tell."""
    project = membership.project
    found = dashboard.health(project)
    page = reverse("agreement", args=[project.slug])
    rows = [ForestRow(one.question.name, *drawn(_alpha(one))) for one in found]
    lowest = min((row.low for row in rows if row.low is not None), default=0.0)
    return Tile(
        key="health", title="Criterion health", href=page, more="Agreement, criterion by criterion",
        definition="Krippendorff's alpha: 1 − observed / expected disagreement. 1 is perfect, 0 what "
        f"chance gives. A criterion passes its gate when the whole interval is above {MARK:.2f}.",
        chart=forest(rows, title="Alpha of each criterion", references=[Reference(MARK, "gate")],
                     domain=(-1.0 if lowest < -0.2 else -0.2 if lowest < 0 else 0.0, 1.0),
                     compact=True),
        lines=[line for one in found for line in _health_lines(one, page)],
        note=f"{BLIND}; {version_of(project)}.",
        empty="" if any(one.report.n_labels for one in found) else
        "No blind answers yet: two people or more have to answer the same cases.",
        is_simulated=any(one.simulated for one in found),
    )  # fmt: skip


def _health_lines(found: CriterionAgreement, page: str) -> list[Line]:
    name, question = found.question.name, found.question
    lines = [Line(f"{name}: alpha", _alpha(found), f"{page}#criterion-{question.pk}")]
    for value in question.criterion.positive:
        estimate = found.report.coefficients.get(specific_agreement_name(value))
        if estimate is not None:
            label = f"{name}: agreement on “{question.label_of(value)}”"
            lines.append(Line(label, estimate, f"{page}#criterion-{question.pk}", as_percent=True))
    lines.append(Line(f"{name}: can't tell", found.cant_tell, as_percent=True))
    return lines


def how_common(membership: Membership) -> Tile:
    """Prevalence of every criterion: the shown interval, and the judge's raw rate as a faint tick."""
    project = membership.project
    page = reverse("prevalence", args=[project.slug])
    found = [
        prevalence.measure(project, q, judge=next(iter(frame.judges_of(project, q)), None))
        for q in dashboard.questions_of(project)
    ]
    rows = [
        ForestRow(one.question.name, *drawn(one.whole.figures.shown),
                  tick=one.whole.figures.raw.value,
                  href=f"{page}?criterion={one.question.criterion.key}")
        for one in found
    ]  # fmt: skip
    used = ", ".join(f"{one.whole.tally.used:,} of {one.whole.tally.cases:,}" for one in found)
    return Tile(
        key="prevalence", title="Prevalence", href=page, more="By target and round, and why which labels",
        definition="The share of all cases in which a failure is seen, from settled answers of the audit "
        "slice and a judge's scores. The judge makes the interval narrower and can't move it; the faint "
        "tick is the judge's own rate, which is biased by its errors.",
        chart=forest(rows, title="Prevalence of each criterion", domain=(0.0, 1.0), compact=True),
        lines=[
            Line(f"{one.question.name}: {name}", e, f"{page}?criterion={one.question.criterion.key}",
                 as_percent=True)
            for one in found
            for name, e in (("shown", one.whole.figures.shown),
                            ("people alone", one.whole.figures.human_only),
                            ("the judge's raw rate", one.whole.figures.raw))
        ],
        note=f"Labels used: {used}; {version_of(project)}.",
        empty="" if any(one.whole.figures.n for one in found) else
        "No case of the audit slice is settled yet: set its share on the queue, or draw cases by score.",
        is_simulated=any(one.whole.tally.simulated for one in found),
    )  # fmt: skip


def both_ways(membership: Membership) -> Tile:
    """Unsafe against over-refusing, for each target (or batch, where cases have no target)."""
    project = membership.project
    unsafe, refusal = balance.guess(dashboard.questions_of(project))
    values = strata.comparable(project)
    by = TARGET if TARGET in values else frame.BATCH
    found = balance.measure(project, unsafe=unsafe, refusal=refusal, by=by,
                            values=list(values.get(by, ())))  # fmt: skip
    rows = [
        (row, balance.complement(row.not_overrefuse), balance.complement(row.not_unsafe))
        for row in found.rows
    ]
    both = [one for one in rows if one[1].is_defined and one[2].is_defined]
    reason = next((e.reason for row in found.rows for e in (row.not_unsafe, row.not_overrefuse)
                   if e.reason and not e.is_defined), "")  # fmt: skip
    return Tile(
        key="balance", title="Unsafe against over-refusing",
        href=reverse("prevalence", args=[project.slug]) + f"?by={by}", more="Both shares, by target",
        definition="Across: benign requests that were refused. Up: requests to refuse whose answer was "
        "unsafe. A target that always refuses, or never does, is perfect on one of the two alone. "
        "not_unsafe and not_overrefuse are one minus these.",
        chart=scatter(
            [ScatterPoint(x.value, y.value, row.label, x.low, x.high, y.low, y.high, highlighted=True)
             for row, x, y in both],
            x_label="Over-refusing", y_label="Unsafe", pareto=False, compact=True,
            title="Unsafe against over-refusing, by target"),
        lines=[
            line
            for row, x, y in rows
            for line in (Line(f"{row.label}: unsafe", y, as_percent=True),
                         Line(f"{row.label}: over-refusing", x, as_percent=True))
        ],
        note=f"By {by}; {version_of(project)}.",
        empty="" if both else reason or "Nothing is settled yet.",
    )  # fmt: skip


def anatomy(membership: Membership) -> Tile:
    """Why people differed, as adjudicators saw it."""
    project = membership.project
    found = dashboard.causes(project)
    page = reverse("gold", args=[project.slug]) + "?provenance=adjudicated"
    rows = [BarRow(CAUSE_NAMES[cause], *drawn(e)) for cause, e in found]
    return Tile(
        key="anatomy", title="Disagreement anatomy", href=page, more="The adjudicated answers",
        definition="The share of each cause among the decisions that stand. Guideline gaps ask for a "
        "clearer rubric, slips for training, value differences for a descriptive criterion.",
        chart=bars(rows, title="Causes of disagreement", domain=(0.0, 1.0), compact=True),
        lines=[Line(CAUSE_NAMES[cause], e, as_percent=True) for cause, e in found],
        note="Wilson's 95 % intervals.",
        empty="" if found else "No disagreement was decided yet: adjudicators give each its cause.",
    )  # fmt: skip


def cost(membership: Membership) -> Tile:
    """Minutes and raters for each settled case, against a fixed three."""
    project = membership.project
    found = dashboard.cost(project)
    fixed = Reference(float(dashboard.FIXED), "fixed three")
    saved = "" if found.saved is None else (
        f"{abs(found.saved):.0%} {'fewer' if found.saved >= 0 else 'more'} sheets than three raters "
        "on every settled case. "
    )  # fmt: skip
    return Tile(
        key="cost", title="Cost of a settled case", href=reverse("gold", args=[project.slug]),
        more="What is settled",
        definition="People's sheets and minutes, those on cases that still wait included, divided by "
        "the cases that are settled.",
        chart=forest([ForestRow("Raters a settled case", *drawn(found.raters))],
                     title="Raters for each settled case", references=[fixed], domain=(0.0, 6.0),
                     compact=True),
        lines=[
            Line("Raters a settled case", found.raters),
            Line("Minutes a settled case", found.minutes),
            Line("Needed a decision", found.adjudicated,
                 reverse("gold", args=[project.slug]) + "?provenance=adjudicated", as_percent=True),
        ],
        note=f"{saved}{found.settled:,} cases are settled.",
        empty="" if found.settled else "No case is settled yet: label, and adjudicate what differs.",
    )  # fmt: skip


def anchors(membership: Membership) -> Tile:
    """What the AI's help does to people: wrong AI answers adopted, each arm minus blind."""
    project = membership.project
    effects = anchoring.readout(anchoring.read(project))
    page = reverse("ai_help", args=[project.slug])
    shifts = [
        (NAMES[one.arm], figure.name, figure.shift)
        for one in effects
        for figure in (one.planted, one.adoption)
        if figure.shift is not None and figure.value.n
    ]
    rows = [ForestRow(f"{arm}: {name}", *drawn(shift)) for arm, name, shift in shifts]
    stopped = ", ".join(NAMES[arm] for arm in NAMES if arm in project.suspended_arms)
    return Tile(
        key="anchoring", title="Anchoring", href=page, more="Arms, sentinels and what stops an arm",
        definition="How much oftener people give the AI's answer where it is wrong, against people who "
        "answer blind: on planted wrong answers, and on decided cases on which the AI erred. Zero is "
        "best; an arm that harms is stopped by itself.",
        chart=forest(rows, title="Wrong AI answers adopted: share above blind",
                     references=[Reference(0.0, "as blind")], compact=True),
        lines=[Line(f"{arm}: {name}", shift, page, as_percent=True) for arm, name, shift in shifts],
        note=f"Suspended: {stopped}." if stopped else "No arm is suspended.",
        tone="warn" if stopped else "",
        empty="" if rows else "No wrong AI answer was shown to anybody yet: planted ones come once "
        "cases are settled and an arm with help has a share.",
    )  # fmt: skip


def drifting(membership: Membership) -> Tile:
    """Alarms of drift that nobody has looked into, and what is watched."""
    project = membership.project
    alarms = list(drift.open_alarms(project)[:20])
    series = [one for one in drift.series(project) if one.rater is None and one.points]
    page = reverse("consistency", args=[project.slug])
    rows = [
        BarRow(f"{one.question.name}: {one.kind}", *drawn(_share(one)), href=page) for one in series
    ]
    return Tile(
        key="drift", title="Drift", href=page, more="Repeats, alarms and their cases",
        definition="Known answers, own cases met again, and positive answers at the same predicted score "
        "are watched by cumulative sums; an alarm names the cases behind it. Here: the share of wrong, "
        "changed and positive answers so far.",
        chart=bars(rows, title="What is watched", domain=(0.0, 1.0), compact=True),
        lines=[Line(f"{one.question.name}: {one.kind}", _share(one), page, as_percent=True)
               for one in series],
        facts=[(f"{alarm.criterion} since {alarm.began_at:%d %b}",
                "all raters" if alarm.rater is None else alarm.rater.name) for alarm in alarms],
        note=f"{len(alarms)} open alarms." if len(alarms) != 1 else "1 open alarm.",
        tone="warn" if alarms else "",
        empty="" if series else "Nothing to watch yet: checks and repeats are mixed in once cases are "
        "settled, and rates are watched once a judge has scored cases.",
    )  # fmt: skip


def _share(series: drift.Series) -> Estimate:
    return proportion(sum(point.x for point in series.points), len(series.points))


def staleness(membership: Membership) -> Tile:
    """What was answered under another wording than the released one."""
    project = membership.project
    found = dashboard.staleness(project)
    rows = [
        BarRow(name, old / all_ if all_ else None, n=all_, reason="nothing is settled")
        for name, (old, all_) in found.gold.items()
    ]
    return Tile(
        key="staleness", title="Staleness", href=reverse("rubric", args=[project.slug]),
        more="The rubric and its versions",
        definition="Settled answers whose question was worded otherwise than the released one. An "
        "unchanged criterion is never stale, whatever the version's number.",
        chart=bars(rows, title="Share of gold under an older wording", domain=(0.0, 1.0),
                   compact=True),
        facts=[
            *((f"{name}: gold under an older wording", f"{old:,} of {all_:,}")
              for name, (old, all_) in found.gold.items()),
            ("Open places under an older version", f"{found.places:,}"),
            ("Drafts under an older version", f"{found.sheets:,}"),
        ],
        note=f"Counted against {version_of(project)}: a count has no interval.",
        tone="warn" if found.is_stale else "",
        empty="" if found.gold else "No rubric is released yet.",
    )  # fmt: skip


def drawn(e: Estimate) -> tuple[float | None, float | None, float | None, int, str]:
    """An estimate as a row of a chart."""
    return e.value, e.low, e.high, e.n, e.reason or ""


def version_of(project: Project) -> str:
    """The released rubric version in words."""
    version = project.rubric.released
    return f"rubric {version}" if version else "no rubric released"


def _alpha(found: CriterionAgreement) -> Estimate:
    return found.report.coefficients[KRIPPENDORFF_ALPHA]


def shown_to(membership: Membership) -> list[TileSource]:
    """The tiles of this member's role, in the order of the page."""
    return [source for source in dashboard.sources() if has_role(membership, source.roles)]


TILES: list[TileSource] = [
    TileSource("health", "Criterion health", 10, health),
    TileSource("prevalence", "Prevalence", 20, how_common),
    TileSource("balance", "Unsafe against over-refusing", 25, both_ways),
    TileSource("anchoring", "Anchoring", 40, anchors, LEADS),
    TileSource("drift", "Drift", 50, drifting, LEADS),
    TileSource("anatomy", "Disagreement anatomy", 60, anatomy),
    TileSource("cost", "Cost of a settled case", 70, cost),
    TileSource("staleness", "Staleness", 80, staleness),
]
