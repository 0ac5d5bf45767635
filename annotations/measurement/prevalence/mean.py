"""PPI++: the mean of the labels, with the judge's scores as a helper that is trusted as far as it earns.

Symbols: M rows with scores f, n of them labelled y with weights w (mean 1); lam how far the judge is
used; f_bar the mean score of all rows; N the population, J folds.

    lam   = clip(cov(y, f) / var(f), 0, M / (M - n))
    theta = lam f_bar + mean(y - lam f)
    se^2  = (1 - n/M) var(y - lam f) / n  +  (1 - M/N) var(y) / M

Sources: A. N. Angelopoulos, J. C. Duchi, T. Zrnic (2023), "PPI++: efficient prediction-powered
inference", arXiv 2311.01453. There the n labelled rows are apart from the N' unlabelled ones and
lam' = clip(cov / (var(f) (1 + n/N')), 0, 1); here f_bar is over all M = n + N' rows, which with
lam = lam' M / N' is the same estimate.
The finite-population form is the regression estimator with double sampling of W. G. Cochran,
"Sampling Techniques" (3rd ed., 1977), sections 7.1 and 12.6: the second term falls away where the
rows are the population. T. Zrnic, E. J. Candes (2024), "Cross-prediction-powered inference", PNAS
121(15): with folds, lam of a fold is fitted on the others. With unequal probabilities means are
Hajek's (sum w x / sum w) and variances those of their linearisation.
"""

from math import sqrt
from statistics import NormalDist

import numpy as np

from annotations.measurement.prevalence.evidence import Evidence, Floats, Ints
from annotations.measurement.results import Estimate, undefined

METHOD = "PPI++ mean (normal interval)"
NO_LABELS = "Not one case has a human label: a judge alone tells no prevalence."
FEW = "One human label shows no spread: label at least two cases."
SAME = "All human labels are the same, so this method sees no uncertainty."


def ppi_mean(evidence: Evidence, *, lam: float | None = None, level: float = 0.95) -> Estimate:
    """The prediction-powered prevalence; `lam` fixes the trust in the judge, None fits it."""
    n = evidence.n
    if n == 0:
        return undefined(NO_LABELS, n=0, method=METHOD, level=level)
    trust = _trusts(evidence) if lam is None else np.full(n, lam)
    y, f, w = evidence.y, evidence.f, evidence.w
    residual = y - trust * f
    value = float(
        np.average(trust, weights=w) * evidence.scores.mean() + np.average(residual, weights=w)
    )
    value = min(max(value, 0.0), 1.0)
    if n < 2 or (np.ptp(y) == 0 and np.ptp(residual) < 1e-12):
        return Estimate(
            value, None, None, n, level=level, method=METHOD, reason=FEW if n < 2 else SAME
        )
    half = NormalDist().inv_cdf((1 + level) / 2) * sqrt(_variance(evidence, residual))
    return Estimate(
        value, max(value - half, 0.0), min(value + half, 1.0), n, level=level, method=METHOD
    )


def fitted_lambda(y: Floats, f: Floats, w: Floats, *, most: float = 1.0) -> float:
    """lam for labels y, scores f and weights w, all (n,); 0 for a judge that says always the same."""
    if len(y) < 2 or np.ptp(f) < 1e-12:
        return 0.0
    centred = f - np.average(f, weights=w)
    slope = np.average(centred * y, weights=w**2) / np.average(centred**2, weights=w**2)
    return float(np.clip(slope, 0.0, most))


def trust_in_judge(evidence: Evidence) -> float:
    """The mean lam, for people: 0 says that the judge was of no use."""
    return float(_trusts(evidence).mean()) if evidence.n else 0.0


def _trusts(evidence: Evidence) -> Floats:
    """lam of every labelled row, (n,): one for all, or for each fold the one of the other folds."""
    y, f, w, folds = evidence.y, evidence.f, evidence.w, evidence.labelled_folds
    most = evidence.rows / max(evidence.rows - evidence.n, 1)
    if folds is None or len(np.unique(folds)) < 2:
        return np.full(evidence.n, fitted_lambda(y, f, w, most=most))
    return _crossed(y, f, w, folds, most)


def _crossed(y: Floats, f: Floats, w: Floats, folds: Ints, most: float) -> Floats:
    trust = np.zeros(len(y))
    for fold in np.unique(folds):
        own = folds == fold
        trust[own] = fitted_lambda(y[~own], f[~own], w[~own], most=most)
    return trust


def _variance(evidence: Evidence, residual: Floats) -> float:
    """se^2 of the weighted mean of the residuals, with both finite-population terms."""
    n, M, w = evidence.n, evidence.rows, evidence.w
    centred = w * (residual - np.average(residual, weights=w)) / w.mean()
    drawn = _unsampled(evidence)
    first = float((drawn * centred**2).sum() / (n * (n - 1)))
    y_bar = float(np.average(evidence.y, weights=w))
    return first + evidence.missing_share * y_bar * (1 - y_bar) / M


def _unsampled(evidence: Evidence) -> Floats:
    """1 - pi of every labelled row, (n,): rows that were sure to be drawn bring no uncertainty."""
    if evidence.probabilities is None or not evidence.is_weighted:
        return np.full(evidence.n, 1 - evidence.n / evidence.rows)
    return 1 - evidence.probabilities[evidence.is_labelled]
