"""The labelling room: one case at a time and the next one ahead, blind first, nothing typed is lost.

The page is loaded once. After that the browser fetches the next case ahead (`next_case`), sends the
answer (`submit`, answered by an event and no page), and puts the one in the place of the other.
"""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import SimpleLazyObject
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from annotations import desk, labelling, members, precedents, queue, sittings, visibility
from annotations.answers import Answer, parse_sheet
from annotations.details import NO_DETAILS, Details, read_details
from annotations.errors import BadInput, Conflict, NotFound
from annotations.middleware import status_of
from annotations.models import Annotation, Check, Membership, Rater, Slot
from annotations.permissions import LABELLERS
from annotations.rubrics import questions_of
from annotations.statuses import VerdictStatus
from annotations.views import sheets, task
from annotations.views.doors import member_page, show
from annotations.views.sheets import Sent

ACTIVE = "Label"


@member_page(LABELLERS)
@require_safe
@never_cache
def label(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The room, with the case in work or the next one in its place."""
    rater = members.rater_for(membership)
    queue.rewind_rater(rater)
    context = task.context_of(request, rater, _next(request, membership, rater))
    response = _room(request, membership, "label", rater, **context)
    response["HX-Replace-Url"] = reverse("label", args=[membership.project.slug])
    return response


@member_page(LABELLERS)
@require_safe
@never_cache
def next_case(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The case in work as a fragment, or the one ahead of it (`after`); an event where there is none."""
    rater = members.rater_for(membership)
    found = _next(request, membership, rater)
    if found.slot is None and found.due is None:
        return trigger_client_event(HttpResponse(status=204), "nothing", {})
    return task.fragment(request, rater, found)


def _next(request: HttpRequest, membership: Membership, rater: Rater) -> desk.Next:
    return desk.next_case(rater, project=membership.project, after=_number(request, "after"))


def _number(request: HttpRequest, name: str) -> int:
    word = request.GET.get(name, "")
    return int(word) if word.isascii() and word.isdigit() and len(word) < 19 else 0


@member_page(LABELLERS)
@require_POST
@never_cache
def submit(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Take the answer. An event says that it is taken, and what is to be seen before the next case."""
    rater, slot = _own(membership, pk)
    sent = sheets.read(request.POST, questions_of(slot.rubric_version_id))
    try:
        given = _submit(slot, rater, sent)
    except BadInput as error:
        return _again(request, membership, rater, slot, sent, error)
    except Conflict as error:
        return _conflict(request, membership, rater, slot, sent, error)
    said = _if_not_taken(given, sent)
    then = _then(membership, rater, given)
    if not sheets.is_htmx(request):
        if said:
            messages.warning(request, said)
        return redirect(then or reverse("label", args=[membership.project.slug]))
    event = {
        "slot": pk, "sheet": given.pk, "then": then, "said": said,
        # What comes first shows what an undo must not follow.
        "undo": 0 if then else int(labelling.UNDO.total_seconds()),
    }  # fmt: skip
    return trigger_client_event(HttpResponse(status=204), "submitted", event)


def _submit(slot: Slot, rater: Rater, sent: Sent) -> Annotation | Check:
    """The verb; an answer with gaps is kept as a draft before it is sent back."""
    try:
        sheets.check_comment(sent)
        return desk.submit(
            slot, rater=rater, answers=parse_sheet(sent.words), comment=sent.comment,
            confidence=sent.confidence, details=_details(sent),
        )  # fmt: skip
    except BadInput:
        _keep(slot, rater, sent)
        raise


def _details(sent: Sent) -> Details:
    return read_details(sent.details) if sent.details else NO_DETAILS


def _keep(slot: Slot, rater: Rater, sent: Sent) -> None:
    desk.keep(
        slot, rater=rater, words=sent.words, comment=sent.comment, confidence=sent.confidence,
        details=sent.details,
    )  # fmt: skip


def _then(membership: Membership, rater: Rater, given: Annotation | Check) -> str | None:
    """What is to be seen before the next case: the AI's answer after the own one, or a lesson."""
    at = [membership.project.slug, given.pk]
    if desk.has_reveal(given, rater=rater):
        return reverse("label_reveal", args=at)
    if isinstance(given, Check) and visibility.can_see_right_answer(given, rater=rater):
        return reverse("label_feedback", args=at)
    return None


def _if_not_taken(given: Annotation | Check, sent: Sent) -> str | None:
    """Another answer to a case that was submitted before changes nothing: words that say so."""
    if isinstance(given, Check) or not given.was_there:
        return None
    first = given.verdicts.filter(revision=1).select_related("criterion")
    words = {v.criterion.key: Answer(VerdictStatus(v.status), v.value).word for v in first}
    if words == sent.words:
        return None
    return "You had submitted this case before; your first answer stands and was not changed."


@member_page(LABELLERS)
@require_POST
def draft(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Autosave: keep what is on the page."""
    rater, slot = _own(membership, pk)
    sent = sheets.read(request.POST, questions_of(slot.rubric_version_id))
    try:
        sheets.check_comment(sent)
        _keep(slot, rater, sent)
    except (Conflict, BadInput) as error:
        return JsonResponse({"said": str(error)}, status=status_of(error))
    saved_at = timezone.now().isoformat()
    return JsonResponse({"saved_at": saved_at, "lease": task.lease_seconds(slot, rater)})


@member_page(LABELLERS)
@require_POST
def heartbeat(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """The page is still open and in use: renew the lease, or say that it is lost."""
    rater, slot = _own(membership, pk)
    queue.heartbeat(slot, rater=rater)
    return JsonResponse({"lease": task.lease_seconds(slot, rater)})


@member_page(LABELLERS)
@require_POST
def skip(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Pass the case on, with a reason; it never counts against the rater."""
    rater, slot = _own(membership, pk)
    reason, more = (sheets.clean(request.POST.get(name, "")) for name in ("reason", "more"))
    try:
        desk.skip(slot, rater=rater, reason=": ".join(part for part in (reason, more) if part))
    except Conflict as error:
        messages.warning(request, str(error))
    except BadInput as error:
        sent = sheets.sent_of(desk.kept_draft(slot, rater=rater) or {})
        return _again(request, membership, rater, slot, sent, error)
    if sheets.is_htmx(request):
        return trigger_client_event(HttpResponse(status=204), "skipped", {"slot": pk})
    return redirect("label", membership.project.slug)


@member_page(LABELLERS)
@require_POST
def release(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Give back a case that was fetched ahead and is not wanted now."""
    rater, slot = _own(membership, pk)
    queue.give_back(slot, rater=rater)
    return HttpResponse(status=204)


@member_page(LABELLERS)
@require_POST
def undo(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Take back the last submit within its minute; the sheet is a draft again."""
    rater = members.rater_for(membership)
    try:
        slot = desk.undo(rater)
    except Conflict as error:
        if not sheets.is_htmx(request):
            messages.warning(request, str(error))
            return redirect("label", membership.project.slug)
        return JsonResponse({"said": str(error)}, status=status_of(error))
    if sheets.is_htmx(request):
        return trigger_client_event(HttpResponse(status=204), "undone", {"slot": slot.pk})
    return redirect("label", membership.project.slug)


@member_page(LABELLERS)
@require_POST
def pause(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Stop the clock; what was fetched ahead (`ahead`) goes back to the queue, the draft stays."""
    rater = members.rater_for(membership)
    sittings.pause(sittings.current(rater))
    ahead = request.POST.get("ahead", "")
    if ahead.isascii() and ahead.isdigit() and len(ahead) < 19:
        queue.give_back(desk.place_of(rater, int(ahead)), rater=rater)
    return HttpResponse(status=204)


@member_page(LABELLERS)
@require_POST
def resume(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Go on after a pause or a break."""
    sitting = sittings.current(members.rater_for(membership))
    sittings.resume(sitting)
    return _on(request, membership)


@member_page(LABELLERS)
@require_POST
def take_break(request: HttpRequest, membership: Membership) -> HttpResponse:
    """A break that is offered: take it (`act=take`), or later."""
    sitting = sittings.current(members.rater_for(membership))
    if request.POST.get("act") == "take":
        sittings.take_break(sitting, membership.project)
    else:
        sittings.go_on_without_break(sitting)
    return _on(request, membership)


def _on(request: HttpRequest, membership: Membership) -> HttpResponse:
    if sheets.is_htmx(request):
        return HttpResponse(status=204)
    return redirect("label", membership.project.slug)


@member_page(LABELLERS)
@require_safe
@never_cache
def progress(request: HttpRequest, membership: Membership) -> HttpResponse:
    """How far, how long still, and exposure: asked for now and then, never with each case."""
    rater = members.rater_for(membership)
    return JsonResponse(task.progress_of(membership, rater))


@member_page(LABELLERS)
@require_safe
@never_cache
def show_precedents(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Settled cases like the one just answered. To have seen them ends the undo."""
    rater = members.rater_for(membership)
    sheet = desk.own_sheet(rater, pk)
    if not desk.is_answered(sheet):
        raise NotFound("Precedents are shown once you have answered.")
    desk.close_undo(sheet)
    found = precedents.nearest(sheet.case, rubric_version=sheet.rubric_version)
    return show(request, membership, "annotations/precedents.html", active=ACTIVE, precedents=found)


@member_page(LABELLERS)
@never_cache
def reveal(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """The AI's answer beside the own, locked one: keep it, or change it as a second answer."""
    rater = members.rater_for(membership)
    sheet = desk.own_sheet(rater, pk)
    error = None
    if request.method == "POST":
        sent = sheets.read(request.POST, questions_of(sheet.rubric_version_id))
        try:
            answers = None if request.POST.get("act") == "keep" else parse_sheet(sent.words)
            desk.have_last_word(sheet, rater=rater, answers=answers)
            return _seen(request, membership, rater, sheet)
        except BadInput as refusal:
            error = refusal
    return _reveal(request, membership, rater, sheet, error)


def _seen(
    request: HttpRequest, membership: Membership, rater: Rater, sheet: Annotation | Check
) -> HttpResponse:
    """On to the next case; after a planted answer the rater is told that it was planted."""
    if isinstance(sheet, Check):
        return redirect("label_feedback", membership.project.slug, sheet.pk)
    if sheets.is_htmx(request):
        return trigger_client_event(HttpResponse(status=204), "seen", {})
    return redirect("label", membership.project.slug)


def _reveal(
    request: HttpRequest, membership: Membership, rater: Rater, sheet: Annotation | Check,
    error: BadInput | None,
) -> HttpResponse:  # fmt: skip
    shown = {prelabel.criterion: prelabel for prelabel in desk.reveal(sheet, rater=rater)}
    questions = questions_of(sheet.rubric_version_id)
    words = desk.final_words(sheet)
    rows = []
    for question in questions:
        own = Answer.parse(words[question.criterion.key])
        prelabel = shown.get(question.criterion.key)
        rows.append({
            "question": question,
            "own": sheets.label_of(question, own),
            "prelabel": prelabel,
            "ai": sheets.label_of(question, prelabel.answer) if prelabel else "",
            "differs": prelabel is not None and prelabel.answer != own,
        })  # fmt: skip
    return _room(
        request, membership, "label_reveal", rater, sheet=sheet, case=sheet.case, rows=rows,
        masked=task.is_masked(request), questions=sheets.on_screen(questions, words), error=error,
        status=422 if error else 200,
    )  # fmt: skip


# ---- what the pages share


def _own(membership: Membership, pk: int) -> tuple[Rater, Slot]:
    """The member's rater and the slot of the address, in the member's project."""
    rater = members.rater_for(membership)
    return rater, desk.place_of(rater, pk)


def _again(
    request: HttpRequest, membership: Membership, rater: Rater, slot: Slot, sent: Sent,
    error: BadInput,
) -> HttpResponse:  # fmt: skip
    """The same case once more, with what was sent and what is wrong with it."""
    context = task.context_of_slot(request, rater, slot, sent=sent, error=error)
    if sheets.is_htmx(request):
        return task.rendered(request, context, status=422)
    return _room(request, membership, "label", rater, status=422, **context)


def _conflict(
    request: HttpRequest, membership: Membership, rater: Rater, slot: Slot, sent: Sent,
    error: Conflict,
) -> HttpResponse:  # fmt: skip
    """What was kept, why it could not be taken, and the way on."""
    kept = [
        (version.name, sheets.label_of(version, Answer.parse(sent.words[version.criterion.key])))
        for version in questions_of(slot.rubric_version_id)
        if version.criterion.key in sent.words
    ]
    return _room(
        request, membership, "label_conflict", rater, status=409, error=error, kept=kept,
        comment=sent.comment,
    )  # fmt: skip


def _room(
    request: HttpRequest, membership: Membership, template: str, rater: Rater, **context: Any
) -> HttpResponse:
    """One of the labelling pages, or its part #work."""
    part = "#work" if sheets.is_htmx(request) else ""
    return show(
        request, membership, f"annotations/{template}.html{part}", active=ACTIVE,
        progress=SimpleLazyObject(partial(task.progress_of, membership, rater)), **context,
    )  # fmt: skip
