"""How many raters a case gets: one more where the rule asks for it, or as a lead changes it.

The overlap of a case is its cap, which the database holds: it is raised before a place is added. No
place with work in it is ever taken away.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Exists, Max, OuterRef

from annotations import audit, bulk, gold, priorities, queue, routing
from annotations.answers import Answer
from annotations.errors import BadInput
from annotations.measurement.overlap import FEWEST, Decision, Labelled, Rule, by_lead
from annotations.models import Annotation, Case, CriterionVersion, Job, Project, Slot, Verdict
from annotations.selection import Selection
from annotations.statuses import (
    BLIND_ARMS,
    AnnotationStatus,
    BudgetUnit,
    CaseStatus,
    OverlapRule,
    RaterKind,
    SlotPurpose,
    SlotStatus,
    StopRule,
    VerdictStatus,
)

MOST = 20  # as the database has it
MOST_BUDGET = 100_000_000
RULE: Rule = by_lead  # of projects that adapt by votes
FIXED, ADAPTIVE, POSTERIOR = "fixed", "adaptive", "posterior"  # what a lead chooses from
RULES = {
    FIXED: (OverlapRule.FIXED, StopRule.LEAD),
    ADAPTIVE: (OverlapRule.ADAPTIVE, StopRule.LEAD),
    POSTERIOR: (OverlapRule.ADAPTIVE, StopRule.POSTERIOR),
}


# ---- one more


def extend_if_wanted(case: Case) -> bool:
    """Open one more place if the case needs another rater; True: it is not to be settled yet.

    Called inside the submit's transaction with the case locked, when its last place is filled.
    """
    sheets = _sheets(case)
    decision = _too_few_blind(case, sheets)
    if not decision.add and case.project.overlap_rule == OverlapRule.ADAPTIVE:
        if case.project.stop_rule == StopRule.POSTERIOR and not case.is_audit:
            return _by_posterior(case, sheets)
        decision = _by_rule(case, sheets)
    if not decision.add:
        return False
    return _add_place(case, reason=decision.reason)


@dataclass(frozen=True)
class _Sheet:
    """What counts here of one person's submitted sheet."""

    is_blind: bool
    is_extra: bool  # on a place that was added for want of blind answers
    severity: int | None


def _sheets(case: Case) -> list[_Sheet]:
    rows = (
        Annotation.objects.filter(case=case, status=AnnotationStatus.SUBMITTED)
        .exclude(rater__kind=RaterKind.JUDGE)
        .values_list("arm", "slot__blind_only", "severity")
    )
    return [_Sheet(arm in BLIND_ARMS, bool(extra), severity) for arm, extra, severity in rows]


def _too_few_blind(case: Case, sheets: list[_Sheet]) -> Decision:
    """A sheet with AI help settles nothing: as many blind ones are wanted as were planned, up to two."""
    planned = sum(not sheet.is_extra for sheet in sheets)
    wanted = queue.AUDIT_RATERS if case.is_audit else min(planned, gold.MIN_RATERS)
    blind = sum(sheet.is_blind for sheet in sheets)
    short = blind < wanted and blind < len(sheets)
    return Decision(short, f"{blind} of {wanted} answers are blind")


def _by_rule(case: Case, sheets: list[_Sheet]) -> Decision:
    if case.is_audit:
        return Decision(False, "the audit slice has the same raters whatever they say")
    return RULE(
        Labelled(
            answers=_blind_answers(case), raters=len(sheets),
            most=min(case.project.max_overlap, MOST), severity=_severity(sheets),
        )
    )  # fmt: skip


def _by_posterior(case: Case, sheets: list[_Sheet]) -> bool:
    """Ask on, settle what is sure, or let the case wait for the budget; True as in `extend_if_wanted`."""
    knows = routing.knowledge(case.project, questions_of([case]))
    situation = routing.situations([case], knows)[case.pk]
    price = case.project.price
    decision = decide(case, knows, situation, _severity(sheets), len(sheets), price=price)
    if decision.add:
        told = knows.relative(decision.rate)
        return _add_place(case, reason=decision.reason, told=told)
    people = min((len(rows) for rows in situation.said.values()), default=0)
    if decision.waits and (price is not None or people < FEWEST):
        audit.record("left waiting", case, project=case.project, reason=decision.reason)
        return True
    if decision.sure:
        settled = gold.settle_by_posterior(case, decision.sure, with_ai=situation.ai)
        audit.record("stopped by posterior", case, project=case.project, reason=decision.reason,
                     settled=settled)  # fmt: skip
    elif decision.waits:
        audit.record("stopped for the budget", case, project=case.project,
                     reason=f"the budget is spent; {decision.reason}")  # fmt: skip
    return False


def decide(
    case: Case, knows: routing.Knowledge, situation: routing.Situation, severity: int | None,
    raters: int, *, price: float | None,
) -> Decision:  # fmt: skip
    """What the posterior rule says of the case. `price` None: the budget is spent."""
    rule = knows.rule(situation, price=inf if price is None else price)
    most = min(case.project.max_overlap, MOST)
    return rule(situation.labelled(raters=raters, most=most, severity=severity))


def questions_of(cases: Sequence[Case]) -> list[CriterionVersion]:
    """The questions that people answered blind on these cases, each in its latest wording."""
    answered = Verdict.objects.filter(case__in=cases, annotation__arm__in=BLIND_ARMS).exclude(
        annotation__rater__kind=RaterKind.JUDGE
    )
    return list(
        CriterionVersion.objects.filter(pk__in=answered.values("criterion_version"))
        .select_related("criterion")
        .order_by("criterion_id", "-version__number")
        .distinct("criterion_id")
    )


def _severity(sheets: list[_Sheet]) -> int | None:
    return max((s.severity for s in sheets if s.severity is not None), default=None)


def _blind_answers(case: Case) -> dict[str, list[str]]:
    """Question -> the first answers of people in the blind arms."""
    rows = (
        Verdict.objects.filter(case=case, revision=1, annotation__arm__in=BLIND_ARMS)
        .exclude(annotation__rater__kind=RaterKind.JUDGE)
        .values_list("criterion__key", "status", "value")
    )
    answers: dict[str, list[str]] = defaultdict(list)
    for key, status, value in rows:
        answers[key].append(Answer(VerdictStatus(status), value).word)
    return dict(answers)


def _add_place(case: Case, *, reason: str, told: float | None = None) -> bool:
    """One more place like the case's others, blind whatever the hash says; False where none fits.

    `told`: how much its answer is expected to tell, beside an open case; its priority follows.
    """
    places = Slot.objects.filter(case=case, purpose=SlotPurpose.LABEL)
    like = places.order_by("number").last()
    highest = places.aggregate(highest=Max("number"))["highest"] or 0
    if like is None or max(case.overlap, highest) >= MOST:
        return False
    number = max(case.overlap, highest) + 1
    Case.objects.filter(pk=case.pk).update(overlap=number)
    case.overlap = number
    Slot.objects.create(
        project_id=case.project_id, case=case, rubric_version_id=like.rubric_version_id,
        number=number, category=like.category, severity=like.severity,
        priority=like.priority if told is None else priorities.after_answers(told, like.severity),
        is_held=like.is_held, blind_only=True,
    )  # fmt: skip
    audit.record("raised overlap", case, project=case.project, overlap=number, reason=reason)
    # Not here: a claim of another rater holds that rater's row.
    transaction.on_commit(lambda: queue.rewind(case.project_id))
    return True


# ---- as a lead wants it

SET, RAISE, LOWER = "set", "raise", "lower"


def change(
    project: Project, *, overlap: int, selection: Selection, by: User | None, how: str = SET
) -> Job:
    """Ask for so many raters on each of the cases; `raise` and `lower` move in one direction only.

    Decided cases stay as they are, and so does what is done, in work, or given by hand.
    """
    if how not in (SET, RAISE, LOWER):
        raise BadInput(f"“{how}” is no way to change the overlap: set, raise or lower it.")
    if not 1 <= overlap <= MOST:
        raise BadInput(f"A case can have 1 to {MOST} raters, not {overlap}.")
    return bulk.ask("change_overlap", project, selection=selection, by=by, overlap=overlap, way=how)


@transaction.atomic
def set_rule(
    project: Project, *, rule: str, overlap: int, most: int, audit_share: float, by: User,
    budget: int | None = None, budget_unit: str = BudgetUnit.LABELS,
) -> Project:  # fmt: skip
    """How many raters cases get from now on: fixed, or one more while the rule asks for it.

    Places that are open already stay; the audit slice of cases that have places is drawn for good.
    `budget`: labels or rater-minutes of the whole project that the posterior rule keeps to.
    """
    if rule not in RULES:
        raise BadInput(f"“{rule}” is no rule: choose fixed, adaptive or posterior.")
    if budget is not None and not 0 <= budget <= MOST_BUDGET:
        raise BadInput(f"A budget is from 0 to {MOST_BUDGET:,}, or none.")
    if budget_unit not in list(BudgetUnit):
        raise BadInput(f"“{budget_unit}” is no unit of a budget: choose labels or minutes.")
    if not 1 <= overlap <= most <= MOST:
        raise BadInput(
            f"Choose 1 to {MOST} raters a case, and no fewer at most than to begin with."
        )
    if not 0 <= audit_share <= 1:
        raise BadInput("The audit slice is a share between 0 and 100 %.")
    locked = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    locked.overlap_rule, locked.stop_rule = RULES[rule]
    locked.overlap, locked.max_overlap, locked.audit_share = overlap, most, audit_share
    if (locked.budget, locked.budget_unit) != (budget, budget_unit):
        # What it buys is worked out anew; until then nothing is refused.
        locked.budget, locked.budget_unit, locked.price, locked.routed_at = (
            budget,
            budget_unit,
            0.0,
            None,
        )
    locked.save(update_fields=["overlap_rule", "stop_rule", "overlap", "max_overlap", "audit_share",
                               "budget", "budget_unit", "price", "routed_at"])  # fmt: skip
    audit.record("set overlap rule", project, project=project, by=by, rule=rule, overlap=overlap,
                 most=most, audit_share=audit_share, budget=budget, budget_unit=str(budget_unit))  # fmt: skip
    return locked


def rule_of(project: Project) -> str:
    """Which of RULES the project has."""
    now = (project.overlap_rule, project.stop_rule)
    return next((name for name, rule in RULES.items() if rule == now), FIXED)


# What each case of a chunk is to have: never less than the work in it, or than an audit needs.
_WANTED = """
SELECT c.id, c.overlap, GREATEST(
    CASE %(way)s WHEN 'raise' THEN GREATEST(c.overlap, %(overlap)s)
                 WHEN 'lower' THEN LEAST(c.overlap, %(overlap)s) ELSE %(overlap)s END,
    CASE WHEN c.is_audit THEN %(audit)s ELSE 1 END,
    (SELECT count(*) FROM annotations_slot s WHERE s.case_id = c.id AND s.purpose = 'label'
     AND (s.status <> 'open' OR s.assigned_to_id IS NOT NULL)) + l.loose) AS wanted, l.loose
FROM annotations_case c
CROSS JOIN LATERAL (
    SELECT count(*) AS loose FROM annotations_annotation a
    JOIN annotations_rater r ON r.id = a.rater_id
    WHERE a.case_id = c.id AND a.slot_id IS NULL AND a.submitted_at IS NOT NULL
      AND r.kind <> 'judge') l
WHERE c.id = ANY(%(ids)s) AND c.status = ANY(%(statuses)s)
ORDER BY c.id
FOR NO KEY UPDATE OF c
"""
_W = "unnest(%(ids)s::bigint[], %(wanted)s::int[], %(loose)s::int[]) AS w (id, wanted, loose)"
# The last open places over what is wanted. One that is being claimed just now is passed over.
_DROP = f"""
DELETE FROM annotations_slot WHERE id IN (
    SELECT s.id FROM annotations_slot s WHERE s.id IN (
        SELECT r.id FROM (
            SELECT o.id, row_number() OVER (PARTITION BY o.case_id ORDER BY o.number DESC) AS rank,
                   (SELECT count(*) FROM annotations_slot a
                    WHERE a.case_id = o.case_id AND a.purpose = 'label') + w.loose - w.wanted AS over
            FROM {_W} JOIN annotations_slot o ON o.case_id = w.id
            WHERE o.purpose = 'label' AND o.status = 'open' AND o.assigned_to_id IS NULL) r
        WHERE r.rank <= r.over)
      AND s.status = 'open' AND s.assigned_to_id IS NULL
    FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 (no value is put in here)
# Places with work whose number is now over the overlap move into the gaps below it.
_RENUMBER = f"""
WITH high AS (
    SELECT s.id, s.case_id, row_number() OVER (PARTITION BY s.case_id ORDER BY s.number) AS rank
    FROM {_W} JOIN annotations_slot s ON s.case_id = w.id
    WHERE s.purpose = 'label' AND s.number > w.wanted),
gap AS (
    SELECT w.id AS case_id, n.number,
           row_number() OVER (PARTITION BY w.id ORDER BY n.number) AS rank
    FROM {_W} JOIN annotations_case c ON c.id = w.id
    CROSS JOIN LATERAL generate_series(1, LEAST(w.wanted, c.overlap)) AS n (number)
    WHERE w.id IN (SELECT case_id FROM high) AND NOT EXISTS (
        SELECT 1 FROM annotations_slot s
        WHERE s.case_id = w.id AND s.purpose = 'label' AND s.number = n.number)),
free AS (SELECT id FROM annotations_slot WHERE id IN (SELECT id FROM high) FOR UPDATE SKIP LOCKED)
UPDATE annotations_slot SET number = gap.number
FROM high JOIN gap ON gap.case_id = high.case_id AND gap.rank = high.rank
WHERE annotations_slot.id = high.id AND high.id IN (SELECT id FROM free)
"""  # noqa: S608
_SET = f"""
UPDATE annotations_case c SET overlap = GREATEST(w.wanted, h.have + w.loose, h.highest)
FROM {_W} CROSS JOIN LATERAL (
    SELECT count(*) AS have, COALESCE(max(s.number), 0) AS highest FROM annotations_slot s
    WHERE s.case_id = w.id AND s.purpose = 'label') h
WHERE c.id = w.id AND c.overlap <> GREATEST(w.wanted, h.have + w.loose, h.highest)
"""  # noqa: S608
# New places are like the case's first one; a case that has none yet is opened by others.
_ADD = f"""
INSERT INTO annotations_slot (project_id, case_id, rubric_version_id, number, status, purpose,
    priority, category, severity, is_held, blind_only, arm)
SELECT t.project_id, t.case_id, t.rubric_version_id, f.number, 'open', 'label',
    t.priority, t.category, t.severity, t.is_held, false, ''
FROM {_W}
JOIN LATERAL (SELECT * FROM annotations_slot s WHERE s.case_id = w.id AND s.purpose = 'label'
              ORDER BY s.number LIMIT 1) t ON true
CROSS JOIN LATERAL (SELECT count(*) AS have FROM annotations_slot s
                    WHERE s.case_id = w.id AND s.purpose = 'label') h
CROSS JOIN LATERAL (
    SELECT n.number FROM generate_series(1, w.wanted) AS n (number)
    WHERE NOT EXISTS (SELECT 1 FROM annotations_slot s WHERE s.case_id = w.id
                      AND s.purpose = 'label' AND s.number = n.number)
    ORDER BY n.number DESC LIMIT GREATEST(w.wanted - w.loose - h.have, 0)) f
ORDER BY t.case_id, f.number
"""  # noqa: S608


@bulk.changes("change_overlap", "changed overlap")
def change_chunk(project: Project, ids: list[int], how: dict[str, Any]) -> Counter[str]:
    """Give these cases their places, set-based; the caller's transaction holds the job's fence."""
    wanted = {
        "ids": ids, "statuses": [str(CaseStatus.NEW), str(CaseStatus.LABELLING)],
        "way": how["way"], "overlap": how["overlap"], "audit": queue.AUDIT_RATERS,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_WANTED, wanted)
        rows = cursor.fetchall()
        given = {name: [row[n] for row in rows]
                 for n, name in ((0, "ids"), (2, "wanted"), (3, "loose"))}  # fmt: skip
        counted = {}
        for name, statement in (("places_closed", _DROP), ("renumbered", _RENUMBER),
                                ("cases", _SET), ("places_opened", _ADD)):  # fmt: skip
            cursor.execute(statement, given)
            counted[name] = cursor.rowcount
    del counted["renumbered"]
    lowered = [pk for pk, old, new, _ in rows if new < old]
    counted["settled"] = _settle(lowered)
    return Counter(counted)


def _settle(ids: list[int]) -> int:
    """Settle those that waited only for places that are closed now."""
    waiting = Slot.objects.filter(purpose=SlotPurpose.LABEL, case=OuterRef("pk")).exclude(
        status=SlotStatus.DONE
    )
    full = Case.objects.filter(~Exists(waiting), pk__in=ids, status=CaseStatus.LABELLING)
    return gold.settle(full).settled
