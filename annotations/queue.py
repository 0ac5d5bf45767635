"""The queue: slots are made ahead of time, and a claim is one indexed statement.

The claim is the same for every rater and every order: by hand, by priority, filtered, held back. It
takes its row with `FOR UPDATE SKIP LOCKED`, so that two raters never wait for each other and never
get the same place. A cap can't be exceeded, because there are no more slots than the cap; a rater
never gets a case twice, because a unique constraint says so.

A rater holds at most two places: the case in work, and the one ahead, which the browser has fetched
already. A rater's cursor remembers how far into the order everything was the rater's own or taken,
so that a claim costs the same at the millionth case as at the first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from statistics import quantiles
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from annotations import arms, audit, rows
from annotations.errors import BadInput, Conflict
from annotations.models import Case, Project, Rater, RubricVersion, Skip, Slot
from annotations.statuses import AnnotationStatus, Arm, CaseStatus, SlotPurpose, SlotStatus

LEASE = timedelta(minutes=20)
# A rater's pace is known from five sheets on, and taken over the last fifty.
PACE_FROM, PACE_OVER = 5, 50
# The random audit slice gets this many raters, all blind.
AUDIT_RATERS = 3
AUDIT_PRIORITY = 2.0
# Progress counts no further than this: a longer queue is "500 or more".
COUNT_TO = 500
# The cursor is written at every sixteenth case, so that most claims write one row.
CURSOR_EVERY = 16

# Own: go on with a place held already (not the one in work, when the one ahead is asked for). Else a
# place that a lead, or a check, has given to this rater. Else the head of the queue. The clock runs on
# within a transaction, unlike now(). COALESCE looks no further than the first that is found.
#
# Before it the rater's row is locked, so that two tabs get the same slot: the second sees what a claim
# before it has written. The planner must walk the queue's index: of a table that was filled a moment ago
# it knows nothing, and would sort it all.
_LOCK_RATER = "SELECT id FROM annotations_rater WHERE id = %(rater)s FOR NO KEY UPDATE"
_WALK, _PLAN_FREELY = (
    [f"SET LOCAL {way} = {word}" for way in ("enable_sort", "enable_seqscan", "enable_hashjoin")]
    for word in ("off", "on")
)
_CLAIM = """
WITH own AS (
    SELECT s.id FROM annotations_slot s
    WHERE s.rater_id = %(rater)s AND s.status = 'leased' AND s.id <> %(after)s {this_case}
    ORDER BY s.leased_at, s.id LIMIT 1 FOR UPDATE),
given AS (
    SELECT s.id FROM annotations_slot s
    WHERE s.assigned_to_id = %(rater)s AND s.status <> 'done' AND NOT s.is_held
      AND (s.status = 'open' OR s.leased_until < clock_timestamp())
      AND (s.purpose <> 'label' OR ({new_to_rater})) {this_case}
    ORDER BY (s.priority * -1), s.id FOR UPDATE OF s {skip} LIMIT 1),
head AS (
    SELECT s.id FROM annotations_slot s
    WHERE s.project_id = %(project)s AND s.purpose = 'label' AND s.status <> 'done'
      AND NOT s.is_held AND s.assigned_to_id IS NULL
      AND (s.status = 'open' OR s.leased_until < clock_timestamp())
      AND {new_to_rater} {this_case} {filters}
    ORDER BY (s.priority * -1), s.id FOR UPDATE OF s {skip} LIMIT 1),
was AS (
    SELECT s.id, s.case_id, s.rater_id = %(rater)s AND s.status = 'leased' AS own,
           COALESCE(s.leased_until > clock_timestamp(), false) AS running
    FROM annotations_slot s WHERE s.id = COALESCE({sources}))
UPDATE annotations_slot s
SET status = 'leased', rater_id = %(rater)s,
    leased_at = CASE WHEN was.own AND was.running THEN s.leased_at ELSE clock_timestamp() END,
    leased_until = clock_timestamp() + make_interval(secs => %(lease)s),
    arm = CASE WHEN was.own THEN s.arm ELSE '' END
FROM was JOIN annotations_case c ON c.id = was.case_id
WHERE s.id = was.id
RETURNING {slot_columns}, {case_columns}, was.own
"""
# Not for this rater who has a sheet, a skip or a place on the case already. The sum keeps the planner
# from the index of all that the rater ever did: what is on the case are a few rows.
_NEW_TO_RATER = """
    NOT EXISTS (SELECT 1 FROM annotations_annotation a WHERE a.case_id = s.case_id
                AND a.rater_id + 0 = %(rater)s AND a.status = 'submitted'
                AND a.rubric_version_id = s.rubric_version_id)
    AND NOT EXISTS (SELECT 1 FROM annotations_skip k
                    WHERE k.case_id = s.case_id AND k.rater_id + 0 = %(rater)s)
    AND NOT EXISTS (SELECT 1 FROM annotations_slot o WHERE o.case_id = s.case_id
                    AND o.rater_id + 0 = %(rater)s AND o.purpose = 'label' AND o.id <> s.id)"""
_COLUMNS = {"slot_columns": rows.columns(Slot, "s"), "case_columns": rows.columns(Case, "c")}

# The missing slots of chosen cases, all at once; a sheet that a person gave without a slot (imported)
# takes the place of one slot.
_OPEN = """
INSERT INTO annotations_slot (project_id, case_id, rubric_version_id, number, status, purpose,
    priority, category, severity, is_held, blind_only, arm)
SELECT c.project_id, c.id, %(version)s, n.number, 'open', 'label',
    GREATEST(w.priority, CASE WHEN c.is_audit THEN %(audit)s END),
    LEFT(COALESCE(c.strata ->> 'category', ''), 80), w.severity, false, false, ''
FROM unnest(%(ids)s::bigint[], %(priorities)s::float8[], %(severities)s::int[])
     AS w (id, priority, severity)
JOIN annotations_case c ON c.id = w.id
CROSS JOIN LATERAL (
    SELECT (SELECT count(*) FROM annotations_slot s WHERE s.case_id = c.id AND s.purpose = 'label')
         + (SELECT count(*) FROM annotations_annotation a
            JOIN annotations_rater r ON r.id = a.rater_id
            WHERE a.case_id = c.id AND a.slot_id IS NULL AND a.submitted_at IS NOT NULL
              AND r.kind IN ('person', 'imported', 'simulated')) AS number) h
CROSS JOIN LATERAL (
    SELECT g.number FROM generate_series(1, c.overlap) AS g (number)
    WHERE NOT EXISTS (SELECT 1 FROM annotations_slot s WHERE s.case_id = c.id
                      AND s.purpose = 'label' AND s.number = g.number)
    ORDER BY g.number DESC LIMIT GREATEST(c.overlap - h.number, 0)) AS n
ORDER BY c.id, n.number
RETURNING case_id
"""


@dataclass(frozen=True)
class Weight:
    """What is known of a case before anybody has labelled it."""

    priority: float = 0.0  # higher comes first
    severity: int | None = None  # 0-4, foreseen


@dataclass(frozen=True)
class Progress:
    """A rater's own progress. `waiting` is a lower bound where `is_at_least`; times in seconds a case."""

    done: int
    waiting: int
    is_at_least: bool
    pace: tuple[float, float, float] | None  # lower quartile, median, upper quartile


# ---- slots


# Locked, so that two runs at once count each other's slots instead of clashing with them.
_LOCK_CASES = """
SELECT id, project_id, status, is_audit FROM annotations_case WHERE id = ANY(%(ids)s)
ORDER BY id FOR UPDATE
"""
_GIVE_OUT = """
UPDATE annotations_case SET status = 'labelling' WHERE id = ANY(%(ids)s) AND status = 'new'
"""


@transaction.atomic
def open_slots(
    cases: Iterable[Case], *, rubric_version: RubricVersion,
    weights: dict[int, Weight] | None = None,
) -> int:  # fmt: skip
    """Make the missing slots of each case, up to its overlap. Safe to run twice. Returns how many.

    New cases are drawn into the project's audit slice here, by a keyed hash.
    """
    ids = sorted({case.pk for case in cases})
    if not ids:
        return 0
    there = rows.every(_LOCK_CASES, values={"ids": ids})
    projects = Project.objects.in_bulk({project_id for _, project_id, _, _ in there})
    new = {(pk, owner) for pk, owner, status, drawn in there
           if status == CaseStatus.NEW and not drawn}  # fmt: skip
    for project in projects.values():
        _take_up([pk for pk, owner in new if owner == project.pk], project)
    made = _make_places(ids, rubric_version, weights or {})
    rows.change(_GIVE_OUT, values={"ids": made})  # those that were up for a draw before
    if needless := {pk for pk, _ in new}.difference(made):
        Case.objects.filter(pk__in=needless).update(status=CaseStatus.NEW)  # no place was missing
    for project in projects:
        # Once it is written: the raters' rows are not locked for as long as an import takes.
        transaction.on_commit(partial(rewind, project))
    return len(made)


def _make_places(
    ids: Sequence[int], version: RubricVersion, weights: dict[int, Weight]
) -> list[int]:
    """The missing places of these cases: for each one made, its case."""
    chosen = [weights.get(pk, Weight()) for pk in ids]
    with connection.cursor() as cursor:
        cursor.execute(
            _OPEN,
            {
                "ids": list(ids), "version": version.pk, "audit": AUDIT_PRIORITY,
                "priorities": [one.priority for one in chosen],
                "severities": [one.severity for one in chosen],
            },
        )  # fmt: skip
        return [case_id for (case_id,) in cursor.fetchall()]


# Each case is up for the draw once, and keeps with which probability, drawn or not. Its status goes with
# it, so that the row is written once.
_TAKE_UP = """
UPDATE annotations_case SET audit_probability = %(share)s, is_audit = id = ANY(%(drawn)s),
    overlap = CASE WHEN id = ANY(%(drawn)s) THEN GREATEST(overlap, %(raters)s) ELSE overlap END,
    status = 'labelling'
WHERE id = ANY(%(ids)s) AND audit_probability IS NULL AND NOT is_audit
"""


def _take_up(ids: Sequence[int], project: Project) -> None:
    """New cases go to the raters; some of them, by a keyed hash, into the audit slice."""
    share = project.audit_share
    drawn = [pk for pk in ids if arms.share_of("audit", project.pk, pk) < share]
    with connection.cursor() as cursor:
        cursor.execute(
            _TAKE_UP, {"ids": list(ids), "drawn": drawn, "share": share, "raters": AUDIT_RATERS}
        )


def rewind(project: Project | int) -> None:
    """Let every rater start at the head of the queue again: its order, or who may have what, changed."""
    pk = project if isinstance(project, int) else project.pk
    Rater.objects.filter(project=pk, queue_slot__isnull=False).update(
        queue_rank=None, queue_slot=None
    )


def rewind_rater(rater: Rater) -> None:
    """Let this rater start at the head again."""
    if rater.queue_slot is not None:
        Rater.objects.filter(pk=rater.pk).update(queue_rank=None, queue_slot=None)
        rater.queue_rank = rater.queue_slot = None


# ---- claims


def claim(
    rater: Rater, *, case: Case | None = None, after: int = 0, max_severity: int | None = None,
    only_given: bool = False,
) -> Slot | None:  # fmt: skip
    """The place that the rater holds already, or the next free one; None when there is no work.

    `after` is the slot in work when the one ahead of it is asked for. The rater's own lease is renewed
    even if it lapsed, as long as nobody has taken the slot. `only_given`: no further than what was
    given to this rater by hand or as a check. A paused queue gives out nothing that is not held.
    """
    wanted: dict[str, Any] = {
        "rater": rater.pk, "project": rater.project_id, "lease": LEASE.total_seconds(),
        "after": after, "case": case.pk if case else None, "max_severity": max_severity,
        "opt_outs": rater.opt_outs, "rank": rater.queue_rank, "slot": rater.queue_slot,
    }  # fmt: skip
    sources = _OWN if rater.project.paused_at else _GIVEN if only_given else _ALL
    from_cursor = sources == _ALL and rater.queue_slot is not None and case is None
    slot = _take(wanted, sources, from_cursor=from_cursor)
    if slot is None and from_cursor:  # what lapsed or came back before the cursor
        slot = _take(wanted, sources)
        rewind_rater(rater)
    if slot is None:  # what others have locked for a moment, and may not take after all
        slot = _take(wanted, sources, wait=True)
    if slot is None:
        return None
    slot.rater = rater
    slot.project = slot.case.project = rater.project
    if not slot.was_own:
        _start(slot, rater)
    return slot


# Where a claim looks, in this order, until it finds a place.
_OWN = "(SELECT id FROM own), NULL"
_GIVEN = "(SELECT id FROM own), (SELECT id FROM given)"
_ALL = "(SELECT id FROM own), (SELECT id FROM given), (SELECT id FROM head)"


def _take(
    wanted: dict[str, Any], sources: str, *, from_cursor: bool = False, wait: bool = False
) -> Slot | None:
    """Run the claim: the slot with its case, and whether it was the rater's already."""
    filters = ""
    if wanted["opt_outs"]:
        filters += " AND NOT (s.category = ANY(%(opt_outs)s))"
    if wanted["max_severity"] is not None:
        filters += " AND (s.severity IS NULL OR s.severity <= %(max_severity)s)"
    if from_cursor:
        filters += " AND ((s.priority * -1), s.id) > (%(rank)s, %(slot)s)"
    statement = _CLAIM.format(
        this_case="AND s.case_id = %(case)s" if wanted["case"] else "",
        new_to_rater=_NEW_TO_RATER,
        filters=filters,
        skip="" if wait else "SKIP LOCKED",
        sources=sources,
        **_COLUMNS,
    )
    row = rows.one(_LOCK_RATER, *_WALK, statement, *_PLAN_FREELY, values=wanted)
    if row is None:
        return None
    slot_row, case_row, (own,) = rows.split(row, Slot, Case)
    slot = rows.build(Slot, slot_row)
    slot.case, slot.was_own = rows.build(Case, case_row), own
    return slot


_REMEMBER = """
UPDATE annotations_rater SET queue_rank = %(rank)s, queue_slot = %(slot)s WHERE id = %(rater)s
"""


def _start(slot: Slot, rater: Rater) -> None:
    """What a new lease needs: its arm, and now and then the rater's cursor."""
    if slot.purpose == SlotPurpose.LABEL:
        arm = arms.arm_for(slot.project, rater=rater, case=slot.case, slot=slot)
        if arm != Arm.BLIND:  # an empty arm is blind: most claims need no second write
            slot.arm = arm
            slot.save(update_fields=["arm"])
        if slot.assigned_to_id is None and slot.case_id % CURSOR_EVERY == 0:
            seen = {"rater": rater.pk, "rank": -slot.priority, "slot": slot.pk}
            rows.change(_REMEMBER, values=seen)


# ---- leases


def heartbeat(slot: Slot, *, rater: Rater) -> bool:
    """Renew the lease; False when somebody else has the slot or it is done."""
    return bool(
        Slot.objects.filter(pk=slot.pk, rater=rater, status=SlotStatus.LEASED).update(
            leased_until=timezone.now() + LEASE
        )
    )


def lease_left(slot: Slot, *, rater: Rater) -> timedelta | None:
    """How long the rater's lease still runs (nothing or less: lapsed); None: it is not the rater's."""
    until = (
        Slot.objects.filter(pk=slot.pk, rater=rater, status=SlotStatus.LEASED)
        .values_list("leased_until", flat=True)
        .first()
    )
    return until - timezone.now() if until else None


def give_back(slot: Slot, *, rater: Rater) -> bool:
    """Open a place again that the rater has not begun: fetched ahead, then paused or left."""
    given = Slot.objects.filter(pk=slot.pk, rater=rater, status=SlotStatus.LEASED).update(**_OPENED)
    if given:
        rewind(slot.project_id)
    return bool(given)


def give_back_all(rater: Rater) -> int:
    """Open every place that the rater holds, as when a member is removed. Drafts stay."""
    given = Slot.objects.filter(rater=rater, status=SlotStatus.LEASED).update(**_OPENED)
    if given:
        rewind(rater.project_id)
    return given


_OPENED = {
    "status": SlotStatus.OPEN, "rater": None, "arm": "", "leased_at": None, "leased_until": None,
}  # fmt: skip


@transaction.atomic
def skip(slot: Slot, *, rater: Rater, reason: str) -> None:
    """Pass the case on to others, with a reason. The rater won't get it again."""
    if not reason.strip():
        raise BadInput(
            "Say why you skip the case: it helps the leads, and never counts against you."
        )
    locked = Slot.objects.select_for_update().get(pk=slot.pk)
    if locked.status != SlotStatus.LEASED or locked.rater_id != rater.pk:
        raise Conflict("This case is no longer yours, so there is nothing to skip. Take the next.")
    Skip.objects.get_or_create(case=locked.case, rater=rater, defaults={"reason": reason[:200]})
    # Given by hand or not: somebody else may have it now.
    Slot.objects.filter(pk=slot.pk).update(assigned_to=None, **_OPENED)
    # Not before: a claim in another tab holds the rater and may wait for this slot.
    transaction.on_commit(partial(rewind, locked.project_id))
    audit.record(
        "skipped case", locked.case, project=locked.project, by=rater.user, reason=reason[:200]
    )


# ---- progress


def progress(rater: Rater) -> Progress:
    """Cases done and waiting for this rater, and the pace of the last sheets."""
    done, waiting, is_at_least = work_left(rater)
    return Progress(done, waiting, is_at_least, pace(rater))


_WAITING = f"""
SELECT count(*) FROM (
    SELECT DISTINCT s.case_id FROM (
        SELECT s.id, s.case_id, s.rubric_version_id FROM annotations_slot s
        WHERE s.project_id = %(project)s AND s.purpose = 'label' AND s.status <> 'done'
          AND NOT s.is_held AND s.assigned_to_id IS NULL
          AND (s.status = 'open' OR s.leased_until < clock_timestamp() OR s.rater_id = %(rater)s)
          AND NOT (s.category = ANY(%(opt_outs)s))
          AND {_NEW_TO_RATER}
        ORDER BY (s.priority * -1), s.id LIMIT %(most)s) s
    UNION
    SELECT s.case_id FROM annotations_slot s
    WHERE s.assigned_to_id = %(rater)s AND s.status <> 'done' AND NOT s.is_held
) t
"""  # noqa: S608 (no value is put in here)


def work_left(rater: Rater) -> tuple[int, int, bool]:
    """(cases done, cases waiting, whether there may be more): counted no further than COUNT_TO."""
    with connection.cursor() as cursor:
        cursor.execute(
            _WAITING,
            {
                "project": rater.project_id, "rater": rater.pk, "opt_outs": rater.opt_outs,
                # A case may have several open places: look a little further than is counted.
                "most": COUNT_TO * 3,
            },
        )  # fmt: skip
        (waiting,) = cursor.fetchone()
    done = rater.annotations.filter(status=AnnotationStatus.SUBMITTED).count()
    return done, min(waiting, COUNT_TO), waiting >= COUNT_TO


def pace(rater: Rater) -> tuple[float, float, float] | None:
    """Quartiles of the seconds of the rater's own last sheets; None until there are enough to tell."""
    recent = rater.annotations.filter(
        status=AnnotationStatus.SUBMITTED, seconds__isnull=False
    ).order_by("-submitted_at")
    rows = recent.values_list("seconds", flat=True)[:PACE_OVER]
    seconds = [one for one in rows if one is not None]
    if len(seconds) < PACE_FROM:
        return None
    low, middle, high = quantiles(seconds, n=4, method="inclusive")
    return low, middle, high
