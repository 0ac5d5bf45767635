"""The talk on a case, as its page and the adjudicator's show it: posts, and votes kept apart."""

from typing import Any

from django.http import HttpRequest

from annotations import gold, talk
from annotations.answers import Answer
from annotations.errors import BadInput
from annotations.models import Case, Membership
from annotations.views import sheets


def talk_on(found: Case, membership: Membership) -> dict[str, Any] | None:
    """What the template shows; None where the talk is closed to this member."""
    if not talk.can_talk(membership, found):
        return None
    counts, own = talk.votes(found, by=membership), talk.own_votes(found, by=membership)
    return {
        "posts": list(talk.thread(found, by=membership)),
        "me": membership.user_id,
        "most": talk.BODY_MAX,
        "questions": [
            {
                "version": question,
                "options": sheets.options_of(question, own.get(question.criterion_id, "")),
                "voted": own.get(question.criterion_id, ""),
                "counts": [
                    (sheets.label_of(question, Answer.parse(word)), n)
                    for word, n in sorted(counts.get(question.criterion_id, {}).items())
                ],
            }
            for question in gold.questions_of(found)
        ],
    }


def take(request: HttpRequest, membership: Membership, found: Case) -> None:
    """What the form sent: a post, or a vote after the talk."""
    if "vote" not in request.POST:
        talk.post(found, by=membership, body=sheets.clean(request.POST.get("body", "")))
        return
    key = request.POST["vote"]
    asked = [one for one in gold.questions_of(found) if one.criterion.key == key]
    if not asked:
        raise BadInput("Nobody has answered this criterion on this case: nothing to vote on.")
    word = sheets.clean(request.POST.get("answer", ""))
    talk.vote(found, question=asked[0], by=membership, answer=Answer.parse(word))
