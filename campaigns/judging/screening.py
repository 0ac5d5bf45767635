"""Which judges may vote: for the ensemble, which leaves out those that are inverted or useless."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotations.measurement.results import Estimate
from campaigns.judging.discrimination import auroc
from campaigns.judging.linear import Bools, Floats


@dataclass(frozen=True)
class MemberReport:
    """One judge: how well it tells, whether it votes, and if not, why."""

    name: str
    verdicts: int
    auroc: Estimate
    used: bool
    reason: str = ""


def screen(scores: Floats, y: Bools, *, names: Sequence[str]) -> tuple[MemberReport, ...]:
    """Who may vote: a judge whose interval of the area under the curve lies above one half.

    scores (N, M), nan where a judge gave no verdict; y (N,).
    """
    return tuple(
        _report(name, scores[:, column], y, earlier=scores[:, :column], names=names)
        for column, name in enumerate(names)
    )


def _report(
    name: str, column: Floats, y: Bools, *, earlier: Floats, names: Sequence[str]
) -> MemberReport:
    given = int((~np.isnan(column)).sum())
    area = auroc(column, y)
    reason = ""
    twin = next((names[i] for i in range(earlier.shape[1]) if _same(earlier[:, i], column)), None)
    if not given:
        reason = "gave no verdict on any gold case"
    elif area.low is None or area.high is None:
        reason = "gave verdicts on gold cases of one answer only"
    elif area.high < 0.5:
        reason = "inverted: it says positive where gold says negative; check its polarity"
    elif area.low <= 0.5:
        reason = "useless so far: it cannot be told from guessing on this gold"
    elif twin is not None:
        reason = f"gives the same scores as {twin}"
    return MemberReport(name, given, area, used=not reason, reason=reason)


def _same(one: Floats, other: Floats) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))
