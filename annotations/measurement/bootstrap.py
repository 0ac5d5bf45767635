"""The exact bootstrap over items: weights times contributions, for every agreement coefficient.

Every coefficient is a function of sums over items, so resampling N items with replacement is
drawing how often each item occurs, w ~ multinomial(N; 1/N, ..., 1/N), and the sums are w times what
each item adds (`contributions.py`). Items with the same counts are one pattern, which occurs
multinomial(N, its share) times: exactly what drawing rows gives.
Where nearly every item is its own pattern, w is drawn as independent Poisson counts of a mean
slightly under 1, four of them from 16 random bits (more bits decide where 16 leave two answers),
and is topped up to N with single draws: given their sum, Poisson counts are multinomial, so this too
is exact. It costs a fifth of drawing N indices.
Symbols: N items, P patterns, K columns of sums, R resamples; w (R, P).
Sources: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapters 6 and 13;
L. Devroye, "Non-Uniform Random Variate Generation" (1986), chapters II.2 and XI.1 (both steps).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson
from threadpoolctl import ThreadpoolController

from annotations.measurement.contributions import (
    Floats,
    Layout,
    Patterns,
    Scoring,
    Sums,
    tally,
)

# Patterns a strip at a time: from, up to, what each adds.
Strips = Callable[[], Iterator[tuple[int, int, NDArray[Any]]]]

# Resamples drawn at a time, each set from its own stream, so that threads change no number; fewer
# where their weights would fill more than 32 MB.
SET = 128
SET_ENTRIES = 32_000_000
# Entries of w, or of contributions, in memory at a time: 4 million doubles are 32 MB.
CHUNK = 4_000_000
# Items multiplied at a time: w and the contributions of so many stay in the processor's cache.
STRIP = 2_048
# With fewer items than this numpy's own multinomial is faster than Poisson counts.
WORTH_POISSON = 500
# From this much work on (entries of w in all) threads pay, and products in single precision: with so
# many items sums are good to 7 digits, and the ends of an interval move by less than 1e-6.
WORTH_THREADS = 20_000_000
# With more undefined resamples than this an interval would speak of the lucky ones only.
MAX_UNDEFINED_SHARE = 0.05
SAME = 1e-12

# Four Poisson counts from one number of 16 bits; no count of mean 1 exceeds 17 but once in 10^16.
GROUP = 4
MOST = 18
CELLS = 1 << 16
UNDECIDED = np.iinfo(np.uint32).max


@dataclass(frozen=True)
class Bootstrap:
    """How to resample: how often, from which seed, and for which confidence."""

    replicates: int = 1_000
    seed: int = 0
    level: float = 0.95


@dataclass(frozen=True)
class Statistic:
    """A coefficient: the blocks of sums that it needs, and its values (R,), NaN if undefined."""

    needs: tuple[str, ...]
    value: Callable[[Sums], Floats]


@dataclass(frozen=True)
class Interval:
    """Both ends, or None twice with the reason."""

    low: float | None
    high: float | None
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class Items:
    """Items as the bootstrap sees them: how many there are of each pattern, what it adds.

    columns: from one pattern up to another, what each adds to the sums (stop - start, K);
    sums: totals (R, K) by block.
    """

    multiplicity: NDArray[np.int64]
    width: int
    columns: Callable[[int, int], Floats]
    sums: Callable[[Floats], Sums]

    @property
    def n_items(self) -> int:
        """Items in all, N."""
        return int(self.multiplicity.sum())

    def strips(self) -> Iterator[tuple[int, int, Floats]]:
        """All patterns, a strip at a time."""
        step = max(1, min(STRIP, CHUNK // max(self.width, 1)))
        for start in range(0, len(self.multiplicity), step):
            stop = min(start + step, len(self.multiplicity))
            yield start, stop, self.columns(start, stop)

    @cached_property
    def kept(self) -> list[tuple[int, int, Floats]] | None:
        """All strips, where they are small enough to be computed once."""
        small = len(self.multiplicity) * self.width <= CHUNK
        return list(self.strips()) if small else None

    def whole(self) -> Floats:
        """The sums of the data themselves (1, K)."""
        totals = np.zeros((1, self.width))
        for start, stop, columns in self.strips() if self.kept is None else self.kept:
            totals += self.multiplicity[None, start:stop] @ columns
        return totals


def items_of(patterns: Patterns, scoring: Scoring, layout: Layout) -> Items:
    """The items with the columns of this layout."""

    def columns(start: int, stop: int) -> Floats:
        part = layout.of(tally(patterns.counts[start:stop]), scoring)
        return np.ascontiguousarray((part * patterns.weight[start:stop]).T)

    return Items(patterns.multiplicity, layout.columns, columns, layout.sums)


def values_of(sums: Sums, statistics: Mapping[str, Statistic]) -> dict[str, Floats]:
    """Every statistic at sums over items: name -> (R,)."""
    return {name: statistic.value(sums) for name, statistic in statistics.items()}


def replicate(
    items: Items, statistics: Mapping[str, Statistic], how: Bootstrap
) -> dict[str, Floats]:
    """Every statistic on the same resamples: name -> (R,)."""
    patterns = len(items.multiplicity)
    most = min(SET, max(4, SET_ENTRIES // max(patterns, 1)))
    seeds = np.random.SeedSequence(how.seed).spawn(-(-how.replicates // most))
    sizes = [min(most, how.replicates - most * k) for k in range(len(seeds))]
    work = how.replicates * patterns
    number = np.float32 if work > WORTH_THREADS else np.float64
    kept = _kept(items, number)

    def of(which: int) -> dict[str, Floats]:
        rng = np.random.default_rng(seeds[which])
        totals = _totals(draw(items.multiplicity, sizes[which], rng), items, kept)
        return values_of(items.sums(totals), statistics)

    parts = spread(of, len(seeds), threads=work > WORTH_THREADS)
    return {name: np.concatenate([part[name] for part in parts]) for name in statistics}


def spread(
    of: Callable[[int], dict[str, Floats]], n: int, *, threads: bool
) -> list[dict[str, Floats]]:
    """The answers for 0 ... n - 1, in this order; numpy's own loops let threads run beside.

    The products are small: more threads inside each of them would only wait for one another.
    """
    with _blas().limit(limits=1, user_api="blas"):
        if not threads:
            return [of(which) for which in range(n)]
        with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
            return list(pool.map(of, range(n)))


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    """The libraries behind matrix products, looked for once."""
    return ThreadpoolController()


def draw(
    multiplicity: NDArray[np.int64], size: int, rng: np.random.Generator
) -> NDArray[np.uint8] | NDArray[np.int64]:
    """How often each pattern occurs in each of `size` resamples of all items (size, P)."""
    n = int(multiplicity.sum())
    if len(multiplicity) == n and n > WORTH_POISSON:
        return draw_items(n, size, rng)
    return rng.multinomial(n, multiplicity / n, size=size)


def draw_items(n: int, size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """How often each of n items occurs in resamples of n: exact multinomial counts (size, n)."""
    groups = -(-n // GROUP)
    drawn = np.empty((size, groups), dtype=np.uint32)
    counts = drawn.view(np.uint8)[:, :n]
    for row, count in zip(drawn, counts, strict=True):
        short = -1
        while short < 0:  # more than n: once in a thousand resamples; draw it again
            _draw_poisson(row, n, rng)
            short = n - int(count.sum(dtype=np.uint32))
        np.add.at(count, rng.integers(0, n, short), np.uint8(1))
    return counts


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
        return Interval(None, None, why_no_spread(point, n=n, level=level))
    tail = (1 - level) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return Interval(float(low), float(high))


def why_no_spread(point: float, *, n: int, level: float) -> str:
    """What n items without any spread do say."""
    if abs(point - 1) < SAME:
        split = 1 - (1 - level) ** (1 / n)
        return (
            f"No disagreement among {n:,} items, so resampling them shows no uncertainty; "
            f"up to {split:.1%} of such items could still be split (one-sided {level:.0%} limit)."
        )
    return f"Every resample of the {n:,} items gives the same value: they show no uncertainty."


def _kept(items: Items, number: type[np.floating[Any]]) -> Strips:
    """The contributions in a precision."""

    def strips() -> Iterator[tuple[int, int, NDArray[Any]]]:
        for start, stop, columns in items.strips():
            yield start, stop, columns.astype(number, copy=False)

    if items.kept is None:
        return strips
    once = [
        (start, stop, columns.astype(number, copy=False)) for start, stop, columns in items.kept
    ]
    return lambda: iter(once)


def _totals(weights: NDArray[np.uint8] | NDArray[np.int64], items: Items, strips: Strips) -> Floats:
    """w times contributions (R, K)."""
    totals = np.zeros((len(weights), items.width))
    for start, stop, columns in strips():
        totals += weights[:, start:stop].astype(columns.dtype) @ columns
    return totals


def _draw_poisson(row: NDArray[np.uint32], n: int, rng: np.random.Generator) -> None:
    """Fills a row with groups of independent Poisson counts of mean 1 - 3 / sqrt(n)."""
    table, counts, ends = _poisson_table(n)
    cells = rng.bit_generator.random_raw(-(-len(row) // 4)).view(np.uint16)[: len(row)]
    table.take(cells.astype(np.intp), out=row, mode="clip")
    open_ = np.flatnonzero(row == UNDECIDED)
    exact = (cells[open_] + rng.random(len(open_))) / CELLS
    row[open_] = counts[np.searchsorted(ends, exact, side="right")]


@lru_cache(maxsize=8)
def _poisson_table(n: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32], Floats]:
    """What each of 65,536 cells says, or that it is undecided; all groups of counts, their ends.

    The ends are the cumulated probabilities of the groups, the likely ones first: a cell is decided
    where it lies between two ends.
    """
    probability = poisson.pmf(np.arange(MOST), 1 - 3 / np.sqrt(n))
    joint = probability
    for _ in range(GROUP - 1):
        joint = np.multiply.outer(joint, probability)
    order = np.argsort(-joint.ravel(), kind="stable")
    counts = np.indices((MOST,) * GROUP, dtype=np.uint8).reshape(GROUP, -1).T[order]
    ends = np.cumsum(joint.ravel()[order])
    ends /= ends[-1]
    edges = np.searchsorted(ends, np.arange(CELLS + 1) / CELLS, side="right")
    groups = np.ascontiguousarray(counts).view(np.uint32).ravel()
    decided = edges[:-1] == edges[1:]
    table = np.where(decided, groups[np.minimum(edges[:-1], len(groups) - 1)], UNDECIDED)
    return table.astype(np.uint32), groups, ends
