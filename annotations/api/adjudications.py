"""The disagreements that wait for an adjudicator, the own answer to one, and the decision."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import adjudication, gold, standing, worth
from annotations.adjudication import OpenQuestion
from annotations.answers import Answer
from annotations.api.cases import case_of
from annotations.api.doors import PAGE_PARAMETERS, ApiView, Refusal, door, page, paged, read
from annotations.errors import BadInput
from annotations.models import Case, CriterionVersion, Membership
from annotations.permissions import ADJUDICATORS
from annotations.statuses import Cause, choices


class OpenQuestionOut(serializers.Serializer[Any]):
    """One undecided criterion: how many raters finally gave each answer."""

    criterion = serializers.CharField()
    counts = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True,
        help_text="Null until the caller has answered the criterion blind.",
    )  # fmt: skip
    people = serializers.IntegerField()
    simulated = serializers.IntegerField()


class WaitingOut(serializers.Serializer[Any]):
    """A case with a disagreement."""

    case = serializers.IntegerField()
    external_id = serializers.CharField()
    can_decide = serializers.BooleanField(
        help_text="False: the caller rated it, or it waits for another's decision."
    )
    reason = serializers.CharField(
        help_text="Why it stands where it does, but for the severity, which is answered blind."
    )
    questions = OpenQuestionOut(many=True)


class OpinionIn(serializers.Serializer[Any]):
    """The caller's own answer, given before the raters' are shown."""

    criterion = serializers.CharField(max_length=60)
    answer = serializers.CharField(max_length=120)
    severity = serializers.IntegerField(min_value=0, max_value=4)


class DecisionIn(serializers.Serializer[Any]):
    criterion = serializers.CharField(max_length=60)
    answer = serializers.CharField(max_length=120)
    cause = serializers.ChoiceField([one for one in choices(Cause) if one[0] != Cause.NOT_RECORDED])
    severity = serializers.IntegerField(
        min_value=0, max_value=4, required=False, allow_null=True, default=None
    )
    note = serializers.CharField(
        max_length=10_000, required=False, default="", allow_blank=True, trim_whitespace=True
    )


class SaidOut(serializers.Serializer[Any]):
    """What was taken, and how many gave each answer, which may be read from now on."""

    criterion = serializers.CharField()
    answer = serializers.CharField()
    severity = serializers.IntegerField(allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField())


class DecidedOut(serializers.Serializer[Any]):
    criterion = serializers.CharField()
    answer = serializers.CharField()
    cause = serializers.CharField()
    severity = serializers.IntegerField(allow_null=True)
    stands = serializers.CharField(
        help_text="`decided`; or `needs a second`, `in dispute`: no gold yet, as severity is 3 or more."
    )


class Adjudications(ApiView):
    @door(
        ADJUDICATORS, operation_id="adjudications_list", parameters=PAGE_PARAMETERS,
        responses={200: paged(WaitingOut)},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response:
        """The cases that wait, in the order of the page: what a decision is worth most on first."""
        listed = adjudication.listed(membership)
        return page(
            self, request, listed, lambda cases: _shown(cases, membership), order=worth.ORDER
        )


class Opinions(ApiView):
    @door(
        ADJUDICATORS, operation_id="adjudications_answer", request=OpinionIn,
        responses={200: SaidOut, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, pk: int) -> Response:
        """The own answer to one criterion, before anything of others can be read."""
        found = case_of(membership, pk)
        sent = read(request, OpinionIn)
        question = _question(found, sent["criterion"])
        said = adjudication.answer_blind(
            found, question=question, by=membership, answer=Answer.parse(sent["answer"]),
            severity=sent["severity"],
        )  # fmt: skip
        given = standing.blind_verdicts_of_people().filter(
            case=found, criterion=question.criterion_id
        )
        counts = gold.final_counts(given.select_related("annotation"))
        body = {"criterion": sent["criterion"], "answer": sent["answer"],
                "severity": said.severity, "counts": counts}  # fmt: skip
        return Response(body)


class Decisions(ApiView):
    @door(
        ADJUDICATORS, operation_id="adjudications_decide", request=DecisionIn,
        responses={200: DecidedOut, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, pk: int) -> Response:
        """Decide one criterion, after the own answer."""
        found = case_of(membership, pk)
        sent = read(request, DecisionIn)
        question = _question(found, sent["criterion"])
        made = adjudication.decide(
            found, question=question, by=membership, answer=Answer.parse(sent["answer"]),
            cause=sent["cause"], severity=sent["severity"], note=sent["note"],
        )  # fmt: skip
        stands = standing.of(found, question.criterion_id).stand
        body = {"criterion": sent["criterion"], "answer": sent["answer"], "cause": made.cause,
                "severity": made.severity, "stands": str(stands)}  # fmt: skip
        return Response(body)


def _question(found: Case, key: str) -> CriterionVersion:
    asked = {one.criterion.key: one for one in gold.questions_of(found)}
    if key not in asked:
        known = ", ".join(asked) or "none"
        raise BadInput(f"“{key}” is no criterion that was answered on this case: {known}.")
    return asked[key]


def _shown(cases: Sequence[Case], membership: Membership) -> list[dict[str, Any]]:
    mine = set(
        adjudication.waiting_for(membership)
        .filter(pk__in=[case.pk for case in cases])
        .values_list("pk", flat=True)
    )
    questions = adjudication.open_questions(cases, by=membership)
    return [
        {
            "case": case.pk,
            "external_id": case.external_id,
            "can_decide": case.pk in mine,
            "reason": worth.reason(case),
            "questions": [_open(one) for one in questions[case.pk]],
        }
        for case in cases
    ]


def _open(one: OpenQuestion) -> dict[str, Any]:
    return {
        "criterion": one.question.criterion.key,
        "counts": one.counts,
        "people": one.people,
        "simulated": one.simulated,
    }
