"""The disagreements that wait for an adjudicator."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import adjudication
from annotations.api.doors import PAGE_PARAMETERS, ApiView, door, page, paged
from annotations.models import Case, Membership
from annotations.permissions import ADJUDICATORS


class OpenQuestionOut(serializers.Serializer[Any]):
    """One undecided criterion: how many raters finally gave each answer."""

    criterion = serializers.CharField()
    counts = serializers.DictField(child=serializers.IntegerField())
    people = serializers.IntegerField()
    simulated = serializers.IntegerField()


class WaitingOut(serializers.Serializer[Any]):
    """A case with a disagreement."""

    case = serializers.IntegerField()
    external_id = serializers.CharField()
    can_decide = serializers.BooleanField(help_text="False: the caller rated it.")
    questions = OpenQuestionOut(many=True)


class Adjudications(ApiView):
    @door(
        ADJUDICATORS, operation_id="adjudications_list", parameters=PAGE_PARAMETERS,
        responses={200: paged(WaitingOut)},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response:
        """The cases that wait, in the order of the page."""
        waiting = adjudication.waiting(membership.project)
        return page(self, request, waiting, lambda cases: _shown(cases, membership))


def _shown(cases: Sequence[Case], membership: Membership) -> list[dict[str, Any]]:
    mine = set(
        adjudication.waiting_for(membership)
        .filter(pk__in=[case.pk for case in cases])
        .values_list("pk", flat=True)
    )
    questions = adjudication.open_questions(cases)
    return [
        {
            "case": case.pk,
            "external_id": case.external_id,
            "can_decide": case.pk in mine,
            "questions": [
                {
                    "criterion": one.question.criterion.key,
                    "counts": one.counts,
                    "people": one.people,
                    "simulated": one.simulated,
                }
                for one in questions[case.pk]
            ],
        }
        for case in cases
    ]
