"""Adjudicating in the browser: what waits, the own answer first, raters side by side, a decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from annotations import (
    adjudication,
    case_panels,
    gold,
    labelling,
    marks,
    policies,
    precedents,
    standing,
    worth,
)
from annotations.adjudication import OpenQuestion, OwnAnswer, SideBySide
from annotations.answers import Answer
from annotations.errors import BadInput, Conflict, NotAllowed, NotFound
from annotations.models import Case, CriterionVersion, Membership
from annotations.permissions import ADJUDICATORS
from annotations.standing import Stand, Standing
from annotations.statuses import MarkKind
from annotations.views import resting, sheets, talking
from annotations.views.cases import CAUSE_NAMES, CAUSES, answer_of, case_of, decisions_on
from annotations.views.doors import member_page, show
from annotations.views.sheets import is_htmx

ACTIVE = "Adjudicate"
PAGE = 50
TONES = 6
MARKS = {
    MarkKind.PROPOSAL: ("Proposal", "The rubric should say something about this."),
    MarkKind.EXEMPLAR: ("Exemplar", "Shows raters what the clause means."),
    MarkKind.TRAINING: ("Training item", "New raters should practise on it."),
    MarkKind.SEED: ("Generator seed", "The next round should look near it."),
}
PARTS = {"context": "Context", "response": "Response"}


@dataclass(frozen=True)
class Form:
    """What is in the form: nothing yet, or what was sent and could not be taken."""

    word: str = ""
    cause: str = ""
    note: str = ""
    severity: int | None = None
    marks: tuple[str, ...] = ()
    is_sent: bool = False


@dataclass(frozen=True)
class Passage:
    """A passage that a rater marked, as it is drawn on the case and quoted beside it."""

    number: int  # of all on the page: what the quotes link to
    by: str
    tone: int  # 1 to 6, the same for all of one rater
    part: str
    start: int
    end: int


def read_form(request: HttpRequest) -> Form:
    data = request.POST
    severity = data.get("severity", "")
    return Form(
        word=sheets.clean(data.get("answer", "")),
        cause=sheets.clean(data.get("cause", "")),
        note=sheets.clean(data.get("note", "")).strip()[: sheets.COMMENT_MAX],
        severity=int(severity) if severity in ("0", "1", "2", "3", "4") else None,
        marks=tuple(data.getlist("mark")),
        is_sent=True,
    )


def count_waiting(membership: Membership) -> int:
    """The number beside the entry of the side bar."""
    return adjudication.listed(membership).count()


@member_page(ADJUDICATORS)
@require_safe
@never_cache
def waiting(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The disagreements that wait, and what was decided so far, by cause."""
    project = membership.project
    pages = Paginator(adjudication.listed(membership), PAGE)
    page = pages.get_page(request.GET.get("page"))
    cases = list(page.object_list)
    questions = adjudication.open_questions(cases, by=membership)
    for_me = adjudication.waiting_for(membership)
    mine = set(for_me.filter(pk__in=[case.pk for case in cases]).values_list("pk", flat=True))
    causes = adjudication.causes_decided(project)
    part = "#table" if is_htmx(request) else ""
    return show(
        request, membership, f"annotations/adjudicate.html{part}", active=ACTIVE, page=page,
        rows=[(case, case.pk in mine, worth.reason(case), [_counts(q) for q in questions[case.pk]])
              for case in cases],
        next=for_me.first(), decided=sum(causes.values()),
        causes=[(CAUSE_NAMES[cause], n) for cause, n in causes.items()],
        rechecks=adjudication.recheck_agreement(project),
    )  # fmt: skip


def _counts(found: OpenQuestion) -> dict[str, Any]:
    counts = sorted((found.counts or {}).items(), key=lambda item: (-item[1], item[0]))
    return {
        "open": found,
        "is_hidden": found.counts is None,
        "counts": [(sheets.label_of(found.question, Answer.parse(word)), n) for word, n in counts],
        "stand": str(found.stands.stand) if found.stands.decisions else "",
    }


@member_page(ADJUDICATORS)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def case(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """One case: the own answer, then raters side by side; a POST decides and goes on to the next."""
    found = case_of(membership, pk)
    question = _question(membership, found, request.POST.get("criterion"), request)
    if request.method != "POST":
        # Whoever has answered is not sent away before the decision.
        has_begun = adjudication.own_answer(found, question=question, by=membership) is not None
        rest = None if has_begun else resting.rest_first(request, membership, active=ACTIVE)
        return rest or _page(request, membership, found, question)
    form = read_form(request)
    try:
        with transaction.atomic():
            adjudication.decide(
                found, question=question, by=membership, answer=Answer.parse(form.word),
                cause=form.cause, note=form.note, severity=form.severity,
                seen=_number(request.POST.get("seen", "")),
            )  # fmt: skip
            for kind in form.marks:
                marks.mark(found, question=question, kind=kind, by=membership, note=form.note)
    except BadInput as error:
        return _page(request, membership, found, question, form, error=error, status=422)
    except Conflict as error:
        found.refresh_from_db()
        return _page(request, membership, found, question, form, error=error, status=409)
    resting.count_case(membership, is_done=True, severity=form.severity)
    return _onward(request, membership, found)


@member_page(ADJUDICATORS)
@require_POST
def blind(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """The own answer to one question; then the raters are shown."""
    found = case_of(membership, pk)
    question = _question(membership, found, request.POST.get("criterion"), request)
    form = read_form(request)
    try:
        adjudication.answer_blind(
            found, question=question, by=membership, answer=Answer.parse(form.word),
            severity=form.severity,
        )  # fmt: skip
    except BadInput as error:
        return _page(request, membership, found, question, form, error=error, status=422)
    except Conflict as error:
        return _page(request, membership, found, question, error=error, status=409)
    resting.count_case(membership, is_done=False)
    here = reverse("adjudicate_case", args=[membership.project.slug, found.pk])
    return redirect(f"{here}?criterion={question.criterion.key}")


@member_page(ADJUDICATORS)
@require_POST
def unmark(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Take a mark off, once it was taken up; back to the rubric, where marks are listed."""
    found = case_of(membership, pk)
    key, kind = request.POST.get("criterion", ""), request.POST.get("kind", "")
    criterion = membership.project.rubric.criteria.filter(key=key).first()
    if criterion is None:
        raise NotFound("There is no such criterion in this project.")
    marks.unmark(found, criterion=criterion, kind=kind, by=membership)
    return redirect(reverse("rubric", args=[membership.project.slug]) + "#marks")


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _question(
    membership: Membership, found: Case, key: str | None, request: HttpRequest
) -> CriterionVersion:
    """The question named, else the first that waits for this member, else the first answered."""
    key = key or request.GET.get("criterion")
    answered = gold.questions_of(found)
    if key:
        answered = [question for question in answered if question.criterion.key == key]
    else:
        answered = _mine(membership, found) or gold.open_criteria(found) or answered
    if not answered:
        raise NotFound("Nobody has answered this criterion on this case, so there is nothing here.")
    return answered[0]


def _mine(membership: Membership, found: Case) -> list[CriterionVersion]:
    """The questions of the case that wait for this member, in their order."""
    rows = adjudication.open_questions([found], by=membership)[found.pk]
    mine = {row.question.criterion_id for row in rows if row.is_mine}
    return [one for one in gold.questions_of(found) if one.criterion_id in mine]


def _onward(request: HttpRequest, membership: Membership, found: Case) -> HttpResponse:
    onward = _next(membership, found)
    if onward is not None:
        return redirect(onward)
    onward = reverse("adjudicate", args=[membership.project.slug])
    # The list is another page: a fragment of it would not fit where the case was.
    return HttpResponseClientRedirect(onward) if is_htmx(request) else redirect(onward)


def _next(membership: Membership, found: Case) -> str | None:
    """Another question of the case, else the next case that waits for this member."""
    cases = adjudication.waiting_for(membership)
    here = cases.filter(pk=found.pk).exists() and _mine(membership, found)
    after = found if here else cases.filter(pk__gt=found.pk).first() or cases.first()
    return reverse("adjudicate_case", args=[membership.project.slug, after.pk]) if after else None


def _page(
    request: HttpRequest, membership: Membership, found: Case, question: CriterionVersion,
    form: Form | None = None, *, error: BadInput | Conflict | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    """The case, and what this member may see of one question: first nothing but the question."""
    own = adjudication.own_answer(found, question=question, by=membership)
    refused = _refusal(membership, found, question)
    is_blind = own is None and not refused
    template = "adjudicate_blind" if is_blind else "adjudicate_case"
    part = "#work" if is_htmx(request) else ""
    form = form or Form(severity=own.severity if own else None)
    context = {
        "case": found, "question": question, "form": form, "error": error, "refused": refused,
        "options": sheets.options_of(question, form.word), "severities": _severities(form.severity),
        "others": gold.questions_of(found), "masked": request.COOKIES.get("mask") == "1",
        "left": adjudication.waiting_for(membership).count(),
    }  # fmt: skip
    if not is_blind:
        context |= _opened(request, membership, found, question, own, form)
    response = show(
        request, membership, f"annotations/{template}.html{part}", active=ACTIVE, status=status,
        **context,
    )  # fmt: skip
    here = reverse("adjudicate_case", args=[membership.project.slug, found.pk])
    # What was sent to another address is read again at the page's own.
    again = f"{here}?criterion={question.criterion.key}"
    response["HX-Replace-Url"] = again if request.method == "POST" else request.get_full_path()
    return response


def _severities(chosen: int | None) -> list[dict[str, Any]]:
    return [
        {"value": value, "word": word, "what": what, "chosen": value == chosen}
        for value, word, what in sheets.SEVERITIES
    ]


def _opened(
    request: HttpRequest, membership: Membership, found: Case, question: CriterionVersion,
    own: OwnAnswer | None, form: Form,
) -> dict[str, Any]:  # fmt: skip
    """What is shown once the member has answered."""
    columns = adjudication.side_by_side(found, question=question, by=membership)
    labelling.close_undo(found, user=membership.user)
    stands = standing.of(found, question.criterion_id)
    open_criteria = gold.open_criteria(found)
    people = [one for one in columns if not one.is_judge]
    passages = _passages(people)
    history = decisions_on(found, membership)
    return {
        "own": {"answer": sheets.label_of(question, own.answer), "given": own} if own else None,
        "people": [_column(one, question, passages) for one in people],
        "judges": [_column(one, question, []) for one in columns if one.is_judge],
        "passages": passages, "gold": _current(found, question), "history": history,
        "seen": _seen(stands, membership), "open_criteria": open_criteria,
        "is_open": question in open_criteria, "again": request.GET.get("again") == "1",
        "stands": stands, "severe": _severe_notice(membership, found, stands),
        "next": _next(membership, found),
        "causes": [
            (cause, name, what, f"shift+{number}", cause == form.cause)
            for number, (cause, (name, what)) in enumerate(CAUSES.items(), start=1)
        ],
        "marks": _marks(found, question, form),
        "precedents": precedents.nearest(found, rubric_version=question.version),
        "talk": talking.talk_on(found, membership),
        "panels": case_panels.panels_on(found, membership),
    }  # fmt: skip


def _seen(stands: Standing, membership: Membership) -> int:
    """The latest decision on screen: 0 where there is none, or it is kept from this member."""
    latest = stands.latest
    return latest.pk if latest and not stands.is_secret_to(membership.user_id) else 0


def _severe_notice(membership: Membership, found: Case, stands: Standing) -> str:
    """What severity 3 asks for on this question, in words; empty where it asks for nothing."""
    if stands.is_alone:
        return (
            "Severity 3 or more asks for two adjudicators. Nobody else in this project may decide "
            "this case, so one decision was enough."
        )
    if stands.stand == Stand.DISPUTED:
        return "Two adjudicators differ here: a third, or an owner, decides."
    if stands.stand == Stand.SECOND:
        return (
            "Severity 3 or more takes two adjudicators. One has decided; that decision is shown "
            "to the other once there are two."
        )
    if stands.decisions or not standing.severe_cases([found.pk]):
        return ""
    others = standing.eligible_by_case([found])[found.pk] - {membership.user_id}
    if not others:
        return (
            "Severity 3 or more asks for two adjudicators. Nobody else in this project may decide "
            "this case, so your decision counts alone, and the record says so."
        )
    return (
        "Somebody gave severity 3 or more, so this takes two adjudicators: it becomes gold when "
        "another, who does not know your decision, decides the same."
    )


def _marks(found: Case, question: CriterionVersion, form: Form) -> list[dict[str, Any]]:
    there = set(found.marks.filter(criterion=question.criterion).values_list("kind", flat=True))
    return [
        {"kind": kind, "name": name, "what": what, "is_there": kind in there,
         "chosen": kind in there or kind in form.marks}
        for kind, (name, what) in MARKS.items()
    ]  # fmt: skip


def _passages(people: Sequence[SideBySide]) -> list[Passage]:
    found: list[Passage] = []
    for place, one in enumerate(people):
        for span in one.spans:
            number, tone = len(found) + 1, place % TONES + 1
            found.append(Passage(number, one.name, tone, span.part, span.start, span.end))
    return found


def _column(
    column: SideBySide, question: CriterionVersion, passages: Sequence[Passage]
) -> dict[str, Any]:
    details = column.details
    numbers = {(p.by, p.part, p.start, p.end): p for p in passages}
    return {
        "rater": column,
        "first": sheets.label_of(question, column.first),
        "final": sheets.label_of(question, column.final),
        "changed": column.first != column.final,
        "confidence": dict(sheets.CONFIDENCES).get(column.confidence or 0, ""),
        "severity": next((w for v, w, _ in sheets.SEVERITIES if v == details.severity), ""),
        "context": next((w for v, w in sheets.CONTEXTS if v == details.context_dependence), ""),
        "effects": [_effect(row) for row in details.effects],
        "quality": [words for word, words in sheets.QUALITIES if word in details.quality],
        "quotes": [
            (numbers.get((column.name, span.part, span.start, span.end)), _part(span.part),
             span.quote[:200] + ("…" if len(span.quote) > 200 else ""))
            for span in column.spans
        ],
    }  # fmt: skip


def _part(part: str) -> str:
    return PARTS.get(part) or f"Turn {int(part.removeprefix('turn-')) + 1}"


def _effect(row: dict[str, str]) -> str:
    """One downstream effect as a line of words."""
    said = [
        dict(words).get(row[name], row[name])
        for name, _, words in sheets.EFFECTS
        if row.get(name)
    ]  # fmt: skip
    return ", ".join(said[:1] + [words.lower() for words in said[1:]])


def _current(found: Case, question: CriterionVersion) -> dict[str, Any] | None:
    row = (
        found.gold.filter(criterion=question.criterion, superseded_at__isnull=True)
        .select_related("criterion_version")
        .first()
    )
    return {"gold": row, "answer": answer_of(row)} if row else None


def _refusal(membership: Membership, found: Case, question: CriterionVersion) -> str:
    """Why this member may not decide the question, or nothing."""
    try:
        policies.check_can_adjudicate(membership, found)
        policies.check_is_next_decider(membership, standing.of(found, question.criterion_id))
    except (NotAllowed, Conflict) as error:
        return str(error)
    return ""
