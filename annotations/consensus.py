"""What all answers to a question say together: people and judges weighed by how they err; as a job.

It settles nothing: gold comes from people who agree, or from an adjudicator. It tells which cases to
look at again, whose answers mean something else than they say, and how sure a label may claim to be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import connection
from numpy.typing import NDArray

from annotations import jobs
from annotations.errors import BadInput
from annotations.jobs import JobRun
from annotations.measurement.aggregation.answers import NO_GOLD, answers, code_gold, error
from annotations.measurement.aggregation.choice import Choice, choose
from annotations.measurement.aggregation.dawid_skene import NAME as DAWID_SKENE
from annotations.measurement.aggregation.hierarchical import NAME as HIERARCHICAL
from annotations.measurement.aggregation.inversion import flag_raters
from annotations.measurement.aggregation.judges import only_people
from annotations.measurement.aggregation.labels import AggregationError, SparseLabels, code_labels
from annotations.measurement.aggregation.majority import NAME as MAJORITY
from annotations.measurement.aggregation.methods import fit
from annotations.measurement.aggregation.tempering import (
    FEWEST_GOLD,
    calibration,
    temperature_on_gold,
)
from annotations.models import Criterion, CriterionVersion, Gold, Job, Project
from annotations.statuses import JobStatus, VerdictStatus

KIND = "measure_consensus"
SEED = 7
# Cases listed on the page: more are no list that anybody reads.
MOST_LISTED = 100

# Newest last, so that of a judge with several revisions the newest answer counts. Of people the first,
# blind answers.
_LABELS = """
SELECT v.case_id, CASE WHEN r.kind = 'judge' THEN 'judge:' || r.name ELSE r.id::text END, v.value
FROM annotations_verdict v
JOIN annotations_annotation a ON a.id = v.annotation_id
JOIN annotations_rater r ON r.id = a.rater_id
WHERE r.project_id = %(project)s AND v.criterion_version_id = ANY(%(versions)s)
  AND v.status = 'answered' AND v.revision = 1 AND a.status = 'submitted'
  AND (r.kind = 'judge' OR a.arm IN ('blind', 'reveal'))
ORDER BY v.id
"""
_STATE = """
SELECT count(*), COALESCE(max(v.id), 0) FROM annotations_verdict v
WHERE v.criterion_id = %(criterion)s AND v.status = 'answered'
"""
JUDGE = "judge:"


def state_of(project: Project, criterion: Criterion) -> str:
    """Changes when an answer to the question is given or taken back, or a case is settled."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, {"criterion": criterion.pk})
        n, last = cursor.fetchone()
    newest = Gold.objects.filter(project=project, criterion=criterion).order_by("-id")
    return f"{n}:{last}:{newest.values_list('pk', flat=True).first() or 0}"


def ask(project: Project, question: CriterionVersion, *, by: User | None) -> Job:
    """Enqueue the measurement of the answers that there are now."""
    arguments = {
        "project": project.pk, "question": question.pk,
        "state": state_of(project, question.criterion),
    }  # fmt: skip
    return jobs.enqueue(KIND, arguments, project=project, by=by)


@dataclass(frozen=True)
class Latest:
    """The last finished measurement of a question, whether answers have come since, and a live job."""

    done: Job | None
    live: Job | None
    failed: Job | None
    is_current: bool


def latest(project: Project, question: CriterionVersion) -> Latest:
    """Where the measurement of this question stands."""
    own = Job.objects.filter(project=project, kind=KIND, arguments__question=question.pk)
    newest = own.order_by("-id").first()
    done = own.filter(status=JobStatus.DONE).order_by("-id").first()
    now = state_of(project, question.criterion)
    return Latest(
        done=done,
        live=newest if newest is not None and newest.is_live else None,
        failed=newest if newest is not None and newest.status == JobStatus.FAILED else None,
        is_current=done is not None and done.arguments["state"] == now,
    )


@jobs.handles(KIND)
def measure_job(run: JobRun) -> dict[str, Any]:
    """Read, choose, temper, compare with gold. Safe to run twice: it writes its own result only."""
    project = Project.objects.get(pk=run.arguments["project"])
    question = CriterionVersion.objects.select_related("criterion").get(
        pk=run.arguments["question"]
    )
    run.progress(0, 2, "Reading the answers")
    labels = labels_of(project, question)
    run.progress(1, 2, f"Choosing a method on {labels.n_labels:,} answers")
    try:
        return measure(labels, golds_of(project, question.criterion, labels))
    except AggregationError as problem:
        raise BadInput(str(problem)) from problem


def labels_of(project: Project, question: CriterionVersion) -> SparseLabels:
    """First, blind answers of people and the newest answer of each judge, to this very wording."""
    same = [
        one.pk for one in question.criterion.versions.all()
        if one.content_hash == question.content_hash
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_LABELS, {"project": project.pk, "versions": same})
        rows = list(_on_scale(cursor.fetchall(), question))
    judges = {rater for _, rater, _ in rows if rater.startswith(JUDGE)}
    try:
        return code_labels(rows, values=question.values, judges=judges, repeats="latest")
    except AggregationError as problem:
        raise BadInput(str(problem)) from problem


def _on_scale(
    rows: list[tuple[int, str, str]], question: CriterionVersion
) -> Iterator[tuple[int, str, str]]:
    """Judges' words as values of the scale; a word that stands for no one value is left out."""
    positive = question.criterion.positive
    values = set(question.values)
    words = {value: value for value in values}
    if len(positive) == 1 and len(values) == 2:
        words |= {"positive": positive[0], "negative": next(iter(values - set(positive)), "")}
    return ((case, rater, words[value]) for case, rater, value in rows if words.get(value))


@dataclass(frozen=True, eq=False)
class Golds:
    """Settled answers as numbers (N,), -1 for none; those of the audit slice, on which T is fitted."""

    every: NDArray[np.int64]
    audit: NDArray[np.int64]


def golds_of(project: Project, criterion: Criterion, labels: SparseLabels) -> Golds:
    """The settled answers of the cases that have labels."""
    settled = Gold.objects.filter(
        project=project, criterion=criterion, superseded_at__isnull=True,
        status=VerdictStatus.ANSWERED,
    )  # fmt: skip
    rows = list(settled.values_list("case_id", "value", "case__is_audit"))
    return Golds(
        code_gold(labels, {case: value for case, value, _ in rows}),
        code_gold(labels, {case: value for case, value, audit in rows if audit}),
    )


def measure(labels: SparseLabels, golds: Golds) -> dict[str, Any]:
    """The result that is kept with the job: plain values."""
    choice = choose(labels, rng=np.random.default_rng(SEED))
    on_audit = temperature_on_gold(choice.fit.posterior, golds.audit)
    if on_audit.n >= FEWEST_GOLD:
        choice = Choice(choice.fit, on_audit, choice.candidates, choice.reason)
    q = choice.posterior
    known, people = golds.every != NO_GOLD, only_people(labels)
    return {
        "chosen": choice.fit.method,
        "reason": choice.reason,
        "n_items": labels.n_items,
        "n_raters": labels.n_raters,
        "n_judges": int(labels.is_judge.sum()),
        "n_labels": labels.n_labels,
        "n_audit": on_audit.n,
        "methods": {one.method: one.as_json() for one in choice.candidates},
        "error": {
            MAJORITY: error(fit(labels, MAJORITY).posterior, golds.every).as_json(),
            DAWID_SKENE: error(fit(labels, DAWID_SKENE).posterior, golds.every).as_json(),
            "chosen": error(q, golds.every).as_json(),
        },
        "calibration": calibration(choice.fit.posterior, golds.every, choice.temperature).as_json()
        if known.any() else None,
        "raters": [one.as_json() for one in flag_raters(labels, fit(people, HIERARCHICAL))],
        "differing": _differing(labels, q, golds.every),
        "unsure": _unsure(labels, q, known),
    }  # fmt: skip


def _differing(labels: SparseLabels, q: Any, gold: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Settled cases whose most probable answer is another one, the surest first."""
    said = answers(q)
    rows = np.flatnonzero((gold != NO_GOLD) & (said != gold) & (said >= 0))
    rows = rows[np.argsort(-q[rows].max(axis=1))][:MOST_LISTED]
    return [
        {
            "case": labels.items[int(row)], "gold": _name(labels, int(gold[row])),
            "says": _name(labels, int(said[row])), "posterior": float(q[row].max()),
        }
        for row in rows
    ]  # fmt: skip


def _unsure(labels: SparseLabels, q: Any, known: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Cases without a settled answer, the least sure first."""
    rows = np.flatnonzero(~known)
    rows = rows[np.argsort(q[rows].max(axis=1))][:MOST_LISTED]
    said = answers(q, ties="first")
    return [
        {
            "case": labels.items[int(row)], "says": _name(labels, int(said[row])),
            "posterior": float(q[row].max()),
        }
        for row in rows
    ]  # fmt: skip


def _name(labels: SparseLabels, value: int) -> str:
    return str(labels.values[value]) if value < labels.n_values else ""
