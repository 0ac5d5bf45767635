"""What waits in the queue, who has what, and how long it will take: for the leads' board and its API."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from annotations import budget, bulk, members, overlap, priorities, routing, steering
from annotations.errors import BadInput, NotFound
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.measurement.routing import who_tells_most
from annotations.models import (
    Batch,
    Case,
    CriterionVersion,
    Job,
    Membership,
    Project,
    Rater,
    RoutingModel,
    Slot,
)
from annotations.permissions import LABELLERS
from annotations.rubrics import questions_of
from annotations.selection import NO_CATEGORY, Selection
from annotations.statuses import BudgetUnit, RaterKind, SlotPurpose, SlotStatus

WEEK = timedelta(days=7)
DAYS_SHOWN = 60
SHORT = timedelta(days=2)
COUNT_TO = 10_000
PACE_A_RATER = 20
PACE_FROM = 5

# ---- what waits


@dataclass(frozen=True)
class Counts:
    """Places. A lapsed lease is open again; a held place is open to nobody."""

    open: int = 0
    in_work: int = 0
    held: int = 0
    done: int = 0

    @property
    def left(self) -> int:
        return self.open + self.in_work + self.held

    @property
    def total(self) -> int:
        return self.left + self.done


@dataclass(frozen=True)
class Group:
    """The places of one batch, category, severity, ...; `filters` choose its cases on the board."""

    label: str
    counts: Counts
    filters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """All places of labelling, and the same by what they can be told apart by."""

    counts: Counts
    by_batch: list[Group]
    by_category: list[Group]
    by_severity: list[Group]
    by_version: list[Group]
    by_purpose: list[Group]
    audit: Counts


_SUMMARY = """
SELECT GROUPING(c.batch_id, s.category, s.severity, v.number, c.is_audit) AS kind,
    s.purpose, c.batch_id, s.category, s.severity, v.number, c.is_audit,
    count(*) FILTER (WHERE s.status <> 'done' AND NOT s.is_held
                     AND (s.status = 'open' OR s.leased_until < clock_timestamp())),
    count(*) FILTER (WHERE s.status = 'leased' AND s.leased_until >= clock_timestamp()),
    count(*) FILTER (WHERE s.status <> 'done' AND s.is_held
                     AND (s.status = 'open' OR s.leased_until < clock_timestamp())),
    count(*) FILTER (WHERE s.status = 'done')
FROM annotations_slot s
JOIN annotations_case c ON c.id = s.case_id
JOIN annotations_rubricversion v ON v.id = s.rubric_version_id
WHERE s.project_id = %s
GROUP BY GROUPING SETS ((s.purpose), (s.purpose, c.batch_id), (s.purpose, s.category),
    (s.purpose, s.severity), (s.purpose, v.number), (s.purpose, c.is_audit))
"""
# GROUPING has a bit for each column that a row is not grouped by.
_NONE, _BATCH, _CATEGORY, _SEVERITY, _VERSION, _AUDIT = 31, 15, 23, 27, 29, 30


def summary(project: Project) -> Summary:
    """Every count in one pass over the project's places."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARY, [project.pk])
        rows = cursor.fetchall()
    label = str(SlotPurpose.LABEL)
    by_kind: dict[int, list[tuple[Any, Counts]]] = defaultdict(list)
    purposes = {}
    for kind, purpose, batch, category, severity, version, is_audit, *counts in rows:
        here = Counts(*counts)
        if kind == _NONE:
            purposes[purpose] = here
        elif purpose == label:
            key = {_BATCH: batch, _CATEGORY: category, _SEVERITY: severity, _VERSION: version,
                   _AUDIT: is_audit}[kind]  # fmt: skip
            by_kind[kind].append((key, here))
    names = dict(Batch.objects.filter(project=project).values_list("pk", "name"))
    return Summary(
        counts=purposes.get(label, Counts()),
        by_batch=_groups(by_kind[_BATCH], "batch", lambda pk: names.get(pk, "")),
        by_category=_groups(by_kind[_CATEGORY], "category", lambda name: name or "none"),
        by_severity=_groups(by_kind[_SEVERITY], "severity",
                            lambda n: "not foreseen" if n is None else str(n)),
        by_version=_groups(by_kind[_VERSION], "version", lambda n: f"v{n}"),
        by_purpose=[Group(word.replace("_", " "), counts)
                    for word, counts in sorted(purposes.items(), key=lambda p: p[0] != label)],
        audit=dict(by_kind[_AUDIT]).get(True, Counts()),
    )  # fmt: skip


def _groups(found: list[tuple[Any, Counts]], name: str, label: Callable[[Any], str]) -> list[Group]:
    """In a fixed order, what is not known last."""
    rows = sorted(
        found, key=lambda row: (row[0] in (None, ""), row[0] or 0 if row[0] != "" else "")
    )
    return [
        Group(
            label(key), counts, {name: NO_CATEGORY if key == "" else key} if key is not None else {}
        )
        for key, counts in rows
    ]


def count_of(cases: QuerySet[Case]) -> tuple[int, bool]:
    """(how many, whether there are more): counted no further than COUNT_TO."""
    found = cases.order_by()[: COUNT_TO + 1].count()
    return min(found, COUNT_TO), found > COUNT_TO


def in_work(project: Project, *, most: int = 200) -> list[Slot]:
    """Who has which case now, the lease that ends first at the top. Checks are not told."""
    return list(
        Slot.objects.filter(
            rater__in=project.raters.all(), project=project, status=SlotStatus.LEASED,
            purpose=SlotPurpose.LABEL,
        )
        .select_related("case", "rater")
        .order_by("leased_until")[:most]
    )  # fmt: skip


# ---- how long it will take


@dataclass(frozen=True)
class Outlook:
    """The work left: in hours at the raters' own pace, in days at last week's speed."""

    hours: float | None
    days: float | None
    seconds: float | None  # the median a case
    last_week: int  # places filled in seven days


# The last sheets of each rater, so that a fast one does not speak for all.
_PACE = """
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY p.seconds), count(*)
FROM annotations_rater r
CROSS JOIN LATERAL (
    SELECT a.seconds FROM annotations_annotation a
    WHERE a.rater_id = r.id AND a.submitted_at IS NOT NULL AND a.seconds IS NOT NULL
    ORDER BY a.submitted_at DESC LIMIT %s) p
WHERE r.project_id = %s AND r.kind = 'person'
"""


def outlook(project: Project, *, left: int, now: datetime | None = None) -> Outlook:
    """None where nothing can be told yet: no pace under five sheets, no days without a week's work."""
    now = now or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(_PACE, [PACE_A_RATER, project.pk])
        seconds, n = cursor.fetchone()
    pace = float(seconds) if n >= PACE_FROM else None
    done = Slot.objects.filter(project=project, purpose=SlotPurpose.LABEL, done_at__isnull=False)
    last_week = done.filter(done_at__gt=now - WEEK).count()
    first = done.order_by("done_at").values_list("done_at", flat=True).first()
    since = min(WEEK, now - first) if first else WEEK
    over = max(since / timedelta(days=1), 1.0)
    return Outlook(
        hours=None if pace is None else left * pace / 3600,
        days=left * over / last_week if last_week else None,
        seconds=pace,
        last_week=last_week,
    )


_HISTORY = """
SELECT date_trunc(%s, done_at AT TIME ZONE 'UTC') AS at, count(*)
FROM annotations_slot
WHERE project_id = %s AND purpose = 'label' AND status = 'done'
GROUP BY at ORDER BY at
"""


def history(project: Project) -> list[tuple[str, int]]:
    """(day, places filled by its end), by hours where all was done within two days; gaps filled in."""
    filled = _filled(project, "day")
    if not filled:
        return []
    if max(filled) - min(filled) < SHORT:
        return _summed(_filled(project, "hour"), timedelta(hours=1), "%d %b %H:00")
    return _summed(filled, timedelta(days=1), "%d %b")[-DAYS_SHOWN:]


def _filled(project: Project, unit: str) -> dict[datetime, int]:
    with connection.cursor() as cursor:
        cursor.execute(_HISTORY, [unit, project.pk])
        return dict(cursor.fetchall())


def _summed(filled: dict[datetime, int], step: timedelta, form: str) -> list[tuple[str, int]]:
    found, total, at = [], 0, min(filled)
    while at <= max(filled):
        total += filled.get(at, 0)
        found.append((at.strftime(form), total))
        at += step
    return found


# ---- what the posterior rule knows

TOLD = 3  # raters named


@dataclass(frozen=True)
class LearntRow:
    """One criterion: what was learnt, and whose answer to an open case would tell most."""

    name: str
    key: str
    n_audit: int
    tau: float
    claimed: float | None
    right: Estimate
    ai_counts: bool
    ai_reason: str
    tell_most: str


def learnt(project: Project) -> list[LearntRow]:
    """By the order of the rubric; empty where the project does not stop by posterior."""
    version = project.rubric.released
    if overlap.rule_of(project) != overlap.POSTERIOR or version is None:
        return []
    rows = {row.criterion_id: row for row in RoutingModel.objects.filter(project=project)}
    questions = [q for q in questions_of(version.pk) if q.criterion_id in rows]
    knows = routing.knowledge(project, questions)
    names = dict(project.raters.filter(kind=RaterKind.PERSON).values_list("pk", "name"))
    return [_learnt(rows[q.criterion_id], q, knows, names) for q in questions]


def _learnt(
    row: RoutingModel,
    question: CriterionVersion,
    knows: routing.Knowledge,
    names: Mapping[int, str],
) -> LearntRow:
    key = question.criterion.key
    model = knows.models.get(key)
    listed = (
        who_tells_most(model, model.pi, [pk for pk in model.theta if pk in names]) if model else []
    )
    return LearntRow(
        name=question.name, key=key, n_audit=row.n_audit, tau=row.tau, claimed=row.claimed,
        right=proportion(row.n_right, row.n_claimed), ai_counts=row.ai is not None,
        ai_reason=row.ai_reason,
        tell_most=", ".join(f"{names[pk]} ({bits:.2f} bits)" for pk, bits in listed[:TOLD]
                            if isinstance(pk, int)) or "nobody is known yet",
    )  # fmt: skip


def purse_words(project: Project) -> str:
    """What is left of the budget; empty where there is none to keep to."""
    if overlap.rule_of(project) != overlap.POSTERIOR or project.budget is None:
        return ""
    purse = budget.purse_of(project, routing.knowledge(project, ()))
    unit = "labels" if project.budget_unit == BudgetUnit.LABELS else "rater-minutes"
    left = max(0.0, purse.left or 0.0)
    state = "spent" if purse.is_spent else "short" if purse.is_short else "enough"
    return f"{left:,.0f} of {project.budget:,} {unit} left ({state}); {purse.waiting:,} cases wait"


# ---- asking for a change: one door for the page and the API

ACTS = ("hold", "release", "assign", "unassign", "overlap", "reprioritise", "open", "move")


def ask(
    project: Project, *, act: str, selection: Selection, by: User, rater: str = "",
    to: int | None = None, way: str = overlap.SET,
) -> Job:  # fmt: skip
    """The job that does it. `rater` is a pseudonym (assign), `to` the raters a case (overlap)."""
    if act == "assign":
        return steering.assign(
            project, rater=rater_named(project, rater), selection=selection, by=by
        )
    if act == "overlap":
        if to is None:
            raise BadInput("Say how many raters each case is to get.")
        return overlap.change(project, overlap=to, selection=selection, by=by, how=way)
    verbs: dict[str, Callable[..., Job]] = {
        "hold": steering.hold,
        "release": steering.release,
        "unassign": steering.unassign,
        "reprioritise": priorities.reprioritise,
        "open": steering.open_places,
        "move": steering.move_to_released,
    }
    if act not in verbs:
        raise BadInput(f"“{act}” can't be done to the queue: choose one of {', '.join(ACTS)}.")
    return verbs[act](project, selection=selection, by=by)


def rater_named(project: Project, pseudonym: str) -> Rater:
    """The member of that pseudonym, as a rater. Raises `BadInput` for nobody."""
    member = Membership.objects.filter(
        project=project, pseudonym=pseudonym, role__in=LABELLERS
    ).first()
    if member is None:
        raise BadInput("Choose the member to give the cases to: one who may label.")
    return members.rater_for(member)


def who_may_label(project: Project) -> list[str]:
    """Pseudonyms of those to whom cases can be given."""
    found = Membership.objects.filter(project=project, role__in=LABELLERS)
    return sorted(found.values_list("pseudonym", flat=True), key=members.in_order)


def changes(project: Project) -> QuerySet[Job]:
    """The jobs that changed the queue, newest first."""
    return Job.objects.filter(project=project, kind__in=bulk.KINDS).order_by("-pk")


def change_of(project: Project, pk: int) -> Job:
    """One of them; else `NotFound`."""
    job = changes(project).filter(pk=pk).first()
    if job is None:
        raise NotFound("There is no such change in this project's queue.")
    return job
