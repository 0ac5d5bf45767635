"""Who may see whose label, and what AI help, phase by phase: the rules of blindness."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from annotations import standing
from annotations.models import Annotation, Case, Check, Membership, Opinion, Rater, Slot
from annotations.permissions import ADJUDICATORS, LABELLERS, READERS
from annotations.statuses import (
    EXPOSED_ARMS,
    TAUGHT,
    AnnotationStatus,
    Arm,
    CaseStatus,
    RaterKind,
    Role,
    SlotPurpose,
    SlotStatus,
)


def can_see_prelabel(sheet: Annotation, *, rater: Rater) -> bool:
    """The AI's answer: only to the sheet's own rater, after the answer, in the arm reveal."""
    return (
        sheet.rater_id == rater.pk
        and sheet.status == AnnotationStatus.SUBMITTED
        and sheet.arm == Arm.REVEAL
    )


def can_see_help_before(slot: Slot, *, rater: Rater) -> bool:
    """Any AI help before the answer: to the slot's own rater at work, in the exposed arms.

    Never on a check, on an audit case, where a blind answer is still owed, or in an arm that a lead
    has suspended since, whatever the slot says.
    """
    return (
        slot.rater_id == rater.pk
        and slot.status == SlotStatus.LEASED
        and slot.purpose == SlotPurpose.LABEL
        and slot.arm in EXPOSED_ARMS
        and slot.arm not in slot.project.suspended_arms
        and not slot.blind_only
        and not slot.case.is_audit
    )


def can_see_evidence(slot: Slot, *, rater: Rater) -> bool:
    """The AI's spans and precedents before the answer: no verdict, no score."""
    return can_see_help_before(slot, rater=rater) and slot.arm == Arm.EVIDENCE


def can_see_verdict_before(slot: Slot, *, rater: Rater) -> bool:
    """The AI's verdict, filled in before the answer: in the arm shown alone, and no score."""
    return can_see_help_before(slot, rater=rater) and slot.arm == Arm.SHOWN


def can_see_planted(check: Check, *, rater: Rater) -> bool:
    """A sentinel's planted answer: to its own rater, after the answer, as in the arm reveal."""
    return (
        check.rater_id == rater.pk
        and check.purpose == SlotPurpose.SENTINEL
        and check.answered_at is not None
    )


def can_see_right_answer(check: Check, *, rater: Rater) -> bool:
    """What a check's right answer was: to its own rater, after the answer, where it teaches.

    After a sentinel too, once the rater has said the last word on it; never on known gold and
    repeats, which the rater must not know from any case.
    """
    if check.rater_id != rater.pk or check.answered_at is None:
        return False
    return check.purpose in TAUGHT or (check.purpose == SlotPurpose.SENTINEL and bool(check.final))


def still_owes_an_answer(case: Case, membership: Membership) -> bool:
    """Whether this member could yet be asked to label the case: then all others' labels are secret.

    True while the case is being labelled and the member has no submitted sheet on it, and as long
    as the member has it in work as a check, whatever became of it before.
    """
    if is_in_work_as_a_check(case, membership):
        return True
    if case.status not in (CaseStatus.NEW, CaseStatus.LABELLING):
        return False
    if Role(membership.role) not in LABELLERS:
        return False
    return not Annotation.objects.filter(
        case=case, rater__user=membership.user, status=AnnotationStatus.SUBMITTED
    ).exists()


def is_in_work_as_a_check(case: Case, membership: Membership) -> bool:
    """Whether the member has the case to answer as a check: a settled one, or an own one again."""
    return Check.objects.filter(
        case=case, rater__user=membership.user, answered_at__isnull=True
    ).exists()


def status_shown(case: Case, membership: Membership) -> CaseStatus:
    """The case's status; to whoever has it in work as a check it looks like any case in work."""
    if is_in_work_as_a_check(case, membership):
        return CaseStatus.LABELLING
    return CaseStatus(case.status)


def sheets_visible_to(membership: Membership, case: Case) -> QuerySet[Annotation]:
    """The submitted sheets on a case that this member may see, people's and judges'.

    annotator: the own one; all people's once the case is settled and the own answer was given.
    owner, lead, adjudicator, viewer: all, once nobody is labelling the case any more; one who may
    adjudicate it, only after the own, blind answer. Nobody sees any, the own neither, while the case
    is in work as a check: a repeat must not be copied.
    """
    if is_in_work_as_a_check(case, membership):
        return Annotation.objects.none()
    sheets = Annotation.objects.filter(case=case, status=AnnotationStatus.SUBMITTED)
    own = sheets.filter(rater__user=membership.user)
    role = Role(membership.role)
    if role in READERS:
        over = case.status in (CaseStatus.ADJUDICATION, CaseStatus.SETTLED)
        return sheets if over and not standing.owes_an_opinion(membership, case) else own
    if case.status == CaseStatus.SETTLED and own.exists():
        return sheets.exclude(rater__kind=RaterKind.JUDGE)
    return own


def settled_sheets_for(membership: Membership) -> QuerySet[Annotation]:
    """Every sheet on the project's settled cases, but those that this member is yet to answer again."""
    asked = standing.rechecks_for(membership).values("case")
    return Annotation.objects.filter(
        project=membership.project_id, status=AnnotationStatus.SUBMITTED,
        case__status=CaseStatus.SETTLED,
    ).exclude(case__in=asked)  # fmt: skip


def can_see_origin(membership: Membership, case: Case) -> bool:
    """Name, family and strata of a case, which can tell what it was made for: not before labelling.

    A rater whose answer is still to come must not learn that a case is of the control half, say.
    """
    return Role(membership.role) in READERS or not still_owes_an_answer(case, membership)


def can_see_gold(membership: Membership, case: Case) -> bool:
    """Settled answers: readers, unless they are to answer the case blind as adjudicators.

    A rater: once the case is settled and the own answer was given. Nobody who has it in work as a
    check.
    """
    if is_in_work_as_a_check(case, membership):
        return False
    if Role(membership.role) in READERS:
        return not standing.owes_an_opinion(membership, case)
    return (
        case.status == CaseStatus.SETTLED
        and Annotation.objects.filter(
            case=case, rater__user=membership.user, status=AnnotationStatus.SUBMITTED
        ).exists()
    )


def cases_with_answers_for(membership: Membership) -> QuerySet[Case]:
    """The cases of the project whose settled answers a list may tell this reader.

    Past labelling, and not one that the reader is yet to answer blind, as adjudicator or as a check.
    """
    user, over = membership.user_id, (CaseStatus.ADJUDICATION, CaseStatus.SETTLED)
    asked = Check.objects.filter(case=OuterRef("pk"), rater__user=user, answered_at__isnull=True)
    found = Case.objects.filter(~Exists(asked), project=membership.project_id, status__in=over)
    if Role(membership.role) not in ADJUDICATORS:
        return found
    own = Annotation.objects.filter(
        case=OuterRef("pk"), rater__user=user, status=AnnotationStatus.SUBMITTED
    )
    said = Opinion.objects.filter(case=OuterRef("case"), criterion=OuterRef("criterion"), by=user)
    to_answer = standing.open_verdicts().filter(~Exists(said), case=OuterRef("pk"))
    to_recheck = standing.rechecks_for(membership).filter(case=OuterRef("pk"))
    owed = Q(status=CaseStatus.ADJUDICATION) & Exists(to_answer) & ~Exists(own)
    return found.exclude(owed | (Q(status=CaseStatus.SETTLED) & Exists(to_recheck)))


def in_work_as_checks(membership: Membership) -> QuerySet[Case]:
    """The cases that the member has in work as checks: they look like any case in work."""
    checks = Check.objects.filter(rater__user=membership.user_id, answered_at__isnull=True)
    return Case.objects.filter(project=membership.project_id, pk__in=checks.values("case"))


def can_see_side_by_side(membership: Membership, case: Case) -> bool:
    """Raters side by side: adjudicators, once the labelling of the case is over."""
    return Role(membership.role) in ADJUDICATORS and case.status in (
        CaseStatus.ADJUDICATION,
        CaseStatus.SETTLED,
    )
