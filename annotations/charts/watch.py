"""A CUSUM: the sums against a rise and a fall, the limits, and the days on which an alarm was raised."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotations.charts.drawing import (
    UNDEFINED,
    Scale,
    disc,
    format_number,
    line,
    path,
    picture,
    words,
)

# More places than this on the line say nothing more, and make a page heavy.
MOST_PLACES = 400
# Nearer than this two dates would lie on each other.
NEAR = 90.0


@dataclass(frozen=True)
class AlarmMark:
    """The place of an alarm in the sums, on which side it is, and its date in words."""

    place: int
    is_rise: bool
    label: str


def watch(
    rise: Sequence[float], fall: Sequence[float] | None, limit: float, *,
    alarms: Sequence[AlarmMark] = (), first: str = "", last: str = "", title: str = "Drift",
    reason: str = "", compact: bool = False,
) -> str:  # fmt: skip
    """The sum of a rise above the line of nothing, that of a fall below it, the limits dashed."""
    width, left, right = (360.0, 34.0, 350.0) if compact else (720.0, 44.0, 708.0)
    top, bottom = 22.0, (120.0 if compact else 150.0)
    if not rise:
        said = f"{UNDEFINED}: {reason or 'nothing is watched yet'}"
        body = [words(said, 4, 22, class_="chart-undefined", width=width - 8)]
        return picture(width=width, height=36, kind="watch", title=title, desc=said, body=body,
                       compact=compact)  # fmt: skip
    most = max(limit, *rise, *(fall or [0.0])) * 1.1
    x = Scale(0, max(len(rise) - 1, 1), left, right)
    y = Scale(-most if fall is not None else 0.0, most, bottom, top)
    body = _frame(x, y, limit, has_fall=fall is not None)
    body.append(_course(rise, x, y, 1.0, "chart-s1"))
    if fall is not None:
        body.append(_course(fall, x, y, -1.0, "chart-s2"))
    body += _marks(rise, fall, alarms, x, y)
    body.append(words(first, left, bottom + 20, class_="chart-small chart-muted"))
    body.append(words(last, right, bottom + 20, class_="chart-small chart-muted", anchor="end"))
    return picture(
        width=width, height=bottom + 30, kind="watch", title=title,
        desc=_said(rise, fall, limit, alarms), body=body, compact=compact,
    )  # fmt: skip


def _frame(x: Scale, y: Scale, limit: float, *, has_fall: bool) -> list[str]:
    body = [line(x.start, y.at(0), x.end, y.at(0), class_="chart-axis")]
    for value in (limit, -limit) if has_fall else (limit,):
        body.append(line(x.start, y.at(value), x.end, y.at(value), class_="chart-reference"))
        text = format_number(round(abs(value), 2))
        body.append(words(text, x.start - 6, y.at(value) + 4, class_="chart-small", anchor="end"))
    body.append(words("rise", x.start + 4, y.at(limit) - 6, class_="chart-small chart-muted"))
    if has_fall:
        body.append(words("fall", x.start + 4, y.at(-limit) + 15, class_="chart-small chart-muted"))
    return body


def _course(sums: Sequence[float], x: Scale, y: Scale, sign: float, series: str) -> str:
    step = -(-len(sums) // MOST_PLACES)
    # The highest of each stretch stands for it, so that no alarm is smoothed away.
    at = [
        (x.at(start), y.at(sign * max(sums[start : start + step])))
        for start in range(0, len(sums), step)
    ]
    run = " L".join(f"{px:.1f} {py:.1f}" for px, py in at)
    return path(f"M{run}", class_=f"chart-line {series}")


def _marks(
    rise: Sequence[float], fall: Sequence[float] | None, alarms: Sequence[AlarmMark], x: Scale,
    y: Scale,
) -> list[str]:  # fmt: skip
    body, last = [], -NEAR
    for alarm in alarms:
        sums = rise if alarm.is_rise else (fall or rise)
        sign = 1.0 if alarm.is_rise else -1.0
        px, py = x.at(alarm.place), y.at(sign * sums[alarm.place])
        anchor = "end" if px > (x.start + x.end) / 2 else "start"
        shift = -8.0 if anchor == "end" else 8.0
        body.append(disc(px, py, 5, class_="chart-fill chart-s2"))
        if px - last >= NEAR:  # a date on a date can't be read: the first of them stands
            body.append(words(alarm.label, px + shift, py + (4 if sign > 0 else 8),
                              class_="chart-small chart-strong chart-halo", anchor=anchor))  # fmt: skip
            last = px
    return body


def _said(
    rise: Sequence[float], fall: Sequence[float] | None, limit: float, alarms: Sequence[AlarmMark]
) -> list[str]:
    said = [f"{len(rise):,} answers watched; an alarm is raised at {format_number(limit)}."]
    said.append(f"The sum of a rise is now {format_number(float(rise[-1]))}.")
    if fall is not None:
        said.append(f"The sum of a fall is now {format_number(float(fall[-1]))}.")
    ways = {True: "rise", False: "fall"}
    return said + [f"Alarm of a {ways[alarm.is_rise]}: {alarm.label}." for alarm in alarms]
