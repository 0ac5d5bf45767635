"""What gets past every combination of judges, and what they block for nothing: for evasion's page.

Symbols: x (N, M) verdicts 1 / 0 / nan, y (N,) gold, S a set of judges as a bit mask, t the number
of its judges that fire. Evasion: share of gold positives that are not caught; over-blocking: share
of gold negatives that are caught. No verdict never counts as a catch. Method: a histogram over the
2^M fire masks in one pass, then a ranked zeta transform, bit by bit: judge not in S: A_0 + A_1; in
S: A_0 + x A_1, where x shifts t by one. A[S, t] is then the number of cases in which exactly t
judges of S fire: any, all, majority and every t-of-n at once in M 2^M (M + 1) steps. Intervals:
Wilson.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats

RULES = ("any", "all", "majority")
MOST_JUDGES = 16

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Combination:
    """Some judges under one rule; `missing` cases lack the verdict of at least one of them."""

    judges: tuple[str, ...]
    rule: str
    evasion: Estimate
    over_block: Estimate
    accuracy: Estimate
    missing: int


@dataclass(frozen=True)
class JudgeRow:
    """One judge alone: it gave `n` verdicts and none on `missing` cases."""

    name: str
    n: int
    missing: int
    evasion: Estimate
    over_block: Estimate
    accuracy: Estimate


def combinations(
    verdicts: Floats,
    y: Bools,
    *,
    names: Sequence[str],
    rules: Sequence[str] = RULES,
    level: float = 0.95,
) -> tuple[Combination, ...]:
    """Every non-empty combination under every rule, fewest judges first."""
    y = np.asarray(y, dtype=bool)
    check_verdicts(verdicts, y, names)
    unknown = set(rules) - set(RULES)
    if unknown:
        raise BadScores(f"Unknown rule {', '.join(sorted(unknown))}: use {', '.join(RULES)}.")
    fired = np.nan_to_num(verdicts).astype(bool)
    count = verdicts.shape[1]
    caught = caught_by_rule(fires_by_set(fired[y], count), count)
    blocked = caught_by_rule(fires_by_set(fired[~y], count), count)
    missing = missing_by_set(np.isnan(verdicts))
    positives, negatives = int(y.sum()), int((~y).sum())
    return tuple(
        Combination(
            judges=tuple(names[bit] for bit in range(count) if mask >> bit & 1),
            rule=rule,
            evasion=_share(positives - int(caught[rule][mask]), positives, level),
            over_block=_share(int(blocked[rule][mask]), negatives, level),
            accuracy=_share(
                int(caught[rule][mask]) + negatives - int(blocked[rule][mask]), len(y), level
            ),
            missing=int(missing[mask]),
        )
        for mask in sorted(range(1, 1 << count), key=lambda one: (one.bit_count(), one))
        for rule in rules
    )


def judge_table(
    verdicts: Floats, y: Bools, *, names: Sequence[str], level: float = 0.95
) -> tuple[JudgeRow, ...]:
    """Each judge alone, in the order of the columns."""
    y = np.asarray(y, dtype=bool)
    check_verdicts(verdicts, y, names, most=len(names))
    fired = np.nan_to_num(verdicts).astype(bool)
    given = ~np.isnan(verdicts)
    return tuple(
        JudgeRow(
            name=name,
            n=int(given[:, column].sum()),
            missing=int((~given[:, column]).sum()),
            evasion=_share(int((~fired[y, column]).sum()), int(y.sum()), level),
            over_block=_share(int(fired[~y, column].sum()), int((~y).sum()), level),
            accuracy=_share(int((fired[:, column] == y).sum()), len(y), level),
        )
        for column, name in enumerate(names)
    )


def by_stratum(
    verdicts: Floats, y: Bools, strata: Sequence[str], *, names: Sequence[str], level: float = 0.95
) -> dict[str, tuple[Combination, ...]]:
    """The combinations within each stratum, strata in alphabetical order."""
    if len(strata) != len(y):
        raise BadScores(f"{len(strata)} strata but {len(y)} labels: give one for each case.")
    of = np.array(strata)
    return {
        str(stratum): combinations(
            verdicts[of == stratum], np.asarray(y)[of == stratum], names=names, level=level
        )
        for stratum in np.unique(of)
    }


def pareto_front(found: Sequence[Combination]) -> tuple[Combination, ...]:
    """The combinations that none beats on both shares, least over-blocking first.

    Of several at one point, the one with the fewest judges is kept; undefined ones are left out.
    """
    points = [
        (one.over_block.value, one.evasion.value, len(one.judges), index)
        for index, one in enumerate(found)
        if one.evasion.value is not None and one.over_block.value is not None
    ]
    front: list[Combination] = []
    lowest = float("inf")
    for _, evasion, _, index in sorted(points):
        if evasion < lowest:
            lowest = evasion
            front.append(found[index])
    return tuple(front)


def distinct(found: Sequence[Combination]) -> tuple[Combination, ...]:
    """Without rules that say the same: one judge alone is “any”, the majority of two is “all”."""
    return tuple(
        one
        for one in found
        if (len(one.judges) > 1 or one.rule == "any")
        and (len(one.judges) != 2 or one.rule != "majority")
    )


def fires_by_set(fired: Bools, count: int) -> Counts:
    """A (2^M, M + 1): in how many cases exactly t judges of each set fire."""
    weights = 1 << np.arange(count, dtype=np.int64)
    histogram = np.bincount(fired.astype(np.int64) @ weights, minlength=1 << count)
    table = np.zeros((1 << count, count + 1), dtype=np.int64)
    table[:, 0] = histogram
    for bit in range(count):
        pairs = table.reshape(-1, 2, 1 << bit, count + 1)
        without, fires = pairs[:, 0].copy(), pairs[:, 1].copy()
        pairs[:, 0] += fires
        pairs[:, 1] = without
        pairs[:, 1, :, 1:] += fires[..., :-1]
    return table


def caught_by_rule(table: Counts, count: int) -> dict[str, Counts]:
    """How many cases each set catches, (2^M,), by rule; a majority is more than half."""
    total = table.sum(axis=1)
    size = np.array([mask.bit_count() for mask in range(1 << count)])
    enough = np.arange(count + 1)[None, :] * 2 > size[:, None]
    return {
        "any": total - table[:, 0],
        "all": table[np.arange(1 << count), size],
        "majority": np.where(enough, table, 0).sum(axis=1),
    }


def missing_by_set(absent: Bools) -> Counts:
    """In how many cases at least one judge of each set gave no verdict, (2^M,)."""
    count = absent.shape[1]
    table = fires_by_set(absent, count)
    return np.asarray(table.sum(axis=1) - table[:, 0], dtype=np.int64)


def check_verdicts(
    verdicts: Floats, y: Bools, names: Sequence[str], *, most: int = MOST_JUDGES
) -> None:
    """Raise `BadScores` unless verdicts are 1, 0 or nan, one row a label and one column a name."""
    if verdicts.ndim != 2 or verdicts.shape != (len(y), len(names)):
        raise BadScores(
            f"Verdicts have the shape {verdicts.shape}; {len(y)} labels and {len(names)} judges "
            f"need {(len(y), len(names))}."
        )
    if len(set(names)) != len(names):
        raise BadScores("Two judges have one name: give each its own.")
    if not 1 <= len(names) <= max(most, 1):
        raise BadScores(f"{len(names)} judges: choose from 1 to {most} to combine.")
    if not np.all(np.isnan(verdicts) | (verdicts == 0) | (verdicts == 1)):
        raise BadScores("A verdict is 1, 0 or missing: apply each judge's threshold first.")


@lru_cache(maxsize=65_536)
def _share(count: int, n: int, level: float) -> Estimate:
    return proportion(count, n, level=level)
