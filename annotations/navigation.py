"""The side bar of a project: each app adds its pages; a member sees those of the own role."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from annotations.models import Membership, Project
from annotations.permissions import has_role
from annotations.statuses import Role


@dataclass(frozen=True)
class NavItem:
    """One line of the side bar. `count` says how much waits there, or None."""

    label: str
    url_name: str
    roles: frozenset[Role]
    position: int
    count: Callable[[Membership], int | None] | None = None


NAV_ITEMS: list[NavItem] = []
# From which position on the items stand under which heading; a short list needs none.
GROUPS = ((0, ""), (20, "Work"), (35, "Measurement"), (55, "Data"), (70, "People"))
FEW = 8


def navigation(membership: Membership, *, active: str) -> dict[str, Any]:
    """The `nav` that base.html reads (docs/design.md)."""
    project = membership.project
    own = [item for item in NAV_ITEMS if has_role(membership, item.roles)]
    items: list[dict[str, Any]] = []
    heading = ""
    for item in sorted(own, key=lambda item: item.position):
        before, heading = heading, _heading_of(item)
        if heading != before and len(own) > FEW:
            items.append({"heading": heading})
        items.append(
            {
                "label": item.label,
                "href": reverse(item.url_name, args=[project.slug]),
                "active": item.label == active,
                "count": (item.count(membership) or None) if item.count else None,
            }
        )
    projects = Project.objects.filter(memberships__user=membership.user).order_by("name")
    return {
        "project": {"label": project.name, "href": reverse("project", args=[project.slug])},
        "projects": [
            {"label": p.name, "href": reverse("project", args=[p.slug]), "active": p == project}
            for p in projects
        ],
        "items": items,
        "active": active,
    }


def _heading_of(item: NavItem) -> str:
    return [name for start, name in GROUPS if start <= item.position][-1]
