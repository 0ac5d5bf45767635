"""Effects in a project: what people told of cases, what is predicted from it, and what it weighs.

Predictions are made by a job, for cases that nobody is labelling any more, and kept; what they weigh
is looked up when they are shown, so that a change of weights shows at once.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotations import audit, jobs, standing, visibility
from annotations.errors import BadInput
from annotations.jobs import JobRun
from annotations.models import Adjudication, Annotation, Case, Job, Membership, Project
from annotations.permissions import ADJUDICATORS, has_role
from annotations.statuses import BLIND_ARMS, AnnotationStatus, CaseStatus, RaterKind
from campaigns.embeddings import Encode, encoder
from campaigns.judging.effects.judge import EffectsJudge
from campaigns.judging.effects.predicting import Predicted, Record, check_records, fit_effects
from campaigns.judging.effects.skill import gain_over_base
from campaigns.judging.effects.weighing import DEFAULTS, PARTS, Weights, checked
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.members.nearest import pair_rows
from campaigns.models import Campaign, HarmWeights, PredictedEffects
from campaigns.seen_by_judges import example_of
from campaigns.vectors import stored_encode

KIND = "learn_effects"
OVER = (CaseStatus.ADJUDICATION, CaseStatus.SETTLED)
NO_EFFECT_BELOW = 2  # severity; effects are asked for from here on
CHUNK = 200


def weights_of(campaign: Campaign) -> Weights:
    """The project's weights, or the defaults."""
    kept = HarmWeights.objects.filter(campaign=campaign).first()
    return kept.weights if kept else DEFAULTS


@transaction.atomic
def set_weights(
    campaign: Campaign, weights: Mapping[str, Mapping[str, object]], *, by: User
) -> HarmWeights:
    """What each word weighs from now on. Raises `BadInput` with the word that is wrong."""
    try:
        found = checked(weights)
    except BadScores as problem:
        raise BadInput(str(problem), [str(problem)]) from problem
    before = weights_of(campaign)
    kept, _ = HarmWeights.objects.update_or_create(
        campaign=campaign, defaults={"weights": plain(found), "updated_by": by}
    )
    audit.record("changed harm weights", kept, project=campaign.project, by=by,
                 before=plain(before), after=plain(found))  # fmt: skip
    return kept


def plain(weights: Weights) -> dict[str, dict[str, float]]:
    """As JSON keeps it."""
    return {part: dict(words) for part, words in weights.items()}


# ---- what people told


def records_of(project: Project) -> dict[str, Record]:
    """case id -> what raters' blind sheets and adjudicators' severities say of its effects.

    A sheet without an effect says "none" at a severity under 2 or without a positive answer; else it
    says nothing. Judges tell of no effects; cases in labelling are left out.
    """
    told: dict[int, list[tuple[Mapping[str, str], ...]]] = defaultdict(list)
    families: dict[int, str] = {}
    sheets = Annotation.objects.filter(
        project=project, status=AnnotationStatus.SUBMITTED, arm__in=BLIND_ARMS,
        case__status__in=OVER,
    ).exclude(rater__kind=RaterKind.JUDGE).select_related("case")  # fmt: skip
    for sheet in sheets.prefetch_related("verdicts__criterion").order_by("case_id", "id"):
        families[sheet.case_id] = sheet.case.family
        if sheet.effects:
            told[sheet.case_id].append(tuple(sheet.effects))
        elif says_none(sheet):
            told[sheet.case_id].append(())
    decisions = Adjudication.objects.filter(case__project=project, severity__lt=NO_EFFECT_BELOW)
    for case_id, family in decisions.values_list("case_id", "case__family"):
        families[case_id] = family
        told[case_id].append(())
    return {str(pk): Record(str(pk), families[pk], tuple(rows)) for pk, rows in told.items()}


def records_to_learn(campaign: Campaign) -> dict[str, Record]:
    """The records without the families of the frozen test."""
    every = records_of(campaign.project)
    return {key: one for key, one in every.items() if not campaign.is_frozen(one.family)}


def says_none(sheet: Annotation) -> bool:
    """Whether a sheet without an effect means that there is none."""
    if sheet.severity is not None:
        return sheet.severity < NO_EFFECT_BELOW
    return not any(one.value in one.criterion.positive for one in sheet.verdicts.all())


def judge_for(campaign: Campaign, encode: Encode, encoder_revision: str) -> EffectsJudge | None:
    """The effects judge of this campaign, or None where there are too few records."""
    records = records_to_learn(campaign)
    try:
        check_records(list(records.values()))
    except CannotFit:
        return None
    return EffectsJudge(encode, encoder_revision, records, weights_of(campaign))


# ---- learning


def learn_later(campaign: Campaign, *, by: User | None) -> Job:
    """Queue the learning and predicting; asked twice it is one job."""
    return jobs.enqueue(KIND, {"campaign": campaign.pk}, project=campaign.project, by=by)


@jobs.handles(KIND)
def learn_job(run: JobRun) -> dict[str, Any]:
    """Learn from all records, measure against the base rate, predict every case past labelling."""
    campaign = Campaign.objects.select_related("project").get(pk=run.arguments["campaign"])
    records = list(records_to_learn(campaign).values())
    encode = stored_encode(encoder())
    known = Case.objects.in_bulk([int(one.key) for one in records])
    records = [one for one in records if known[int(one.key)].response.strip()]
    try:
        check_records(records)
    except CannotFit as problem:
        _note(campaign, {"problem": str(problem)}, run=run)
        return {"problem": str(problem)}
    run.progress(0, 3, "Reading the cases that people told about")
    rows = pair_rows([example_of(known[int(one.key)]) for one in records], encode=encode)
    model = fit_effects(records, rows)
    run.progress(1, 3, "Measuring against the base rate")
    skill = gain_over_base(records, rows, seed=campaign.seed)
    run.progress(2, 3, "Predicting")
    cases = campaign.project.cases.filter(status__in=OVER).exclude(response="").order_by("id")
    done = 0
    for chunk in _chunks(list(cases)):
        examples = [example_of(case) for case in chunk]
        found = model.predict([e.key for e in examples], pair_rows(examples, encode=encode))
        with run.fenced():
            _keep(campaign, chunk, found)
        done += len(chunk)
    learnt = {"n": len(records), "cases": done, "problem": "",
              "skill": {part: asdict(one) for part, one in skill.items()}}  # fmt: skip
    _note(campaign, learnt, run=run)
    return {"n": len(records), "cases": done}


def _chunks(cases: list[Case]) -> list[list[Case]]:
    return [cases[start : start + CHUNK] for start in range(0, len(cases), CHUNK)]


def _keep(campaign: Campaign, cases: Sequence[Case], found: Sequence[Predicted]) -> None:
    PredictedEffects.objects.bulk_create(
        (
            PredictedEffects(
                campaign=campaign, case=case, any_effect=float(np.clip(one.any_effect, 0, 1)),
                parts={part: dict(words) for part, words in one.parts.items()},
                precedents=[[int(key), round(s, 3)] for key, s in one.precedents], n=one.n,
            )
            for case, one in zip(cases, found, strict=True)
        ),
        update_conflicts=True, unique_fields=["case"],
        update_fields=["campaign", "any_effect", "parts", "precedents", "n"],
    )  # fmt: skip


def _note(campaign: Campaign, learnt: dict[str, Any], *, run: JobRun) -> None:
    with run.fenced():
        kept, _ = HarmWeights.objects.get_or_create(
            campaign=campaign, defaults={"weights": plain(DEFAULTS)}
        )
        kept.learnt = {**learnt, "at": timezone.now().isoformat()}
        kept.save(update_fields=["learnt"])


# ---- showing


def can_see(membership: Membership, case: Case) -> bool:
    """Leads and adjudicators, past labelling, after the own blind answer where one is owed."""
    return (
        has_role(membership, ADJUDICATORS)
        and case.status in OVER
        and not visibility.is_in_work_as_a_check(case, membership)
        and not standing.owes_an_opinion(membership, case)
    )


def predicted_of(case: Case) -> Predicted | None:
    """The kept prediction of one case."""
    kept = PredictedEffects.objects.filter(case=case).first()
    if kept is None:
        return None
    precedents = tuple((str(key), float(s)) for key, s in kept.precedents)
    # The database keeps no order of keys; the scales have one.
    parts = {part: {word: kept.parts[part][word] for word in DEFAULTS[part]} for part in PARTS}
    return Predicted(kept.any_effect, parts, precedents, kept.n)
