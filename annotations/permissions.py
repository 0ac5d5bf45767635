"""Who may do what: access is fetched, not tested; a stranger can't tell a secret from a gap."""

from django.contrib.auth.models import AnonymousUser, User

from annotations import rows
from annotations.errors import NotAllowed, NotFound
from annotations.models import Membership, Project, Rater, Sitting
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
    membership = _find(user, slug)
    if membership is None:
        raise NotFound("There is no such project, or you are not one of its members.")
    if Role(membership.role) not in roles:
        wanted = ", ".join(sorted(roles))
        raise NotAllowed(
            f"Your role here is {membership.role}; this page is for: {wanted}. "
            "Ask a lead of the project if you need it."
        )
    return membership


_FIND = f"""
SELECT {rows.columns(Membership, "m")}, {rows.columns(Project, "p")}, {rows.columns(Rater, "r")},
       {rows.columns(Sitting, "s")}
FROM annotations_membership m JOIN annotations_project p ON p.id = m.project_id
LEFT JOIN annotations_rater r ON r.project_id = p.id AND r.user_id = m.user_id
LEFT JOIN annotations_sitting s ON s.rater_id = r.id AND s.ended_at IS NULL
WHERE p.slug = %(slug)s AND m.user_id = %(user)s
"""  # noqa: S608 (column names)


def _find(user: User, slug: str) -> Membership | None:
    """The membership with its project, its user, its rater and the rater's sitting, in one query."""
    row = rows.one(_FIND, values={"slug": slug, "user": user.pk})
    if row is None:
        return None
    member, project, rater, sitting, _ = rows.split(row, Membership, Project, Rater, Sitting)
    membership = rows.build(Membership, member)
    membership.user, membership.project = user, rows.build(Project, project)
    if rater[0] is not None:
        own = membership.own_rater = rows.build(Rater, rater)
        own.user, own.project = user, membership.project
        own.open_sitting = rows.build(Sitting, sitting) if sitting[0] is not None else None
    return membership


def has_role(membership: Membership, roles: frozenset[Role]) -> bool:
    return Role(membership.role) in roles
