"""What more work would buy: lines over an amount of it, with the place where one stands now."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotations.charts.drawing import (
    Scale,
    domain_of,
    format_number,
    format_tick,
    is_number,
    line,
    path,
    picture,
    words,
)
from annotations.charts.planes import symbol

MAX_SAID = 8


@dataclass(frozen=True)
class Curve:
    """One line through (x, y) points; its symbol tells it from the others without colour."""

    label: str
    points: Sequence[tuple[float, float]]


def curves(
    lines: Sequence[Curve], *, title: str, x_label: str, y_label: str, now: float | None = None,
    compact: bool = False,
) -> str:  # fmt: skip
    """At most five lines from left to right; `now` is an upright reference line."""
    width, left, right, top, bottom = (
        (360, 46, 346, 30, 190) if compact else (720, 54, 700, 30, 230)
    )
    known = [[(x, y) for x, y in one.points if is_number(x) and is_number(y)] for one in lines]
    xs, ys = [x for one in known for x, _ in one], [y for one in known for _, y in one]
    x = Scale(*domain_of(xs, include=[] if now is None else [now]), left, right)
    y = Scale(*domain_of(ys, include=[0.0]), bottom, top)
    body = _frame(x, y, x_label, y_label)
    if now is not None:
        body.append(line(x.at(now), top - 4, x.at(now), bottom, class_="chart-reference"))
        anchor = "start" if x.at(now) < (left + right) / 2 else "end"
        body.append(words("now", x.at(now) + (5 if anchor == "start" else -5), top + 8,
                          class_="chart-small chart-halo", anchor=anchor))  # fmt: skip
    for number, points in enumerate(known):
        body += _line(points, number, x, y)
    key, height = _key(lines, bottom + 62, width)
    return picture(
        width=width, height=height, kind="curve", title=title,
        desc=[_said(one, points) for one, points in zip(lines, known, strict=True)] or "No line yet.",
        body=body + key, compact=compact,
    )  # fmt: skip


def _frame(x: Scale, y: Scale, x_label: str, y_label: str) -> list[str]:
    small = "chart-small chart-muted"
    parts: list[str] = []
    for tick in x.ticks():
        parts.append(
            words(format_tick(tick), x.at(tick), y.start + 17, class_=small, anchor="middle")
        )
    for tick in y.ticks(4):
        parts.append(line(x.start, y.at(tick), x.end, y.at(tick), class_="chart-grid"))
        parts.append(
            words(format_tick(tick), x.start - 7, y.at(tick) + 4, class_=small, anchor="end")
        )
    parts.append(path(f"M{x.start} {y.end} V{y.start} H{x.end}", class_="chart-axis"))
    room = x.end - 8
    parts.append(words(y_label, 4, 16, class_="chart-strong", width=room))
    parts.append(
        words(x_label, x.end, y.start + 36, class_="chart-strong", anchor="end", width=room)
    )
    return parts


def _line(points: Sequence[tuple[float, float]], number: int, x: Scale, y: Scale) -> list[str]:
    at = [(x.at(px), y.at(py)) for px, py in points]
    if not at:
        return []
    steps = " L".join(f"{px:.1f} {py:.1f}" for px, py in at)
    drawn = [path(f"M{steps}", class_=f"chart-line chart-s{number + 1}")] if len(at) > 1 else []
    return drawn + [symbol(number, px, py, 4.0) for px, py in at]


def _key(lines: Sequence[Curve], y: float, width: float) -> tuple[list[str], float]:
    parts: list[str] = []
    for number, one in enumerate(lines):
        parts += [symbol(number, 12, y - 4, 4.5), words(one.label, 24, y, width=width - 30)]
        y += 20
    return parts, y - 4


def _said(one: Curve, points: Sequence[tuple[float, float]]) -> str:
    """The line in words: some of its points, the last among them."""
    if not points:
        return f"{one.label}: not known."
    step = max(1, -(-len(points) // MAX_SAID))
    shown = [*points[:-1:step], points[-1]]
    said = ", ".join(f"{format_number(y)} at {format_number(x)}" for x, y in shown)
    return f"{one.label}: {said}."
