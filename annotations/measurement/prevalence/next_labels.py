"""What would the next k labels buy: how wide the interval would be after them, and where to put them.

The interval is computed as if the new labels came out as the ones so far did: stratum h keeps its
share (k_h + 1/2) / (n_h + 1), so that one without a failure yet is not taken for clean. Two ways of
giving k labels: as so far (in the present proportions), and the best (Neyman's allocation to these
shares, on top of what there is).
Symbols: strata as in `stratified`; k more labels; widths are high - low of the shown interval.
Source: W. G. Cochran, "Sampling Techniques" (3rd ed., 1977), sections 4.7 and 5.5.
"""

from dataclasses import dataclass

import numpy as np

from annotations.measurement.prevalence.evidence import Evidence, Floats
from annotations.measurement.prevalence.strata import Strata
from annotations.measurement.prevalence.stratified import (
    strata_of_draw,
    strata_of_score,
    sum_over_strata,
)

STEPS = (100, 200, 500)


@dataclass(frozen=True)
class Purchase:
    """After k more labels: the width as sampled so far and at best, and the best labels by stratum."""

    labels: int
    width: float
    best_width: float
    best: tuple[int, ...]


@dataclass(frozen=True)
class Outlook:
    """The width now, what more labels would make of it, and each stratum's rows and share so far."""

    width: float
    purchases: tuple[Purchase, ...]
    rows: tuple[int, ...]
    labelled: tuple[int, ...]
    shares: tuple[float, ...]


def outlook(
    evidence: Evidence, *, steps: tuple[int, ...] = STEPS, level: float = 0.95
) -> Outlook | None:
    """What labels would buy; None without a label. Steps beyond the last row end at the last row."""
    if evidence.n == 0:
        return None
    by_draw = strata_of_draw(evidence)
    found = by_draw or strata_of_score(evidence)
    is_drawn = by_draw is not None
    used = found.N[0] > 0
    strata = Strata(*(a[:, used] for a in (found.N, found.n, found.k)))
    N, n, k = strata.N[0], strata.n[0], strata.k[0]
    share = (k + 0.5) / (n + 1)
    purchases = tuple(
        _purchase(strata, share, min(step, int((N - n).sum())), is_drawn, level) for step in steps
    )
    return Outlook(
        _width(strata, share, n, is_drawn, level),
        purchases,
        tuple(round(x) for x in N),
        tuple(round(x) for x in n),
        tuple(float(x) for x in share),
    )


def _purchase(strata: Strata, share: Floats, more: int, is_drawn: bool, level: float) -> Purchase:
    N, n = strata.N[0], strata.n[0]
    as_so_far = np.minimum(N, n + more * n / n.sum())
    best = best_additions(N, n, share, more)
    return Purchase(
        more,
        _width(strata, share, as_so_far, is_drawn, level),
        _width(strata, share, n + best, is_drawn, level),
        tuple(int(x) for x in best),
    )


def best_additions(rows: Floats, n: Floats, share: Floats, more: int) -> Floats:
    """How many of `more` labels each stratum (H,) should get: each where it lowers the variance most."""
    added = np.zeros(len(rows))
    weight = rows * np.sqrt(share * (1 - share))
    for _ in range(more):
        now = n + added
        gain = np.where(now + 1 <= rows, weight / np.sqrt(now * (now + 1)), -1.0)
        if gain.max() <= 0:
            break
        added[gain.argmax()] += 1
    return added


def _width(strata: Strata, share: Floats, n: Floats, is_drawn: bool, level: float) -> float:
    expected = Strata(strata.N, n[None, :], (share * n)[None, :])
    sums = sum_over_strata(expected, is_drawn=is_drawn, level=level)
    return float(sums.high[0] - sums.low[0])
