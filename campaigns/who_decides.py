"""Who decides a case, the ensemble or a person: measured on gold, told of single cases."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.db.models import F, QuerySet

from annotations import visibility
from annotations.models import Case, Membership, Verdict
from campaigns.gold_sets import Floats, GoldSet, strata_of
from campaigns.judging.conformal import (
    ALPHA,
    ALPHAS,
    Conformal,
    Sets,
    cross_conformal,
    decisions,
    fit_conformal,
)
from campaigns.models import EnsembleVersion
from campaigns.seen_by_judges import example_of
from campaigns.statuses import ASIDE

SETS = "conformal"  # in the payload of a version: the calibration
GOLD = "left_open"  # in the payload: case -> p-values of both answers, without its own family
PERSON = "person"  # in the report of a version


@dataclass(frozen=True)
class Told:
    """What the ensemble says of one case: its probability, and how strange each answer would be."""

    made: EnsembleVersion
    p: float
    positive: float
    negative: float
    alpha: float
    fires: bool
    decides: bool

    @property
    def why(self) -> str:
        """In a sentence."""
        if self.decides:
            return "Its probability rules out the other answer."
        open_ = [value > self.alpha for value in (self.positive, self.negative)]
        if all(open_):
            return "Its probability leaves both answers open."
        if not any(open_):
            return (
                "Its probability is unlike that of either answer in gold: as strange for a failure as for "
                "any other case."
            )
        if open_[0]:
            return (
                "Its probability rules out that it is no failure, and is too low for the threshold."
            )
        return "Its probability rules out a failure, and is high enough for the threshold."


def kept(p: Floats, gold: GoldSet, *, alpha: float = ALPHA) -> dict[str, Any]:
    """What a version keeps of it, beside the ensemble: the calibration, and gold without its own family."""
    strata = strata_of(gold.examples)
    sets = cross_conformal(p, gold.y, gold.families, strata, alpha=alpha)
    return {
        SETS: fit_conformal(p, gold.y, strata, alpha=alpha).as_json(),
        GOLD: {
            str(case.pk): [round(float(a), 6), round(float(b), 6)]
            for case, a, b in zip(gold.cases, sets.positive, sets.negative, strict=True)
            if not np.isnan(a)
        },
    }


def report_of(
    p: Floats, gold: GoldSet, *, threshold: float, alpha: float = ALPHA
) -> dict[str, Any]:
    """For the page: by stratum, and what other levels would give."""
    strata = strata_of(gold.examples)
    sets = cross_conformal(p, gold.y, gold.families, strata, alpha=alpha)
    rows = decisions(sets, p, gold.y, strata, threshold=threshold)
    levels = [
        {"alpha": level, **_values(asdict(decisions(sets.at(level), p, gold.y, threshold=threshold)[0]))}
        for level in ALPHAS
    ]  # fmt: skip
    return {
        "alpha": alpha,
        "rows": [asdict(row) for row in rows],
        "levels": levels,
        "notes": list(fit_conformal(p, gold.y, strata, alpha=alpha).notes),
    }


def is_told(case: Case, membership: Membership) -> bool:
    """Whether `told_of` has something to say."""
    return _said_of(case, membership).exists()


def told_of(case: Case, membership: Membership) -> Told | None:
    """What the newest ensemble in use says of a case, where this member may see its word; else None."""
    newest = _said_of(case, membership).select_related("annotation__rater__ensemble")
    verdict = newest.order_by("-annotation__rater__ensemble__number", "-pk").first()
    if verdict is None or verdict.score is None:
        return None
    made = verdict.annotation.rater.ensemble
    sets = _sets(made.payload, case, verdict.score)
    p = np.array([verdict.score])
    return Told(
        made=made, p=verdict.score, positive=float(sets.positive[0]),
        negative=float(sets.negative[0]), alpha=sets.alpha, fires=verdict.score >= made.threshold,
        decides=bool(sets.decided(p, threshold=made.threshold)[0]),
    )  # fmt: skip


def _said_of(case: Case, membership: Membership) -> QuerySet[Verdict]:
    """The scores of ensembles that keep who decides, where this member may see them."""
    return Verdict.objects.filter(
        annotation__in=visibility.sheets_visible_to(membership, case), score__isnull=False,
        annotation__rater__ensemble__payload__has_key=SETS,
        criterion=F("annotation__rater__ensemble__criterion"),
    ).exclude(annotation__rater__ensemble__status__in=ASIDE)  # fmt: skip


def _sets(payload: Mapping[str, Any], case: Case, p: float) -> Sets:
    """Of a gold case as it was without its own family; of any other by the whole calibration."""
    calibration = Conformal.from_json(payload[SETS])
    own: Sequence[float] | None = payload[GOLD].get(str(case.pk))
    if own is not None:
        return Sets(np.array(own[:1]), np.array(own[1:]), calibration.alpha)
    return calibration.sets(np.array([p]), [example_of(case).stratum])


def _values(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name]["value"] for name in ("to_person", "wrong", "passed", "blocked")}
