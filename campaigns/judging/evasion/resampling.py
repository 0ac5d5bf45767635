"""Intervals of every combination at once, by drawing cases or whole families again.

Symbols: R replicates; d[r, m] cases of a group with fire mask m in replicate r (a multinomial draw on
the histogram; with families, a draw of families with all their cases); n[r] cases of the group in it;
share[t, S] = at_least[t, S] / n. The transform of `counting` runs over all replicates side by side,
depth first over the judges, so that of 2^k tables only one branch is held: memory stays near four
times that of d, and the replicates of a set are reduced to two percentiles and a standard deviation
as soon as they are complete. Percentiles are order statistics (R + 1) a/2 from both ends: A. C.
Davison, D. V. Hinkley (1997), "Bootstrap methods and their application", section 5.3.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from campaigns.judging.errors import BadScores
from campaigns.judging.evasion.counting import (
    Masks,
    Whole,
    add_judge,
    from_the_top,
    put_shifted,
    whole_type,
)
from campaigns.judging.linear import Bools

REPLICATES = 200
BLOCK_JUDGES = (
    6  # the last judges are added all at once: a block of 64 sets fits the processor's cache
)

Singles = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Draws:
    """d (R, 2^k) of one group and n (R,), which is above 0 in every replicate that is kept."""

    histograms: Whole
    totals: Ints


@dataclass(frozen=True, eq=False)
class Spread:
    """Ends of the interval and standard deviation of shares, (t, 2^k); nan where none was wanted."""

    low: Singles
    high: Singles
    sd: Singles

    def at(self, t: Ints) -> "Spread":
        """Of each set at its own t (2^k,): arrays of shape (2^k,)."""
        sets = np.arange(self.low.shape[1])
        return Spread(self.low[t, sets], self.high[t, sets], self.sd[t, sets])


def draw(
    masks: Masks, groups: npt.NDArray[np.intp], *, k: int, n_groups: int,
    families: npt.NDArray[np.intp] | None = None, replicates: int = REPLICATES, seed: int,
) -> tuple[Draws, ...]:  # fmt: skip
    """The drawn histograms of every group; `families` (N,) numbers the family of each case."""
    cells = (groups.astype(np.int64) << k) | masks
    width = n_groups << k
    rng = np.random.default_rng(seed)
    units = len(cells) if families is None else int(families.max(initial=-1)) + 1
    drawn = np.empty(
        (replicates, width), dtype=np.uint32 if families is not None else whole_type(len(cells))
    )
    for r in range(replicates):
        picked = rng.integers(0, units, units, dtype=np.uint32)
        if families is None:
            drawn[r] = np.bincount(cells[picked], minlength=width)
        else:
            times = np.bincount(picked, minlength=units)[families]
            drawn[r] = np.bincount(cells, weights=times, minlength=width)
    parts = drawn.reshape(replicates, n_groups, 1 << k)
    return tuple(_kept(parts[:, group]) for group in range(n_groups))


def spread(
    draws: Sequence[Draws], weights: Sequence[int], wanted: Bools, *, level: float = 0.95,
    deviations: bool = True,
) -> tuple[Spread, ...]:  # fmt: skip
    """Interval and standard deviation of share[t, S] wherever `wanted` (W + 1, 2^k) says so.

    The groups of `draws` go through the transform together, which takes less time and more memory.
    Judges are added heaviest first: what is left to be added then leaves the fewest ranks open.
    """
    sets = by_weight(weights)
    found = np.full((len(draws), 3, *wanted.shape), np.nan, dtype=np.float32)
    for group, one in enumerate(draws):
        if len(one.totals) > 1:
            found[group][:, wanted] = 0.0  # a set never fires more than its judges
    wanted, weights = wanted[:, sets], sorted(weights)
    stops = np.cumsum([len(one.totals) for one in draws])
    inverse = (1 / np.concatenate([one.totals for one in draws])).astype(np.float32)
    table = np.concatenate([one.histograms.T for one in draws], axis=1)[None]
    if len(set(weights)) > 1:
        table = table[:, sets]
    whole = _Branch(0, 0, table, max(weights[-1], 1))
    for block in _blocks(whole, list(weights), _limits(wanted)):
        ranks, width, _ = block.table.shape
        t, s = np.nonzero(wanted[block.base :, block.first : block.first + width][:ranks])
        shares = block.table[t, s] * inverse
        at = t + block.base, sets[s + block.first]
        for group, stop in enumerate(stops):
            part = shares[:, stop - len(draws[group].totals) : stop]
            if part.shape[1] > 1:
                _reduce(part, found[group], at, level=level, deviations=deviations)
    return tuple(Spread(*one) for one in found)


def _reduce(
    shares: Singles, found: Singles, at: tuple[Ints, Ints], *, level: float, deviations: bool
) -> None:
    """The replicates (n, R) of n shares, which are sorted here, into their places of (3, t, 2^k)."""
    if deviations:
        found[2, *at] = shares.std(axis=1)
    shares.sort(axis=1)
    first, last = order_statistics(shares.shape[1], level)
    found[0, *at], found[1, *at] = shares[:, first], shares[:, last]


def by_weight(weights: Sequence[int]) -> Ints:
    """The set that stands at each place once judges are sorted by weight, the lightest first."""
    sets = np.zeros(1, dtype=np.int64)
    for judge in np.argsort(weights, kind="stable"):
        sets = np.concatenate([sets, sets | (1 << judge)])
    return sets


def order_statistics(replicates: int, level: float) -> tuple[int, int]:
    """Positions of the two ends among sorted replicates."""
    at = max(int((replicates + 1) * (1 - level) / 2) - 1, 0)
    return at, replicates - 1 - at


def percentiles(values: npt.NDArray[np.float64], *, level: float) -> tuple[float, float] | None:
    """The ends of an interval from the replicates of one number; none where they are too often nan."""
    kept = np.sort(values[np.isfinite(values)])
    if len(kept) < 0.95 * len(values) or len(kept) < 2:
        return None
    low, high = order_statistics(len(kept), level)
    return float(kept[low]), float(kept[high])


def _kept(drawn: Whole) -> Draws:
    totals = drawn.sum(axis=1, dtype=np.int64)
    some = totals > 0
    kept = drawn if some.all() else drawn[some]
    return Draws(kept.astype(whole_type(int(totals.max(initial=0)))), totals[some])


@dataclass(frozen=True, eq=False)
class _Branch:
    """The sets from `first` on, of which some judges are still to be added.

    table (t, sets, R) has the ranks from `base` on. Ranks from which no wanted t can be reached any
    more are cut; all ranks from the largest wanted t on are one. While all judges so far weigh the
    same, a rank is a `unit` of that weight.
    """

    first: int
    base: int
    table: Whole
    unit: int = 1

    def in_ones(self) -> "_Branch":
        """With a rank for every t."""
        if self.unit == 1:
            return self
        ranks = (len(self.table) - 1) * self.unit + 1
        table = np.zeros((ranks, *self.table.shape[1:]), dtype=self.table.dtype)
        table[:: self.unit] = self.table
        return _Branch(self.first, 0, table)

    def trimmed(self, asked: "_Asked", to_come: int) -> "_Branch":
        """Without the ranks that say nothing about what is wanted of these sets.

        `to_come` is the weight of the judges that are still to be added.
        """
        low = max(asked.least - to_come - self.base, 0)
        high = max(asked.most - self.base, 0)
        for t in range(high + 1, len(self.table)):
            self.table[high] += self.table[t]
        return _Branch(self.first, self.base + low, self.table[low : high + 1])

    def halves(self, weight: int) -> Iterator["_Branch"]:
        """The sets without the last judge, then those with it."""
        ranks, sets, width = self.table.shape
        half, weight = sets // 2, weight // self.unit
        silent, fires = self.table[:, :half], self.table[:, half:]
        yield _Branch(self.first, self.base, silent + fires, self.unit)
        inside = np.empty((ranks + weight, half, width), dtype=self.table.dtype)
        put_shifted(silent, fires, weight, out=inside)
        yield _Branch(self.first + half, self.base, inside, self.unit)


@dataclass(frozen=True)
class _Asked:
    """The smallest and the largest t that are wanted of some sets; none where most is below least."""

    least: int
    most: int


def _asked(limits: Ints, first: int, sets: int) -> _Asked:
    """Of the sets from `first` on; limits (2, 2^k) has each set's smallest and largest wanted t."""
    of = slice(first, first + sets)
    return _Asked(int(limits[0, of].min()), int(limits[1, of].max()))


def _limits(wanted: Bools) -> Ints:
    ranks = len(wanted)
    some = wanted.any(axis=0)
    least = np.where(some, wanted.argmax(axis=0), ranks)
    most = np.where(some, ranks - 1 - wanted[::-1].argmax(axis=0), -1)
    return np.stack([least, most])


def _blocks(branch: _Branch, weights: list[int], limits: Ints) -> Iterator[_Branch]:
    """Runs of neighbouring sets, from the empty one on, with `at_least` as their table."""
    asked = _asked(limits, branch.first, branch.table.shape[1])
    if asked.most < asked.least:
        return
    if len(weights) <= BLOCK_JUDGES or weights[-1] % branch.unit:
        branch = branch.in_ones()
    if branch.unit == 1:
        branch = branch.trimmed(asked, sum(weights))
    if len(weights) > BLOCK_JUDGES:
        for half in branch.halves(weights[-1]):
            yield from _blocks(half, weights[:-1], limits)
        return
    for bit, weight in enumerate(weights):
        table = add_judge(branch.table, bit, weight)
        branch = _Branch(branch.first, branch.base, table).trimmed(asked, sum(weights[bit + 1 :]))
    from_the_top(branch.table)
    yield branch


def check_replicates(replicates: int) -> None:
    """Raises `BadScores` where so few or many replicates make no interval."""
    if not 100 <= replicates <= 10_000:
        raise BadScores("Replicates: from 100 to 10,000.")
