"""The learning curve of a campaign's gold: what more labels would buy. Drawn by a job, when asked for."""

from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction

from annotations import jobs
from annotations.jobs import JobRun
from annotations.models import Job
from campaigns import calibration
from campaigns.embeddings import encoder
from campaigns.gold_sets import gold_set, outside_verdicts
from campaigns.judging.errors import CannotFit
from campaigns.judging.evasion import MOST_JUDGES
from campaigns.judging.learning_curve import Gold, LearningCurve, learning_curve
from campaigns.models import EnsembleVersion

KIND = "draw_learning_curve"
LEARNING = "learning"  # in the report of a version


def draw_later(made: EnsembleVersion, *, by: User | None) -> Job:
    """Queue the drawing; asked twice it is one job."""
    return jobs.enqueue(KIND, {"ensemble": made.pk}, project=made.campaign.project, by=by)


@jobs.handles(KIND)
def draw_job(run: JobRun) -> dict[str, Any]:
    """Teach judges from growing shares of the gold that stands now, and keep the curve with the version.

    The fine-tuned judge takes no part: it would take hours. Safe to run twice.
    """
    made = EnsembleVersion.objects.select_related("campaign__project", "criterion").get(
        pk=run.arguments["ensemble"]
    )
    gold = gold_set(made.campaign, made.question)
    texts = any(one.has_text for one in gold.examples)
    members = calibration.local_judges(made.campaign, encoder()) if texts else ()
    outside = calibration.strongest(
        outside_verdicts(gold.cases, gold.criterion), gold.y, most=MOST_JUDGES - len(members)
    )
    said = np.column_stack(list(outside.values())) if outside else np.empty((len(gold.y), 0))
    learnt_from = Gold(gold.examples, gold.y, said, tuple(one.name for one in outside))
    run.progress(0, 1, "Teaching judges from a part of the gold")
    try:
        found = learning_curve(
            members, learnt_from, bound=made.campaign.over_block_bound, seed=made.round.seed,
            progress=lambda done, total: run.progress(
                done, total, "Teaching judges from growing parts of the gold"
            ),
        )  # fmt: skip
    except CannotFit as problem:
        kept: dict[str, Any] = {"problem": str(problem)}
    else:
        kept = {"problem": "", **found.as_json()}
    with run.fenced(), transaction.atomic():
        locked = EnsembleVersion.objects.select_for_update().get(pk=made.pk)
        locked.report = {**locked.report, LEARNING: {**kept, "n": len(gold.y)}}
        locked.save(update_fields=["report"])
    return {"n": len(gold.y), "problem": kept["problem"]}


def curve_of(made: EnsembleVersion) -> tuple[LearningCurve | None, str]:
    """The kept curve, or why there is none."""
    kept = made.report.get(LEARNING)
    if not kept or kept["problem"]:
        return None, kept["problem"] if kept else ""
    return LearningCurve.from_json(kept), ""
