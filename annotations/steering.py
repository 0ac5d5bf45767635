"""What a lead does to the queue: stop it, hold cases back, give them by hand, take one back."""

from collections import Counter
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.utils import timezone

from annotations import audit, bulk, priorities, queue
from annotations.errors import BadInput, Conflict, NotFound
from annotations.models import Case, Job, Membership, Project, Rater, Slot
from annotations.permissions import LABELLERS
from annotations.selection import Selection
from annotations.statuses import CaseStatus, RaterKind, SlotPurpose

# ---- the whole queue


@transaction.atomic
def pause(project: Project, *, by: User) -> bool:
    """Give out nothing more. What is in work may be finished. False: it was paused already."""
    paused = Project.objects.filter(pk=project.pk, paused_at__isnull=True).update(
        paused_at=timezone.now()
    )
    if paused:
        audit.record("paused queue", project, project=project, by=by)
    project.refresh_from_db(fields=["paused_at"])
    return bool(paused)


@transaction.atomic
def resume(project: Project, *, by: User) -> bool:
    """Give out cases again. False: it was running."""
    resumed = Project.objects.filter(pk=project.pk, paused_at__isnull=False).update(paused_at=None)
    if resumed:
        audit.record("resumed queue", project, project=project, by=by)
    project.refresh_from_db(fields=["paused_at"])
    return bool(resumed)


# ---- one place


def take_back(project: Project, *, slot: int, by: User) -> Slot:
    """End a rater's lease, so that the case goes to others. The rater's draft stays."""
    place = (
        Slot.objects.filter(pk=slot, project=project, purpose=SlotPurpose.LABEL)
        .select_related("case", "rater")
        .first()
    )
    if place is None:
        raise NotFound("There is no such place in this project's queue.")
    rater = place.rater
    if rater is None or not queue.give_back(place, rater=rater):
        raise Conflict("Nobody works on that place any more: there is nothing to take back.")
    audit.record("took back case", place.case, project=project, by=by, rater=rater.name)
    return place


# ---- many places, as jobs


def hold(project: Project, *, selection: Selection, by: User) -> Job:
    """Give these cases to nobody until they are released. What is in work may be finished."""
    return bulk.ask("hold_places", project, selection=selection, by=by)


def release(project: Project, *, selection: Selection, by: User) -> Job:
    """Let these cases be given out again."""
    return bulk.ask("release_places", project, selection=selection, by=by)


def assign(project: Project, *, rater: Rater, selection: Selection, by: User) -> Job:
    """Give one open place of each of these cases to this rater, before all else.

    A case that the rater has or had, skipped, or opted out of is left to others. The job counts
    those together with the cases without a free place, so that it does not tell of opt-outs.
    """
    check_can_be_given(project, rater)
    return bulk.ask("assign_places", project, selection=selection, by=by, rater=rater.pk)


def unassign(project: Project, *, selection: Selection, by: User) -> Job:
    """Let everybody have what was given by hand and is not begun."""
    return bulk.ask("unassign_places", project, selection=selection, by=by)


def open_places(project: Project, *, selection: Selection, by: User) -> Job:
    """Lay down the places of cases that have none yet, up to their overlap."""
    if project.rubric.released is None:
        raise BadInput("Release the rubric first: places are opened under its questions.")
    return bulk.ask("open_places", project, selection=selection, by=by)


def move_to_released(project: Project, *, selection: Selection, by: User) -> Job:
    """Let what nobody has begun be labelled under the rubric version that is released now."""
    released = project.rubric.released
    if released is None:
        raise BadInput("No version of the rubric is released, so there is nothing to move to.")
    return bulk.ask("move_places", project, selection=selection, by=by, version=released.pk)


def check_can_be_given(project: Project, rater: Rater) -> None:
    """Work is given to a member who may label, and to nobody else."""
    may = Membership.objects.filter(project=project, user=rater.user_id, role__in=LABELLERS)
    if rater.project_id != project.pk or rater.kind != RaterKind.PERSON or not may.exists():
        raise BadInput("Cases can be given only to a member of the project who may label.")


def _update(statement: str, ids: list[int], **values: Any) -> Counter[str]:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"ids": ids, **values})
        return Counter(places=cursor.rowcount)


# A row that somebody is claiming or submitting just now is passed over, never waited for: a submit
# waits for its case, which the chunk may hold.
_HOLD = """
UPDATE annotations_slot SET is_held = %(held)s WHERE id IN (
    SELECT s.id FROM annotations_slot s
    WHERE s.case_id = ANY(%(ids)s) AND s.purpose = 'label' AND s.status <> 'done'
      AND s.is_held <> %(held)s
    FOR UPDATE SKIP LOCKED)
"""
_UNASSIGN = """
UPDATE annotations_slot SET assigned_to_id = NULL WHERE id IN (
    SELECT s.id FROM annotations_slot s
    WHERE s.case_id = ANY(%(ids)s) AND s.purpose = 'label' AND s.status = 'open'
      AND s.assigned_to_id IS NOT NULL
    FOR UPDATE SKIP LOCKED)
"""
# Chosen once and for all before the update: a plan that chose again for each place would pass over
# the place that this statement itself has just changed, and give a second one of the same case.
_ASSIGN = """
WITH chosen AS MATERIALIZED (
    SELECT f.id FROM unnest(%(ids)s::bigint[]) AS w (id)
    JOIN annotations_case c ON c.id = w.id
    CROSS JOIN LATERAL (
        SELECT s.id FROM annotations_slot s
        WHERE s.case_id = c.id AND s.purpose = 'label' AND s.status = 'open'
          AND s.assigned_to_id IS NULL AND NOT (s.category <> '' AND s.category = ANY(%(opt_outs)s))
        ORDER BY s.number LIMIT 1
        FOR UPDATE SKIP LOCKED) f
    WHERE NOT EXISTS (SELECT 1 FROM annotations_slot o WHERE o.case_id = c.id
                      AND o.purpose = 'label'
                      AND (o.rater_id = %(rater)s OR o.assigned_to_id = %(rater)s))
      AND NOT EXISTS (SELECT 1 FROM annotations_skip k
                      WHERE k.case_id = c.id AND k.rater_id = %(rater)s)
      AND NOT EXISTS (SELECT 1 FROM annotations_annotation a WHERE a.case_id = c.id
                      AND a.rater_id = %(rater)s AND a.status = 'submitted'))
UPDATE annotations_slot s SET assigned_to_id = %(rater)s FROM chosen WHERE s.id = chosen.id
"""
# Begun: somebody has a place, or a person has a sheet, if only a draft. The places are locked first,
# and moved in a second statement, which then sees what was begun in between.
_LOCK_OPEN = """
SELECT id FROM annotations_slot
WHERE case_id = ANY(%(ids)s) AND purpose = 'label' AND status = 'open'
  AND rubric_version_id <> %(version)s
FOR UPDATE SKIP LOCKED
"""
_MOVE = """
UPDATE annotations_slot s SET rubric_version_id = %(version)s
WHERE s.id = ANY(%(locked)s)
  AND NOT EXISTS (SELECT 1 FROM annotations_slot o WHERE o.case_id = s.case_id
                  AND o.purpose = 'label' AND NOT (o.id = ANY(%(locked)s)))
  AND NOT EXISTS (SELECT 1 FROM annotations_annotation a
                  JOIN annotations_rater r ON r.id = a.rater_id
                  WHERE a.case_id = s.case_id AND r.kind <> 'judge')
"""


@bulk.changes("hold_places", "held places")
def hold_chunk(project: Project, ids: list[int], how: dict[str, Any]) -> Counter[str]:
    return _update(_HOLD, ids, held=True)


@bulk.changes("release_places", "released places")
def release_chunk(project: Project, ids: list[int], how: dict[str, Any]) -> Counter[str]:
    return _update(_HOLD, ids, held=False)


@bulk.changes("unassign_places", "gave places back to all")
def unassign_chunk(project: Project, ids: list[int], how: dict[str, Any]) -> Counter[str]:
    return _update(_UNASSIGN, ids)


@bulk.changes("assign_places", "gave places by hand")
def assign_chunk(project: Project, ids: list[int], how: dict[str, Any]) -> Counter[str]:
    rater = Rater.objects.get(pk=how["rater"], project=project)
    given = _update(_ASSIGN, ids, rater=rater.pk, opt_outs=rater.opt_outs)
    return given + Counter(left_to_others=len(ids) - given["places"])


@bulk.changes("open_places", "opened places")
def open_chunk(project: Project, ids: list[int], how: dict[str, Any]) -> Counter[str]:
    version = project.rubric.released
    new = [case for case in Case.objects.filter(pk__in=ids, status=CaseStatus.NEW) if case.has_text]
    if version is None or not new:
        return Counter()
    weights = priorities.of(new)
    return Counter(places=queue.open_slots(new, rubric_version=version, weights=weights))


@bulk.changes("move_places", "moved places to another version")
def move_chunk(project: Project, ids: list[int], how: dict[str, Any]) -> Counter[str]:
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_OPEN, {"ids": ids, "version": how["version"]})
        locked = [slot for (slot,) in cursor.fetchall()]
    return _update(_MOVE, ids, version=how["version"], locked=locked)
