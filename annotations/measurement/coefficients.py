"""The agreement coefficients as functions of sums over items, for the value and each resample.

Symbols: sums over items of the blocks of `contributions.py`, a row for each of R resamples;
V values; w (V, V) agreement weights; d (V, V) squared distances.
Alpha: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011). With the sums S of the
  coincidences and their row sums n_v, n = sum_v n_v: D_o = sum_ck S_ck d_ck,
  D_e = sum_ck n_c n_k d_ck / (n - 1), alpha = 1 - D_o / D_e. The ordinal distance is the squared
  difference of mid-ranks r_c = n_1 + ... + n_c - n_c/2: they are those of each resample.
Kappas, all (p_a - p_e) / (1 - p_e), with missing labels: K. Gwet, "Handbook of Inter-Rater
  Reliability" (4th ed., 2014), chapters 2 and 3: p_a = mean over pairable items of the weighted
  share of agreeing pairs, pi_v = mean over all items of n_uv / m_u, T = sum of w;
  p_e = sum_kl w_kl pi_k pi_l (Fleiss), T sum_v pi_v (1 - pi_v) / (V (V - 1)) (AC1, weighted AC2),
  T / V^2 (Brennan-Prediger).
Specific agreement: D. Cicchetti and A. Feinstein (1990), for several raters J. Uebersax (1982):
  sum_u n_uv (n_uv - 1) / (m_u - 1) over sum_u n_uv, of pairable items.
"""

from collections.abc import Callable

import numpy as np

from annotations.measurement.bootstrap import Statistic
from annotations.measurement.contributions import Floats, Scoring, Sums

# 1 - p_e below this is one value in use, but for rounding: undefined, not a huge number.
NO_ROOM = 1e-12
# A total below this is none: sums that were added to and taken from keep a trace of rounding.
NOTHING = 1e-9


def alpha_statistic(scoring: Scoring) -> Statistic:
    """Krippendorff's alpha."""
    if scoring.distances is None:
        return Statistic(("totals", "coincidences"), _ordinal_alpha)
    d = scoring.distances

    def alpha(sums: Sums) -> Floats:
        totals = sums["totals"]  # (R, V)
        expected = ((totals @ d) * totals).sum(axis=1)
        return _alpha(sums["observed"][:, 0], expected, totals)

    return Statistic(("totals", "observed"), alpha)


def fleiss_statistic(scoring: Scoring) -> Statistic:
    """Fleiss' kappa; Scott's pi for two raters."""
    w = scoring.weights
    return _beyond_chance(lambda pi: np.asarray(((pi @ w) * pi).sum(axis=1)))


def gwet_statistic(scoring: Scoring) -> Statistic:
    """Gwet's AC1, or AC2 with weights; undefined on a scale of one value: there is no chance."""
    n_values = len(scoring.weights)
    per_pair = scoring.weights.sum() / max(n_values * (n_values - 1), 1)

    def chance(pi: Floats) -> Floats:
        if n_values < 2:
            return np.full(len(pi), np.nan)
        return np.asarray(per_pair * (pi * (1 - pi)).sum(axis=1))

    return _beyond_chance(chance)


def brennan_prediger_statistic(scoring: Scoring) -> Statistic:
    """Brennan and Prediger's kappa: chance is every value alike."""
    expected = float(scoring.weights.mean()) if scoring.weights.size else 1.0
    return _beyond_chance(lambda pi: np.full(len(pi), expected))


def percent_statistic(scoring: Scoring) -> Statistic:
    """The (weighted) share of agreeing pairs of labels, averaged over items."""
    return Statistic(("agreeing", "paired"), _percent)


def specific_statistic(value: int) -> Statistic:
    """The agreement on one value, named by its index."""

    def agreement(sums: Sums) -> Floats:
        given = sums["totals"][:, value]
        return ratio(sums["same"][:, value], np.where(given > NOTHING, given, 0.0))

    return Statistic(("same", "totals"), agreement)


def ratio(top: Floats, bottom: Floats) -> Floats:
    """top / bottom, NaN where there is nothing to divide by."""
    found: Floats = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom != 0)
    return found


def _ordinal_alpha(sums: Sums) -> Floats:
    totals = sums["totals"]  # (R, V)
    n = totals.sum(axis=1, keepdims=True)
    # Mid-ranks about their mean n/2, so that the squares below lose no digits.
    ranks = np.cumsum(totals, axis=1) - totals / 2 - n / 2
    first, second = np.triu_indices(totals.shape[1], 1)
    apart = (ranks[:, first] - ranks[:, second]) ** 2  # (R, V (V - 1) / 2)
    observed = 2 * (sums["coincidences"] * apart).sum(axis=1)
    expected = 2 * n[:, 0] * (totals * ranks**2).sum(axis=1)
    return _alpha(observed, expected, totals)


def _alpha(observed: Floats, expected: Floats, totals: Floats) -> Floats:
    differ = (totals > NOTHING).sum(axis=1) > 1
    share = ratio((totals.sum(axis=1) - 1) * observed, np.where(differ, expected, 0.0))
    return np.minimum(1 - share, 1.0)  # rounding may leave a trace above perfect agreement


def _percent(sums: Sums) -> Floats:
    return ratio(sums["agreeing"][:, 0], sums["paired"][:, 0])


def _beyond_chance(chance: Callable[[Floats], Floats]) -> Statistic:
    """(p_a - p_e) / (1 - p_e), with p_e from the shares pi (R, V)."""

    def kappa(sums: Sums) -> Floats:
        present = sums["present"]
        pi = np.divide(
            sums["shares"], present, out=np.zeros_like(sums["shares"]), where=present > 0
        )
        expected = chance(pi)
        room = 1 - expected
        return ratio(_percent(sums) - expected, np.where(room < NO_ROOM, 0.0, room))

    return Statistic(("agreeing", "paired", "shares", "present"), kappa)
