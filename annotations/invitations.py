"""Links that make whoever opens them a member: made by leads, shown once, kept only as a hash."""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from annotations import audit, members, policies
from annotations.errors import BadInput, Conflict, NotFound
from annotations.models import Invitation, Membership, Project
from annotations.statuses import Role

# What a lead chooses from.
EXPIRIES: dict[str, tuple[str, timedelta]] = {
    "1": ("1 day", timedelta(days=1)),
    "7": ("1 week", timedelta(days=7)),
    "30": ("30 days", timedelta(days=30)),
}
MOST_USES = 200
MOST_LINKS = 50
NOTE_MAX = 120
# The same words for a link that never was, ran out, was revoked or is used up by others: whoever
# tries secrets learns nothing.
NO_LINK = (
    "This invitation opens nothing: it has expired, was revoked, was used up, or was copied "
    "incompletely. Ask whoever sent it for a new link."
)


def make(
    by: Membership, *, role: str, note: str = "", uses: int = 1, expiry: str = "7"
) -> tuple[Invitation, str]:
    """A link's row and its secret, which can't be shown a second time. Owners alone invite owners."""
    wanted = members.read_role(role)
    policies.check_can_give_role(by, old=None, new=wanted)
    if expiry not in EXPIRIES:
        raise BadInput(f"Choose how long the link works: {', '.join(EXPIRIES)} (days).")
    if not 1 <= uses <= MOST_USES:
        raise BadInput(f"A link lets in from 1 to {MOST_USES} people: change how many.")
    if len(note) > NOTE_MAX:
        raise BadInput(f"Keep the note under {NOTE_MAX} characters.")
    if open_links(by.project).count() >= MOST_LINKS:
        raise BadInput(f"There are {MOST_LINKS} open links already: revoke those not needed.")
    secret = secrets.token_urlsafe(32)
    made = Invitation.objects.create(
        project=by.project, role=wanted, secret_hash=hashed(secret), note=note, max_uses=uses,
        created_by=by.user, expires_at=timezone.now() + EXPIRIES[expiry][1],
    )  # fmt: skip
    audit.record("made invitation", made.pk, project=by.project, by=by.user,
                 role=str(wanted), uses=uses, expiry=expiry)  # fmt: skip
    return made, secret


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def open_links(project: Project) -> QuerySet[Invitation]:
    """The links that still let somebody in, the newest first."""
    return project.invitations.filter(
        revoked_at__isnull=True, expires_at__gt=timezone.now(), uses__lt=F("max_uses")
    ).order_by("-pk")


def revoke(by: Membership, *, pk: int) -> Invitation:
    """End a link at once; who came by it stays."""
    link = Invitation.objects.filter(pk=pk, project=by.project).first()
    if link is None:
        raise NotFound("There is no such invitation in this project.")
    policies.check_can_give_role(by, old=None, new=Role(link.role))
    if Invitation.objects.filter(pk=pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
        audit.record("revoked invitation", link.pk, project=by.project, by=by.user)
    return link


def find(secret: str) -> Invitation:
    """The link that the secret opens. Raises `NotFound`, always in the same words."""
    link = (
        Invitation.objects.select_related("project")
        .filter(secret_hash=hashed(secret), revoked_at__isnull=True, expires_at__gt=timezone.now(),
                uses__lt=F("max_uses"))
        .first()
    )  # fmt: skip
    if link is None:
        raise NotFound(NO_LINK)
    return link


def already_in(user: User, secret: str) -> Membership | None:
    """The person's membership in the link's project, even if the link opens nothing any more."""
    return (
        Membership.objects.select_related("project")
        .filter(user=user, project__invitations__secret_hash=hashed(secret))
        .first()
    )


@transaction.atomic
def sign_up(secret: str, *, username: str, password: str) -> Membership:
    """A new account that is a member at once; where the link opens nothing, no account either."""
    find(secret)
    user = User.objects.create_user(username, password=password)
    return join(user, secret)


@transaction.atomic
def join(user: User, secret: str) -> Membership:
    """Make the person a member. A second time, or a member already, is refused with the way on."""
    link = Invitation.objects.select_for_update().filter(pk=find(secret).pk).get()
    # Read again under the lock: the last use may have been taken meanwhile.
    if link.uses >= link.max_uses or link.revoked_at is not None:
        raise NotFound(NO_LINK)
    if Membership.objects.filter(project=link.project, user=user).exists():
        raise Conflict("You are a member of this project already: the link was not used up.")
    member = members.add_member(link.project, user=user, role=Role(link.role), by=link.created_by)
    Invitation.objects.filter(pk=link.pk).update(uses=F("uses") + 1)
    audit.record("joined by invitation", member.pseudonym, project=link.project, by=user,
                 invitation=link.pk, role=str(link.role))  # fmt: skip
    return member
