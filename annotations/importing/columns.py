"""Which column of a file is what: as a person maps it, or guessed from names (pure)."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from annotations.tables import Problem
from annotations.tables.problems import shown

# What each role is, in the words of the preview's form.
ROLES: Mapping[str, str] = {
    "case": "case id",
    "prompt": "prompt",
    "system": "system message",
    "response": "response",
    "context": "context",
    "conversation": "conversation (JSON turns)",
    "family": "family",
    "target": "target (model)",
    "stratum": "stratum",
    "category": "category",
    "expected": "expected behaviour (refuse or comply)",
    "rater": "a person's label",
    "judge": "a judge's verdict",
    "settled": "settled label",
}
ALIASES = {
    "id": "case",
    "item": "case",
    "model": "target",
    "completion": "response",
    "messages": "conversation",
    "gold": "settled",
}
SINGLE = frozenset(
    {"prompt", "system", "response", "context", "conversation", "family", "target", "expected",
     "settled"}
)  # fmt: skip
TEXTS = ("prompt", "system", "response", "context", "conversation")
LABELS = ("rater", "judge", "settled")
# The roles that are strata of their own name, whatever their column is called.
OWN_STRATA = ("target", "expected")
MAX_RATER_NAME = 120

# Tried in order; the first role whose pattern is the whole name wins.
_GUESSES = [
    (role, re.compile(pattern, re.IGNORECASE))
    for role, pattern in [
        ("settled", r"label|(final|gold|settled|consensus|majority|adjudicated)"
                    r"([_ ]?(label|answer))?"),
        ("rater", r"(annotation|annotator|human|rater|labell?er|coder|label)[_ ]?\d+"),
        ("rater", r"(annotator|human|rater|labell?er|coder)([_ ]\w+)?"),
        ("judge", r".*(judge|gpt|llama|mixtral|claude|gemini|guard|chatglm|strmatch|string_?match"
                  r"|classifier|advbench).*"),
        ("judge", r"cls(_\w+)?|jailbroken(_\w+)?"),
        ("case", r"(id|item|uid|index|case|(case|item|sample|example)[_ ]?id)"),
        ("system", r"system([_ ]?(prompt|message))?"),
        ("prompt", r"(\w+_)?(prompt|question)"),
        ("prompt", r"(prompt|question|instruction|input|request|goal|user)([_ ]?text)?"),
        ("response", r"(response|completion|answer|generation|output|reply)([_ ]?text)?"),
        ("context", r"context(string|[_ ]?text)?"),
        ("conversation", r"(messages|conversation|dialogue|dialog|turns|chat)"),
        ("target", r"(model|target)([_ ]?(name|id))?"),
        ("family", r"(family|seed|behaviou?r)([_ ]?id)?"),
        ("category", r"(\w+[_ ])?category"),
        ("expected", r"expected[_ ]?behaviou?r"),
        ("stratum", r"(type|method|language|split|topic|functional|semantic|prompt_label|source)"),
    ]
]  # fmt: skip


@dataclass(frozen=True)
class ColumnMap:
    """(role, column) in the order given, and the parser of each judge column that was named."""

    pairs: tuple[tuple[str, str], ...] = ()
    parsers: Mapping[str, str] = field(default_factory=dict)

    def many(self, *roles: str) -> tuple[str, ...]:
        return tuple(column for role, column in self.pairs if role in roles)

    def one(self, role: str) -> str | None:
        return next(iter(self.many(role)), None)

    @property
    def strata(self) -> tuple[tuple[str, str], ...]:
        """(name of the stratum, column)."""
        named = [(column, column) for column in dict.fromkeys(self.many("stratum", "category"))]
        own = ((role, self.one(role)) for role in OWN_STRATA)
        return (*named, *((role, column) for role, column in own if column))

    @property
    def has_text(self) -> bool:
        return bool(self.many(*TEXTS))


def parse_pair(word: str) -> tuple[str, str]:
    """`case=id` -> ("case", "id"). Raises ValueError with what to write instead."""
    role, equals, column = word.partition("=")
    role = ALIASES.get(role.strip(), role.strip())
    if not equals or not column.strip():
        raise ValueError(f"“{word}” is no mapping: write ROLE=COLUMN, for example case=id.")
    if role not in ROLES:
        near = difflib.get_close_matches(role, ROLES, n=1)
        hint = f"Did you mean “{near[0]}”? " if near else ""
        raise ValueError(f"“{role}” is no role. {hint}There are: {', '.join(ROLES)}.")
    return role, column.strip()


def resolve(mapping: ColumnMap, columns: Sequence[str]) -> ColumnMap:
    """Split `case=id,model` where no column has that name."""
    pairs: list[tuple[str, str]] = []
    for role, column in mapping.pairs:
        parts = [part.strip() for part in column.split(",")]
        if role == "case" and column not in columns and len(parts) > 1:
            pairs += [(role, part) for part in parts]
        else:
            pairs.append((role, column))
    return ColumnMap(tuple(pairs), dict(mapping.parsers))


def guess(columns: Sequence[str], words: Mapping[str, int | None]) -> ColumnMap:
    """The mapping that the names suggest. `words`: different values a column, None for many.

    A column of many different values is no label of a person, whatever its name.
    """
    pairs: list[tuple[str, str]] = []
    taken: set[str] = set()
    for column in columns:
        role = next((r for r, pattern in _GUESSES if pattern.fullmatch(column.strip())), None)
        if role is None or (role in (*SINGLE, "case") and role in taken):
            continue
        if role in ("rater", "settled", "stratum", "category") and words.get(column) is None:
            continue
        taken.add(role)
        pairs.append((role, column))
    if "conversation" in taken:
        pairs = [(role, column) for role, column in pairs if role not in ("prompt", "system")]
    return ColumnMap(tuple(pairs))


def check_map(mapping: ColumnMap, columns: Sequence[str], *, line: int | None) -> list[Problem]:
    """What is wrong with the mapping itself, before any row is read."""
    problems = [
        Problem(line, column, _unknown(column, columns))
        for _, column in mapping.pairs
        if column not in columns
    ]
    for role in sorted(SINGLE):
        given = mapping.many(role)
        if len(given) > 1:
            problems.append(
                Problem(
                    line, given[1], f"Only one column can be the {role}: {shown(given[0])} is it."
                )
            )
    problems += _twice(mapping, line)
    if mapping.one("conversation") and mapping.many("prompt", "system"):
        message = "Map a conversation, or a prompt with its system message, not both."
        problems.append(Problem(line, mapping.one("conversation"), message))
    if not mapping.has_text and not mapping.many("case"):
        message = "Nothing says what the cases are: map a case id, or a prompt and a response."
        problems.append(Problem(line, None, message))
    for role in OWN_STRATA:
        if role in mapping.many("stratum", "category") and mapping.one(role) not in (None, role):
            message = f"The stratum “{role}” is the {role} column's: leave one of the two out."
            problems.append(Problem(line, role, message))
    for column in mapping.parsers:
        if column not in mapping.many("judge"):
            message = "A parser is named for this column, which is not mapped as a judge."
            problems.append(Problem(line, column, message))
    return problems


def _twice(mapping: ColumnMap, line: int | None) -> Iterable[Problem]:
    """A column that is two raters, or a rater and a judge: its labels would count twice."""
    seen: dict[str, str] = {}
    for role, column in mapping.pairs:
        if role not in LABELS:
            continue
        if len(column) > MAX_RATER_NAME:
            yield Problem(
                line, column[:40], f"A rater's name has at most {MAX_RATER_NAME} characters."
            )
        if column in seen:
            was = f"{shown(column)} is mapped twice, as {seen[column]} and as {role}"
            yield Problem(line, column, f"{was}: each column is one rater, so name it once.")
        seen.setdefault(column, role)


def _unknown(column: str, columns: Sequence[str]) -> str:
    near = difflib.get_close_matches(column, columns, n=1)
    hint = f"Did you mean {shown(near[0])}? " if near else ""
    known = ", ".join(shown(name) for name in columns[:30]) + (" …" if len(columns) > 30 else "")
    return f"The file has no column {shown(column)}. {hint}It has: {known}."
