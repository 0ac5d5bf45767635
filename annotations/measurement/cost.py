"""What gold costs: ratios of sums over cases, such as minutes of people for each settled case (pure).

Symbols: cases i with x_i (minutes, sheets) and y_i (settled: 1 or 0); the ratio is sum x / sum y, with
work on cases that are not settled yet in x. Interval: bootstrap over cases.
Source: A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application" (1997), section 2.2
(the ratio of means).
"""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from annotations.measurement.bootstrap import Bootstrap, percentile_interval
from annotations.measurement.results import Estimate, undefined

Floats = NDArray[np.float64]

METHOD = "ratio of sums; bootstrap over cases"
# Resampling more cases than this costs more than it tells: the interval is then a hair's breadth.
MOST = 20_000


def ratio_of_sums(
    x: Sequence[float], y: Sequence[float], *, nothing: str, how: Bootstrap | None = None
) -> Estimate:
    """sum x / sum y over the same cases; undefined, with the reason `nothing`, where sum y is 0."""
    how = how or Bootstrap()
    top, bottom = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if top.shape != bottom.shape:
        raise ValueError(f"Each case has both: {top.shape} of one, {bottom.shape} of the other.")
    n = int((bottom > 0).sum())
    if bottom.sum() <= 0:
        return undefined(nothing, n=0, method=METHOD, level=how.level)
    point = float(top.sum() / bottom.sum())
    if len(top) > MOST:
        return _by_delta(top, bottom, point, n, how)
    rng = np.random.default_rng(how.seed)
    ratios = []
    for _ in range(how.replicates):
        drawn = rng.integers(0, len(top), len(top))
        below = bottom[drawn].sum()
        ratios.append(top[drawn].sum() / below if below > 0 else np.nan)
    ends = percentile_interval(np.array(ratios), point=point, n=n, level=how.level)
    return Estimate(
        point, ends.low, ends.high, n, level=how.level, method=METHOD, reason=ends.reason
    )


def _by_delta(top: Floats, bottom: Floats, point: float, n: int, how: Bootstrap) -> Estimate:
    """The same for many cases: linearised, var = sum (x - q y)^2 / (sum y)^2."""
    z = NormalDist().inv_cdf((1 + how.level) / 2)
    half = z * float(np.sqrt(((top - point * bottom) ** 2).sum()) / bottom.sum())
    return Estimate(
        point, point - half, point + half, n, level=how.level, method="ratio of sums; linearised"
    )
