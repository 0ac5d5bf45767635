"""How sure a posterior may claim to be: one temperature, and claimed against right (pure).

Symbols: q (N, K) posteriors; T > 0 the temperature; tempered q_ik(T) = q_ik^(1/T) / sum of the same
over k'. T > 1 makes less sure, T < 1 surer, and no T changes which value is most probable. T is
found by maximum likelihood

    on gold:        sum over items with gold g_i of log q_{i, g_i}(T)      (the audit slice)
    on held-out labels, where there is no gold:
                    sum over hidden labels of log(sum over k of q_ik(T) P(the rater says this | k))

The second needs no gold, but sees only how well the *next label* is foretold: raters who share a
mistake foretell each other, so that it cools less than gold would. Claimed = the mean of max over k
of q_ik; right = the share of items whose most probable value is the gold one.
Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, "On Calibration of Modern Neural Networks", ICML
2017, section 4.2 (temperature scaling).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from annotations.measurement.aggregation.answers import NO_GOLD, right_of
from annotations.measurement.aggregation.labels import AggregationError, Floats
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate

MIN_T, MAX_T = 0.5, 50.0
# With fewer gold answers a temperature is a guess about the next one.
FEWEST_GOLD = 30
TINY = 1e-300


@dataclass(frozen=True)
class Temperature:
    """T and where it comes from: `gold`, `held-out labels` or `none`; n = how many of those."""

    value: float
    source: str
    n: int


@dataclass(frozen=True)
class Calibration:
    """Claimed and right, before and after tempering, on the items with gold.

    The tempered figures are cross-fitted where T comes from gold: each half by the other's T.
    """

    temperature: Temperature
    claimed: float
    claimed_tempered: float
    right: Estimate
    log_loss: float
    log_loss_tempered: float

    def as_json(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        return {
            "temperature": self.temperature.value,
            "temperature_from": self.temperature.source,
            "claimed": self.claimed,
            "claimed_tempered": self.claimed_tempered,
            "right": self.right.as_json(),
            "log_loss": self.log_loss,
            "log_loss_tempered": self.log_loss_tempered,
        }


def tempered(q: Floats, temperature: float) -> Floats:
    """q(T), (N, K)."""
    if temperature <= 0:
        raise AggregationError("A temperature is above zero.")
    logs = np.log(np.maximum(q, TINY)) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)


def temperature_on_gold(q: Floats, gold: NDArray[np.int64]) -> Temperature:
    """T by maximum likelihood on gold (N,), -1 where there is none; 1 with too few of them."""
    known = gold != NO_GOLD
    n = int(known.sum())
    if n < FEWEST_GOLD:
        return Temperature(1.0, "none", n)
    known_q, at = q[known], gold[known]

    def loss(log_t: float) -> float:
        return _log_loss(tempered(known_q, float(np.exp(log_t))), at)

    return Temperature(_lowest(loss), "gold", n)


def calibration(q: Floats, gold: NDArray[np.int64], temperature: Temperature) -> Calibration:
    """Claimed against right on the items with gold (N,), -1 where there is none."""
    known = np.flatnonzero(gold != NO_GOLD)
    if not len(known):
        raise AggregationError("Claimed and right are compared on gold, and no item has any.")
    q, gold = q[known], gold[known]
    cool = (
        _cross_fitted(q, gold) if temperature.source == "gold" else tempered(q, temperature.value)
    )
    right = float(right_of(q, gold).sum())
    interval = proportion(round(right), len(q))
    return Calibration(
        temperature,
        claimed=float(q.max(axis=1).mean()),
        claimed_tempered=float(cool.max(axis=1).mean()),
        right=Estimate(right / len(q), interval.low, interval.high, len(q), method=interval.method),
        log_loss=_log_loss(q, gold),
        log_loss_tempered=_log_loss(cool, gold),
    )


def _cross_fitted(q: Floats, gold: NDArray[np.int64]) -> Floats:
    """Every other item tempered with the T of the rest."""
    cool, odd = q.copy(), np.arange(len(q)) % 2 == 1
    for half in (odd, ~odd):
        cool[half] = tempered(q[half], temperature_on_gold(q[~half], gold[~half]).value)
    return cool


def _log_loss(q: Floats, gold: NDArray[np.int64]) -> float:
    # An item surely wrong costs 23 nats, not infinity.
    askable = gold < q.shape[1]
    given = q[np.arange(len(q)), np.where(askable, gold, 0)] * askable
    return -float(np.log(np.maximum(given, 1e-10)).mean())


def _lowest(loss: Any) -> float:
    found = minimize_scalar(
        loss, bounds=(np.log(MIN_T), np.log(MAX_T)), method="bounded", options={"xatol": 1e-3}
    )
    return float(np.exp(found.x))
