"""Scores turned into probabilities, and how well they are: for the ensemble and its page.

Sources: Platt (1999) with his smoothed targets; beta calibration (Kull, Silva Filho and Flach 2017);
isotonic regression (Zadrozny and Elkan 2002); which of them, by cross-validated log loss; debiased
calibration error: Kumar, Liang and Ma (2019), "Verified uncertainty calibration", over
bins of equal mass. Symbols: p (N,) probabilities, y (N,) labels, B bins, p_b mean of p and y_b mean
of y in bin b, n_b its size. A bare ECE is never given: that of a perfect model is .087 at N = 200.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.linear import Bools, Floats

CHOICE_FROM = 100  # labels; under it there is nothing to choose by, and Platt's form is the safest
CHOICE_FOLDS = 5
EDGE = 1e-4  # isotonic regression says 0 and 1, which no finite sample supports
BINS = 15
LEAST_IN_BIN = 10
NO_PENALTY = 1e6
SIMULATIONS = 1_000

Ints = npt.NDArray[np.int64]


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


@dataclass(frozen=True)
class Beta:
    """logit P = a ln q - b ln(1 - q) + c of q = 1 / (1 + exp(-s)): tails of two different weights."""

    a: float
    b: float
    c: float

    def apply(self, s: Floats) -> Floats:
        """Calibrated probabilities of log odds, (N,); nan stays nan."""
        return np.asarray(expit(_beta_features(s) @ [self.a, self.b] + self.c), dtype=np.float64)

    def as_json(self) -> dict[str, Any]:
        """The three numbers under a kind."""
        return {"kind": "beta", "a": self.a, "b": self.b, "c": self.c}


Calibrator = Platt | Beta | Isotonic


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


def fit_calibrator(s: Floats, y: Bools, *, folds: Ints | None = None) -> Calibrator:
    """Platt, beta or isotonic, whichever predicts held-out labels best; s are log odds.

    Another than Platt must be better by more than one standard error of the difference. `folds`
    (N,) keep together what belongs together, such as families; without them cases alternate.
    """
    check_probabilities(expit(s), y)
    if not len(y) or y.all() or not y.any():
        raise CannotFit("Calibration needs positive and negative gold: settle more cases.")
    return WAYS[choose_way(s, y, folds=folds)](s, y)


def choose_way(s: Floats, y: Bools, *, folds: Ints | None = None) -> str:
    """The name in `WAYS` of the calibration with the least cross-validated log loss."""
    of = (np.arange(len(y)) if folds is None else folds) % CHOICE_FOLDS
    parts = [of == fold for fold in np.unique(of)]
    one_sided = any(y[~held].all() or not y[~held].any() for held in parts)
    if len(y) < CHOICE_FROM or len(parts) < 2 or one_sided:
        return "platt"
    losses = {way: np.zeros(len(y)) for way in WAYS}
    for held in parts:
        for way, fit in WAYS.items():
            losses[way][held] = _losses(fit(s[~held], y[~held]).apply(s[held]), y[held])
    best = min(losses, key=lambda way: float(losses[way].mean()))
    gain = losses["platt"] - losses[best]
    sure = gain.mean() > gain.std(ddof=1) / np.sqrt(len(y))
    return best if sure else "platt"


def fit_platt(s: Floats, y: Bools) -> Platt:
    """Platt's fit: targets (n + 1) / (n + 2) and 1 / (n + 2), each as two weighted cases."""
    positives = int(y.sum())
    high, low = (positives + 1) / (positives + 2), 1 / (len(y) - positives + 2)
    target = np.where(y, high, low)
    labels = np.repeat([True, False], len(y))
    model = LogisticRegression(C=NO_PENALTY, solver="newton-cholesky")
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


def fit_beta(s: Floats, y: Bools) -> Beta:
    """Maximum likelihood with a and b not below 0, as a rising map must have."""
    x = _beta_features(s)
    used = [0, 1]
    while used:
        model = LogisticRegression(C=NO_PENALTY, solver="newton-cholesky").fit(x[:, used], y)
        weights = dict(zip(used, model.coef_[0], strict=True))
        if min(weights.values()) >= 0:
            return Beta(
                float(weights.get(0, 0)), float(weights.get(1, 0)), float(model.intercept_[0])
            )
        used.remove(min(weights, key=lambda one: weights[one]))
    return Beta(0.0, 0.0, float(logit(y.mean())))


WAYS: Mapping[str, Callable[[Floats, Bools], Calibrator]] = {
    "platt": fit_platt,
    "beta": fit_beta,
    "isotonic": fit_isotonic,
}


def calibrator_from_json(data: Mapping[str, Any]) -> Calibrator:
    """The calibrator that `as_json` wrote."""
    if data["kind"] == "platt":
        return Platt(float(data["slope"]), float(data["offset"]))
    if data["kind"] == "beta":
        return Beta(float(data["a"]), float(data["b"]), float(data["c"]))
    if data["kind"] == "isotonic":
        return Isotonic(tuple(data["knots"]), tuple(data["values"]))
    raise BadScores(f"Unknown calibration “{data['kind']}”: {', '.join(WAYS)}.")


def brier(p: Floats, y: Bools) -> float:
    """Mean squared error of the probabilities; nan where there is no case."""
    check_probabilities(p, y)
    return float(np.mean((p - y) ** 2)) if len(y) else float("nan")


def log_loss(p: Floats, y: Bools) -> float:
    """Mean negative log likelihood in nats, with p kept off 0 and 1 by 1e-12."""
    check_probabilities(p, y)
    if not len(y):
        return float("nan")
    return float(_losses(p, y).mean())


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


def _losses(p: Floats, y: Bools) -> Floats:
    kept = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(-np.where(y, np.log(kept), np.log1p(-kept)), dtype=np.float64)


def _beta_features(s: Floats) -> Floats:
    """ln q and -ln(1 - q) of q = 1 / (1 + exp(-s)), (N, 2)."""
    with np.errstate(invalid="ignore"):  # a missing score stays missing
        return np.column_stack([-np.logaddexp(0.0, -s), np.logaddexp(0.0, s)])


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
