"""An interval that may be looked at after every label: right at all looks together, not at one.

A gambler bets on every next label against an assumed prevalence theta. If theta is true the bets are
fair and the capital seldom grows (Ville: beyond 1/alpha with probability alpha at most, at any time);
the interval holds every theta against which neither of two gamblers has got rich.
Symbols: t the label's place in order; y_t its value; S_{t-1} the failures before it; M rows;
mu_t(theta) = (M theta - S_{t-1}) / (M - t + 1), what is expected of it without replacement;
phi_t the same for the judge's score f_t, which is known; lam_t in [0, 1] the trust in the judge and
b_t the size of the bet, both from labels before t alone.

    g_t(theta) = y_t - mu_t(theta) - lam_t (f_t - phi_t)
    K+_t = product of (1 + b_t g_t),    K-_t = product of (1 - b_t g_t)
    interval = {theta : max(K+_t, K-_t) / 2 < 1 / alpha}, of all t so far together

Sources: I. Waudby-Smith, A. Ramdas (2024), "Estimating means of bounded random variables by betting",
JRSS B 86: 1-27 (hedged capital, predictable plug-in bets, sampling without replacement). The control
variate lam_t (f_t - phi_t) has expectation 0 given the past, so the bets stay fair with it.
"""

from dataclasses import dataclass
from math import log

import numpy as np

from annotations.measurement.prevalence.evidence import Bools, Evidence, Floats, Ints
from annotations.measurement.prevalence.mean import NO_LABELS, fitted_lambda
from annotations.measurement.results import Estimate, undefined

METHOD = "betting confidence sequence (at any time)"
UNEQUAL = (
    "The rows were drawn with unequal probabilities; this interval needs draws of which the next is "
    "any of the rest."
)
NOT_RANDOM = "No prevalence fits these labels in this order: they were not drawn at random one after another."
GRID = 1_001
# A bet never risks more than this part of the capital.
RISK = 0.5
# Before so many labels the judge is not used.
WARM_UP = 20


@dataclass(frozen=True, eq=False)
class Sequence:
    """The running interval after each label: low and high, (n,)."""

    low: Floats
    high: Floats


def anytime(evidence: Evidence, *, order: Ints | None = None, level: float = 0.95) -> Estimate:
    """The interval after the last label.

    `order` (n,) are the labelled rows in the order in which they were drawn: whoever looks again after
    more labels must give it. Without it labels are shuffled, always alike: right for one look.
    """
    if evidence.n == 0:
        return undefined(NO_LABELS, n=0, method=METHOD, level=level)
    if evidence.is_weighted:
        return undefined(UNEQUAL, n=evidence.n, method=METHOD, level=level)
    rows = None if evidence.population == "endless" else evidence.rows
    if isinstance(evidence.population, int):
        rows = evidence.population
    whole = evidence.population == "rows"
    if order is None:
        order = np.random.default_rng(0).permutation(np.flatnonzero(evidence.is_labelled))
    y, f = evidence.labels[order], evidence.scores[order]
    found = confidence_sequence(
        y, f if whole else None, rows=rows,
        mean_score=float(evidence.scores.mean()), level=level,
    )  # fmt: skip
    value, low, high = float(y.mean()), float(found.low[-1]), float(found.high[-1])
    if low > high:
        return undefined(NOT_RANDOM, n=evidence.n, method=METHOD, level=level)
    return Estimate(
        value, min(low, value), max(high, value), evidence.n, level=level, method=METHOD
    )


def confidence_sequence(
    y: Floats, f: Floats | None, *, rows: int | None, mean_score: float = 0.5, level: float = 0.95
) -> Sequence:
    """The interval after each of n labels y (n,), with scores f (n,) or none, from `rows` or endless."""
    theta = np.linspace(0.0, 1.0, GRID)
    rich = log(2 / (1 - level))
    up, down = np.zeros(GRID), np.zeros(GRID)
    alive = np.ones(GRID, dtype=np.bool_)
    scores = np.full(len(y), mean_score) if f is None else f
    lows, highs = np.zeros(len(y)), np.ones(len(y))
    bets, trusts = _bets(y, level), _trusts(y, f)
    seen_y = seen_f = 0.0
    for t in range(len(y)):
        left = None if rows is None else rows - t
        mu = theta if left is None else (theta * (rows or 0) - seen_y) / left
        phi = (
            mean_score if left is None or f is None else (mean_score * (rows or 0) - seen_f) / left
        )
        alive &= (mu >= -1e-12) & (mu <= 1 + 1e-12)
        mu = np.clip(mu, 0.0, 1.0)
        lam = trusts[t]
        gain = y[t] - mu - lam * (scores[t] - phi)
        most_down, most_up = mu + lam * (1 - phi), 1 - mu + lam * phi
        up += np.log1p(np.minimum(bets[t], RISK / np.maximum(most_down, 1e-12)) * gain)
        down += np.log1p(-np.minimum(bets[t], RISK / np.maximum(most_up, 1e-12)) * gain)
        alive &= np.maximum(up, down) < rich
        seen_y, seen_f = seen_y + y[t], seen_f + scores[t]
        lows[t], highs[t] = _ends(theta, alive)
    return Sequence(lows, highs)


def _ends(theta: Floats, alive: Bools) -> tuple[float, float]:
    """The outermost values that live, one step further for the grid; above 1 and below 0 if none does."""
    living = np.flatnonzero(alive)
    if not len(living):
        return 1.0, 0.0
    return float(theta[max(living[0] - 1, 0)]), float(theta[min(living[-1] + 1, GRID - 1)])


def _bets(y: Floats, level: float) -> Floats:
    """b_t = sqrt(2 log(2/alpha) / (v_{t-1} t log(1 + t))), v the regularised variance so far."""
    t = np.arange(1, len(y) + 1)
    mean = (0.5 + np.cumsum(y)) / (t + 1)
    variance = (0.25 + np.cumsum((y - mean) ** 2)) / (t + 1)
    before = np.concatenate([[0.25], variance[:-1]])
    return np.asarray(
        np.sqrt(2 * log(2 / (1 - level)) / (before * t * np.log1p(t))), dtype=np.float64
    )


def _trusts(y: Floats, f: Floats | None) -> Floats:
    """lam_t from the labels before t, renewed when their number has grown by a fifth."""
    trusts = np.zeros(len(y))
    if f is None:
        return trusts
    start = WARM_UP
    while start < len(y):
        end = min(len(y), start + max(1, start // 5))
        trusts[start:end] = fitted_lambda(y[:start], f[:start], np.ones(start))
        start = end
    return trusts
