"""One estimate a row with its interval: forest plot and bars."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from annotations.charts.drawing import (
    UNDEFINED,
    Scale,
    box,
    check_domain,
    domain_of,
    format_interval,
    format_number,
    format_tick,
    is_number,
    line,
    link,
    picture,
    polygon,
    words,
)


@dataclass(frozen=True)
class ForestRow:
    """An estimate: with `value` None, `reason` says why it is undefined."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    reason: str = ""
    href: str = ""
    tick: float | None = None  # a number to be seen beside the estimate, and not to be trusted


BarRow = ForestRow


@dataclass(frozen=True)
class Reference:
    """A line to read the rows against: a gate, chance, a human ceiling."""

    value: float
    label: str = ""


@dataclass(frozen=True)
class Layout:
    """Where the parts of a row lie; `plot` is the left and right end of the drawing."""

    width: float
    row: float
    plot: tuple[float, float]
    middle: float
    compact: bool


WIDE = Layout(width=720, row=30, plot=(220, 488), middle=15, compact=False)
COMPACT = Layout(width=360, row=62, plot=(10, 350), middle=30, compact=True)
TOP = 22
AXIS = 26

Mark = Callable[[ForestRow, Scale, float], list[str]]


def forest(
    rows: Sequence[ForestRow],
    *,
    title: str = "Estimates",
    references: Sequence[Reference] = (),
    domain: tuple[float, float] | None = None,
    compact: bool = False,
) -> str:
    """Estimates as points with intervals against reference lines."""
    return _rows(rows, "forest", title, references, domain, compact, _point)


def bars(
    rows: Sequence[BarRow],
    *,
    title: str = "Counts and rates",
    references: Sequence[Reference] = (),
    domain: tuple[float, float] | None = None,
    compact: bool = False,
) -> str:
    """Amounts as bars from zero, with intervals."""
    if domain is None:
        drawn = [value for row in rows for value in (row.value, row.low, row.high)]
        domain = domain_of(drawn, include=[0.0, *(r.value for r in references)])
    return _rows(rows, "bars", title, references, domain, compact, _bar)


def _rows(
    rows: Sequence[ForestRow],
    kind: str,
    title: str,
    references: Sequence[Reference],
    domain: tuple[float, float] | None,
    compact: bool,
    mark: Mark,
) -> str:
    layout = COMPACT if compact else WIDE
    drawn = [value for row in rows for value in (row.value, row.low, row.high, row.tick)]
    low, high = domain or domain_of(drawn, include=[r.value for r in references])
    check_domain((low, high))
    scale = Scale(low, high, *layout.plot)
    bottom = TOP + layout.row * len(rows)
    body = [*_grid(scale, bottom), *_reference_lines(references, scale, bottom, layout)]
    links: list[str] = []
    for position, row in enumerate(rows):
        top = TOP + layout.row * position
        body += _row(row, scale, top, layout, mark)
        links += link(
            row.href, _sentence(row), x=0, y=top + 1, width=layout.width, height=layout.row - 2
        )
    if not rows:
        body.append(words("No rows yet.", layout.plot[0], TOP - 6, class_="chart-muted"))
    return picture(
        width=layout.width,
        height=bottom + AXIS,
        kind=kind,
        title=title,
        desc=[_sentence(row) for row in rows] or "No rows yet.",
        body=body,
        links=links,
        compact=compact,
    )


def _grid(scale: Scale, bottom: float) -> list[str]:
    parts = [line(scale.start, bottom, scale.end, bottom, class_="chart-axis")]
    for tick in scale.ticks():
        x = scale.at(tick)
        parts.append(line(x, TOP, x, bottom, class_="chart-grid"))
        parts.append(
            words(
                format_tick(tick), x, bottom + 17, class_="chart-small chart-muted", anchor="middle"
            )
        )
    return parts


def _reference_lines(
    references: Sequence[Reference], scale: Scale, bottom: float, layout: Layout
) -> list[str]:
    parts: list[str] = []
    for reference in references:
        if not scale.holds(reference.value):
            continue
        x = scale.at(reference.value)
        parts.append(line(x, TOP - 4, x, bottom, class_="chart-reference"))
        left, right = x, layout.width - x
        anchor = "middle" if min(left, right) > 70 else ("start" if left < right else "end")
        label = f"{reference.label} {format_number(float(reference.value))}".strip()
        parts.append(words(label, x, TOP - 9, class_="chart-small", anchor=anchor, width=200))
    return parts


def _row(row: ForestRow, scale: Scale, top: float, layout: Layout, mark: Mark) -> list[str]:
    y = top + layout.middle
    drawn = [*_tick(row, scale, y), *(mark(row, scale, y) if is_number(row.value) else [])]
    texts = _compact_texts(row, top, layout) if layout.compact else _wide_texts(row, y, layout)
    return [*drawn, *texts]


def _wide_texts(row: ForestRow, y: float, layout: Layout) -> list[str]:
    left, right = layout.plot
    label = words(row.label, 4, y + 4.5, width=left - 20)
    if not is_number(row.value):
        return [
            label,
            words(
                _undefined(row),
                left + 4,
                y + 4.5,
                class_="chart-undefined chart-halo",
                width=layout.width - left - 8,
            ),
        ]
    return [
        label,
        words(format_number(row.value), right + 14, y + 4.5, class_="chart-strong"),
        words(
            f"{format_interval(row.low, row.high)}  {_n(row)}".strip(),
            right + 62,
            y + 4.5,
            class_="chart-small chart-muted",
        ),
    ]


def _compact_texts(row: ForestRow, top: float, layout: Layout) -> list[str]:
    left, right = layout.plot
    label = words(
        row.label, left, top + 16, class_="chart-strong chart-halo", width=right - left - 60
    )
    if not is_number(row.value):
        return [
            label,
            words(
                _undefined(row),
                left,
                top + 35,
                class_="chart-undefined chart-halo",
                width=right - left - 4,
            ),
        ]
    return [
        label,
        words(
            format_number(row.value),
            right,
            top + 16,
            class_="chart-strong chart-halo",
            anchor="end",
        ),
        words(
            f"{format_interval(row.low, row.high)}  {_n(row)}".strip(),
            right,
            top + 49,
            class_="chart-small chart-muted chart-halo",
            anchor="end",
        ),
    ]


def _point(row: ForestRow, scale: Scale, y: float) -> list[str]:
    parts = _interval(row, scale, y)
    if row.value is not None and scale.holds(row.value):
        x = scale.at(row.value)
        parts.append(box(x - 4.5, y - 4.5, 9, 9, rx=1.5, class_="chart-fill chart-s1"))
    return parts


def _tick(row: ForestRow, scale: Scale, y: float) -> list[str]:
    """A faint upright line, behind the estimate."""
    if row.tick is None or not is_number(row.tick) or not scale.holds(row.tick):
        return []
    x = scale.at(row.tick)
    return [line(x, y - 9, x, y + 9, class_="chart-aside")]


def _bar(row: ForestRow, scale: Scale, y: float) -> list[str]:
    zero = scale.at(0.0)
    end = scale.at(row.value or 0.0)
    bar = box(
        min(zero, end), y - 7, abs(end - zero), 14, rx=2, class_="chart-fill chart-soft chart-s1"
    )
    edge = line(end, y - 7, end, y + 7, class_="chart-line chart-s1")
    return [bar, edge, *_interval(row, scale, y)]


def _interval(row: ForestRow, scale: Scale, y: float) -> list[str]:
    """The interval as a line; an arrow head where it goes on beyond the frame."""
    if row.low is None or row.high is None or not (is_number(row.low) and is_number(row.high)):
        return []
    start, end = scale.at(row.low), scale.at(row.high)
    parts = [line(start, y, end, y, class_="chart-line chart-ink")]
    for x, value, sign in ((start, row.low, 1), (end, row.high, -1)):
        if scale.holds(value):
            parts.append(line(x, y - 4, x, y + 4, class_="chart-line chart-ink"))
        else:
            head = [(x, y), (x + sign * 7, y - 4), (x + sign * 7, y + 4)]
            parts.append(polygon(head, class_="chart-fill chart-ink"))
    return parts


def _n(row: ForestRow) -> str:
    return "" if row.n is None else f"n = {row.n:,}"


def _undefined(row: ForestRow) -> str:
    said = f"{UNDEFINED}: {row.reason}" if row.reason else UNDEFINED
    return f"{said} ({_n(row)})" if row.n is not None else said


def _sentence(row: ForestRow) -> str:
    tick = f"faint tick at {format_number(row.tick)}" if is_number(row.tick) else ""
    if not is_number(row.value):
        said = f"{row.label}: {_undefined(row)}"
        return f"{said}; {tick}." if tick else f"{said}."
    parts = [format_number(row.value), format_interval(row.low, row.high), _n(row), tick]
    return f"{row.label}: {', '.join(part for part in parts if part)}."
