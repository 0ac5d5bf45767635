"""The product's loop as a picture: where a round stands and who owns the next move."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from annotations.charts.drawing import (
    box,
    clean,
    disc,
    link,
    path,
    picture,
    polygon,
    words,
)

LoopState = Literal["done", "current", "todo", "blocked"]
STATE_WORDS: dict[LoopState, str] = {
    "done": "done",
    "current": "now",
    "todo": "to do",
    "blocked": "blocked",
}

Place = tuple[float, float]


@dataclass(frozen=True)
class LoopStep:
    """One step of the loop, who owns it, how far it is, and a sentence about it."""

    key: str
    label: str
    owner: str
    state: LoopState
    detail: str = ""
    href: str = ""


def loop_picture(
    steps: Sequence[LoopStep], *, title: str = "The loop", compact: bool = False
) -> str:
    """A track that closes: two lanes where there is room, one column with a way back on a phone."""
    if len(steps) < 2:
        raise ValueError("A loop needs at least two steps.")
    unknown = {step.state for step in steps} - set(STATE_WORDS)
    if unknown:
        raise ValueError(f"A step is one of {', '.join(STATE_WORDS)}; not {sorted(unknown)}.")
    return _column(steps, title) if compact else _lanes(steps, title)


def headline(steps: Sequence[LoopStep]) -> tuple[str, str]:
    """Where the round stands, and whose move it is."""
    for step in steps:
        if step.state == "blocked":
            return f"Blocked at {clean(step.label)}", f"{clean(step.owner)} must act"
    for step in steps:
        if step.state == "current":
            return clean(step.label), f"next move by {clean(step.owner)}"
    if all(step.state == "done" for step in steps):
        return "This round is complete", ""
    return "Not started", ""


def _headline(steps: Sequence[LoopStep]) -> str:
    return ": ".join(part for part in headline(steps) if part)


def _counted(steps: Sequence[LoopStep]) -> str:
    return f"{sum(step.state == 'done' for step in steps)} of {len(steps)} steps done"


def _desc(steps: Sequence[LoopStep]) -> list[str]:
    said = [f"{_headline(steps)}. {_counted(steps)}."]
    for number, step in enumerate(steps, start=1):
        detail = f", {step.detail}" if step.detail else ""
        said.append(f"{number}. {step.label}: {STATE_WORDS[step.state]}, {step.owner}{detail}.")
    return [*said, "After the last step the loop starts again."]


def _lanes(steps: Sequence[LoopStep], title: str) -> str:
    """The wide form: the first half of the steps to the right above, the rest back below."""
    ahead = (len(steps) + 1) // 2
    top, bottom, left, right = 92.0, 216.0, 124.0, 836.0
    gap = (right - left) / max(ahead - 1, 1)
    places: list[Place] = [(left + gap * i, top) for i in range(ahead)]
    places += [(right - gap * i, bottom) for i in range(len(steps) - ahead)]
    body = _track(steps, places, ahead)
    links: list[str] = []
    for number, (step, (x, y)) in enumerate(zip(steps, places, strict=True), start=1):
        body += _node(step, number, x, y)
        above = y == top
        body += _lane_texts(step, x, 22 if above else y + 42, gap - 8)
        y_link = 4 if above else y - 26
        links += link(
            step.href, _link_label(step), x=x - gap / 2 + 4, y=y_link, width=gap - 8, height=116
        )
    middle = (top + bottom) / 2
    body.append(words(title, 480, middle - 16, class_="chart-title", anchor="middle", width=640))
    body.append(
        words(_headline(steps), 480, middle + 8, class_="chart-lead", anchor="middle", width=640)
    )
    body.append(
        words(_counted(steps), 480, middle + 29, class_="chart-small chart-muted", anchor="middle")
    )
    return picture(
        width=960,
        height=310,
        kind="loop",
        title=f"{title}: {_headline(steps)}",
        desc=_desc(steps),
        body=body,
        links=links,
    )


def _track(steps: Sequence[LoopStep], places: Sequence[Place], ahead: int) -> list[str]:
    """The way from each step to the next; at both ends a half circle closes it."""
    parts: list[str] = []
    heads: list[str] = []
    for i, step in enumerate(steps):
        (x1, y1), (x2, y2) = places[i], places[(i + 1) % len(places)]
        is_turn = y1 != y2
        is_last = i == len(steps) - 1
        r = abs(y2 - y1) / 2
        way = f"M{x1:.1f} {y1:.1f} " + (
            f"H{places[0 if is_last else ahead - 1][0]:.1f} A{r:.1f} {r:.1f} 0 0 1 "
            f"{x2:.1f} {y2:.1f}"
            if is_turn
            else f"H{x2:.1f}"
        )
        state = _way_class(step, is_last)
        parts.append(path(way, class_=state))
        if is_turn:
            side = x2 - r if is_last else x2 + r
            heads.append(_head(side, (y1 + y2) / 2, (0, -1) if is_last else (0, 1), state))
        else:
            heads.append(_head((x1 + x2) / 2, y1, (1 if x2 > x1 else -1, 0), state))
    return parts + heads


def _way_class(step: LoopStep, is_last: bool) -> str:
    walked = "chart-way-done" if step.state == "done" else "chart-way"
    return f"{walked} chart-way-back" if is_last else walked


def _head(x: float, y: float, direction: tuple[int, int], way: str) -> str:
    dx, dy = direction
    points = [
        (x + 6 * dx, y + 6 * dy),
        (x - 5 * dx - 6 * dy, y - 5 * dy + 6 * dx),
        (x - 5 * dx + 6 * dy, y - 5 * dy - 6 * dx),
    ]
    tone = "chart-done" if "chart-way-done" in way else "chart-neutral"
    return polygon(points, class_=f"chart-fill {tone}")


def _node(step: LoopStep, number: int, x: float, y: float) -> list[str]:
    """A mark by shape as well as by colour: a tick, a ringed number, a number, an exclamation."""
    if step.state == "done":
        tick = f"M{x - 6:.1f} {y + 0.5:.1f} l4 4.5 l8 -9"
        return [
            disc(x, y, 15, class_="chart-node chart-node-done"),
            path(tick, class_="chart-tick"),
        ]
    if step.state == "blocked":
        points = [(x, y - 21), (x + 21, y), (x, y + 21), (x - 21, y)]
        return [
            polygon(points, class_="chart-node chart-node-blocked"),
            words("!", x, y + 6, class_="chart-node-text chart-on", anchor="middle"),
        ]
    if step.state == "current":
        return [
            disc(x, y, 24, class_="chart-halo-ring"),
            disc(x, y, 17, class_="chart-node chart-node-current"),
            words(number, x, y + 5, class_="chart-node-text chart-on", anchor="middle"),
        ]
    return [
        disc(x, y, 15, class_="chart-node chart-node-todo"),
        words(number, x, y + 5, class_="chart-node-text chart-muted", anchor="middle"),
    ]


def _is_here(step: LoopStep) -> bool:
    return step.state in ("current", "blocked")


def _label_class(step: LoopStep) -> str:
    return "chart-step" if step.state != "todo" else "chart-step chart-muted"


def _owner(step: LoopStep) -> str:
    return f"next move: {step.owner}" if _is_here(step) else step.owner


def _lane_texts(step: LoopStep, x: float, y: float, width: float) -> list[str]:
    owner = "chart-owner" if _is_here(step) else "chart-muted"
    return [
        words(step.label, x, y, class_=_label_class(step), anchor="middle", width=width, size=15),
        words(_owner(step), x, y + 18, class_=owner, anchor="middle", width=width),
        words(
            step.detail,
            x,
            y + 35,
            class_="chart-small chart-muted",
            anchor="middle",
            width=width,
            size=12,
        ),
    ]


def _link_label(step: LoopStep) -> str:
    return f"{step.label}: {STATE_WORDS[step.state]}"


def _column(steps: Sequence[LoopStep], title: str) -> str:
    """The narrow form: one step a line, and the way back along the left edge."""
    first, row, x, back = 96.0, 54.0, 40.0, 11.0
    last = first + row * (len(steps) - 1)
    where, whose = headline(steps)
    body = [
        words(f"{title}, {_counted(steps)}", 6, 16, class_="chart-title", width=348, size=14),
        words(where, 6, 38, class_="chart-lead", width=348, size=15),
        words(whose, 6, 56, class_="chart-owner", width=348),
    ]
    links: list[str] = []
    for i, step in enumerate(steps[:-1]):
        way = path(
            f"M{x} {first + row * i} V{first + row * (i + 1)}", class_=_way_class(step, False)
        )
        body.append(way)
    close = (
        f"M{x} {last} V{last + 20} Q{x} {last + 30} {x - 12} {last + 30} H{back + 10} "
        f"Q{back} {last + 30} {back} {last + 20} V{first - 16} Q{back} {first - 26} {back + 10} "
        f"{first - 26} H{x - 12} Q{x} {first - 26} {x} {first - 16} V{first}"
    )
    state = _way_class(steps[-1], True)
    body += [path(close, class_=state), _head(back, (first + last) / 2, (0, -1), state)]
    for number, step in enumerate(steps, start=1):
        y = first + row * (number - 1)
        if _is_here(step):
            body.append(box(66, y - 25, 292, 50, rx=8, class_="chart-here"))
        body += _node(step, number, x, y)
        body += _column_texts(step, y)
        links += link(step.href, _link_label(step), x=14, y=y - 26, width=344, height=52)
    return picture(
        width=360,
        height=last + 40,
        kind="loop",
        title=f"{title}: {_headline(steps)}",
        desc=_desc(steps),
        body=body,
        links=links,
        compact=True,
    )


def _column_texts(step: LoopStep, y: float) -> list[str]:
    owner = "chart-owner" if _is_here(step) else "chart-small chart-muted"
    line = y - 3 if step.detail else y + 5
    return [
        words(step.label, 76, line, class_=_label_class(step), width=118, size=15),
        words(step.owner, 350, line, class_=owner, anchor="end", width=152),
        words(step.detail, 76, y + 15, class_="chart-small chart-muted", width=272, size=12),
    ]
