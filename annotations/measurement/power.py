"""What these numbers of answers could tell, and how many more it would take (pure).

Symbols: p0 = the share in the arm blind, d = the shift, p1 = p0 + d, n1 and n0 = answers in the arm and
in the arm blind, z = the sum of the normal quantiles of (1 + level) / 2 and of the power. The shift d is
told with that power where
    d^2 >= z^2 (p1 (1 - p1) / n1 + p0 (1 - p0) / n0).
With clustered answers n is n / deff (see crossed.py).
Source: J. L. Fleiss, B. Levin, M. C. Paik, "Statistical Methods for Rates and Proportions" (3rd ed.,
2003), section 4.3, without the continuity correction: 1,374 answers an arm for 5 points at 30 %, 3,760
for 3 points.
"""

from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

POWER = 0.8
LEVEL = 0.95
POINTS = (0.03, 0.05, 0.10)


@dataclass(frozen=True)
class Needed:
    """To tell a shift: answers that each arm needs in all, and how many this arm still lacks."""

    shift: float
    answers: int
    lacking: int


@dataclass(frozen=True)
class Reach:
    """What an arm's answers can tell now: the smallest shift (None: none at all), and what is lacking."""

    share: float
    n: int
    n_blind: int
    design_effect: float
    detectable: float | None
    needed: tuple[Needed, ...]


def answers_needed(
    share: float, shift: float, *, power: float = POWER, level: float = LEVEL
) -> int:
    """How many answers an arm needs to tell a share from the same share moved by `shift`."""
    return ceil(_needs(share, shift, power, level))


def detectable_shift(
    share: float, n: float, n_blind: float | None = None, *, power: float = POWER,
    level: float = LEVEL,
) -> float | None:  # fmt: skip
    """The smallest rise of a share that n answers, against n_blind, would tell; None if none is.

    Whether a shift is told is monotone in it as far as it matters, so it is found by halving.
    """
    n_blind = n if n_blind is None else n_blind
    widest = 1 - share
    if min(n, n_blind) < 1 or widest <= 0 or not _tells(share, widest, n, n_blind, power, level):
        return None
    low, high = 0.0, widest
    for _ in range(40):
        middle = (low + high) / 2
        told = _tells(share, middle, n, n_blind, power, level)
        low, high = (low, middle) if told else (middle, high)
    return high


def reach(
    share: float, n: int, n_blind: int, *, design_effect: float = 1.0, power: float = POWER,
    level: float = LEVEL,
) -> Reach:  # fmt: skip
    """What an arm can tell now, and what it lacks for 3, 5 and 10 points."""
    effect = max(design_effect, 1.0)  # a lucky design effect promises nothing
    needed = []
    for shift in POINTS:
        if share + shift > 1:
            continue
        answers = ceil(effect * _needs(share, shift, power, level))
        needed.append(Needed(shift, answers, max(answers - min(n, n_blind), 0)))
    smallest = detectable_shift(share, n / effect, n_blind / effect, power=power, level=level)
    return Reach(share, n, n_blind, effect, smallest, tuple(needed))


def _tells(p0: float, d: float, n1: float, n0: float, power: float, level: float) -> bool:
    p1 = p0 + d
    spread = p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
    return d >= _z(power, level) * sqrt(max(spread, 0.0))


def _needs(share: float, shift: float, power: float, level: float) -> float:
    q = share + shift
    return (_z(power, level) * sqrt(share * (1 - share) + q * (1 - q)) / shift) ** 2


def _z(power: float, level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2) + NormalDist().inv_cdf(power)
