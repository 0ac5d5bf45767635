"""Talk on a case: open to whoever has answered it and owes it no further answer, closed to all else.

Posts carry a pseudonym. Votes after the talk are kept apart from verdicts and counted in none of
their figures. To have read the talk ends the undo of the own answer.
"""

from collections import Counter, defaultdict

from django.db import transaction
from django.db.models import QuerySet

from annotations import audit, gold, labelling, standing, visibility
from annotations.answers import Answer, check_answer
from annotations.errors import BadInput, NotAllowed
from annotations.models import (
    Adjudication,
    Annotation,
    Case,
    CriterionVersion,
    Membership,
    Opinion,
    Post,
    Slot,
    TalkVote,
)
from annotations.permissions import LABELLERS, has_role
from annotations.statuses import AnnotationStatus, SlotStatus, VerdictStatus

BODY_MAX = 4_000


def can_talk(by: Membership, case: Case) -> bool:
    """After the own submission, opinion or decision; never while the member owes an answer."""
    if not has_role(by, LABELLERS) or case.project_id != by.project_id:
        return False
    return _has_answered(by, case) and not owes_an_answer(by, case)


def _has_answered(by: Membership, case: Case) -> bool:
    return (
        Annotation.objects.filter(
            case=case, rater__user=by.user, status=AnnotationStatus.SUBMITTED
        ).exists()
        or Opinion.objects.filter(case=case, by=by.user).exists()
        or Adjudication.objects.filter(case=case, adjudicator=by.user).exists()
    )


def owes_an_answer(by: Membership, case: Case) -> bool:
    """As a rater, as an adjudicator, or on a case that is given again to see how one works."""
    if visibility.still_owes_an_answer(case, by) or standing.owes_an_opinion(by, case):
        return True
    slots = Slot.objects.filter(case=case).exclude(status=SlotStatus.DONE)
    leased = slots.filter(rater__user=by.user, status=SlotStatus.LEASED)
    return leased.exists() or slots.filter(assigned_to__user=by.user).exists()


def check_can_talk(by: Membership, case: Case) -> None:
    if not can_talk(by, case):
        raise NotAllowed("The talk on a case opens once you have answered it yourself.")


def thread(case: Case, *, by: Membership) -> QuerySet[Post]:
    """The posts, the earliest first. Raises `NotAllowed` before the own answer."""
    check_can_talk(by, case)
    posts = Post.objects.filter(case=case)
    if posts.exclude(author=by.user).exists():
        labelling.close_undo(case, user=by.user)
    return posts


@transaction.atomic
def post(case: Case, *, by: Membership, body: str) -> Post:
    """Say something. The same words twice in a row are said once."""
    check_can_talk(by, case)
    body = body.replace("\x00", "").replace("\r\n", "\n").strip()
    if not body:
        raise BadInput("Write something first.")
    if len(body) > BODY_MAX:
        raise BadInput(f"A post has at most {BODY_MAX:,} characters: shorten it.")
    Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    last = Post.objects.filter(case=case).order_by("-id").first()
    if last is not None and (last.author_id, last.body) == (by.user_id, body):
        return last  # a double click, a resent request
    labelling.close_undo(case, user=by.user)
    return Post.objects.create(case=case, author=by.user, pseudonym=by.pseudonym, body=body)


@transaction.atomic
def vote(case: Case, *, question: CriterionVersion, by: Membership, answer: Answer) -> TalkVote:
    """What this member would answer now that it was talked about. The last vote counts."""
    check_can_talk(by, case)
    if question.criterion_id not in {q.criterion_id for q in gold.questions_of(case)}:
        raise BadInput(f"Nobody has answered “{question.name}” on this case: nothing to vote on.")
    check_answer(answer, question=question)
    found, _ = TalkVote.objects.update_or_create(
        case=case, criterion=question.criterion, by=by.user,
        defaults={"status": answer.status, "value": answer.value},
    )  # fmt: skip
    audit.record(
        "voted after talk", f"{case}/{question.criterion}", project=case.project, by=by.user
    )
    return found


def votes(case: Case, *, by: Membership) -> dict[int, dict[str, int]]:
    """criterion id -> how many gave each answer after the talk. Raises `NotAllowed` as `thread`."""
    check_can_talk(by, case)
    found: dict[int, Counter[str]] = defaultdict(Counter)
    for one in TalkVote.objects.filter(case=case):
        found[one.criterion_id][_word(one)] += 1
    return {criterion: dict(counts) for criterion, counts in found.items()}


def own_votes(case: Case, *, by: Membership) -> dict[int, str]:
    """criterion id -> this member's own vote."""
    rows = TalkVote.objects.filter(case=case, by=by.user)
    return {one.criterion_id: _word(one) for one in rows}


def _word(one: TalkVote) -> str:
    return Answer(VerdictStatus(one.status), one.value).word
