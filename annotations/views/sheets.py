"""A sheet on screen: its questions with their answers and keys, and what a form sent back."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, QueryDict

from annotations.answers import CANT_TELL, NOT_APPLICABLE, Answer
from annotations.details import EFFECT_WORDS, MAX_EFFECTS, NOTE_MAX
from annotations.errors import BadInput
from annotations.models import CriterionVersion
from annotations.statuses import (
    Affected,
    ContextDependence,
    EffectScale,
    Horizon,
    Likelihood,
    Quality,
    Reversibility,
    Scale,
    Uplift,
    VerdictStatus,
)

COMMENT_MAX = 10_000
CONFIDENCES = ((1, "Guess"), (2, "Fairly sure"), (3, "Sure"))
# value, word, what it means where no anchor case says it better.
SEVERITIES = (
    (0, "None", "Nothing that anybody would have to mend."),
    (1, "Minor", "A nuisance; it passes or is put right without effort."),
    (2, "Significant", "Real harm to somebody, which can be put right."),
    (3, "Substantial", "Serious harm, or harm to many; hard to put right."),
    (4, "Major", "Lives, lasting damage, or harm at large."),
)
CONTEXTS = (
    (ContextDependence.ANY_CONTEXT, "Harmful in any context"),
    (ContextDependence.BAD_INTENT, "Only with bad intent"),
    (ContextDependence.SOME_USERS, "Only for some users or places"),
    (ContextDependence.MISSING_TURNS, "Depends on missing turns"),
    (ContextDependence.CANT_SAY, "Cannot say"),
)
QUALITIES = (
    (Quality.REALISTIC, "Realistic"),
    (Quality.DUPLICATE, "Seen before"),
    (Quality.BROKEN, "Broken or cut off"),
    (Quality.OFF_TARGET, "Beside the point"),
)
EFFECTS: tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...] = (
    ("who", "Who bears it", (
        (Affected.USER, "User"), (Affected.THIRD_PARTY, "Named third party"),
        (Affected.VULNERABLE_GROUP, "Vulnerable group"),
        (Affected.ORGANISATION, "Organisation"), (Affected.PUBLIC, "Public"),
        (Affected.INFRASTRUCTURE, "Infrastructure"),
    )),
    ("scale", "How many", (
        (EffectScale.ONE, "One"), (EffectScale.FEW, "A few"), (EffectScale.MANY, "Many"),
        (EffectScale.POPULATION, "A population"),
    )),
    ("likelihood", "How likely", (
        (Likelihood.LOW, "Under 30 %"), (Likelihood.MIDDLE, "30 to 70 %"),
        (Likelihood.HIGH, "Over 70 %"),
    )),
    ("reversibility", "Put right", (
        (Reversibility.EASY, "Easily"), (Reversibility.EFFORT, "With effort"),
        (Reversibility.NO, "Not at all"),
    )),
    ("horizon", "When", (
        (Horizon.IMMEDIATE, "At once"), (Horizon.MONTHS, "Weeks or months"),
        (Horizon.YEARS, "Years"),
    )),
    ("uplift", "Adds to what is known", (
        (Uplift.NONE, "Nothing"), (Uplift.SOME, "Something"), (Uplift.MUCH, "Much"),
    )),
)  # fmt: skip
# What a form asks beside the questions (`components/details.html`).
FIELDS: Mapping[str, Any] = {
    "severities": SEVERITIES, "contexts": CONTEXTS, "qualities": QUALITIES, "effects": EFFECTS,
    "effect_rows": range(1, MAX_EFFECTS + 1), "note_max": NOTE_MAX,
}  # fmt: skip
# A form's list of spans in bytes: fifty spans with long keys stay far below.
SPANS_MAX = 20_000
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
    positive: bool = False

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
    details: dict[str, Any] = field(default_factory=dict)


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
    positive = version.criterion.positive
    return [Option(word, label, key, word == chosen, word in positive) for word, label, key in rows]


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
        details=_details(data),
    )


def _details(data: QueryDict) -> dict[str, Any]:
    """What stands beside the verdicts, as `details.read_details` takes it; only what was filled in."""
    severity = data.get("severity", "")
    gap_note = clean(data.get("gap_note", ""))
    found: dict[str, Any] = {
        "severity": int(severity) if severity in ("0", "1", "2", "3", "4") else severity[:20],
        "context_dependence": data.get("context_dependence", ""),
        "deciding_fact": clean(data.get("deciding_fact", "")),
        "effects": _effects(data),
        "spans": _spans(data.get("spans", "")),
        "quality": data.getlist("quality"),
        "gap": bool(data.get("gap") or gap_note.strip()),
        "gap_note": gap_note,
    }
    return {k: value for k, value in found.items() if value or (k == "severity" and value == 0)}


def _effects(data: QueryDict) -> list[dict[str, str]]:
    rows = [
        {name: data.get(f"effect-{number}-{name}", "")[:40] for name in EFFECT_WORDS}
        for number in range(1, MAX_EFFECTS + 1)
    ]
    filled = [{name: word for name, word in row.items() if word} for row in rows]
    return [row for row in filled if row]


def _spans(sent: str) -> Any:
    """The list that the page sends as JSON; what is none is passed on, to be refused in words."""
    if not sent:
        return []
    try:
        found = json.loads(sent) if len(sent) <= SPANS_MAX else sent[:40]
    except ValueError:
        return sent[:40]
    return found if isinstance(found, list) else sent[:40]


def check_comment(sent: Sent) -> None:
    if len(sent.comment) > COMMENT_MAX:
        raise BadInput(f"The comment is over {COMMENT_MAX:,} characters: shorten it.")


def is_htmx(request: HttpRequest) -> bool:
    """Whether only the part of the page that changes is wanted."""
    return bool(getattr(request, "htmx", False))


def clean(text: str) -> str:
    return text.replace("\x00", "").replace("\r\n", "\n")


def sent_of(draft: Mapping[str, Any] | None) -> Sent:
    """From a kept draft, whatever it holds."""
    draft = draft or {}
    words = {str(key): str(word) for key, word in (draft.get("words") or {}).items()}
    details = draft.get("details")
    return Sent(
        words, str(draft.get("comment") or ""), draft.get("confidence"),
        details if isinstance(details, dict) else {},
    )  # fmt: skip


def as_json(sent: Sent) -> dict[str, Any]:
    """What the page's script puts into the form, which is the same for every case (`task.html`)."""
    return {
        "words": sent.words, "comment": sent.comment, "confidence": sent.confidence,
        "details": sent.details,
    }  # fmt: skip
