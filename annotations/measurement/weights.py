"""What a pair of labels counts: squared distances for alpha, agreement weights for the kappas.

Symbols: V values; d (V, V) = squared distances, 0 where labels are the same; w (V, V) = agreement
weights, 1 where they are the same; x_k = the k-th value as a number.
Distances: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), section 5.
Weights: K. Gwet, "Handbook of Inter-Rater Reliability" (4th ed., 2014), chapter 3. His "ordinal"
weights count the values between two labels; Krippendorff's ordinal distance counts the labels
given between them: two conventions with one name. `level` is ours for alpha, `weights` for kappas.
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from annotations.measurement.counts import AgreementError, Label, ValueCounts

Floats = NDArray[np.float64]
Level = Literal["nominal", "ordinal", "interval", "ratio"]
LEVELS: tuple[Level, ...] = get_args(Level)
Family = Literal[
    "identity", "linear", "quadratic", "ordinal", "radical", "ratio", "circular", "bipolar"
]
FAMILIES: tuple[Family, ...] = get_args(Family)

# The ordinal distance depends on the labels: each resample sums all V (V - 1) / 2 pairs of values.
MAX_ORDINAL_VALUES = 200


def check_level(counts: ValueCounts, level: Level) -> None:
    """Raises where these labels cannot be measured at this level."""
    if level not in LEVELS:
        raise AgreementError(f"The level {level!r} is unknown: choose one of {', '.join(LEVELS)}.")
    if level == "ordinal":
        _check_order(counts)
    if level in ("interval", "ratio"):
        _check_numbers(counts.values, level)


def squared_distances(values: Sequence[Label], level: Level) -> Floats | None:
    """d of a level; None for ordinal, whose distances are mid-ranks of the labels themselves."""
    if level == "ordinal":
        return None
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    x = np.array([float(value) for value in values])
    difference = x[:, None] - x[None, :]
    if level == "ratio":
        total = x[:, None] + x[None, :]
        difference = np.divide(difference, total, out=np.zeros_like(total), where=total != 0)
    squared: Floats = difference**2
    return squared


def check_distances(distances: ArrayLike, values: Sequence[Label]) -> Floats:
    """A user's d, used as it is (square it yourself if your paper does), or why it is none."""
    d = np.asarray(distances, dtype=np.float64)
    if d.shape != (len(values), len(values)):
        raise AgreementError(
            f"The table of distances has a row and a column for each of the {len(values)} values."
        )
    if not np.isfinite(d).all() or (d < 0).any():
        raise AgreementError("A distance is zero or a positive number.")
    if np.diag(d).any():
        raise AgreementError("A value has the distance zero to itself: mend the diagonal.")
    if not np.allclose(d, d.T, rtol=0, atol=1e-12):
        raise AgreementError("Distances are the same in both directions: the table is symmetric.")
    return d


def agreement_weights(
    values: Sequence[Label], family: Family = "identity", *, ordered: bool = True
) -> Floats:
    """w of one of Gwet's families; words on an ordered scale stand for 1, 2, ..., V."""
    if family not in FAMILIES:
        raise AgreementError(
            f"The weights {family!r} are unknown: choose one of {', '.join(FAMILIES)}."
        )
    if family != "identity" and not ordered and len(values) > 1:
        raise AgreementError(
            f"The {family} weights need the order of the values: give the scale from low to high."
        )
    if family == "identity" or len(values) < 2:
        return np.eye(len(values))
    numbers = not any(isinstance(value, str) for value in values)
    x = [float(v) for v in values] if numbers else [float(k) for k in range(1, len(values) + 1)]
    return _WEIGHTS[family](np.array(x))


def check_weights(weights: ArrayLike, values: Sequence[Label]) -> Floats:
    """A user's w, or why it is none."""
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (len(values), len(values)) or not np.isfinite(w).all():
        raise AgreementError(
            f"Weights are a table of numbers with a row and a column for each of the {len(values)} "
            "values."
        )
    if (w < 0).any() or (w > 1).any() or (np.diag(w) != 1).any():
        raise AgreementError("Weights lie from 0 to 1, and each value has the weight 1 to itself.")
    return w


def _check_order(counts: ValueCounts) -> None:
    if not counts.ordered and counts.n_labels:
        raise AgreementError(
            "The ordinal level needs the order of the values: give the scale from low to high."
        )
    if len(counts.values) > MAX_ORDINAL_VALUES:
        raise AgreementError(
            f"The ordinal level takes at most {MAX_ORDINAL_VALUES} values, and there are "
            f"{len(counts.values):,}: choose the interval level, or make groups of values."
        )


def _check_numbers(values: Sequence[Label], level: Level) -> None:
    words = [value for value in values if isinstance(value, str)]
    if words:
        raise AgreementError(
            f"The {level} level needs numbers, but there are labels like {words[0]!r}: choose the "
            "nominal level, or the ordinal one with the order of the values."
        )
    if level == "ratio" and any(float(value) < 0 for value in values):
        raise AgreementError(
            "The ratio level has a true zero: negative labels need the interval level."
        )


def _apart(x: Floats) -> Floats:
    apart: Floats = np.abs(x[:, None] - x[None, :])
    return apart


def _linear(x: Floats) -> Floats:
    return 1 - _apart(x) / np.ptp(x)


def _quadratic(x: Floats) -> Floats:
    return 1 - (_apart(x) / np.ptp(x)) ** 2


def _radical(x: Floats) -> Floats:
    return 1 - np.sqrt(_apart(x) / np.ptp(x))


def _ordinal(x: Floats) -> Floats:
    steps = _apart(np.arange(len(x), dtype=np.float64))
    pairs = steps * (steps + 1) / 2
    weights: Floats = 1 - pairs / pairs.max()
    return weights


def _ratio(x: Floats) -> Floats:
    if x.min() <= 0:
        raise AgreementError("The ratio weights need values above zero: choose other weights.")
    difference = _apart(x) / (x[:, None] + x[None, :])
    weights: Floats = 1 - (difference / difference.max()) ** 2
    return weights


def _circular(x: Floats) -> Floats:
    sine = np.sin(np.pi * _apart(x) / (np.ptp(x) + 1)) ** 2
    weights: Floats = 1 - sine / sine.max()
    return weights


def _bipolar(x: Floats) -> Floats:
    total = x[:, None] + x[None, :]
    room = (total - 2 * x.min()) * (2 * x.max() - total)
    difference = np.divide(_apart(x) ** 2, room, out=np.zeros_like(room), where=room > 0)
    weights: Floats = 1 - difference / difference.max()
    return weights


_WEIGHTS: dict[Family, Callable[[Floats], Floats]] = {
    "linear": _linear,
    "quadratic": _quadratic,
    "radical": _radical,
    "ordinal": _ordinal,
    "ratio": _ratio,
    "circular": _circular,
    "bipolar": _bipolar,
}
