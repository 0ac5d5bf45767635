"""What every project page opens with: who is it, may they, and the side bar."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import SimpleLazyObject

from annotations.models import Membership
from annotations.navigation import navigation
from annotations.permissions import MEMBERS, membership_for
from annotations.simulated import simulated_notice
from annotations.statuses import Role
from annotations.watching import Notice, notices_for

View = Callable[..., HttpResponse]
# Who answers cases, a lead too, is told nothing about arms and raters there.
UNDISTURBED = frozenset({"Label", "Adjudicate"})


def member_page(roles: frozenset[Role] = MEMBERS) -> Callable[[View], View]:
    """Sign-in, then membership with one of `roles`: the view gets (request, membership, ...).

    The address has a `slug`. A stranger gets 404, a member of another role 403.
    """

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def wrapped(request: HttpRequest, slug: str, **kwargs: Any) -> HttpResponse:
            return view(request, membership_for(request.user, slug, roles), **kwargs)

        wrapped.roles = roles  # type: ignore[attr-defined]  # read by the test of every page
        return wrapped

    return decorate


def show(
    request: HttpRequest, membership: Membership, template: str, *, active: str,
    status: int = 200, **context: Any,
) -> HttpResponse:  # fmt: skip
    """Render a project page (or its fragment, "page.html#part") with the side bar.

    The side bar is counted and the notice asked for only where the template shows them.
    """
    context = {
        "project": membership.project,
        "membership": membership,
        "nav": SimpleLazyObject(partial(navigation, membership, active=active)),
        "simulated": SimpleLazyObject(partial(simulated_notice, membership.project)),
        "notices": SimpleLazyObject(partial(_notices, membership, active)),
        **context,
    }
    return render(request, template, context, status=status)


def _notices(membership: Membership, active: str) -> list[Notice]:
    """What leads are told on every page but where they answer cases themselves."""
    return [] if active in UNDISTURBED else notices_for(membership)
