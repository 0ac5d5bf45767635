"""Did the retrained target get better? Two revisions on the families that both were judged on.

Symbols: for family f, a_f and b_f the share of its cases in which the later and the earlier revision
failed; the difference is the mean of a_f - b_f over the F shared families. Its interval is of percentiles
over draws of whole families, since the variants of a seed are alike; where all a_f - b_f are the same it
is Newcombe's for the pooled counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from annotations.measurement.inference import difference_of_proportions, proportion
from annotations.measurement.results import Estimate, undefined

LEAST_FAMILIES = 5
REPLICATES = 2_000
METHOD = "mean over shared families, percentiles of draws of families"

Counts = Mapping[str, tuple[int, int]]  # family -> failures, cases


@dataclass(frozen=True)
class RevisionChange:
    """Failure rates on the shared families, and later minus earlier: below 0 is better."""

    families: int
    before: Estimate
    after: Estimate
    difference: Estimate


def compare_revisions(before: Counts, after: Counts, *, seed: int = 0) -> RevisionChange:
    """On the families of both; the difference is undefined for fewer than `LEAST_FAMILIES`."""
    shared = sorted(f for f in before.keys() & after.keys() if before[f][1] and after[f][1])
    old, new = (
        np.array([counts[f] for f in shared], dtype=np.int64).reshape(-1, 2)
        for counts in (before, after)
    )
    (k1, n1), (k0, n0) = new.sum(axis=0), old.sum(axis=0)
    return RevisionChange(
        len(shared),
        proportion(int(k0), int(n0)),
        proportion(int(k1), int(n1)),
        _difference(old, new, (int(k1), int(n1), int(k0), int(n0)), seed),
    )


def _difference(
    old: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    new: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    pooled: tuple[int, int, int, int],
    seed: int,
) -> Estimate:
    if len(old) < LEAST_FAMILIES:
        return undefined(
            f"{len(old)} families have gold of both revisions, {LEAST_FAMILIES} are needed.",
            n=len(old), method=METHOD,
        )  # fmt: skip
    d = new[:, 0] / new[:, 1] - old[:, 0] / old[:, 1]
    if np.ptp(d) == 0:
        flat = difference_of_proportions(*pooled)
        low, high = flat.low, flat.high
    else:
        drawn = np.random.default_rng(seed).integers(len(d), size=(REPLICATES, len(d)))
        low, high = (float(one) for one in np.quantile(d[drawn].mean(axis=1), (0.025, 0.975)))
    return Estimate(float(d.mean()), low, high, len(d), method=METHOD)
