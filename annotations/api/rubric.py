"""The rubric version that raters read."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.api.doors import ApiView, door
from annotations.errors import NotFound
from annotations.models import CriterionVersion, Membership
from annotations.permissions import MEMBERS
from annotations.statuses import Scale, choices


class OptionOut(serializers.Serializer[Any]):
    value = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # fields leave the class


class CriterionOut(serializers.Serializer[Any]):
    """One question, word for word."""

    key = serializers.SlugField()
    name = serializers.CharField()
    definition = serializers.CharField()
    includes = serializers.CharField()
    excludes = serializers.CharField()
    scale = serializers.ChoiceField(choices(Scale))
    options = OptionOut(many=True)
    positive = serializers.ListField(
        child=serializers.CharField(), help_text="The answers counted as a failure seen."
    )
    allow_cant_tell = serializers.BooleanField()
    allow_not_applicable = serializers.BooleanField()
    is_descriptive = serializers.BooleanField(
        help_text="Several readings are right: the distribution is kept, nobody decides."
    )


class RubricOut(serializers.Serializer[Any]):
    """A released version: it never changes."""

    version = serializers.IntegerField()
    guideline = serializers.CharField()
    note = serializers.CharField()
    released_at = serializers.DateTimeField()
    criteria = CriterionOut(many=True)


class Rubric(ApiView):
    @door(MEMBERS, operation_id="rubric_read", responses={200: RubricOut})
    def get(self, request: Request, membership: Membership) -> Response:
        """The released rubric version with its criteria."""
        version = membership.project.rubric.released
        if version is None:
            raise NotFound(
                "No version of the rubric is released yet: a lead writes and releases it."
            )
        body = {
            "version": version.number,
            "guideline": version.guideline,
            "note": version.note,
            "released_at": version.released_at,
            "criteria": [
                _criterion(question) for question in version.criteria.select_related("criterion")
            ],
        }
        return Response(body)


def _criterion(question: CriterionVersion) -> dict[str, Any]:
    names = ("name", "definition", "includes", "excludes", "scale", "options",
             "allow_cant_tell", "allow_not_applicable", "is_descriptive")  # fmt: skip
    return {
        "key": question.criterion.key,
        "positive": question.criterion.positive,
        **{name: getattr(question, name) for name in names},
    }
