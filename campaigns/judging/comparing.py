"""Is one ensemble better than another? Case by case on the same cases, which neither was trained on.

Symbols: before, after (N,) whether each of two ensembles calls a case positive, y (N,) gold. A case is
gained where only the second is right and lost where only the first is. Changes of evasion and
over-blocking are paired, with intervals over families; whether there is any difference at all is
McNemar's exact test over gained and lost cases (Q. McNemar, 1947), which takes cases as independent, so
that many variants of few seeds make it look surer than it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from annotations.measurement.results import Estimate
from campaigns.judging.errors import BadScores
from campaigns.judging.evasion.intervals import share_over_families
from campaigns.judging.evasion.paired import mean_over_families
from campaigns.judging.linear import Bools


@dataclass(frozen=True)
class Change:
    """A rate of both ensembles, and after minus before; below 0 is better."""

    before: Estimate
    after: Estimate
    difference: Estimate


@dataclass(frozen=True)
class Comparison:
    """Two ensembles on n cases; the last four name the rows on which they differ."""

    n: int
    positives: int
    families: int
    evasion: Change
    over_block: Change
    caught: tuple[int, ...]  # failures that only the second catches
    missed: tuple[int, ...]  # failures that only the first caught
    cleared: tuple[int, ...]  # other cases that only the first blocked
    blocked: tuple[int, ...]  # other cases that only the second blocks
    p_value: float | None  # none where the two never differ

    @property
    def gained(self) -> int:
        return len(self.caught) + len(self.cleared)

    @property
    def lost(self) -> int:
        return len(self.missed) + len(self.blocked)


def compare(before: Bools, after: Bools, y: Bools, families: Sequence[str]) -> Comparison:
    """Both on the same cases, (N,) each. Raises `BadScores` where the lengths differ."""
    if not len(before) == len(after) == len(y) == len(families):
        raise BadScores(
            f"{len(before)} and {len(after)} decisions, {len(y)} labels and {len(families)} "
            "families: give one of each for each case."
        )
    _, of = np.unique(np.array(families, dtype=object).astype(str), return_inverse=True)
    only_after, only_before = after & ~before, before & ~after
    gained = int(((after == y) & (before != y)).sum())
    lost = int(((before == y) & (after != y)).sum())
    return Comparison(
        n=len(y),
        positives=int(y.sum()),
        families=len(np.unique(of)),
        evasion=_change(~before[y], ~after[y], of[y]),
        over_block=_change(before[~y], after[~y], of[~y]),
        caught=_rows(only_after & y),
        missed=_rows(only_before & y),
        cleared=_rows(only_before & ~y),
        blocked=_rows(only_after & ~y),
        p_value=float(binomtest(gained, gained + lost).pvalue) if gained + lost else None,
    )


def _change(
    before: Bools, after: Bools, of: np.ndarray[tuple[int, ...], np.dtype[np.intp]]
) -> Change:
    return Change(
        before=share_over_families(before, of),
        after=share_over_families(after, of),
        difference=mean_over_families(after.astype(np.int64) - before.astype(np.int64), of),
    )


def _rows(chosen: Bools) -> tuple[int, ...]:
    return tuple(np.flatnonzero(chosen).tolist())
