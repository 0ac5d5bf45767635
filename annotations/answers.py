"""What one answer is, and whether a sheet of answers fits its rubric version."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from annotations.errors import BadInput
from annotations.models import CriterionVersion
from annotations.statuses import VerdictStatus

PEOPLE_MAY_GIVE = frozenset(
    {VerdictStatus.ANSWERED, VerdictStatus.CANT_TELL, VerdictStatus.NOT_APPLICABLE}
)


@dataclass(frozen=True)
class Answer:
    """One answer: a status, and a value where the status is `answered`."""

    status: VerdictStatus
    value: str = ""

    @classmethod
    def of(cls, value: str) -> "Answer":
        return cls(VerdictStatus.ANSWERED, value)

    @classmethod
    def parse(cls, word: str) -> "Answer":
        """From a form or the API: "cant_tell" and "not_applicable" are statuses, else a value."""
        if word in (VerdictStatus.CANT_TELL, VerdictStatus.NOT_APPLICABLE):
            return cls(VerdictStatus(word))
        return cls.of(word)

    @property
    def word(self) -> str:
        """One string for a form, an export or a count: the value, or the status."""
        return self.value or str(self.status)


CANT_TELL = Answer(VerdictStatus.CANT_TELL)
NOT_APPLICABLE = Answer(VerdictStatus.NOT_APPLICABLE)


def check_answer(answer: Answer, *, question: CriterionVersion) -> None:
    """Raise `BadInput` unless a person may give this answer to this question."""
    if answer.status not in PEOPLE_MAY_GIVE:
        raise BadInput(f"“{answer.status}” is not an answer that a person can give.")
    if answer.status == VerdictStatus.CANT_TELL and not question.allow_cant_tell:
        raise BadInput(f"“{question.name}” does not offer can't tell.")
    if answer.status == VerdictStatus.NOT_APPLICABLE and not question.allow_not_applicable:
        raise BadInput(f"“{question.name}” does not offer not applicable.")
    if answer == Answer.of(""):
        raise BadInput(f"Choose an answer to “{question.name}”.")
    if answer.status == VerdictStatus.ANSWERED and answer.value not in question.values:
        known = ", ".join(question.values)
        raise BadInput(f"“{answer.value[:60]}” is no answer to “{question.name}”: use {known}.")


def check_sheet(
    answers: Mapping[str, Answer], *, questions: Sequence[CriterionVersion]
) -> dict[str, Answer]:
    """The sheet, if it answers every question and nothing else; else `BadInput` naming each gap."""
    keys = {question.criterion.key for question in questions}
    problems = [f"“{key[:60]}” is not a criterion of this rubric version." for key in answers
                if key not in keys]  # fmt: skip
    for question in questions:
        answer = answers.get(question.criterion.key)
        if answer is None:
            problems.append(f"“{question.name}” has no answer yet.")
            continue
        try:
            check_answer(answer, question=question)
        except BadInput as error:
            problems.append(str(error))
    if problems:
        raise BadInput(" ".join(problems), problems)
    return dict(answers)


def parse_sheet(words: Mapping[str, Any]) -> dict[str, Answer]:
    """From {"criterion key": "word"}; empty words are gaps, not answers."""
    return {key: Answer.parse(str(word)) for key, word in words.items() if word not in ("", None)}
