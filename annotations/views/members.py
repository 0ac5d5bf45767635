"""The members page: who is in the project, under which pseudonym, in which role."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from annotations import members
from annotations.errors import BadInput, Conflict, NotAllowed, NotFound
from annotations.middleware import status_of
from annotations.models import Membership
from annotations.permissions import LEADS, MEMBERS, has_role
from annotations.statuses import Role
from annotations.views import sheets
from annotations.views.doors import member_page, show

ACTIVE = "Members"
MEANS = {
    Role.OWNER: "everything, and who else is owner",
    Role.LEAD: "rubric, imports, rounds, releases, members; may label and adjudicate",
    Role.ADJUDICATOR: "decides disagreements, reads figures and gold; may label",
    Role.ANNOTATOR: "labels; does not see what others answered before the own answer is given",
    Role.VIEWER: "reads figures and gold",
}


@member_page(MEMBERS)
@require_http_methods(["GET", "HEAD"])
def members_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Pseudonyms and roles for everybody; account names for leads."""
    return _page(request, membership)


@member_page(LEADS)
@require_POST
def add(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Add a person who has an account."""
    username = sheets.clean(request.POST.get("username", ""))
    role = request.POST.get("role", "")
    try:
        made = members.invite(membership, username=username, role=role)
    except (BadInput, Conflict, NotAllowed) as error:
        return _page(request, membership, error=error, username=username, chosen=role)
    messages.success(request, f"{made.user.get_username()} is {made.pseudonym}, {made.role}.")
    return redirect("members", membership.project.slug)


@member_page(LEADS)
@require_POST
def role(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Give a member another role."""
    member = Membership.objects.filter(pk=pk, project=membership.project).first()
    if member is None:
        raise NotFound("There is no such member in this project.")
    try:
        members.give_role(membership, member=member, role=request.POST.get("role", ""))
    except (BadInput, NotAllowed) as error:
        return _page(request, membership, error=error)
    messages.success(request, f"{member.pseudonym} is {member.role} now.")
    return redirect("members", membership.project.slug)


def _page(
    request: HttpRequest, membership: Membership, *,
    error: BadInput | Conflict | NotAllowed | None = None, username: str = "", chosen: str = "",
) -> HttpResponse:  # fmt: skip
    rows = membership.project.memberships.select_related("user").order_by("id")
    return show(
        request, membership, "annotations/members.html", active=ACTIVE, rows=rows, error=error,
        can_lead=has_role(membership, LEADS), roles=_roles(membership), means=MEANS,
        username=username, chosen=chosen or Role.ANNOTATOR,
        status=status_of(error) if error else 200,
    )  # fmt: skip


def _roles(membership: Membership) -> list[Role]:
    """The roles that this member may give."""
    everything = Role(membership.role) == Role.OWNER
    return [role for role in Role if everything or role != Role.OWNER]
