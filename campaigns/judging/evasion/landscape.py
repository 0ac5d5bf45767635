"""All sets of judges over the cases of one stratum, held as arrays until one of them is shown.

Symbols as in `counting`: S a set as a bit mask, so that arrays are (2^k,). Intervals: Wilson's; where
cases come in families Wilson's on the effective number of cases (`intervals`), whose standard
deviation comes from draws of whole families, for all sets at once, or set by set from the families'
own sums where there are no replicates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotations.measurement.results import Estimate
from campaigns.judging.evasion import resampling
from campaigns.judging.evasion.counting import (
    RULES,
    WEIGHTED,
    Counts,
    Masks,
    at_least,
    fire_masks,
    histograms,
    needed,
    sizes,
)
from campaigns.judging.evasion.intervals import clustered_share, family_deviation, share
from campaigns.judging.evasion.resampling import REPLICATES, Spread
from campaigns.judging.linear import Bools, Floats

Places = npt.NDArray[np.intp]


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
class Options:
    """How combinations are counted: the rules, and what they need.

    replicates 0: no draws; the spread of a set over families is then worked out when it is shown.
    """

    rules: tuple[str, ...] = RULES
    weights: tuple[int, ...] | None = None  # of each judge, for the rule "weighted"
    costs: Mapping[str, float] | None = None  # of a case, by judge
    families: tuple[str, ...] | None = None  # of each case: variants of one seed err together
    replicates: int = REPLICATES
    seed: int = 0
    level: float = 0.95


@dataclass(frozen=True, eq=False)
class Landscape:
    """caught and blocked (2^k,) by rule: gold positives and negatives that each set catches.

    masks, y, families (n,): the cases' judges that fire, gold, and family, numbered.
    """

    names: tuple[str, ...]
    options: Options
    masks: Masks
    y: Bools
    families: Places | None
    caught: Mapping[str, Counts]
    blocked: Mapping[str, Counts]
    missing: Counts
    spreads: Mapping[str, tuple[Spread, Spread]] | None  # of blocked and of caught

    @property
    def positives(self) -> int:
        """How many of the cases are failures in gold."""
        return int(self.y.sum())

    def needs(self, rule: str) -> Counts:
        """From which t on each set catches; 0 where the rule is none for it."""
        return needed(rule, len(self.names), weights=self.options.weights)

    def costs(self) -> Floats:
        """What the judges of every set cost a case, (2^k,)."""
        total = np.zeros(1)
        for name in self.names:
            total = np.concatenate([total, total + (self.options.costs or {}).get(name, 1.0)])
        return total

    def rows(self) -> tuple[Combination, ...]:
        """Every set under every rule, fewest judges first."""
        needs, costs = {rule: self.needs(rule) for rule in self.options.rules}, self.costs()
        return tuple(
            self.row(mask, rule, cost=float(costs[mask]))
            for mask in sorted(range(1, len(costs)), key=lambda one: (one.bit_count(), one))
            for rule in self.options.rules
            if needs[rule][mask]
        )

    def row(self, mask: int, rule: str, *, cost: float | None = None) -> Combination:
        """One set under one rule, with its intervals."""
        positives, n = self.positives, len(self.y)
        missed = positives - int(self.caught[rule][mask])
        blocked = int(self.blocked[rule][mask])
        shares = self._shares(mask, rule, (missed, blocked), (positives, n - positives))
        return Combination(
            judges=tuple(name for bit, name in enumerate(self.names) if mask >> bit & 1),
            rule=rule,
            evasion=shares[0],
            over_block=shares[1],
            accuracy=shares[2],
            missing=int(self.missing[mask]),
            cost=float(self.costs()[mask]) if cost is None else cost,
        )

    def front(self, rules: Sequence[str] | None = None) -> list[tuple[int, str]]:
        """(set, rule) of those that none beats on both shares, least over-blocking first.

        Of several at one point, the cheapest is kept, then the one with the fewest judges.
        """
        rules = rules or self.options.rules
        if not self.positives or self.positives == len(self.y):
            return []
        inside = [np.flatnonzero(self.needs(rule)) for rule in rules]
        sets, of = np.concatenate(inside), np.repeat(np.arange(len(rules)), [*map(len, inside)])
        at = list(zip(rules, inside, strict=True))
        missed = self.positives - np.concatenate([self.caught[rule][s] for rule, s in at])
        blocked = np.concatenate([self.blocked[rule][s] for rule, s in at])
        order = np.lexsort((of, sizes(len(self.names))[sets], self.costs()[sets], missed, blocked))
        least = np.minimum.accumulate(np.concatenate([[self.positives + 1], missed[order]]))
        kept = order[missed[order] < least[:-1]]
        return [(int(sets[one]), rules[int(of[one])]) for one in kept]

    def says(self, mask: int, rule: str) -> Bools:
        """Whether the set catches each case, (n,)."""
        need = int(self.needs(rule)[mask])
        if rule != WEIGHTED:
            votes = np.bitwise_count(self.masks & np.uint32(mask)).astype(np.int64)
        else:
            weights = self.options.weights or ()
            votes = np.zeros(len(self.y), dtype=np.int64)
            for bit, weight in enumerate(weights):
                votes += weight * (self.masks >> np.uint32(bit) & np.uint32(mask >> bit & 1))
        return np.asarray(votes >= need)

    def _shares(
        self, mask: int, rule: str, counts: tuple[int, int], of: tuple[int, int]
    ) -> tuple[Estimate, Estimate, Estimate]:
        (missed, blocked), (positives, negatives), level = counts, of, self.options.level
        n, right = positives + negatives, positives - missed + negatives - blocked
        if self.families is None:
            return (
                share(missed, positives, level),
                share(blocked, negatives, level),
                share(right, n, level),
            )
        caught_sd, blocked_sd = self._deviations(mask, rule)
        few, many = (len(np.unique(self.families[cases])) for cases in (~self.y, self.y))
        both = float(np.hypot(caught_sd * positives, blocked_sd * negatives)) / max(n, 1)
        return (
            clustered_share(missed, positives, caught_sd, many, level),
            clustered_share(blocked, negatives, blocked_sd, few, level),
            clustered_share(right, n, both, max(few, many), level),
        )

    def _deviations(self, mask: int, rule: str) -> tuple[float, float]:
        """The standard deviations of the share that is caught and of the share that is blocked."""
        if self.spreads is not None:
            of_blocked, of_caught = self.spreads[rule]
            return float(of_caught.sd[mask]), float(of_blocked.sd[mask])
        said, families = self.says(mask, rule), self.families
        if families is None:
            return float("nan"), float("nan")
        caught, blocked = (family_deviation(said[c], families[c]) for c in (self.y, ~self.y))
        return caught, blocked


def landscapes(
    verdicts: Floats, y: Bools, of: Places, n: int, *, names: Sequence[str], options: Options
) -> list[Landscape]:
    """Each of n strata, numbered by `of` (N,), in one pass.

    The negatives of stratum s are group 2 s, its positives 2 s + 1.
    """
    k = verdicts.shape[1]
    masks, groups = fire_masks(np.nan_to_num(verdicts).astype(bool)), of * 2 + y
    caught = _counts(histograms(masks, groups, k=k, n_groups=2 * n), options)
    absent = histograms(fire_masks(np.isnan(verdicts)), of, k=k, n_groups=n)
    missing = at_least(absent, (1,) * k)[1].astype(np.int64)
    families = None
    if options.families is not None:
        words = np.array(options.families, dtype=object).astype(str)
        families = np.unique(words, return_inverse=True)[1].reshape(-1)
    spreads = _spreads(masks, groups, families, k, 2 * n, options)
    return [
        Landscape(
            names=tuple(names), options=options, masks=masks[of == s], y=y[of == s],
            families=None if families is None else families[of == s],
            caught={rule: found[:, 2 * s + 1] for rule, found in caught.items()},
            blocked={rule: found[:, 2 * s] for rule, found in caught.items()},
            missing=missing[:, s],
            spreads=None if spreads is None
            else {rule: (found[2 * s], found[2 * s + 1]) for rule, found in spreads.items()},
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
    masks: Masks, groups: Places, families: Places | None, k: int, n: int, options: Options
) -> dict[str, tuple[Spread, ...]] | None:
    """By rule, the spread over draws of families, (2^k,) for each group; none where none is asked."""
    if families is None or not len(masks) or not options.replicates:
        return None
    draws = resampling.draw(masks, groups, k=k, n_groups=n, families=families,
                            replicates=options.replicates, seed=options.seed)  # fmt: skip
    sets = np.arange(1 << k)
    found: dict[str, tuple[Spread, ...]] = {}
    for weights, rules in _passes(options, k):
        needs = {rule: needed(rule, k, weights=options.weights) for rule in rules}
        wanted = np.zeros((sum(weights) + 1, 1 << k), dtype=bool)
        for need in needs.values():
            wanted[need, sets] |= need > 0
        spreads = resampling.spread(draws, weights, wanted, level=options.level)
        found |= {rule: tuple(one.at(need) for one in spreads) for rule, need in needs.items()}
    return found


def _passes(options: Options, k: int) -> list[tuple[tuple[int, ...], list[str]]]:
    """The rules that count judges in one transform, weighted votes in another."""
    counted = [rule for rule in options.rules if rule != WEIGHTED]
    passes = [((1,) * k, counted)] if counted else []
    if WEIGHTED in options.rules:
        passes.append((options.weights or (), [WEIGHTED]))
    return passes
