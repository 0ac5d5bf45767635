"""Many judges' scores made one calibrated probability with a threshold: for pre-labels and gates.

Method: stacking (Wolpert 1992). The scores must come from a cross-fit. Each judge's log odds are
standardised; where it gave no verdict the standardised value is 0 and an indicator is 1; a
penalised logistic model weighs them. Its own cross-fitted log odds (families kept together; judges
screened anew within each fold) give the calibration, the threshold and every number reported.
Symbols: scores (N, M), y (N,), s (N,) stacked log odds, p (N,) calibrated probabilities, t the
threshold: positive where p >= t.
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
from campaigns.judging.crossfit import family_folds
from campaigns.judging.discrimination import auroc
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.linear import Bools, Floats, Linear, fit_linear, revision_of

EDGE = 1e-3  # a verdict of 0 or 1 counts as this close to certain
STRENGTH = 0.1  # judges agree a lot: a strong penalty shares the weight between them
FOLDS = 10
FORMAT = 1


@dataclass(frozen=True)
class MemberReport:
    """One judge: how well it tells, whether it votes, and if not, why."""

    name: str
    verdicts: int
    auroc: Estimate
    used: bool
    reason: str = ""


@dataclass(frozen=True)
class Threshold:
    """From which probability a case is positive, by which rule, and whether that is promised."""

    value: float
    rule: str  # "bound" or "cost"
    stated: float
    promised: bool
    reason: str = ""


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
class Stack:
    """Which columns vote, how they are standardised, their weights; `gaps` have indicators."""

    columns: tuple[int, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    gaps: tuple[int, ...]
    model: Linear

    def log_odds(self, scores: Floats) -> Floats:
        """s (N,); nan where none of the voting judges gave a verdict."""
        voting = scores[:, list(self.columns)]
        features = _stack_features(voting, self.centre, self.spread, self.gaps)
        return np.where(np.isnan(voting).all(axis=1), np.nan, self.model.logit(features))


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A calibrated combination of judges, with the quality it showed when it was built."""

    names: tuple[str, ...]
    members: tuple[MemberReport, ...]
    stack: Stack
    calibrator: Calibrator
    threshold: Threshold
    quality: Quality
    seed: int

    @cached_property
    def revision(self) -> str:
        """sha256 over everything that `as_json` writes."""
        return revision_of(self.as_json())

    @property
    def weights(self) -> dict[str, float]:
        """The weight of each voting judge's standardised log odds, by name."""
        voting = [self.names[column] for column in self.stack.columns]
        return {name: float(w) for name, w in zip(voting, self.stack.model.weights, strict=False)}

    def predict(self, scores: Floats) -> Floats:
        """P(positive), (N,), of scores (N, M) in the order of `names`; nan without any verdict."""
        check_scores(scores, self.names)
        return self.calibrator.apply(self.stack.log_odds(scores))

    def decide(self, scores: Floats) -> Floats:
        """1 where positive, 0 where not, nan without any verdict, (N,)."""
        p = self.predict(scores)
        return np.where(np.isnan(p), np.nan, (p >= self.threshold.value).astype(np.float64))

    def as_json(self) -> dict[str, Any]:
        """The ensemble as plain values, for JSON."""
        return {
            "format": FORMAT,
            "names": list(self.names),
            "members": [asdict(member) for member in self.members],
            "stack": {
                "columns": list(self.stack.columns),
                "centre": list(self.stack.centre),
                "spread": list(self.stack.spread),
                "gaps": list(self.stack.gaps),
                "model": self.stack.model.as_json(),
            },
            "calibrator": self.calibrator.as_json(),
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
            stack=_stack_from_json(data["stack"]),
            calibrator=calibrator_from_json(data["calibrator"]),
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
    bound_over_block: float = 0.05,
    cost: float | None = None,
    seed: int,
) -> Ensemble:
    """Build the ensemble from cross-fitted scores.

    The threshold keeps over-blocking within `bound_over_block`, or, where `cost` is given (how many
    over-blocked cases one evasion is worth), makes the expected cost least. Raises `CannotFit`.
    """
    y = np.asarray(y, dtype=bool)
    check_scores(scores, names)
    _check_request(scores, y, families, bound_over_block, cost)
    members = screen(scores, y, names=names)
    stack = _fit_stack(scores, y, names=names)
    s, p = _cross_fitted(scores, y, families, names=names, seed=seed)
    scored = ~np.isnan(s)
    threshold = (
        threshold_by_bound(p, y, bound=bound_over_block)
        if cost is None
        else threshold_by_cost(cost)
    )
    return Ensemble(
        names=tuple(names),
        members=members,
        stack=stack,
        calibrator=fit_calibrator(s[scored], y[scored]),
        threshold=threshold,
        quality=_measure(p, y, families, threshold=threshold.value, seed=seed),
        seed=seed,
    )


def cross_fit_ensemble(
    scores: Floats, y: Bools, families: Sequence[str], *, names: Sequence[str], seed: int
) -> Floats:
    """Calibrated P(positive) of each gold case, (N,), by ensembles that don't know its family."""
    y = np.asarray(y, dtype=bool)
    check_scores(scores, names)
    _check_request(scores, y, families)
    return _cross_fitted(scores, y, families, names=names, seed=seed)[1]


def screen(scores: Floats, y: Bools, *, names: Sequence[str]) -> tuple[MemberReport, ...]:
    """Who may vote: a judge whose interval of the area under the curve lies above one half."""
    return tuple(
        _report(name, scores[:, column], y, earlier=scores[:, :column], names=names)
        for column, name in enumerate(names)
    )


def threshold_by_bound(p: Floats, y: Bools, *, bound: float) -> Threshold:
    """The lowest t with (1 + negatives at or above t) / (1 + negatives) <= bound.

    The added case is that of split conformal prediction: it makes the bound hold for a new case.
    """
    negatives = np.sort(p[~y & ~np.isnan(p)])[::-1]
    allowed = int(np.floor(bound * (len(negatives) + 1) + 1e-9)) - 1
    if allowed < 0:
        least = int(np.ceil(1 / bound - 1e-9)) - 1
        reason = (
            f"Only {len(negatives)} scored negative gold cases: a bound of {bound:.0%} on "
            f"over-blocking needs at least {least}."
        )
        return Threshold(_just_above(negatives, 0), "bound", bound, promised=False, reason=reason)
    return Threshold(_just_above(negatives, allowed), "bound", bound, promised=True)


def threshold_by_cost(cost: float) -> Threshold:
    """t = 1 / (1 + cost): the least expected cost where the probabilities are calibrated."""
    return Threshold(1 / (1 + cost), "cost", cost, promised=True)


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


def _report(
    name: str, column: Floats, y: Bools, *, earlier: Floats, names: Sequence[str]
) -> MemberReport:
    given = int((~np.isnan(column)).sum())
    area = auroc(column, y)
    reason = ""
    twin = next((names[i] for i in range(earlier.shape[1]) if _same(earlier[:, i], column)), None)
    if not given:
        reason = "gave no verdict on any gold case"
    elif area.low is None or area.high is None:
        reason = "gave verdicts on gold cases of one answer only"
    elif area.high < 0.5:
        reason = "inverted: it says positive where gold says negative; check its polarity"
    elif area.low <= 0.5:
        reason = "useless so far: it cannot be told from guessing on this gold"
    elif twin is not None:
        reason = f"gives the same scores as {twin}"
    return MemberReport(name, given, area, used=not reason, reason=reason)


def _same(one: Floats, other: Floats) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))


def _fit_stack(scores: Floats, y: Bools, *, names: Sequence[str]) -> Stack:
    members = screen(scores, y, names=names)
    columns = tuple(index for index, member in enumerate(members) if member.used)
    if not columns:
        told = "; ".join(f"{member.name} {member.reason}" for member in members)
        raise CannotFit(
            f"No judge tells positive from negative on {len(y)} gold cases ({told}). Settle more "
            "gold cases, or add judges."
        )
    voting = scores[:, list(columns)]
    log_odds = _log_odds(voting)
    centre = np.nanmean(log_odds, axis=0)
    spread = np.nanstd(log_odds, axis=0)
    spread[spread == 0] = 1.0  # a judge that is always surer than EDGE
    missing = np.isnan(voting)
    gaps = tuple(int(i) for i in np.flatnonzero(missing.any(axis=0)))
    centres, spreads = tuple(map(float, centre)), tuple(map(float, spread))
    scored = ~missing.all(axis=1)
    features = _stack_features(voting[scored], centres, spreads, gaps)
    model = fit_linear(features, y[scored], strength=STRENGTH)
    return Stack(columns, centres, spreads, gaps, model)


def _stack_features(
    voting: Floats, centre: Sequence[float], spread: Sequence[float], gaps: Sequence[int]
) -> Floats:
    standard = (_log_odds(voting) - np.array(centre)) / np.array(spread)
    missing = np.isnan(voting)[:, list(gaps)].astype(np.float64)
    return np.hstack([np.nan_to_num(standard), missing])


def _log_odds(scores: Floats) -> Floats:
    return np.asarray(logit(np.clip(scores, EDGE, 1 - EDGE)), dtype=np.float64)


def _cross_fitted(
    scores: Floats, y: Bools, families: Sequence[str], *, names: Sequence[str], seed: int
) -> tuple[Floats, Floats]:
    """s and p, (N,) each: no case is seen by the stack or the calibrator that scores it."""
    folds = family_folds(families, y, folds=FOLDS, seed=seed)
    s = np.full(len(y), np.nan)
    for held in np.unique(folds):
        s[folds == held] = _score_held(scores, y, folds == held, names)
    p = np.full(len(y), np.nan)
    for held in np.unique(folds):
        seen = (folds != held) & ~np.isnan(s)
        p[folds == held] = _calibrate_held(s, y, seen, folds == held)
    return s, p


def _score_held(scores: Floats, y: Bools, held: Bools, names: Sequence[str]) -> Floats:
    """The held cases' log odds; the base rate where no judge passes the screening on the others."""
    try:
        return _fit_stack(scores[~held], y[~held], names=names).log_odds(scores[held])
    except CannotFit:
        base = float(logit(y[~held].mean()))
        return np.where(np.isnan(scores[held]).all(axis=1), np.nan, base)


def _calibrate_held(s: Floats, y: Bools, seen: Bools, held: Bools) -> Floats:
    try:
        return fit_calibrator(s[seen], y[seen]).apply(s[held])
    except (
        CannotFit
    ):  # the other folds' scored cases have one answer only: take the scores as they are
        return np.asarray(expit(s[held]), dtype=np.float64)


def _measure(
    p: Floats, y: Bools, families: Sequence[str], *, threshold: float, seed: int
) -> Quality:
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


def _just_above(descending: Floats, index: int) -> float:
    """The lowest number above the value at `index` of a descending array; 0 past its end."""
    return float(np.nextafter(descending[index], 2.0)) if index < len(descending) else 0.0


def _stack_from_json(data: Mapping[str, Any]) -> Stack:
    return Stack(
        columns=tuple(data["columns"]),
        centre=tuple(data["centre"]),
        spread=tuple(data["spread"]),
        gaps=tuple(data["gaps"]),
        model=Linear.from_json(data["model"]),
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
