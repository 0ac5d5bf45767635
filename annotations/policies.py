"""When a thing is allowed, beyond who may do it."""

import hashlib
import hmac

from django.conf import settings

from annotations import standing
from annotations.errors import BadInput, Conflict, NotAllowed, NotFound
from annotations.models import Case, Membership, RubricVersion
from annotations.permissions import ADJUDICATORS, LEADS, has_role
from annotations.standing import Stand, Standing
from annotations.statuses import CaseStatus, Role

RECHECK_SHARE = 0.10  # of decisions, answered again blind by another adjudicator


def check_can_adjudicate(membership: Membership, case: Case) -> None:
    """Adjudicators only, on a case that is past labelling, and not on their own answer.

    Somebody who rated the case may decide it only where every other adjudicator rated it too, and
    an owner where two adjudicators differ.
    """
    if not has_role(membership, ADJUDICATORS):
        raise NotAllowed("Adjudicating is for adjudicators, leads and owners of the project.")
    if case.project_id != membership.project_id:
        raise NotFound("There is no such case in this project.")
    if case.status not in (CaseStatus.ADJUDICATION, CaseStatus.SETTLED):
        raise Conflict("This case is still being labelled: adjudication opens when it is done.")
    if is_own_case(membership, case) and not _is_referee(membership, case):
        raise NotAllowed("You labelled this case yourself, so another adjudicator decides it.")


def is_own_case(membership: Membership, case: Case) -> bool:
    """Whether the member rated the case, so that one of the other adjudicators must decide it."""
    eligible = standing.eligible_by_case([case])[case.pk]
    return bool(eligible) and membership.user_id not in eligible


def _is_referee(membership: Membership, case: Case) -> bool:
    """Whether an owner is asked to decide between two adjudicators, whoever rated the case."""
    if Role(membership.role) != Role.OWNER:
        return False
    return any(one.stand == Stand.DISPUTED for one in standing.of_cases([case]).values())


def is_next_decider(membership: Membership, stands: Standing) -> bool:
    """Whether this adjudicator's decision can move an open question on.

    One adjudicator does not second the own decision, nor decide a dispute of which it is a side;
    an owner may do the latter.
    """
    if membership.user_id not in stands.deciders or stands.stand in (Stand.OPEN, Stand.DECIDED):
        return True
    return stands.stand == Stand.DISPUTED and Role(membership.role) == Role.OWNER


def check_is_next_decider(membership: Membership, stands: Standing) -> None:
    if is_next_decider(membership, stands):
        return
    if stands.stand == Stand.SECOND:
        raise Conflict(
            "Your decision is kept. At severity 3 or more it takes two: it becomes gold when "
            "another adjudicator, who does not know it, decides the same."
        )
    raise NotAllowed(
        "You and another adjudicator differ here: a third adjudicator or an owner decides."
    )


def wants_recheck(case: Case, *, criterion_id: int, number: int) -> bool:
    """Whether the case's decision of this number is to be checked: by a keyed hash, one in ten."""
    message = f"recheck:{case.pk}:{criterion_id}:{number}".encode()
    digest = hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < RECHECK_SHARE


def check_can_give_role(by: Membership, *, old: Role | None, new: Role) -> None:
    """Leads give roles; the role of owner is given, and taken, by owners alone."""
    if not has_role(by, LEADS):
        raise NotAllowed("Members and their roles are changed by leads and owners of the project.")
    if Role.OWNER in (old, new) and Role(by.role) != Role.OWNER:
        raise NotAllowed("Only an owner can make somebody owner, or take that role away.")


def check_can_release(version: RubricVersion) -> None:
    """A rubric version is released only when every criterion can be answered."""
    questions = list(version.criteria.all())
    problems = [] if questions else ["Add at least one criterion before you release the rubric."]
    for question in questions:
        if len(question.options) < 2:
            problems.append(f"“{question.name}” needs at least two answers.")
        if len(set(question.values)) != len(question.values):
            problems.append(f"“{question.name}” has the same answer twice.")
        if not question.definition.strip():
            problems.append(f"“{question.name}” has no definition: raters need one.")
    if problems:
        raise BadInput(" ".join(problems), problems)
