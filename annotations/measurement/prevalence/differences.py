"""Differences of rates between targets or rounds: paired where the same items were asked, with
control of false discoveries over everything that is compared.

Symbols, paired: of n items e fail for both, f for the first alone, g for the second alone, h for
neither; p1 = (e + f)/n, p2 = (e + g)/n. Independent: k1 of n1 against k2 of n2.
Sources: R. G. Newcombe (1998), Statistics in Medicine 17: 873-890 (independent, method 10) and
2635-2650 (paired, method 10: Wilson's distances with the correlation phi of the table);
M. W. Fagerland, S. Lydersen, P. Laake (2013), BMC Medical Research Methodology 13: 91 (McNemar mid-p);
A. N. Angelopoulos et al. (2023), arXiv 2311.01453, for the mean of differences with two judges.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from scipy.stats import binom

from annotations.measurement.false_discovery import benjamini_hochberg
from annotations.measurement.inference import difference_of_proportions, proportion
from annotations.measurement.prevalence.evidence import Floats
from annotations.measurement.results import Estimate, undefined

PAIRED = "Newcombe's paired hybrid score interval (method 10)"
PAIRED_PPI = "PPI++ mean of paired differences (normal interval)"
NOTHING_SHARED = "No item was judged for both."
# With at least so many shared items the pairs are compared, and what is not shared is left out.
LEAST_SHARED = 10


@dataclass(frozen=True)
class Comparison:
    """First minus second, with its p value and the q value over the family it was compared in."""

    first: str
    second: str
    difference: Estimate
    p_value: float | None
    q_value: float | None
    is_paired: bool


def paired_difference(e: int, f: int, g: int, h: int, *, level: float = 0.95) -> Estimate:
    """p1 - p2 of the same items."""
    n = e + f + g + h
    if min(e, f, g, h) < 0:
        raise ValueError("Counts of a table are not negative.")
    if n == 0:
        return undefined(NOTHING_SHARED, n=0, method=PAIRED, level=level)
    first, second = proportion(e + f, n, level=level), proportion(e + g, n, level=level)
    p1, p2 = (e + f) / n, (e + g) / n
    below1, above1 = p1 - (first.low or 0.0), (first.high or 0.0) - p1
    below2, above2 = p2 - (second.low or 0.0), (second.high or 0.0) - p2
    phi = _correlation(e, f, g, h)
    low = p1 - p2 - sqrt(max(below1**2 - 2 * phi * below1 * above2 + above2**2, 0.0))
    high = p1 - p2 + sqrt(max(above1**2 - 2 * phi * above1 * below2 + below2**2, 0.0))
    return Estimate(p1 - p2, max(low, -1.0), min(high, 1.0), n, level=level, method=PAIRED)


def _correlation(e: int, f: int, g: int, h: int) -> float:
    """Newcombe's phi: with the continuity correction where it is positive, 0 at an empty margin."""
    margins = (e + f) * (g + h) * (e + g) * (f + h)
    if margins == 0:
        return 0.0
    product = float(e * h - f * g)
    if product > 0:
        product = max(product - (e + f + g + h) / 2, 0.0)
    return product / sqrt(margins)


def mcnemar(f: int, g: int) -> float:
    """The mid-p value that items which fail for one alone fail equally often for either."""
    if f + g == 0:
        return 1.0
    rarer = min(f, g)
    tail = float(binom.cdf(rarer, f + g, 0.5) - 0.5 * binom.pmf(rarer, f + g, 0.5))
    return min(1.0, 2 * tail)


def two_shares(k1: int, n1: int, k2: int, n2: int) -> float:
    """The p value of the pooled score test that two independent shares are the same."""
    pooled = (k1 + k2) / (n1 + n2)
    spread = sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
    if spread == 0:
        return 1.0
    return float(2 * NormalDist().cdf(-abs(k1 / n1 - k2 / n2) / spread))


def compare(
    first: Mapping[Hashable, bool], second: Mapping[Hashable, bool], *,
    names: tuple[str, str] = ("first", "second"), level: float = 0.95,
) -> Comparison:  # fmt: skip
    """Item -> failure, of two targets or rounds; pairs where enough items are shared."""
    shared = [item for item in first if item in second]
    if len(shared) >= LEAST_SHARED:
        e, f, g = (
            sum(first[i] == a and second[i] == b for i in shared)
            for a, b in ((True, True), (True, False), (False, True))
        )
        difference = paired_difference(e, f, g, len(shared) - e - f - g, level=level)
        return Comparison(*names, difference, mcnemar(f, g), None, True)
    k1, n1, k2, n2 = sum(first.values()), len(first), sum(second.values()), len(second)
    difference = difference_of_proportions(k1, n1, k2, n2, level=level)
    p_value = two_shares(k1, n1, k2, n2) if difference.is_defined else None
    return Comparison(*names, difference, p_value, None, False)


def compare_all(
    groups: Mapping[str, Mapping[Hashable, bool]], *, against: str | None = None,
    level: float = 0.95,
) -> tuple[Comparison, ...]:  # fmt: skip
    """Every pair of groups, or every other group against one; q values over the whole family."""
    names = list(groups)
    pairs = (
        [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        if against is None
        else [(name, against) for name in names if name != against]
    )
    found = [compare(groups[a], groups[b], names=(a, b), level=level) for a, b in pairs]
    return with_q_values(found)


def with_q_values(found: Sequence[Comparison]) -> tuple[Comparison, ...]:
    """The same with q values over all that have a p value."""
    q = iter(benjamini_hochberg([c.p_value for c in found if c.p_value is not None]))
    return tuple(
        Comparison(
            c.first, c.second, c.difference, c.p_value,
            None if c.p_value is None else next(q), c.is_paired,
        )
        for c in found
    )  # fmt: skip


def paired_ppi_difference(
    d: Floats, labelled: Floats, scored: Floats, *, level: float = 0.95
) -> Estimate:
    """Mean of y1 - y2 over M items from labels of n of them and judges' f1 - f2 of all.

    d (n,) = y1 - y2; labelled (n,) = f1 - f2 of the same items; scored (M,) = f1 - f2 of all items:
    lam mean(scored) + mean(d - lam labelled), se^2 = (1 - n/M) var(d - lam labelled) / n.
    """
    n, M = len(d), len(scored)
    if n < 2:
        return undefined("Fewer than two items are labelled for both.", n=n, method=PAIRED_PPI,
                         level=level)  # fmt: skip
    spread = float(labelled.var())
    lam = 0.0
    if spread > 0:
        slope = float(((labelled - labelled.mean()) * d).mean()) / spread
        lam = float(np.clip(slope, 0, 1))
    residual = d - lam * labelled
    value = lam * float(scored.mean()) + float(residual.mean())
    half = NormalDist().inv_cdf((1 + level) / 2) * sqrt((1 - n / M) * residual.var(ddof=1) / n)
    value = float(np.clip(value, -1.0, 1.0))
    return Estimate(
        value, max(value - half, -1.0), min(value + half, 1.0), n, level=level, method=PAIRED_PPI
    )
