"""Projects and their members: who is in, in which role, under which pseudonym, and as which rater."""

import re
import secrets
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from annotations import audit, policies, queue, sittings
from annotations.errors import BadInput, Conflict, NotFound
from annotations.models import Invitation, Membership, Project, Rater, Rubric, Sitting, Slot
from annotations.permissions import LEADS
from annotations.statuses import RaterKind, Role, SlotPurpose, SlotStatus

# Pseudonyms are drawn from R1 to R99, and from more once a fifth of those are given.
FEWEST_PSEUDONYMS = 99
FORMER = "a former member"


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
    """Give a person a role and a pseudonym. A second role is refused.

    Somebody who comes back is the same rater as before, under the same pseudonym.
    """
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    if Membership.objects.filter(project=project, user=user).exists():
        raise Conflict(f"{user.username} is a member already: change the role instead.")
    before = Rater.objects.filter(project=project, user=user).first()
    member = Membership.objects.create(
        project=project, user=user, role=role,
        pseudonym=before.name if before else _new_pseudonym(project),
    )  # fmt: skip
    audit.record("added member", member.pseudonym, project=project, by=by, role=str(role))
    return member


def _new_pseudonym(project: Project) -> str:
    """R and a random number, which nobody in the project has or had: it does not tell who came first."""
    taken = {
        *Membership.objects.filter(project=project).values_list("pseudonym", flat=True),
        *Rater.objects.filter(project=project).values_list("name", flat=True),
    }
    free = [
        name
        for number in range(1, max(FEWEST_PSEUDONYMS, 5 * len(taken)) + 1)
        if (name := f"R{number}") not in taken
    ]
    return secrets.choice(free)


def invite(by: Membership, *, username: str, role: str) -> Membership:
    """A lead adds a person by the account's name. Raises `BadInput` where there is no account."""
    wanted = read_role(role)
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
    wanted = read_role(role)
    policies.check_can_give_role(by, old=Role(member.role), new=wanted)
    return change_role(member, role=wanted, by=by.user)


def read_role(word: str) -> Role:
    if word not in list(Role):
        raise BadInput(f"Choose a role: {', '.join(Role)}.")
    return Role(word)


@transaction.atomic
def change_role(membership: Membership, *, role: Role, by: User) -> Membership:
    """Change a role; the last owner can't step down."""
    if role != Role.OWNER:
        _check_not_last_owner(membership)
    membership.role = role
    membership.save(update_fields=["role"])
    _end_links(membership, may_still_give=_gives(role))
    audit.record(
        "changed role", membership.pseudonym, project=membership.project, by=by, role=str(role)
    )
    return membership


@transaction.atomic
def remove(by: Membership, *, member: Membership) -> None:
    """Take somebody out of the project, at once.

    The cases that the person holds go back to the queue. Drafts and sheets stay, and so does the
    rater that they belong to: whoever is added again goes on as the same one.
    """
    if member.project_id != by.project_id:
        raise NotFound("There is no such member in this project.")
    policies.check_can_give_role(by, old=Role(member.role), new=Role(member.role))
    _check_not_last_owner(member)
    # The claim of a rater locks the same row: none can come between.
    rater = (
        Rater.objects.select_for_update(no_key=True)
        .filter(project=member.project_id, user=member.user_id)
        .first()
    )
    if rater is not None:
        _stop_work(rater)
    _end_links(member, may_still_give=frozenset())
    audit.record("removed member", member.pseudonym, project=by.project, by=by.user,
                 role=str(member.role))  # fmt: skip
    member.delete()


def _stop_work(rater: Rater) -> None:
    """Give back what the rater holds or was given by hand, and end the sitting."""
    queue.give_back_all(rater)
    given = Slot.objects.filter(assigned_to=rater, purpose=SlotPurpose.LABEL)
    if given.exclude(status=SlotStatus.DONE).update(assigned_to=None):
        queue.rewind(rater.project_id)
    for sitting in Sitting.objects.filter(rater=rater, ended_at__isnull=True):
        sittings.end(sitting)


def _gives(role: Role) -> frozenset[Role]:
    """The roles that somebody of this role may give to others."""
    if role == Role.OWNER:
        return frozenset(Role)
    return frozenset(Role) - {Role.OWNER} if role in LEADS else frozenset()


def _end_links(member: Membership, *, may_still_give: frozenset[Role]) -> None:
    """An invitation is worth no more than the role of whoever made it."""
    Invitation.objects.filter(
        project=member.project_id, created_by=member.user_id, revoked_at__isnull=True
    ).exclude(role__in=may_still_give).update(revoked_at=timezone.now())


def _check_not_last_owner(member: Membership) -> None:
    owners = Membership.objects.select_for_update().filter(
        project=member.project_id, role=Role.OWNER
    )
    if member.role == Role.OWNER and len(owners) == 1:
        raise BadInput("A project needs an owner: make somebody else owner first.")


def names_in(project: Project) -> dict[int, str]:
    """{account: pseudonym} of everybody who is or was a member and rated: what pages call people."""
    raters = Rater.objects.filter(project=project, user__isnull=False)
    here = project.memberships.values_list("user_id", "pseudonym")
    return dict(raters.values_list("user_id", "name")) | dict(here)


def in_order(pseudonym: str) -> tuple[str, int]:
    """A sort key: R9 before R10."""
    found = re.fullmatch(r"(\D*)(\d{1,9})", pseudonym)
    return (found[1], int(found[2])) if found else (pseudonym, 0)


def rater_for(membership: Membership) -> Rater:
    """The rater that this member's sheets are given by; made when first needed."""
    if membership.own_rater is not None:
        return membership.own_rater
    rater, _ = Rater.objects.get_or_create(
        project=membership.project,
        user=membership.user,
        defaults={"kind": RaterKind.PERSON, "name": membership.pseudonym},
    )
    return rater
