"""Intervals for shares and for their differences, for every rate that is shown.

Symbols: k of n trials; p = k/n; z = normal quantile of the confidence level.
Sources: E. B. Wilson (1927), "Probable inference, the law of succession", JASA 22: 209-212;
R. G. Newcombe (1998), Statistics in Medicine 17: 857-872 (one share), 873-890 (two, method 10).
"""

from math import sqrt
from statistics import NormalDist

from annotations.measurement.results import Estimate, undefined

WILSON = "Wilson score interval"
NEWCOMBE = "Newcombe's hybrid score interval (method 10)"


def proportion(k: int, n: int, *, level: float = 0.95) -> Estimate:
    """k of n, with Wilson's interval; undefined for n = 0."""
    _check_counts(k, n)
    if n == 0:
        return undefined("Nothing was counted (n = 0).", n=0, method=WILSON, level=level)
    low, high = _wilson(k, n, level)
    return Estimate(k / n, low, high, n, level=level, method=WILSON)


def difference_of_proportions(
    k1: int, n1: int, k2: int, n2: int, *, level: float = 0.95
) -> Estimate:
    """k1/n1 - k2/n2 of independent groups, with Newcombe's interval; n is both together."""
    _check_counts(k1, n1)
    _check_counts(k2, n2)
    if n1 == 0 or n2 == 0:
        return undefined("One of the two groups is empty.", n=n1 + n2, method=NEWCOMBE, level=level)
    p1, p2 = k1 / n1, k2 / n2
    (low1, high1), (low2, high2) = _wilson(k1, n1, level), _wilson(k2, n2, level)
    difference = p1 - p2
    low = difference - sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2)
    high = difference + sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)
    return Estimate(
        difference, max(low, -1.0), min(high, 1.0), n1 + n2, level=level, method=NEWCOMBE
    )


def _wilson(k: int, n: int, level: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * sqrt(k * (n - k) / n + z * z / 4)
    # At k = 0 and k = n the ends are exactly 0 and 1; rounding must not say otherwise.
    return (0.0 if k == 0 else middle - half, 1.0 if k == n else middle + half)


def _check_counts(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"A share needs 0 <= k <= n, not k = {k}, n = {n}.")
