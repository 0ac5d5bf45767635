"""The page of one case: its text, and of its labels what this member may see."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotations import adjudication, case_panels, labelling, standing, talk, visibility
from annotations.answers import Answer
from annotations.errors import BadInput, NotFound
from annotations.models import Annotation, Case, Gold, Membership, Verdict
from annotations.origins import origins_of
from annotations.permissions import LABELLERS
from annotations.statuses import Cause, VerdictStatus
from annotations.views import sheets, talking
from annotations.views.doors import member_page, show

# In the order of the adjudicator's list; what each means, in plain words.
CAUSES = {
    Cause.SLIP: ("Slip", "A rater pressed the wrong key or overlooked something."),
    Cause.GUIDELINE_GAP: ("Guideline gap", "The rubric does not say what to do here."),
    Cause.MISSING_CONTEXT: ("Missing context", "It depends on something that is not shown."),
    Cause.AMBIGUOUS_CASE: ("Ambiguous case", "The text itself can be read in two ways."),
    Cause.VALUE_DIFFERENCE: ("Value difference", "Raters read it alike and weigh it differently."),
    Cause.AI_ARTEFACT: ("AI artefact", "The response is odd as only a machine's would be."),
}
CAUSE_NAMES = {cause: name for cause, (name, _) in CAUSES.items()} | {
    Cause.NOT_RECORDED: "Cause not recorded"
}


@member_page()
@require_safe
def case(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Text for every member; origin, verdicts and gold as `visibility` allows."""
    found = case_of(membership, pk)
    visible = visibility.sheets_visible_to(membership, found)
    sees_gold = visibility.can_see_gold(membership, found)
    sees_origin = visibility.can_see_origin(membership, found)
    sheets_shown = [_sheet_row(sheet) for sheet in in_order(visible)]
    if sees_gold or len(sheets_shown) > 1:
        labelling.close_undo(found, user=membership.user)
    return show(
        request, membership, "annotations/case.html", active="Cases", case=found,
        sees_origin=sees_origin, origins=origins_of(found) if sees_origin else [],
        sees_gold=sees_gold, status_shown=visibility.status_shown(found, membership),
        sheets=sheets_shown,
        golds=_golds(found) if sees_gold else [],
        decisions=decisions_on(found, membership) if sees_gold else [],
        can_adjudicate=visibility.can_see_side_by_side(membership, found),
        still_secret=visibility.still_owes_an_answer(found, membership),
        owes_opinion=standing.owes_an_opinion(membership, found),
        talk=talking.talk_on(found, membership),
        panels=case_panels.panels_on(found, membership),
        masked=request.COOKIES.get("mask") == "1",
    )  # fmt: skip


@member_page(LABELLERS)
@require_POST
@never_cache
def say(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """A post in the talk on the case, or a vote after it."""
    found = case_of(membership, pk)
    talk.check_can_talk(membership, found)
    error = ""
    try:
        talking.take(request, membership, found)
    except BadInput as problem:
        error = str(problem)
    if sheets.is_htmx(request):
        return show(
            request, membership, "annotations/talk.html", active="Cases", case=found,
            talk=talking.talk_on(found, membership), talk_error=error,
            body=request.POST.get("body", "") if error else "", status=422 if error else 200,
        )  # fmt: skip
    if error:
        messages.error(request, error)
    return redirect(reverse("case", args=[membership.project.slug, found.pk]) + "#talk")


def case_of(membership: Membership, pk: int) -> Case:
    """The case of the address, in the member's project; else `NotFound`."""
    found = Case.objects.filter(pk=pk, project=membership.project).first()
    if found is None:
        raise NotFound("There is no such case in this project.")
    return found


def in_order(visible: Any) -> list[Annotation]:
    """People first, judges last; each group by name."""
    rows = visible.select_related("rater", "rubric_version").prefetch_related(
        "verdicts__criterion_version__criterion"
    )
    return sorted(rows, key=lambda sheet: (sheet.rater.is_judge, sheet.rater.name, sheet.pk))


def decisions_on(found: Case, membership: Membership) -> list[dict[str, Any]]:
    """Every decision on the case that the member may read, the latest first, in words."""
    rows = adjudication.history_for(found, membership)
    names = {member.user_id: member.pseudonym for member in found.project.memberships.all()}
    return [
        {
            "decision": row,
            "answer": answer_of(row),
            "cause": CAUSE_NAMES[Cause(row.cause)],
            "by": names.get(row.adjudicator_id, "a former member") if row.adjudicator_id
            else row.source,
        }
        for row in rows
    ]  # fmt: skip


def answer_of(row: Any) -> str:
    """The words of a verdict, a decision or a gold answer."""
    return sheets.label_of(row.criterion_version, Answer(VerdictStatus(row.status), row.value))


def _golds(found: Case) -> list[dict[str, Any]]:
    rows = Gold.objects.filter(case=found, superseded_at__isnull=True).select_related(
        "criterion_version__criterion", "adjudication"
    )
    return [
        {
            "gold": row,
            "answer": answer_of(row),
            "counts": [
                (sheets.label_of(row.criterion_version, Answer.parse(word)), n)
                for word, n in sorted(row.dissent.items(), key=lambda item: -item[1])
            ],
        }
        for row in sorted(rows, key=lambda row: row.criterion_version.position)
    ]


def _sheet_row(sheet: Annotation) -> dict[str, Any]:
    """One rater's answers: the final one of each criterion, and the first where it differs."""
    by_criterion: dict[int, list[Verdict]] = {}
    for verdict in sorted(sheet.verdicts.all(), key=lambda v: v.revision):
        by_criterion.setdefault(verdict.criterion_id, []).append(verdict)
    answers = [
        {
            "name": given[-1].criterion_version.name,
            "verdict": given[-1],
            "answer": answer_of(given[-1]),
            "first": answer_of(given[0]) if len(given) > 1 else "",
        }
        for given in sorted(
            by_criterion.values(), key=lambda given: given[-1].criterion_version.position
        )
    ]
    return {"sheet": sheet, "answers": answers}
