"""What is known of cases, and the order that follows: for whoever opens slots.

Before people label a case it is what judges say. Where a project stops by posterior, it is from the first
answer on what one more answer is expected to tell in a minute.

The audit slice comes before all else (`queue.open_slots` sees to it): it must not wait on any model.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Min

from annotations import arms, bulk, queue, routing, rubrics
from annotations.measurement.priority import MOST_SEVERE, Question, priority, priority_told
from annotations.measurement.routing import rate
from annotations.models import Case, Job, Project, Verdict
from annotations.queue import Weight
from annotations.selection import Selection
from annotations.statuses import OverlapRule, RaterKind, StopRule, VerdictStatus

SURE = 0.9  # a judge that gave a word and no score is taken to be this sure of it
SEVERITY = "severity"  # the stratum, or the question, that foresees how bad it is


def of(cases: Iterable[Case]) -> dict[int, Weight]:
    """Case id -> how early it comes, and how severe it may be. A handful of queries for any number."""
    cases = list(cases)
    said = _said([case.pk for case in cases])
    first = _first_of_their_kind(cases)
    told = _told_by_answers(cases)
    weights = {}
    for case in cases:
        questions, worst = said.get(case.pk, ([], None))
        severity = _foreseen(case.strata, worst)
        if case.pk in told:
            rank = after_answers(told[case.pk], severity)
        else:
            rank = priority(questions, severity=severity, is_new_cluster=case.pk in first)
        weights[case.pk] = Weight(priority=rank, severity=severity)
    return weights


def after_answers(told: float, severity: int | None) -> float:
    """How early a case comes that people have begun to answer; `told` as in `routing.relative`."""
    return priority_told(told, severity=severity)


def _told_by_answers(cases: Sequence[Case]) -> dict[int, float]:
    """Case id -> what one more answer is expected to tell, where a project stops by posterior."""
    projects = Project.objects.filter(
        pk__in={case.project_id for case in cases}, stop_rule=StopRule.POSTERIOR,
        overlap_rule=OverlapRule.ADAPTIVE,
    )  # fmt: skip
    found = {}
    for project in projects:
        version = project.rubric.released
        here = [case for case in cases if case.project_id == project.pk]
        knows = routing.knowledge(project, rubrics.questions_of(version.pk) if version else ())
        for pk, situation in routing.situations(here, knows).items():
            if situation.said:
                found[pk] = knows.relative(rate(knows.bits(situation), situation.seconds))
    return found


def reprioritise(project: Project, *, selection: Selection, by: User | None) -> Job:
    """Ask for the order to be worked out anew, from what judges say by now."""
    return bulk.ask("reprioritise", project, selection=selection, by=by)


@bulk.changes("reprioritise", "reprioritised")
def reprioritise_chunk(project: Project, ids: list[int], how: dict[str, Any]) -> Counter[str]:
    """Write the weights of these cases to their open places, where they differ."""
    # The texts too: how long a case is says how long an answer takes.
    fields = (
        "pk",
        "project_id",
        "strata",
        "cluster",
        "family",
        "context",
        "conversation",
        "response",
    )
    weights = of(Case.objects.filter(pk__in=ids).only(*fields))
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            {
                "ids": list(weights), "audit": queue.AUDIT_PRIORITY,
                "priorities": [one.priority for one in weights.values()],
                "severities": [one.severity for one in weights.values()],
            },
        )  # fmt: skip
        return Counter(places=cursor.rowcount)


# A place that is being claimed just now is passed over: it is past being ordered.
_WRITE = """
WITH due AS (
    SELECT s.id, w.severity, r.priority
    FROM unnest(%(ids)s::bigint[], %(priorities)s::float8[], %(severities)s::int[])
         AS w (id, priority, severity)
    JOIN annotations_case c ON c.id = w.id
    CROSS JOIN LATERAL (
        SELECT GREATEST(w.priority, CASE WHEN c.is_audit THEN %(audit)s END) AS priority) r
    JOIN annotations_slot s ON s.case_id = c.id AND s.purpose = 'label' AND s.status = 'open'
    WHERE (s.priority, s.severity) IS DISTINCT FROM (r.priority, w.severity)),
free AS (
    SELECT id FROM annotations_slot WHERE id IN (SELECT id FROM due) AND status = 'open'
    FOR UPDATE SKIP LOCKED)
UPDATE annotations_slot SET priority = due.priority, severity = due.severity
FROM due WHERE annotations_slot.id = due.id AND due.id IN (SELECT id FROM free)
"""

Said = tuple[list[Question], int | None]


def _said(ids: Sequence[int]) -> dict[int, Said]:
    """Case id -> what judges say on each question, and the worst severity that one foresees."""
    rows = (
        Verdict.objects.filter(case__in=ids, annotation__rater__kind=RaterKind.JUDGE)
        .order_by("id")
        .values_list(
            "case_id", "criterion__key", "criterion__positive", "annotation__rater__name",
            "status", "value", "score", "annotation__severity",
        )
    )  # fmt: skip
    # The newest verdict of each judge, whatever its revision.
    newest: dict[int, dict[tuple[str, str], float]] = defaultdict(dict)
    worst: dict[int, int] = {}
    for case_id, key, positive, judge, status, value, score, severity in rows.iterator(2_000):
        if key == SEVERITY and value.isdecimal():
            severity = max(severity or 0, min(int(value[:3]), MOST_SEVERE))
        if severity is not None:
            worst[case_id] = max(worst.get(case_id, 0), severity)
        if score is None and status == VerdictStatus.ANSWERED:
            score = SURE if value in positive else 1 - SURE
        if score is not None:
            newest[case_id][key, judge] = score
    return {
        case_id: (_questions(newest.get(case_id, {})), worst.get(case_id))
        for case_id in {*newest, *worst}
    }


def _questions(scores: Mapping[tuple[str, str], float]) -> list[Question]:
    judges: dict[str, list[float]] = defaultdict(list)
    combined: dict[str, float] = {}
    for (key, judge), score in scores.items():
        if judge == arms.PRELABELLER:
            combined[key] = score
        else:
            judges[key].append(score)
    return [Question(judges[key], combined.get(key)) for key in {*combined, *judges}]


def _foreseen(strata: Mapping[str, Any], worst: int | None) -> int | None:
    """The severity that the case came with, or else the worst that a judge gave."""
    said = str(strata.get(SEVERITY, ""))
    return int(said) if said.isdecimal() and len(said) == 1 and int(said) <= MOST_SEVERE else worst


def _first_of_their_kind(cases: Sequence[Case]) -> set[int]:
    """Those that are the first of their cluster (without one: of their family) in the project."""
    found: set[int] = set()
    for project_id in {case.project_id for case in cases}:
        here = [case for case in cases if case.project_id == project_id]
        everybody = Case.objects.filter(project=project_id)
        clusters = {case.cluster for case in here if case.cluster}
        families = {case.family for case in here if not case.cluster}
        for kind in (
            everybody.filter(cluster__in=clusters).values("cluster"),
            everybody.filter(cluster="", family__in=families).values("family"),
        ):
            found.update(kind.annotate(first=Min("pk")).values_list("first", flat=True))
    return found
