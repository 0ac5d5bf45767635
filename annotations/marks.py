"""Marks: what an adjudicator makes of a decided case, for those who write, train and generate."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from annotations import audit, policies, standing
from annotations.errors import BadInput, Conflict, NotAllowed
from annotations.models import (
    Adjudication,
    Case,
    Criterion,
    CriterionVersion,
    Mark,
    Membership,
    Project,
)
from annotations.permissions import ADJUDICATORS, has_role
from annotations.statuses import MarkKind

NOTE_MAX = 2_000


@transaction.atomic
def mark(
    case: Case, *, question: CriterionVersion, kind: str, by: Membership, note: str = ""
) -> Mark:
    """Make something of a case that is decided. Twice is once: the first one's note stays."""
    policies.check_can_adjudicate(by, case)
    known = _known(kind)
    if len(note) > NOTE_MAX:
        raise BadInput(f"The note is over {NOTE_MAX:,} characters: shorten it.")
    if not _is_decided(case, question, by.user):
        raise Conflict("Decide the case first: a mark says what was learnt from the decision.")
    found, made = Mark.objects.get_or_create(
        case=case, criterion=question.criterion, kind=known,
        defaults={"note": note.strip(), "by": by.user},
    )  # fmt: skip
    if made:
        audit.record(
            "marked case", f"{case}/{question.criterion}", project=case.project, by=by.user,
            kind=str(known),
        )  # fmt: skip
    return found


@transaction.atomic
def unmark(case: Case, *, criterion: Criterion, kind: str, by: Membership) -> None:
    """Take a mark off again, because it was taken up or made in error. Any adjudicator may."""
    if case.project_id != by.project_id or not has_role(by, ADJUDICATORS):
        raise NotAllowed("Marks are taken off by adjudicators, leads and owners of the project.")
    known = _known(kind)
    gone, _ = Mark.objects.filter(case=case, criterion=criterion, kind=known).delete()
    if gone:
        audit.record(
            "unmarked case", f"{case}/{criterion}", project=case.project, by=by.user,
            kind=str(known),
        )  # fmt: skip


def _known(kind: str) -> MarkKind:
    try:
        return MarkKind(kind)
    except ValueError:
        raise BadInput(f"“{kind[:60]}” is no mark: use {', '.join(MarkKind)}.") from None


def _is_decided(case: Case, question: CriterionVersion, user: User) -> bool:
    here = {"case": case, "criterion": question.criterion_id}
    return (
        case.gold.filter(criterion=question.criterion_id, superseded_at__isnull=True).exists()
        or Adjudication.objects.filter(**here, adjudicator=user).exists()
    )


def listed(by: Membership, kinds: Iterable[MarkKind]) -> QuerySet[Mark]:
    """The marks of these kinds that this member may read: none on a case still to be answered."""
    if not has_role(by, ADJUDICATORS):
        return Mark.objects.none()
    return (
        Mark.objects.filter(standing.current_gold(), case__project=by.project, kind__in=list(kinds))
        .exclude(case__in=standing.rechecks_for(by).values("case"))
        .select_related("case", "criterion", "by")
        .order_by("kind", "-id")
    )


def marked(project: Project, kind: MarkKind) -> QuerySet[Mark]:
    """The project's marks of one kind on what has gold, the newest first."""
    settled = standing.current_gold()
    return (
        Mark.objects.filter(settled, case__project=project, kind=kind)
        .select_related("case", "criterion", "by")
        .order_by("-id")
    )
