"""A sheet on screen: its questions with their answers and keys, and what a form sent back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, QueryDict

from annotations.answers import CANT_TELL, NOT_APPLICABLE, Answer
from annotations.errors import BadInput
from annotations.models import CriterionVersion
from annotations.statuses import Scale, VerdictStatus

COMMENT_MAX = 10_000
CONFIDENCES = ((1, "Guess"), (2, "Fairly sure"), (3, "Sure"))
WORDS = {
    VerdictStatus.CANT_TELL: "Can't tell",
    VerdictStatus.NOT_APPLICABLE: "Not applicable",
    VerdictStatus.INVALID: "Invalid: no answer in it",
    VerdictStatus.REFUSED_TO_JUDGE: "Refused to judge",
    VerdictStatus.ERROR: "Error",
}
_YES, _NO = {"yes", "true", "1"}, {"no", "false", "0"}


@dataclass(frozen=True)
class Option:
    """One answer: what is sent, what is shown, and the key that sets it ("y", "shift+2")."""

    word: str
    label: str
    key: str
    chosen: bool

    @property
    def shown_key(self) -> str:
        return self.key.replace("shift+", "⇧").upper()

    @property
    def aria_key(self) -> str:
        return self.key.replace("shift", "Shift") if "+" in self.key else self.key.upper()


@dataclass(frozen=True)
class Question:
    """One criterion on screen."""

    number: int
    version: CriterionVersion
    options: list[Option]
    problem: str = ""

    @property
    def field(self) -> str:
        return f"answer-{self.version.criterion.key}"


@dataclass(frozen=True)
class Sent:
    """What a form holds, clean enough to be kept as a draft."""

    words: dict[str, str]
    comment: str
    confidence: int | None


def label_of(question: CriterionVersion, answer: Answer) -> str:
    """The words on screen for an answer, a judge's missing one among them."""
    return WORDS.get(answer.status) or question.label_of(answer.value)


def on_screen(
    versions: Iterable[CriterionVersion],
    words: Mapping[str, str],
    problems: Mapping[str, str] | None = None,
) -> list[Question]:
    """The questions in their order, each with its answers, keys, and the chosen word."""
    return [
        Question(
            number=number,
            version=version,
            options=options_of(version, words.get(version.criterion.key, "")),
            problem=(problems or {}).get(version.criterion.key, ""),
        )
        for number, version in enumerate(versions, start=1)
    ]


def options_of(version: CriterionVersion, chosen: str = "") -> list[Option]:
    """The scale's answers, then can't tell and not applicable where the question offers them."""
    rows = [
        (value, version.label_of(value), key)
        for value, key in zip(version.values, _keys(version), strict=True)
    ]
    if version.allow_cant_tell:
        rows.append((CANT_TELL.word, WORDS[CANT_TELL.status], "u"))
    if version.allow_not_applicable:
        rows.append((NOT_APPLICABLE.word, WORDS[NOT_APPLICABLE.status], "a"))
    return [Option(word, label, key, word == chosen) for word, label, key in rows]


def _keys(version: CriterionVersion) -> list[str]:
    """y and n for a binary scale; shift and the value where values are digits, else the place."""
    values = version.values
    if version.scale == Scale.BINARY and len(values) == 2:
        first_is_no = values[0].lower() in _NO or values[1].lower() in _YES
        return ["n", "y"] if first_is_no else ["y", "n"]
    if all(len(value) == 1 and value.isdigit() for value in values):
        return [f"shift+{value}" for value in values]
    return [f"shift+{place}" if place <= 9 else "" for place in range(1, len(values) + 1)]


def read(data: QueryDict, versions: Iterable[CriterionVersion]) -> Sent:
    """Only what belongs on the sheet. NUL can't be stored, so it is dropped here."""
    words = {}
    for version in versions:
        word = clean(data.get(f"answer-{version.criterion.key}", ""))[:120]
        if word:
            words[version.criterion.key] = word
    confidence = data.get("confidence", "")
    return Sent(
        words=words,
        comment=clean(data.get("comment", "")).strip(),
        confidence=int(confidence) if confidence in ("1", "2", "3") else None,
    )


def check_comment(sent: Sent) -> None:
    if len(sent.comment) > COMMENT_MAX:
        raise BadInput(f"The comment is over {COMMENT_MAX:,} characters: shorten it.")


def is_htmx(request: HttpRequest) -> bool:
    """Whether only the part of the page that changes is wanted."""
    return bool(getattr(request, "htmx", False))


def clean(text: str) -> str:
    return text.replace("\x00", "").replace("\r\n", "\n")


def sent_of(draft: Mapping[str, Any]) -> Sent:
    """From a kept draft, whatever it holds."""
    words = {str(key): str(word) for key, word in (draft.get("words") or {}).items()}
    return Sent(words, str(draft.get("comment") or ""), draft.get("confidence"))
