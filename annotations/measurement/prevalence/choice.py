"""What is shown as the prevalence, beside what other methods say, and why this one.

The rules, in order:
1. no human label: nothing is shown, whatever the judge says;
2. every row of the population labelled: the count;
3. rows drawn with unequal probabilities: the strata of the draw, or else strata of the score with
   weights (`stratified`);
4. a judge that says the same of every row, or too few labels to cut: the labels alone, by inversion
   of the exact test;
5. fewer than FEW failures (or others) among the labels and more than SMALL of the population
   labelled: the same, since then single cases decide and only the exact test knows that they are
   whole;
6. else strata of the score (`stratified`), which covers where PPI++'s normal interval does not.
"""

from dataclasses import dataclass, fields
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from annotations.measurement.inference import INVERSION, WILSON, exact_proportion, proportion
from annotations.measurement.prevalence.anytime import anytime
from annotations.measurement.prevalence.evidence import Evidence
from annotations.measurement.prevalence.mean import NO_LABELS, ppi_mean
from annotations.measurement.prevalence.rogan_gladen import rogan_gladen
from annotations.measurement.prevalence.strata import Strata, strata_for
from annotations.measurement.prevalence.stratified import (
    METHOD,
    strata_of_draw,
    stratified_mean,
    sum_over_strata,
)
from annotations.measurement.results import Estimate, undefined

FEW = 10
SMALL = 0.25
RAW = "mean of the judge's scores, uncorrected"
WEIGHTED = "labels alone, weighted by 1 / probability, Wilson interval at the effective n"

SAME_SCORE = "The judge says the same of every case, so only the human labels tell."
TOO_FEW = "Too few human labels to group them by score: the labels alone are used."
SINGLE_CASES = (
    "Fewer than {few} labelled failures (or others) in a small population, where single cases decide: "
    "the exact test on the labels alone is used."
)


@dataclass(frozen=True)
class Prevalence:
    """Every method's word; `shown` is the one to use, and its reason says why if it is not the usual."""

    n: int
    N: int
    raw: Estimate
    human_only: Estimate
    ppi: Estimate
    rogan_gladen: Estimate
    anytime: Estimate
    shown: Estimate

    def as_json(self) -> dict[str, Any]:
        """The record as plain values, for JSON."""
        estimates = (f.name for f in fields(self) if f.name not in ("n", "N"))
        return {"n": self.n, "N": self.N} | {e: getattr(self, e).as_json() for e in estimates}


def measure_prevalence(evidence: Evidence, *, level: float = 0.95) -> Prevalence:
    """All methods on one set of scores and labels."""
    N = evidence.population if isinstance(evidence.population, int) else evidence.rows
    return Prevalence(
        n=evidence.n,
        N=N,
        raw=raw_rate(evidence, level=level),
        human_only=human_only(evidence, level=level),
        ppi=ppi_mean(evidence, level=level),
        rogan_gladen=rogan_gladen(evidence, level=level),
        anytime=anytime(evidence, level=level),
        shown=shown(evidence, level=level),
    )


def shown(evidence: Evidence, *, level: float = 0.95) -> Estimate:
    """The estimate to show, by the rules above."""
    if evidence.n == 0:
        return undefined(NO_LABELS, n=0, method=METHOD, level=level)
    reason = why_labels_alone(evidence)
    if reason is None:
        return stratified_mean(evidence, level=level)
    alone = human_only(evidence, level=level)
    return Estimate(
        alone.value, alone.low, alone.high, alone.n, level=level, method=alone.method, reason=reason
    )


def why_labels_alone(evidence: Evidence) -> str | None:
    """The sentence of the rule by which the judge is left out; None if it is used."""
    if evidence.is_weighted:
        return None
    if evidence.n == evidence.rows and evidence.population == "rows":
        return "Every case has a human label: they were counted."
    if np.ptp(evidence.scores) == 0:
        return SAME_SCORE
    if strata_for(evidence.n) == 1:
        return TOO_FEW
    if is_small(evidence.positives, evidence.n, evidence.rows * (1 - evidence.missing_share)):
        return SINGLE_CASES.format(few=FEW)
    return None


def is_small(k: int, n: int, rows: float) -> bool:
    """Whether so few failures of so small a population are labelled that single cases decide."""
    return min(k, n - k) < FEW and n > SMALL * rows


def raw_rate(evidence: Evidence, *, level: float = 0.95) -> Estimate:
    """The judge's own rate, biased by its errors: for comparison, never the answer."""
    M = evidence.rows
    if M == 0:
        return undefined("No case has a judge's score.", n=0, method=RAW, level=level)
    if np.isin(evidence.scores, (0.0, 1.0)).all():
        found = proportion(int(evidence.scores.sum()), M, level=level)
        return Estimate(
            found.value, found.low, found.high, M, level=level, method=f"{RAW}; {WILSON}"
        )
    value = float(evidence.scores.mean())
    half = NormalDist().inv_cdf((1 + level) / 2) * float(evidence.scores.std()) / sqrt(M)
    return Estimate(
        value, max(value - half, 0.0), min(value + half, 1.0), M, level=level, method=RAW
    )


def human_only(evidence: Evidence, *, level: float = 0.95) -> Estimate:
    """The labels without the judge: the exact test, or weighted where probabilities differ."""
    n, k = evidence.n, evidence.positives
    if n == 0:
        return undefined(NO_LABELS, n=0, method=INVERSION, level=level)
    if not evidence.is_weighted:
        rows = {"rows": evidence.rows, "endless": None}.get(
            str(evidence.population), evidence.population
        )
        population = rows if isinstance(rows, int) else None
        return exact_proportion(k, n, population=population, level=level)
    strata = strata_of_draw(evidence)
    if strata is not None:
        return stratified_mean(evidence, strata, level=level)
    w = evidence.w
    effective = float(w.sum() ** 2 / (w**2).sum())
    share = float(np.average(evidence.y, weights=w))
    N, labels, failures = (
        np.array([[x]]) for x in (float(evidence.rows), effective, share * effective)
    )
    sums = sum_over_strata(Strata(N, labels, failures), level=level)
    low, high = float(sums.low[0]), float(sums.high[0])
    return Estimate(share, low, high, n, level=level, method=WEIGHTED)
