"""What gets past every combination of judges, and what they block for nothing: for evasion's page.

Symbols: x (N, k) verdicts 1 / 0 / nan, y (N,) gold, S a set of judges as a bit mask, t the number
of its judges that fire (`counting`). Evasion: share of gold positives that are not caught;
over-blocking: share of gold negatives that are caught. No verdict never counts as a catch, and
combinations say how many cases lack one. Intervals (`intervals`): Wilson's; where cases come in
families, Wilson's on the effective number of cases, from 200 draws of whole families.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from annotations.measurement.results import Estimate
from campaigns.judging.errors import BadScores
from campaigns.judging.evasion import counting, resampling
from campaigns.judging.evasion.counting import (
    MOST_JUDGES,
    RULES,
    WEIGHTED,
    Counts,
    at_least,
    check_rules,
    fire_masks,
    histograms,
    needed,
)
from campaigns.judging.evasion.intervals import clustered_share, share
from campaigns.judging.evasion.resampling import REPLICATES, Spread
from campaigns.judging.linear import Bools, Floats


@dataclass(frozen=True)
class Combination:
    """Some judges under one rule; `missing` cases lack the verdict of at least one of them.

    cost: what the judges cost a case together, in the unit of the costs given; else how many they are.
    """

    judges: tuple[str, ...]
    rule: str
    evasion: Estimate
    over_block: Estimate
    accuracy: Estimate
    missing: int
    cost: float = 0.0


@dataclass(frozen=True)
class JudgeRow:
    """One judge alone: it gave `n` verdicts and none on `missing` cases."""

    name: str
    n: int
    missing: int
    evasion: Estimate
    over_block: Estimate
    accuracy: Estimate


@dataclass(frozen=True)
class Options:
    """How combinations are counted: the rules, and what they need."""

    rules: tuple[str, ...] = RULES
    weights: tuple[int, ...] | None = None  # of each judge, for the rule "weighted"
    costs: Mapping[str, float] | None = None  # of a case, by judge
    families: tuple[str, ...] | None = None  # of each case: variants of one seed err together
    replicates: int = REPLICATES
    seed: int = 0
    level: float = 0.95


@dataclass(frozen=True, eq=False)
class _Group:
    """The cases of one stratum: what every set catches and blocks, by rule, and how sure that is."""

    y: Bools
    caught: Mapping[str, Counts]
    blocked: Mapping[str, Counts]
    missing: Counts
    spreads: Mapping[str, tuple[Spread, Spread]] | None  # of blocked and caught
    families: tuple[int, int]  # of negatives, of positives


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
    one = ["all"] * len(y)
    return by_stratum(verdicts, y, one, names=names, options=options).get("all", ())


def by_stratum(
    verdicts: Floats, y: Bools, strata: Sequence[str], *, names: Sequence[str], level: float = 0.95,
    options: Options | None = None,
) -> dict[str, tuple[Combination, ...]]:  # fmt: skip
    """The combinations within each stratum, strata in alphabetical order; counted in one pass."""
    options = options or Options(level=level)
    y = np.asarray(y, dtype=bool)
    check_verdicts(verdicts, y, names)
    check_rules(options.rules)
    for kind, given in (("strata", strata), ("families", options.families)):
        if given is not None and len(given) != len(y):
            raise BadScores(f"{len(given)} {kind} but {len(y)} labels: give one for each case.")
    values, of = np.unique(np.array(strata, dtype=object).astype(str), return_inverse=True)
    if not len(values):
        return {"all": _rows(_grouped(verdicts, y, np.zeros(0, np.intp), 1, options)[0],
                             names, options)}  # fmt: skip
    groups = _grouped(verdicts, y, of, len(values), options)
    return {
        str(value): _rows(group, names, options)
        for value, group in zip(values, groups, strict=True)
    }


def _grouped(
    verdicts: Floats, y: Bools, of: np.ndarray[tuple[int, ...], np.dtype[np.intp]], n: int,
    options: Options,
) -> list[_Group]:  # fmt: skip
    """Each stratum's counts; its negatives are group 2 s and its positives 2 s + 1."""
    k = verdicts.shape[1]
    masks, groups = fire_masks(np.nan_to_num(verdicts).astype(bool)), of * 2 + y
    caught = _counts(histograms(masks, groups, k=k, n_groups=2 * n), options)
    absent = histograms(fire_masks(np.isnan(verdicts)), of, k=k, n_groups=n)
    missing = at_least(absent, (1,) * k)[1].astype(np.int64)
    spreads = _spreads(masks, groups, k, 2 * n, options)
    family = np.array(options.families or range(len(y)), dtype=object)
    return [
        _Group(
            y=y[of == s],
            caught={rule: found[:, 2 * s + 1] for rule, found in caught.items()},
            blocked={rule: found[:, 2 * s] for rule, found in caught.items()},
            missing=missing[:, s],
            spreads=None
            if spreads is None
            else {r: (found[2 * s], found[2 * s + 1]) for r, found in spreads.items()},
            families=(len(set(family[groups == 2 * s])), len(set(family[groups == 2 * s + 1]))),
        )
        for s in range(n)
    ]  # fmt: skip


def _counts(histogram: Counts, options: Options) -> dict[str, Counts]:
    """In how many cases of each group each set catches, (2^k, G), by rule."""
    k = histogram.shape[1].bit_length() - 1
    sets = np.arange(1 << k)
    votes = at_least(histogram, (1,) * k)
    found = {}
    for rule in options.rules:
        need = needed(rule, k, weights=options.weights)
        table = at_least(histogram, options.weights or ()) if rule == WEIGHTED else votes
        found[rule] = table[need, sets].astype(np.int64)
    return found


def _spreads(
    masks: counting.Masks, groups: np.ndarray[tuple[int, ...], np.dtype[np.intp]], k: int, n: int,
    options: Options,
) -> dict[str, tuple[Spread, ...]] | None:  # fmt: skip
    """By rule, the spread over draws of families, (1, 2^k) for each group; none without families."""
    if options.families is None or not len(masks):
        return None
    _, families = np.unique(
        np.array(options.families, dtype=object).astype(str), return_inverse=True
    )
    draws = resampling.draw(masks, groups, k=k, n_groups=n, families=families,
                            replicates=options.replicates, seed=options.seed)  # fmt: skip
    needs = {rule: needed(rule, k, weights=options.weights) for rule in options.rules}
    counted = [rule for rule in options.rules if rule != WEIGHTED]
    found = {}
    for weights, rules in (((1,) * k, counted), (options.weights, [WEIGHTED])):
        if weights is None or not set(rules) & set(options.rules):
            continue
        wanted = np.zeros((sum(weights) + 1, 1 << k), dtype=bool)
        sets = np.arange(1 << k)
        for rule in rules:
            wanted[needs[rule], sets] |= needs[rule] > 0
        spreads = resampling.spread(draws, weights, wanted, level=options.level)
        for rule in rules:
            found[rule] = tuple(one.at(needs[rule]) for one in spreads)
    return found


def _rows(group: _Group, names: Sequence[str], options: Options) -> tuple[Combination, ...]:
    k = len(names)
    needs = {rule: needed(rule, k, weights=options.weights) for rule in options.rules}
    costs = [(options.costs or {}).get(name, 1.0) for name in names]
    return tuple(
        _combination(group, mask, rule, names, costs, options)
        for mask in sorted(range(1, 1 << k), key=lambda one: (one.bit_count(), one))
        for rule in options.rules
        if needs[rule][mask]
    )


def _combination(
    group: _Group, mask: int, rule: str, names: Sequence[str], costs: Sequence[float],
    options: Options,
) -> Combination:  # fmt: skip
    positives, n, level = int(group.y.sum()), len(group.y), options.level
    negatives = n - positives
    caught, blocked = int(group.caught[rule][mask]), int(group.blocked[rule][mask])
    inside = [bit for bit in range(len(names)) if mask >> bit & 1]
    if group.spreads is None:
        evasion = share(positives - caught, positives, level)
        over_block = share(blocked, negatives, level)
        accuracy = share(caught + negatives - blocked, n, level)
    else:
        of_blocked, of_caught = group.spreads[rule]
        few, many = group.families
        evasion = clustered_share(
            positives - caught, positives, float(of_caught.sd[mask]), many, level
        )
        over_block = clustered_share(blocked, negatives, float(of_blocked.sd[mask]), few, level)
        sd = np.hypot(of_caught.sd[mask] * positives, of_blocked.sd[mask] * negatives) / max(n, 1)
        right = caught + negatives - blocked
        accuracy = clustered_share(right, n, float(sd), max(few, many), level)
    return Combination(
        judges=tuple(names[bit] for bit in inside), rule=rule, evasion=evasion,
        over_block=over_block, accuracy=accuracy, missing=int(group.missing[mask]),
        cost=sum(costs[bit] for bit in inside),
    )  # fmt: skip


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
