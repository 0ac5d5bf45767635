"""Hardening exports over the API: the file that a team fine-tunes its target with."""

from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.api.doors import ApiView, Refusal, door, read
from annotations.api.gold import streamed
from annotations.errors import NotFound
from annotations.models import Membership
from annotations.permissions import READERS
from campaigns import hardening
from campaigns.models import Campaign
from campaigns.training.rows import FORMATS, SFT

PREVIEW = OpenApiParameter(
    "preview", bool, description="Only counts, as JSON: nothing is exported."
)


class HardeningIn(serializers.Serializer[Any]):
    """What is wanted. The same wish of the same release gives the same bytes."""

    format = serializers.ChoiceField(list(FORMATS), default=SFT, required=False)
    release = serializers.IntegerField(min_value=1, allow_null=True, default=None, required=False)
    criterion = serializers.CharField(default="", allow_blank=True, required=False)
    target = serializers.CharField(default="", allow_blank=True, required=False)
    benign = serializers.FloatField(default=1.0, required=False)
    refusal = serializers.CharField(default="", allow_blank=True, required=False)


class HardeningExport(ApiView):
    @door(
        READERS, operation_id="hardening_export", request=HardeningIn, parameters=[PREVIEW],
        responses={(200, "application/x-ndjson"): OpenApiTypes.STR, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership) -> Response | StreamingHttpResponse:
        """The rows as JSON lines, with an audit record; or, with `preview`, how many there would be."""
        wanted = read(request, HardeningIn)
        release = wanted.pop("release")
        export = hardening.prepare(
            campaign_of(membership), hardening.Wish(**wanted), release=release
        )
        if request.query_params.get("preview") in ("true", "1"):
            return Response(export.summary())
        return download(export, membership)


def download(export: hardening.Export, membership: Membership) -> StreamingHttpResponse:
    """The file, with the release's hash and the number of rows in the headers."""
    rows = hardening.rows(export, by=membership.user)
    response = streamed(rows, hardening.JSONL, name=export.file_name)
    response["X-Release-Sha256"] = export.release.sha256
    response["X-Hardening-Rows"] = str(export.n_rows)
    return response


def campaign_of(membership: Membership) -> Campaign:
    """The project's campaign; else `NotFound`."""
    campaign = Campaign.objects.filter(project=membership.project).select_related("project").first()
    if campaign is None:
        raise NotFound("There is no campaign on this project.")
    return campaign
