"""What a rater may choose for the own good, what a lead may set, and what a lead may know of it.

Leads learn of groups only: five people or more, and weeks that are over, so that nobody can be told by
watching a figure move. What a rater opts out of stands in no audit trail.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import fmean
from typing import TypedDict

from django.db import transaction
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from annotations import audit, queue
from annotations.errors import BadInput, NotAllowed
from annotations.measurement.results import Estimate, undefined
from annotations.models import Case, CheckIn, Membership, Project, Rater, Sitting, Slot
from annotations.permissions import LEADS, has_role
from annotations.statuses import RaterKind, SlotPurpose, SlotStatus

FEWEST = 5  # a group smaller than this is told to nobody
WEEKS = 12
CATEGORY_MAX = 80
STRAIN = "mean of 1 (at ease) to 5 (worn out)"


class Rules(TypedDict):
    """What leads set: minutes, minutes, minutes, cases; 0 is none."""

    exposure_minutes: int
    break_every: int
    break_minutes: int
    severe_run: int


# (least, most) of each.
LIMITS: dict[str, tuple[int, int]] = {
    "exposure_minutes": (0, 1440),
    "break_every": (0, 480),
    "break_minutes": (1, 120),
    "severe_run": (0, 100),
}


@dataclass(frozen=True)
class Week:
    """How a week's check-ins were; undefined where too few people gave one."""

    monday: date
    strain: Estimate


# ---- the rater's own


def categories(project: Project) -> list[str]:
    """The harm categories of the project's cases, in order."""
    found = (
        Case.objects.filter(project=project, strata__has_key="category")
        .annotate(word=KeyTextTransform("category", "strata"))
        .values_list("word", flat=True)
        .distinct()
    )
    return sorted({word[:CATEGORY_MAX] for word in found if word})


@transaction.atomic
def set_opt_outs(rater: Rater, wanted: Iterable[str]) -> Rater:
    """From now on the rater is given no case of these categories. No reason is asked, none is kept.

    Cases of theirs that the rater holds go back to the queue; drafts stay.
    """
    locked = Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
    known = {*categories(locked.project), *locked.opt_outs}
    chosen = sorted(set(wanted))
    if not known.issuperset(chosen):
        raise BadInput("Choose among the categories of this project; reload the page to see them.")
    Rater.objects.filter(pk=locked.pk).update(
        opt_outs=chosen, queue_rank=None, queue_slot=None
    )  # a category that is taken up again may lie behind the cursor
    left = Slot.objects.filter(category__in=chosen, purpose=SlotPurpose.LABEL)
    for slot in left.filter(rater=locked, status=SlotStatus.LEASED):
        queue.give_back(slot, rater=locked)
    # A check was made for this rater alone: nobody else waits for it.
    own = Slot.objects.filter(assigned_to=locked, category__in=chosen)
    own.exclude(purpose=SlotPurpose.LABEL).exclude(status=SlotStatus.DONE).delete()
    given = left.filter(assigned_to=locked).exclude(status=SlotStatus.DONE)
    if given.update(assigned_to=None):
        queue.rewind(locked.project_id)
    locked.refresh_from_db()
    return locked


# ---- what leads set


@transaction.atomic
def set_rules(by: Membership, **rules: int) -> Project:
    """Caps and breaks for everybody who labels or adjudicates, leads among them."""
    if not has_role(by, LEADS):
        raise NotAllowed("Caps and breaks are set by leads and owners of the project.")
    for name, (least, most) in LIMITS.items():
        if not least <= rules[name] <= most:
            raise BadInput(f"{name.replace('_', ' ').capitalize()}: from {least} to {most}.")
    project = Project.objects.select_for_update(no_key=True).get(pk=by.project_id)
    changed = {name: rules[name] for name in LIMITS if getattr(project, name) != rules[name]}
    if changed:
        Project.objects.filter(pk=project.pk).update(**changed)
        audit.record("set caps and breaks", project, project=project, by=by.user, **changed)
        project.refresh_from_db()
    return project


# ---- what leads may know


def opted_out(project: Project) -> list[str]:
    """The categories that five raters or more are not given; of smaller groups nothing is told."""
    counts = Counter(
        category
        for chosen in Rater.objects.filter(project=project, kind=RaterKind.PERSON).values_list(
            "opt_outs", flat=True
        )
        for category in chosen
    )
    return sorted(category for category, n in counts.items() if n >= FEWEST)


def strain_by_week(project: Project, *, now: datetime | None = None) -> list[Week]:
    """The last weeks that are over and had a check-in, the newest first."""
    this_week = _monday((now or timezone.now()).date())
    given: dict[date, list[int]] = {}
    rows = CheckIn.objects.filter(
        project=project, week__lt=this_week, week__gte=this_week - timedelta(weeks=WEEKS)
    )
    for week, strain in rows.values_list("week", "strain"):
        given.setdefault(week, []).append(strain)
    return [
        Week(week, _strain(given[week], people=_people(project, week)))
        for week in sorted(given, reverse=True)
    ]


def _strain(given: list[int], *, people: int) -> Estimate:
    """The mean of a week; n is not told either where there were too few."""
    if people < FEWEST or len(given) < FEWEST:
        return undefined(f"fewer than {FEWEST} people checked in", n=0, method=STRAIN)
    everybody = "all who checked in"
    return Estimate(fmean(given), None, None, len(given), method=STRAIN, reason=everybody)


def _people(project: Project, week: date) -> int:
    """How many raters checked in that week: their sittings say that they did, not what."""
    start = datetime.combine(week, time(), tzinfo=timezone.get_default_timezone())
    return (
        Sitting.objects.filter(
            rater__project=project, checked_in=True, last_at__gte=start,
            last_at__lt=start + timedelta(weeks=1),
        )
        .values("rater")
        .distinct()
        .count()
    )  # fmt: skip


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
