"""Rogan and Gladen: a judge's raw rate, corrected by how often it errs on each kind of case.

Symbols: p = share of M rows that the judge calls failures; se = the share of failures that it calls
so, from a of A labelled failures; sp = the share of others that it passes, from b of B.

    theta = (p + sp - 1) / (se + sp - 1)

It stands on se and sp being those of this population ("label-conditional" calibration): right where
the labelled rows are a random sample of it, or of its failures and of its others; wrong where another
kind of case was labelled. Undefined where a judge no better than chance (se + sp <= 1) is not excluded.
Sources: W. J. Rogan, B. Gladen (1978), American Journal of Epidemiology 107: 71-76; interval with the
uncertainty of all three: Z. Lang, J. Reiczigel (2014), Preventive Veterinary Medicine 113: 13-22.
"""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np

from annotations.measurement.inference import difference_of_proportions
from annotations.measurement.prevalence.evidence import Evidence
from annotations.measurement.prevalence.mean import NO_LABELS
from annotations.measurement.results import Estimate, undefined

METHOD = "Rogan-Gladen, Lang-Reiczigel interval"
# From this score on a judge's answer counts as "failure".
THRESHOLD = 0.5
ONE_KIND = "The human labels are all of one kind, so one of the judge's two error rates is unknown."
CHANCE = (
    "Sensitivity + specificity <= 1 is not excluded: on these labels the judge may be no better than "
    "chance, and dividing by (nearly) zero says nothing."
)
BY_SCORE = (
    "The labelled rows were drawn by the judge's score, so the judge's error rates among them are not "
    "those of the population."
)
OUTSIDE = "With these error rates no prevalence between 0 and 1 gives this raw rate."


@dataclass(frozen=True)
class Errors:
    """What the labels say of the judge: a of A failures found, b of B others passed."""

    a: int
    A: int
    b: int
    B: int


def rogan_gladen(evidence: Evidence, *, level: float = 0.95) -> Estimate:
    """The corrected raw rate of a judge's verdicts (score >= THRESHOLD)."""
    if evidence.n == 0:
        return undefined(NO_LABELS, n=0, method=METHOD, level=level)
    if evidence.is_weighted:
        return undefined(BY_SCORE, n=evidence.n, method=METHOD, level=level)
    said, y = evidence.f >= THRESHOLD, evidence.y == 1
    errors = Errors(int((said & y).sum()), int(y.sum()), int((~said & ~y).sum()), int((~y).sum()))
    p = float((evidence.scores >= THRESHOLD).mean())
    sampled = evidence.missing_share / evidence.rows
    return corrected(p, errors, sampled=sampled, level=level)


def corrected(p: float, errors: Errors, *, sampled: float, level: float = 0.95) -> Estimate:
    """theta of a raw rate p; `sampled` is 1 / M if M rows are a sample, 0 if they are everything."""
    n = errors.A + errors.B
    if errors.A == 0 or errors.B == 0:
        return undefined(ONE_KIND, n=n, method=METHOD, level=level)
    youden = difference_of_proportions(
        errors.a, errors.A, errors.B - errors.b, errors.B, level=level
    )
    if youden.value is None or youden.low is None or youden.low <= 0:
        return undefined(CHANCE, n=n, method=METHOD, level=level)
    se, sp = errors.a / errors.A, errors.b / errors.B
    low, high = _interval(p, errors, sampled, level)
    value = (p + sp - 1) / (se + sp - 1)
    reason = OUTSIDE if not 0 <= value <= 1 else None
    value = float(np.clip(value, 0.0, 1.0))
    return Estimate(
        value, min(low, value), max(high, value), n, level=level, method=METHOD, reason=reason
    )


def _interval(p: float, errors: Errors, sampled: float, level: float) -> tuple[float, float]:
    """Lang and Reiczigel's equations 3 to 5, with one more success and failure for se and sp."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    A, B = errors.A + 2, errors.B + 2
    se, sp = (errors.a + 1) / A, (errors.b + 1) / B
    M = 1 / sampled + z * z if sampled else float("inf")
    p = (p / sampled + z * z / 2) / M if sampled else p
    youden = se + sp - 1
    theta = (p + sp - 1) / youden
    errors_se, errors_sp = se * (1 - se) / A, sp * (1 - sp) / B
    shift = 2 * z * z * (theta * errors_se - (1 - theta) * errors_sp)
    variance = p * (1 - p) / M + theta**2 * errors_se + (1 - theta) ** 2 * errors_sp
    half = z * sqrt(variance) / abs(youden)
    low, high = theta + shift - half, theta + shift + half
    return float(np.clip(low, 0.0, 1.0)), float(np.clip(high, 0.0, 1.0))
