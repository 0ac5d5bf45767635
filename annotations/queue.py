"""The queue: slots are made ahead of time, and a claim is one indexed statement.

The claim is the same for every rater and order: `FOR UPDATE SKIP LOCKED`, so that two raters never
wait for each other and never get the same place. A cap can't be exceeded, because there are no more
slots than the cap; a rater never gets a case twice, because a unique constraint says so.
"""

import hashlib
import hmac
from collections.abc import Iterable
from datetime import timedelta
from statistics import median

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from annotations import audit
from annotations.errors import BadInput, Conflict
from annotations.models import Case, Project, Rater, RubricVersion, Skip, Slot
from annotations.statuses import AnnotationStatus, Arm, CaseStatus, RaterKind, SlotStatus

LEASE = timedelta(minutes=20)
# A rater's pace is the median of the last sheets, and not known from fewer than five.
PACE_FROM, PACE_OVER = 5, 50

# A slot is free when it is open or its lease lapsed; not for this rater when the rater has a sheet,
# a skip or a place on the case already. The clock runs on within a transaction, unlike now().
_CLAIM = """
UPDATE annotations_slot SET status = 'leased', rater_id = %(rater)s, leased_at = clock_timestamp(),
       leased_until = clock_timestamp() + make_interval(secs => %(lease)s), arm = ''
WHERE id = (
    SELECT s.id FROM annotations_slot s
    WHERE s.project_id = %(project)s AND s.status <> 'done'
      AND (s.status = 'open' OR s.leased_until < clock_timestamp())
      AND (%(case)s::bigint IS NULL OR s.case_id = %(case)s)
      AND NOT EXISTS (SELECT 1 FROM annotations_annotation a WHERE a.case_id = s.case_id
                      AND a.rater_id = %(rater)s AND a.status = 'submitted'
                      AND a.rubric_version_id = s.rubric_version_id)
      AND NOT EXISTS (SELECT 1 FROM annotations_skip k
                      WHERE k.case_id = s.case_id AND k.rater_id = %(rater)s)
      AND NOT EXISTS (SELECT 1 FROM annotations_slot o WHERE o.case_id = s.case_id
                      AND o.rater_id = %(rater)s AND o.id <> s.id)
    ORDER BY s.priority DESC, s.id
    FOR UPDATE OF s SKIP LOCKED
    LIMIT 1)
RETURNING id
"""


def arm_for(project: Project, *, rater: Rater, case: Case) -> Arm:
    """The arm of this (rater, case), by a keyed hash: fixed for ever, unguessable, no state.

    The first `project.reveal_share` of the hash's range is the arm reveal, the rest is blind.
    """
    message = f"arm:{project.pk}:{rater.pk}:{case.pk}".encode()
    digest = hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    return Arm.REVEAL if share < project.reveal_share else Arm.BLIND


@transaction.atomic
def open_slots(
    cases: Iterable[Case],
    *,
    rubric_version: RubricVersion,
    priorities: dict[int, float] | None = None,
) -> int:
    """Make the missing slots of each case, up to its overlap. Safe to run twice. Returns how many.

    A sheet that a person gave without a slot (imported) takes the place of one slot.
    """
    ids = [case.pk for case in cases]
    # Locked, so that two runs at once count each other's slots instead of clashing with them.
    cases = list(Case.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    have: dict[int, int] = dict.fromkeys(ids, 0)
    for case_id in Slot.objects.filter(case__in=ids).values_list("case_id", flat=True):
        have[case_id] += 1
    people = [RaterKind.PERSON, RaterKind.IMPORTED, RaterKind.SIMULATED]
    loose = Case.objects.filter(
        pk__in=ids, annotations__slot__isnull=True, annotations__submitted_at__isnull=False,
        annotations__rater__kind__in=people,
    ).values_list("pk", flat=True)  # fmt: skip
    for case_id in loose:
        have[case_id] += 1
    slots = [
        Slot(
            project_id=case.project_id,
            case=case,
            rubric_version=rubric_version,
            number=number,
            priority=(priorities or {}).get(case.pk, 0.0),
        )
        for case in cases
        for number in range(have[case.pk] + 1, case.overlap + 1)
    ]
    made = len(Slot.objects.bulk_create(slots, batch_size=1000))
    with_work = {slot.case_id for slot in slots}
    Case.objects.filter(pk__in=with_work, status=CaseStatus.NEW).update(status=CaseStatus.LABELLING)
    return made


@transaction.atomic
def claim(rater: Rater, *, case: Case | None = None) -> Slot | None:
    """The rater's slot in work, or the next free one; None when there is no work for this rater.

    The rater's own lease is renewed even if it lapsed, as long as nobody has taken the slot.
    """
    # One claim of one rater at a time: two tabs get the same slot. Other raters are not held up.
    Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
    own = Slot.objects.filter(rater=rater, status=SlotStatus.LEASED)
    if case is not None:
        own = own.filter(case=case)
    slot = own.order_by("leased_at").first()
    if slot is not None and _renew(slot, rater=rater):
        return _with_all(slot.pk)
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "project": rater.project_id,
                "rater": rater.pk,
                "lease": LEASE.total_seconds(),
                "case": case.pk if case else None,
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    slot = _with_all(row[0])
    slot.arm = arm_for(slot.project, rater=rater, case=slot.case)
    slot.save(update_fields=["arm"])
    return slot


def _renew(slot: Slot, *, rater: Rater) -> bool:
    """Go on with the own slot. After a lapse the clock starts anew: nobody worked in between."""
    now = timezone.now()
    if slot.leased_until is not None and slot.leased_until < now:
        Slot.objects.filter(pk=slot.pk, rater=rater, status=SlotStatus.LEASED).update(leased_at=now)
    return heartbeat(slot, rater=rater)


def _with_all(slot_id: int) -> Slot:
    return Slot.objects.select_related("case", "project", "rubric_version", "rater").get(pk=slot_id)


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
    Slot.objects.filter(pk=slot.pk).update(
        status=SlotStatus.OPEN, rater=None, arm="", leased_at=None, leased_until=None
    )
    audit.record(
        "skipped case", locked.case, project=locked.project, by=rater.user, reason=reason[:200]
    )


def work_left(rater: Rater) -> tuple[int, int]:
    """(cases done, cases waiting) for this rater in the project."""
    sheets = rater.annotations.filter(status=AnnotationStatus.SUBMITTED)
    in_work = Slot.objects.filter(rater=rater, status=SlotStatus.LEASED)
    others = (
        Slot.objects.filter(project=rater.project)
        .exclude(status=SlotStatus.DONE)
        .exclude(status=SlotStatus.LEASED, leased_until__gt=timezone.now())
        .exclude(case__in=sheets.values("case"))
        .exclude(case__in=rater.skips.values("case"))
        .exclude(case__in=in_work.values("case"))
        .values("case")
        .distinct()
        .count()
    )
    return sheets.count(), others + in_work.count()


def seconds_a_case(rater: Rater) -> float | None:
    """The median time of the rater's own last sheets; None until there are enough to tell."""
    recent = rater.annotations.filter(
        status=AnnotationStatus.SUBMITTED, seconds__isnull=False
    ).order_by("-submitted_at")
    rows = recent.values_list("seconds", flat=True)[:PACE_OVER]
    seconds = [one for one in rows if one is not None]
    return median(seconds) if len(seconds) >= PACE_FROM else None
