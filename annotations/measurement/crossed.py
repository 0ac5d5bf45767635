"""Shares and means of two arms compared, where raters and items are both a sample (pure).

Every answer belongs to a rater and to an item, and both repeat: answers of one rater are alike, and so
are answers on one item. With rows j = (rater g, item i, x_j), arm a_j in {0, 1} and means m1, m0, the
difference d = m1 - m0 has the influence values
    psi_j = a_j (x_j - m1) / n1 - (1 - a_j) (x_j - m0) / n0            (N,)
and the two-way cluster-robust variance
    V = V_rater + V_item - V_cell,   V_c = G_c / (G_c - 1) sum over clusters (sum of psi)^2,
with cells = (rater, item). It needs no model of the random effects of raters and items, only that
different raters on different items are independent. V can fall under a one-way variance by chance: the
largest of the three is taken, so that the interval is never the shortest of those that could be argued.
Sources: A. C. Cameron, J. B. Gelbach, D. L. Miller, "Robust Inference With Multiway Clustering",
J. Business & Economic Statistics 29 (2011) 238-249; J. G. MacKinnon, M. O. Nielsen, M. D. Webb,
"Wild Bootstrap and Asymptotic Inference With Multiway Clustering", JBES 39 (2021) 505-519 (the maximum);
shares: E. L. Korn, B. I. Graubard, "Confidence Intervals for Proportions With Small Expected Number of
Positive Counts Estimated From Survey Data", Survey Methodology 24 (1998) 193-201: the interval of
independent answers (Newcombe's) at the effective n* = n (z / t_df)^2 / deff, deff = V / V_independent.
"""

from collections.abc import Hashable, Sequence
from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from annotations.measurement.results import Estimate, undefined

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Row = tuple[Hashable, Hashable, float]  # rater, item, x

# Fewer clusters than this are no sample of their population.
MIN_CLUSTERS = 5
MIN_ROWS = 5
# Clusters of which few differ can look better than independent answers: no farther than this.
LEAST_DEFF = 0.5
EMPTY = "One of the two arms has no answers."
TWO_WAY = "two-way cluster-robust by rater and item"
BY_ITEM = "cluster-robust by item, for these raters"
BY_RATER = "cluster-robust by rater, for these items"
INDEPENDENT = "answers taken as independent"


def difference_of_shares(
    arm: Sequence[Row], blind: Sequence[Row], *, level: float = 0.95
) -> Estimate:
    """p1 - p0 for 0/1 values: Newcombe's interval at the effective numbers of answers."""
    if not arm or not blind:
        return undefined(EMPTY, n=len(arm) + len(blind), method=TWO_WAY, level=level)
    (n1, p1), (n0, p0) = _mean(arm), _mean(blind)
    variance, df, way = variance_of_difference(arm, blind)
    z, quantile = _quantiles(level, df)
    deff = design_effect(variance, p1, n1, p0, n0)
    shrink = (z / quantile) ** 2 / deff
    (low1, high1), (low0, high0) = _wilson(p1, n1 * shrink, z), _wilson(p0, n0 * shrink, z)
    d = p1 - p0
    low = d - sqrt((p1 - low1) ** 2 + (high0 - p0) ** 2)
    high = d + sqrt((high1 - p1) ** 2 + (p0 - low0) ** 2)
    method = f"Newcombe's interval at effective n (design effect {deff:.2f}); {way}"
    return Estimate(d, max(low, -1.0), min(high, 1.0), n1 + n0, level=level, method=method)


def share(rows: Sequence[Row], *, level: float = 0.95) -> Estimate:
    """The share p of one set of answers: Wilson's interval at the effective number of answers."""
    if not rows:
        return undefined("Nothing was counted (n = 0).", n=0, method=TWO_WAY, level=level)
    n, p = _mean(rows)
    psi = (np.array([x for _, _, x in rows]) - p) / n
    variance, df, way = _variance(psi, [g for g, _, _ in rows], [i for _, i, _ in rows])
    z, quantile = _quantiles(level, df)
    alone = p * (1 - p) / n
    deff = max(variance / alone, LEAST_DEFF) if alone > 0 else 1.0
    low, high = _wilson(p, n * (z / quantile) ** 2 / deff, z)
    method = f"Wilson's interval at effective n (design effect {deff:.2f}); {way}"
    return Estimate(p, low, high, n, level=level, method=method)


def ratio_of_means(arm: Sequence[Row], blind: Sequence[Row], *, level: float = 0.95) -> Estimate:
    """exp(m1 - m0) of the logarithms: how many times as long an answer takes, by geometric means."""
    n = len(arm) + len(blind)
    if min(len(arm), len(blind)) < MIN_ROWS:
        reason = f"Fewer than {MIN_ROWS} answers in one of the two arms."
        return undefined(reason, n=n, method=TWO_WAY, level=level)
    logs = [[(g, i, log(max(x, 0.1))) for g, i, x in rows] for rows in (arm, blind)]
    d = _mean(logs[0])[1] - _mean(logs[1])[1]
    variance, df, way = variance_of_difference(*logs)
    half = _quantiles(level, df)[1] * sqrt(variance)
    if half == 0:
        return Estimate(
            exp(d), None, None, n, level=level, method=way,
            reason="All answers took equally long: they show no uncertainty.",
        )  # fmt: skip
    method = f"ratio of geometric means; {way}"
    return Estimate(exp(d), exp(d - half), exp(d + half), n, level=level, method=method)


def variance_of_difference(arm: Sequence[Row], blind: Sequence[Row]) -> tuple[float, float, str]:
    """V of the difference of means, its degrees of freedom, and which clusters it counts."""
    (n1, m1), (n0, m0) = _mean(arm), _mean(blind)
    psi = np.concatenate(
        [
            (np.array([x for _, _, x in arm]) - m1) / n1,
            -(np.array([x for _, _, x in blind]) - m0) / n0,
        ]
    )
    rows = [*arm, *blind]
    return _variance(psi, [g for g, _, _ in rows], [i for _, i, _ in rows])


def design_effect(variance: float, p1: float, n1: float, p0: float, n0: float) -> float:
    """V over the variance of as many independent answers; 1 where these show none."""
    alone = p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
    return max(variance / alone, LEAST_DEFF) if alone > 0 else 1.0


def two_way_variance(psi: Floats, raters: Codes, items: Codes) -> float:
    """V of influence values (N,) whose clusters are coded 0, 1, ...: the largest of the three."""
    _, cells = np.unique(raters * (int(items.max()) + 1) + items, return_inverse=True)
    by_rater, by_item = _one_way(psi, raters), _one_way(psi, items)
    return max(by_rater + by_item - _one_way(psi, cells), by_rater, by_item)


def _variance(
    psi: Floats, raters: Sequence[Hashable], items: Sequence[Hashable]
) -> tuple[float, float, str]:
    """Clusters that are too few to be a sample are conditioned on, which the text says."""
    (g, n_raters), (i, n_items) = _coded(raters), _coded(items)
    if n_raters >= MIN_CLUSTERS and n_items >= MIN_CLUSTERS:
        return two_way_variance(psi, g, i), min(n_raters, n_items) - 1.0, TWO_WAY
    if n_items >= MIN_CLUSTERS:
        return _one_way(psi, i), n_items - 1.0, BY_ITEM
    if n_raters >= MIN_CLUSTERS:
        return _one_way(psi, g), n_raters - 1.0, BY_RATER
    return float((psi**2).sum()), float("inf"), INDEPENDENT


def _one_way(psi: Floats, codes: Codes) -> float:
    sums = np.bincount(codes, weights=psi)
    return float((sums**2).sum() * len(sums) / max(len(sums) - 1, 1))


def _coded(names: Sequence[Hashable]) -> tuple[Codes, int]:
    place = {name: code for code, name in enumerate(dict.fromkeys(names))}
    return np.array([place[name] for name in names], dtype=np.int64), len(place)


def _mean(rows: Sequence[Row]) -> tuple[int, float]:
    return len(rows), float(np.mean([x for _, _, x in rows]))


def _quantiles(level: float, df: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + level) / 2)
    return z, z if df == float("inf") else float(student.ppf((1 + level) / 2, df))


def _wilson(p: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's interval for a share p of n answers, n not necessarily whole."""
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (0.0 if p == 0 else middle - half), (1.0 if p == 1 else middle + half)
