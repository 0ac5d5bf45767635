"""The dashboard tiles of this floor: judges beside people, and what a round's hunting brings."""

from django.urls import reverse

from annotations import dashboard
from annotations.charts import BarRow, ScatterPoint, bars, scatter
from annotations.dashboard import Line, Tile, TileSource
from annotations.measurement.ceiling import PERSON
from annotations.models import Membership
from annotations.views.tiles import drawn, version_of
from campaigns import yields
from campaigns.yields import Yield


def judges(membership: Membership) -> Tile:
    """Evasion against over-blocking of every judge, and of one person: the ceiling."""
    project = membership.project
    questions = dashboard.questions_of(project)
    question = questions[0] if questions else None
    found = dashboard.judges_and_people(project, question) if question else []
    points = [
        ScatterPoint(
            one.over_block.value, one.evasion.value, one.name, one.over_block.low,
            one.over_block.high, one.evasion.low, one.evasion.high,
            group="people" if one.name == PERSON else "judges", highlighted=True,
        )
        for one in found
    ]  # fmt: skip
    held = bool(found) and found[0].evasion.is_defined
    return Tile(
        key="judges", title="Judges and the human ceiling", href=reverse("judges", args=[project.slug]),
        more="Every judge and every combination",
        definition="Each person is held against the majority of the other people of the case, and every "
        "judge against the same. Evasion: failures missed. Over-blocking: other cases flagged. A judge "
        "that is as good as one person stands where the person stands.",
        chart=scatter(points, x_label="Over-blocking", y_label="Evasion", pareto=False, compact=True,
                      title=f"Judges and people on {question.name}" if question else "Judges"),
        lines=[
            line
            for one in found
            for line in (Line(f"{one.name}: evasion", one.evasion, as_percent=True),
                         Line(f"{one.name}: over-blocking", one.over_block, as_percent=True))
        ],
        note=f"On {question.name}, {version_of(project)}; cases with three people's blind answers."
        if question else "",
        empty="" if held else "Three people or more have to answer the same cases: then it shows how "
        "far one person gets, which is the most that a judge can be asked for.",
    )  # fmt: skip


def loop_yield(membership: Membership) -> Tile:
    """Gold failures for each 100 candidates, guided half against control."""
    project = membership.project
    questions = dashboard.questions_of(project)
    found = yields.yields_of(project, questions[0].criterion) if questions else None
    halves = (found.guided, found.control) if found else ()
    return Tile(
        key="yield", title="Loop yield", href=reverse("project", args=[project.slug]),
        more="The rounds",
        definition="The share of settled cases that gold confirms as failures, by half of the round. "
        "Guided cases start from gold failures near the boundary and from errors of the judges; "
        "control cases do not. The budget is the same and raters don't know which is which.",
        chart=bars([BarRow(half.arm.capitalize(), *drawn(half.failures)) for half in halves],
                   title="Gold failures among settled cases", domain=(0.0, 1.0), compact=True),
        lines=[
            *(Line(f"{half.arm.capitalize()}: failures", half.failures, as_percent=True,
                   note=_open(half)) for half in halves),
            *([Line("Guided minus control", found.difference, as_percent=True)] if found else []),
        ],
        facts=[
            (f"{half.arm.capitalize()}: failures an hour of people's work",
             "not known" if half.per_hour is None else f"{half.per_hour:.1f}")
            for half in halves
        ],
        note=f"On {questions[0].name}; {version_of(project)}." if questions else "",
        empty="" if any(half.failures.n for half in halves) else
        "No generated case is settled yet: begin a round on the campaign page, and label.",
    )  # fmt: skip


def _open(half: Yield) -> str:
    return f"{half.open:,} not settled yet" if half.open else ""


TILES: list[TileSource] = [
    TileSource("judges", "Judges and the human ceiling", 30, judges),
    TileSource("yield", "Loop yield", 90, loop_yield),
]
