"""Which groups differ in how common a failure is: targets, rounds, categories, all at once.

Where two groups were asked the same items, pairs of labels are compared; else the figures that are
shown of each. The more is compared the more differs by chance, so every difference has a q value
over all that are compared.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist

from annotations.measurement.prevalence.differences import Comparison, compare, with_q_values
from annotations.measurement.results import Estimate, undefined
from annotations.prevalence import Group

BY_INTERVALS = "difference of the shown figures, square-and-add interval"
NO_FIGURE = "One of the two has no figure with an interval."
# Pairs are compared item by item where the smaller group shares at least this part of its items.
MOSTLY_SHARED = 0.5
MOST_PAIRED = 8  # more groups than this are each compared with the largest alone


def compare_groups(
    groups: Sequence[Group], *, endless: bool = False
) -> tuple[tuple[Comparison, ...], str]:
    """Each group with each; of many each with the one that has most labels, whose name comes second."""
    known = [group for group in groups if group.figures.shown.low is not None]
    if len(known) <= MOST_PAIRED:
        pairs = [(a, b) for n, a in enumerate(known) for b in known[n + 1 :]]
        return with_q_values([_compared(a, b, endless=endless) for a, b in pairs]), ""
    largest = max(known, key=lambda group: group.tally.used)
    others = [group for group in known if group is not largest]
    found = [_compared(group, largest, endless=endless) for group in others]
    return with_q_values(found), largest.label


def _compared(a: Group, b: Group, *, endless: bool) -> Comparison:
    if endless or not (a.is_counted and b.is_counted):
        shared = len(a.items.keys() & b.items.keys())
        if shared and shared >= MOSTLY_SHARED * min(len(a.items), len(b.items)):
            return compare(a.items, b.items, names=(a.label, b.label))
    difference = difference_of(a.figures.shown, b.figures.shown)
    return Comparison(a.label, b.label, difference, p_value_of(difference), None, is_paired=False)


def difference_of(a: Estimate, b: Estimate, *, level: float = 0.95) -> Estimate:
    """a - b of different cases: the distances of the ends add in squares.

    Source: G. Y. Zou, A. Donner (2008), Statistics in Medicine 27: 1693-1702 (MOVER).
    """
    n = a.n + b.n
    if a.value is None or a.low is None or a.high is None:
        return undefined(NO_FIGURE, n=n, method=BY_INTERVALS, level=level)
    if b.value is None or b.low is None or b.high is None:
        return undefined(NO_FIGURE, n=n, method=BY_INTERVALS, level=level)
    value = a.value - b.value
    low = value - sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    high = value + sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return Estimate(value, max(low, -1.0), min(high, 1.0), n, level=level, method=BY_INTERVALS)


def p_value_of(difference: Estimate) -> float | None:
    """Under level exactly where the interval leaves 0 out; None where nothing is estimated."""
    value, low, high = difference.value, difference.low, difference.high
    if value is None or low is None or high is None or low == high:
        return None
    z = NormalDist().inv_cdf((1 + difference.level) / 2)
    side = value - low if value > 0 else high - value
    return 2 * NormalDist().cdf(-z * abs(value) / side) if side > 0 else 0.0
