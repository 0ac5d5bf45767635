"""Do judges miss the same cases? Joint errors, measured and never multiplied.

Symbols: of P gold positives, a evade judge A, b evade B, c evade both. Of the cases that evade A, c / a
evade B; if the two erred independently it would be b / P, and the factor over independence is
c P / (a b): 1 is independent, more means that they share their blind spots. The same for cases that
are over-blocked. A missing verdict is no catch, so such a case evades. Intervals: shares as in
`intervals`; the factor by percentiles over draws of families (of cases, where there are none).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotations.measurement.results import Estimate, undefined
from campaigns.judging.evasion.intervals import clustered_share, share
from campaigns.judging.evasion.resampling import REPLICATES, percentiles
from campaigns.judging.linear import Bools, Floats

DRAWN = "percentiles of draws of families"
BY_CASES = "percentiles of draws of cases"
NONE_EVADES = "Nothing gets past one of the two, so there is no factor."
UNSTEADY = "In too many draws nothing gets past one of the two: settle more cases."


@dataclass(frozen=True)
class JointErrors:
    """Of the cases that `first` gets wrong, how many `second` gets wrong too."""

    first: str
    second: str
    both: int
    share: Estimate
    alone: float | None  # the second's error over all cases: what independence would give
    factor: Estimate


@dataclass(frozen=True)
class AllTogether:
    """What every judge misses, beside the product of the single rates, which is never to be used."""

    share: Estimate
    product: float | None
    factor: Estimate


@dataclass(frozen=True)
class Together:
    """All ordered pairs, first by first, and all judges at once."""

    pairs: tuple[JointErrors, ...]
    everyone: AllTogether


def joint_errors(
    wrong: Bools, names: Sequence[str], *, families: Sequence[str] | None = None,
    replicates: int = REPLICATES, seed: int = 0, level: float = 0.95,
) -> Together:  # fmt: skip
    """wrong (P, k): which cases of one gold class each judge gets wrong (see `evades`, `blocks`)."""
    rows, weights = _drawn(wrong, families, replicates=replicates, seed=seed)
    n_families = len(wrong) if families is None else len(set(families))
    counts = np.einsum("ij,ik->jk", wrong.astype(np.float64), wrong.astype(np.float64))
    drawn = np.stack([(rows * w[:, None]).T @ rows for w in weights])  # (R, k, k)
    everyone = rows.all(axis=1)
    n = _Drawn(drawn, weights.sum(axis=1), weights @ everyone.astype(np.float64))
    is_drawn = families is not None
    pairs = tuple(
        _pair(a, b, counts, len(wrong), n, names, n_families, is_drawn, level)
        for a in range(len(names))
        for b in range(len(names))
        if a != b
    )
    together = _everyone(wrong, n, n_families, is_drawn, level)
    return Together(pairs, together)


def evades(verdicts: Floats, y: Bools) -> Bools:
    """Which gold positives evade each judge, (P, k)."""
    return ~np.nan_to_num(verdicts[y]).astype(bool)


def blocks(verdicts: Floats, y: Bools) -> Bools:
    """Which gold negatives each judge blocks, (N - P, k)."""
    return np.nan_to_num(verdicts[~y]).astype(bool)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Over R draws: joint errors (R, k, k), cases (R,), cases that all get wrong (R,)."""

    joint: Floats
    cases: Floats
    everyone: Floats


def _drawn(
    wrong: Bools, families: Sequence[str] | None, *, replicates: int, seed: int
) -> tuple[Floats, Floats]:
    """The different rows of `wrong` (U, k) and how often each was drawn, (R, U)."""
    rows, of = np.unique(wrong, axis=0, return_inverse=True)
    of = of.reshape(-1)
    rng = np.random.default_rng(seed)
    drawn = np.zeros((replicates, len(rows)))
    if not len(wrong):
        return rows.astype(np.float64), drawn
    if families is None:
        counts = np.bincount(of, minlength=len(rows))
        drawn[:] = rng.multinomial(len(wrong), counts / len(wrong), size=replicates)
        return rows.astype(np.float64), drawn
    _, family = np.unique(np.array(families, dtype=object).astype(str), return_inverse=True)
    units = int(family.max()) + 1
    for replicate in range(replicates):
        times = np.bincount(rng.integers(0, units, units), minlength=units)
        drawn[replicate] = np.bincount(of, weights=times[family], minlength=len(rows))
    return rows.astype(np.float64), drawn


def _pair(
    a: int, b: int, counts: Floats, n: int, drawn: _Drawn, names: Sequence[str], families: int,
    is_drawn: bool, level: float,
) -> JointErrors:  # fmt: skip
    of_a, of_b, both = int(counts[a, a]), int(counts[b, b]), int(counts[a, b])
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = drawn.joint[:, a, b] / drawn.joint[:, a, a]
        factors = shares * drawn.cases / drawn.joint[:, b, b]
    value = both * n / (of_a * of_b) if of_a and of_b else None
    said = share(both, of_a, level)
    if is_drawn:
        said = clustered_share(both, of_a, _deviation(shares), min(families, of_a), level)
    return JointErrors(
        first=names[a], second=names[b], both=both, share=said, alone=of_b / n if n else None,
        factor=_factor(value, factors, n, is_drawn, level),
    )  # fmt: skip


def _everyone(
    wrong: Bools, drawn: _Drawn, families: int, is_drawn: bool, level: float
) -> AllTogether:
    n, both = len(wrong), int(wrong.all(axis=1).sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = drawn.everyone / drawn.cases
        singles = np.diagonal(drawn.joint, axis1=1, axis2=2) / drawn.cases[:, None]
        factors = shares / singles.prod(axis=1)
    product = float(wrong.mean(axis=0).prod()) if n else None
    said = (
        clustered_share(both, n, _deviation(shares), families, level)
        if is_drawn
        else share(both, n, level)
    )
    value = both / n / product if product else None
    return AllTogether(said, product, _factor(value, factors, n, is_drawn, level))


def _factor(value: float | None, factors: Floats, n: int, is_drawn: bool, level: float) -> Estimate:
    method = DRAWN if is_drawn else BY_CASES
    if value is None:
        return undefined(NONE_EVADES, n=n, method=method, level=level)
    ends = percentiles(factors, level=level)
    if ends is None:
        return Estimate(value, None, None, n, level=level, method=method, reason=UNSTEADY)
    low, high = min(ends[0], value), max(ends[1], value)
    return Estimate(value, low, high, n, level=level, method=method)


def _deviation(shares: Floats) -> float:
    kept = shares[np.isfinite(shares)]
    return float(kept.std()) if len(kept) > 1 else float("nan")
