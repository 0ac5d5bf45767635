"""The whole round in one file: draft, generate, assign, label, agree, adjudicate, calibrate, next.

A round's status is the step that is to be done now. `advance` does the step that the system owns,
moves by `statuses.NEXT`, records an audit event, and stops where a person owns the step and has not
finished it. Every step is a function of the round that is safe to run twice: it looks at what is
there and adds what is missing. One live job a round (`advance_round`) is the lock, its attempt
number is the fence: a worker that lost its lease can write nothing more. Targets and models are
asked outside of transactions.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from annotations import audit, gold, jobs, priorities, queue, releases
from annotations.agreement import measure
from annotations.errors import BadInput
from annotations.jobs import JobRun
from annotations.models import Job
from annotations.selection import Selection
from annotations.statuses import CaseStatus, JobStatus, SlotStatus, check_move
from campaigns import (
    calibration,
    generation,
    gold_sets,
    launch,
    prelabels,
    promises,
    proposals,
    simulation,
    staleness,
    versions,
)
from campaigns.judging.errors import CannotFit
from campaigns.models import Round
from campaigns.statuses import NEXT, Step

log = logging.getLogger(__name__)

# What a step gives back: where the round goes now, or None while a person has not finished.
Outcome = tuple[Step | None, dict[str, Any]]


def draft(round_: Round, run: JobRun) -> Outcome:
    """The lead settles the rubric; the system only shows patterns. Over when the lead says go."""
    if round_.rubric_version_id is None:
        return None, proposals.refresh(round_, run=run)
    return (Step.ASSIGN if round_.is_imported else Step.GENERATE), {}


def generate(round_: Round, run: JobRun) -> Outcome:
    """Plan candidates, fold near-duplicates, ask the target, hand the answered ones over as cases."""
    planned = generation.plan(round_)
    folded = generation.fold(round_)
    generation.ask(round_, run=run)
    with run.fenced():
        batch = generation.hand_over(round_)
    failed = round_.candidates.filter(status="failed").count()
    cases = batch.cases.count()
    if not cases:
        raise BadInput(
            f"None of {planned} candidates has an answer: see the target's errors on the campaign "
            "page, mend the target, then start the job again."
        )
    return Step.ASSIGN, {"planned": planned, "folded": folded, "failed": failed, "cases": cases}


def assign(round_: Round, run: JobRun) -> Outcome:
    """The secret pre-labels of last round's ensemble, and the slots of every new case in their order."""
    cases = round_.cases.exclude(status=CaseStatus.SETTLED)
    prelabelled = prelabels.prelabel(round_, run=run)
    promised = promises.promise(round_, run=run)
    with run.fenced():
        gold.settle(cases)  # imported labels may settle or divide cases before anybody is asked
        new = list(cases.filter(status__in=[CaseStatus.NEW, CaseStatus.LABELLING]))
        # What the ensemble is unsure of comes first.
        slots = queue.open_slots(new, rubric_version=round_.version, weights=priorities.of(new))
    return Step.LABEL, {"slots": slots, "prelabelled": prelabelled, promises.PROMISE: promised}


def label(round_: Round, run: JobRun) -> Outcome:
    """Annotators answer blind. Over when no place is left to fill."""
    if round_.simulated_raters:
        simulation.label(round_, run=run)
    cases = round_.cases
    if cases.filter(slots__status__in=[SlotStatus.OPEN, SlotStatus.LEASED]).exists():
        return None, {}
    return Step.AGREE, {"labelled": cases.count()}


def agree(round_: Round, run: JobRun) -> Outcome:
    """Measure agreement on the first, blind answers; settle what is unanimous."""
    with run.fenced():
        settled = gold.settle(round_.cases)
    project = round_.campaign.project
    measured = {}
    for question in round_.version.criteria.select_related("criterion"):
        found = measure(project, question, batch=round_.batch)
        alpha = found.report.coefficients["krippendorff_alpha"]
        measured[question.criterion.key] = alpha.as_json()
    return Step.ADJUDICATE, {"alpha": measured, **asdict(settled)}


def adjudicate(round_: Round, run: JobRun) -> Outcome:
    """Adjudicators decide the disagreements. Over when none is open."""
    if round_.simulated_raters:
        simulation.adjudicate(round_, run=run)
    waiting = round_.cases.filter(status=CaseStatus.ADJUDICATION)
    if waiting.exists():
        return None, {}
    return Step.CALIBRATE, {}


def calibrate(round_: Round, run: JobRun) -> Outcome:
    """Release the gold, score judges on it by cross-fitting, combine them, measure evasion."""
    try:
        release = releases.release(round_.campaign.project, by=None, note=f"After {round_}")
        made = calibration.calibrate(round_, release=release, run=run)
        question = gold_sets.main_question(round_.version)
        versions.score_frozen(round_.campaign, question, run=run)
    except (CannotFit, BadInput) as problem:
        return Step.NEXT, {"ensemble": None, "problem": str(problem)}
    quality = made.report["quality"]
    # Judges have said more by now about cases that still wait, of this round or another batch.
    priorities.reprioritise(round_.campaign.project, selection=Selection(state="open"), by=None)
    return Step.NEXT, {
        "release": release.number,
        "ensemble": made.number,
        "evasion": quality["evasion"],
        "over_block": quality["over_block"],
    }


def next_round(round_: Round, run: JobRun) -> Outcome:
    """Show what the next round would draw on and why; the lead opens it."""
    patterns = proposals.refresh(round_, run=run)
    return None, {**launch.preview_of_next(round_), "patterns": patterns}


STEPS: dict[Step, Callable[[Round, JobRun], Outcome]] = {
    Step.DRAFT: draft,
    Step.GENERATE: generate,
    Step.ASSIGN: assign,
    Step.LABEL: label,
    Step.AGREE: agree,
    Step.ADJUDICATE: adjudicate,
    Step.CALIBRATE: calibrate,
    Step.NEXT: next_round,
}


def advance(round_: Round, *, run: JobRun) -> Round:
    """Take the round as far as it goes without a person."""
    while (step := Step(round_.status)) is not Step.CLOSED:
        to, findings = STEPS[step](round_, run)
        with run.fenced():
            move(round_, to=to, findings=findings)
        if to is None:
            break
        run.progress(0, 0, f"{round_}: {to}")
    return round_


def move(round_: Round, *, to: Step | None, findings: dict[str, Any]) -> None:
    """Keep what the step found and, if it is over, set the status to the next step."""
    step = Step(round_.status)
    locked = Round.objects.select_for_update().get(pk=round_.pk)
    if locked.status != step:
        raise jobs.LostLease(f"{round_} was moved to {locked.status} by somebody else.")
    if findings:
        locked.findings = {**locked.findings, str(step): findings}
    if to is not None:
        check_move(NEXT, step, to)
        locked.status = to
        audit.record(
            "moved round", locked, project=locked.campaign.project, frm=str(step), to=str(to)
        )
    locked.save(update_fields=["findings", "status"])
    round_.refresh_from_db()


@jobs.handles("advance_round")
def advance_job(run: JobRun) -> dict[str, Any]:
    """The worker's door to `advance`."""
    round_ = Round.objects.select_related("campaign__project", "rubric_version", "batch").get(
        pk=run.arguments["round"]
    )
    round_ = advance(round_, run=run)
    return {"status": round_.status}


def is_due(round_: Round) -> bool:
    """Whether the worker could move this round: a system's step, or a person's that is finished."""
    cases = round_.cases
    if round_.status == Step.LABEL:
        open_slots = cases.filter(slots__status__in=[SlotStatus.OPEN, SlotStatus.LEASED])
        return bool(round_.simulated_raters) or not open_slots.exists()
    if round_.status == Step.ADJUDICATE:
        waiting = cases.filter(status=CaseStatus.ADJUDICATION)
        return bool(round_.simulated_raters) or not waiting.exists()
    return True


def sweep_rounds() -> None:
    """Wake the worker for every round that is due (called by `jobs.sweep`).

    A project with a live job is left alone. A round whose last job failed or was cancelled waits
    for a person, who has read why, to start it again. Ensembles whose gold or question changed are
    marked before, so that no new round is pre-labelled by them.
    """
    staleness.sweep()
    for round_ in launch.due_rounds():
        here = Job.objects.filter(project=round_.campaign.project)
        last = here.filter(kind="advance_round", arguments={"round": round_.pk}).last()
        stopped = last is not None and last.status in (JobStatus.FAILED, JobStatus.CANCELLED)
        if stopped or here.filter(status__in=[JobStatus.QUEUED, JobStatus.RUNNING]).exists():
            continue
        if is_due(round_):
            launch.advance_later(round_)
