"""Two answers to the same cases: the mean of their differences, with an interval over families.

Symbols: d (N,) the difference of each case, mostly 0; F families. The interval is of percentiles over
draws of whole families; where no draw would differ (all d are 0) the mean is bounded as a share of
which none was seen among F.
"""

import numpy as np
import numpy.typing as npt

from annotations.measurement.results import Estimate, undefined
from campaigns.judging.evasion.intervals import wilson
from campaigns.judging.evasion.resampling import percentiles

LEAST_FAMILIES = 5
REPLICATES = 1_000
METHOD = "paired, percentiles of draws of families"
FEW = "Each of the classes needs cases of at least {} families: settle more cases."


def mean_over_families(
    d: npt.NDArray[np.int64], families: npt.NDArray[np.intp], *, least: int = LEAST_FAMILIES,
    method: str = METHOD, replicates: int = REPLICATES, seed: int = 0, level: float = 0.95,
) -> Estimate:  # fmt: skip
    """The mean of d (N,) with its paired interval; undefined for fewer than `least` families (N,)."""
    n = len(d)
    if len(np.unique(families)) < least:
        return undefined(FEW.format(least), n=n, method=method, level=level)
    if not d.any():
        high = wilson(0.0, float(len(np.unique(families))), level)[1]
        return Estimate(0.0, -high, high, n, level=level, method=method)
    _, of = np.unique(families, return_inverse=True)
    units = np.stack([np.bincount(of, weights=d), np.bincount(of)])
    alike, times = np.unique(units, axis=1, return_counts=True)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(times.sum(), times / times.sum(), size=replicates)
    ends = percentiles((drawn @ alike[0]) / (drawn @ alike[1]), level=level)
    value = float(d.mean())
    low, high = ends if ends is not None else (value, value)
    return Estimate(value, min(low, value), max(high, value), n, level=level, method=method)
