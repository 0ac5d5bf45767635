"""Labelling through the API: the same queue, the same verbs, and as blind as the page."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import labelling, members, queue
from annotations.answers import Answer, parse_sheet
from annotations.api.cases import TurnShape
from annotations.api.doors import ApiView, Refusal, door, read
from annotations.errors import NotFound, NothingToDo
from annotations.models import Annotation, Membership, Rater, Slot
from annotations.permissions import LABELLERS
from annotations.statuses import VerdictStatus

COMMENT_MAX = 10_000
SLOT = OpenApiParameter("slot", int, OpenApiParameter.PATH, description="From `queue/next/`.")


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


class SkipIn(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=200, help_text="It never counts against the rater.")


class DraftOut(serializers.Serializer[Any]):
    """What is kept until it is submitted."""

    answers = serializers.DictField(child=serializers.CharField())
    comment = serializers.CharField()
    confidence = serializers.IntegerField(allow_null=True)
    saved_at = serializers.DateTimeField()


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
    done = serializers.IntegerField()
    waiting = serializers.IntegerField()


class LeaseOut(serializers.Serializer[Any]):
    seconds = serializers.IntegerField(allow_null=True, help_text="Null: no longer the caller's.")


class SubmittedOut(serializers.Serializer[Any]):
    """The first answer as it stands: a second submit changes nothing."""

    sheet = serializers.IntegerField()
    submitted_at = serializers.DateTimeField()
    answers = serializers.DictField(child=serializers.CharField())


class QueueNext(ApiView):
    @door(LABELLERS, operation_id="queue_next", request=None, responses={200: WorkOut})
    def post(self, request: Request, membership: Membership) -> Response:
        """Claim the next case, or go on with the one in work; 404 `nothing_to_do` if none waits."""
        rater = members.rater_for(membership)
        slot = queue.claim(rater)
        if slot is None:
            raise NothingToDo("No case waits for you in this project right now.")
        done, waiting = queue.work_left(rater)
        kept = labelling.draft_of(slot, rater=rater)
        case = slot.case
        body = {
            "slot": slot.pk,
            "rubric_version": slot.rubric_version.number,
            "leased_until": slot.leased_until,
            "case": {
                "id": case.pk, "notice": case.notice, "context": case.context,
                "conversation": case.conversation, "response": case.response,
            },
            "draft": _draft(kept) if kept else None,
            "done": done,
            "waiting": waiting,
        }  # fmt: skip
        return Response(body)


class QueueDraft(ApiView):
    @door(
        LABELLERS, operation_id="queue_draft", parameters=[SLOT], request=SheetIn,
        responses={200: DraftOut, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def put(self, request: Request, membership: Membership, slot: int) -> Response:
        """Keep what there is so far, also when the lease has lapsed."""
        rater, place = _own(membership, slot)
        sent = read(request, SheetIn)
        keys = {q.criterion.key for q in place.rubric_version.criteria.select_related("criterion")}
        words = {key: word for key, word in sent["answers"].items() if word and key in keys}
        sheet = labelling.save_draft(
            place, rater=rater, words=words, comment=sent["comment"], confidence=sent["confidence"]
        )
        return Response(_draft(sheet))


class QueueSubmit(ApiView):
    @door(
        LABELLERS, operation_id="queue_submit", parameters=[SLOT], request=SheetIn,
        responses={200: SubmittedOut, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, slot: int) -> Response:
        """The answer to a case. Twice is once; a place taken meanwhile is 409 and keeps a draft."""
        rater, place = _own(membership, slot)
        sent = read(request, SheetIn)
        sheet = labelling.submit(
            place, rater=rater, answers=parse_sheet(sent["answers"]), comment=sent["comment"],
            confidence=sent["confidence"],
        )  # fmt: skip
        stands = sheet.verdicts.filter(revision=1).select_related("criterion")
        answers = {v.criterion.key: Answer(VerdictStatus(v.status), v.value).word for v in stands}
        body = {"sheet": sheet.pk, "submitted_at": sheet.submitted_at, "answers": answers}
        return Response(body)


class QueueSkip(ApiView):
    @door(
        LABELLERS, operation_id="queue_skip", parameters=[SLOT], request=SkipIn,
        responses={204: None, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, slot: int) -> Response:
        """Pass the case on to others, with a reason."""
        rater, place = _own(membership, slot)
        queue.skip(place, rater=rater, reason=read(request, SkipIn)["reason"])
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


def _own(membership: Membership, slot: int) -> tuple[Rater, Slot]:
    """The caller's rater, and the place in this project's queue."""
    place = (
        Slot.objects.select_related("case", "project", "rubric_version")
        .filter(pk=slot, project=membership.project)
        .first()
    )
    if place is None:
        raise NotFound("There is no such place in this project's queue.")
    return members.rater_for(membership), place


def _draft(sheet: Annotation) -> dict[str, Any]:
    return {
        "answers": sheet.draft.get("words") or {},
        "comment": sheet.draft.get("comment") or "",
        "confidence": sheet.draft.get("confidence"),
        "saved_at": sheet.saved_at,
    }
