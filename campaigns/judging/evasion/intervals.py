"""Intervals of shares whose cases may come in families, for every table of evasion.

Symbols: k of n cases; sd = standard deviation of k / n over draws of whole families. The design effect
is sd^2 over the variance p (1 - p) / n of independent cases, and n / effect cases are as good as
independent: Wilson's interval is taken on them, which stays right near 0 and 1, where percentiles of
draws have no width. The effect is never taken to be below 1; where no draw differs (k = 0 or n), every
family counts as one case. Sources: L. Kish (1965), "Survey sampling", 8.2; E. L. Korn, B. I. Graubard
(1998), Survey Methodology 24: 193-201; N. Dean, M. Pagano (2015), Survey Methodology 41: 387-415.
"""

from functools import lru_cache
from math import isfinite, sqrt
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from annotations.measurement.inference import NOTHING, WILSON, proportion
from annotations.measurement.results import Estimate, undefined
from campaigns.judging.linear import Bools

CLUSTERED = "Wilson score interval on the effective number of cases, families drawn"


@lru_cache(maxsize=65_536)
def share(k: int, n: int, level: float = 0.95) -> Estimate:
    """k of n independent cases: Wilson's interval."""
    return proportion(k, n, level=level)


def clustered_share(k: int, n: int, sd: float, families: int, level: float = 0.95) -> Estimate:
    """k of n cases out of `families`; undefined for n = 0."""
    if n == 0:
        return undefined(NOTHING, n=0, method=WILSON, level=level)
    p = k / n
    independent = p * (1 - p) / n
    if independent == 0 or not isfinite(sd):
        effective = float(min(families, n))
    else:
        effective = n / max(sd * sd / independent, 1.0)
    low, high = wilson(p, max(effective, 1.0), level)
    return Estimate(p, low, high, n, level=level, method=CLUSTERED)


def share_over_families(
    said: Bools, families: npt.NDArray[np.intp], level: float = 0.95
) -> Estimate:
    """The share of `said` (n,) with an interval that knows its families (n,)."""
    if not len(said):
        return undefined(NOTHING, n=0, method=WILSON, level=level)
    deviation = family_deviation(said, families)
    return clustered_share(int(said.sum()), len(said), deviation, len(np.unique(families)), level)


def family_deviation(said: Bools, families: npt.NDArray[np.intp]) -> float:
    """The standard deviation of the mean of `said` (n,) over families drawn whole, by linearisation.

    With F families, m_f cases that are said and n_f cases in each: sum of (m_f - p n_f)^2, times
    F / (F - 1), over n^2.
    """
    if len(np.unique(families)) < 2:
        return float("nan")
    _, of = np.unique(families, return_inverse=True)
    off = np.bincount(of, weights=said - said.mean())
    return float(np.sqrt((off @ off) * len(off) / (len(off) - 1)) / len(said))


def wilson(p: float, n: float, level: float) -> tuple[float, float]:
    """Wilson's ends for a share of n cases, which need not be a whole number."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (0.0 if p == 0 else middle - half, 1.0 if p == 1 else middle + half)
