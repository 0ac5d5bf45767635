"""What gets past every combination of judges, and what they block for nothing: for evasion's page.

Symbols: x (N, k) verdicts 1 / 0 / nan, y (N,) gold, S a set of judges as a bit mask, t the number
of its judges that fire (`counting`). Evasion: share of gold positives that are not caught;
over-blocking: share of gold negatives that are caught. No verdict never counts as a catch, and
combinations say how many cases lack one. Intervals (`intervals`): Wilson's; where cases come in
families, Wilson's on the effective number of cases, from 200 draws of whole families.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotations.measurement.results import Estimate
from campaigns.judging.errors import BadScores
from campaigns.judging.evasion.counting import MOST_JUDGES, RULES, check_rules
from campaigns.judging.evasion.intervals import share
from campaigns.judging.evasion.landscape import Combination, Landscape, Options, landscapes
from campaigns.judging.linear import Bools, Floats


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
    options: Options | None = None,
) -> tuple[Combination, ...]:
    """Every non-empty combination under every rule, fewest judges first."""
    options = options or Options(rules=tuple(rules), level=level)
    found = by_stratum(verdicts, y, ["all"] * len(y), names=names, options=options)
    return found.get("all", ())


def by_stratum(
    verdicts: Floats, y: Bools, strata: Sequence[str], *, names: Sequence[str], level: float = 0.95,
    options: Options | None = None,
) -> dict[str, tuple[Combination, ...]]:  # fmt: skip
    """The combinations within each stratum, strata in alphabetical order; counted in one pass."""
    options = options or Options(level=level)
    found = landscapes_by(verdicts, y, strata, names=names, options=options)
    return {value: one.rows() for value, one in found.items()}


def landscapes_by(
    verdicts: Floats, y: Bools, strata: Sequence[str], *, names: Sequence[str], options: Options
) -> dict[str, Landscape]:
    """Every stratum as arrays, in alphabetical order."""
    y = np.asarray(y, dtype=bool)
    check_verdicts(verdicts, y, names)
    check_rules(options.rules)
    for kind, given in (("strata", strata), ("families", options.families)):
        if given is not None and len(given) != len(y):
            raise BadScores(f"{len(given)} {kind} but {len(y)} labels: give one for each case.")
    values, of = np.unique(np.array(strata, dtype=object).astype(str), return_inverse=True)
    groups = landscapes(verdicts, y, of, len(values), names=names, options=options)
    return {str(value): group for value, group in zip(values, groups, strict=True)}


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
            evasion=share(int((~fired[y, column]).sum()), int(y.sum()), level),
            over_block=share(int(fired[~y, column].sum()), int((~y).sum()), level),
            accuracy=share(int((fired[:, column] == y).sum()), len(y), level),
        )
        for column, name in enumerate(names)
    )


def pareto_front(found: Sequence[Combination]) -> tuple[Combination, ...]:
    """The combinations that none beats on both shares, least over-blocking first.

    Of several at one point, the cheapest is kept, then the one with the fewest judges; undefined ones
    are left out.
    """
    points = [
        (one.over_block.value, one.evasion.value, (one.cost, len(one.judges)), index)
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
