"""When a thing is allowed, beyond who may do it."""

from annotations.errors import BadInput, Conflict, NotAllowed, NotFound
from annotations.models import Annotation, Case, Membership, RubricVersion
from annotations.permissions import ADJUDICATORS, LEADS, has_role
from annotations.statuses import AnnotationStatus, CaseStatus, Role


def check_can_adjudicate(membership: Membership, case: Case) -> None:
    """Adjudicators only, on a case that is past labelling, and not on their own answer.

    Somebody who rated the case may decide it only where the project has no other adjudicator.
    """
    if not has_role(membership, ADJUDICATORS):
        raise NotAllowed("Adjudicating is for adjudicators, leads and owners of the project.")
    if case.project_id != membership.project_id:
        raise NotFound("There is no such case in this project.")
    if case.status not in (CaseStatus.ADJUDICATION, CaseStatus.SETTLED):
        raise Conflict("This case is still being labelled: adjudication opens when it is done.")
    if is_own_case(membership, case):
        raise NotAllowed("You labelled this case yourself, so another adjudicator decides it.")


def is_own_case(membership: Membership, case: Case) -> bool:
    """Whether the member rated the case, so that one of the other adjudicators must decide it."""
    rated = Annotation.objects.filter(
        case=case, rater__user=membership.user, status=AnnotationStatus.SUBMITTED
    ).exists()
    return rated and others_can_adjudicate(membership)


def others_can_adjudicate(membership: Membership) -> bool:
    return (
        Membership.objects.filter(project=membership.project, role__in=ADJUDICATORS)
        .exclude(pk=membership.pk)
        .exists()
    )


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
