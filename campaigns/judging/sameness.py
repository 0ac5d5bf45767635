"""Are new cases like the gold that a threshold was set on? Where they are not, nothing is promised.

A threshold bounds false alarms on cases drawn like its gold. Method: a classifier two-sample test
(Lopez-Paz and Oquab 2017): a cross-fitted logistic model tries to tell gold from new cases by what
the judges read; the interval of its area under the curve says how well it can. The labels of the new
cases are not needed. Symbols: x (N, D) features of gold, z (M, D) of new cases.
"""

from dataclasses import dataclass

import numpy as np

from annotations.measurement.results import Estimate
from campaigns.judging.discrimination import auroc
from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats, fit_linear

FOLDS = 5
MOST = 1_000  # of each; more would only find smaller differences
LEAST = 20
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


def compare(x: Floats, z: Floats, *, seed: int) -> Sameness:
    """Whether a promise made on gold x carries over to new cases z."""
    if x.ndim != 2 or z.ndim != 2 or x.shape[1] != z.shape[1]:
        raise BadScores(f"Features have the shapes {x.shape} and {z.shape}: give the same columns.")
    if min(len(x), len(z)) < LEAST:
        reason = (
            f"{len(x)} gold and {len(z)} new cases: at least {LEAST} of each are needed to see "
            "whether they are alike, so nothing is promised."
        )
        return Sameness(None, alike=False, reason=reason)
    rng = np.random.default_rng(seed)
    both = np.vstack([_some(x, rng), _some(z, rng)])
    new = np.arange(len(both)) >= min(len(x), MOST)
    area = auroc(_told(both, new, rng), new)
    low = area.low if area.low is not None else 1.0
    if low <= STILL_ALIKE:
        return Sameness(area, alike=True)
    reason = (
        f"These cases are told from the gold by what the judges read (area {area.value:.2f}, at least "
        f"{low:.2f}): a threshold does not carry over. Settle some of them first."
    )
    return Sameness(area, alike=False, reason=reason)


def _told(both: Floats, new: Bools, rng: np.random.Generator) -> Floats:
    """How much each row looks new to a model that has not seen it."""
    spread = both.std(axis=0)
    standard = (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1.0) / both.shape[1] ** 0.5
    fold = np.empty(len(both), dtype=np.int64)
    for part in (new, ~new):
        fold[part] = rng.permutation(int(part.sum())) % FOLDS
    told = np.empty(len(both))
    for held in range(FOLDS):
        out = fold == held
        told[out] = fit_linear(standard[~out], new[~out], strength=STRENGTH * both.shape[1]).logit(
            standard[out]
        )
    return told


def _some(rows: Floats, rng: np.random.Generator) -> Floats:
    if len(rows) <= MOST:
        return rows
    return rows[np.sort(rng.choice(len(rows), MOST, replace=False))]
