"""Intervals for shares and for their differences, for every rate that is shown.

Symbols: k of n trials; p = k/n; z = normal quantile of the confidence level; N items in a finite
population, K of them positive.
Sources: E. B. Wilson (1927), "Probable inference, the law of succession", JASA 22: 209-212;
R. G. Newcombe (1998), Statistics in Medicine 17: 857-872 (one share), 873-890 (two, method 10);
C. J. Clopper, E. S. Pearson (1934), Biometrika 26: 404-413;
L. D. Brown, T. T. Cai, A. DasGupta (2001), Statistical Science 16: 101-133 (Jeffreys' interval);
T. E. Sterne (1954), Biometrika 41: 275-278 (inversion of a test that accepts likely counts first);
A. Agresti, A. Gottard (2007), Statistics in Medicine 26: 2737-2751 (mid-p for discrete counts).
"""

from math import ceil, floor, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlog1py, xlogy
from scipy.stats import beta

from annotations.measurement.results import Estimate, undefined

Floats = NDArray[np.float64]

WILSON = "Wilson score interval"
NEWCOMBE = "Newcombe's hybrid score interval (method 10)"
CLOPPER_PEARSON = "Clopper-Pearson exact interval"
JEFFREYS = "Jeffreys interval"
INVERSION = "inversion of the exact test (Sterne, mid-p)"
NOTHING = "Nothing was counted (n = 0)."

# Coverage may fall this far below the level where counts are too coarse to meet it, never further.
SLACK = 0.015
GRID, FINE, REFINEMENTS = 200, 17, 4
# Counts further than this from the mean have no mass that a double could hold beside the rest.
FAR = 15.0


def proportion(k: int, n: int, *, level: float = 0.95) -> Estimate:
    """k of n, with Wilson's interval; undefined for n = 0."""
    _check_counts(k, n)
    if n == 0:
        return undefined(NOTHING, n=0, method=WILSON, level=level)
    low, high = _wilson(k, n, level)
    return Estimate(k / n, low, high, n, level=level, method=WILSON)


def clopper_pearson(k: int, n: int, *, level: float = 0.95) -> Estimate:
    """k of n; covers at least `level` whatever the truth, and mostly more: for a guarantee."""
    _check_counts(k, n)
    if n == 0:
        return undefined(NOTHING, n=0, method=CLOPPER_PEARSON, level=level)
    low, high = _clopper_pearson(k, n, level)
    return Estimate(k / n, low, high, n, level=level, method=CLOPPER_PEARSON)


def jeffreys(k: int, n: int, *, level: float = 0.95) -> Estimate:
    """k of n; the central quantiles of Beta(k + 1/2, n - k + 1/2), with 0 and 1 kept at the limits."""
    _check_counts(k, n)
    if n == 0:
        return undefined(NOTHING, n=0, method=JEFFREYS, level=level)
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k + 0.5, n - k + 0.5))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 0.5, n - k + 0.5))
    return Estimate(k / n, low, high, n, level=level, method=JEFFREYS)


def exact_proportion(
    k: int, n: int, *, population: int | None = None, level: float = 0.95
) -> Estimate:
    """k of n, drawn from a population of N items or from an endless one; for small counts.

    The interval is the hull of every truth under which k is accepted. Under a truth, counts are
    accepted from the likeliest on (Sterne) until adding the next would bring the acceptance further
    above `level` than leaving it out would bring it below (mid-p), but never below level - SLACK.
    So its coverage is, at every truth, one of the two values around `level` that counts can reach.
    """
    _check_counts(k, n)
    if n == 0:
        return undefined(NOTHING, n=0, method=INVERSION, level=level)
    if population is not None and population < n:
        raise ValueError(f"A population of {population} cannot hold a sample of {n}.")
    if population == n:
        return Estimate(k / n, k / n, k / n, n, level=level, method="count of the whole population")
    low, high = (
        _invert_binomial(k, n, level)
        if population is None
        else _invert_hypergeometric(k, n, population, level)
    )
    return Estimate(k / n, low, high, n, level=level, method=INVERSION)


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


def _clopper_pearson(k: int, n: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return low, high


def _invert_binomial(k: int, n: int, level: float) -> tuple[float, float]:
    """Both ends over truths p in [0, 1]: a grid, and finer grids around its outermost accepted truths."""
    least, most = _clopper_pearson(k, n, 1 - (1 - level) / 50)
    counts = _near(k, n)
    log_choices = _log_choose(n, counts)

    def outermost(low: float, high: float, points: int) -> tuple[float, float, float]:
        p = np.linspace(low, high, points)
        log_mass = log_choices + xlogy(counts, p[:, None]) + xlog1py(n - counts, -p[:, None])
        inside = p[_accepts(np.exp(log_mass), counts, k, n, level)]
        return float(inside[0]), float(inside[-1]), float(p[1] - p[0])

    first, last, step = outermost(least, most, GRID)
    for _ in range(REFINEMENTS):
        first = outermost(max(first - step, 0.0), first, FINE)[0]
        last, step = outermost(last, min(last + step, 1.0), FINE)[1], step / (FINE - 1)
    return (0.0 if k == 0 else first, 1.0 if k == n else last)


def _invert_hypergeometric(k: int, n: int, rows: int, level: float) -> tuple[float, float]:
    """Both ends over truths K/N; every K is tried, or GRID of them and then those between."""
    least, most = _clopper_pearson(k, n, 1 - (1 - level) / 50)
    N = rows
    first, last = max(k, floor(least * N)), min(N - (n - k), ceil(most * N))
    counts = _near(k, n)
    log_samples = _log_choose(N, n)

    def accepted(truths: Floats) -> NDArray[np.bool_]:
        K = truths[:, None]
        fits = (counts <= K) & (n - counts <= N - K)
        of_failures = _log_choose(K, np.minimum(counts, K))
        of_others = _log_choose(N - K, np.clip(n - counts, 0, N - K))
        log_mass = np.where(fits, of_failures + of_others - log_samples, -np.inf)
        return _accepts(np.exp(log_mass), counts, k, n, level)

    step = max(1, (last - first) // GRID)
    truths = np.unique(np.append(np.arange(first, last + 1, step), last)).astype(np.float64)
    inside = truths[accepted(truths)]
    if step > 1:
        edges = [inside[0] - np.arange(step), inside[-1] + np.arange(step)]
        around = np.clip(np.concatenate(edges), first, last)
        inside = np.sort(around[accepted(around)])
    return float(inside[0] / N), float(inside[-1] / N)


def _near(k: int, n: int) -> Floats:
    """The counts that matter beside k: all of them where n is small."""
    reach = FAR * sqrt(min(k, n - k) + 10) + 50
    return np.arange(max(0, floor(k - reach)), min(n, ceil(k + reach)) + 1, dtype=np.float64)


def _accepts(mass: Floats, counts: Floats, k: int, n: int, level: float) -> NDArray[np.bool_]:
    """For each truth (rows of mass (G, counts)) whether the count k is accepted.

    Of equally likely counts the one nearer to none or all comes first: where half of a population was
    drawn, k and K - k are so, and taking both would cover much more than it must.
    """
    at = int(k - counts[0])
    own = mass[:, [at]]
    is_equal = np.abs(mass - own) <= own * 1e-9
    outer = np.abs(2 * counts - n)
    is_before = (mass > own * (1 + 1e-9)) | (is_equal & (outer > outer[at]))
    before = np.where(is_before, mass, 0.0).sum(axis=1)
    equal = np.where(is_equal & (outer == outer[at]), mass, 0.0).sum(axis=1)
    return np.asarray((before + equal / 2 < level) | (before < level - SLACK), dtype=np.bool_)


def _log_choose(n: Floats | int, k: Floats | int) -> Floats:
    return np.asarray(
        gammaln(np.add(n, 1.0)) - gammaln(np.add(k, 1.0)) - gammaln(np.subtract(n, k) + 1.0)
    )


def _check_counts(k: int, n: int) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"A share needs 0 <= k <= n, not k = {k}, n = {n}.")
