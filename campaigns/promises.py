"""What an ensemble's bound is promised of: which targets, and cases how much like its gold.

A threshold bounds over-blocking on cases drawn like the gold that it was set on. Another target, or
another domain, is another draw: told on the pages, and no promise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotations.jobs import JobRun
from annotations.measurement.inference import proportion
from annotations.models import Case
from campaigns.embeddings import encoder
from campaigns.gold_sets import ARM, GUIDED, Floats, GoldSet, gold_set
from campaigns.judging.by_target import (
    WAYS,
    TargetMaps,
    Tried,
    has_several,
    no_maps,
    try_ways,
    with_probabilities,
)
from campaigns.judging.ensemble import Ensemble
from campaigns.judging.examples import Example
from campaigns.judging.sameness import compare
from campaigns.judging.thresholds import Threshold
from campaigns.judging.transfer import why_no_promise
from campaigns.models import EnsembleVersion, Round
from campaigns.seen_by_judges import example_of
from campaigns.vectors import stored_encode

TARGETS = "targets"  # in the payload of a version: the maps; in its report: a row a target
PROMISE = "promise"  # in what the step assign found
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Recalibration:
    """An ensemble whose gold has several targets: their maps, and cross-fitted p (N,) with them."""

    ensemble: Ensemble
    p: Floats
    maps: TargetMaps
    tried: Tried | None  # None where there is nothing to tell apart


def target_of(case: Case) -> str:
    """The target whose answer this is; "" where the case doesn't say."""
    return str(case.strata.get("target", ""))


def maps_of(made: EnsembleVersion) -> TargetMaps:
    """The maps that a version keeps; one that keeps none leaves every probability as it is."""
    if TARGETS in made.payload:
        return TargetMaps.from_json(made.payload[TARGETS])
    return no_maps(np.empty(0), np.empty(0, dtype=bool), [])


def recalibrate(
    ensemble: Ensemble, p: Floats, gold: GoldSet, *, bound: float, seed: int
) -> Recalibration:
    """Each target's own map, where maps help on families that they have not seen; else none."""
    targets = [target_of(case) for case in gold.cases]
    if not has_several(targets):
        return Recalibration(ensemble, p, no_maps(p, gold.y, targets), None)
    tried = try_ways(p, gold.y, targets, gold.families, seed=seed)
    maps = WAYS[tried.way](p, gold.y, targets)
    if tried.way != next(iter(WAYS)):
        drawn = gold.drawn
        ensemble = with_probabilities(
            ensemble, tried.p[drawn], gold.y[drawn], gold.some(drawn).families, bound=bound
        )
    return Recalibration(ensemble, tried.p, maps, tried)


def report_of_targets(gold: GoldSet, found: Recalibration, before: Threshold) -> dict[str, Any]:
    """For the page: how the targets were recalibrated, and what that changed; empty for one target."""
    if found.tried is None:
        return {}
    return {"way": found.tried.way, "losses": found.tried.losses,
            "rows": by_target(gold.cases, gold.y, found, before)}  # fmt: skip


def by_target(
    cases: Sequence[Case], y: Bools, found: Recalibration, before: Threshold
) -> list[dict[str, Any]]:
    """Each target's labels, its map, over-blocking and evasion without and with it, and why no promise."""
    of = np.array([target_of(case) for case in cases])
    then = found.tried.p_by["none"] if found.tried else found.p
    now = found.ensemble.threshold
    rows = []
    for name in sorted({str(one) for one in of} - {""}):
        here, one = of == name, found.maps.of(name)
        rates = {
            **_rates(then[here], y[here], before, "_before"),
            **_rates(found.p[here], y[here], now),
        }
        rows.append({
            "name": name, "n": int(here.sum()), "positives": int(y[here].sum()),
            "slope": one.slope, "offset": one.offset, **rates,
            "reason": why_not_of_target(y[here], rates["over_block"], now.stated),
        })  # fmt: skip
    return rows


def why_not_of_target(y: Bools, over_block: dict[str, Any], bound: float) -> str:
    """Why the bound is not promised of a target with these labels; empty where it is."""
    reason = why_no_promise(int(y.sum()), len(y))
    low = over_block["low"]
    if reason or low is None or low <= bound:
        return reason
    return (
        f"Over-blocking of this target is {over_block['value']:.0%} of its {over_block['n']} cases that "
        f"are no failure, at least {low:.0%}: more than the bound of {bound:.0%}, which holds over "
        "all targets together."
    )


def promise(round_: Round, *, run: JobRun) -> dict[str, Any]:
    """Whether the bound of the ensemble that pre-labels this round holds of its cases; empty without one."""
    made = round_.ensemble
    if made is None:
        return {}
    question = round_.version.criteria.select_related("criterion").get(criterion=made.criterion)
    gold = gold_set(round_.campaign, question)
    gold = gold.some(gold.drawn)  # the bound is promised of cases like these, not of guided ones
    known = [one.case for one in gold.golds if one.settled_at <= made.gold.created_at]
    new = list(round_.cases.order_by("id"))
    new = [case for case in new if case.strata.get(ARM) != GUIDED] or new
    run.progress(0, 0, "Comparing the new cases with the gold")
    return {
        "ensemble": made.number,
        "targets": [*unknown_targets(known, new), *few_labelled(made, new)],
        **asdict(alike(made, known, new)),
    }


@dataclass(frozen=True)
class Alike:
    """Whether new cases look like the gold, with the area that tells them apart; or why that's not known."""

    alike: bool | None  # None: not compared
    area: dict[str, Any] | None
    reason: str


def alike(made: EnsembleVersion, known: Sequence[Case], new: Sequence[Case]) -> Alike:
    """Compared by the meaning of request and answer, which the judges read."""
    examples = [[example_of(case) for case in cases] for cases in (known, new)]
    if not all(any(one.has_text for one in some) for some in examples):
        return Alike(
            None, None, ""
        )  # judged by outside verdicts alone: there is nothing to compare
    x, z = (_features([one for one in some if one.has_text]) for some in examples)
    families = [[one.family for one in some if one.has_text] for some in examples]
    found = compare(x, z, families=(families[0], families[1]), seed=made.round.seed)
    return Alike(found.alike, found.area.as_json() if found.area else None, found.reason)


def unknown_targets(known: Sequence[Case], new: Sequence[Case]) -> list[dict[str, str]]:
    """The targets of the new cases of which gold has no label."""
    have = {target_of(case) for case in known}
    return [
        {"name": name, "reason": why_no_promise(0, 0)}
        for name in sorted({target_of(case) for case in new} - have - {""})
    ]


def few_labelled(made: EnsembleVersion, new: Sequence[Case]) -> list[dict[str, str]]:
    """The targets of the new cases that gold knows and of which the bound was not promised all the same."""
    here = {target_of(case) for case in new}
    return [
        {"name": row["name"], "reason": row["reason"]}
        for row in rows_of(made.report)
        if row["name"] in here and row["reason"]
    ]


def rows_of(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A version's targets as `by_target` told them; versions of before kept a bare list."""
    kept = report.get(TARGETS) or {}
    found: list[dict[str, Any]] = kept if isinstance(kept, list) else kept.get("rows", [])
    return found


def broken(round_: Round) -> dict[str, Any]:
    """What the pages tell of a round whose bound is not promised; empty where it is, or none was made."""
    found: dict[str, Any] = round_.findings.get("assign", {}).get(PROMISE, {})
    if found and (found["alike"] is False or found["targets"]):
        return {**found, "round": round_.number}
    return {}


def _rates(p: Floats, y: Bools, threshold: Threshold, after: str = "") -> dict[str, Any]:
    fired = np.where(np.isnan(p), -1.0, p) >= threshold.value
    return {
        f"over_block{after}": proportion(int((fired & ~y).sum()), int((~y).sum())).as_json(),
        f"evasion{after}": proportion(int((~fired & y).sum()), int(y.sum())).as_json(),
    }


def _features(examples: Sequence[Example]) -> Floats:
    """(N, 2 D): request and answer side by side."""
    encode = stored_encode(encoder())
    parts = [encode([one.question for one in examples]), encode([one.answer for one in examples])]
    return np.hstack(parts).astype(np.float64)
