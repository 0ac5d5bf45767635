"""What is shown as the prevalence, beside what other methods say, and why this one.

The rules, in order:
1. no human label: nothing is shown, whatever the judge says;
2. every row of the population labelled: the count;
3. rows drawn with unequal probabilities: the strata of the draw, or else strata of the score with
   weights (`stratified`);
4. a judge that says the same of every row, or too few labels to cut: the labels alone, by inversion
   of the exact test;
5. more than SMALL of the population labelled, with fewer than FEW failures (or others) among the labels:
   the same, since then single cases decide and only the exact test knows that they are whole;
   more than LARGE of it labelled, and a judge whose strata differ no more than by chance: the same;
6. else strata of the score (`stratified`), which covers where PPI++'s normal interval does not.
"""

from dataclasses import dataclass, fields
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np

from annotations.measurement.inference import INVERSION, WILSON, exact_proportion, proportion
from annotations.measurement.prevalence.anytime import anytime
from annotations.measurement.prevalence.evidence import Bools, Evidence, Floats
from annotations.measurement.prevalence.mean import NO_LABELS, ppi_mean
from annotations.measurement.prevalence.rogan_gladen import rogan_gladen
from annotations.measurement.prevalence.strata import Strata, strata_for
from annotations.measurement.prevalence.stratified import (
    METHOD,
    strata_of_draw,
    strata_of_score,
    stratified_mean,
    sum_over_strata,
    tells_nothing,
)
from annotations.measurement.results import Estimate, undefined

FEW = 10
SMALL, LARGE = 0.1, 0.25
RAW = "mean of the judge's scores, uncorrected"
WEIGHTED = "labels alone, weighted by 1 / probability, Wilson interval at the effective n"

SAME_SCORE = "The judge says the same of every case, so only the human labels tell."
TOO_FEW = "Too few human labels to group them by score: the labels alone are used."
NO_HELP = (
    "The judge's scores tell the labelled cases apart no better than chance would, so only the human "
    "labels tell."
)
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
    rows = evidence.rows / max(1 - evidence.missing_share, 1e-300)
    k, n = evidence.positives, evidence.n
    if is_small(np.array([float(k)]), n, rows)[0]:
        return SINGLE_CASES.format(few=FEW)
    if n > LARGE * rows and tells_nothing(strata_of_score(evidence))[0]:
        return NO_HELP
    return None


def is_small(k: Floats, n: int, rows: float) -> Bools:
    """Whether so few failures k (R,) among n labels of a small population that single cases decide."""
    few = np.minimum(k, n - k) < FEW
    return np.asarray(few & (n > SMALL * rows), dtype=np.bool_)


def leaves_judge_out(strata: Strata, n: int, rows: float) -> Bools:
    """Rule 5 for R data sets at once, (R,); for the simulation of coverage."""
    alone = is_small(strata.k.sum(axis=1), n, rows)
    return alone | tells_nothing(strata) if n > LARGE * rows else alone


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
