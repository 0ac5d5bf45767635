"""Many judges' scores weighed into one log odds: a line and a smooth surface under one penalty.

Method: stacking (Wolpert 1992) by a logistic model whose log odds have a Gaussian process as prior,
taken at its mode (Rasmussen and Williams 2006, section 3.4), with the kernel
k(z, z') = LINE z.z' + SURFACE exp(-|z - z'|^2 / (2 M LENGTH^2)). The line weighs each judge alone;
the surface lets judges that fire together count for more or less than their sum, because their
errors are joint. The surface is given by Nystroem's features (Williams and Seeger 2001) on landmarks.
Symbols: scores (N, M), z (N, M') standardised log odds of the voting judges (0 where there is no
verdict), then an indicator of each judge's gaps; y (N,); s (N,) stacked log odds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import logit

from campaigns.judging.errors import CannotFit
from campaigns.judging.linear import Bools, Floats, Linear, Singles, fit_linear, pack, unpack
from campaigns.judging.screening import screen

EDGE = 1e-3  # a verdict of 0 or 1 counts as this close to certain
LINE, SURFACE = 0.1, 2.0  # variances of the prior: judges agree a lot, so each alone is held short
LENGTH = 1.2  # root mean square of standardised log odds
LANDMARKS = 128
SMALLEST = 1e-6  # eigenvalues under it are noise


@dataclass(frozen=True, eq=False)
class Surface:
    """exp(-|z - l|^2 / (2 M LENGTH^2)) at landmarks l (L, M), made orthogonal by `root` (L, R)."""

    landmarks: Singles
    root: Singles

    def features(self, z: Floats) -> Floats:
        """Nystroem's features of z (N, M), (N, R): their products give the kernel."""
        kernel = _kernel(z, self.landmarks.astype(np.float64))
        return np.asarray(kernel @ self.root.astype(np.float64), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Stack:
    """Which columns vote, how they are standardised, and the model over line and surface."""

    columns: tuple[int, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    gaps: tuple[int, ...]
    surface: Surface
    model: Linear

    def log_odds(self, scores: Floats) -> Floats:
        """s (N,); nan where none of the voting judges gave a verdict."""
        voting = scores[:, list(self.columns)]
        z = standardise(voting, self.centre, self.spread, self.gaps)
        silent = np.isnan(voting).all(axis=1)
        return np.where(silent, np.nan, self.model.logit(_features(z, self.surface)))

    @property
    def weights(self) -> tuple[float, ...]:
        """What one standard deviation of each voting judge's log odds adds by the line alone."""
        line = self.model.weights[: len(self.columns)]
        return tuple(float(w) * float(np.sqrt(LINE)) for w in line)

    def as_json(self) -> dict[str, Any]:
        """The stack as plain values, for JSON."""
        return {
            "columns": list(self.columns),
            "centre": list(self.centre),
            "spread": list(self.spread),
            "gaps": list(self.gaps),
            "landmarks": pack(self.surface.landmarks),
            "root": pack(self.surface.root),
            "model": self.model.as_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Stack":
        """The stack that `as_json` wrote."""
        return cls(
            columns=tuple(data["columns"]),
            centre=tuple(data["centre"]),
            spread=tuple(data["spread"]),
            gaps=tuple(data["gaps"]),
            surface=Surface(unpack(data["landmarks"]), unpack(data["root"])),
            model=Linear.from_json(data["model"]),
        )


def fit_stack(scores: Floats, y: Bools, *, names: Sequence[str], seed: int) -> Stack:
    """Screen the judges, then weigh those that may vote. Raises `CannotFit` where none may."""
    members = screen(scores, y, names=names)
    columns = tuple(index for index, member in enumerate(members) if member.used)
    if not columns:
        told = "; ".join(f"{member.name} {member.reason}" for member in members)
        raise CannotFit(
            f"No judge tells positive from negative on {len(y)} gold cases ({told}). Settle more "
            "gold cases, or add judges."
        )
    voting = scores[:, list(columns)]
    log_odds = log_odds_of(voting)
    centre = np.nanmean(log_odds, axis=0)
    spread = np.nanstd(log_odds, axis=0)
    spread[spread == 0] = 1.0  # a judge that is always surer than EDGE
    missing = np.isnan(voting)
    gaps = tuple(int(i) for i in np.flatnonzero(missing.any(axis=0)))
    centres, spreads = tuple(map(float, centre)), tuple(map(float, spread))
    scored = ~missing.all(axis=1)
    z = standardise(voting[scored], centres, spreads, gaps)
    surface = fit_surface(z, seed=seed)
    model = fit_linear(_features(z, surface), y[scored], strength=1.0)
    return Stack(columns, centres, spreads, gaps, surface, model)


def fit_surface(z: Floats, *, seed: int) -> Surface:
    """Landmarks are the distinct rows of z, or `LANDMARKS` of them drawn at random."""
    landmarks = np.unique(z.astype(np.float32), axis=0)
    if len(landmarks) > LANDMARKS:
        drawn = np.random.default_rng(seed).choice(len(landmarks), LANDMARKS, replace=False)
        landmarks = landmarks[np.sort(drawn)]
    inside = landmarks.astype(np.float64)
    values, vectors = np.linalg.eigh(_kernel(inside, inside))
    kept = values > SMALLEST
    root = vectors[:, kept] / np.sqrt(values[kept])
    return Surface(landmarks, root.astype(np.float32))


def standardise(
    voting: Floats, centre: Sequence[float], spread: Sequence[float], gaps: Sequence[int]
) -> Floats:
    """z: log odds less their centre, over their spread, then the indicators of gaps."""
    standard = (log_odds_of(voting) - np.array(centre)) / np.array(spread)
    missing = np.isnan(voting)[:, list(gaps)].astype(np.float64)
    return np.hstack([np.nan_to_num(standard), missing])


def log_odds_of(scores: Floats) -> Floats:
    """Log odds of probabilities, none surer than `EDGE`."""
    return np.asarray(logit(np.clip(scores, EDGE, 1 - EDGE)), dtype=np.float64)


def _features(z: Floats, surface: Surface) -> Floats:
    return np.hstack([np.sqrt(LINE) * z, np.sqrt(SURFACE) * surface.features(z)])


def _kernel(one: Floats, other: Floats) -> Floats:
    """exp(-mean squared difference / (2 LENGTH^2)), (N, L)."""
    square = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :]
    distance = np.maximum(square - 2 * one @ other.T, 0.0) / one.shape[1]
    return np.asarray(np.exp(-distance / (2 * LENGTH**2)), dtype=np.float64)
