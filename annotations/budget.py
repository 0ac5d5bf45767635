"""What a project's budget lets its cases have: the job that learns, buys answers and orders the queue.

Sheets of people are paid for, whatever their arm; places that are open already are spoken for. While the
budget is short a case that is not sure enough waits, and the job buys the answers that tell most in a
minute. Once it is spent, what waits is settled as it stands: agreed on, or left to an adjudicator.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db.models import Avg, Count, Exists, F, Max, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from annotations import gold, jobs, overlap, priorities, queue, routing
from annotations.jobs import JobRun
from annotations.measurement.overlap import FEWEST, Decision
from annotations.measurement.routing import Allotment, allot
from annotations.models import Annotation, Case, Project, Rater, Slot
from annotations.statuses import (
    AnnotationStatus,
    BudgetUnit,
    CaseStatus,
    OverlapRule,
    RaterKind,
    SlotPurpose,
    SlotStatus,
    StopRule,
)

ROUTE_EVERY = timedelta(minutes=2)
CHUNK, MOST_WAITING = 1_000, 5_000
MORE_A_CASE = 1.0  # answers beyond the first, expected of a case before any is finished
DEAR = 1e9  # bits a minute that no case has: what comes waits for the job to choose


@dataclass(frozen=True)
class Wish:
    """A case that waits, and what the rule says of it."""

    case: Case
    decision: Decision
    cost: float
    people: int  # who answered the least answered question, blind


@dataclass(frozen=True)
class Purse:
    """What is left of the budget, in its unit; None: there is none, so that everything is bought."""

    left: float | None
    each: float  # what an answer of usual length costs
    waiting: int
    unfinished: int
    more: float  # answers beyond the first that a case is expected to ask for

    @property
    def is_spent(self) -> bool:
        return self.left is not None and self.left < self.each

    @property
    def is_short(self) -> bool:
        """Whether not every answer that will be wished for can be bought."""
        wanted = (self.waiting + self.unfinished * self.more) * self.each
        return self.left is not None and self.left < wanted

    def after(self, bought: Allotment) -> "Purse":
        """What is left once these have their answer."""
        left = None if self.left is None else self.left - bought.spent
        return replace(self, left=left, waiting=self.waiting - len(bought.chosen))

    @property
    def for_those_who_wait(self) -> float:
        """Their share: the rest is kept for the cases that are still being labelled."""
        if self.left is None or not self.is_short:
            return float("inf")
        return self.left * self.waiting / max(self.waiting + self.unfinished * self.more, 1.0)


@jobs.handles("route")
def route(run: JobRun) -> dict[str, Any]:
    """Learn, buy, reorder. Each step is safe to run twice."""
    project = Project.objects.select_related("rubric").get(pk=run.arguments["project"])
    begun = timezone.now()
    run.progress(0, 3, "Learning from the audit slice and the checks")
    learnt = routing.learn_project(project, fence=run.fenced)
    run.progress(1, 3, "Choosing which cases get one more answer")
    bought = buy(project, run)
    run.progress(2, 3, "Ordering the queue")
    ordered = _reorder(project, run)
    with run.fenced():
        Project.objects.filter(pk=project.pk).update(routed_at=begun)
    queue.rewind(project)
    return {"criteria": len(learnt), "ordered": ordered, **bought}


def sweep() -> None:
    """Ask for the job where something was answered since the last one."""
    before = timezone.now() - ROUTE_EVERY
    news = Rater.objects.filter(
        project=OuterRef("pk"), annotations__submitted_at__gt=OuterRef("routed_at")
    )
    due = Project.objects.filter(
        Q(routed_at__isnull=True) | Q(Exists(news), routed_at__lt=before),
        overlap_rule=OverlapRule.ADAPTIVE, stop_rule=StopRule.POSTERIOR,
    )  # fmt: skip
    for project in due:
        jobs.enqueue("route", {"project": project.pk}, project=project)


# ---- buying


def buy(project: Project, run: JobRun) -> Counter[str]:
    """Give the waiting cases what the budget has for them, and set the price of what comes."""
    waiting = list(waiting_in(project)[:MOST_WAITING])
    knows = routing.knowledge(project, overlap.questions_of(waiting) if waiting else ())
    purse = purse_of(project, knows)
    wishes = _wishes(project, waiting, knows)
    wanted = [wish for wish in wishes if wish.decision.add]
    bought = allot(
        [wish.decision.rate or 0.0 for wish in wanted], [wish.cost for wish in wanted],
        purse.for_those_who_wait,
    )  # fmt: skip
    chosen = {wanted[n].case.pk for n in bought.chosen}
    done = Counter[str]()
    for wish in wishes:
        if wish.case.pk in chosen or not wish.decision.add or _is_given_up(wish, purse):
            done[_go_on(wish.case.pk, run, price=0.0 if wish.case.pk in chosen else None)] += 1
    price = _price(purse.after(bought), bought.price, len(wanted))
    with run.fenced():
        Project.objects.filter(pk=project.pk).update(price=price)
    return done


def _is_given_up(wish: Wish, purse: Purse) -> bool:
    """Nothing is left for it. Whom nobody could agree with goes on waiting, whatever is left."""
    return purse.is_spent and wish.people >= FEWEST


def _price(purse: Purse, marginal: float, wanted: int) -> float | None:
    if purse.is_spent:
        return None
    if not purse.is_short:
        return 0.0
    return min(marginal, DEAR) if wanted else DEAR


def _go_on(pk: int, run: JobRun, *, price: float | None) -> str:
    """Decide the case anew, in its lock: one more place, settled, or for an adjudicator."""
    with run.fenced():
        case = Case.objects.select_for_update(no_key=True).get(pk=pk)
        case.project.price = price
        if case.status != CaseStatus.LABELLING or _has_place(case):
            return "gone_on"
        if overlap.extend_if_wanted(case):
            return "places_opened"
        gold.settle_new(case.pk, project_id=case.project_id)
    return "stopped"


def _has_place(case: Case) -> bool:
    return case.slots.filter(purpose=SlotPurpose.LABEL).exclude(status=SlotStatus.DONE).exists()


def waiting_in(project: Project) -> QuerySet[Case]:
    """Cases in labelling all of whose places are filled: they wait for the budget."""
    places = Slot.objects.filter(case=OuterRef("pk"), purpose=SlotPurpose.LABEL)
    return Case.objects.filter(
        Exists(places), ~Exists(places.exclude(status=SlotStatus.DONE)), project=project,
        status=CaseStatus.LABELLING, is_audit=False,
    ).order_by("id")  # fmt: skip


def _wishes(project: Project, cases: Sequence[Case], knows: routing.Knowledge) -> list[Wish]:
    situations = routing.situations(cases, knows)
    rows = (
        Annotation.objects.filter(case__in=cases, status=AnnotationStatus.SUBMITTED)
        .exclude(rater__kind=RaterKind.JUDGE)
        .values_list("case")
        .annotate(n=Count("id"), worst=Max("severity"))
    )
    sheets = {case: (n, worst) for case, n, worst in rows}
    found = []
    for case in cases:
        case.project = project
        here, (n, worst) = situations[case.pk], sheets.get(case.pk, (0, None))
        decision = overlap.decide(case, knows, here, worst, n, price=0.0)
        cost = 1.0 if project.budget_unit == BudgetUnit.LABELS else here.seconds / 60
        people = min((len(said) for said in here.said.values()), default=0)
        found.append(Wish(case, decision, cost, people))
    return found


# ---- what is left


def purse_of(project: Project, knows: routing.Knowledge) -> Purse:
    """The budget less what was answered and what is open, and how much may yet be wished for."""
    labels = Slot.objects.filter(project=project, purpose=SlotPurpose.LABEL, is_held=False)
    usual = knows.usual_seconds / 60
    each = 1.0 if project.budget_unit == BudgetUnit.LABELS else usual
    left = None
    if project.budget is not None:
        pending = labels.exclude(status=SlotStatus.DONE).count() * each
        left = project.budget - _spent(project, usual) - pending
    cases = Case.objects.filter(project=project, is_audit=False)
    open_place = Slot.objects.filter(case=OuterRef("pk"), purpose=SlotPurpose.LABEL).exclude(
        status=SlotStatus.DONE
    )
    over = cases.filter(status__in=[CaseStatus.SETTLED, CaseStatus.ADJUDICATION])
    more = over.aggregate(mean=Avg(F("overlap") - project.overlap))["mean"]
    return Purse(
        left=left, each=each, waiting=waiting_in(project).count(),
        unfinished=cases.filter(Exists(open_place), status=CaseStatus.LABELLING).count(),
        more=MORE_A_CASE if more is None else max(0.0, float(more)),
    )  # fmt: skip


def _spent(project: Project, usual_minutes: float) -> float:
    """Labels, or minutes: the usual time for sheets whose own is not known."""
    sheets = Annotation.objects.filter(project=project, status=AnnotationStatus.SUBMITTED).exclude(
        rater__kind=RaterKind.JUDGE
    )
    told = sheets.aggregate(n=Count("id"), timed=Count("seconds"), seconds=Sum("seconds"))
    if project.budget_unit == BudgetUnit.LABELS:
        return float(told["n"])
    return (told["seconds"] or 0.0) / 60 + (told["n"] - told["timed"]) * usual_minutes


# ---- the order


def _reorder(project: Project, run: JobRun) -> int:
    """Write the weights of the cases that people have begun to answer."""
    places = Slot.objects.filter(case=OuterRef("pk"), purpose=SlotPurpose.LABEL)
    begun = Case.objects.filter(
        Exists(places.filter(status=SlotStatus.OPEN)), Exists(places.filter(status=SlotStatus.DONE)),
        project=project, status=CaseStatus.LABELLING,
    ).order_by("pk")  # fmt: skip
    after, ordered = 0, 0
    while ids := list(begun.filter(pk__gt=after).values_list("pk", flat=True)[:CHUNK]):
        with run.fenced():
            ordered += priorities.reprioritise_chunk(project, ids, {})["places"]
        after = ids[-1]
    return ordered
