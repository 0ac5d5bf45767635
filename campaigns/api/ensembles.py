"""Ensembles out: what each version is, what it learnt from, and how it does on the frozen test."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.api.doors import PAGE_PARAMETERS, ApiView, asked, door, page, paged
from annotations.errors import NotFound
from annotations.models import Membership
from annotations.permissions import READERS
from campaigns import versions
from campaigns.models import EnsembleVersion
from campaigns.statuses import EnsembleStatus

RELEASED = OpenApiParameter("released", bool, description="Only those that a lead has released.")


class EnsembleOut(serializers.Serializer[Any]):
    """One version of the ensemble; `revision` is a hash over everything that decides."""

    number = serializers.IntegerField()
    revision = serializers.CharField()
    status = serializers.ChoiceField([(one.value, one.value) for one in EnsembleStatus])
    criterion = serializers.CharField()
    positive_answers = serializers.ListField(child=serializers.CharField())
    rubric_version = serializers.IntegerField()
    gold = serializers.DictField()
    judges = serializers.ListField(child=serializers.DictField())
    encoder = serializers.CharField()
    threshold = serializers.DictField()
    cross_fitted = serializers.DictField(allow_null=True)
    frozen_test = serializers.DictField(allow_null=True)
    learnt_from_simulated = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    released_at = serializers.DateTimeField(allow_null=True)
    released_by = serializers.CharField(allow_null=True)
    release_note = serializers.CharField()


class Ensembles(ApiView):
    @door(
        READERS, operation_id="ensembles_list", parameters=[RELEASED, *PAGE_PARAMETERS],
        responses={200: paged(EnsembleOut)},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response:
        """The versions of the project's ensemble, oldest first."""
        made = _of(membership)
        if asked(request, "released") in ("true", "1"):
            made = made.filter(released_at__isnull=False)
        return page(self, request, made, lambda found: [versions.manifest(one) for one in found])


class EnsembleDetail(ApiView):
    @door(READERS, operation_id="ensembles_read", responses={200: EnsembleOut})
    def get(self, request: Request, membership: Membership, number: int) -> Response:
        """One version, with its figures on the frozen test as that stands now."""
        made = _of(membership).filter(number=number).first()
        if made is None:
            raise NotFound("There is no such version in this project.")
        found = versions.tested(made.campaign, made.question)
        test = next((one for one in found if one.made == made), None)
        return Response(versions.manifest(made, test))


def _of(membership: Membership) -> Any:
    made = EnsembleVersion.objects.filter(campaign__project=membership.project)
    return made.select_related(
        "campaign__project", "criterion", "gold__rubric_version", "released_by"
    ).order_by("number")
