"""Prevalence from score strata: each stratum speaks for its rows, whether sampled or only grouped.

Symbols: stratum h has N_h of N rows, n_h labels, k_h failures, W_h = N_h / N.

    theta = sum of W_h k_h / n_h,        m_h = n_h (N_h - 1) / (N_h - n_h)

m_h is what n_h labels are worth where they are a good part of the stratum (finite-population
correction); the interval inverts a test over all shares p_h (`inversion`). A stratum that is wholly
labelled is counted, not estimated. For rows drawn with unequal probabilities pi inside a stratum,
k_h / n_h is Hajek's sum(y / pi) / sum(1 / pi) and n_h Kish's (sum 1/pi)^2 / sum(1/pi^2).
Sources: W. G. Cochran, "Sampling Techniques" (3rd ed., 1977), sections 5.3 and 5A.9
(post-stratification); D. G. Horvitz, D. J. Thompson (1952), JASA 47: 663-685; J. Hajek (1971);
L. Kish, "Survey Sampling" (1965), section 8.2; Fisch et al. (2024), arXiv 2406.04291.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from scipy.stats import chi2

from annotations.measurement.prevalence.evidence import Bools, Evidence, Floats, Ints
from annotations.measurement.prevalence.inversion import MOST_A, exponent, interval_of_sum
from annotations.measurement.prevalence.mean import NO_LABELS, fitted_lambda
from annotations.measurement.prevalence.strata import Strata, cut, merge_small, strata_for, tally
from annotations.measurement.results import Estimate, undefined

METHOD = "score strata, inversion of a power-divergence test"
BY_DRAW = "strata of the draw, inversion of a power-divergence test"
STRATIFIED_PPI = "stratified PPI++ (normal interval)"
# A judge's strata that differ less than this part of chance's do are taken to say nothing.
CHANCE = 0.8
# Draws with more different probabilities than this are no strata but weights.
MOST_GROUPS = 12
# How far the rows that the probabilities stand for may be from the rows that there are.
SAME_SIZE = 0.02


@dataclass(frozen=True, eq=False)
class Sums:
    """Estimate and both ends, each (R,)."""

    value: Floats
    low: Floats
    high: Floats


def sum_over_strata(strata: Strata, *, is_drawn: bool = False, level: float = 0.95) -> Sums:
    """theta and its interval for R data sets at once; `is_drawn`: labels were given out by stratum."""
    N, n, k = strata.N, strata.n, strata.k
    total = N.sum(axis=1, keepdims=True)
    share = np.where(n > 0, k / np.maximum(n, 1e-300), 0.0)
    counted = (n >= N) & (N > 0)
    fixed = np.where(counted, N * share / total, 0.0).sum(axis=1)
    is_open = (n > 0) & ~counted
    m = np.where(is_open, n * np.maximum(N - 1, 1e-9) / np.maximum(N - n, 1e-9), 0.0)
    W = np.where(is_open, N / total, 0.0)
    left = np.where(is_open, 1 - n / np.maximum(N, 1e-300), 0.0)
    rarer = np.minimum((left * k).sum(axis=1), (left * (n - k)).sum(axis=1))
    a = exponent(rarer) if is_drawn else np.full(len(rarer), MOST_A)
    labels = np.where(is_open, n, 0.0).sum(axis=1)
    low, high = interval_of_sum(share * m, m, W, a=a, labels=labels, level=level)
    value = fixed + (W * share).sum(axis=1)
    return Sums(value, np.minimum(fixed + low, value), np.maximum(fixed + high, value))


def tells_nothing(strata: Strata) -> Bools:
    """Whether labels differ between strata no more than by chance, (R,): Pearson's chi squared, by CHANCE."""
    n, k = strata.n, strata.k
    p = k.sum(axis=1, keepdims=True) / np.maximum(n.sum(axis=1, keepdims=True), 1e-300)
    apart = np.where(n > 0, (k - n * p) ** 2 / np.maximum(n, 1e-300), 0.0).sum(axis=1)
    freedom = np.maximum((n > 0).sum(axis=1) - 1, 1)
    return np.asarray(
        apart < chi2.ppf(CHANCE, freedom) * (p * (1 - p))[:, 0] + 1e-12, dtype=np.bool_
    )


def clip_to_counted(sums: Sums, positives: Floats, n: Floats, rows: Floats | float) -> Sums:
    """Nothing below the failures that were seen in N rows, nothing above what is left; all (R,)."""
    least, most = positives / rows, 1 - (n - positives) / rows
    return Sums(sums.value, np.maximum(sums.low, least), np.minimum(sums.high, most))


def stratified_mean(
    evidence: Evidence, strata: Strata | None = None, *, level: float = 0.95
) -> Estimate:
    """Prevalence from the strata of the draw where it had some, else from strata of the score."""
    if evidence.n == 0:
        return undefined(NO_LABELS, n=0, method=METHOD, level=level)
    by_draw = strata_of_draw(evidence) if strata is None else None
    method = METHOD if by_draw is None else BY_DRAW
    found = strata or by_draw or strata_of_score(evidence)
    sums = sum_over_strata(found, is_drawn=evidence.is_weighted, level=level)
    if evidence.population == "rows":
        counts = (np.array([float(evidence.positives)]), np.array([float(evidence.n)]))
        sums = clip_to_counted(sums, *counts, evidence.rows)
    value, low, high = (float(a[0]) for a in (sums.value, sums.low, sums.high))
    low, high = _beyond_rows(evidence, value, low, high, level)
    return Estimate(
        value, min(low, value), max(high, value), evidence.n, level=level, method=method
    )


def strata_of_score(evidence: Evidence, parts: int | None = None) -> Strata:
    """Rows grouped by score, whatever the draw was: one data set, (1, H)."""
    scores, place = np.unique(evidence.scores, return_inverse=True)
    rows = np.bincount(place, minlength=len(scores)).astype(np.float64)[None, :]
    parts = parts or strata_for(evidence.n)
    stratum = cut(scores, rows, evidence.n, parts)
    at, w = place[evidence.is_labelled], evidence.w
    sums = [
        np.bincount(at, weights=x, minlength=len(scores)).astype(np.float64)[None, :]
        for x in (np.ones(evidence.n), w, w * w, w * evidence.y)
    ]
    N, n, w1, w2, wy = tally(stratum, parts, rows, *sums)
    merged = [merge_small(Strata(N, n, x)).k for x in (w1, w2, wy)]
    return _weighted_strata(merge_small(Strata(N, n, wy)).N, *merged)


def _weighted_strata(rows: Floats, w1: Floats, w2: Floats, wy: Floats) -> Strata:
    """Kish's labels and Hajek's failures of each stratum; plain counts where weights are equal."""
    n = np.where(w1 > 0, w1 * w1 / np.maximum(w2, 1e-300), 0.0)
    return Strata(rows, n, n * np.where(w1 > 0, wy / np.maximum(w1, 1e-300), 0.0))


def strata_of_draw(evidence: Evidence) -> Strata | None:
    """Rows drawn with one probability each are a stratum of n_h / pi_h rows; None if that fits not."""
    if evidence.probabilities is None or not evidence.is_weighted:
        return None
    pi = np.round(evidence.probabilities[evidence.is_labelled], 9)
    values, place = np.unique(pi, return_inverse=True)
    n = np.bincount(place).astype(np.float64)
    N = n / values
    if len(values) > MOST_GROUPS or abs(N.sum() / evidence.rows - 1) > SAME_SIZE:
        return None
    k = np.bincount(place, weights=evidence.y).astype(np.float64)
    return Strata(N[None, :], n[None, :], k[None, :])


def _beyond_rows(
    evidence: Evidence, value: float, low: float, high: float, level: float
) -> tuple[float, float]:
    """Both ends widened where the rows are a sample themselves: distances add in squares (Newcombe)."""
    share = evidence.missing_share
    if share == 0:
        return low, high
    z = NormalDist().inv_cdf((1 + level) / 2)

    def beyond(end: float) -> float:
        """How far the end moves from the estimate, with the rows' own spread at the wider of both."""
        spread = max(end * (1 - end), value * (1 - value))
        return sqrt((value - end) ** 2 + z * z * share * spread / evidence.rows)

    return max(value - beyond(low), 0.0), min(value + beyond(high), 1.0)


def stratified_ppi(evidence: Evidence, stratum: Ints, *, level: float = 0.95) -> Estimate:
    """PPI++ within each stratum (M,) of the draw, weighted by size; with the paper's normal interval.

    theta = sum W_h (lam_h f_bar_h + mean_h(y - lam_h f)), se^2 = sum W_h^2 (1 - n_h/N_h) var_h / n_h.
    """
    value = variance = 0.0
    for h in np.unique(stratum):
        own = stratum == h
        known = own & evidence.is_labelled
        N_h, n_h = int(own.sum()), int(known.sum())
        if n_h < 2:
            reason = f"Stratum {h} has {n_h} labels: it needs two."
            return undefined(reason, n=evidence.n, method=STRATIFIED_PPI, level=level)
        y, f = evidence.labels[known], evidence.scores[known]
        lam = fitted_lambda(y, f, np.ones(n_h))
        W = N_h / evidence.rows
        residual = y - lam * f
        value += W * (lam * float(evidence.scores[own].mean()) + float(residual.mean()))
        variance += W * W * (1 - n_h / N_h) * float(residual.var(ddof=1)) / n_h
    value = min(max(value, 0.0), 1.0)
    half = NormalDist().inv_cdf((1 + level) / 2) * sqrt(variance)
    return Estimate(
        value, max(value - half, 0.0), min(value + half, 1.0), evidence.n,
        level=level, method=STRATIFIED_PPI,
    )  # fmt: skip


def horvitz_thompson(evidence: Evidence) -> float:
    """sum(y / pi) / N: unbiased for any draw whose probabilities are known, and noisier than Hajek's."""
    if evidence.probabilities is None:
        return float(evidence.y.mean())
    return float((evidence.y / evidence.probabilities[evidence.is_labelled]).sum() / evidence.rows)
