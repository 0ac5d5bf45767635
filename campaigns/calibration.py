"""Calibrating: judges are scored on gold by cross-fitting, combined, and their evasion is measured.

Local judges and judge columns of imported files stand side by side: all are raters of kind judge,
and all give verdicts. Scores written for gold cases are out-of-fold: no judge saw the case's family.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from annotations import audit
from annotations.jobs import JobRun
from annotations.models import Rater, Release
from campaigns import promises, who_decides
from campaigns.calibration_report import ENSEMBLE, report_of
from campaigns.embeddings import Encoder, encoder
from campaigns.fine_tuning import fine_tuned, pair_options
from campaigns.gold_sets import (
    Floats,
    GoldSet,
    check_positive,
    gold_set,
    main_question,
    outside_verdicts,
    strata_of,
)
from campaigns.judging.crossfit import CrossFitScores, cross_fit
from campaigns.judging.discrimination import auroc
from campaigns.judging.ensemble import Ensemble, cross_fit_ensemble, fit_ensemble
from campaigns.judging.errors import CannotFit
from campaigns.judging.evasion import MOST_JUDGES
from campaigns.judging.linear import revision_of
from campaigns.judging.members import Judge, make_members
from campaigns.judging.thresholds import threshold_by_bound
from campaigns.models import Campaign, EnsembleMember, EnsembleVersion, Round
from campaigns.project_judges import judges_to_fit
from campaigns.scores import judge_rater, write_scores
from campaigns.statuses import EnsembleStatus
from campaigns.vectors import stored_encode


def calibrate(round_: Round, *, release: Release, run: JobRun) -> EnsembleVersion:
    """Fit, cross-fit, combine, measure and keep. Raises `CannotFit` with what is missing.

    The same gold again gives the ensemble that was made from it.
    """
    made = EnsembleVersion.objects.filter(round=round_, gold=release).first()
    if made is not None:
        return made
    gold = gold_set(round_.campaign, main_question(round_.version))
    check_positive(gold.criterion)
    coder = encoder()
    members = local_judges(round_.campaign, coder, fine_tuned=fine_tuned(len(gold.y), run.progress))
    texts = any(example.has_text for example in gold.examples)
    run.progress(0, 4, "Scoring judges on families that they have not seen")
    local = (
        cross_fit(members, gold.examples, gold.y, seed=round_.seed)
        if texts
        else CrossFitScores((), (), np.empty((len(gold.cases), 0)), np.empty(0, dtype=np.int64), {})
    )
    outside = strongest(outside_verdicts(gold.cases, gold.criterion), gold.y,
                        most=MOST_JUDGES - len(local.members))  # fmt: skip
    return combine(
        round_, release, gold, local, members if texts else (), outside, coder, run=run
    )  # fmt: skip


def combine(
    round_: Round, release: Release, gold: GoldSet, local: CrossFitScores,
    members: Sequence[Judge], outside: dict[Rater, Floats], coder: Encoder, *, run: JobRun,
    status: EnsembleStatus = EnsembleStatus.CURRENT, told: dict[str, Any] | None = None,
) -> EnsembleVersion:  # fmt: skip
    """Cross-fitted judges and outside ones made a version of the ensemble, measured and kept.

    `told` is added to its report. A version of another status than current replaces none.
    """
    names = [*local.members, *(rater.name for rater in outside)]
    scores = np.column_stack([local.scores, *outside.values()]) if names else local.scores
    families, drawn = gold.families, gold.drawn
    strata = strata_of(gold.examples)
    run.progress(1, 4, "Combining and calibrating")
    bound = round_.campaign.over_block_bound
    ensemble = fit_ensemble(
        scores, gold.y, families, names=names, strata=strata, drawn=drawn,
        bound_over_block=bound, seed=round_.seed,
    )  # fmt: skip
    p = cross_fit_ensemble(
        scores, gold.y, families, names=names, strata=strata, drawn=drawn, seed=round_.seed
    )  # fmt: skip
    before = ensemble.threshold
    found = promises.recalibrate(ensemble, p, gold, bound=bound, seed=round_.seed)
    ensemble, p = found.ensemble, found.p
    run.progress(2, 4, "Measuring the evasion of every combination")
    thresholds = member_thresholds(
        scores[drawn], gold.y[drawn], names=names, outside=len(outside), bound=bound
    )
    report = report_of(gold, scores, p, names, thresholds, ensemble, coder, local.failures)
    report |= {"frozen_share": round_.campaign.frozen_share, **(told or {})}
    report[promises.TARGETS] = promises.report_of_targets(gold, found, before)
    report[who_decides.PERSON] = who_decides.report_of(
        p[drawn], gold.some(drawn), threshold=ensemble.threshold.value
    )
    payload = {**ensemble.as_json(), **who_decides.kept(p[drawn], gold.some(drawn)),
               promises.TARGETS: found.maps.as_json()}  # fmt: skip
    run.progress(3, 4, "Fitting the judges on all gold")
    fitted = {}
    for member in members:
        try:
            fitted[member.name] = local.fitted.get(member.name) or member.fit(
                gold.examples, gold.y, seed=round_.seed
            )
        except CannotFit as problem:
            report["failures"][member.name] = str(problem)
    with run.fenced():
        return _keep(round_, release, gold, ensemble, payload, report, fitted, outside, names, scores,
                     p, thresholds, status)  # fmt: skip


def local_judges(
    campaign: Campaign, coder: Encoder, *, fine_tuned: Sequence[Judge] = ()
) -> tuple[Judge, ...]:
    """Every judge that can be fitted here, with the project's own rules, ready to be fitted."""
    encode = stored_encode(coder)
    listed = (*make_members(encode, coder.revision, **pair_options()), *fine_tuned)
    return judges_to_fit(campaign, listed, encode=encode, encoder=coder.revision)


def strongest(
    outside: dict[Rater, Floats], y: npt.NDArray[np.bool_], *, most: int
) -> dict[Rater, Floats]:
    """At most `most` outside judges, those with the largest area under the curve.

    2^k combinations are measured, so k is bounded; which judges are left out is in the report.
    """
    if len(outside) <= most:
        return outside
    areas = {rater: auroc(column, y).value or 0.0 for rater, column in outside.items()}
    kept = sorted(outside, key=lambda rater: -areas[rater])[:most]
    return {rater: column for rater, column in outside.items() if rater in kept}


def member_thresholds(
    scores: Floats, y: npt.NDArray[np.bool_], *, names: Sequence[str], outside: int, bound: float
) -> list[float]:
    """From which score each judge fires: its own bound on over-blocking; .5 for outside verdicts."""
    local = len(names) - outside
    return [
        threshold_by_bound(scores[:, column], y, bound=bound).value if column < local else 0.5
        for column in range(len(names))
    ]


def _keep(round_: Round, release: Release, gold: GoldSet, ensemble: Ensemble,
          payload: dict[str, Any], report: dict[str, Any], fitted: dict[str, Any], outside: dict[Rater, Floats],
          names: Sequence[str], scores: Floats, p: Floats,
          thresholds: Sequence[float], status: EnsembleStatus) -> EnsembleVersion:  # fmt: skip
    campaign = round_.campaign
    if status == EnsembleStatus.CURRENT:
        campaign.ensembles.filter(status=EnsembleStatus.CURRENT).update(
            status=EnsembleStatus.SUPERSEDED
        )
    raters = {
        name: judge_rater(campaign.project, name, one.revision) for name, one in fitted.items()
    }
    raters |= {rater.name: rater for rater in outside}
    number, revision = campaign.ensembles.count() + 1, revision_of(payload)
    made = EnsembleVersion.objects.create(
        campaign=campaign, round=round_, number=number, criterion=gold.criterion, gold=release,
        rater=judge_rater(campaign.project, ENSEMBLE, f"e{number}:{revision}"),
        revision=revision, threshold=ensemble.threshold.value,
        payload=payload, report=report, status=status,
        learnt_from_simulated=gold.learnt_from_simulated,
    )  # fmt: skip
    weights = ensemble.weights
    for column, name in enumerate(names):
        if name not in raters:
            continue
        member = next(m for m in ensemble.members if m.name == name)
        EnsembleMember.objects.create(
            ensemble=made, rater=raters[name], threshold=min(1.0, thresholds[column]),
            weight=weights.get(name), left_out=member.reason[:200],
            payload=fitted[name].as_json() if name in fitted else {},
        )  # fmt: skip
        if name in fitted:
            write_scores(gold.cases, raters[name], gold.question, scores[:, column],
                         thresholds[column])  # fmt: skip
    write_scores(gold.cases, made.rater, gold.question, p, made.threshold)
    audit.record("calibrated ensemble", made, project=campaign.project, gold=str(release),
                 revision=revision)  # fmt: skip
    return made
