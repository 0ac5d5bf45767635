"""From which probability a case is positive, and whether that is a promise: for the ensemble.

The bound is that of split conformal prediction (Vovk et al. 2005): with n negatives that the scores
were not fitted to, the chance that a new negative lies at or above t is at most
(1 + negatives at or above t) / (1 + n).
"""

from dataclasses import dataclass

import numpy as np

from campaigns.judging.linear import Bools, Floats


@dataclass(frozen=True)
class Threshold:
    """From which probability a case is positive, by which rule, and whether that is promised."""

    value: float
    rule: str  # "bound" or "cost"
    stated: float
    promised: bool
    reason: str = ""


def threshold_by_bound(p: Floats, y: Bools, *, bound: float) -> Threshold:
    """The lowest t with (1 + negatives at or above t) / (1 + negatives) <= bound.

    p (N,) probabilities that are not fitted to the cases, nan where there is none; y (N,).
    """
    negatives = np.sort(p[~y & ~np.isnan(p)])[::-1]
    allowed = int(np.floor(bound * (len(negatives) + 1) + 1e-9)) - 1
    if allowed < 0:
        least = int(np.ceil(1 / bound - 1e-9)) - 1
        reason = (
            f"Only {len(negatives)} scored negative gold cases: a bound of {bound:.0%} on "
            f"over-blocking needs at least {least}."
        )
        return Threshold(_just_above(negatives, 0), "bound", bound, promised=False, reason=reason)
    return Threshold(_just_above(negatives, allowed), "bound", bound, promised=True)


def threshold_by_cost(cost: float) -> Threshold:
    """t = 1 / (1 + cost): the least expected cost where the probabilities are calibrated.

    `cost` says how many over-blocked cases one evasion is worth.
    """
    return Threshold(1 / (1 + cost), "cost", cost, promised=True)


def _just_above(descending: Floats, index: int) -> float:
    """The lowest number above the value at `index` of a descending array; 0 past its end."""
    return float(np.nextafter(descending[index], 2.0)) if index < len(descending) else 0.0
