"""What AI help does to people: an arm minus the arm blind, with its interval (pure).

Symbols: rows (g, x) = one answer of rater g; p1, p0 = the shares of x in the arm and in the arm
blind; the difference is p1 - p0. Answers of one rater are alike, and every rater is in every arm, so
raters are resampled with all their answers in both arms; with few raters (or no spread among the
resamples) answers are taken as independent, which the method then says.
Sources: A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application" (1997), section 3.8;
J. L. Fleiss et al., "Statistical Methods for Rates and Proportions" (3rd ed., 2003), section 4.3.
"""

from collections.abc import Hashable, Sequence
from math import ceil, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.inference import difference_of_proportions
from annotations.measurement.results import Estimate, undefined

Floats = NDArray[np.float64]
# Fewer raters than this are no sample of raters.
MIN_RATERS = 5
MIN_ROWS = 5
# Medians of resamples are dear: beyond this many answers an arm, every so many-th is taken.
MOST_ROWS = 4_000
BY_RATER = "bootstrap by rater"
BY_ANSWER = "bootstrap by answer"
EMPTY = "One of the two arms has no answers."


def difference_of_shares(
    arm: Sequence[tuple[Hashable, bool]], blind: Sequence[tuple[Hashable, bool]], *,
    how: Bootstrap | None = None,
) -> Estimate:  # fmt: skip
    """p1 - p0 and its interval."""
    how = how or Bootstrap()
    k1, k0 = sum(x for _, x in arm), sum(x for _, x in blind)
    independent = difference_of_proportions(k1, len(arm), k0, len(blind), level=how.level)
    raters = sorted({g for g, _ in [*arm, *blind]}, key=repr)
    if not arm or not blind or len(raters) < MIN_RATERS:
        return independent
    counts = np.zeros((len(raters), 4))  # of each rater: right and asked in the arm, then blind
    place = {g: row for row, g in enumerate(raters)}
    for column, rows in ((0, arm), (2, blind)):
        for g, x in rows:
            counts[place[g], column] += x
            counts[place[g], column + 1] += 1
    rng = np.random.default_rng(how.seed)
    weights = rng.multinomial(len(raters), np.full(len(raters), 1 / len(raters)), how.replicates)
    sums = weights @ counts
    whole = (sums[:, 1] > 0) & (sums[:, 3] > 0)
    shifts = sums[whole, 0] / sums[whole, 1] - sums[whole, 2] / sums[whole, 3]
    if len(shifts) < how.replicates * 0.95 or np.ptp(shifts) < 1e-12:
        return independent
    low, high = _ends(shifts, how)
    return Estimate(
        k1 / len(arm) - k0 / len(blind), low, high, len(arm) + len(blind), level=how.level,
        method=BY_RATER,
    )  # fmt: skip


def difference_of_medians(
    arm: Sequence[tuple[Hashable, float]], blind: Sequence[tuple[Hashable, float]], *,
    how: Bootstrap | None = None,
) -> Estimate:  # fmt: skip
    """Median of the arm minus median of blind: of seconds, say."""
    how = how or Bootstrap(replicates=500)
    n = len(arm) + len(blind)
    if min(len(arm), len(blind)) < MIN_ROWS:
        reason = f"Fewer than {MIN_ROWS} answers in one of the two arms."
        return undefined(reason, n=n, method=BY_ANSWER, level=how.level)
    value = float(np.median([x for _, x in arm]) - np.median([x for _, x in blind]))
    raters = sorted({g for g, _ in [*arm, *blind]}, key=repr)
    by_rater = len(raters) >= MIN_RATERS
    shifts = _median_shifts(
        _grouped(arm, raters if by_rater else None),
        _grouped(blind, raters if by_rater else None),
        how,
        together=by_rater,
    )
    low, high = _ends(shifts, how)
    method = BY_RATER if by_rater else BY_ANSWER
    return Estimate(value, low, high, n, level=how.level, method=method)


def _grouped(rows: Sequence[tuple[Hashable, float]], raters: list[Hashable] | None) -> list[Floats]:
    """The values of each rater, in the order of `raters`; without raters each answer is a group."""
    rows = rows[:: -(-len(rows) // MOST_ROWS)]
    if raters is None:
        return [np.array([x]) for _, x in rows]
    values: dict[Hashable, list[float]] = {g: [] for g in raters}
    for g, x in rows:
        values[g].append(x)
    return [np.array(values[g]) for g in raters]


def _median_shifts(
    arm: list[Floats], blind: list[Floats], how: Bootstrap, *, together: bool
) -> Floats:
    """R differences of medians. Raters are drawn once for both arms, answers for each arm apart."""
    rng = np.random.default_rng(how.seed)
    shifts = []
    for _ in range(how.replicates):
        drawn = rng.integers(0, len(arm), len(arm))
        other = drawn if together else rng.integers(0, len(blind), len(blind))
        first = np.concatenate([arm[g] for g in drawn])
        second = np.concatenate([blind[g] for g in other])
        if len(first) and len(second):
            shifts.append(float(np.median(first) - np.median(second)))
    return np.array(shifts)


def _ends(shifts: Floats, how: Bootstrap) -> tuple[float, float]:
    tail = (1 - how.level) / 2
    low, high = np.quantile(shifts, [tail, 1 - tail])
    return float(low), float(high)


def answers_needed(share: float, shift: float, *, power: float = 0.8, level: float = 0.95) -> int:
    """How many answers an arm needs to tell a share from the same share moved by `shift`."""
    return ceil(_needs(share, shift, power, level))


def detectable_shift(
    share: float, n: int, *, power: float = 0.8, level: float = 0.95
) -> float | None:  # fmt: skip
    """The smallest rise of a share that n answers an arm would tell; None if none within 1 is.

    The n of `answers_needed` falls as the shift grows, so the shift is found by halving.
    """
    widest = 1 - share
    if n < 1 or widest <= 0 or answers_needed(share, widest, power=power, level=level) > n:
        return None
    low, high = 0.0, widest
    for _ in range(40):
        middle = (low + high) / 2
        fits = middle > 0 and _needs(share, middle, power, level) <= n
        low, high = (low, middle) if fits else (middle, high)
    return high


def _needs(share: float, shift: float, power: float, level: float) -> float:
    z = NormalDist().inv_cdf((1 + level) / 2) + NormalDist().inv_cdf(power)
    q = share + shift
    return (z * sqrt(share * (1 - share) + q * (1 - q)) / shift) ** 2
