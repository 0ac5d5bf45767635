"""Drift: when did answers begin to change, told by a CUSUM that knows how hard each case is (pure).

Symbols: x_t in {0, 1} = the t-th answer (wrong, or positive), p_t = its probability while nothing has
changed, R = the odds ratio that is watched for. The log likelihood ratio of a change by R is
    w_t = x_t log R - log(1 - p_t + R p_t),     S_t = max(0, S_{t-1} + w_t),     alarm where S_t >= h,
after which S starts again at 0. R > 1 watches for a rise, R < 1 for a fall; two-sided is both. The change
is dated to the answer after the last S = 0 before the alarm.
h is set so that without a change an alarm comes once in ARL answers on average, by the Markov chain of S
over a grid of M states, with the p_t as they were seen: ARL = the first entry of (I - Q)^-1 1, and for two
sides 1 / ARL = 1 / ARL_up + 1 / ARL_down.
Sources: E. S. Page, Biometrika 41 (1954) 100-115; S. H. Steiner et al., "Monitoring surgical performance
using risk-adjusted cumulative sum charts", Biostatistics 1 (2000) 441-452 (w_t); D. Brook, D. A. Evans,
Biometrika 59 (1972) 539-549 (the chain); C. S. Van Dobben de Bruyn, "Cumulative Sum Tests" (1968) (two
sides); A. Gandy, J. T. Kvaloy, "Guaranteed conditional performance of control charts via bootstrap
methods", Scandinavian J. Statistics 40 (2013) 647-668 (why a baseline from few answers needs a margin).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import beta, norm

Floats = NDArray[np.float64]

ODDS_RATIO = 2.0
# Answers between two false alarms on average: checks are few, first labels many.
ARL_CHECKS, ARL_LABELS = 500.0, 2_000.0
STATES = 100
LEVELS = 8  # the p_t are grouped into so many for the chain
# The baseline's rate is taken at this one-sided limit, so that a lucky start raises no alarm.
MARGIN = 0.80
BASELINE_CHECKS, BASELINE_LABELS = 40, 200
FEWEST_POSITIVES = 10
RIDGE = 1e-3
NEWTON_STEPS = 50


@dataclass(frozen=True)
class Alarm:
    """S reached h at `at`; the change began at `began` (places in the monitored answers)."""

    began: int
    at: int
    is_rise: bool


@dataclass(frozen=True, eq=False)
class Chart:
    """The course of both sums. `skipped` answers came first and made the baseline."""

    rise: Floats
    fall: Floats | None
    limit: float
    arl: float
    skipped: int
    baseline: float
    alarms: tuple[Alarm, ...]
    reason: str | None = None  # why nothing is monitored

    @property
    def is_monitored(self) -> bool:
        return self.reason is None


def watch_share(
    x: Sequence[bool], *, prior: tuple[float, float] = (1.0, 1.0), baseline: int = BASELINE_CHECKS,
    arl: float = ARL_CHECKS,
) -> Chart:  # fmt: skip
    """Whether a share (of wrong answers to checks) has risen above that of the first answers.

    `prior` = Beta(a, b) of the share before any of these answers: of all raters, for one of them.
    """
    if len(x) <= baseline:
        return _silent(len(x), baseline, arl, "checks")
    a, b = prior[0] + sum(x[:baseline]), prior[1] + baseline - sum(x[:baseline])
    usual = float(beta.ppf(MARGIN, a, b))
    p = np.full(len(x) - baseline, usual)
    return watch(np.array(x[baseline:], float), p, arl=arl, skipped=baseline, baseline=usual)


def watch_rate(
    x: Sequence[bool], scores: Sequence[float], *, baseline: int = BASELINE_LABELS,
    arl: float = ARL_LABELS,
) -> Chart:  # fmt: skip
    """Whether answers are oftener, or seldomer, positive at the same predicted score, both ways.

    A change of the case mix moves scores and answers together, and is no alarm: p_t is the logistic
    regression of the first answers on the logit of their scores.
    """
    if len(x) <= baseline:
        return _silent(len(x), baseline, arl, "labels with a score")
    first = np.array(x[:baseline], float)
    if min(first.sum(), baseline - first.sum()) < FEWEST_POSITIVES:
        reason = f"The first {baseline} labels are nearly all alike: no rate to compare with."
        return Chart(np.zeros(0), None, 0.0, arl, baseline, float(first.mean()), (), reason)
    design = np.column_stack([np.ones(len(x)), _logits(scores)])
    weights, covariance = fit_logistic(design[:baseline], first)
    later = design[baseline:]
    margin = norm.ppf(MARGIN) * np.sqrt(((later @ covariance) * later).sum(axis=1))
    rise, fall = (expit(later @ weights + sign * margin) for sign in (1, -1))
    rest, usual = np.array(x[baseline:], float), float(first.mean())
    return watch(rest, rise, fall, arl=arl, skipped=baseline, baseline=usual)


def watch(
    x: Floats, rise: Floats, fall: Floats | None = None, *, odds_ratio: float = ODDS_RATIO,
    arl: float, skipped: int = 0, baseline: float = 0.0,
) -> Chart:  # fmt: skip
    """The chart of answers x (T,) with probabilities (T,) without a change, for the two sides.

    Where these are estimated, each side is given the end of their interval that lies on its way.
    """
    rise = np.clip(rise, 1e-4, 1 - 1e-4)
    h = limit(_mix(rise), odds_ratio, arl, fall is not None)
    up, rises = _course(x, rise, odds_ratio, h)
    alarms = [Alarm(began, at, True) for began, at in rises]
    down = None
    if fall is not None:
        down, falls = _course(x, np.clip(fall, 1e-4, 1 - 1e-4), 1 / odds_ratio, h)
        alarms += [Alarm(began, at, False) for began, at in falls]
    ordered = tuple(sorted(alarms, key=lambda alarm: alarm.at))
    return Chart(up, down, h, arl, skipped, baseline, ordered)


@lru_cache(maxsize=256)
def limit(mix: tuple[float, ...], odds_ratio: float, arl: float, two_sided: bool) -> float:
    """The h with this ARL, by halving; the ARL grows with h."""
    low, high = 0.0, 15.0
    for _ in range(30):
        middle = (low + high) / 2
        up = run_length(mix, odds_ratio, middle)
        rate = 1 / up + (1 / run_length(mix, 1 / odds_ratio, middle) if two_sided else 0.0)
        low, high = (middle, high) if 1 / rate < arl else (low, middle)
    return (low + high) / 2


def run_length(mix: Sequence[float], odds_ratio: float, h: float, *, shift: float = 1.0) -> float:
    """Answers to an alarm on average, from S = 0, over equally frequent p; odds moved by `shift`.

    A sum between two of the M states is at both, in proportion: its mean is kept.
    """
    width = h / (STATES - 1)
    places = np.arange(STATES) * width  # (M,)
    q = np.zeros((STATES, STATES))
    rows = np.arange(STATES)
    for p in mix:
        cost = np.log1p(p * (odds_ratio - 1))
        true = p * shift / (1 - p + p * shift)
        for jump, chance in ((np.log(odds_ratio) - cost, true), (-cost, 1 - true)):
            to = np.maximum(places + jump, 0.0)
            stays = to < h - 1e-9
            cell = np.minimum((to / width).astype(np.int64), STATES - 2)
            above = to / width - cell
            weight = stays * chance / len(mix)
            np.add.at(q, (rows, cell), weight * (1 - above))
            np.add.at(q, (rows, cell + 1), weight * above)
    return float(np.linalg.solve(np.eye(STATES) - q, np.ones(STATES))[0])


def fit_logistic(design: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Weights (K,) of a logistic regression on design (N, K), and their covariance (K, K).

    Newton's method with a slight ridge, so that separable answers end too.
    """
    w = np.zeros(design.shape[1])
    for _ in range(NEWTON_STEPS):
        p = expit(design @ w)
        gradient = design.T @ (y - p) - RIDGE * w
        hessian = (design * (p * (1 - p))[:, None]).T @ design + RIDGE * np.eye(len(w))
        step = np.linalg.solve(hessian, gradient)
        w = w + np.clip(step, -2.0, 2.0)
        if np.abs(step).max() < 1e-8:
            break
    return w, np.linalg.inv(hessian)


def _course(x: Floats, p: Floats, odds: float, h: float) -> tuple[Floats, list[tuple[int, int]]]:
    """S_t (T,), and (began, at) of each alarm; the value at an alarm stands, then S starts again."""
    steps = x * np.log(odds) - np.log1p(p * (odds - 1))
    sums, alarms, s, began = np.zeros(len(x)), [], 0.0, 0
    for t, step in enumerate(steps):
        s = max(0.0, s + step)
        sums[t] = s
        if s == 0.0:
            began = t + 1
        elif s >= h:
            alarms.append((began, t))
            s, began = 0.0, t + 1
    return sums, alarms


def _mix(p: Floats) -> tuple[float, ...]:
    """The p_t as a few equally frequent ones, rounded so that a chain is solved once for many series."""
    parts = np.array_split(np.sort(p), min(LEVELS, len(p)))
    return tuple(round(float(part.mean()), 3) for part in parts)


def _logits(scores: Sequence[float]) -> Floats:
    found: Floats = logit(np.clip(np.array(scores, float), 0.01, 0.99))
    return found


def _silent(n: int, baseline: int, arl: float, what: str) -> Chart:
    reason = f"{n:,} {what} so far: the first {baseline} make the baseline, then it is watched."
    return Chart(np.zeros(0), None, 0.0, arl, n, 0.0, (), reason)
