"""Projects that the caller is a member of."""

from collections.abc import Sequence
from typing import Any, cast

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations.api.doors import PAGE_PARAMETERS, ApiView, door, page, paged
from annotations.models import Membership
from annotations.permissions import MEMBERS
from annotations.simulated import simulated_notice
from annotations.statuses import Role, choices


class ProjectOut(serializers.Serializer[Any]):
    """A project, and what the caller is in it."""

    slug = serializers.SlugField()
    name = serializers.CharField()
    description = serializers.CharField()
    role = serializers.ChoiceField(choices(Role))
    pseudonym = serializers.CharField()
    overlap = serializers.IntegerField()
    is_demo = serializers.BooleanField()
    rubric_version = serializers.IntegerField(
        allow_null=True, help_text="The released version, or null before there is one."
    )
    simulated = serializers.CharField(help_text="What in it is simulated; empty: nothing.")


class Projects(ApiView):
    @extend_schema(
        operation_id="projects_list", parameters=PAGE_PARAMETERS,
        responses={200: paged(ProjectOut)},
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        """The caller's projects; a stranger to all gets an empty list."""
        mine = Membership.objects.filter(user=cast(User, request.user)).select_related(
            "project__rubric"
        )
        return page(self, request, mine, _shown)


class ProjectDetail(ApiView):
    @door(MEMBERS, operation_id="projects_read", responses={200: ProjectOut})
    def get(self, request: Request, membership: Membership) -> Response:
        """One project."""
        return Response(_project(membership))


def _shown(memberships: Sequence[Membership]) -> list[dict[str, Any]]:
    return [_project(membership) for membership in memberships]


def _project(membership: Membership) -> dict[str, Any]:
    project = membership.project
    released = project.rubric.released
    return {
        "slug": project.slug,
        "name": project.name,
        "description": project.description,
        "role": membership.role,
        "pseudonym": membership.pseudonym,
        "overlap": project.overlap,
        "is_demo": project.is_demo,
        "rubric_version": released.number if released else None,
        "simulated": simulated_notice(project),
    }
