"""Many judges' scores made one calibrated probability with a threshold: for pre-labels and gates.

The scores must come from a cross-fit. The stack (stacking.py) makes one log odds of them; its own
cross-fitted log odds (families kept together; judges screened anew within each fold) give the
calibration, the shifts of strata, the threshold and every number reported. Cases that were sought where
judges err teach the stack, and nothing else: what is said of new cases rests on those that were drawn
without regard to any judge. Symbols: scores (N, M),
y (N,), s (N,) stacked log odds, p (N,) calibrated probabilities, t the threshold: positive where
p >= t.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import expit, logit

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from campaigns.judging.calibration import (
    CalibrationError,
    Calibrator,
    ReliabilityBin,
    brier,
    calibration_error,
    calibrator_from_json,
    fit_calibrator,
    log_loss,
    reliability,
)
from campaigns.judging.crossfit import Folds, family_folds
from campaigns.judging.discrimination import auroc
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.linear import Bools, Floats, revision_of
from campaigns.judging.screening import MemberReport, screen
from campaigns.judging.shifts import NO_SHIFTS, Shifts, fit_shifts
from campaigns.judging.stacking import Stack, fit_stack
from campaigns.judging.thresholds import Threshold, threshold_by_bound, threshold_by_cost

FOLDS = 10
FORMAT = 2


@dataclass(frozen=True)
class Quality:
    """The cross-fitted ensemble at its threshold, on the gold that it was built from."""

    n: int
    positives: int
    families: int
    unscored: int  # cases without any verdict: they count as not caught
    auroc: Estimate
    accuracy: Estimate
    evasion: Estimate
    over_block: Estimate
    log_loss: float
    brier: float
    calibration: CalibrationError
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A calibrated combination of judges, with the quality it showed when it was built."""

    names: tuple[str, ...]
    members: tuple[MemberReport, ...]
    stack: Stack
    calibrator: Calibrator
    shifts: Shifts
    threshold: Threshold
    quality: Quality
    seed: int

    @cached_property
    def revision(self) -> str:
        """sha256 over everything that `as_json` writes."""
        return revision_of(self.as_json())

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each voting judge's standardised log odds by itself, by name."""
        voting = [self.names[column] for column in self.stack.columns]
        return dict(zip(voting, self.stack.weights, strict=True))

    def predict(self, scores: Floats, strata: Sequence[str] | None = None) -> Floats:
        """P(positive), (N,), of scores (N, M) in the order of `names`; nan without any verdict.

        `strata` are the cases' as in `fit_ensemble`; without them no stratum's shift is added.
        """
        check_scores(scores, self.names)
        p = self.calibrator.apply(self.stack.log_odds(scores))
        return self.shifts.apply(p, strata)

    def decide(self, scores: Floats, strata: Sequence[str] | None = None) -> Floats:
        """1 where positive, 0 where not, nan without any verdict, (N,)."""
        p = self.predict(scores, strata)
        return np.where(np.isnan(p), np.nan, (p >= self.threshold.value).astype(np.float64))

    def as_json(self) -> dict[str, Any]:
        """The ensemble as plain values, for JSON."""
        return {
            "format": FORMAT,
            "names": list(self.names),
            "members": [asdict(member) for member in self.members],
            "stack": self.stack.as_json(),
            "calibrator": self.calibrator.as_json(),
            "shifts": self.shifts.as_json(),
            "threshold": asdict(self.threshold),
            "quality": asdict(self.quality),
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Ensemble":
        """The ensemble that `as_json` wrote."""
        if data.get("format") != FORMAT:
            raise BadScores(
                f"This ensemble has the format {data.get('format')}, this version reads {FORMAT}: "
                "calibrate again."
            )
        return cls(
            names=tuple(data["names"]),
            members=tuple(
                MemberReport(**{**one, "auroc": Estimate(**one["auroc"])})
                for one in data["members"]
            ),
            stack=Stack.from_json(data["stack"]),
            calibrator=calibrator_from_json(data["calibrator"]),
            shifts=Shifts.from_json(data["shifts"]),
            threshold=Threshold(**data["threshold"]),
            quality=_quality_from_json(data["quality"]),
            seed=int(data["seed"]),
        )


def fit_ensemble(
    scores: Floats,
    y: Bools,
    families: Sequence[str],
    *,
    names: Sequence[str],
    strata: Sequence[str] | None = None,
    drawn: Bools | None = None,
    bound_over_block: float = 0.05,
    cost: float | None = None,
    seed: int,
) -> Ensemble:
    """Build the ensemble from cross-fitted scores.

    `drawn` (N,) are the cases that no judge's errors chose: calibration, threshold and quality are
    theirs; without it every case is. `strata` may need a shift of their own, such as obvious and
    context-dependent cases. The threshold keeps over-blocking within `bound_over_block`, or, where
    `cost` is given (how many over-blocked cases one evasion is worth), makes the expected cost least.
    Raises `CannotFit`.
    """
    y = np.asarray(y, dtype=bool)
    check_scores(scores, names)
    _check_request(scores, y, families, bound_over_block, cost)
    drawn = np.ones(len(y), dtype=bool) if drawn is None else drawn
    stack = fit_stack(scores, y, names=names, seed=seed)
    folds = family_folds(families, y, folds=FOLDS, seed=seed)
    s, p = _cross_fitted(scores, y, folds, names=names, strata=strata, drawn=drawn, seed=seed)
    threshold = (
        threshold_by_bound(p[drawn], y[drawn], bound=bound_over_block)
        if cost is None
        else threshold_by_cost(cost)
    )
    calibrator, shifts = _calibrate(s, y, ~np.isnan(s) & drawn, folds, strata)
    apart = [family for family, kept in zip(families, drawn, strict=True) if kept]
    return Ensemble(
        names=tuple(names),
        members=screen(scores, y, names=names),
        stack=stack,
        calibrator=calibrator,
        shifts=shifts,
        threshold=threshold,
        quality=measure_quality(p[drawn], y[drawn], apart, threshold=threshold.value, seed=seed),
        seed=seed,
    )


def cross_fit_ensemble(
    scores: Floats,
    y: Bools,
    families: Sequence[str],
    *,
    names: Sequence[str],
    strata: Sequence[str] | None = None,
    drawn: Bools | None = None,
    seed: int,
) -> Floats:
    """Calibrated P(positive) of each gold case, (N,), by ensembles that don't know its family."""
    y = np.asarray(y, dtype=bool)
    check_scores(scores, names)
    _check_request(scores, y, families)
    folds = family_folds(families, y, folds=FOLDS, seed=seed)
    drawn = np.ones(len(y), dtype=bool) if drawn is None else drawn
    return _cross_fitted(scores, y, folds, names=names, strata=strata, drawn=drawn, seed=seed)[1]


def check_scores(scores: Floats, names: Sequence[str]) -> None:
    """Raise `BadScores` unless there is one named column a judge, with probabilities or nan."""
    if scores.ndim != 2 or scores.shape[1] != len(names):
        raise BadScores(f"Scores have the shape {scores.shape}; {len(names)} judges are named.")
    if len(set(names)) != len(names):
        raise BadScores("Two judges have one name: give each its own.")
    if not np.all(np.isnan(scores) | ((scores >= 0) & (scores <= 1))):
        raise BadScores("A score is a probability from 0 to 1, or missing.")


def _check_request(
    scores: Floats,
    y: Bools,
    families: Sequence[str],
    bound: float = 0.05,
    cost: float | None = None,
) -> None:
    if not len(scores) == len(y) == len(families):
        raise BadScores(
            f"{len(scores)} rows of scores, {len(y)} labels and {len(families)} families: "
            "give one of each for each case."
        )
    if not 0 < bound < 1:
        raise BadScores("The bound on over-blocking is a share between 0 and 1, such as 0.05.")
    if cost is not None and not cost > 0:
        raise BadScores("The cost of an evasion, in over-blocked cases, must be above 0.")


def _cross_fitted(
    scores: Floats,
    y: Bools,
    folds: Folds,
    *,
    names: Sequence[str],
    strata: Sequence[str] | None,
    drawn: Bools,
    seed: int,
) -> tuple[Floats, Floats]:
    """s and p, (N,) each: no case is seen by the stack or the calibrator that scores it."""
    s = np.full(len(y), np.nan)
    for held in np.unique(folds):
        s[folds == held] = _score_held(scores, y, folds == held, names, seed)
    p = np.full(len(y), np.nan)
    for held in np.unique(folds):
        out = folds == held
        seen = ~out & ~np.isnan(s) & drawn
        try:
            calibrator, shifts = _calibrate(s, y, seen, folds, strata)
        except CannotFit:  # the other folds' scored cases have one answer only: as they are
            p[out] = expit(s[out])
            continue
        p[out] = shifts.apply(calibrator.apply(s[out]), _some(strata, out))
    return s, p


def _score_held(scores: Floats, y: Bools, held: Bools, names: Sequence[str], seed: int) -> Floats:
    """The held cases' log odds; the base rate where no judge passes the screening on the others."""
    try:
        return fit_stack(scores[~held], y[~held], names=names, seed=seed).log_odds(scores[held])
    except CannotFit:
        base = float(logit(y[~held].mean()))
        return np.where(np.isnan(scores[held]).all(axis=1), np.nan, base)


def _calibrate(
    s: Floats,
    y: Bools,
    seen: Bools,
    folds: Folds,
    strata: Sequence[str] | None,
) -> tuple[Calibrator, Shifts]:
    calibrator = fit_calibrator(s[seen], y[seen], folds=folds[seen])
    of = _some(strata, seen)
    return calibrator, (
        NO_SHIFTS if of is None else fit_shifts(calibrator.apply(s[seen]), y[seen], of)
    )


def _some(strata: Sequence[str] | None, chosen: Bools) -> list[str] | None:
    if strata is None:
        return None
    return [name for name, keep in zip(strata, chosen, strict=True) if keep]


def measure_quality(
    p: Floats, y: Bools, families: Sequence[str], *, threshold: float, seed: int
) -> Quality:
    """What probabilities p (N,) are worth at a threshold; p must not be fitted to these cases."""
    scored = ~np.isnan(p)
    fired = np.where(scored, p, -1.0) >= threshold
    positives = int(y.sum())
    return Quality(
        n=len(y),
        positives=positives,
        families=len(set(families)),
        unscored=int((~scored).sum()),
        auroc=auroc(p, y),
        accuracy=proportion(int((fired == y).sum()), len(y)),
        evasion=proportion(int((~fired & y).sum()), positives),
        over_block=proportion(int((fired & ~y).sum()), len(y) - positives),
        log_loss=log_loss(p[scored], y[scored]),
        brier=brier(p[scored], y[scored]),
        calibration=calibration_error(p[scored], y[scored], seed=seed),
        reliability=reliability(p[scored], y[scored]),
    )


def _quality_from_json(data: Mapping[str, Any]) -> Quality:
    rates = ("auroc", "accuracy", "evasion", "over_block")
    bins = tuple(
        ReliabilityBin(**{**one, "found": Estimate(**one["found"])}) for one in data["reliability"]
    )
    return Quality(
        **{
            **data,
            **{name: Estimate(**data[name]) for name in rates},
            "calibration": CalibrationError(**data["calibration"]),
            "reliability": bins,
        }
    )
