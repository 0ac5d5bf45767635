"""Two measures at once: evasion against over-blocking, predicted against observed."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotations.charts.drawing import (
    Scale,
    box,
    check_domain,
    disc,
    domain_of,
    format_interval,
    format_number,
    format_tick,
    is_number,
    line,
    link,
    path,
    picture,
    polygon,
    words,
)

MAX_POINTS = 1500
SERIES = 6


@dataclass(frozen=True)
class ScatterPoint:
    """A point, less being better on both axes; highlighted ones get a number, a box and a key."""

    x: float | None
    y: float | None
    label: str
    x_low: float | None = None
    x_high: float | None = None
    y_low: float | None = None
    y_high: float | None = None
    group: str = ""
    highlighted: bool = False
    href: str = ""


@dataclass(frozen=True)
class ReliabilityBin:
    """Cases with like scores: mean prediction, share observed with its interval, how many."""

    predicted: float
    observed: float | None
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Plane:
    """The frame of a chart with two axes."""

    x: Scale
    y: Scale
    width: float
    bottom: float


Drawn = tuple[float, float, ScatterPoint]


def scatter(
    points: Sequence[ScatterPoint],
    *,
    x_label: str,
    y_label: str,
    title: str = "Evasion against over-blocking",
    x_domain: tuple[float, float] | None = None,
    y_domain: tuple[float, float] | None = None,
    pareto: bool = True,
    compact: bool = False,
) -> str:
    """Points with the line of those that no other beats on both axes."""
    known = [(p.x, p.y, p) for p in points if p.x is not None and p.y is not None]
    drawn = [(x, y, p) for x, y, p in known if is_number(x) and is_number(y)]
    best = pareto_front(drawn) if pareto else []
    marked = [(x, y, p) for x, y, p in drawn if p.highlighted]
    plane = _plane(
        x_domain or _domain([v for x, _, p in drawn for v in _reach(x, p.x_high, p)]),
        y_domain or _domain([v for _, y, p in drawn for v in _reach(y, p.y_high, p)]),
        compact,
    )
    groups = list(dict.fromkeys(p.group for _, _, p in drawn))
    body = _frame(plane, x_label, y_label)
    body += _boxes(marked, plane)
    body += _cloud(_thinned(drawn, best), groups, plane)
    body += _front(best, plane)
    body += _numbered(marked, groups, plane)
    key, links, height = _key(points, drawn, marked, groups, plane, (x_label, y_label), compact)
    return picture(
        width=plane.width,
        height=height,
        kind="scatter",
        title=title,
        desc=_scatter_desc(points, drawn, best, marked, x_label, y_label),
        body=body + key,
        links=links,
        compact=compact,
    )


def pareto_front(points: Sequence[Drawn]) -> list[Drawn]:
    """The points that no other has at most as much of both and less of one; by x, then y."""
    front: list[Drawn] = []
    for point in sorted(points, key=lambda p: (p[0], p[1])):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front


def reliability(
    bins: Sequence[ReliabilityBin],
    *,
    title: str = "Reliability: predicted against observed",
    x_label: str = "Predicted",
    y_label: str = "Observed",
    compact: bool = False,
) -> str:
    """A judge's reliability curve, against the diagonal, above how many cases each bin has."""
    plane = _plane((0.0, 1.0), (0.0, 1.0), compact, square=True)
    body = _frame(plane, x_label, y_label)
    corners = (plane.x.at(0), plane.y.at(0), plane.x.at(1), plane.y.at(1))
    body.append(line(*corners, class_="chart-reference"))
    shown = [
        (plane.x.at(b.predicted), plane.y.at(b.observed), b)
        for b in bins
        if b.observed is not None and is_number(b.observed) and is_number(b.predicted)
    ]
    if shown:
        steps = " L".join(f"{x:.1f} {y:.1f}" for x, y, _ in shown)
        body.append(path(f"M{steps}", class_="chart-line chart-s1"))
    for x, y, found in shown:
        if found.low is not None and found.high is not None:
            low, high = plane.y.at(found.low), plane.y.at(found.high)
            body.append(line(x, low, x, high, class_="chart-line chart-ink"))
        body.append(disc(x, y, 4.5, class_="chart-fill chart-s1"))
    strip_top = plane.bottom + 44
    body += _histogram(bins, plane, strip_top)
    return picture(
        width=plane.width,
        height=strip_top + 62,
        kind="reliability",
        title=title,
        desc=[_bin_sentence(found) for found in bins] or "No bins yet.",
        body=body,
        compact=compact,
    )


def _histogram(bins: Sequence[ReliabilityBin], plane: Plane, top: float) -> list[str]:
    most = max((found.n for found in bins), default=0)
    parts = [line(plane.x.start, top + 40, plane.x.end, top + 40, class_="chart-axis")]
    for found in bins:
        if found.n > 0 and is_number(found.predicted):
            tall = 34 * found.n / most
            x = plane.x.at(found.predicted)
            parts.append(box(x - 6, top + 40 - tall, 12, tall, class_="chart-fill chart-neutral"))
    total = sum(found.n for found in bins)
    said = f"Cases by prediction, n = {total:,}, most in a bin {most:,}"
    parts.append(words(said, plane.x.start, top + 57, class_="chart-small chart-muted"))
    return parts


def _bin_sentence(found: ReliabilityBin) -> str:
    interval = format_interval(found.low, found.high)
    return (
        f"Predicted {format_number(found.predicted)}: observed {format_number(found.observed)}"
        f"{', ' + interval if interval else ''}, n = {found.n:,}."
    )


def _reach(value: float, high: float | None, point: ScatterPoint) -> list[float | None]:
    return [value, high] if point.highlighted else [value]


def _domain(values: Sequence[float | None]) -> tuple[float, float]:
    low, high = domain_of(values, include=[0.0])
    is_rate = all(v is None or v <= 1 for v in values)
    return low, min(high, 1.0) if is_rate else high


def _plane(
    x_domain: tuple[float, float],
    y_domain: tuple[float, float],
    compact: bool,
    *,
    square: bool = False,
) -> Plane:
    check_domain(x_domain)
    check_domain(y_domain)
    if compact:
        right, bottom, width = 346.0, 324.0, 360.0
    else:
        right, bottom, width = (390.0, 374.0, 404.0) if square else (700.0, 374.0, 720.0)
    x = Scale(*x_domain, 46.0, right)
    return Plane(x=x, y=Scale(*y_domain, bottom, 30.0), width=width, bottom=bottom)


def _frame(plane: Plane, x_label: str, y_label: str) -> list[str]:
    x, y, small = plane.x, plane.y, "chart-small chart-muted"
    parts: list[str] = []
    for tick in x.ticks():
        at = x.at(tick)
        parts.append(line(at, y.end, at, y.start, class_="chart-grid"))
        parts.append(words(format_tick(tick), at, y.start + 17, class_=small, anchor="middle"))
    for tick in y.ticks():
        at = y.at(tick)
        parts.append(line(x.start, at, x.end, at, class_="chart-grid"))
        parts.append(words(format_tick(tick), x.start - 7, at + 4, class_=small, anchor="end"))
    parts.append(path(f"M{x.start} {y.end} V{y.start} H{x.end}", class_="chart-axis"))
    room = x.end - 8
    parts.append(words(y_label, 4, 16, class_="chart-strong", width=room))
    parts.append(
        words(x_label, x.end, y.start + 36, class_="chart-strong", anchor="end", width=room)
    )
    return parts


def _boxes(marked: Sequence[Drawn], plane: Plane) -> list[str]:
    """The interval of a highlighted point on both axes as a box, on one axis as a line."""
    parts: list[str] = []
    for x, y, p in marked:
        left, right = plane.x.at(_or(p.x_low, x)), plane.x.at(_or(p.x_high, x))
        top, bottom = plane.y.at(_or(p.y_high, y)), plane.y.at(_or(p.y_low, y))
        if right - left > 0 or bottom - top > 0:
            parts.append(
                box(left, top, max(right - left, 1), max(bottom - top, 1), class_="chart-error")
            )
    return parts


def _or(value: float | None, other: float) -> float:
    return other if value is None or not is_number(value) else value


def _thinned(drawn: Sequence[Drawn], best: Sequence[Drawn]) -> list[Drawn]:
    """All points, or an even stride through them and the best: a page can't hold 65,535."""
    plain = [point for point in drawn if not point[2].highlighted]
    if len(plain) <= MAX_POINTS:
        return plain
    stride = -(-len(plain) // MAX_POINTS)
    return [*plain[::stride], *(point for point in best if not point[2].highlighted)]


def _cloud(plain: Sequence[Drawn], groups: Sequence[str], plane: Plane) -> list[str]:
    return [
        symbol(groups.index(p.group), plane.x.at(x), plane.y.at(y), 3.2, faint=True)
        for x, y, p in plain
    ]


def _front(best: Sequence[Drawn], plane: Plane) -> list[str]:
    """Steps through the best points: what lies above and right of them is attained."""
    if len(best) < 2:
        return []
    (x0, y0, _), *rest = best
    steps = "".join(f" H{plane.x.at(x):.1f} V{plane.y.at(y):.1f}" for x, y, _ in rest)
    return [path(f"M{plane.x.at(x0):.1f} {plane.y.at(y0):.1f}{steps}", class_="chart-pareto")]


def _numbered(marked: Sequence[Drawn], groups: Sequence[str], plane: Plane) -> list[str]:
    """Highlighted points with their number, moved aside where two numbers would meet."""
    parts: list[str] = []
    taken: list[tuple[float, float]] = []
    for number, (x, y, p) in enumerate(marked, start=1):
        at_x, at_y = plane.x.at(x), plane.y.at(y)
        parts.append(symbol(groups.index(p.group), at_x, at_y, 5.5))
        spots = [(11, -7), (-11, -7), (11, 15), (-11, 15), (0, -12), (0, 21), (22, 4), (-22, 4)]
        free = [
            (at_x + dx, at_y + dy)
            for dx, dy in spots
            if plane.x.start < at_x + dx < plane.width - 6
            and all(abs(at_x + dx - u) > 13 or abs(at_y + dy - v) > 12 for u, v in taken)
        ]
        label_x, label_y = free[0] if free else (at_x + 11, at_y - 7)
        taken += [(label_x, label_y), (at_x, at_y + 4)]
        parts.append(
            words(number, label_x, label_y, class_="chart-strong chart-halo", anchor="middle")
        )
    return parts


def symbol(group: int, x: float, y: float, r: float, *, faint: bool = False) -> str:
    """A shape and a colour for each group, so that colour is never alone."""
    series = f"chart-fill chart-s{group % SERIES + 1}{' chart-faint' if faint else ' chart-edge'}"
    shape = group % 5
    if shape == 0:
        return disc(x, y, r, class_=series)
    if shape == 1:
        return box(x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8, class_=series)
    corners = {
        2: [(x, y - r * 1.2), (x + r * 1.1, y + r * 0.8), (x - r * 1.1, y + r * 0.8)],
        3: [(x, y - r * 1.3), (x + r * 1.3, y), (x, y + r * 1.3), (x - r * 1.3, y)],
        4: [(x - r * 1.1, y - r * 0.8), (x + r * 1.1, y - r * 0.8), (x, y + r * 1.2)],
    }
    return polygon(corners[shape], class_=series)


def _key(
    points: Sequence[ScatterPoint],
    drawn: Sequence[Drawn],
    marked: Sequence[Drawn],
    groups: Sequence[str],
    plane: Plane,
    axes: tuple[str, str],
    compact: bool,
) -> tuple[list[str], list[str], float]:
    """Below the plane: the groups, the numbered points with figures, what was not drawn."""
    y = plane.bottom + 62
    parts, y = _group_key(groups, plane, y)
    links: list[str] = []
    row = 36 if compact else 22
    if marked:
        said, end = f"{axes[0]} / {axes[1]}", plane.width - 8
        x, anchor = (44.0, "start") if compact else (end, "end")
        parts.append(words(said, x, y, class_="chart-small", anchor=anchor, width=end - 44))
        y += 20
    for number, (_, _, p) in enumerate(marked, start=1):
        parts += _key_row(number, p, groups.index(p.group), y, plane, compact)
        sentence = _point_sentence(p, *axes)
        links += link(p.href, sentence, x=0, y=y - 15, width=plane.width, height=row - 2)
        y += row
    notes = _notes(points, drawn)
    for note in notes:
        parts.append(words(note, 4, y, class_="chart-small chart-muted", width=plane.width - 8))
        y += 18
    return parts, links, y - 4


def _group_key(groups: Sequence[str], plane: Plane, y: float) -> tuple[list[str], float]:
    named = [(number, name) for number, name in enumerate(groups) if name]
    parts: list[str] = []
    x = 12.0
    for number, name in named:
        wide = min(24 + 8 * len(name), plane.width - 24)
        if x + wide > plane.width and x > 12:
            x, y = 12.0, y + 20
        parts.append(symbol(number, x, y - 4, 4.5))
        parts.append(words(name, x + 11, y, class_="chart-small", width=wide - 12, size=12))
        x += wide
    return parts, y + 24 if named else y


def _key_row(
    number: int, p: ScatterPoint, group: int, y: float, plane: Plane, compact: bool
) -> list[str]:
    figures = (
        f"{format_number(p.x)} {format_interval(p.x_low, p.x_high)} / "
        f"{format_number(p.y)} {format_interval(p.y_low, p.y_high)}"
    )
    parts = [
        symbol(group, 12, y - 4.5, 4.5),
        words(number, 36, y, class_="chart-strong", anchor="end"),
    ]
    if compact:
        return [
            *parts,
            words(p.label, 44, y, width=plane.width - 50),
            words(figures, 44, y + 15, class_="chart-small chart-muted"),
        ]
    return [
        *parts,
        words(p.label, 44, y, width=360),
        words(figures, plane.width - 8, y, class_="chart-small chart-muted", anchor="end"),
    ]


def _notes(points: Sequence[ScatterPoint], drawn: Sequence[Drawn]) -> list[str]:
    plain = sum(1 for _, _, p in drawn if not p.highlighted)
    notes = []
    if len(points) > len(drawn):
        notes.append(f"{len(points) - len(drawn):,} undefined and not drawn.")
    if plain > MAX_POINTS:
        notes.append(f"Of {plain:,} points an even share is drawn, and all of the line.")
    if not points:
        notes.append("No points yet.")
    return notes


def _point_sentence(p: ScatterPoint, x_label: str, y_label: str) -> str:
    x = f"{x_label} {format_number(p.x)} {format_interval(p.x_low, p.x_high)}".strip()
    y = f"{y_label} {format_number(p.y)} {format_interval(p.y_low, p.y_high)}".strip()
    return f"{p.label}: {x}, {y}."


def _scatter_desc(
    points: Sequence[ScatterPoint],
    drawn: Sequence[Drawn],
    best: Sequence[Drawn],
    marked: Sequence[Drawn],
    x_label: str,
    y_label: str,
) -> list[str]:
    said = [f"{len(points):,} points of {x_label} (across) and {y_label} (up); less is better."]
    said += _notes(points, drawn)
    if best:
        ends = best[0], best[-1]
        said.append(f"{len(best)} are beaten by no other on both.")
        said += [_point_sentence(p, x_label, y_label) for _, _, p in dict.fromkeys(ends)]
    return said + [_point_sentence(p, x_label, y_label) for _, _, p in marked]
