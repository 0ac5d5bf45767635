"""Scores turned into probabilities, and how well they are: for the ensemble and its page.

Sources: Platt (1999) with his smoothed targets; isotonic regression (Zadrozny and Elkan 2002);
debiased calibration error: Kumar, Liang and Ma (2019), "Verified uncertainty calibration", over
bins of equal mass. Symbols: p (N,) probabilities, y (N,) labels, B bins, p_b mean of p and y_b mean
of y in bin b, n_b its size. A bare ECE is never given: that of a perfect model is .087 at N = 200.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.linear import Bools, Floats

ISOTONIC_FROM = 1_000  # labels
EDGE = 1e-4  # isotonic regression says 0 and 1, which no finite sample supports
BINS = 15
LEAST_IN_BIN = 10
NO_PENALTY = 1e6
SIMULATIONS = 1_000


@dataclass(frozen=True)
class Platt:
    """P = 1 / (1 + exp(-(slope s + offset))) of a log odds s."""

    slope: float
    offset: float

    def apply(self, s: Floats) -> Floats:
        """Calibrated probabilities of log odds, (N,)."""
        return np.asarray(expit(self.slope * s + self.offset), dtype=np.float64)

    def as_json(self) -> dict[str, Any]:
        """The two numbers under a kind."""
        return {"kind": "platt", "slope": self.slope, "offset": self.offset}


@dataclass(frozen=True)
class Isotonic:
    """A rising line through (log odds, probability) knots."""

    knots: tuple[float, ...]
    values: tuple[float, ...]

    def apply(self, s: Floats) -> Floats:
        """Calibrated probabilities of log odds, (N,); nan stays nan."""
        return np.interp(s, self.knots, self.values)

    def as_json(self) -> dict[str, Any]:
        """The knots under a kind."""
        return {"kind": "isotonic", "knots": list(self.knots), "values": list(self.values)}


Calibrator = Platt | Isotonic


@dataclass(frozen=True)
class ReliabilityBin:
    """Cases whose probability lies in [low, high]: what was said and what was found."""

    low: float
    high: float
    said: float
    found: Estimate


@dataclass(frozen=True)
class CalibrationError:
    """Debiased root mean square error, and how often a perfect model would look as bad."""

    value: float | None
    p_value: float | None
    n: int
    bins: int
    reason: str | None = None


def fit_calibrator(s: Floats, y: Bools) -> Calibrator:
    """Platt under 1,000 labels, isotonic from there; s are log odds."""
    check_probabilities(expit(s), y)
    if not len(y) or y.all() or not y.any():
        raise CannotFit("Calibration needs positive and negative gold: settle more cases.")
    return fit_platt(s, y) if len(y) < ISOTONIC_FROM else fit_isotonic(s, y)


def fit_platt(s: Floats, y: Bools) -> Platt:
    """Platt's fit: targets (n + 1) / (n + 2) and 1 / (n + 2), each as two weighted cases."""
    positives = int(y.sum())
    high, low = (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2)
    target = np.where(y, high, low)
    labels = np.repeat([True, False], len(y))
    model = LogisticRegression(C=NO_PENALTY, max_iter=2000)
    model.fit(np.tile(s, 2)[:, None], labels, sample_weight=np.concatenate([target, 1 - target]))
    slope = float(model.coef_[0, 0])
    if slope < 0:  # the scores say nothing, or the opposite: the base rate is all that is known
        return Platt(0.0, float(logit(y.mean())))
    return Platt(slope, float(model.intercept_[0]))


def fit_isotonic(s: Floats, y: Bools) -> Isotonic:
    """The rising step function of least squares, kept as its knots."""
    model = IsotonicRegression(y_min=EDGE, y_max=1 - EDGE, out_of_bounds="clip")
    model.fit(s, y.astype(np.float64))
    knots, values = model.X_thresholds_, model.y_thresholds_
    return Isotonic(tuple(map(float, knots)), tuple(map(float, values)))


def calibrator_from_json(data: Mapping[str, Any]) -> Calibrator:
    """The calibrator that `as_json` wrote."""
    if data["kind"] == "platt":
        return Platt(float(data["slope"]), float(data["offset"]))
    if data["kind"] == "isotonic":
        return Isotonic(tuple(data["knots"]), tuple(data["values"]))
    raise BadScores(f"Unknown calibration “{data['kind']}”: platt or isotonic.")


def brier(p: Floats, y: Bools) -> float:
    """Mean squared error of the probabilities; nan where there is no case."""
    check_probabilities(p, y)
    return float(np.mean((p - y) ** 2)) if len(y) else float("nan")


def log_loss(p: Floats, y: Bools) -> float:
    """Mean negative log likelihood in nats, with p kept off 0 and 1 by 1e-12."""
    check_probabilities(p, y)
    if not len(y):
        return float("nan")
    kept = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-np.mean(np.where(y, np.log(kept), np.log1p(-kept))))


def reliability(p: Floats, y: Bools, *, bins: int = 10) -> tuple[ReliabilityBin, ...]:
    """Bins of equal mass with Wilson intervals, lowest probability first."""
    check_probabilities(p, y)
    return tuple(
        ReliabilityBin(
            low=float(p[part].min()),
            high=float(p[part].max()),
            said=float(p[part].mean()),
            found=proportion(int(y[part].sum()), len(part)),
        )
        for part in _equal_mass(p, bins)
    )


def calibration_error(p: Floats, y: Bools, *, seed: int, bins: int = BINS) -> CalibrationError:
    """sqrt(max(0, sum_b n_b/N [(p_b - y_b)^2 - y_b (1 - y_b) / (n_b - 1)])), and a test of it."""
    check_probabilities(p, y)
    parts = _equal_mass(p, min(bins, len(y) // LEAST_IN_BIN))
    if not parts:
        told = f"{len(y)} cases: at least {LEAST_IN_BIN} are needed."
        return CalibrationError(None, None, len(y), 0, told)
    rng = np.random.default_rng(seed)
    drawn = rng.random((SIMULATIONS, len(p))) < p
    seen = _debiased_square(p, y[None, :].astype(np.float64), parts)[0]
    perfect = _debiased_square(p, drawn.astype(np.float64), parts)
    p_value = float((1 + np.sum(perfect >= seen)) / (1 + SIMULATIONS))
    return CalibrationError(float(np.sqrt(max(0.0, seen))), p_value, len(y), len(parts))


def check_probabilities(p: Floats, y: Bools) -> None:
    """Raise `BadScores` unless p and y have one length and every p is a probability."""
    if p.shape != y.shape:
        raise BadScores(f"{len(p)} probabilities but {len(y)} labels: give one for each case.")
    if not np.all((p >= 0) & (p <= 1)):
        raise BadScores("Every probability must lie from 0 to 1: leave out cases without a score.")


def _equal_mass(p: Floats, bins: int) -> list[Any]:
    """Indices of each bin by rising p; equal probabilities may fall into two bins."""
    if not len(p) or bins < 1:
        return []
    order = np.argsort(p, kind="stable")
    return [part for part in np.array_split(order, min(bins, len(p))) if len(part)]


def _debiased_square(p: Floats, y: Floats, parts: list[Any]) -> Floats:
    """One value for each row of y (R, N)."""
    total = np.zeros(len(y))
    for part in parts:
        found = y[:, part].mean(axis=1)
        noise = found * (1 - found) / (len(part) - 1)
        total += len(part) / len(p) * ((p[part].mean() - found) ** 2 - noise)
    return total
