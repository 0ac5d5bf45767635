"""How far the work has come: what was done up to each day, under the line of all there is to do."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotations.charts.drawing import (
    UNDEFINED,
    Scale,
    disc,
    format_tick,
    line,
    path,
    picture,
    words,
)

MAX_SAID = 12


@dataclass(frozen=True)
class CoursePoint:
    """What was done altogether by the end of this day (or hour)."""

    label: str
    done: int


def course(
    points: Sequence[CoursePoint], total: int, *, title: str = "Progress", compact: bool = False
) -> str:
    """A rising line from the first point to the last; `total` is the dashed line above it."""
    width, left, right, top, bottom = (
        (360, 46, 350, 14, 130) if compact else (720, 60, 708, 14, 170)
    )
    most = max(total, *(point.done for point in points), 1) if points else max(total, 1)
    x, y = Scale(0, max(len(points) - 1, 1), left, right), Scale(0, most, bottom, top)
    body = []
    for tick in y.ticks(4):
        body.append(line(left, y.at(tick), right, y.at(tick), class_="chart-grid"))
        body.append(words(_short(tick), left - 8, y.at(tick) + 4, anchor="end"))
    body.append(line(left, y.at(total), right, y.at(total), class_="chart-reference"))
    if not points:
        body.append(words(f"{UNDEFINED}: nothing is done yet", left + 8, (top + bottom) / 2,
                          class_="chart-undefined"))  # fmt: skip
    else:
        body += _drawn(points, x, y, bottom)
    return picture(
        width=width, height=bottom + 30, kind="course", title=title,
        desc=_said(points, total), body=body, compact=compact,
    )  # fmt: skip


def _drawn(points: Sequence[CoursePoint], x: Scale, y: Scale, bottom: float) -> list[str]:
    at = [(x.at(place), y.at(point.done)) for place, point in enumerate(points)]
    steps = " L".join(f"{px:.1f} {py:.1f}" for px, py in at)
    body = [path(f"M{steps}", class_="chart-line chart-s1")] if len(at) > 1 else []
    body.append(disc(*at[-1], 3.5, class_="chart-fill chart-s1"))
    body.append(words(points[0].label, at[0][0], bottom + 20))
    if len(at) > 1:
        body.append(words(points[-1].label, at[-1][0], bottom + 20, anchor="end"))
    return body


def _short(count: float) -> str:
    """300k for 300,000: a tick has little room."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if count >= 10 * size:
            return f"{format_tick(count / size)}{letter}"
    return format_tick(count)


def _said(points: Sequence[CoursePoint], total: int) -> list[str]:
    """The last points in words; the line itself says nothing to who can't see it."""
    if not points:
        return [f"Nothing of {total:,} is done yet."]
    return [f"{point.label}: {point.done:,} of {total:,}." for point in points[-MAX_SAID:]]
