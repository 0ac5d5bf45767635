"""Labelling through the API: the same queue, the same verbs, and as blind as the page."""

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import desk, members, queue
from annotations.answers import parse_sheet
from annotations.api.cases import TurnShape
from annotations.api.doors import ApiView, Refusal, asked, door, read
from annotations.details import read_details
from annotations.errors import BadInput, Conflict, NothingToDo
from annotations.models import Annotation, Check, Membership, Rater, Slot
from annotations.permissions import LABELLERS
from annotations.rubrics import questions_of

COMMENT_MAX = 10_000
SLOT = OpenApiParameter("slot", int, OpenApiParameter.PATH, description="From `queue/next/`.")
AFTER = OpenApiParameter(
    "after", int, description="The slot in work: the case ahead of it is claimed as well."
)
SHEET = OpenApiParameter("sheet", int, OpenApiParameter.PATH, description="From `submit/`.")


class SheetIn(serializers.Serializer[Any]):
    """Answers by criterion: a value of its scale, `cant_tell`, or `not_applicable`."""

    answers = serializers.DictField(
        child=serializers.CharField(max_length=120, allow_blank=True), allow_empty=True
    )
    comment = serializers.CharField(
        max_length=COMMENT_MAX, default="", allow_blank=True, required=False
    )
    confidence = serializers.IntegerField(
        min_value=1, max_value=3, allow_null=True, default=None, required=False
    )
    details = serializers.DictField(
        default=dict, required=False,
        help_text="severity (0-4), context_dependence, deciding_fact, effects, spans, quality, gap, "
        "gap_note; spans are {criterion, part, start, end} in code points.",
    )  # fmt: skip


class AnswersIn(serializers.Serializer[Any]):
    answers = serializers.DictField(child=serializers.CharField(max_length=120))


class SkipIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, help_text="It never counts against the rater.")


class DraftOut(serializers.Serializer[Any]):
    """What is kept until it is submitted."""

    answers = serializers.DictField(child=serializers.CharField())
    comment = serializers.CharField()
    confidence = serializers.IntegerField(allow_null=True)
    details = serializers.DictField()


class BlindCaseOut(serializers.Serializer[Any]):
    """What is judged, and nothing that tells where it comes from or what others said."""

    id = serializers.IntegerField()
    notice = serializers.CharField()
    context = serializers.CharField()  # type: ignore[assignment]  # fields leave the class
    conversation = TurnShape(many=True)
    response = serializers.CharField()


class WorkOut(serializers.Serializer[Any]):
    """One place on one case, leased to the caller."""

    slot = serializers.IntegerField()
    rubric_version = serializers.IntegerField()
    leased_until = serializers.DateTimeField()
    case = BlindCaseOut()
    draft = DraftOut(allow_null=True)


class ProgressOut(serializers.Serializer[Any]):
    done = serializers.IntegerField()
    waiting = serializers.IntegerField()
    waiting_is_at_least = serializers.BooleanField()


class LeaseOut(serializers.Serializer[Any]):
    seconds = serializers.IntegerField(allow_null=True, help_text="Null: no longer the caller's.")


class SubmittedOut(serializers.Serializer[Any]):
    """The first answer as it stands: a second submit changes nothing."""

    sheet = serializers.IntegerField()
    submitted_at = serializers.DateTimeField()
    answers = serializers.DictField(child=serializers.CharField())


class PrelabelOut(serializers.Serializer[Any]):
    criterion = serializers.CharField()
    answer = serializers.CharField()
    score = serializers.FloatField(allow_null=True)
    judge = serializers.CharField()


class UndoneOut(serializers.Serializer[Any]):
    slot = serializers.IntegerField()


class QueueNext(ApiView):
    @door(
        LABELLERS, operation_id="queue_next", parameters=[AFTER], request=None,
        responses={200: WorkOut, 409: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership) -> Response:
        """Claim the next case, or go on with the one in work; 404 `nothing_to_do` if none waits.

        409 while a break is due, or the day's cap is reached.
        """
        rater = members.rater_for(membership)
        found = desk.next_case(rater, project=membership.project, after=_after(request))
        if found.due is not None:
            raise Conflict(desk.words_of(found.due))
        if found.slot is None:
            raise NothingToDo("No case waits for you in this project right now.")
        return Response(_work(found.slot, rater))


class QueueProgress(ApiView):
    @door(LABELLERS, operation_id="queue_progress", responses={200: ProgressOut})
    def get(self, request: Request, membership: Membership) -> Response:
        """How many cases the caller has done, and how many wait (counted up to a limit)."""
        done, waiting, at_least = queue.work_left(members.rater_for(membership))
        return Response({"done": done, "waiting": waiting, "waiting_is_at_least": at_least})


class QueueDraft(ApiView):
    @door(
        LABELLERS, operation_id="queue_draft", parameters=[SLOT], request=SheetIn,
        responses={200: DraftOut, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def put(self, request: Request, membership: Membership, slot: int) -> Response:
        """Keep what there is so far, also when the lease has lapsed."""
        rater, place = _own(membership, slot)
        sent = read(request, SheetIn)
        keys = {q.criterion.key for q in questions_of(place.rubric_version_id)}
        words = {key: word for key, word in sent["answers"].items() if word and key in keys}
        read_details(sent["details"])
        desk.keep(
            place, rater=rater, words=words, comment=sent["comment"],
            confidence=sent["confidence"], details=sent["details"],
        )  # fmt: skip
        return Response(_draft(desk.kept_draft(place, rater=rater)))


class QueueSubmit(ApiView):
    @door(
        LABELLERS, operation_id="queue_submit", parameters=[SLOT], request=SheetIn,
        responses={200: SubmittedOut, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, slot: int) -> Response:
        """The answer to a case. Twice is once; a place taken meanwhile is 409 and keeps a draft."""
        rater, place = _own(membership, slot)
        sent = read(request, SheetIn)
        given = desk.submit(
            place, rater=rater, answers=parse_sheet(sent["answers"]), comment=sent["comment"],
            confidence=sent["confidence"], details=read_details(sent["details"]),
        )  # fmt: skip
        return Response(_submitted(given))


class QueueSkip(ApiView):
    @door(
        LABELLERS, operation_id="queue_skip", parameters=[SLOT], request=SkipIn,
        responses={204: None, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, slot: int) -> Response:
        """Pass the case on to others, with a reason."""
        rater, place = _own(membership, slot)
        desk.skip(place, rater=rater, reason=read(request, SkipIn)["reason"])
        return Response(status=204)


class QueueHeartbeat(ApiView):
    @door(
        LABELLERS, operation_id="queue_heartbeat", parameters=[SLOT], request=None,
        responses={200: LeaseOut},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, slot: int) -> Response:
        """Still at work: renew the lease, or learn that it is lost."""
        rater, place = _own(membership, slot)
        queue.heartbeat(place, rater=rater)
        left = queue.lease_left(place, rater=rater)
        return Response({"seconds": None if left is None else max(0, int(left.total_seconds()))})


class QueueRelease(ApiView):
    @door(
        LABELLERS, operation_id="queue_release", parameters=[SLOT], request=None,
        responses={204: None},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, slot: int) -> Response:
        """Give a claimed case back; the draft, if there is one, stays."""
        rater, place = _own(membership, slot)
        queue.give_back(place, rater=rater)
        return Response(status=204)


class QueueUndo(ApiView):
    @door(
        LABELLERS, operation_id="queue_undo", request=None,
        responses={200: UndoneOut, 409: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership) -> Response:
        """Take back the caller's last submit within its minute; the sheet is a draft again."""
        slot = desk.undo(members.rater_for(membership))
        return Response({"slot": slot.pk})


class SheetReveal(ApiView):
    @door(
        LABELLERS, operation_id="sheet_reveal", parameters=[SHEET], request=None,
        responses={200: PrelabelOut(many=True)},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, sheet: int) -> Response:
        """The AI's answers after the own ones, in the arm that reveals them; 403 in all others."""
        rater = members.rater_for(membership)
        rows = [
            {"criterion": p.criterion, "answer": p.answer.word, "score": p.score, "judge": p.judge}
            for p in desk.reveal(desk.own_sheet(rater, sheet), rater=rater)
        ]
        return Response(rows)


class SheetRevise(ApiView):
    @door(
        LABELLERS, operation_id="sheet_revise", parameters=[SHEET], request=AnswersIn,
        responses={200: SubmittedOut, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, sheet: int) -> Response:
        """A second answer after the reveal; the first one stays beside it."""
        rater = members.rater_for(membership)
        own = desk.own_sheet(rater, sheet)
        answers = parse_sheet(read(request, AnswersIn)["answers"])
        desk.have_last_word(own, rater=rater, answers=answers)
        return Response(_submitted(desk.own_sheet(rater, sheet)))


def _after(request: Request) -> int:
    word = asked(request, "after")
    if word and not (word.isascii() and word.isdigit() and len(word) < 19):
        raise BadInput("“after” is the number of a slot.")
    return int(word or 0)


def _own(membership: Membership, slot: int) -> tuple[Rater, Slot]:
    """The caller's rater, and the place in this project's queue."""
    rater = members.rater_for(membership)
    return rater, desk.place_of(rater, slot)


def _work(slot: Slot, rater: Rater) -> dict[str, Any]:
    case = slot.case
    kept = desk.kept_draft(slot, rater=rater) if slot.was_own else None
    return {
        "slot": slot.pk,
        "rubric_version": questions_of(slot.rubric_version_id)[0].version.number,
        "leased_until": slot.leased_until,
        "case": {
            "id": case.pk, "notice": case.notice, "context": case.context,
            "conversation": case.conversation, "response": case.response,
        },
        "draft": _draft(kept) if kept else None,
    }  # fmt: skip


def _draft(kept: Mapping[str, Any] | None) -> dict[str, Any]:
    kept = kept or {}
    return {
        "answers": kept.get("words") or {},
        "comment": kept.get("comment") or "",
        "confidence": kept.get("confidence"),
        "details": kept.get("details") or {},
    }


def _submitted(given: Annotation | Check) -> dict[str, Any]:
    at = given.answered_at if isinstance(given, Check) else given.submitted_at
    return {"sheet": given.pk, "submitted_at": at, "answers": desk.final_words(given)}
