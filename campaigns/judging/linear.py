"""A linear model that can be shipped as JSON: for every judge that learns weights.

Source: L2-regularised logistic regression (scikit-learn). Symbols: x (N, D) features, w (D,)
weights, b intercept, P = 1 / (1 + exp(-(x w + b))). Weights are float32, so that what is stored is
what scores.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]
Features = Any  # an array or a sparse matrix (N, D); scipy's sparse classes have no useful types


MOST_NEWTON = 300  # features: each of Newton's steps costs N D^2


@dataclass(frozen=True, eq=False)
class Linear:
    """Weights (D,) and the intercept of a logistic model."""

    weights: Singles
    intercept: float

    def logit(self, x: Features) -> Floats:
        """The log odds of each row of x, (N,)."""
        return np.asarray(x @ self.weights.astype(np.float64), dtype=np.float64) + self.intercept

    def probability(self, x: Features) -> Floats:
        """P(positive) of each row of x, (N,)."""
        return np.asarray(expit(self.logit(x)), dtype=np.float64)

    def as_json(self) -> dict[str, Any]:
        """Weights and intercept as plain values."""
        return {"weights": pack(self.weights), "intercept": self.intercept}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Linear":
        """The model that `as_json` wrote."""
        return cls(unpack(data["weights"]), float(data["intercept"]))


def fit_linear(x: Features, y: Bools, *, strength: float) -> Linear:
    """Fit by maximum penalised likelihood; `strength` is C, the inverse of the penalty."""
    small = isinstance(x, np.ndarray) and x.shape[1] <= MOST_NEWTON
    solver = "newton-cholesky" if small else "lbfgs"  # a few exact steps, or many cheap ones
    model = LogisticRegression(C=strength, solver=solver, max_iter=2000, tol=1e-6)
    model.fit(x, y)
    return Linear(model.coef_[0].astype(np.float32), float(model.intercept_[0]))


def pack(array: npt.NDArray[Any]) -> dict[str, Any]:
    """An array as little-endian float32 in base64, with its shape."""
    raw = np.ascontiguousarray(array, dtype="<f4").tobytes()
    return {"shape": list(array.shape), "float32": base64.b64encode(raw).decode("ascii")}


def unpack(data: Mapping[str, Any]) -> Singles:
    """The array that `pack` wrote."""
    flat = np.frombuffer(base64.b64decode(data["float32"]), dtype="<f4")
    return flat.reshape(data["shape"]).astype(np.float32)


def revision_of(data: Mapping[str, Any]) -> str:
    """The sha256 of a JSON value in one canonical form."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
