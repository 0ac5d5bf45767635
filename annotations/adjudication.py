"""Adjudication: the queue of disagreements, the own answer first, then raters side by side, a decision.

An adjudicator answers before anything of others is shown. A decision has a cause; from severity 3 on
it takes two (see `standing`), and one in ten is answered again, blind, by somebody who is not told.
"""

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from annotations import audit, gold, policies, standing, worth
from annotations.answers import Answer, check_answer
from annotations.details import SEVERITIES, Details, Span
from annotations.errors import BadInput, Conflict, NotAllowed
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.models import (
    Adjudication,
    Annotation,
    Case,
    CriterionVersion,
    Gold,
    Membership,
    Opinion,
    Project,
    Rater,
    Verdict,
)
from annotations.permissions import ADJUDICATORS
from annotations.standing import NOTHING, Stand, Standing
from annotations.statuses import (
    EXPOSED_ARMS,
    AnnotationStatus,
    CaseStatus,
    Cause,
    OpinionKind,
    RaterKind,
    Role,
    VerdictStatus,
)
from annotations.visibility import can_see_side_by_side


@dataclass(frozen=True)
class SideBySide:
    """One rater's column: who (a pseudonym), what first, what finally, how sure, how long, why."""

    name: str
    is_judge: bool
    is_simulated: bool
    first: Answer
    final: Answer
    score: float | None
    confidence: int | None
    seconds: float | None
    comment: str
    had_ai_help: bool = False
    details: Details = field(default_factory=Details)

    @property
    def spans(self) -> list[Span]:
        """The passages that this rater marked for the question on screen."""
        return self.details.spans


@dataclass(frozen=True)
class OwnAnswer:
    """What this adjudicator said of a question before anything of others was shown."""

    answer: Answer
    severity: int | None
    is_recheck: bool


@dataclass(frozen=True)
class OpenQuestion:
    """One undecided question of one case, as far as a member may see it.

    Counts (how many people finally gave each answer) are None until the member has answered.
    """

    question: CriterionVersion
    counts: dict[str, int] | None
    people: int
    simulated: int
    is_mine: bool  # this member's answer or decision is what it waits for
    is_disputed: bool
    stands: Standing = NOTHING


def waiting(project: Project) -> QuerySet[Case]:
    """The cases with an open disagreement, in the order in which they are shown."""
    return worth.ranked(Case.objects.filter(project=project, status=CaseStatus.ADJUDICATION))


def listed(by: Membership) -> QuerySet[Case]:
    """What is on this member's list: the open cases and, not told apart, those to be rechecked.

    What a decision is worth most on comes first (see `worth`).
    """
    rechecks = standing.rechecks_for(by).values("case")
    return worth.ranked(
        Case.objects.filter(
            Q(status=CaseStatus.ADJUDICATION) | Q(pk__in=rechecks), project=by.project
        )
    )


def waiting_for(by: Membership) -> QuerySet[Case]:
    """Those of the listed cases that this member may answer and decide now.

    Not those that the member rated while there is somebody who did not, nor those that wait for
    another's second decision, nor any of a harm category that the member opted out of.
    """
    here = Annotation.objects.filter(status=AnnotationStatus.SUBMITTED)
    own = here.filter(case=OuterRef("pk"), rater__user=by.user)
    others = here.filter(case=OuterRef(OuterRef("pk")), rater__user=OuterRef("user"))
    free = Membership.objects.filter(
        ~Exists(others), project=by.project, role__in=ADJUDICATORS
    ).exclude(pk=by.pk)
    begun = waiting(by.project).filter(adjudications__isnull=False).distinct()
    rows = open_questions(list(begun), by=by)
    stuck = [pk for pk, found in rows.items() if not any(one.is_mine for one in found)]
    is_owner = Role(by.role) == Role.OWNER
    theirs = [
        pk for pk, found in rows.items() if is_owner and any(one.is_disputed for one in found)
    ]
    blocked = Q(Exists(own)) & Q(Exists(free)) & ~Q(pk__in=theirs)
    return listed(by).exclude(blocked).exclude(pk__in=stuck).exclude(_unwanted(by))


def _unwanted(by: Membership) -> Q:
    """Cases of the categories that the member, as a rater, opted out of."""
    raters = Rater.objects.filter(project=by.project_id, user=by.user_id)
    chosen = raters.values_list("opt_outs", flat=True).first() or []
    return Q(strata__has_key="category", strata__category__in=chosen)


def history(case: Case) -> QuerySet[Adjudication]:
    """Every decision on the case, the latest first."""
    return case.adjudications.select_related("adjudicator", "criterion").order_by("-id")


def history_for(case: Case, by: Membership) -> list[Adjudication]:
    """The decisions that this member may read: not those that the member may come to second."""
    if standing.owes_an_opinion(by, case):
        return []
    rows = list(history(case).select_related("criterion_version", "case__project"))
    if by.role not in ADJUDICATORS:
        return rows
    stands = standing.of_cases([case])
    return [
        row for row in rows
        if not stands[row.case_id, row.criterion_id].is_secret_to(by.user_id)
    ]  # fmt: skip


def causes_decided(project: Project) -> dict[Cause, int]:
    """How many decisions each cause has in this project, the commonest first."""
    rows = (
        Adjudication.objects.filter(case__project=project)
        .values_list("cause")
        .annotate(n=Count("id"))
        .order_by("-n", "cause")
    )
    return {Cause(cause): n for cause, n in rows}


def recheck_agreement(project: Project) -> Estimate:
    """How often a blind recheck gave the answer that had been decided, with its interval."""
    rechecks = list(
        Opinion.objects.filter(case__project=project, kind=OpinionKind.RECHECK).order_by("id")
    )
    decided = defaultdict(list)
    for row in Gold.objects.filter(
        case__in={one.case_id for one in rechecks}, adjudication__isnull=False
    ).order_by("settled_at", "id"):
        decided[row.case_id, row.criterion_id].append(row)
    same = n = 0
    for one in rechecks:
        before = [row for row in decided[one.case_id, one.criterion_id]
                  if row.settled_at <= one.created_at]  # fmt: skip
        if before:
            n += 1
            same += (before[-1].status, before[-1].value) == (one.status, one.value)
    return proportion(same, n)


def open_questions(cases: Sequence[Case], *, by: Membership) -> dict[int, list[OpenQuestion]]:
    """case id -> what is undecided on it, or to be rechecked by this member, in their order."""
    ids = [case.pk for case in cases]
    rechecks = set(
        standing.rechecks_for(by).filter(case__in=ids).values_list("case_id", "criterion_id")
    )
    given = _open_verdicts(ids, rechecks)
    answered = set(
        Opinion.objects.filter(case__in=ids, by=by.user).values_list("case_id", "criterion_id")
    )
    stands = standing.of_cases(cases)
    found: dict[int, list[OpenQuestion]] = defaultdict(list)
    for key, rows in given.items():
        own = any(row.annotation.rater.user_id == by.user_id for row in rows)
        where = stands.get(key, NOTHING)
        hidden = key in rechecks or not (own or key in answered)
        raters = {row.annotation.rater for row in rows}
        found[key[0]].append(
            OpenQuestion(
                question=rows[-1].criterion_version,
                counts=None if hidden else gold.final_counts(rows),
                people=len(raters),
                simulated=sum(rater.is_simulated for rater in raters),
                is_mine=key in rechecks or policies.is_next_decider(by, where),
                is_disputed=where.stand == Stand.DISPUTED,
                stands=NOTHING if hidden or where.is_secret_to(by.user_id) else where,
            )
        )
    return found


def _open_verdicts(
    case_ids: Sequence[int], rechecks: set[tuple[int, int]]
) -> Mapping[tuple[int, int], list[Verdict]]:
    """(case id, criterion id) -> people's blind verdicts on what has no gold, or is rechecked."""
    here = standing.blind_verdicts_of_people().filter(case__in=case_ids)
    is_open = Q(pk__in=standing.open_verdicts().filter(case__in=case_ids).values("pk"))
    again = Q(case__in=[case for case, _ in rechecks])
    given: dict[tuple[int, int], list[Verdict]] = defaultdict(list)
    rows = (
        here.filter(is_open | again)
        .select_related("annotation__rater", "criterion_version__criterion")
        .order_by("criterion_version__position", "criterion_version__version__number", "id")
    )
    opened = set(here.filter(is_open).values_list("case_id", "criterion_id")) if rechecks else None
    for row in rows:
        key = (row.case_id, row.criterion_id)
        if opened is None or key in opened or key in rechecks:
            given[key].append(row)
    return given


# ---- the own answer first


def own_answer(case: Case, *, question: CriterionVersion, by: Membership) -> OwnAnswer | None:
    """What this member said of the question before it was opened: as adjudicator, or as a rater."""
    opinion = (
        Opinion.objects.filter(case=case, criterion=question.criterion_id, by=by.user)
        .order_by("id")
        .first()
    )
    if opinion is not None:
        return OwnAnswer(
            Answer(VerdictStatus(opinion.status), opinion.value), opinion.severity,
            opinion.kind == OpinionKind.RECHECK,
        )  # fmt: skip
    verdict = (
        standing.blind_verdicts_of_people()
        .filter(case=case, criterion=question.criterion_id, annotation__rater__user=by.user)
        .filter(annotation__status=AnnotationStatus.SUBMITTED)
        .select_related("annotation")
        .order_by("revision", "id")
        .first()
    )
    if verdict is None:
        return None
    answer = Answer(VerdictStatus(verdict.status), verdict.value)
    return OwnAnswer(answer, verdict.annotation.severity, is_recheck=False)


@transaction.atomic
def answer_blind(
    case: Case, *, question: CriterionVersion, by: Membership, answer: Answer,
    severity: int | None,
) -> Opinion:  # fmt: skip
    """The adjudicator's own answer, before the raters' are shown. Twice is once; it stays as it is."""
    locked = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    policies.check_can_adjudicate(by, locked)
    _check_question(locked, question)
    check_answer(answer, question=question)
    _check_severity(severity)
    before = Opinion.objects.filter(case=locked, criterion=question.criterion_id, by=by.user)
    if (opinion := before.first()) is not None:
        given = (opinion.status, opinion.value, opinion.severity)
        if given == (answer.status, answer.value, severity):
            return opinion
        raise Conflict("You have answered this already, and a first answer stays. Now decide.")
    is_recheck = standing.rechecks_for(by).filter(
        case=locked, criterion=question.criterion_id
    ).exists()  # fmt: skip
    kind = OpinionKind.RECHECK if is_recheck else OpinionKind.BLIND
    audit.record(
        "answered blind", f"{locked}/{question.criterion}", project=locked.project, by=by.user,
        kind=str(kind),
    )  # fmt: skip
    return Opinion.objects.create(
        case=locked, criterion=question.criterion, criterion_version=question, by=by.user,
        kind=kind, status=answer.status, value=answer.value, severity=severity,
    )  # fmt: skip


def _check_question(case: Case, question: CriterionVersion) -> None:
    if question.criterion_id not in {q.criterion_id for q in gold.questions_of(case)}:
        raise BadInput(f"Nobody has answered “{question.name}” on this case: nothing to decide.")


def _check_severity(severity: int | None) -> None:
    if severity not in SEVERITIES:
        raise BadInput("Choose a severity from 0 (none) to 4 (major).")


# ---- raters side by side


def side_by_side(case: Case, *, question: CriterionVersion, by: Membership) -> list[SideBySide]:
    """People in an order that is random but fixed for this case; judges come last.

    Raises `NotAllowed` unless `visibility` lets this member see them, and the member has answered.
    """
    if not can_see_side_by_side(by, case):
        raise NotAllowed("Raters are shown side by side to adjudicators, after the labelling.")
    if own_answer(case, question=question, by=by) is None:
        raise NotAllowed("Answer for yourself first: then the raters' answers are shown.")
    sheets: dict[int, list[Verdict]] = {}
    for verdict in Verdict.objects.filter(
        case=case, criterion=question.criterion
    ).select_related("annotation__rater").order_by("revision", "id"):  # fmt: skip
        sheets.setdefault(verdict.annotation_id, []).append(verdict)
    columns = [_column(verdicts, question) for verdicts in sheets.values()]
    random.Random(case.pk).shuffle(columns)  # noqa: S311 (an order on a screen, no secret)
    return sorted(columns, key=lambda column: column.is_judge)


def _column(verdicts: list[Verdict], question: CriterionVersion) -> SideBySide:
    sheet: Annotation = verdicts[0].annotation
    first, final = verdicts[0], verdicts[-1]
    details = Details.of(sheet)
    spans = [span for span in details.spans if span.criterion == question.criterion.key]
    return SideBySide(
        name=str(sheet.rater),
        is_judge=sheet.rater.kind == RaterKind.JUDGE,
        is_simulated=sheet.rater.is_simulated,
        first=Answer(VerdictStatus(first.status), first.value),
        final=Answer(VerdictStatus(final.status), final.value),
        score=final.score,
        confidence=sheet.confidence,
        seconds=sheet.seconds,
        comment=sheet.comment,
        had_ai_help=sheet.arm in EXPOSED_ARMS,
        details=replace(details, spans=spans),
    )


# ---- deciding


@transaction.atomic
def decide(
    case: Case, *, question: CriterionVersion, by: Membership, answer: Answer, cause: str,
    note: str = "", severity: int | None = None, seen: int | None = None,
) -> Adjudication:  # fmt: skip
    """Decide one question of one case. The cause is required; verdicts stay as they were given.

    At severity 3 or more (the decision's, a rater's or an adjudicator's) it becomes gold when a
    second adjudicator has decided the same. `severity` is that of the own answer if not said.
    `seen` is the latest decision that the adjudicator had on screen (0: none, None: not checked).
    The same decision twice is once; raises `Conflict` when somebody decided otherwise meanwhile.
    """
    locked = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    policies.check_can_adjudicate(by, locked)
    _check_question(locked, question)
    _check_decision(question, answer, cause)
    own = own_answer(locked, question=question, by=by)
    if own is None:
        raise Conflict("Answer for yourself first: a decision comes after the own, blind answer.")
    severity = own.severity if severity is None else severity
    if severity is not None:
        _check_severity(severity)
    stands = standing.of(locked, question.criterion_id)
    if (there := _made_meanwhile(stands, by, seen, answer, cause)) is not None:
        return there
    policies.check_is_next_decider(by, stands)
    decision = Adjudication.objects.create(
        case=locked, criterion=question.criterion, criterion_version=question,
        status=answer.status, value=answer.value, cause=cause, note=note, severity=severity,
        adjudicator=by.user,
        wants_recheck=policies.wants_recheck(
            locked, criterion_id=question.criterion_id, number=len(stands.decisions)
        ),
    )  # fmt: skip
    gold.settle_by_decision(decision)
    stood = standing.of(locked, question.criterion_id)
    audit.record(
        "adjudicated", f"{locked}/{question.criterion}", project=locked.project, by=by.user,
        answer=answer.word, cause=cause, stands=str(stood.stand), is_alone=stood.is_alone,
    )  # fmt: skip
    return decision


def _check_decision(question: CriterionVersion, answer: Answer, cause: str) -> None:
    if question.is_descriptive:
        raise BadInput(
            f"“{question.name}” is descriptive: several readings are right, and nobody decides it."
        )
    check_answer(answer, question=question)
    if cause not in {c.value for c in Cause} - {Cause.NOT_RECORDED.value}:
        raise BadInput("Choose the cause of the disagreement: it is what the rubric learns from.")


def _made_meanwhile(
    stands: Standing, by: Membership, seen: int | None, answer: Answer, cause: str
) -> Adjudication | None:
    """This same decision, sent before; `Conflict` for another's that was not on screen."""
    latest = stands.latest
    if latest is None or seen is None or latest.pk == seen or stands.is_secret_to(by.user_id):
        return None
    words = Answer(VerdictStatus(latest.status), latest.value)
    if (latest.adjudicator_id, words, latest.cause) == (by.user_id, answer, cause):
        return latest  # a double click, a resent request
    raise Conflict(
        "This was decided while you looked at it. Nothing was overwritten: read the decision "
        "below, and decide again only if you disagree."
    )
