"""Adjudicating in the browser: what waits, raters side by side, a decision with its cause."""

from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from annotations import adjudication, gold, policies
from annotations.adjudication import OpenQuestion, SideBySide
from annotations.answers import Answer
from annotations.errors import BadInput, Conflict, NotAllowed, NotFound
from annotations.models import Case, CriterionVersion, Membership
from annotations.permissions import ADJUDICATORS
from annotations.views import sheets
from annotations.views.cases import CAUSE_NAMES, CAUSES, answer_of, case_of, decisions_on
from annotations.views.doors import member_page, show
from annotations.views.sheets import is_htmx

ACTIVE = "Adjudicate"
PAGE = 50


@dataclass(frozen=True)
class Form:
    """What is in the decision form: nothing yet, or what was sent and could not be taken."""

    word: str = ""
    cause: str = ""
    note: str = ""


def count_waiting(membership: Membership) -> int:
    """The number beside the entry of the side bar."""
    return adjudication.waiting(membership.project).count()


@member_page(ADJUDICATORS)
@require_safe
@never_cache
def waiting(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The disagreements that wait, and what was decided so far, by cause."""
    project = membership.project
    pages = Paginator(adjudication.waiting(project), PAGE)
    page = pages.get_page(request.GET.get("page"))
    cases = list(page.object_list)
    questions = adjudication.open_questions(cases)
    mine = set(adjudication.waiting_for(membership).values_list("pk", flat=True))
    causes = adjudication.causes_decided(project)
    part = "#table" if is_htmx(request) else ""
    return show(
        request, membership, f"annotations/adjudicate.html{part}", active=ACTIVE, page=page,
        rows=[(case, case.pk in mine, [_counts(q) for q in questions[case.pk]]) for case in cases],
        next=adjudication.waiting_for(membership).first(), decided=sum(causes.values()),
        causes=[(CAUSE_NAMES[cause], n) for cause, n in causes.items()],
    )  # fmt: skip


def _counts(found: OpenQuestion) -> dict[str, Any]:
    counts = sorted(found.counts.items(), key=lambda item: (-item[1], item[0]))
    return {
        "open": found,
        "counts": [(sheets.label_of(found.question, Answer.parse(word)), n) for word, n in counts],
    }


@member_page(ADJUDICATORS)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def case(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """One case: raters side by side, then the decision; a POST decides and goes on to the next."""
    found = case_of(membership, pk)
    question = _question(found, request.POST.get("criterion") or request.GET.get("criterion"))
    if request.method != "POST":
        return _case(request, membership, found, question)
    form = Form(
        word=sheets.clean(request.POST.get("answer", "")),
        cause=sheets.clean(request.POST.get("cause", "")),
        note=sheets.clean(request.POST.get("note", "")).strip()[: sheets.COMMENT_MAX],
    )
    try:
        adjudication.decide(
            found, question=question, by=membership, answer=Answer.parse(form.word),
            cause=form.cause, note=form.note, seen=_number(request.POST.get("seen", "")),
        )  # fmt: skip
    except BadInput as error:
        return _case(request, membership, found, question, form, error=error, status=422)
    except Conflict as error:
        found.refresh_from_db()
        return _case(request, membership, found, question, form, error=error, status=409)
    onward = _next(membership, found)
    if onward is None:
        onward = reverse("adjudicate", args=[membership.project.slug])
        # The list is another page: a fragment of it would not fit where the case was.
        return HttpResponseClientRedirect(onward) if is_htmx(request) else redirect(onward)
    return redirect(onward)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _question(found: Case, key: str | None) -> CriterionVersion:
    """The criterion named, else the first open one, else the first that was answered."""
    answered = gold.questions_of(found)
    if key:
        answered = [question for question in answered if question.criterion.key == key]
    else:
        answered = gold.open_criteria(found) or answered
    if not answered:
        raise NotFound("Nobody has answered this criterion on this case, so there is nothing here.")
    return answered[0]


def _next(membership: Membership, found: Case) -> str | None:
    """Another open criterion of the case, else the next case that waits for this member."""
    if gold.open_criteria(found):
        return reverse("adjudicate_case", args=[membership.project.slug, found.pk])
    cases = adjudication.waiting_for(membership)
    after = cases.filter(pk__gt=found.pk).first() or cases.first()
    return reverse("adjudicate_case", args=[membership.project.slug, after.pk]) if after else None


def _case(
    request: HttpRequest, membership: Membership, found: Case, question: CriterionVersion,
    form: Form | None = None, *, error: BadInput | Conflict | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    columns = adjudication.side_by_side(found, question=question, by=membership)
    form = form or Form()
    open_criteria = gold.open_criteria(found)
    history = decisions_on(found)
    latest = next((row["decision"].pk for row in history
                   if row["decision"].criterion_id == question.criterion_id), 0)  # fmt: skip
    part = "#work" if is_htmx(request) else ""
    response = show(
        request, membership, f"annotations/adjudicate_case.html{part}", active=ACTIVE,
        status=status, case=found, question=question, form=form, error=error, seen=latest,
        options=sheets.options_of(question, form.word), history=history,
        causes=[
            (cause, name, what, f"shift+{number}", cause == form.cause)
            for number, (cause, (name, what)) in enumerate(CAUSES.items(), start=1)
        ],
        people=[_column(column, question) for column in columns if not column.is_judge],
        judges=[_column(column, question) for column in columns if column.is_judge],
        gold=_current(found, question), open_criteria=open_criteria,
        is_open=question in open_criteria, others=gold.questions_of(found),
        refused=_refusal(membership, found), left=adjudication.waiting_for(membership).count(),
        masked=request.COOKIES.get("mask") == "1",
    )  # fmt: skip
    response["HX-Replace-Url"] = request.get_full_path()
    return response


def _column(column: SideBySide, question: CriterionVersion) -> dict[str, Any]:
    first = sheets.label_of(question, column.first)
    final = sheets.label_of(question, column.final)
    return {
        "rater": column,
        "first": first,
        "final": final,
        "changed": column.first != column.final,
        "confidence": dict(sheets.CONFIDENCES).get(column.confidence or 0, ""),
    }


def _current(found: Case, question: CriterionVersion) -> dict[str, Any] | None:
    row = (
        found.gold.filter(criterion=question.criterion, superseded_at__isnull=True)
        .select_related("criterion_version")
        .first()
    )
    return {"gold": row, "answer": answer_of(row)} if row else None


def _refusal(membership: Membership, found: Case) -> str:
    """Why this member may not decide the case, or nothing."""
    try:
        policies.check_can_adjudicate(membership, found)
    except (NotAllowed, Conflict) as error:
        return str(error)
    return ""
