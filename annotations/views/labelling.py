"""Labelling in the browser: one case at a time, blind first, nothing typed is lost."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from annotations import labelling, members, queue
from annotations.answers import Answer, parse_sheet
from annotations.errors import BadInput, Conflict, NotFound
from annotations.middleware import status_of
from annotations.models import Annotation, CriterionVersion, Membership, Rater, Slot
from annotations.permissions import LABELLERS
from annotations.statuses import VerdictStatus
from annotations.views import sheets
from annotations.views.doors import member_page, show
from annotations.views.sheets import Sent

ACTIVE = "Label"
SKIP_REASONS = (
    "I know the people or the source",
    "I can't read this language or subject well enough",
    "I would rather not read this",
    "The case is broken or cut off",
    "Another reason",
)


@member_page(LABELLERS)
@require_safe
@never_cache
def label(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Claim the next case, or go on with the one in work, and show it blind."""
    rater = members.rater_for(membership)
    slot = queue.claim(rater)
    if slot is None:
        response = _work(request, membership, "label", rater, slot=None)
    else:
        kept = labelling.draft_of(slot, rater=rater)
        sent = sheets.sent_of(kept.draft if kept else {})
        response = _sheet(request, membership, rater, slot, sent, kept=kept)
    response["HX-Replace-Url"] = reverse("label", args=[membership.project.slug])
    return response


@member_page(LABELLERS)
@require_POST
@never_cache
def submit(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Take the answer; then the AI's answer in the arm reveal, or the next case."""
    rater, slot = _own(membership, pk)
    sent = sheets.read(request.POST, _questions(slot))
    try:
        sheet = _submit(slot, rater, sent)
    except BadInput as error:
        return _sheet(request, membership, rater, slot, sent, error=error, status=422)
    except Conflict as error:
        return _conflict(request, membership, rater, slot, sent, error)
    _say_if_not_taken(request, sheet, sent)
    if labelling.has_reveal(sheet, rater=rater):
        return redirect("label_reveal", membership.project.slug, sheet.pk)
    return redirect("label", membership.project.slug)


def _submit(slot: Slot, rater: Rater, sent: Sent) -> Annotation:
    """The verb; an answer with gaps is kept as a draft before it is sent back."""
    try:
        sheets.check_comment(sent)
        return labelling.submit(
            slot, rater=rater, answers=parse_sheet(sent.words), comment=sent.comment,
            confidence=sent.confidence,
        )  # fmt: skip
    except BadInput:
        _keep(slot, rater, sent)
        raise


def _keep(slot: Slot, rater: Rater, sent: Sent) -> Annotation:
    return labelling.save_draft(
        slot, rater=rater, words=sent.words, comment=sent.comment, confidence=sent.confidence
    )


def _say_if_not_taken(request: HttpRequest, sheet: Annotation, sent: Sent) -> None:
    """Another answer to a case that was submitted before changes nothing: say so."""
    first = sheet.verdicts.filter(revision=1).select_related("criterion")
    given = {v.criterion.key: Answer(VerdictStatus(v.status), v.value).word for v in first}
    if given != sent.words:
        messages.warning(
            request,
            "You had submitted this case before; your first answer stands and was not changed.",
        )


@member_page(LABELLERS)
@require_POST
def draft(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Autosave: keep what is on the page."""
    rater, slot = _own(membership, pk)
    sent = sheets.read(request.POST, _questions(slot))
    try:
        sheets.check_comment(sent)
        sheet = _keep(slot, rater, sent)
    except (Conflict, BadInput) as error:
        return JsonResponse({"said": str(error)}, status=status_of(error))
    return JsonResponse({"saved_at": sheet.saved_at.isoformat(), "lease": _lease(slot, rater)})


@member_page(LABELLERS)
@require_POST
def heartbeat(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """The page is still open and in use: renew the lease, or say that it is lost."""
    rater, slot = _own(membership, pk)
    queue.heartbeat(slot, rater=rater)
    return JsonResponse({"lease": _lease(slot, rater)})


@member_page(LABELLERS)
@require_POST
def skip(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Pass the case on, with a reason; it never counts against the rater."""
    rater, slot = _own(membership, pk)
    reason, more = (sheets.clean(request.POST.get(name, "")) for name in ("reason", "more"))
    try:
        queue.skip(slot, rater=rater, reason=": ".join(part for part in (reason, more) if part))
    except Conflict as error:
        messages.warning(request, str(error))
    except BadInput as error:
        kept = labelling.draft_of(slot, rater=rater)
        sent = sheets.sent_of(kept.draft if kept else {})
        return _sheet(request, membership, rater, slot, sent, error=error, kept=kept, status=422)
    return redirect("label", membership.project.slug)


@member_page(LABELLERS)
@never_cache
def reveal(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """The AI's answer beside the own, locked one: keep it, or change it as a second answer."""
    rater = members.rater_for(membership)
    sheet = _own_sheet(membership, rater, pk)
    error = None
    if request.method == "POST":
        sent = sheets.read(request.POST, _questions_of(sheet))
        try:
            if request.POST.get("act") != "keep":
                labelling.revise(sheet, rater=rater, answers=parse_sheet(sent.words))
            return redirect("label", membership.project.slug)
        except BadInput as refusal:
            error = refusal
    response = _reveal(request, membership, rater, sheet, error)
    response["HX-Replace-Url"] = request.path
    return response


def _reveal(
    request: HttpRequest, membership: Membership, rater: Rater, sheet: Annotation,
    error: BadInput | None,
) -> HttpResponse:  # fmt: skip
    shown = {prelabel.criterion: prelabel for prelabel in labelling.reveal(sheet, rater=rater)}
    questions = _questions_of(sheet)
    final = {
        verdict.criterion_id: Answer(VerdictStatus(verdict.status), verdict.value)
        for verdict in sheet.verdicts.order_by("revision")
    }
    rows = []
    for question in questions:
        own, prelabel = final[question.criterion_id], shown.get(question.criterion.key)
        rows.append({
            "question": question,
            "own": sheets.label_of(question, own),
            "prelabel": prelabel,
            "ai": sheets.label_of(question, prelabel.answer) if prelabel else "",
            "differs": prelabel is not None and prelabel.answer != own,
        })  # fmt: skip
    words = {question.criterion.key: final[question.criterion_id].word for question in questions}
    return _work(
        request, membership, "label_reveal", rater, sheet=sheet, case=sheet.case, rows=rows,
        masked=request.COOKIES.get("mask") == "1",
        questions=sheets.on_screen(questions, words), error=error, status=422 if error else 200,
    )  # fmt: skip


# ---- what the pages share


def _own(membership: Membership, pk: int) -> tuple[Rater, Slot]:
    """The member's rater and the slot of the address, in the member's project."""
    slot = (
        Slot.objects.select_related("case", "project", "rubric_version")
        .filter(pk=pk, project=membership.project)
        .first()
    )
    if slot is None:
        raise NotFound("There is no such place in this project's queue.")
    return members.rater_for(membership), slot


def _own_sheet(membership: Membership, rater: Rater, pk: int) -> Annotation:
    sheet = (
        Annotation.objects.select_related("case", "project", "rubric_version")
        .filter(pk=pk, project=membership.project, rater=rater)
        .first()
    )
    if sheet is None:
        raise NotFound("There is no such sheet of yours in this project.")
    return sheet


def _questions(slot: Slot) -> list[CriterionVersion]:
    return list(slot.rubric_version.criteria.select_related("criterion"))


def _questions_of(sheet: Annotation) -> list[CriterionVersion]:
    return list(sheet.rubric_version.criteria.select_related("criterion"))


def _lease(slot: Slot, rater: Rater) -> int | None:
    """Seconds left of the rater's lease; None when the slot is not the rater's."""
    left = queue.lease_left(slot, rater=rater)
    return None if left is None else max(0, int(left.total_seconds()))


def _sheet(
    request: HttpRequest, membership: Membership, rater: Rater, slot: Slot, sent: Sent, *,
    error: BadInput | None = None, kept: Annotation | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    """The case on the left, its questions on the right."""
    versions = _questions(slot)
    keys = {version.criterion.key for version in versions}
    gaps = dict.fromkeys(keys - set(sent.words), "No answer yet.") if error else {}
    return _work(
        request, membership, "label", rater, status=status, slot=slot, case=slot.case, sent=sent,
        questions=sheets.on_screen(versions, sent.words, gaps), kept=kept, error=error,
        masked=request.COOKIES.get("mask") == "1", lease=_lease(slot, rater),
        rubric=slot.rubric_version, clauses=versions, confidences=sheets.CONFIDENCES,
        skip_reasons=SKIP_REASONS, comment_max=sheets.COMMENT_MAX,
    )  # fmt: skip


def _conflict(
    request: HttpRequest, membership: Membership, rater: Rater, slot: Slot, sent: Sent,
    error: Conflict,
) -> HttpResponse:  # fmt: skip
    """What was kept, why it could not be taken, and the way on."""
    kept = [
        (version.name, sheets.label_of(version, Answer.parse(sent.words[version.criterion.key])))
        for version in _questions(slot)
        if version.criterion.key in sent.words
    ]
    return _work(
        request, membership, "label_conflict", rater, status=409, error=error, kept=kept,
        comment=sent.comment,
    )  # fmt: skip


def _work(
    request: HttpRequest, membership: Membership, template: str, rater: Rater, **context: Any
) -> HttpResponse:
    """One of the labelling pages, or its part #work, with the rater's progress."""
    done, waiting = queue.work_left(rater)
    pace = queue.seconds_a_case(rater)
    part = "#work" if sheets.is_htmx(request) else ""
    return show(
        request, membership, f"annotations/{template}.html{part}", active=ACTIVE, done=done,
        waiting=waiting, total=done + waiting, pace=pace,
        minutes=max(1, round(waiting * pace / 60)) if pace is not None else None, **context,
    )  # fmt: skip
