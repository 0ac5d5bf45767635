"""Who may do what: access is fetched, not tested; a stranger can't tell a secret from a gap."""

from django.contrib.auth.models import AnonymousUser, User

from annotations.errors import NotAllowed, NotFound
from annotations.models import Membership
from annotations.statuses import Role

LEADS = frozenset({Role.OWNER, Role.LEAD})
ADJUDICATORS = frozenset({Role.OWNER, Role.LEAD, Role.ADJUDICATOR})
LABELLERS = frozenset({Role.OWNER, Role.LEAD, Role.ADJUDICATOR, Role.ANNOTATOR})
# Figures and gold tell what others answered, so annotators are not among their readers.
READERS = frozenset({Role.OWNER, Role.LEAD, Role.ADJUDICATOR, Role.VIEWER})
MEMBERS = frozenset(Role)


def membership_for(
    user: User | AnonymousUser, slug: str, roles: frozenset[Role] = MEMBERS
) -> Membership:
    """The user's membership in the project, if its role is one of `roles`.

    Raises `NotFound` for a stranger (and for no such project), `NotAllowed` for another role.
    """
    if not isinstance(user, User):
        raise NotFound("There is no such project, or you are not one of its members.")
    membership = (
        Membership.objects.select_related("project", "user")
        .filter(project__slug=slug, user=user)
        .first()
    )
    if membership is None:
        raise NotFound("There is no such project, or you are not one of its members.")
    if Role(membership.role) not in roles:
        wanted = ", ".join(sorted(roles))
        raise NotAllowed(
            f"Your role here is {membership.role}; this page is for: {wanted}. "
            "Ask a lead of the project if you need it."
        )
    return membership


def has_role(membership: Membership, roles: frozenset[Role]) -> bool:
    return Role(membership.role) in roles
