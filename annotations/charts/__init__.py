"""Charts as SVG text, made on the server, for every page (pure: no Django, no I/O).

Each function returns one `<svg>`: no styles, no scripts, no ids, colours by the classes of
`static/css/charts.css`, every text escaped, so that it can be put in a page by `{% chart %}`.
Draw a wide and a `compact` form inside `<div class="chart-pair">` and the narrower place gets the
compact one.
"""

from annotations.charts.course import CoursePoint, course
from annotations.charts.curve import Curve, curves
from annotations.charts.drawing import format_number
from annotations.charts.planes import (
    ReliabilityBin,
    ScatterPoint,
    reliability,
    scatter,
)
from annotations.charts.rows import BarRow, ForestRow, Reference, bars, forest
from annotations.charts.small import progress, sparkline
from annotations.charts.track import LoopState, LoopStep, loop_picture
from annotations.charts.watch import AlarmMark, watch

__all__ = [
    "AlarmMark",
    "BarRow",
    "CoursePoint",
    "Curve",
    "ForestRow",
    "LoopState",
    "LoopStep",
    "Reference",
    "ReliabilityBin",
    "ScatterPoint",
    "bars",
    "course",
    "curves",
    "forest",
    "format_number",
    "loop_picture",
    "progress",
    "reliability",
    "scatter",
    "sparkline",
    "watch",
]
