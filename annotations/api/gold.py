"""Gold out: the answers as they stand now, and the releases that never change."""

from collections.abc import Iterable
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import releases
from annotations.api.cases import VERDICT_STATUSES, TurnShape
from annotations.api.doors import PAGE_PARAMETERS, ApiView, Refusal, asked, door, page, paged, read
from annotations.errors import NotFound
from annotations.exports import FORMATS, ExportFormat, records
from annotations.exports.formats import Record
from annotations.models import Membership, Release
from annotations.permissions import LEADS, READERS
from annotations.statuses import Cause, Provenance, choices

AS = OpenApiParameter(
    "as", str, enum=list(FORMATS), description="Stream a file of this format instead of pages."
)


class RecordOut(serializers.Serializer[Any]):
    """One settled answer, with how it was settled: the line of every export."""

    case = serializers.CharField()
    family = serializers.CharField()
    context = serializers.CharField()  # type: ignore[assignment]  # fields leave the class
    conversation = TurnShape(many=True)
    response = serializers.CharField()
    strata = serializers.DictField(child=serializers.CharField())
    content_hash = serializers.CharField()
    criterion = serializers.CharField()
    rubric_version = serializers.IntegerField()
    answer = serializers.CharField()
    status = serializers.ChoiceField(VERDICT_STATUSES)
    positive = serializers.BooleanField(allow_null=True)
    provenance = serializers.ChoiceField(choices(Provenance))
    cause = serializers.ChoiceField(choices(Cause), allow_null=True)
    n_raters = serializers.IntegerField()
    dissent = serializers.DictField(child=serializers.IntegerField())
    simulated_raters = serializers.BooleanField()
    simulated_response = serializers.BooleanField()


class ReleaseOut(serializers.Serializer[Any]):
    """A release: `sha256` is over its NDJSON, byte for byte."""

    number = serializers.IntegerField()
    rubric_version = serializers.IntegerField()
    n_items = serializers.IntegerField()
    sha256 = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()
    manifest = serializers.DictField()


class ReleaseIn(serializers.Serializer[Any]):
    note = serializers.CharField(max_length=2_000, default="", allow_blank=True, required=False)


class CurrentGold(ApiView):
    @door(
        READERS, operation_id="gold_list", parameters=[AS, *PAGE_PARAMETERS],
        responses={200: paged(RecordOut), 422: Refusal},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response | StreamingHttpResponse:
        """The gold that stands now: pages of JSON, or a streamed file with `as`."""
        project = membership.project
        wanted = asked(request, "as")
        if wanted:
            chosen = records.format_named(wanted)
            name = records.file_name(project, chosen)
            return streamed(records.current_records(project), chosen, name=name)
        rows = records.current_gold(project)
        return page(self, request, rows, lambda golds: [releases.record_of(g) for g in golds])


class Releases(ApiView):
    @door(
        READERS, operation_id="releases_list", parameters=PAGE_PARAMETERS,
        responses={200: paged(ReleaseOut)},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response:
        """The project's releases, oldest first."""
        rows = membership.project.releases.select_related("rubric_version")
        return page(self, request, rows, lambda found: [_release(one) for one in found])

    @door(
        LEADS, operation_id="releases_create", request=ReleaseIn,
        responses={201: ReleaseOut, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership) -> Response:
        """Freeze the gold that stands now. The same gold again is the release that it already is."""
        note = read(request, ReleaseIn)["note"]
        made = releases.release(membership.project, by=membership.user, note=note)
        return Response(_release(made), status=201)


class ReleaseDetail(ApiView):
    @door(READERS, operation_id="releases_read", responses={200: ReleaseOut})
    def get(self, request: Request, membership: Membership, number: int) -> Response:
        """One release and its manifest."""
        return Response(_release(release_of(membership, number)))


class ReleaseDownload(ApiView):
    @door(
        READERS, operation_id="releases_download", parameters=[AS],
        responses={
            (200, "application/x-ndjson"): OpenApiTypes.STR,
            (200, "text/csv"): OpenApiTypes.STR,
            422: Refusal,
        },
    )  # fmt: skip
    def get(self, request: Request, membership: Membership, number: int) -> StreamingHttpResponse:
        """The records of a release as a file: `as=ndjson` (hash to check it by in the headers), csv."""
        release = release_of(membership, number)
        chosen = records.format_named(asked(request, "as") or "ndjson")
        name = records.file_name(membership.project, chosen, release=release)
        response = streamed(records.released_records(release), chosen, name=name)
        response["X-Release-Sha256"] = release.sha256
        response["X-Release-Items"] = str(release.n_items)
        response["X-Release-Simulated"] = str(release.manifest.get("simulated_raters", 0))
        return response


def streamed(rows: Iterable[Record], chosen: ExportFormat, *, name: str) -> StreamingHttpResponse:
    """A download that is never whole in memory; a browser must save it, not show it."""
    response = StreamingHttpResponse(chosen.write(rows), content_type=chosen.content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def release_of(membership: Membership, number: int) -> Release:
    """The project's release of that number; else `NotFound`."""
    found = membership.project.releases.filter(number=number).select_related("rubric_version")
    release = found.first()
    if release is None:
        raise NotFound("There is no such release in this project.")
    return release


def _release(release: Release) -> dict[str, Any]:
    return {
        "number": release.number,
        "rubric_version": release.rubric_version.number,
        "n_items": release.n_items,
        "sha256": release.sha256,
        "note": release.note,
        "created_at": release.created_at,
        "manifest": release.manifest,
    }
