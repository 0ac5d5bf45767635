"""Who is worth asking next: information a minute, what a budget buys, which dispute comes first.

Symbols, for one question: p (K,) = the belief over its answers (posterior.py); Theta (K, K) = the
confusion matrix of whoever would answer, Theta[t, a] = P(says a | t is true); H = entropy in bits.
    information  I(t; a) = H(p Theta) - sum_t p_t H(Theta_t)    what one more answer would tell
    rate         I / s * 60                                     bits a minute, s = the case's seconds
    price        the rate of the first case that a budget leaves out: under it nobody is asked
Theta is taken to the power tau as the belief is, so that an answer is not expected to tell more than
it will be counted for.
Sources: D. V. Lindley (1956), "On a measure of the information provided by an experiment", Ann. Math.
Stat. 27: 986-1005; V. S. Sheng, F. Provost, P. Ipeirotis (2008), "Get another label?", KDD; G. B.
Dantzig (1957), Oper. Res. 5: 266-288 (by ratio until the budget is spent).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log1p

import numpy as np
import numpy.typing as npt

from annotations.measurement.posterior import Model

Floats = npt.NDArray[np.float64]

USUAL_SECONDS = 60.0  # of a case, before any sheet is timed
LONG_ENOUGH, LEAST_SECONDS, MOST_SECONDS = 20, 5.0, 1_800.0
GROUP_WORTH, SLOPE_WORTH = 10.0, 10.0  # timed sheets that "no difference" is worth
NEXT_OF_FAMILY, MOST_OF_FAMILY, GAP = 0.25, 4, 0.5
MOST_SEVERE = 4


# ---- what one more answer would tell


def entropy(p: Floats) -> Floats:
    """H (...,) in bits of the distributions on the last axis of p (..., K)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(-np.where(p > 0, p * np.log2(p), 0.0).sum(-1), dtype=np.float64)


def information(p: Floats, theta: Floats, *, tau: float = 1.0) -> float:
    """I(t; a) in bits: the mutual information of the truth and one more answer."""
    soft = theta**tau
    soft /= soft.sum(1, keepdims=True)
    told = entropy(p @ soft) - p @ entropy(soft)
    return max(0.0, float(told))


def who_tells_most(
    model: Model, p: Floats, raters: Sequence[Hashable]
) -> list[tuple[Hashable, float]]:
    """(rater, bits of an answer) for each, the most telling first. To be read, not to bar anybody."""
    told = [(rater, information(p, model.of(rater), tau=model.tau)) for rater in raters]
    return sorted(told, key=lambda one: -one[1])


def rate(bits: float, seconds: float) -> float:
    """Bits a minute."""
    return bits * 60 / seconds


# ---- how long a case takes


@dataclass(frozen=True)
class Timed:
    """One sheet with a known time: how long its case's text is, and of which category."""

    length: int
    category: str
    seconds: float


@dataclass(frozen=True)
class Pace:
    """Seconds a case is expected to take: log s = base + slope (log(1 + length) - middle) + category."""

    base: float = float(np.log(USUAL_SECONDS))
    slope: float = 0.0
    middle: float = 0.0
    by_category: Mapping[str, float] = field(default_factory=dict)
    n: int = 0

    def of(self, *, length: int, category: str) -> float:
        """Seconds, between LEAST_SECONDS and MOST_SECONDS."""
        log_s = self.base + self.slope * (log1p(length) - self.middle)
        log_s += self.by_category.get(category, 0.0)
        return float(np.clip(np.exp(log_s), LEAST_SECONDS, MOST_SECONDS))


def pace_of(timed: Sequence[Timed]) -> Pace:
    """Least squares on log seconds, shrunk to no difference; the usual time under LONG_ENOUGH sheets."""
    if len(timed) < LONG_ENOUGH:
        return Pace(n=len(timed))
    y = np.log(np.clip([one.seconds for one in timed], LEAST_SECONDS, MOST_SECONDS))
    x = np.array([log1p(one.length) for one in timed])
    base, middle = float(np.median(y)), float(x.mean())
    dx = x - middle
    slope = float((dx * (y - base)).sum() / ((dx**2).sum() + SLOPE_WORTH))
    rest = y - base - slope * dx
    of_category: dict[str, list[float]] = {}
    for one, more in zip(timed, rest, strict=True):
        of_category.setdefault(one.category, []).append(float(more))
    by_category = {name: sum(r) / (len(r) + GROUP_WORTH) for name, r in of_category.items()}
    return Pace(base, slope, middle, by_category, len(timed))


# ---- what a budget buys


@dataclass(frozen=True)
class Allotment:
    """Which of the wishes fit into the budget, the best first, and the price of what does not."""

    chosen: tuple[int, ...]
    price: float  # 0: everything fits; inf: nothing does
    spent: float


def allot(rates: Sequence[float], costs: Sequence[float], budget: float) -> Allotment:
    """By rate, the highest first, as long as the budget lasts; a wish that costs too much ends it."""
    chosen: list[int] = []
    spent = 0.0
    for n in sorted(range(len(rates)), key=lambda n: -rates[n]):
        if spent + costs[n] > budget:
            return Allotment(tuple(chosen), rates[n] if chosen else float("inf"), spent)
        chosen.append(n)
        spent += costs[n]
    return Allotment(tuple(chosen), 0.0 if budget > spent or chosen else float("inf"), spent)


# ---- which dispute comes first


@dataclass(frozen=True)
class Dispute:
    """What is known of a case that waits for an adjudicator."""

    severity: int | None  # the worst that was said or foreseen, 0-4
    uncertainty: float  # H of the most open question, in bits
    family: int  # other cases of its family that wait as well
    gaps: int  # raters who say that the guideline does not cover it


def worth(dispute: Dispute) -> float:
    """How early it comes: (1 + severity) / 5 * uncertainty * (1 + unlocked).

    severity 2 where nothing is known; unlocked = a quarter for each other waiting case of the family,
    at most four, and a half where a gap in the guideline was flagged: such a decision settles more
    than its own case.
    """
    severity = 2 if dispute.severity is None else min(max(dispute.severity, 0), MOST_SEVERE)
    unlocked = NEXT_OF_FAMILY * min(dispute.family, MOST_OF_FAMILY) + GAP * (dispute.gaps > 0)
    return (1 + severity) / (1 + MOST_SEVERE) * dispute.uncertainty * (1 + unlocked)


def why(dispute: Dispute, *, with_severity: bool) -> str:
    """The parts in words; the severity that others saw only for those who may know it."""
    parts = [_how_open(dispute.uncertainty)]
    if dispute.family:
        more = "another case" if dispute.family == 1 else f"{dispute.family} other cases"
        parts.append(f"{more} of its family wait{'s' if dispute.family == 1 else ''} too")
    if dispute.gaps:
        who = "a rater" if dispute.gaps == 1 else f"{dispute.gaps} raters"
        parts.append(f"a gap in the guideline, say{'s' if dispute.gaps == 1 else ''} {who}")
    if with_severity:
        parts.append(
            "severity not known" if dispute.severity is None else f"severity {dispute.severity}"
        )
    return "; ".join(parts)


def _how_open(bits: float) -> str:
    return "wide open" if bits >= 0.9 else "open" if bits >= 0.5 else "nearly clear"
