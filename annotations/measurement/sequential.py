"""Evidence that an arm harms, which may be looked at after every answer (pure).

An e-process is a bet against "no harm": it starts at 1, and where there is no harm it is expected never
to grow, so that it ever reaches 1 / alpha with probability at most alpha, however often one looks
(Ville's inequality). Means of e-processes are e-processes, so evidence of several kinds is averaged.

Arms against blind: rows (helped, y) in the order in which y became known, y = 1 for an answer that is
wrong (or departs from another's). The arm is drawn by a keyed hash for each (rater, case), so if the help
changes no answer, then within a block of B rows with a helped ones, and with e ones among the y, the
number X of helped ones with y = 1 is hypergeometric(B, e, a), whatever the raters and items are like:
    E_block = w^X / sum_x w^x P(x),   w = the odds ratio that is bet on.
Tolerated share: x_t = 1 where a planted, wrong answer was taken over. With p <= p0 on average,
    E_t = prod_s exp(l x_s) / (1 - p0 + p0 exp(l)),   l = logit(q) - logit(p0).
Both are mixed with equal weights over the odds ratios w, and over the shares q, that are bet on.
Sources: J. Ville (1939); J. ter Schure et al., "The anytime-valid logrank test", New England J. Statistics
in Data Science 2 (2024) 190-214 (bets on who of a risk set it is; ours bets on how many of a block);
S. R. Howard et al., "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of
Statistics 49 (2021) 1055-1080 (sub-Bernoulli, also where p_t varies).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import hypergeom

Floats = NDArray[np.float64]

ALPHA = 0.05
BLOCK = 20
ODDS = (1.5, 2.0, 3.0, 5.0, 8.0)
# Of planted, wrong answers that contradict the own one, so many are taken over without harm.
TOLERATED = 0.10
SHARES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Step:
    """The evidence of one process from this moment on (natural logarithm)."""

    at: datetime
    log_e: float


@dataclass(frozen=True)
class Process:
    """One kind of evidence: its steps in order, and how many answers it rests on."""

    name: str
    steps: tuple[Step, ...]
    n: int

    @property
    def e(self) -> float:
        return float(np.exp(self.steps[-1].log_e)) if self.steps else 1.0


@dataclass(frozen=True)
class Evidence:
    """The mean of all evidence now, at its peak, and when it first reached what is needed."""

    e: float
    peak: float
    needed: float
    crossed_at: datetime | None
    processes: tuple[Process, ...]

    @property
    def harms(self) -> bool:
        return self.crossed_at is not None


def against_blind(
    name: str, rows: Sequence[tuple[datetime, bool, bool]], *, size: int = BLOCK
) -> Process:
    """Rows (known at, helped, y), oldest first; an unfinished block says nothing yet."""
    logs, steps = np.zeros(len(ODDS)), []
    for start in range(0, len(rows) - size + 1, size):
        block = rows[start : start + size]
        helped = sum(h for _, h, _ in block)
        errors = sum(y for _, _, y in block)
        hit = sum(h and y for _, h, y in block)
        if not 0 < helped < size or not 0 < errors < size:
            continue  # such a block can't tell: its factor is 1
        logs = logs + _block_logs(hit, errors, helped, size)
        steps.append(Step(block[-1][0], float(_mixed(logs[None, :])[0])))
    return Process(name, tuple(steps), len(rows))


def above_tolerated(
    name: str, rows: Sequence[tuple[datetime, bool]], *, tolerated: float = TOLERATED
) -> Process:
    """Rows (known at, taken over), oldest first: against a share of at most `tolerated`."""
    bets = np.array(SHARES)
    slopes = np.log(bets / (1 - bets)) - np.log(tolerated / (1 - tolerated))
    costs = np.log1p(tolerated * np.expm1(slopes))
    taken = np.array([x for _, x in rows], float)
    logs = np.cumsum(taken[:, None] * slopes[None, :] - costs[None, :], axis=0)  # (T, K)
    steps = zip((at for at, _ in rows), _mixed(logs), strict=True)
    return Process(name, tuple(Step(at, float(log_e)) for at, log_e in steps), len(rows))


def combine(processes: Sequence[Process], *, arms: int, alpha: float = ALPHA) -> Evidence:
    """The mean of the processes against arms / alpha: over all arms together one error in 1 / alpha."""
    needed = arms / alpha
    current = dict.fromkeys(range(len(processes)), 1.0)
    moves = sorted(
        (step.at, place, step.log_e)
        for place, process in enumerate(processes)
        for step in process.steps
    )
    e, peak, crossed_at = 1.0, 1.0, None
    for at, place, log_e in moves:
        current[place] = float(np.exp(min(log_e, 700.0)))
        e = sum(current.values()) / len(current)
        peak = max(peak, e)
        if crossed_at is None and e >= needed:
            crossed_at = at
    return Evidence(e, peak, needed, crossed_at, tuple(processes))


@lru_cache(maxsize=4_096)
def _block_logs(hit: int, errors: int, helped: int, size: int) -> Floats:
    """log E of one block for each odds ratio (K,)."""
    x = np.arange(max(0, errors + helped - size), min(errors, helped) + 1)
    log_null = hypergeom.logpmf(x, size, errors, helped)  # (X,)
    log_odds = np.log(np.array(ODDS))
    totals = logsumexp(log_null[None, :] + log_odds[:, None] * x[None, :], axis=1)
    logs: Floats = log_odds * hit - totals
    return logs


def _mixed(logs: Floats) -> Floats:
    """The logarithm of the mean over the bets: (T, K) -> (T,)."""
    if not len(logs):
        return np.zeros(0)
    top = logs.max(axis=1)
    mixed: Floats = top + np.log(np.mean(np.exp(logs - top[:, None]), axis=1))
    return mixed
