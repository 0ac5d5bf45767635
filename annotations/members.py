"""Projects and their members: who is in, in which role, and as which rater."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.text import slugify

from annotations import audit, policies
from annotations.errors import BadInput, Conflict, NotFound
from annotations.models import Membership, Project, Rater, Rubric
from annotations.statuses import RaterKind, Role


@transaction.atomic
def create_project(name: str, *, by: User | None, **fields: Any) -> Project:
    """A project with its empty rubric; `by` becomes its owner. A slug is made from the name."""
    base = slugify(name)[:70] or "project"
    slug, n = base, 1
    while Project.objects.filter(slug=slug).exists():
        n += 1
        slug = f"{base}-{n}"
    project = Project.objects.create(name=name, slug=slug, **fields)
    Rubric.objects.create(project=project)
    if by is not None:
        add_member(project, user=by, role=Role.OWNER, by=by)
    audit.record("created project", project, project=project, by=by)
    return project


@transaction.atomic
def add_member(project: Project, *, user: User, role: Role, by: User | None) -> Membership:
    """Give a person a role and a pseudonym (R1, R2, ...). A second role is refused."""
    Project.objects.select_for_update().get(pk=project.pk)
    if Membership.objects.filter(project=project, user=user).exists():
        raise Conflict(f"{user.username} is a member already: change the role instead.")
    number = Membership.objects.filter(project=project).count() + 1
    member = Membership.objects.create(
        project=project, user=user, role=role, pseudonym=f"R{number}"
    )
    audit.record("added member", member.pseudonym, project=project, by=by, role=str(role))
    return member


def invite(by: Membership, *, username: str, role: str) -> Membership:
    """A lead adds a person by the account's name. Raises `BadInput` where there is no account."""
    wanted = _role(role)
    policies.check_can_give_role(by, old=None, new=wanted)
    user = User.objects.filter(username=username.strip(), is_active=True).first()
    if user is None:
        raise BadInput(
            f"There is no account “{username.strip()[:60]}”: check the spelling, or ask whoever "
            "runs this server to make one."
        )
    return add_member(by.project, user=user, role=wanted, by=by.user)


def give_role(by: Membership, *, member: Membership, role: str) -> Membership:
    """A lead gives a member another role."""
    if member.project_id != by.project_id:
        raise NotFound("There is no such member in this project.")
    wanted = _role(role)
    policies.check_can_give_role(by, old=Role(member.role), new=wanted)
    return change_role(member, role=wanted, by=by.user)


def _role(word: str) -> Role:
    if word not in list(Role):
        raise BadInput(f"Choose a role: {', '.join(Role)}.")
    return Role(word)


@transaction.atomic
def change_role(membership: Membership, *, role: Role, by: User) -> Membership:
    """Change a role; the last owner can't step down."""
    owners = Membership.objects.select_for_update().filter(
        project=membership.project, role=Role.OWNER
    )
    if membership.role == Role.OWNER and role != Role.OWNER and len(owners) == 1:
        raise BadInput("A project needs an owner: make somebody else owner first.")
    membership.role = role
    membership.save(update_fields=["role"])
    audit.record(
        "changed role", membership.pseudonym, project=membership.project, by=by, role=str(role)
    )
    return membership


def rater_for(membership: Membership) -> Rater:
    """The rater that this member's sheets are given by; made when first needed."""
    rater, _ = Rater.objects.get_or_create(
        project=membership.project,
        user=membership.user,
        defaults={"kind": RaterKind.PERSON, "name": membership.pseudonym},
    )
    return rater
