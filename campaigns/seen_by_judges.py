"""What a judge sees of a case: its text and its family; nothing else of the database goes with it."""

from annotations.models import Case
from campaigns.judging.examples import Example


def example_of(case: Case) -> Example:
    """The case as text."""
    turns = tuple((str(t.get("role", "")), str(t.get("content", ""))) for t in case.conversation)
    return Example(
        key=str(case.pk),
        family=case.family,
        context=case.context,
        conversation=turns[:-1],
        prompt=case.prompt,
        response=case.response,
        stratum=case.strata.get("kind", ""),
        deployment=str(case.strata.get("deployment", "")),
        asker=str(case.strata.get("asker", "")),
    )
