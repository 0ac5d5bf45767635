"""Strata by a judge's score: where to cut, how much falls into each, and which are too small to use.

Symbols: B distinct scores f_b; N_b rows, n_b labels and k_b failures at each; H strata.
Strata are cut so that each holds the same part of the sum of sqrt(p (1 - p)), with p the score moved
away from 0 and 1 by CAUTION / n: a judge that is sure is believed no further than n labels could
confirm. Under Neyman's allocation strata so cut get about the same number of labels. Which stratum a
row is in depends on scores alone, never on labels.
Sources: T. Dalenius, J. L. Hodges (1959), "Minimum variance stratification", JASA 54: 88-101;
J. Neyman (1934), JRSS 97: 558-625; A. Fisch et al. (2024), "Stratified prediction-powered inference
for hybrid language model evaluation", arXiv 2406.04291.
Arrays are (R, B) and (R, H): R data sets at once for the simulation of coverage, one in the product.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CAUTION = 3.0
# Fewer labels than this say too little of a stratum: it joins its neighbour.
LEAST_LABELS = 5


@dataclass(frozen=True, eq=False)
class Strata:
    """Of each stratum: its rows N, labels n and failures k among these, all (R, H)."""

    N: Floats
    n: Floats
    k: Floats


def strata_for(n: int) -> int:
    """Into how many strata n labels of a plain random draw are grouped, by the simulation of coverage."""
    if n < 20:
        return 1
    return 3 if n < 150 else 4 if n < 400 else 6


def strata_to_draw(n: int) -> int:
    """From how many strata n labels are drawn: about twenty from each, at most ten strata."""
    return min(max(n // 20, 3), 10) if n >= 20 else 1


def spread(scores: Floats, n: int) -> Floats:
    """sqrt(p (1 - p)) of each score, p moved away from 0 and 1 by CAUTION / n: what labels must settle."""
    c = CAUTION / max(n, 1)
    return np.asarray(np.sqrt((scores + c) * (1 - scores + c)), dtype=np.float64)


def cut(scores: Floats, rows: Floats, n: int, parts: int) -> Ints:
    """The stratum (R, B), 0 to parts - 1, of each of the rising scores (B,) that rows (R, B) have."""
    mass = rows * spread(scores, n)
    total = np.maximum(mass.sum(axis=1, keepdims=True), 1e-300)
    middle = (np.cumsum(mass, axis=1) - mass / 2) / total
    return np.asarray(np.minimum((middle * parts).astype(np.int64), parts - 1), dtype=np.int64)


def tally(stratum: Ints, parts: int, *counts: Floats) -> list[Floats]:
    """Each of the counts (R, B) summed by stratum, (R, parts)."""
    R, B = stratum.shape
    place = (stratum + np.arange(R)[:, None] * parts).ravel()
    return [
        np.bincount(place, weights=np.broadcast_to(c, (R, B)).ravel(), minlength=R * parts)
        .reshape(R, parts)
        .astype(np.float64)
        for c in counts
    ]


def merge_small(strata: Strata) -> Strata:
    """Strata with fewer than LEAST_LABELS join the one below, at the lowest the one above."""
    N, n, k = strata.N.copy(), strata.n.copy(), strata.k.copy()
    H = N.shape[1]
    steps = [(h, h - 1) for h in range(H - 1, 0, -1)] + [(h, h + 1) for h in range(H - 1)]
    for source, into in steps:
        small = n[:, source] < LEAST_LABELS
        for a in (N, n, k):
            a[:, into] += np.where(small, a[:, source], 0.0)
            a[:, source] = np.where(small, 0.0, a[:, source])
    return Strata(N, n, k)
