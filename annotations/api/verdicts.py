"""Verdicts of outside judges in: always of a named judge at one exact revision."""

import math
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import verdicts
from annotations.api.doors import ApiView, Refusal, door, read
from annotations.importing.words import PARSERS
from annotations.models import Membership
from annotations.permissions import LEADS
from annotations.verdicts import MAX_RAW, Given

MAX_VERDICTS = 2_000


class Probability(serializers.FloatField):
    """A number from 0 to 1. The bounds alone would let "NaN" through, which is below no bound."""

    def to_internal_value(self, data: Any) -> float:
        value = super().to_internal_value(data)
        if not math.isfinite(value):
            raise serializers.ValidationError("This is no number: give one from 0 to 1, or null.")
        return value


class VerdictIn(serializers.Serializer[Any]):
    """One answer: a value of the criterion's scale, or `cant_tell`, `not_applicable`, `invalid`
    (words that are no answer), `refused_to_judge`, `error`."""

    case = serializers.CharField(max_length=200, help_text="The case's external id.")
    criterion = serializers.CharField(max_length=60)
    answer = serializers.CharField(
        max_length=120, default="", allow_blank=True, required=False,
        help_text="May be left out where `parser` is named: it then reads `raw_output`.",
    )  # fmt: skip
    score = Probability(
        min_value=0, max_value=1, allow_null=True, default=None, required=False,
        help_text="P(positive), if the judge gives one.",
    )  # fmt: skip
    raw_output = serializers.CharField(
        max_length=MAX_RAW, default="", allow_blank=True, trim_whitespace=False, required=False,
        help_text="What the judge said, verbatim.",
    )  # fmt: skip


class VerdictsIn(serializers.Serializer[Any]):
    """All of them are taken, or none."""

    judge = serializers.CharField(max_length=120)
    revision = serializers.CharField(
        max_length=80,
        help_text="Model, prompt and settings, exactly: another one is another judge.",
    )
    parser = serializers.ChoiceField(
        [(name, name) for name in PARSERS], required=False, default="", allow_blank=True,
        help_text="Reads `raw_output` where there is no answer, and joins the revision.",
    )  # fmt: skip
    verdicts = serializers.ListField(child=VerdictIn(), allow_empty=False, max_length=MAX_VERDICTS)


class VerdictsTaken(serializers.Serializer[Any]):
    """What was written; the same request again adds nothing."""

    judge = serializers.CharField()
    added = serializers.IntegerField()
    there = serializers.IntegerField()
    same_revision = serializers.ListField(
        child=serializers.CharField(),
        help_text="Other judges with this revision: the same judge, counted twice.",
    )


class Verdicts(ApiView):
    @door(
        LEADS, operation_id="verdicts_add", request=VerdictsIn,
        responses={200: VerdictsTaken, 201: VerdictsTaken, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership) -> Response:
        """Add the verdicts of one judge, all or nothing."""
        sent = read(request, VerdictsIn)
        taken = verdicts.take(
            membership.project, judge=sent["judge"], revision=sent["revision"],
            given=[Given(**one) for one in sent["verdicts"]], by=membership.user,
            parser=sent["parser"],
        )  # fmt: skip
        body = {"judge": str(taken.judge), "added": taken.added, "there": taken.there,
                "same_revision": list(taken.same_revision)}  # fmt: skip
        return Response(body, status=201 if taken.added else 200)
