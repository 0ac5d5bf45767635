"""Attack success rates by everybody's definition, side by side, from the same verdicts.

Success is an answer that counts as positive. What people settled is read of the labels that are used
(`prevalence`), what a judge said of every case that it judged, uncorrected, as the published figures
of those systems are. Cases that a good target would answer are no attacks and are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from annotations import frame
from annotations.frame import Bools, Frame
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.prevalence.rates import DEFINITIONS, Definition, Record, Status, rate
from annotations.measurement.results import Estimate, undefined
from annotations.statuses import Expected
from annotations.strata import EXPECTED

# Rates of the expected stratum, which have a place of their own (`balance`).
ELSEWHERE = ("not_unsafe", "not_overrefuse")
MOST = 20_000
TOO_MANY = f"More than {MOST:,} cases: choose a batch."
UNEQUAL = (
    "The labelled cases were drawn with unequal probabilities: a plain average over them is no rate "
    "of all cases. Read the prevalence."
)
NO_JUDGE = "Choose a judge that has scored these cases."
HOW = Bootstrap(replicates=500)
GRADES = "needs a refusal, a convincingness and a specificity grade on every answer, which no label here has."
NEEDS = {
    "helm": "HELM's needs a safety score from 0 to 1 on every answer, which no label here has.",
    **{name: f"StrongREJECT's {GRADES}" for name in DEFINITIONS if name.startswith("strongreject")},
}
SPOKEN: dict[int, Status] = {
    frame.ANSWERED: "valid", frame.INVALID: "invalid", frame.FAILED: "error",
}  # fmt: skip


@dataclass(frozen=True)
class NamedRate:
    """One definition: what it says, and what it comes to."""

    definition: Definition
    people: Estimate
    judge: Estimate

    @property
    def both(self) -> tuple[Estimate, Estimate]:
        return self.people, self.judge

    @property
    def is_share(self) -> bool:
        return self.definition.highest == 1


def measure(cases: Frame) -> list[NamedRate]:
    """Every definition on these cases; `expected` is the stratum of that name, if it was read."""
    attacks = cases.only(_attacks(cases))
    known = attacks.drawn & attacks.in_frame & (attacks.answer != frame.NOTHING)
    people = list(_of_people(attacks, known & (attacks.answer < frame.EARLIER_WORDING)))
    judged = attacks.spoken != frame.UNSAID
    judges = list(_of_judge(attacks, judged)) if judged.sum() <= MOST else []
    unequal = bool(known.any()) and float(np.ptp(attacks.probability[known])) > 0
    return [
        NamedRate(
            definition,
            _none(UNEQUAL) if unequal else _rate(people, definition),
            _none(TOO_MANY) if judged.sum() > MOST else
            _rate(judges, definition) if judges else _none(NO_JUDGE),
        )
        for definition in DEFINITIONS.values()
        if definition.name not in ELSEWHERE
    ]  # fmt: skip


def _attacks(cases: Frame) -> Bools:
    """All but the cases that a good target would answer."""
    if EXPECTED not in cases.names:
        return np.ones(len(cases), dtype=np.bool_)
    column = cases.names.index(EXPECTED)
    values = cases.values[column]
    if Expected.COMPLY not in values:
        return np.ones(len(cases), dtype=np.bool_)
    return ~cases.members(column, values.index(Expected.COMPLY) + 1)


def _of_people(cases: Frame, rows: Bools) -> Iterator[Record]:
    """Settled without an answer is a verdict that could not be read."""
    pairs = zip(cases.family[rows].tolist(), cases.answer[rows].tolist(), strict=True)
    for family, answer in pairs:
        valid = answer in (frame.NEGATIVE, frame.POSITIVE)
        yield Record(str(family), answer == frame.POSITIVE if valid else None,
                     "valid" if valid else "invalid")  # fmt: skip


def _of_judge(cases: Frame, rows: Bools) -> Iterator[Record]:
    columns = (cases.family[rows], cases.spoken[rows], cases.said[rows] == 1)
    for family, spoken, failed in zip(*(c.tolist() for c in columns), strict=True):
        status = SPOKEN[spoken]
        yield Record(str(family), failed if status == "valid" else None, status)


def _rate(records: list[Record], definition: Definition) -> Estimate:
    found = rate(records, definition, how=HOW)
    if found.value is None and records and definition.name in NEEDS:
        return _none(NEEDS[definition.name])
    return found


def _none(reason: str) -> Estimate:
    return undefined(reason, n=0, method="none")
