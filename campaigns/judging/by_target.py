"""Each target's own map of the ensemble's probabilities, from its labels: for calibration and pre-labels.

Three ways: none; an offset a target, shrunk to none as far as the labels bear it out (shifts.py); slope
and offset a target, drawn towards how targets differ (transfer.py). A way is taken where its log loss on
families that it has not seen is less, by more than a standard error, than that of the simpler ones: on
five targets that all had labels in gold, none was as good as any, because the judges had learnt from
each. A target without labels gets the others' mean, and no promise. Symbols: p (N,) probabilities that
are not fitted to their cases, y (N,) labels; a target of "" is none, and its cases stay as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, logit

from campaigns.judging.crossfit import family_folds
from campaigns.judging.ensemble import Ensemble, measure_quality
from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.shifts import fit_shifts
from campaigns.judging.thresholds import threshold_by_bound
from campaigns.judging.transfer import (
    WIDE,
    Between,
    Recalibrated,
    learn_between,
    recalibrate,
    why_no_promise,
)

FOLDS = 10
EDGE = 1e-6  # probabilities are kept this far off 0 and 1
NONE = ""


@dataclass(frozen=True)
class TargetMaps:
    """How targets differ, and the map of each that has labels."""

    between: Between
    maps: Mapping[str, Recalibrated]

    def apply(self, p: Floats, targets: Sequence[str]) -> Floats:
        """p (N,) of cases of these targets, each by its own map, or by the others' mean; nan stays nan."""
        of = _targets(p, targets)
        found = np.array(p, dtype=np.float64)
        for name in np.unique(of[of != NONE]):
            one, here = self.of(str(name)), of == name
            if (one.slope, one.offset) != (1.0, 0.0):
                found[here] = one.apply(log_odds(found[here]))
        return found

    def of(self, target: str) -> Recalibrated:
        """The map of this target; the others' mean, without a promise, where it is not known."""
        known = self.maps.get(target)
        return known or Recalibrated(*self.between.mean, 0, False, why_no_promise(0, 0))

    def as_json(self) -> dict[str, Any]:
        """The maps as plain values, for JSON."""
        return {
            "between": self.between.as_json(),
            "maps": {
                name: [one.slope, one.offset, one.n, one.reason] for name, one in self.maps.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "TargetMaps":
        """The maps that `as_json` wrote."""
        maps = {
            name: Recalibrated(float(slope), float(offset), int(n), not reason, str(reason))
            for name, (slope, offset, n, reason) in data["maps"].items()
        }
        return cls(Between.from_json(data["between"]), maps)


@dataclass(frozen=True, eq=False)
class Tried:
    """Each way's probabilities (N,), and its losses (n,), on families that it has not seen."""

    p_by: Mapping[str, Floats]
    losses_by: Mapping[str, Floats]  # -log likelihood of the n cases that have a target and a score

    @property
    def losses(self) -> dict[str, float | None]:
        """The log loss of each way; None where there is no such case."""
        return {
            way: float(some.mean()) if len(some) else None for way, some in self.losses_by.items()
        }

    @property
    def way(self) -> str:
        """The simplest way that no less simple one beats by more than a standard error."""
        chosen = next(iter(WAYS))
        for way in WAYS:
            gain = self.losses_by[chosen] - self.losses_by[way]
            if len(gain) > 1 and gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)):
                chosen = way
        return chosen

    @property
    def p(self) -> Floats:
        """The probabilities to go on with, (N,)."""
        return self.p_by[self.way]


def no_maps(p: Floats, y: Bools, targets: Sequence[str]) -> TargetMaps:
    """Every target's probabilities as they are."""
    _, labels, of = _labelled(p, y, targets)
    return _with_offsets({}, labels, of)


def fit_offsets(p: Floats, y: Bools, targets: Sequence[str]) -> TargetMaps:
    """An offset for each target that has a scored label; 0 for one that has none."""
    s, labels, of = _labelled(p, y, targets)
    return _with_offsets(fit_shifts(expit(s), labels, list(of)).by, labels, of)


def fit_maps(p: Floats, y: Bools, targets: Sequence[str]) -> TargetMaps:
    """Slope and offset for each target that has a scored label; the mean for one that has none."""
    s, labels, of = _labelled(p, y, targets)
    between = learn_between(s, labels, list(of))
    maps = {
        str(name): recalibrate(s[of == name], labels[of == name], between=between)
        for name in np.unique(of)
    }
    return TargetMaps(between, maps)


WAYS: Mapping[str, Callable[[Floats, Bools, Sequence[str]], TargetMaps]] = {
    "none": no_maps,
    "offset": fit_offsets,
    "slope and offset": fit_maps,
}


def try_ways(
    p: Floats, y: Bools, targets: Sequence[str], families: Sequence[str], *, seed: int
) -> Tried:
    """Each way fitted on the other folds' families."""
    of, y = _targets(p, targets), np.asarray(y, dtype=bool)
    fold = family_folds(families, y, folds=FOLDS, seed=seed)
    told = (of != NONE) & ~np.isnan(p)
    p_by = {way: np.array(p, dtype=np.float64) for way in WAYS}
    for way, fit in WAYS.items():
        for held in np.unique(fold):
            out = fold == held
            p_by[way][out] = fit(p[~out], y[~out], list(of[~out])).apply(p[out], list(of[out]))
    return Tried(p_by, {way: _losses(some[told], y[told]) for way, some in p_by.items()})


def has_several(targets: Sequence[str]) -> bool:
    """Whether there is anything to tell apart."""
    return len(set(targets) - {NONE}) > 1


def with_probabilities(
    ensemble: Ensemble, p: Floats, y: Bools, families: Sequence[str], *, bound: float
) -> Ensemble:
    """The ensemble with the threshold and the quality of cross-fitted p (N,) in place of its own.

    Give the cases alone that no judge's errors chose.
    """
    threshold = threshold_by_bound(p, y, bound=bound)
    quality = measure_quality(p, y, families, threshold=threshold.value, seed=ensemble.seed)
    return replace(ensemble, threshold=threshold, quality=quality)


def log_odds(p: Floats) -> Floats:
    """Log odds of probabilities, (N,), finite; nan stays nan."""
    return np.asarray(logit(np.clip(p, EDGE, 1 - EDGE)), dtype=np.float64)


def _losses(p: Floats, y: Bools) -> Floats:
    s = log_odds(p)
    return np.asarray(np.logaddexp(0.0, np.where(y, -s, s)), dtype=np.float64)


def _with_offsets(offsets: Mapping[str, float], y: Bools, of: Any) -> TargetMaps:
    (a, b), (c, d) = WIDE.tolist()
    maps = {}
    for name in np.unique(of):
        labels = y[of == name]
        reason = why_no_promise(int(labels.sum()), len(labels))
        offset = float(offsets.get(str(name), 0.0))
        maps[str(name)] = Recalibrated(1.0, offset, len(labels), not reason, reason)
    return TargetMaps(Between((1.0, 0.0), ((a, b), (c, d)), len(maps)), maps)


def _labelled(p: Floats, y: Bools, targets: Sequence[str]) -> tuple[Floats, Bools, Any]:
    """Log odds, labels and targets of the cases that have a target and a score."""
    of, y = _targets(p, targets), np.asarray(y, dtype=bool)
    seen = (of != NONE) & ~np.isnan(p)
    return log_odds(p[seen]), y[seen], of[seen]


def _targets(p: Floats, targets: Sequence[str]) -> Any:
    if len(p) != len(targets):
        raise BadScores(f"{len(p)} cases but {len(targets)} targets: give one for each case.")
    return np.array(list(targets), dtype=object).astype(str)
