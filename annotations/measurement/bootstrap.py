"""The exact bootstrap over items: weights times contributions, for every agreement coefficient.

Every coefficient is a function of sums over items, so resampling N items with replacement is
drawing how often each item occurs. Items with the same count row are one pattern, and how often a
pattern occurs in a resample is multinomial(N, share of the pattern): exactly that of drawing rows.
Symbols: P patterns, V values, R resamples; weights w (R, P) = how often resample r has pattern p.
Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 6 and 13.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.measurement.counts import ValueCounts

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]  # weights (R, P) -> values (R,), NaN where undefined

# Weights in memory at a time: 4 million doubles are 32 MB, whatever the number of items.
CHUNK = 4_000_000
# With more undefined resamples than this an interval would speak of the lucky ones only.
MAX_UNDEFINED_SHARE = 0.05
SAME = 1e-12


@dataclass(frozen=True, eq=False)
class Patterns:
    """The different count rows (P, V) of a set of items, and how many items have each (P,)."""

    counts: Floats
    multiplicity: NDArray[np.int64]


@dataclass(frozen=True)
class Bootstrap:
    """How to resample: how often, from which seed, and for which confidence."""

    replicates: int = 1_000
    seed: int = 0
    level: float = 0.95


@dataclass(frozen=True)
class Interval:
    """Both ends, or None twice with the reason."""

    low: float | None
    high: float | None
    reason: str | None = None


def collapse(counts: ValueCounts) -> Patterns:
    """Items with equal count rows as one pattern; items without labels are left out."""
    rows = counts.matrix[counts.matrix.sum(axis=1) > 0]
    if not len(rows):
        return Patterns(np.zeros((0, len(counts.values))), np.zeros(0, dtype=np.int64))
    patterns, multiplicity = np.unique(rows, axis=0, return_counts=True)
    return Patterns(patterns.astype(np.float64), multiplicity.astype(np.int64))


def resample(patterns: Patterns, how: Bootstrap) -> Iterator[Floats]:
    """Weights of all resamples, in chunks (r, P) of R rows in all; chunking changes no number."""
    rng = np.random.default_rng(how.seed)
    n = int(patterns.multiplicity.sum())
    share = patterns.multiplicity / n
    step = max(1, CHUNK // len(share))
    for start in range(0, how.replicates, step):
        yield rng.multinomial(n, share, size=min(step, how.replicates - start)).astype(np.float64)


def replicate(
    patterns: Patterns, statistics: dict[str, Statistic], how: Bootstrap
) -> dict[str, Floats]:
    """Every statistic on the same resamples: name -> (R,)."""
    chunks: dict[str, list[Floats]] = {name: [np.zeros(0)] for name in statistics}
    for weights in resample(patterns, how):
        for name, statistic in statistics.items():
            chunks[name].append(statistic(weights))
    return {name: np.concatenate(parts) for name, parts in chunks.items()}


def percentile_interval(values: Floats, *, point: float, n: int, level: float) -> Interval:
    """The central `level` share of the replicates, or why they show no uncertainty."""
    defined = values[np.isfinite(values)]
    undefined_share = 1 - len(defined) / len(values) if len(values) else 1.0
    if undefined_share > MAX_UNDEFINED_SHARE:
        return Interval(
            None,
            None,
            f"In {undefined_share:.0%} of the resamples the coefficient is undefined: "
            "too few items, or too few labels that differ, for an interval.",
        )
    if np.ptp(defined) < SAME:
        return Interval(None, None, _why_no_spread(point, n=n, level=level))
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _why_no_spread(point: float, *, n: int, level: float) -> str:
    if abs(point - 1) < SAME:
        split = 1 - (1 - level) ** (1 / n)
        return (
            f"No disagreement among {n:,} items, so resampling them shows no uncertainty; "
            f"up to {split:.1%} of such items could still be split (one-sided {level:.0%} limit)."
        )
    return f"Every resample of the {n:,} items gives the same value: they show no uncertainty."
