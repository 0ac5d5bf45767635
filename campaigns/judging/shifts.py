"""Strata in which the probabilities are too high or too low: corrected, with shrinkage to none.

Model: in stratum g the log odds of calibrated probabilities are off by u_g ~ N(0, tau^2). u_g is
taken at its mode, tau by the Laplace approximation of the marginal likelihood over a grid that holds
0 (Rasmussen and Williams 2006, section 3.4): strata with few labels, or without a difference, keep
what the calibration of all says. Symbols: p (N,), y (N,), strata (N,) names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, logit

from campaigns.judging.linear import Bools, Floats

TAUS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6)
STEPS = 30


@dataclass(frozen=True)
class Shifts:
    """What is added to the calibrated log odds, by stratum; nothing in a stratum never seen."""

    tau: float
    by: Mapping[str, float]

    def apply(self, p: Floats, strata: Sequence[str] | None) -> Floats:
        """p (N,) of cases in `strata`, shifted; nan stays nan."""
        if strata is None or not self.by:
            return p
        shift = np.array([self.by.get(one, 0.0) for one in strata])
        return np.where(shift == 0, p, expit(logit(p) + shift))

    def as_json(self) -> dict[str, Any]:
        """The shifts as plain values."""
        return {"tau": self.tau, "by": dict(self.by)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Shifts":
        """The shifts that `as_json` wrote."""
        return cls(float(data["tau"]), {str(k): float(v) for k, v in data["by"].items()})


NO_SHIFTS = Shifts(0.0, {})


def fit_shifts(p: Floats, y: Bools, strata: Sequence[str]) -> Shifts:
    """The shifts of the most likely tau; none where there is one stratum or no difference."""
    of = np.array(strata)
    names = [str(name) for name in np.unique(of)]
    if len(names) < 2:
        return NO_SHIFTS
    parts = [(logit(p[of == name]), y[of == name]) for name in names]
    evidence = [sum(_mode(s, labels, tau)[1] for s, labels in parts) for tau in TAUS]
    tau = TAUS[int(np.argmax(evidence))]
    if tau == 0:
        return NO_SHIFTS
    return Shifts(
        tau,
        {name: _mode(s, labels, tau)[0] for name, (s, labels) in zip(names, parts, strict=True)},
    )


def _mode(s: Floats, y: Bools, tau: float) -> tuple[float, float]:
    """u at its mode and the log marginal likelihood of this stratum, by Newton's steps."""
    if tau == 0:
        return 0.0, _log_likelihood(s, y)
    u = 0.0
    for _ in range(STEPS):
        q = expit(s + u)
        slope = float((y - q).sum()) - u / tau**2
        curve = float((q * (1 - q)).sum()) + 1 / tau**2
        u += float(np.clip(slope / curve, -1.0, 1.0))
    q = expit(s + u)
    spread = 1 + tau**2 * float((q * (1 - q)).sum())
    return u, _log_likelihood(s + u, y) - u**2 / (2 * tau**2) - float(np.log(spread)) / 2


def _log_likelihood(s: Floats, y: Bools) -> float:
    return float(-np.logaddexp(0.0, np.where(y, -s, s)).sum())
