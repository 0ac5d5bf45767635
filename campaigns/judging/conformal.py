"""Which answers a case's probability leaves open, and who decides it: the ensemble or a person.

Method: label-conditional (Mondrian) conformal prediction (Vovk, Gammerman and Shafer 2005, chapter 4)
on cross-fitted probabilities. A failure is strange where its p is low, any other case where its p is
high. An answer's p-value in a new case is (1 + gold cases of that answer at least as strange) / (1 + n),
over the gold of its stratum where there are `ENOUGH` of that answer, else over all. An answer is
excluded where its p-value is at most alpha, so that for cases drawn like gold at most the share
alpha of failures, and of the others, loses its true answer. Where not exactly one answer is left, a
person decides. What is reported of gold leaves a case's whole family out of its calibration
(cross-conformal; Vovk 2015). Symbols: p (N,) probabilities, nan where there is none; y (N,) labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats

ALPHA = 0.1
ENOUGH = (
    30  # of one answer in a stratum; with fewer, one calibration's level is off by over 5 points
)
ALPHAS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)  # what other levels would cost and bring
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Sets:
    """What stays open of each case: the p-values of both answers, (N,), nan without a probability."""

    positive: Floats
    negative: Floats
    alpha: float

    @property
    def answer(self) -> Floats:
        """1 or 0 where that answer alone is left, nan where both are, or none; (N,)."""
        failure, other = self.positive > self.alpha, self.negative > self.alpha
        return np.where(failure == other, np.nan, failure.astype(np.float64))

    def decided(self, p: Floats, *, threshold: float) -> Bools:
        """Where the ensemble decides, (N,): one answer is left, and it is the threshold's own."""
        return np.asarray(self.answer == np.where(np.isnan(p), np.nan, p >= threshold), dtype=bool)

    def at(self, alpha: float) -> "Sets":
        """The same p-values at another level."""
        return Sets(self.positive, self.negative, check_alpha(alpha))


@dataclass(frozen=True)
class Conformal:
    """The calibration: probabilities of gold by its answer, rising; by stratum where enough."""

    alpha: float
    positives: tuple[float, ...]
    negatives: tuple[float, ...]
    positives_by: Mapping[str, tuple[float, ...]]
    negatives_by: Mapping[str, tuple[float, ...]]

    def sets(self, p: Floats, strata: Sequence[str] | None = None) -> Sets:
        """The sets of new cases with probabilities p (N,), in the strata of `fit_conformal`."""
        p = np.asarray(p, dtype=np.float64)
        of = _strata(p, strata)
        positive, negative = np.full(len(p), np.nan), np.full(len(p), np.nan)
        for name in np.unique(of):
            here = of == name
            failures = np.array(self.positives_by.get(str(name), self.positives))
            others = np.array(self.negatives_by.get(str(name), self.negatives))
            positive[here] = p_values(failures, p[here])
            negative[here] = p_values(-others, -p[here])
        return Sets(positive, negative, self.alpha)

    @property
    def notes(self) -> tuple[str, ...]:
        """What it can't do yet, each as a sentence."""
        least = least_gold(self.alpha)
        told = (
            ("failures", "no failure", len(self.positives)),
            ("other cases", "a failure", len(self.negatives)),
        )
        return tuple(
            f"Gold has {n} {what} with a score, and it takes {least} to exclude an answer at a level "
            f"of {self.alpha:.0%}: whatever the ensemble would call {called} goes to a person."
            for what, called, n in told
            if n < least
        )

    def as_json(self) -> dict[str, Any]:
        """The calibration as plain values, for JSON."""
        return {
            "format": FORMAT,
            "alpha": self.alpha,
            "positives": list(self.positives),
            "negatives": list(self.negatives),
            "positives_by": {name: list(some) for name, some in self.positives_by.items()},
            "negatives_by": {name: list(some) for name, some in self.negatives_by.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Conformal":
        """The calibration that `as_json` wrote."""
        if data.get("format") != FORMAT:
            raise BadScores(
                f"What goes to a person is kept in the format {data.get('format')}, this version "
                f"reads {FORMAT}: calibrate again."
            )
        return cls(
            alpha=check_alpha(float(data["alpha"])),
            positives=_rising(data["positives"]),
            negatives=_rising(data["negatives"]),
            positives_by={name: _rising(some) for name, some in data["positives_by"].items()},
            negatives_by={name: _rising(some) for name, some in data["negatives_by"].items()},
        )


@dataclass(frozen=True)
class Decisions:
    """What the ensemble would decide of some gold cases, and how well; the rest is for people."""

    stratum: str  # "" is all of them
    n: int
    to_person: Estimate
    wrong: Estimate  # of the decided
    passed: Estimate  # of all failures: decided to be none
    blocked: Estimate  # of all others: decided to be failures


def fit_conformal(
    p: Floats, y: Bools, strata: Sequence[str] | None = None, *, alpha: float = ALPHA
) -> Conformal:
    """Calibrate on gold; p must not be fitted to these cases. Those without a probability are left out."""
    check_alpha(alpha)
    p, y = _checked(p, y)
    of, scored = _strata(p, strata), ~np.isnan(p)
    by: dict[bool, dict[str, tuple[float, ...]]] = {True: {}, False: {}}
    for name in np.unique(of) if strata is not None else ():
        for answer in (True, False):
            here = p[(of == name) & scored & (y == answer)]
            if len(here) >= ENOUGH:
                by[answer][str(name)] = _rising(here)
    return Conformal(alpha, _rising(p[scored & y]), _rising(p[scored & ~y]), by[True], by[False])


def cross_conformal(
    p: Floats, y: Bools, families: Sequence[str], strata: Sequence[str] | None = None, *,
    alpha: float = ALPHA,
) -> Sets:  # fmt: skip
    """The sets of gold cases, each calibrated by the gold of other families alone."""
    check_alpha(alpha)
    p, y = _checked(p, y)
    if len(families) != len(p):
        raise BadScores(f"{len(p)} cases but {len(families)} families: give one for each case.")
    of, family, scored = _strata(p, strata), _numbered(families), ~np.isnan(p)
    found = []
    for answer in (True, False):
        strange = p if answer else -p
        value = np.full(len(p), np.nan)
        alike = scored & (y == answer)
        for name in np.unique(of):
            here = (of == name) & scored
            own = alike & (of == name)
            pool = own if strata is not None and own.sum() >= ENOUGH else alike
            value[here] = _left_out(strange, family, pool=pool, asked=here)
        found.append(value)
    return Sets(found[0], found[1], alpha)


def p_values(gold: Floats, new: Floats) -> Floats:
    """(1 + gold values at or below each new one) / (1 + n), (N,); nan stays nan."""
    counted = np.searchsorted(np.sort(gold), new, side="right")
    return np.where(np.isnan(new), np.nan, (1 + counted) / (1 + len(gold)))


def decisions(
    sets: Sets, p: Floats, y: Bools, strata: Sequence[str] | None = None, *, threshold: float
) -> tuple[Decisions, ...]:
    """Of all cases, then of each stratum where there are several; `sets` as `cross_conformal` gives."""
    p, y = _checked(p, y)
    decided, of = sets.decided(p, threshold=threshold), _strata(p, strata)
    names = np.unique(of)
    found = [_decisions("", decided, p >= threshold, y)]
    for name in names if len(names) > 1 else ():
        here = of == name
        found.append(
            _decisions(str(name) or "none", decided[here], (p >= threshold)[here], y[here])
        )
    return tuple(found)


def least_gold(alpha: float) -> int:
    """Gold cases of one answer without which it can't be excluded: 1 / (1 + n) <= alpha."""
    return int(np.ceil(1 / alpha - 1e-9)) - 1


def check_alpha(alpha: float) -> float:
    """The level; raises `BadScores` where it is none."""
    if not 0 < alpha < 1:
        raise BadScores(f"The level is a share between 0 and 1, such as {ALPHA}, not {alpha}.")
    return alpha


def _decisions(stratum: str, decided: Bools, fired: Bools, y: Bools) -> Decisions:
    n, positives = len(y), int(y.sum())
    passed, blocked = int((decided & ~fired & y).sum()), int((decided & fired & ~y).sum())
    return Decisions(
        stratum=stratum,
        n=n,
        to_person=proportion(int((~decided).sum()), n),
        wrong=proportion(passed + blocked, int(decided.sum())),
        passed=proportion(passed, positives),
        blocked=proportion(blocked, n - positives),
    )


def _left_out(strange: Floats, family: Any, *, pool: Bools, asked: Bools) -> Floats:
    """p-values of the asked cases over the pool without their own family."""
    counted = np.searchsorted(np.sort(strange[pool]), strange[asked], side="right")
    n = np.full(len(counted), int(pool.sum()))
    by_family = np.argsort(family[pool], kind="stable")
    members, values = family[pool][by_family], strange[pool][by_family]
    for row, (own, at) in enumerate(zip(family[asked], strange[asked], strict=True)):
        start, end = np.searchsorted(members, own), np.searchsorted(members, own, side="right")
        counted[row] -= int((values[start:end] <= at).sum())
        n[row] -= end - start
    return np.asarray((1 + counted) / (1 + n), dtype=np.float64)


def _checked(p: Floats, y: Bools) -> tuple[Floats, Bools]:
    p, y = np.asarray(p, dtype=np.float64), np.asarray(y, dtype=bool)
    if p.shape != y.shape:
        raise BadScores(f"{len(p)} probabilities but {len(y)} labels: give one for each case.")
    if not np.all(np.isnan(p) | ((p >= 0) & (p <= 1))):
        raise BadScores("Every probability must lie from 0 to 1, or be missing.")
    return p, y


def _strata(p: Floats, strata: Sequence[str] | None) -> Any:
    of = np.array([""] * len(p) if strata is None else list(strata), dtype=object)
    if len(of) != len(p):
        raise BadScores(f"{len(p)} cases but {len(of)} strata: give one for each case.")
    return of.astype(str)


def _numbered(families: Sequence[str]) -> Any:
    return np.unique(np.array(list(families), dtype=object).astype(str), return_inverse=True)[1]


def _rising(values: Any) -> tuple[float, ...]:
    return tuple(float(one) for one in np.sort(np.asarray(values, dtype=np.float64)))
