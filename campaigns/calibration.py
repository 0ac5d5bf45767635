"""Calibrating: judges are scored on gold by cross-fitting, combined, and their evasion is measured.

Local judges and judge columns of imported files stand side by side: all are raters of kind judge,
and all give verdicts. Scores written for gold cases are out-of-fold: no judge saw the case's family.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.utils import timezone

from annotations import audit
from annotations.jobs import JobRun
from annotations.models import (
    Annotation,
    Case,
    Criterion,
    CriterionVersion,
    Gold,
    Project,
    Rater,
    Release,
    RubricVersion,
    Verdict,
)
from annotations.statuses import AnnotationStatus, RaterKind, VerdictStatus
from campaigns import evasion
from campaigns.embeddings import Encoder, encoder
from campaigns.fine_tuning import fine_tuned, pair_options
from campaigns.judging.crossfit import CrossFitScores, cross_fit
from campaigns.judging.discrimination import auroc
from campaigns.judging.ensemble import (
    Ensemble,
    cross_fit_ensemble,
    fit_ensemble,
)
from campaigns.judging.errors import CannotFit
from campaigns.judging.evasion import (
    MOST_JUDGES,
    RULES,
    Combination,
    combinations,
    judge_table,
    pareto_front,
)
from campaigns.judging.examples import Example
from campaigns.judging.members import make_members
from campaigns.judging.thresholds import threshold_by_bound
from campaigns.judging.transfer import why_no_promise
from campaigns.models import EnsembleMember, EnsembleVersion, Round
from campaigns.project_judges import judges_to_fit
from campaigns.seen_by_judges import example_of
from campaigns.statuses import EnsembleStatus
from campaigns.vectors import stored_encode

ENSEMBLE = "ensemble"
# The places of one row of the report's combinations; `mask` has a bit for each judge that is in it.
COMBINATION = (
    "mask", "rule", "missing", "on_front", "evasion", "evasion_low", "evasion_high", "over_block",
    "over_block_low", "over_block_high", "accuracy", "accuracy_low", "accuracy_high",
)  # fmt: skip
MOST_VALUES = 12  # of a stratum that is worth a breakdown
POSITIVE, NEGATIVE = "positive", "negative"  # a judge's words where the scale is not yes / no

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GoldSet:
    """The settled cases of one criterion as the judges see them: N cases in a fixed order."""

    criterion: Criterion
    question: CriterionVersion
    cases: list[Case]
    examples: list[Example]
    y: npt.NDArray[np.bool_]
    learnt_from_simulated: bool


def gold_set(project: Project, question: CriterionVersion) -> GoldSet:
    """Current gold with an answer (can't tell teaches a judge nothing), by case id.

    Not gold that rests on a judge's own word, which would praise it.
    """
    criterion = question.criterion
    golds = list(
        Gold.objects.filter(
            project=project, criterion=criterion, superseded_at__isnull=True,
            status=VerdictStatus.ANSWERED, rests_on_ai=False,
        ).select_related("case").order_by("case_id")
    )  # fmt: skip
    return GoldSet(
        criterion=criterion,
        question=question,
        cases=[gold.case for gold in golds],
        examples=[example_of(gold.case) for gold in golds],
        y=np.array([gold.value in criterion.positive for gold in golds], dtype=bool),
        learnt_from_simulated=any(gold.is_simulated for gold in golds),
    )


def outside_verdicts(cases: Sequence[Case], criterion: Criterion) -> dict[Rater, Floats]:
    """Judges from files, the API or an endpoint: (N,) of their P(positive), nan where no answer.

    One that gives no score says 1 where its answer is positive and 0 where it is another.
    Invalid and refused verdicts are no answer; they are never read as "not positive".
    """
    index = {case.pk: row for row, case in enumerate(cases)}
    verdicts = (
        Verdict.objects.filter(
            case__in=list(index), criterion=criterion, annotation__rater__kind=RaterKind.JUDGE,
            annotation__rater__ensemble__isnull=True, annotation__rater__memberships__payload={},
        )
        | Verdict.objects.filter(
            case__in=list(index), criterion=criterion, annotation__rater__kind=RaterKind.JUDGE,
            annotation__rater__ensemble__isnull=True, annotation__rater__memberships__isnull=True,
        )
    ).select_related("annotation__rater").distinct()  # fmt: skip
    found: dict[Rater, Floats] = {}
    for verdict in verdicts.order_by("annotation__rater_id", "id"):
        column = found.setdefault(verdict.annotation.rater, np.full(len(cases), np.nan))
        if verdict.status == VerdictStatus.ANSWERED:
            positive = verdict.value in (*criterion.positive, POSITIVE)
            score = verdict.score  # P(positive), of a judge that says how sure it is
            column[index[verdict.case_id]] = float(positive) if score is None else score
    return found


def calibrate(round_: Round, *, release: Release, run: JobRun) -> EnsembleVersion:
    """Fit, cross-fit, combine, measure and keep. Raises `CannotFit` with what is missing.

    The same gold again gives the ensemble that was made from it.
    """
    made = EnsembleVersion.objects.filter(round=round_, gold=release).first()
    if made is not None:
        return made
    gold = gold_set(round_.campaign.project, main_question(round_.version))
    check_positive(gold.criterion)
    coder = encoder()
    encode = stored_encode(coder)
    listed = (
        *make_members(encode, coder.revision, **pair_options()),
        *fine_tuned(len(gold.y), run.progress),
    )
    members = judges_to_fit(round_.campaign, listed, encode=encode, encoder=coder.revision)
    texts = any(example.has_text for example in gold.examples)
    run.progress(0, 4, "Scoring judges on families that they have not seen")
    local = (
        cross_fit(members, gold.examples, gold.y, seed=round_.seed)
        if texts
        else CrossFitScores((), (), np.empty((len(gold.cases), 0)), np.empty(0, dtype=np.int64), {})
    )
    outside = strongest(outside_verdicts(gold.cases, gold.criterion), gold.y,
                        most=MOST_JUDGES - len(local.members))  # fmt: skip
    names = [*local.members, *(rater.name for rater in outside)]
    scores = np.column_stack([local.scores, *outside.values()]) if names else local.scores
    families = [case.family for case in gold.cases]
    strata = strata_of(gold.examples)
    run.progress(1, 4, "Combining and calibrating")
    bound = round_.campaign.over_block_bound
    ensemble = fit_ensemble(
        scores, gold.y, families, names=names, strata=strata, bound_over_block=bound,
        seed=round_.seed,
    )  # fmt: skip
    p = cross_fit_ensemble(
        scores, gold.y, families, names=names, strata=strata, seed=round_.seed
    )  # fmt: skip
    run.progress(2, 4, "Measuring the evasion of every combination")
    thresholds = member_thresholds(scores, gold.y, names=names, outside=len(outside), bound=bound)
    report = report_of(gold, scores, p, names, thresholds, ensemble, coder, local.failures)
    run.progress(3, 4, "Fitting the judges on all gold")
    fitted = {}
    for member in members if texts else ():
        try:
            fitted[member.name] = local.fitted.get(member.name) or member.fit(
                gold.examples, gold.y, seed=round_.seed
            )
        except CannotFit as problem:
            report["failures"][member.name] = str(problem)
    with run.fenced():
        return _keep(round_, release, gold, ensemble, report, fitted, outside, names, scores, p,
                     thresholds)  # fmt: skip


def strata_of(examples: Sequence[Example]) -> list[str]:
    """Obvious or context-dependent, as the cases say: the strata whose probabilities may shift."""
    return [example.stratum for example in examples]


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


def main_question(version: RubricVersion) -> CriterionVersion:
    """The criterion that judges learn: the first of the rubric."""
    return version.criteria.select_related("criterion").order_by("position", "id")[0]


def check_positive(criterion: Criterion) -> None:
    """Without positive answers there is nothing that a judge could catch."""
    if not criterion.positive:
        raise CannotFit(
            f"No answer of “{criterion}” counts as a failure yet: choose the positive answers on "
            "the rubric page (or import with --positive), then calibrate again."
        )


def member_thresholds(
    scores: Floats, y: npt.NDArray[np.bool_], *, names: Sequence[str], outside: int, bound: float
) -> list[float]:
    """From which score each judge fires: its own bound on over-blocking; .5 for outside verdicts."""
    local = len(names) - outside
    return [
        threshold_by_bound(scores[:, column], y, bound=bound).value if column < local else 0.5
        for column in range(len(names))
    ]


def report_of(
    gold: GoldSet, scores: Floats, p: Floats, names: Sequence[str], thresholds: Sequence[float],
    ensemble: Ensemble, coder: Encoder, failures: Any,
) -> dict[str, Any]:  # fmt: skip
    """What the judges page shows: judges alone, every combination, the Pareto front."""
    fires = np.where(np.isnan(scores), np.nan, (scores >= np.array(thresholds)).astype(float))
    reads_texts = any(example.has_text for example in gold.examples)
    combos = combinations(fires, gold.y, names=names)
    front = set(pareto_front(combos))
    decided = np.where(np.isnan(p), np.nan, (p >= ensemble.threshold.value).astype(float))
    with_all = np.column_stack([fires, decided])
    table = judge_table(with_all, gold.y, names=[*names, ENSEMBLE])
    return {
        "n": len(gold.y),
        "positives": int(gold.y.sum()),
        "criterion": gold.criterion.key,
        "positive_answers": gold.criterion.positive,
        "encoder": coder.name if reads_texts else "none: these cases have no texts",
        "encoder_note": coder.note if reads_texts else "",
        "failures": dict(failures),
        "judges": [asdict(row) for row in table],
        "combinations": compact(combos, front=front, names=names),
        "strata": by_strata(gold.cases, decided, gold.y),
        "targets": promises_by_target(gold.cases, gold.y),
        "evasion": evasion.stored(
            gold.cases, fires, gold.y, names=names, bound=ensemble.threshold.stated
        ),
        "quality": asdict(ensemble.quality),
        "threshold": asdict(ensemble.threshold),
        "members": [asdict(member) for member in ensemble.members],
    }


def promises_by_target(cases: Sequence[Case], y: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Each target's labels in gold, and why its threshold is not promised; empty where it is.

    Thresholds don't carry over between targets: what gold of others bounds says nothing of this one.
    Of a single target there is nothing to carry over, and nothing is told.
    """
    of = np.array([str(case.strata.get("target", "")) for case in cases])
    if len(np.unique(of)) < 2:
        return []
    return [
        {"name": str(name), "n": int((of == name).sum()), "positives": int(y[of == name].sum()),
         "reason": why_no_promise(int(y[of == name].sum()), int((of == name).sum()))}
        for name in np.unique(of) if name
    ]  # fmt: skip


def by_strata(
    cases: Sequence[Case], decided: Floats, y: npt.NDArray[np.bool_]
) -> dict[str, list[dict[str, Any]]]:
    """The ensemble's evasion and over-blocking within each value of each stratum of 2 to 12 values."""
    names = sorted({name for case in cases for name in case.strata})
    found = {}
    for name in names:
        of = np.array([str(case.strata.get(name, "none")) for case in cases])
        values = np.unique(of)
        if 2 <= len(values) <= MOST_VALUES:
            rows = ((value, judge_table(decided[of == value, None], y[of == value], names=[ENSEMBLE])[0])
                    for value in values)  # fmt: skip
            found[name] = [
                {"value": str(value), "evasion": asdict(row.evasion),
                 "over_block": asdict(row.over_block)}
                for value, row in rows
            ]  # fmt: skip
    return found


def compact(
    combos: Sequence[Combination], *, front: set[Combination], names: Sequence[str]
) -> dict[str, Any]:
    """6,000 combinations in half a megabyte: one list each, as `COMBINATION` names its places."""
    column = {name: bit for bit, name in enumerate(names)}
    return {
        "names": list(names),
        "rows": [
            [
                sum(1 << column[name] for name in c.judges), RULES.index(c.rule), c.missing,
                int(c in front),
                *(
                    None if part is None else round(part, 5)
                    for e in (c.evasion, c.over_block, c.accuracy)
                    for part in (e.value, e.low, e.high)
                ),
            ]
            for c in combos
        ],
    }  # fmt: skip


def _keep(round_: Round, release: Release, gold: GoldSet, ensemble: Ensemble,
          report: dict[str, Any], fitted: dict[str, Any], outside: dict[Rater, Floats],
          names: Sequence[str], scores: Floats, p: Floats,
          thresholds: Sequence[float]) -> EnsembleVersion:  # fmt: skip
    campaign = round_.campaign
    campaign.ensembles.filter(status=EnsembleStatus.CURRENT).update(
        status=EnsembleStatus.SUPERSEDED
    )
    raters = {
        name: judge_rater(campaign.project, name, one.revision) for name, one in fitted.items()
    }
    raters |= {rater.name: rater for rater in outside}
    number = campaign.ensembles.count() + 1
    made = EnsembleVersion.objects.create(
        campaign=campaign, round=round_, number=number, criterion=gold.criterion, gold=release,
        rater=judge_rater(campaign.project, ENSEMBLE, f"e{number}:{ensemble.revision}"),
        revision=ensemble.revision, threshold=ensemble.threshold.value,
        payload=ensemble.as_json(), report=report,
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
                 revision=ensemble.revision)  # fmt: skip
    return made


def judge_rater(project: Project, name: str, revision: str) -> Rater:
    rater, _ = Rater.objects.get_or_create(
        project=project, kind=RaterKind.JUDGE, name=name, revision=revision[:80]
    )
    return rater


@transaction.atomic
def write_scores(
    cases: Sequence[Case], rater: Rater, question: CriterionVersion, scores: Floats, threshold: float,
    reasons: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """A judge's verdicts, by the same road as a person's. Safe to run twice; nan is no verdict."""
    have = set(Annotation.objects.filter(rater=rater).values_list("case_id", flat=True))
    new = [
        (row, case) for row, case in enumerate(cases)
        if case.pk not in have and not np.isnan(scores[row])
    ]  # fmt: skip
    sheets = Annotation.objects.bulk_create(
        (
            Annotation(
                project_id=case.project_id, case=case, rater=rater,
                rubric_version_id=question.version_id, status=AnnotationStatus.SUBMITTED,
                submitted_at=timezone.now(),
            )
            for _, case in new
        ),
        batch_size=1000,
    )  # fmt: skip
    yes_no = set(question.values) == {"yes", "no"} and question.criterion.positive == ["yes"]
    words = ("yes", "no") if yes_no else (POSITIVE, NEGATIVE)
    Verdict.objects.bulk_create(
        (
            Verdict(
                annotation=sheet, case=case, criterion=question.criterion,
                criterion_version=question, status=VerdictStatus.ANSWERED,
                value=words[0] if scores[row] >= threshold else words[1],
                score=float(scores[row]),
                raw_output=reasons[row] if reasons else "",
            )
            for sheet, (row, case) in zip(sheets, new, strict=True)
        ),
        batch_size=1000,
    )  # fmt: skip
    return len(sheets)
