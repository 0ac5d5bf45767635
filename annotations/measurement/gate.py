"""Whether a criterion is past its gate: pass, fail, or can't tell, and what it would take (pure).

Symbols: a = alpha with its interval [low, high] from n cases; m = the mark. The gate passes where
low >= m, the positive agreement is at least its mark and the share of can't tell at most its own. It
fails where a whole interval lies on the wrong side of its mark. All else can't be told.
Power: with s = (a - low) / z the standard error at n cases, it is s sqrt(n / n') at n', and a pilot of n'
cases has low >= m with probability Phi((a - m) / (s sqrt(n / n')) - z); for a power b
    n' = n (s (z + z_b) / (a - m))^2,
if a stays what it is. This is a large-sample reading; docs/measurement/gate.md has the simulation.
Source: K. Krippendorff, "Content Analysis" (4th ed., 2018), section 12.2.3 (the mark is asked of the
lower end); the power is that of a one-sample test of the normal approximation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import ceil, sqrt
from statistics import NormalDist

from annotations.measurement.results import Estimate

LOOKS = 3
POWER = 0.8
ALPHA, POSITIVE, CANT_TELL = "alpha", "positive agreement", "can't tell"
# Beyond this many cases a pilot is no plan: the wording is what must change.
MOST_CASES = 5_000


class State(StrEnum):
    PASS = "pass"  # noqa: S105 (a state, not a password)
    FAIL = "fail"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Marks:
    """What is asked: of alpha's lower end, of positive agreement, and of can't tell at most."""

    alpha: float = 0.60
    positive: float = 0.70
    cant_tell: float = 0.10


@dataclass(frozen=True)
class Part:
    """One of the three demands with what was measured."""

    name: str
    estimate: Estimate
    mark: float
    state: State


@dataclass(frozen=True)
class Result:
    """One criterion at the gate. `power`: the chance to pass with as many cases again, as measured.

    `cases_needed`: for a power of 80 %; None where no number of cases would do, or none is needed.
    """

    state: State
    parts: tuple[Part, ...]
    power: float | None
    cases_needed: int | None
    advice: str


def decide(
    alpha: Estimate, positive: Estimate, cant_tell: Estimate, *, marks: Marks | None = None
) -> Result:
    """The state of one criterion."""
    marks = marks or Marks()
    parts = (
        Part(ALPHA, alpha, marks.alpha, _alpha_state(alpha, marks.alpha)),
        Part(POSITIVE, positive, marks.positive, _positive_state(positive, marks.positive)),
        Part(CANT_TELL, cant_tell, marks.cant_tell, _cant_tell_state(cant_tell, marks.cant_tell)),
    )
    state = _joined([part.state for part in parts])
    power = power_to_pass(alpha, marks.alpha, n=alpha.n)
    needed = cases_needed(alpha, marks.alpha) if state == State.CANNOT_TELL else None
    return Result(state, parts, power, needed, _advice(state, parts, needed))


def power_to_pass(alpha: Estimate, mark: float, *, n: int) -> float | None:
    """The chance that the lower end of alpha from n cases is at the mark or over, if alpha is true."""
    error = _standard_error(alpha)
    if error is None or alpha.value is None or n < 1:
        return None
    scaled = error * sqrt(alpha.n / n)
    return NormalDist().cdf((alpha.value - mark) / scaled - _z(alpha.level))


def cases_needed(alpha: Estimate, mark: float, *, power: float = POWER) -> int | None:
    """How many cases in all a pilot needs to pass with this power; None where no number would do."""
    error = _standard_error(alpha)
    if error is None or alpha.value is None or alpha.value <= mark:
        return None
    z = _z(alpha.level) + NormalDist().inv_cdf(power)
    return ceil(alpha.n * (error * z / (alpha.value - mark)) ** 2)


def _alpha_state(e: Estimate, mark: float) -> State:
    if e.low is None or e.high is None:
        return State.CANNOT_TELL
    return State.PASS if e.low >= mark else State.FAIL if e.high < mark else State.CANNOT_TELL


def _positive_state(e: Estimate, mark: float) -> State:
    if e.value is None:
        return State.CANNOT_TELL
    if e.value >= mark:
        return State.PASS
    return State.FAIL if e.high is not None and e.high < mark else State.CANNOT_TELL


def _cant_tell_state(e: Estimate, mark: float) -> State:
    if e.value is None:
        return State.CANNOT_TELL
    if e.value <= mark:
        return State.PASS
    return State.FAIL if e.low is not None and e.low > mark else State.CANNOT_TELL


def _joined(states: Sequence[State]) -> State:
    if State.FAIL in states:
        return State.FAIL
    return State.PASS if all(state == State.PASS for state in states) else State.CANNOT_TELL


def _advice(state: State, parts: Sequence[Part], needed: int | None) -> str:
    alpha = parts[0].estimate
    if state == State.PASS:
        return "Past all three marks."
    if state == State.FAIL:
        missed = " and ".join(part.name for part in parts if part.state == State.FAIL)
        return f"The whole interval of {missed} is on the wrong side of its mark: reword the criterion."
    if alpha.value is None or alpha.low is None:
        return f"Alpha has no interval here: {alpha.reason}"
    if needed is None:
        return "Alpha itself is not over its mark: more cases won't do, a clearer wording may."
    if needed > MOST_CASES:
        return f"Alpha is too near its mark: it would take {needed:,} cases. Reword the criterion."
    if parts[0].state != State.PASS:
        more = max(needed - alpha.n, 0)
        if more:
            return f"{more:,} more cases ({needed:,} in all) would pass with a chance of 80 %, if alpha stays."
        return "As many cases would more often pass than not: look again with new ones."
    waiting = " and ".join(part.name for part in parts if part.state == State.CANNOT_TELL)
    return (
        f"{waiting.capitalize()} misses its mark, but within what chance explains: more cases tell."
    )


def _standard_error(e: Estimate) -> float | None:
    """From the lower half of the interval, which is the one that has to clear the mark."""
    if e.value is None or e.low is None or e.value <= e.low:
        return None
    return (e.value - e.low) / _z(e.level)


def _z(level: float) -> float:
    return NormalDist().inv_cdf((1 + level) / 2)
