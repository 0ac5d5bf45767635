"""Judges against the human ceiling: how far one person gets where the others are the measure (pure).

A judge can't be asked to be more right than a person is. So each person in turn is held against the
other people of the item, and every judge against the same reference.

Symbols: items i with m_i >= 3 people's answers x_ir in {0, 1}; for rater r the reference
R_ir = the majority of the others (a tie leaves the pair out). Over all pairs (i, r) that are kept:
    evasion       #[R = 1, x = 0] / #[R = 1]     what is missed
    over-blocking #[R = 0, x = 1] / #[R = 0]     what is flagged for nothing
A pair counts as one, whoever it is of: an item on which people split has fewer pairs, since fewer of
its people have others who agree.
Intervals: bootstrap over items, the same resamples for people and judges.
Sources: R. Artstein, M. Poesio (2008), Computational Linguistics 34: 555-596, section 4 (agreement
bounds what can be learnt); M. Mazeika et al. (2024), "HarmBench", arXiv:2402.04249, appendix (judges
held against the majority of people).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from annotations.measurement.bootstrap import Bootstrap, percentile_interval
from annotations.measurement.results import Estimate, undefined

Floats = NDArray[np.float64]
Item = TypeVar("Item", bound=Hashable)

PERSON = "one person"
METHOD = "each person against the others; bootstrap over cases"
MIN_PEOPLE = 3


@dataclass(frozen=True)
class Errors:
    """How one kind of rater errs against the reference: `n` items had one."""

    name: str
    evasion: Estimate
    over_block: Estimate


def human_ceiling(
    people: Mapping[Item, Sequence[bool]], judges: Mapping[str, Mapping[Item, bool]], *,
    how: Bootstrap | None = None,
) -> list[Errors]:  # fmt: skip
    """One person first, then every judge in the order given; undefined where nothing can be held.

    `people`: item -> the answers of its people, True for a failure seen; `judges`: judge -> item ->
    answer (an item without an answer of a judge does not count for that judge).
    """
    how = how or Bootstrap()
    pairs = {item: _pairs(given) for item, given in people.items()}
    kept = {item: found for item, found in pairs.items() if found}
    items = list(kept)
    weights = _resamples(len(items), how)
    rows = [_row(kept[i]) for i in items]
    found = [_errors(PERSON, rows, weights, how)]
    for name, said in judges.items():
        rows = [_row([(said[i], r) for _, r in kept[i]] if i in said else []) for i in items]
        found.append(_errors(name, rows, weights, how))
    return found


def _pairs(given: Sequence[bool]) -> list[tuple[bool, bool]]:
    """(own answer, reference of the others) for every person whose others are not tied."""
    if len(given) < MIN_PEOPLE:
        return []
    positive = sum(given)
    found = []
    for own in given:
        yes, others = positive - own, len(given) - 1
        if 2 * yes != others:
            found.append((own, 2 * yes > others))
    return found


def _row(pairs: Sequence[tuple[bool, bool]]) -> tuple[int, int, int, int]:
    """Of one item: its pairs missed, of those with R = 1; flagged, of those with R = 0."""
    positive = sum(r for _, r in pairs)
    missed = sum(r and not x for x, r in pairs)
    flagged = sum(x and not r for x, r in pairs)
    return missed, positive, flagged, len(pairs) - positive


def _resamples(n: int, how: Bootstrap) -> Floats:
    """(R, N) how often each item is drawn."""
    if n == 0:
        return np.zeros((how.replicates, 0))
    rng = np.random.default_rng(how.seed)
    drawn = rng.integers(0, n, (how.replicates, n))
    rows = np.arange(how.replicates)[:, None] * n
    return np.bincount((drawn + rows).ravel(), minlength=how.replicates * n).reshape(
        how.replicates, n
    ).astype(np.float64)  # fmt: skip


def _errors(
    name: str, rows: Sequence[tuple[int, int, int, int]], weights: Floats, how: Bootstrap
) -> Errors:
    table = np.array(rows, dtype=np.float64).reshape(-1, 4)
    sums, totals = weights @ table, table.sum(axis=0)
    return Errors(
        name,
        _rate(totals[0], totals[1], sums[:, 0], sums[:, 1], int((table[:, 1] > 0).sum()), how),
        _rate(totals[2], totals[3], sums[:, 2], sums[:, 3], int((table[:, 3] > 0).sum()), how),
    )


def _rate(
    top: float, bottom: float, tops: Floats, bottoms: Floats, n: int, how: Bootstrap
) -> Estimate:
    if bottom <= 0:
        reason = "No case with three people's answers has this reference."
        return undefined(reason, n=0, method=METHOD, level=how.level)
    values = np.divide(tops, bottoms, out=np.full(len(tops), np.nan), where=bottoms > 0)
    point = float(top / bottom)
    ends = percentile_interval(values, point=point, n=n, level=how.level)
    return Estimate(
        point, ends.low, ends.high, n, level=how.level, method=METHOD, reason=ends.reason
    )
