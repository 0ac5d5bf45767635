"""What every operation of the API opens with: who is it, may they; and how it is described."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from annotations.api.pagination import CasePagination
from annotations.api.parsers import JSONBody
from annotations.errors import BadInput
from annotations.permissions import membership_for
from annotations.statuses import Role
from annotations.tables.problems import MAX_PROBLEMS

Method = Callable[..., Response]
S = TypeVar("S", bound="Serializer[Any]")


class Refusal(serializers.Serializer[Any]):
    """Why an operation was refused, in words that say what to do."""

    code = serializers.CharField(required=False)
    detail = serializers.CharField()
    problems = serializers.ListField(child=serializers.CharField(), required=False)


class ApiView(APIView):
    """Strict JSON in, JSON out; nothing is told to OPTIONS."""

    parser_classes = [JSONBody]
    metadata_class = None


def door(roles: frozenset[Role], *, responses: dict[Any, Any], **schema: Any) -> Any:
    """The method gets (self, request, membership, ...): the path has a `slug`.

    A stranger gets 404, a member of another role 403. The roles are in the schema as `x-roles`.
    """

    def decorate(method: Method) -> Method:
        @extend_schema(
            extensions={"x-roles": sorted(roles)},
            responses={**responses, **dict.fromkeys((401, 403, 404), Refusal)},
            **schema,
        )
        @wraps(method)
        def wrapped(self: ApiView, request: Request, slug: str, **kwargs: Any) -> Response:
            return method(self, request, membership_for(request.user, slug, roles), **kwargs)

        return wrapped

    return decorate


def asked(request: Request, name: str) -> str:
    """One word of the query; empty if it is not there. Raises `BadInput` for what no text has."""
    word = request.query_params.get(name, "")
    if "\x00" in word:
        raise BadInput(f"“{name}” holds a NUL character, which no text has: leave it out.")
    return str(word)


def read(request: Request, shape: type[S]) -> Any:
    """The request's data in that shape. Raises `BadInput` naming each problem and its place."""
    form = shape(data=request.data)
    if form.is_valid():
        return form.validated_data
    problems = list(_problems(form.errors, ""))
    more = len(problems) - MAX_PROBLEMS
    listed = problems[:MAX_PROBLEMS] + ([f"And {more:,} more problems."] if more > 0 else [])
    raise BadInput(f"Nothing was written. {' '.join(problems[:3])}", listed)


def _problems(errors: Any, place: str) -> list[str]:
    """REST framework's nested errors as lines: `cases[2].prompt: Not a valid string.`"""
    found: list[str] = []
    if isinstance(errors, dict):
        for name, inner in errors.items():
            inside = f"{place}[{name}]" if isinstance(name, int) else f"{place}.{name}".lstrip(".")
            found += _problems(inner, place if name == "non_field_errors" else inside)
    elif isinstance(errors, (list, tuple)):
        for number, inner in enumerate(errors):
            is_text = isinstance(inner, (str, ErrorDetail))
            found += [f"{place}: {inner}".lstrip(": ")] if is_text else _problems(
                inner, f"{place}[{number}]"
            )  # fmt: skip
    else:
        found.append(f"{place}: {errors}")
    return found


PAGE_PARAMETERS = [
    OpenApiParameter("cursor", str, description="From `next` or `previous` of the page before."),
    OpenApiParameter("page_size", int, description="At most 1,000; 100 if not said."),
]


def paged(row: type[Serializer[Any]]) -> Any:
    """The shape of a page of such rows."""
    return inline_serializer(
        name=f"{row.__name__}Page",
        fields={
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": row(many=True),
        },
    )


def page(
    view: APIView, request: Request, rows: QuerySet[Any],
    shown: Callable[[Sequence[Any]], list[Any]], *, order: tuple[str, ...] = ("id",),
) -> Response:  # fmt: skip
    """One page of the rows by cursor; `shown` makes all of a page at once."""
    pager = CasePagination()
    pager.ordering = order
    found = pager.paginate_queryset(rows, request, view=view)
    return pager.get_paginated_response(shown(found or []))
