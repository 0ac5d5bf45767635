"""The lead's panel of raters: how much each has done, how sure each is, how tired. Never who is best."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Aggregate, Count, FloatField
from django.utils import timezone

from annotations import checks, members
from annotations.checks import Skill
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.measurement.skill import posterior
from annotations.models import Annotation, Check, Criterion, Project, Rater, Sitting, Skip, Slot
from annotations.permissions import LABELLERS
from annotations.statuses import (
    AnnotationStatus,
    RaterKind,
    SlotPurpose,
    SlotStatus,
)

# First answers to these were blind and are known to be right or wrong; in training one may err.
MEASURED = (SlotPurpose.KNOWN_GOLD, SlotPurpose.SENTINEL, SlotPurpose.QUALIFICATION)
FORMER = "removed"


class Percentile(Aggregate):
    """PostgreSQL's percentile_cont."""

    function = "PERCENTILE_CONT"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


@dataclass(frozen=True)
class Pace:
    """Seconds a case: the median and the middle half, over n sheets with a known time."""

    median: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Row:
    """One rater. Skips are counted and no reason is given: what one person can't read is private."""

    rater: Rater
    role: str
    done: int
    in_work: int
    skipped: int
    pace: Pace | None
    minutes_today: float
    skill: Skill | None
    per_criterion: Mapping[int, Estimate]  # criterion id -> skill
    with_gold: Mapping[int, Estimate]  # criterion id -> agreement with what was settled

    @property
    def name(self) -> str:
        return self.rater.name


def rows(project: Project, *, now: datetime | None = None) -> list[Row]:
    """Everybody who rates here or did, by pseudonym. The number of queries is fixed."""
    now = now or timezone.now()
    roles = dict(project.memberships.filter(role__in=LABELLERS).values_list("user_id", "role"))
    done, skipped = _done(project), _skipped(project)
    in_work, minutes = _in_work(project, now), _minutes_today(project, now)
    skills, right, with_gold = checks.skills(project), _right(project), _with_gold(project)
    people = Rater.objects.filter(project=project, kind=RaterKind.PERSON)
    return [
        Row(
            rater=rater,
            role=roles.get(rater.user_id or 0, FORMER),
            done=done[rater.pk][0] if rater.pk in done else 0,
            in_work=in_work.get(rater.pk, 0),
            skipped=skipped.get(rater.pk, 0),
            pace=done[rater.pk][1] if rater.pk in done else None,
            minutes_today=minutes.get(rater.pk, 0.0),
            skill=skills.get(rater.pk),
            per_criterion={key: posterior(*counts) for key, counts in right[rater.pk].items()},
            with_gold={key: proportion(*counts) for key, counts in with_gold[rater.pk].items()},
        )
        for rater in sorted(people, key=lambda rater: members.in_order(rater.name))
        if rater.user_id in roles or rater.pk in done
    ]


def skip_reasons(project: Project) -> list[tuple[str, int]]:
    """Why cases were passed on, over all raters, in the order of the words."""
    found: dict[str, int] = defaultdict(int)
    for reason in Skip.objects.filter(case__project=project).values_list("reason", flat=True):
        found[reason.split(":")[0].strip()] += 1
    return sorted(found.items())


def _done(project: Project) -> dict[int, tuple[int, Pace | None]]:
    """{rater: (sheets submitted, pace)}"""
    found = (
        Annotation.objects.filter(
            project=project, status=AnnotationStatus.SUBMITTED, rater__kind=RaterKind.PERSON
        )
        .values_list("rater")
        .annotate(
            n=Count("id"),
            timed=Count("seconds"),
            low=Percentile("seconds", fraction=0.25),
            median=Percentile("seconds", fraction=0.5),
            high=Percentile("seconds", fraction=0.75),
        )
    )
    return {
        rater: (n, Pace(median, low, high, timed) if timed else None)
        for rater, n, timed, low, median, high in found
    }


def _in_work(project: Project, now: datetime) -> dict[int, int]:
    held = Slot.objects.filter(project=project, status=SlotStatus.LEASED, leased_until__gt=now)
    return dict(held.values_list("rater").annotate(n=Count("id")))


def _skipped(project: Project) -> dict[int, int]:
    skips = Skip.objects.filter(rater__project=project)
    return dict(skips.values_list("rater").annotate(n=Count("id")))


def _minutes_today(project: Project, now: datetime) -> dict[int, float]:
    """The last sitting of the day carries the minutes of those before."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    last = (
        Sitting.objects.filter(rater__project=project, last_at__gte=midnight)
        .order_by("rater", "-last_at")
        .distinct("rater")
    )
    return {rater: seconds / 60 for rater, seconds in last.values_list("rater", "exposure_seconds")}


def _right(project: Project) -> dict[int, dict[int, tuple[int, int]]]:
    """{rater: {criterion: (right, asked)}} over answered checks."""
    criteria = dict(Criterion.objects.filter(rubric__project=project).values_list("key", "pk"))
    found: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    answered = Check.objects.filter(
        project=project, purpose__in=MEASURED, answered_at__isnull=False
    ).values_list("rater", "expected", "given")
    for rater, expected, given in answered.iterator():
        for key, word in expected.items():
            if key in criteria:
                right, asked = found[rater].get(criteria[key], (0, 0))
                found[rater][criteria[key]] = (right + (given.get(key) == word), asked + 1)
    return found


_WITH_GOLD = """
SELECT a.rater_id, v.criterion_id,
       count(*) FILTER (WHERE v.status = g.status AND v.value = g.value), count(*)
FROM annotations_gold g
JOIN annotations_verdict v ON v.case_id = g.case_id AND v.criterion_id = g.criterion_id
JOIN annotations_annotation a ON a.id = v.annotation_id
JOIN annotations_rater r ON r.id = a.rater_id
WHERE g.project_id = %s AND g.superseded_at IS NULL AND v.revision = 1
  AND a.status = 'submitted' AND a.arm IN ('blind', 'reveal') AND r.kind = 'person'
GROUP BY a.rater_id, v.criterion_id
"""


def _with_gold(project: Project) -> dict[int, dict[int, tuple[int, int]]]:
    """{rater: {criterion: (same as gold, settled)}} of first, blind answers."""
    found: dict[int, dict[int, tuple[int, int]]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_WITH_GOLD, [project.pk])
        for rater, criterion, same, settled in cursor.fetchall():
            found[rater][criterion] = (same, settled)
    return found
