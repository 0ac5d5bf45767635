"""What a sheet says beside its verdicts: severity, context, effects, spans, quality, a gap.

Every part may be missing. Words come from `statuses`; a span is a stretch of one block of the case,
in code points, with its text quoted, so that it is still right when it is read elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from annotations.answers import Answer
from annotations.errors import BadInput
from annotations.models import Annotation, Case, CriterionVersion
from annotations.statuses import (
    Affected,
    ContextDependence,
    EffectScale,
    Horizon,
    Likelihood,
    Quality,
    Reversibility,
    Uplift,
)

SEVERITIES = (0, 1, 2, 3, 4)
# From this severity a violation names its evidence, and effects are asked for.
EVIDENCE_FROM = 2
MAX_EFFECTS = 2
MAX_SPANS = 50
NOTE_MAX = 400
EFFECT_WORDS: Mapping[str, type[StrEnum]] = {
    "who": Affected,
    "scale": EffectScale,
    "likelihood": Likelihood,
    "reversibility": Reversibility,
    "horizon": Horizon,
    "uplift": Uplift,
}


@dataclass(frozen=True)
class Span:
    """`text[start:end]` of one block of a case, as evidence on one criterion.

    `part` is "context", "response" or "turn-N" (N counts the conversation from 0); `start` and
    `end` count code points from 0, `end` is not included.
    """

    criterion: str
    part: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True)
class Details:
    """Beside the verdicts. Effects are {"who": ..., "scale": ..., ...}, each word optional but who."""

    severity: int | None = None
    context_dependence: str = ""
    deciding_fact: str = ""
    effects: list[dict[str, str]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    quality: list[str] = field(default_factory=list)
    gap: bool = False
    gap_note: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, sheet: Annotation) -> "Details":
        """As they were submitted with this sheet."""
        return read_details({name: getattr(sheet, name) for name in cls.__dataclass_fields__})


NO_DETAILS = Details()


def read_details(given: Mapping[str, Any] | None) -> Details:
    """From a form, a draft or the API. Raises `BadInput` that names what is not known."""
    given = given or {}
    problems: list[str] = []
    unknown = sorted(set(given) - set(Details.__dataclass_fields__))
    problems += [f"“{name[:60]}” is not a part of a sheet." for name in unknown]
    severity = given.get("severity")
    if severity is not None and (isinstance(severity, bool) or severity not in SEVERITIES):
        problems.append("Severity is a whole number from 0 to 4.")
    context = str(given.get("context_dependence") or "")
    _word(context, ContextDependence, "context dependence", problems)
    quality = _list(given.get("quality"), "quality", problems)
    for word in quality:
        _word(str(word), Quality, "quality", problems)
    details = Details(
        severity=severity,
        context_dependence=context,
        deciding_fact=_note(given.get("deciding_fact"), "The deciding fact", problems),
        effects=_effects(given.get("effects"), problems),
        spans=_spans(given.get("spans"), problems),
        quality=sorted({str(word) for word in quality}),
        gap=bool(given.get("gap")),
        gap_note=_note(given.get("gap_note"), "The note on the gap", problems),
    )
    if problems:
        raise BadInput(" ".join(problems), problems)
    return details


def _word(word: str, known: type[StrEnum], what: str, problems: list[str]) -> None:
    if word and word not in list(known):
        problems.append(f"“{word[:60]}” is no {what}: use {', '.join(known)}.")


def _note(text: object, what: str, problems: list[str]) -> str:
    note = str(text or "").replace("\x00", "").strip()
    if len(note) > NOTE_MAX:
        problems.append(f"{what} is over {NOTE_MAX} characters: shorten it.")
    return note


def _list(given: object, what: str, problems: list[str]) -> list[Any]:
    if given in (None, ""):
        return []
    if not isinstance(given, list):
        problems.append(f"{what.capitalize()} is a list.")
        return []
    return given


def _effects(given: object, problems: list[str]) -> list[dict[str, str]]:
    """At most two rows; a row without any word is no row."""
    found = []
    for row in _list(given, "effects", problems):
        if not isinstance(row, dict):
            problems.append("An effect is a row of words: who, scale, likelihood, ...")
            continue
        words = {str(k): str(v) for k, v in row.items() if v not in (None, "")}
        if not words:
            continue
        for name in sorted(set(words) - set(EFFECT_WORDS)):
            problems.append(f"“{name[:60]}” is not a part of an effect.")
        for name, known in EFFECT_WORDS.items():
            _word(words.get(name, ""), known, name, problems)
        if "who" not in words:
            problems.append("Say who bears the effect, or clear its row.")
        found.append(words)
    if len(found) > MAX_EFFECTS:
        problems.append(f"At most {MAX_EFFECTS} effects: keep the weightiest.")
    return found


def _spans(given: object, problems: list[str]) -> list[Span]:
    found = []
    for row in _list(given, "spans", problems):
        try:
            if isinstance(row, Span):
                found.append(row)
                continue
            span = Span(
                str(row["criterion"]), str(row["part"]), int(row["start"]), int(row["end"]),
                str(row.get("quote") or ""),
            )  # fmt: skip
        except (AttributeError, KeyError, TypeError, ValueError):
            problems.append("A span has a criterion, a part, a start and an end.")
            continue
        found.append(span)
    if len(found) > MAX_SPANS:
        problems.append(f"At most {MAX_SPANS} spans: keep those that decide.")
    return found[: MAX_SPANS + 1]


def parts_of(case: Case) -> dict[str, str]:
    """The blocks of a case in which spans lie: name -> text, in reading order."""
    parts = {"context": case.context} if case.context else {}
    for number, turn in enumerate(case.conversation):
        parts[f"turn-{number}"] = str(turn.get("content", "")) if isinstance(turn, dict) else ""
    if case.response:
        parts["response"] = case.response
    return parts


def says_nothing(details: Details) -> bool:
    """Whether there is nothing in the details that a case has to be read for."""
    return not details.spans and (details.severity or 0) < EVIDENCE_FROM


def check_details(
    details: Details, *, answers: Mapping[str, Answer], questions: Sequence[CriterionVersion],
    case: Case,
) -> Details:  # fmt: skip
    """The details with their quotes filled in, if they fit the sheet; else `BadInput`.

    A violation of severity 2 or more needs a span as evidence, where the case has a text to mark.
    """
    problems: list[str] = []
    parts = parts_of(case)
    by_key = {question.criterion.key: question for question in questions}
    spans = []
    for span in details.spans:
        text = parts.get(span.part)
        if span.criterion not in by_key:
            problems.append(f"“{span.criterion[:60]}” is not a criterion of this rubric version.")
        elif text is None or not 0 <= span.start < span.end <= len(text):
            problems.append("A marked passage lies outside the case: mark it again.")
        else:
            quote = text[span.start : span.end]
            spans.append(Span(span.criterion, span.part, span.start, span.end, quote))
    if (details.severity or 0) >= EVIDENCE_FROM and any(parts.values()):
        marked = {span.criterion for span in spans}
        problems += [
            f"“{question.name}”: mark the passage that violates it (S), as its severity is 2 or more."
            for key, question in by_key.items()
            if answers[key].value in question.criterion.positive and key not in marked
        ]
    if problems:
        raise BadInput(" ".join(problems), problems)
    return Details(**{**{n: getattr(details, n) for n in Details.__dataclass_fields__},
                      "spans": spans})  # fmt: skip
