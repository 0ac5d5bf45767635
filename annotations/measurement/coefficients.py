"""The agreement coefficients as functions of weights over items, for the value and each resample.

Symbols: n_uv = how often item u got value v, m_u = its labels, w_u = its weight, V values.
Alpha: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011). With pairable items
  (m_u > 1): n_v = sum_u w_u n_uv, n = sum_v n_v,
  D_o = sum_u w_u/(m_u - 1) sum_ck n_uc n_uk d_ck, D_e = sum_ck n_c n_k d_ck / (n - 1),
  alpha = 1 - D_o / D_e, with d_ck the squared distance of the level. The ordinal distance is the
  squared difference of mid-ranks r_c = n_1 + ... + n_c - n_c/2: they depend on the resample and are
  computed in each.
Fleiss' kappa, AC1, percent agreement with missing labels: K. Gwet, "Handbook of Inter-Rater
  Reliability" (4th ed., 2014), chapters 2 and 3: p_a = mean over pairable items of
  sum_v n_uv (n_uv - 1) / (m_u (m_u - 1)), pi_v = mean over all items of n_uv / m_u,
  p_e = sum pi_v^2 (Fleiss) or sum pi_v (1 - pi_v) / (V - 1) (AC1).
Specific agreement: D. Cicchetti and A. Feinstein (1990), for several raters J. Uebersax (1982):
  sum_u n_uv (n_uv - 1) / (m_u - 1) over sum_u n_uv, of pairable items.
"""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import numpy as np

from annotations.measurement.bootstrap import Floats, Patterns, Statistic
from annotations.measurement.counts import AgreementError, Label, ValueCounts

Level = Literal["nominal", "ordinal", "interval", "ratio"]
LEVELS: tuple[Level, ...] = get_args(Level)

# 1 - p_e below this is one value in use, but for rounding: undefined, not a huge number.
NO_ROOM = 1e-12


def alpha_statistic(counts: ValueCounts, patterns: Patterns, *, level: Level) -> Statistic:
    """Krippendorff's alpha."""
    check_level(counts, level)
    labels = patterns.counts.sum(axis=1)
    paired = np.where(labels[:, None] > 1, patterns.counts, 0.0)
    per_pair = 1.0 / np.maximum(labels - 1, 1)
    if level == "ordinal":
        return _ordinal_alpha(paired, per_pair)
    return _metric_alpha(paired, per_pair, _squared_distances(counts.values, level))


def fleiss_statistic(patterns: Patterns) -> Statistic:
    """Fleiss' kappa."""
    return _beyond_chance(patterns, lambda pi: np.asarray((pi**2).sum(axis=1)))


def ac1_statistic(patterns: Patterns) -> Statistic:
    """Gwet's AC1; undefined on a scale of one value, where there is no chance to correct for."""
    others = max(patterns.counts.shape[1] - 1, 0)
    return _beyond_chance(
        patterns, lambda pi: _ratio((pi * (1 - pi)).sum(axis=1), np.full(len(pi), float(others)))
    )


def percent_statistic(patterns: Patterns) -> Statistic:
    """The share of agreeing pairs of labels, averaged over items."""
    counts, labels = patterns.counts, patterns.counts.sum(axis=1)
    paired = (labels > 1).astype(np.float64)
    pairs = np.maximum(labels * (labels - 1), 1)
    agreeing = paired * (counts * (counts - 1)).sum(axis=1) / pairs
    return lambda weights: _ratio(weights @ agreeing, weights @ paired)


def specific_statistic(patterns: Patterns, value: int) -> Statistic:
    """The agreement on one value, named by its index."""
    labels = patterns.counts.sum(axis=1)
    given = np.where(labels > 1, patterns.counts[:, value], 0.0)
    agreeing = given * np.maximum(given - 1, 0) / np.maximum(labels - 1, 1)
    return lambda weights: _ratio(weights @ agreeing, weights @ given)


def check_level(counts: ValueCounts, level: Level) -> None:
    """Raises where these labels cannot be measured at this level."""
    if level not in LEVELS:
        raise AgreementError(f"The level {level!r} is unknown: choose one of {', '.join(LEVELS)}.")
    if level == "ordinal" and not counts.ordered and counts.n_labels:
        raise AgreementError(
            "The ordinal level needs the order of the values: give the scale from low to high."
        )
    if level in ("interval", "ratio"):
        _check_numbers(counts.values, level)


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


def _metric_alpha(paired: Floats, per_pair: Floats, distances: Floats) -> Statistic:
    observed = per_pair * ((paired @ distances) * paired).sum(axis=1)  # (P,)

    def alpha(weights: Floats) -> Floats:
        totals = weights @ paired  # (R, V)
        expected = ((totals @ distances) * totals).sum(axis=1)
        return _alpha(weights @ observed, expected, totals)

    return alpha


def _ordinal_alpha(paired: Floats, per_pair: Floats) -> Statistic:
    labels = paired.sum(axis=1)

    def alpha(weights: Floats) -> Floats:
        totals = weights @ paired  # (R, V)
        n = totals.sum(axis=1, keepdims=True)
        # Mid-ranks about their mean n/2, so that the squares below lose no digits.
        ranks = np.cumsum(totals, axis=1) - totals / 2 - n / 2
        shares = weights * per_pair  # (R, P)
        squares = (((shares * labels) @ paired) * ranks**2).sum(axis=1)
        observed = 2 * (squares - (shares * (ranks @ paired.T) ** 2).sum(axis=1))
        expected = 2 * n[:, 0] * (totals * ranks**2).sum(axis=1)
        return _alpha(observed, expected, totals)

    return alpha


def _alpha(observed: Floats, expected: Floats, totals: Floats) -> Floats:
    differ = (totals > 0).sum(axis=1) > 1
    ratio = _ratio((totals.sum(axis=1) - 1) * observed, np.where(differ, expected, 0.0))
    return np.minimum(1 - ratio, 1.0)  # rounding may leave a trace above perfect agreement


def _squared_distances(values: Sequence[Label], level: Level) -> Floats:
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    x = np.array([float(value) for value in values])
    difference = x[:, None] - x[None, :]
    if level == "ratio":
        total = x[:, None] + x[None, :]
        difference = np.divide(difference, total, out=np.zeros_like(total), where=total != 0)
    squared: Floats = difference**2
    return squared


def _beyond_chance(patterns: Patterns, chance: Callable[[Floats], Floats]) -> Statistic:
    """(p_a - p_e) / (1 - p_e), with p_e from the shares pi (R, V)."""
    agreement = percent_statistic(patterns)
    shares = patterns.counts / np.maximum(patterns.counts.sum(axis=1, keepdims=True), 1)

    def kappa(weights: Floats) -> Floats:
        expected = chance(weights @ shares / weights.sum(axis=1, keepdims=True))
        room = 1 - expected
        return _ratio(agreement(weights) - expected, np.where(room < NO_ROOM, 0.0, room))

    return kappa


def _ratio(top: Floats, bottom: Floats) -> Floats:
    ratio: Floats = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom != 0)
    return ratio
