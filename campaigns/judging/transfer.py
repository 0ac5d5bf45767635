"""A target that the judges have not seen: recalibrated from few labels of its own, or no promise.

Thresholds do not carry over between targets: a refusal judge that ranks a new model's answers almost
perfectly had .58 accuracy at the threshold of others. Model: for target g, logit P(y) = a_g s + b_g
with (a_g, b_g) ~ N(m, S), m and S from the targets that have labels (moments of their own fits, with
a floor, so that few targets do not promise that the next one is alike). A new target's pair is the
mode given its labels (a hierarchical logistic model; Gelman and Hill 2006, chapter 14), with the
curvature there as its uncertainty. Symbols: s (N,) log odds, y (N,) labels, G targets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats

LABELS = 50  # of a target's own, before anything is promised about it
LEAST_OF_EACH = 5  # answers, positive and negative, among them
WIDE = np.diag([0.5**2, 3.0**2])  # what a next target may differ by, where few are known
STEPS = 60
FLAT = np.diag([1.0, 10.0**2])  # a weak prior for the fits that the moments are taken of


@dataclass(frozen=True)
class Between:
    """How targets differ: mean (2,) and covariance (2, 2) of slope and offset, over `targets`."""

    mean: tuple[float, float]
    covariance: tuple[tuple[float, float], tuple[float, float]]
    targets: int

    def as_json(self) -> dict[str, Any]:
        """The two moments as plain values."""
        return {
            "mean": list(self.mean),
            "covariance": [list(row) for row in self.covariance],
            "targets": self.targets,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Between":
        """What `as_json` wrote."""
        (a, b), (c, d) = data["covariance"]
        return cls((data["mean"][0], data["mean"][1]), ((a, b), (c, d)), int(data["targets"]))


@dataclass(frozen=True)
class Recalibrated:
    """One target's slope and offset, from `n` labels of its own; `promised` or why not."""

    slope: float
    offset: float
    n: int
    promised: bool
    reason: str = ""

    def apply(self, s: Floats) -> Floats:
        """P(positive) of log odds s, (N,); nan stays nan."""
        return np.asarray(expit(self.slope * s + self.offset), dtype=np.float64)


def learn_between(s: Floats, y: Bools, targets: Sequence[str]) -> Between:
    """Moments over the targets that have labels of both answers."""
    _check(s, y, targets)
    of = np.array(targets)
    pairs = []
    for name in np.unique(of):
        here = (of == name) & ~np.isnan(s)
        if y[here].any() and not y[here].all():
            pairs.append(_mode(s[here], y[here], np.array([1.0, 0.0]), FLAT))
    if not pairs:
        return _between(np.array([1.0, 0.0]), WIDE, 0)
    mean = np.mean(pairs, axis=0)
    spread = np.cov(np.array(pairs).T) if len(pairs) > 1 else np.zeros((2, 2))
    return _between(
        mean, (np.atleast_2d(spread) * len(pairs) + WIDE) / (len(pairs) + 1), len(pairs)
    )


def recalibrate(s: Floats, y: Bools, *, between: Between) -> Recalibrated:
    """A new target's slope and offset from its own labels; the others' mean where it has none."""
    _check(s, y, s)
    kept = ~np.isnan(s)
    s, y = s[kept], np.asarray(y, dtype=bool)[kept]
    slope, offset = _mode(s, y, np.array(between.mean), np.array(between.covariance))
    reason = why_no_promise(int(y.sum()), len(y))
    return Recalibrated(float(slope), float(offset), len(y), promised=not reason, reason=reason)


def why_no_promise(positives: int, n: int) -> str:
    """Why nothing is promised of a target with these labels; empty where something is."""
    if n < LABELS:
        return (
            f"{n} labels of this target: a threshold does not carry over from other targets, so "
            f"nothing is promised before {LABELS} of its cases are settled."
        )
    if min(positives, n - positives) < LEAST_OF_EACH:
        return (
            f"{positives} of {n} labels of this target are positive: at least {LEAST_OF_EACH} of "
            "each answer are needed before anything is promised."
        )
    return ""


def _mode(s: Floats, y: Bools, mean: Floats, covariance: Floats) -> Floats:
    """(slope, offset) at the mode, by Newton's steps, halved where one would overshoot."""
    x = np.column_stack([s, np.ones(len(s))])
    precision = np.asarray(np.linalg.inv(covariance), dtype=np.float64)
    at = np.array(mean, dtype=np.float64)
    best = _objective(x, y, at, mean, precision)
    for _ in range(STEPS):
        p = expit(x @ at)
        slope = x.T @ (y - p) - precision @ (at - mean)
        curve = (x * (p * (1 - p))[:, None]).T @ x + precision
        step = np.linalg.solve(curve, slope)
        while (found := _objective(x, y, at + step, mean, precision)) < best and _size(step) > 1e-9:
            step = step / 2
        if _size(step) <= 1e-9:
            break
        at, best = at + step, found
    at[0] = max(at[0], 0.0)  # a map of scores must not fall
    return at


def _objective(x: Floats, y: Bools, at: Floats, mean: Floats, precision: Floats) -> float:
    s = x @ at
    off = at - mean
    return float(-np.logaddexp(0.0, np.where(y, -s, s)).sum() - off @ precision @ off / 2)


def _size(step: Floats) -> float:
    return float(np.abs(step).max())


def _between(mean: Floats, covariance: npt.NDArray[Any], targets: int) -> Between:
    (a, b), (c, d) = covariance.tolist()
    return Between((float(mean[0]), float(mean[1])), ((a, b), (c, d)), targets)


def _check(s: Floats, y: Bools, targets: Sequence[Any] | Floats) -> None:
    if not len(s) == len(y) == len(targets):
        raise BadScores(
            f"{len(s)} scores, {len(y)} labels and {len(targets)} targets: give one for each case."
        )
