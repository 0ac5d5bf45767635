"""A rater's stretch of work: exposure today, breaks, pauses, severe cases in a row; for every labeller.

The clock runs on what was answered, never on a page that lies open. Days are days of UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotations import rows
from annotations.errors import BadInput
from annotations.models import CheckIn, Project, Rater, Sitting
from annotations.statuses import SEVERE

# A sitting in which nothing happened for this long is over.
IDLE = timedelta(minutes=30)
MILD = 2  # what is given, at most, once the run is full

Kind = Literal["cap", "break", "severe"]


@dataclass(frozen=True)
class Due:
    """What is due: the day's cap, a break, or milder cases. `until` is when work may go on.

    A break with `until` None is offered; with a time it was taken and is not over yet.
    """

    kind: Kind
    minutes: int
    until: datetime | None = None

    @property
    def stops(self) -> bool:
        """Whether no case is given now. After a severe run milder cases are."""
        return self.kind != "severe"


@dataclass(frozen=True)
class Exposure:
    """Minutes on cases today; the caps are None where the project has none."""

    minutes: float
    cap: int | None
    break_in: float | None


def current(rater: Rater, *, now: datetime | None = None) -> Sitting:
    """The rater's sitting; a new one when there is none, or when it has lain idle.

    One query while the sitting goes on. A new one starts with the minutes of the same day.
    """
    now = now or timezone.now()
    sitting = _open(rater)
    if sitting is not None and now - sitting.last_at < IDLE:
        return sitting
    if sitting is not None:
        end(sitting, now=sitting.last_at)
    try:
        with transaction.atomic():
            return Sitting.objects.create(
                rater=rater, started_at=now, last_at=now, exposure_seconds=_carried(rater, now)
            )
    except IntegrityError:  # another tab was quicker: one sitting a rater
        found = _open(rater)
        if found is None:
            raise
        return found


_OPEN = f"""
SELECT {rows.columns(Sitting, "s")} FROM annotations_sitting s
WHERE s.rater_id = %(rater)s AND s.ended_at IS NULL
"""  # noqa: S608 (column names)


def _open(rater: Rater) -> Sitting | None:
    if rater.open_sitting is not None:
        sitting, rater.open_sitting = rater.open_sitting, None
        sitting.rater = rater
        return sitting
    row = rows.one(_OPEN, values={"rater": rater.pk})
    if row is None:
        return None
    sitting = rows.build(Sitting, row)
    sitting.rater = rater
    return sitting


def _carried(rater: Rater, now: datetime) -> float:
    """Seconds on cases of the same day, from the sitting before."""
    before = Sitting.objects.filter(rater=rater, last_at__gte=_midnight(now)).order_by("-last_at")
    return before.values_list("exposure_seconds", flat=True).first() or 0.0


def due(sitting: Sitting, project: Project, now: datetime | None = None) -> Due | None:
    """What is due before the next case, the weightiest first. No query."""
    now = now or timezone.now()
    if project.exposure_minutes and _today(sitting, now) >= project.exposure_minutes * 60:
        return Due("cap", project.exposure_minutes, _midnight(now) + timedelta(days=1))
    if sitting.break_until is not None and sitting.break_until > now:
        return Due("break", project.break_minutes, sitting.break_until)
    if project.break_every and sitting.since_break >= project.break_every * 60:
        return Due("break", project.break_minutes)
    if project.severe_run and sitting.severe_run >= project.severe_run:
        return Due("severe", project.break_minutes)
    return None


def exposure(sitting: Sitting, project: Project, now: datetime | None = None) -> Exposure:
    """What the room's bar shows. No query."""
    now = now or timezone.now()
    left = project.break_every - sitting.since_break / 60
    return Exposure(
        minutes=_today(sitting, now) / 60,
        cap=project.exposure_minutes or None,
        break_in=max(0.0, left) if project.break_every else None,
    )


def today(rater: Rater, project: Project, now: datetime | None = None) -> Exposure:
    """The same for a page that only reads: no sitting starts by looking."""
    now = now or timezone.now()
    last = Sitting.objects.filter(rater=rater).order_by("-last_at").first()
    sitting = last or Sitting(rater=rater, last_at=now)
    if sitting.ended_at is not None or now - sitting.last_at >= IDLE:
        sitting.since_break = 0
    return exposure(sitting, project, now)


def seconds_on_case(sitting: Sitting, *, since: datetime | None, now: datetime) -> float:
    """From when the case came in sight: not while another was in work, nor while work was paused."""
    start = max(since, sitting.last_at) if since else sitting.last_at
    return max(0.0, min((now - start).total_seconds(), IDLE.total_seconds()))


def start_case(sitting: Sitting, *, now: datetime | None = None) -> None:
    """A case comes in sight that no lease says it of (adjudication): time counts from here."""
    Sitting.objects.filter(pk=sitting.pk).update(last_at=now or timezone.now(), paused_at=None)


def note_answer(
    sitting: Sitting, *, seconds: float | None, severity: int | None = None,
    now: datetime | None = None,
) -> None:  # fmt: skip
    """A case was answered: its time counts, and whether it was severe. One UPDATE, no read."""
    now = now or timezone.now()
    severe = severity is not None and severity >= SEVERE
    _add(sitting, seconds, now, answered=True, severe=severe)


def note_skip(sitting: Sitting, *, seconds: float | None, now: datetime | None = None) -> None:
    """A case was passed on: it was seen, so its time counts."""
    _add(sitting, seconds, now or timezone.now())


_ADD = """
UPDATE annotations_sitting SET
    exposure_seconds = CASE WHEN last_at < %(midnight)s THEN 0 ELSE exposure_seconds END + %(spent)s,
    since_break = since_break + %(spent)s, last_at = %(now)s,
    cases = cases + CASE WHEN %(answered)s THEN 1 ELSE 0 END,
    severe_run = CASE WHEN NOT %(answered)s THEN severe_run WHEN %(severe)s THEN severe_run + 1
                 ELSE 0 END
WHERE id = %(sitting)s
"""


def _add(
    sitting: Sitting, seconds: float | None, now: datetime, *, answered: bool = False,
    severe: bool = False,
) -> None:  # fmt: skip
    """Add the seconds to the day and to the stretch since the last break; the first of a day resets."""
    spent = float(max(0.0, min(seconds or 0.0, IDLE.total_seconds())))
    values = {
        "sitting": sitting.pk, "spent": spent, "now": now, "midnight": _midnight(now),
        "answered": answered, "severe": severe,
    }  # fmt: skip
    rows.change(_ADD, values=values)


def pause(sitting: Sitting, *, now: datetime | None = None) -> None:
    """Stop the clock. What was spent on the open case so far counts. Twice is once."""
    now = now or timezone.now()
    running = Sitting.objects.filter(pk=sitting.pk, paused_at__isnull=True)
    if running.update(paused_at=now):
        _add(sitting, seconds_on_case(sitting, since=None, now=now), now)


def resume(sitting: Sitting, *, now: datetime | None = None) -> None:
    """Go on after a pause or a break. A pause as long as a break was one."""
    now = now or timezone.now()
    long_enough = timedelta(minutes=sitting.rater.project.break_minutes)
    rested = {"since_break": 0, "severe_run": 0}
    was_break = sitting.paused_at is not None and now - sitting.paused_at >= long_enough
    Sitting.objects.filter(pk=sitting.pk).update(
        paused_at=None, break_until=None, last_at=now, **(rested if was_break else {})
    )


def take_break(sitting: Sitting, project: Project, *, now: datetime | None = None) -> datetime:
    """Start a break; `resume` ends it early. Returns until when."""
    now = now or timezone.now()
    until = now + timedelta(minutes=project.break_minutes)
    Sitting.objects.filter(pk=sitting.pk).update(
        break_until=until, since_break=0, severe_run=0, last_at=now, paused_at=None
    )
    return until


def go_on_without_break(sitting: Sitting) -> None:
    """A break is offered, not forced: the next one is offered after the same time again."""
    Sitting.objects.filter(pk=sitting.pk).update(since_break=0, break_until=None)


def end(sitting: Sitting, *, now: datetime | None = None) -> None:
    """The rater stops for now. Twice is once."""
    Sitting.objects.filter(pk=sitting.pk, ended_at__isnull=True).update(
        ended_at=now or timezone.now(), paused_at=None, break_until=None
    )


@transaction.atomic
def check_in(
    project: Project, strain: int, *, sitting: Sitting | None = None, now: datetime | None = None
) -> None:
    """How somebody felt, without who. With `sitting`, once a sitting: a second is not counted."""
    if strain not in range(1, 6):
        raise BadInput("Choose from 1, at ease, to 5, worn out.")
    fresh = Sitting.objects.filter(pk=sitting.pk, checked_in=False) if sitting else None
    if fresh is not None and not fresh.update(checked_in=True):
        return
    today = (now or timezone.now()).date()
    CheckIn.objects.create(
        project=project, week=today - timedelta(days=today.weekday()), strain=strain
    )


def _today(sitting: Sitting, now: datetime) -> float:
    """Seconds on cases of the day of `now`: what was counted on a day before is over."""
    return sitting.exposure_seconds if sitting.last_at >= _midnight(now) else 0.0


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
