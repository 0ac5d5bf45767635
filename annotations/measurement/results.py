"""What a measurement says, for pages and exports: value, interval and n, or why there is none.

Symbols: value = the point estimate; [low, high] = an interval at confidence `level`; n = the items
(or trials) that the estimate rests on.
"""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Estimate:
    """A number with its interval; `value` None is undefined, and `reason` then says why.

    A defined value may still lack an interval (both ends None): `reason` then says why that is.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    _: KW_ONLY
    level: float = 0.95
    method: str
    reason: str | None = None

    def __post_init__(self) -> None:
        if (self.low is None) != (self.high is None):
            raise ValueError("An interval has both ends or none.")
        if (self.value is None or self.low is None) and not self.reason:
            raise ValueError("An undefined value or interval needs its reason.")
        if any(x is not None and not math.isfinite(x) for x in (self.value, self.low, self.high)):
            raise ValueError("An estimate is a finite number or None with a reason.")

    @property
    def is_defined(self) -> bool:
        """Whether there is a number to show."""
        return self.value is not None

    @property
    def has_interval(self) -> bool:
        """Whether the uncertainty of the number is known."""
        return self.low is not None

    def as_json(self) -> dict[str, Any]:
        """The estimate as plain values, for JSON."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "level": self.level,
            "method": self.method,
            "reason": self.reason,
        }

    def __str__(self) -> str:
        if self.value is None:
            return f"undefined, n = {self.n:,}: {self.reason}"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}, n = {self.n:,}, no interval: {self.reason}"
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f}), n = {self.n:,}"


def undefined(reason: str, *, n: int, method: str, level: float = 0.95) -> Estimate:
    """An estimate that does not exist, with the reason that people read."""
    return Estimate(None, None, None, n, level=level, method=method, reason=reason)


@dataclass(frozen=True)
class AgreementReport:
    """Every agreement coefficient of one set of labels, by name.

    over_raters: the same values with intervals that speak of other raters too, where there are any.
    """

    n_items: int
    n_raters: int
    n_labels: int
    coefficients: Mapping[str, Estimate]
    over_raters: Mapping[str, Estimate] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return {
            "n_items": self.n_items,
            "n_raters": self.n_raters,
            "n_labels": self.n_labels,
            "coefficients": {name: self._as_json(name) for name in self.coefficients},
        }

    def of_other_raters(self) -> "AgreementReport":
        """The same values with the intervals that speak of other raters, or why there are none."""
        beyond = {
            name: self.over_raters.get(name) or _none(e) for name, e in self.coefficients.items()
        }
        return AgreementReport(self.n_items, self.n_raters, self.n_labels, beyond)

    def _as_json(self, name: str) -> dict[str, Any]:
        said = self.coefficients[name].as_json()
        if name in self.over_raters:
            beyond = self.over_raters[name].as_json()
            said["over_raters"] = {key: beyond[key] for key in ("low", "high", "method", "reason")}
        return said


def _none(estimate: Estimate) -> Estimate:
    reason = estimate.reason if estimate.value is None else None
    return replace(
        estimate,
        low=None,
        high=None,
        method="no interval for other raters",
        reason=reason
        or "This coefficient, or so few raters, say nothing about other raters: see the items.",
    )
