"""The dashboard: at most twelve tiles, each a picture, its numbers, what they mean and its cases."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotations import dashboard
from annotations.errors import NotAllowed
from annotations.models import Membership
from annotations.permissions import READERS, has_role
from annotations.views import tiles
from annotations.views.doors import member_page, show

ACTIVE = "Dashboard"


@member_page(READERS)
@require_safe
def dashboard_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The frame, whose tiles are fetched one by one: a slow one keeps no other waiting."""
    return show(
        request, membership, "annotations/dashboard.html", active=ACTIVE,
        sources=tiles.shown_to(membership),
    )  # fmt: skip


@member_page(READERS)
@require_safe
def dashboard_tile(request: HttpRequest, membership: Membership, key: str) -> HttpResponse:
    """One tile; opened as a page of its own where it was not fetched by htmx."""
    source = dashboard.source_of(key)
    if not has_role(membership, source.roles):
        raise NotAllowed("This tile is for leads of the project.")
    part = "#tile" if getattr(request, "htmx", False) else ""
    return show(
        request, membership, f"annotations/dashboard_tile.html{part}", active=ACTIVE,
        tile=source.make(membership),
    )  # fmt: skip
