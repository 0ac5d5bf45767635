"""What does adding this judge buy? The best rule with it against the best rule without it.

Symbols: E and B the shares of evasion and over-blocking of a rule; the best rule of some judges is the
t-of-n over any subset S of them with the least E among those with B at most `bound` (with the least B
where none is), then the least B, then the fewest judges. Choosing on the cases that one measures on
flatters: rules are chosen without a fold of families and applied to it, fold by fold, so that every
case is judged by rules that never saw its family. The change is with minus without, on the same cases;
its interval is drawn over families (over cases, where there are none). Unique: a gold positive that
this judge alone catches, and a gold negative that it alone blocks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotations.measurement.results import Estimate
from campaigns.judging.errors import BadScores
from campaigns.judging.evasion.counting import (
    OF_N,
    Counts,
    Whole,
    at_least,
    fire_masks,
    histograms,
    sizes,
)
from campaigns.judging.evasion.intervals import share
from campaigns.judging.evasion.paired import mean_over_families
from campaigns.judging.linear import Bools, Floats

FOLDS = 5
REPLICATES = 1_000
METHOD = "paired, rules chosen on other families, percentiles of draws"


@dataclass(frozen=True)
class Choice:
    """At least `t` of `judges`; none of them where there is no judge to choose from."""

    judges: tuple[str, ...]
    t: int
    evasion: Estimate
    over_block: Estimate
    within_bound: bool

    @property
    def rule(self) -> str:
        """any, all, majority or "2-of-n": what this is in words."""
        n = len(self.judges)
        if self.t <= 1:
            return "any"
        if self.t == n:
            return "all"
        return "majority" if self.t == n // 2 + 1 else f"{self.t}{OF_N}"


@dataclass(frozen=True)
class Added:
    """What one judge adds to all the others; the two changes are negative where it helps."""

    judge: str
    with_it: Choice
    without: Choice
    evasion: Estimate
    over_block: Estimate
    only_catches: tuple[int, ...]  # rows of gold positives
    only_blocks: tuple[int, ...]  # rows of gold negatives


@dataclass(frozen=True, eq=False)
class _Table:
    """caught and blocked (t, 2^k) among `positives` and `negatives` cases."""

    caught: Whole
    blocked: Whole
    positives: int
    negatives: int


def what_each_adds(
    verdicts: Floats, y: Bools, *, names: Sequence[str], bound: float,
    families: Sequence[str] | None = None, replicates: int = REPLICATES, seed: int = 0,
    level: float = 0.95,
) -> tuple[Added, ...]:  # fmt: skip
    """One row a judge, in their order. Raises `BadScores` for a bound that is no share."""
    if not 0 < bound < 1:
        raise BadScores("The bound on over-blocking is a share above 0 and below 1: 0.1.")
    k = len(names)
    fired = np.nan_to_num(verdicts).astype(bool)
    masks = fire_masks(fired)
    units = _units(len(y), families)
    whole = _table(masks, y, k)
    rules = [_best(whole, bound, without) for without in (None, *range(k))]
    said = _cross_fitted(masks, y, k, units, bound=bound, seed=seed)
    with_it = _choice(rules[0], whole, names, bound, level)
    rows = []
    for judge in range(k):
        without = _choice(rules[1 + judge], whole, names, bound, level)
        alone = fired[:, judge] & (fired.sum(axis=1) == 1)
        changes = [
            _change(said, judge, units, cases, sign, replicates=replicates, seed=seed, level=level)
            for cases, sign in ((y, -1), (~y, 1))
        ]
        rows.append(
            Added(
                names[judge], with_it, without, changes[0], changes[1],
                tuple(np.flatnonzero(alone & y).tolist()),
                tuple(np.flatnonzero(alone & ~y).tolist()),
            )
        )  # fmt: skip
    return tuple(rows)


def best_choice(
    verdicts: Floats, y: Bools, *, names: Sequence[str], bound: float, level: float = 0.95
) -> Choice:
    """The best t-of-n over any of these judges, chosen and measured on the same cases."""
    masks = fire_masks(np.nan_to_num(verdicts).astype(bool))
    table = _table(masks, y, len(names))
    return _choice(_best(table, bound, None), table, names, bound, level)


def _units(n: int, families: Sequence[str] | None) -> npt.NDArray[np.intp]:
    if families is None:
        return np.arange(n)
    _, of = np.unique(np.array(families, dtype=object).astype(str), return_inverse=True)
    return of.reshape(-1)


def _table(masks: npt.NDArray[np.uint32], y: Bools, k: int) -> _Table:
    found = at_least(histograms(masks, y.astype(np.intp), k=k, n_groups=2), (1,) * k)
    return _Table(found[..., 1], found[..., 0], int(y.sum()), int((~y).sum()))


def _best(table: _Table, bound: float, without: int | None) -> tuple[int, int]:
    """(t, S) of the best rule over the judges but one."""
    k = table.caught.shape[1].bit_length() - 1
    sets, size = np.arange(1 << k), sizes(k)
    missed = table.positives - table.caught.astype(np.int64)
    blocked = table.blocked.astype(np.int64)
    over = np.maximum(blocked - int(bound * table.negatives + 1e-9), 0)
    ranks = np.arange(k + 1)[:, None]
    best = (ranks <= size) & (ranks >= 1)
    if without is not None:
        best &= sets >> without & 1 == 0
    if not best.any():
        return 0, 0
    for wanted in (over, missed, blocked, np.broadcast_to(size, over.shape)):
        best &= wanted == wanted[best].min()
    at = int(np.argmax(best))
    return at // (1 << k), at % (1 << k)


def _choice(
    rule: tuple[int, int], table: _Table, names: Sequence[str], bound: float, level: float
) -> Choice:
    t, mask = rule
    caught = int(table.caught[t, mask]) if mask else 0
    blocked = int(table.blocked[t, mask]) if mask else 0
    return Choice(
        judges=tuple(name for bit, name in enumerate(names) if mask >> bit & 1),
        t=t,
        evasion=share(table.positives - caught, table.positives, level),
        over_block=share(blocked, table.negatives, level),
        within_bound=blocked <= bound * table.negatives + 1e-9,
    )


def _cross_fitted(
    masks: npt.NDArray[np.uint32], y: Bools, k: int, units: npt.NDArray[np.intp], *, bound: float,
    seed: int,
) -> Bools:  # fmt: skip
    """Whether each case is caught by the best rule of all, (0, N), and without judge j, (1 + j, N)."""
    said = np.zeros((k + 1, len(y)), dtype=bool)
    n_units = int(units.max(initial=-1)) + 1
    fold_of = np.random.default_rng(seed).permutation(n_units) % FOLDS
    for fold in range(FOLDS):
        out = fold_of[units] == fold
        table = _table(masks[~out], y[~out], k)
        for row, without in enumerate((None, *range(k))):
            t, mask = _best(table, bound, without)
            votes: Counts = np.bitwise_count(masks[out] & np.uint32(mask)).astype(np.int64)
            said[row, out] = (votes >= t) & (t > 0)
    return said


def _change(
    said: Bools, judge: int, units: npt.NDArray[np.intp], cases: Bools, sign: int, *,
    replicates: int, seed: int, level: float,
) -> Estimate:  # fmt: skip
    """The mean over `cases` of sign (with - without), with its paired interval."""
    with_it, without = said[0, cases].astype(int), said[1 + judge, cases].astype(int)
    return mean_over_families(
        sign * (with_it - without), units[cases], least=FOLDS, method=METHOD,
        replicates=replicates, seed=seed, level=level,
    )  # fmt: skip
