"""Are new cases like the gold that a threshold was set on? Where they are not, nothing is promised.

A threshold bounds false alarms on cases drawn like its gold. Method: a classifier two-sample test
(Lopez-Paz and Oquab 2017): a cross-fitted logistic model tries to tell gold from new cases by what
the judges read; the interval of its area under the curve says how well it can. The labels of the new
cases are not needed. Variants of one seed stay in one fold: a model that knew a seed by its other variants
would tell new cases apart for their seed alone. Symbols: x (N, D) features of gold, z (M, D) of new cases.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotations.measurement.results import Estimate
from campaigns.judging.discrimination import auroc
from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats, fit_linear

FOLDS = 5
MOST = 1_000  # of each; more would only find smaller differences
LEAST = 20
LEAST_FAMILIES = 5  # of each
STILL_ALIKE = (
    0.6  # an area that is below it for certain, or could be, is a difference too small to move much
)
STRENGTH = 0.1


@dataclass(frozen=True)
class Sameness:
    """How well new cases are told from gold: .5 not at all, 1 always; `alike` or why not."""

    area: Estimate | None
    alike: bool
    reason: str = ""


def compare(
    x: Floats, z: Floats, *, families: tuple[Sequence[str], Sequence[str]] | None = None, seed: int
) -> Sameness:
    """Whether a promise made on gold x carries over to new cases z.

    `families` are those of the gold and of the new cases; without them each case is its own.
    """
    if x.ndim != 2 or z.ndim != 2 or x.shape[1] != z.shape[1]:
        raise BadScores(f"Features have the shapes {x.shape} and {z.shape}: give the same columns.")
    names = _families(x, z, families)
    if reason := _too_few(names, len(x)):
        return Sameness(None, alike=False, reason=reason)
    rng = np.random.default_rng(seed)
    chosen = np.concatenate([_some(len(x), rng), len(x) + _some(len(z), rng)])
    both, new = np.vstack([x, z])[chosen], chosen >= len(x)
    area = auroc(_told(both, new, _folds(names[chosen], new, rng)), new)
    low = area.low if area.low is not None else 1.0
    if low <= STILL_ALIKE:
        return Sameness(area, alike=True)
    reason = (
        f"These cases are told from the gold by what the judges read (area {area.value:.2f}, at least "
        f"{low:.2f}): a threshold does not carry over. Settle some of them first."
    )
    return Sameness(area, alike=False, reason=reason)


def _told(both: Floats, new: Bools, fold: Any) -> Floats:
    """How much each row looks new to a model that has not seen its fold."""
    spread = both.std(axis=0)
    standard = (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1.0) / both.shape[1] ** 0.5
    told = np.empty(len(both))
    for held in range(FOLDS):
        out = fold == held
        told[out] = fit_linear(standard[~out], new[~out], strength=STRENGTH * both.shape[1]).logit(
            standard[out]
        )
    return told


def _folds(families: Any, new: Bools, rng: np.random.Generator) -> Any:
    """The fold of each row: families whole, those of gold and those of new cases spread evenly."""
    has_new = {str(name) for name in families[new]}
    has_gold = {str(name) for name in families[~new]}
    fold = {}
    for some in (has_new - has_gold, has_gold - has_new, has_new & has_gold):
        names = sorted(some)
        for place, name in enumerate(rng.permutation(len(names))):
            fold[names[name]] = place % FOLDS
    return np.array([fold[str(name)] for name in families])


def _families(x: Floats, z: Floats, families: tuple[Sequence[str], Sequence[str]] | None) -> Any:
    if families is None:
        return np.arange(len(x) + len(z)).astype(str)
    gold, new = families
    if len(gold) != len(x) or len(new) != len(z):
        raise BadScores("Name the family of each gold case and of each new case.")
    return np.array([*gold, *new], dtype=object).astype(str)


def _too_few(families: Any, n: int) -> str:
    if min(n, len(families) - n) < LEAST:
        return (
            f"{n} gold and {len(families) - n} new cases: at least {LEAST} of each are needed to see "
            "whether they are alike, so nothing is promised."
        )
    gold, new = len(set(families[:n])), len(set(families[n:]))
    if min(gold, new) < LEAST_FAMILIES:
        return (
            f"Gold of {gold} and new cases of {new} seeds: at least {LEAST_FAMILIES} of each are "
            "needed to see whether they are alike, so nothing is promised."
        )
    return ""


def _some(n: int, rng: np.random.Generator) -> Any:
    return np.arange(n) if n <= MOST else np.sort(rng.choice(n, MOST, replace=False))
