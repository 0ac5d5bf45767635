"""The members page: who is in the project, under which pseudonym, in which role; and who is invited."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotations import invitations, members
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
Refused = BadInput | Conflict | NotAllowed


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
    member = _member(membership, pk)
    try:
        members.give_role(membership, member=member, role=request.POST.get("role", ""))
    except (BadInput, NotAllowed) as error:
        return _page(request, membership, error=error)
    messages.success(request, f"{member.pseudonym} is {member.role} now.")
    return redirect("members", membership.project.slug)


@member_page(LEADS)
@require_POST
def remove(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Take a member out; the cases in work go to others."""
    member = _member(membership, pk)
    try:
        members.remove(membership, member=member)
    except (BadInput, NotAllowed) as error:
        return _page(request, membership, error=error)
    if member.user_id == membership.user_id:
        messages.success(request, f"You are no longer a member of {membership.project.name}.")
        return redirect("home")
    messages.success(
        request,
        f"{member.pseudonym} is removed. Sheets and drafts stay; cases in work go to others.",
    )
    return redirect("members", membership.project.slug)


@member_page(LEADS)
@require_POST
@never_cache
def invite(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Make an invitation link and show it in the answer, and never again."""
    sent = {name: sheets.clean(request.POST.get(name, "")).strip()
            for name in ("role", "note", "uses", "expiry")}  # fmt: skip
    is_number = sent["uses"].isdecimal() and len(sent["uses"]) < 6
    try:
        _, secret = invitations.make(
            membership, role=sent["role"], note=sent["note"], expiry=sent["expiry"],
            uses=int(sent["uses"]) if is_number else 0,
        )  # fmt: skip
    except (BadInput, NotAllowed) as error:
        return _page(request, membership, error=error, sent=sent)
    link = request.build_absolute_uri(reverse("invitation", args=[secret]))
    return _page(request, membership, link=link, status=201)


@member_page(LEADS)
@require_POST
def revoke_invitation(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """End an invitation link."""
    try:
        invitations.revoke(membership, pk=pk)
    except NotAllowed as error:
        return _page(request, membership, error=error)
    messages.success(request, "That link opens nothing any more.")
    return redirect("members", membership.project.slug)


def _member(membership: Membership, pk: int) -> Membership:
    member = (
        Membership.objects.select_related("user").filter(pk=pk, project=membership.project).first()
    )
    if member is None:
        raise NotFound("There is no such member in this project.")
    return member


def _page(
    request: HttpRequest, membership: Membership, *, error: Refused | None = None,
    username: str = "", chosen: str = "", status: int = 200, **more: Any,
) -> HttpResponse:  # fmt: skip
    # By pseudonym: the order of joining tells who is who.
    rows = sorted(
        membership.project.memberships.select_related("user"),
        key=lambda row: members.in_order(row.pseudonym),
    )
    can_lead = has_role(membership, LEADS)
    if can_lead:
        more |= {
            "links": invitations.open_links(membership.project).select_related("created_by"),
            "names": members.names_in(membership.project),
            "expiries": [(days, name) for days, (name, _) in invitations.EXPIRIES.items()],
            "most_uses": invitations.MOST_USES,
        }
    return show(
        request, membership, "annotations/members.html", active=ACTIVE, rows=rows, error=error,
        can_lead=can_lead, roles=_roles(membership), means=MEANS,
        username=username, chosen=chosen or Role.ANNOTATOR,
        status=status_of(error) if error else status, **more,
    )  # fmt: skip


def _roles(membership: Membership) -> list[Role]:
    """The roles that this member may give."""
    everything = Role(membership.role) == Role.OWNER
    return [role for role in Role if everything or role != Role.OWNER]
