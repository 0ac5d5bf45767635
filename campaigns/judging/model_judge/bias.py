"""How far a judge goes by what should not count: the order of things, and the length of an answer.

Sources: paired difference with Bonett and Price's (2012) adjusted Wald interval; length by the
Mantel-Haenszel risk difference over gold's two classes with Sato's (1989) variance. Symbols:
f10, f01 discordant pairs, n pairs; in stratum k a_k of n1_k longer answers and b_k of n0_k shorter
ones are called positive.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate, undefined
from campaigns.judging.errors import BadScores

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

LEAST_PAIRS = 5
LEAST_IN_STRATUM = 4
PAIRED = "Bonett and Price's paired interval"
LENGTH = "Mantel-Haenszel risk difference, Sato's variance"


@dataclass(frozen=True)
class OrderBias:
    """`flips`: share of cases whose verdict changes; `shift`: by how much more is called positive."""

    order: str
    flips: Estimate
    shift: Estimate


def order_bias(before: Floats, after: Floats, *, order: str) -> OrderBias:
    """Verdicts (N,) of 1, 0 or nan for the same cases, as they are and with one order swapped."""
    if before.shape != after.shape:
        raise BadScores(f"{len(before)} verdicts but {len(after)} with the order swapped.")
    both = ~np.isnan(before) & ~np.isnan(after)
    a, b = before[both] == 1, after[both] == 1
    n, f10, f01 = int(both.sum()), int((a & ~b).sum()), int((~a & b).sum())
    if n < LEAST_PAIRS:
        reason = f"It needs {LEAST_PAIRS} gold cases that were judged both ways."
        none = undefined(reason, n=n, method=PAIRED)
        return OrderBias(order, none, none)
    low, high = _paired(f10, f01, n)
    shift = Estimate((f01 - f10) / n, low, high, n, method=PAIRED)
    return OrderBias(order, proportion(f10 + f01, n), shift)


def _paired(f10: int, f01: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    z = float(norm.ppf((1 + level) / 2))
    p10, p01 = (f10 + 1) / (n + 2), (f01 + 1) / (n + 2)
    half = z * math.sqrt((p10 + p01 - (p01 - p10) ** 2) / (n + 2))
    middle = p01 - p10
    return max(-1.0, middle - half), min(1.0, middle + half)


def length_bias(verdicts: Floats, y: Bools, lengths: Floats) -> Estimate:
    """How much more often longer answers are called positive than shorter ones of the same gold.

    Longer is above the median of its own class of gold, so that a class of long answers is no bias.
    """
    if not len(verdicts) == len(y) == len(lengths):
        raise BadScores("Give one verdict, one label and one length for each case.")
    tables = [
        _table(verdicts, lengths, (y == gold) & ~np.isnan(verdicts)) for gold in (True, False)
    ]
    kept = [t for t in tables if t is not None]
    n = int(sum(t[1] + t[3] for t in kept))
    if not kept:
        reason = "It needs judged gold cases of one answer, four shorter and four longer ones."
        return undefined(reason, n=n, method=LENGTH)
    return _mantel_haenszel(kept, n)


def _table(
    verdicts: Floats, lengths: Floats, chosen: Bools
) -> tuple[float, float, float, float] | None:
    """(positive longer, longer, positive shorter, shorter), or None where there are too few."""
    if not chosen.any():
        return None
    v, size = verdicts[chosen] == 1, lengths[chosen]
    longer = size > np.median(size)
    n1, n0 = float(longer.sum()), float((~longer).sum())
    if min(n1, n0) < LEAST_IN_STRATUM:
        return None
    return float(v[longer].sum()), n1, float(v[~longer].sum()), n0


def _mantel_haenszel(tables: list[tuple[float, float, float, float]], n: int) -> Estimate:
    weight = sum(n1 * n0 / (n1 + n0) for _, n1, _, n0 in tables)
    value = sum((a * n0 - b * n1) / (n1 + n0) for a, n1, b, n0 in tables) / weight
    p = sum(
        (n1**2 * b - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / (n1 + n0) ** 2
        for a, n1, b, n0 in tables
    )
    q = sum((a * (n0 - b) + b * (n1 - a)) / (2 * (n1 + n0)) for a, n1, b, n0 in tables)
    half = float(norm.ppf(0.975)) * math.sqrt(max(0.0, value * p + q)) / weight
    return Estimate(value, max(-1.0, value - half), min(1.0, value + half), n, method=LENGTH)
