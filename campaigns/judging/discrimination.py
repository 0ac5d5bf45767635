"""How well a score tells positive from negative, with an interval: decides which judges may vote.

Sources: area under the ROC curve as Mann-Whitney's U with midranks for ties; interval: Newcombe
(2006), method 5, which inverts Hanley and McNeil's variance and stays honest for few cases and at 0
and 1. Symbols: m positives, n negatives, A the area, N* = (m + n) / 2.
"""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm, rankdata

from annotations.measurement.results import Estimate, undefined
from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats

METHOD = "Newcombe's method 5"
OFF_THE_END = 1e-9


def auroc(scores: Floats, y: Bools, *, level: float = 0.95) -> Estimate:
    """The area for the cases with a score, with its interval; undefined without both answers."""
    if scores.shape != y.shape:
        raise BadScores(f"{len(scores)} scores but {len(y)} labels: give one for each case.")
    kept = ~np.isnan(scores)
    s, labels = scores[kept], y[kept]
    m, n = int(labels.sum()), int((~labels).sum())
    if not m or not n:
        reason = "It needs scored cases with a positive and with a negative gold answer."
        return undefined(reason, n=m + n, method=METHOD, level=level)
    area = float((rankdata(s)[labels].sum() - m * (m + 1) / 2) / (m * n))
    low, high = _newcombe(area, m=m, n=n, level=level)
    return Estimate(area, low, high, m + n, level=level, method=METHOD)


def _newcombe(area: float, *, m: int, n: int, level: float) -> tuple[float, float]:
    z = float(norm.ppf((1 + level) / 2))

    def beyond(a: float) -> float:
        half = (m + n) / 2 - 1
        inner = 1 + half * (1 - a) / (2 - a) + half * a / (1 + a)
        return abs(area - a) - z * math.sqrt(a * (1 - a) * inner / (m * n))

    # At 0 and 1 the variance is 0, so that the end itself is a root that says nothing: stay off it.
    low = 0.0 if area == 0 else float(brentq(beyond, 0.0, min(area, 1 - OFF_THE_END)))
    high = 1.0 if area == 1 else float(brentq(beyond, max(area, OFF_THE_END), 1.0))
    return low, high
