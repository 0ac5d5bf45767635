"""Pictures of a word's size: progress and a sparkline."""

from collections.abc import Sequence

from annotations.charts.drawing import (
    UNDEFINED,
    Scale,
    box,
    disc,
    domain_of,
    format_number,
    is_number,
    path,
    picture,
    words,
)


def progress(done: int, total: int, *, title: str = "Progress") -> str:
    """How much of the work is done, as a bar and in words."""
    if total <= 0:
        said = f"{UNDEFINED}: nothing to do yet"
        share = 0.0
    else:
        share = min(max(done / total, 0.0), 1.0)
        said = f"{done:,} of {total:,} ({done / total:.0%})"
    body = [
        words(said, 2, 13, class_="chart-undefined" if total <= 0 else ""),
        box(1, 20, 358, 10, rx=5, class_="chart-trough"),
    ]
    if share > 0:
        body.append(box(1, 20, max(358 * share, 10), 10, rx=5, class_="chart-fill chart-s1"))
    return picture(
        width=360, height=32, kind="progress", title=title, desc=f"{said}.", body=body, compact=True
    )


def sparkline(
    values: Sequence[float | None],
    *,
    title: str = "History",
    domain: tuple[float, float] | None = None,
) -> str:
    """How a number went, oldest first; a gap where it was undefined, the last one written out."""
    low, high = domain or domain_of(values)
    x = Scale(0, max(len(values) - 1, 1), 6, 112)
    y = Scale(low, high, 28, 6)
    body = [
        path(_run(run, x, y), class_="chart-line chart-s1") for run in _runs(values) if len(run) > 1
    ]
    body += [
        disc(x.at(i), y.at(value), 1.8, class_="chart-fill chart-s1")
        for run in _runs(values)
        if len(run) == 1
        for i, value in run
    ]
    last = values[-1] if values else None
    if last is not None and is_number(last):
        body.append(disc(x.at(len(values) - 1), y.at(last), 3.5, class_="chart-fill chart-s1"))
    undefined = "" if is_number(last) else "chart-undefined"
    body.append(words(format_number(last), 122, 22, class_=undefined or "chart-strong"))
    said = ", ".join(format_number(value) for value in values[-24:]) or UNDEFINED
    return picture(
        width=190,
        height=34,
        kind="sparkline",
        title=title,
        desc=f"{said}.",
        body=body,
        compact=True,
    )


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Stretches without a gap, as (place, value)."""
    runs: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None or not is_number(value):
            runs.append([])
        else:
            runs[-1].append((place, value))
    return [run for run in runs if run]


def _run(run: Sequence[tuple[int, float]], x: Scale, y: Scale) -> str:
    return "M" + " L".join(f"{x.at(place):.1f} {y.at(value):.1f}" for place, value in run)
