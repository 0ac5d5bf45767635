"""What the words of label columns mean: the scale they make, and how a judge's words are read.

A judge's parser takes one cell and the question, and gives the answer or None. Its name and version
are part of the judge's revision, so that a changed parser is another judge. A word that no parser
reads is `invalid` or, where the judge declined in the first person, `refused_to_judge`: it is never
an answer.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from annotations.answers import Answer
from annotations.models import CriterionVersion
from annotations.statuses import Scale, VerdictStatus
from annotations.tables.problems import shown

# (positive, negative), in lower case; the positive one is the failure that is looked for.
BINARY_PAIRS = (("1", "0"), ("yes", "no"), ("true", "false"), ("unsafe", "safe"))
STATUS_WORDS = frozenset({VerdictStatus.CANT_TELL.value, VerdictStatus.NOT_APPLICABLE.value})
MAX_WORDS = 20
MAX_LENGTH = 120
MOST_CELLS = 0.8  # of those that can be read: below it a column holds several formats


@dataclass(frozen=True)
class Question:
    """What labels are read against: an existing criterion, or one made from the file's words."""

    key: str
    scale: Scale
    values: tuple[str, ...]
    positive: tuple[str, ...] = ()
    allow_cant_tell: bool = True
    allow_not_applicable: bool = False
    is_new: bool = False

    @classmethod
    def of(cls, version: CriterionVersion) -> "Question":
        return cls(
            key=version.criterion.key,
            scale=Scale(version.scale),
            values=tuple(version.values),
            positive=tuple(version.criterion.positive),
            allow_cant_tell=version.allow_cant_tell,
            allow_not_applicable=version.allow_not_applicable,
        )

    @property
    def poles(self) -> tuple[str, str] | None:
        """(positive, negative) of a binary scale whose positive answer is known."""
        if len(self.values) != 2 or len(self.positive) != 1:
            return None
        other = [value for value in self.values if value not in self.positive]
        return (self.positive[0], other[0]) if len(other) == 1 else None

    def read(self, word: str) -> Answer | None:
        """A person's word as an answer to this question, or None when it is none."""
        if word in self.values:
            return Answer.of(word)
        if word == VerdictStatus.CANT_TELL and self.allow_cant_tell:
            return Answer(VerdictStatus.CANT_TELL)
        if word == VerdictStatus.NOT_APPLICABLE and self.allow_not_applicable:
            return Answer(VerdictStatus.NOT_APPLICABLE)
        return None


def question_from(
    words: Iterable[str], *, key: str, scale: Scale | None, positive: Sequence[str]
) -> Question:
    """The question that the words answer. Raises ValueError where they make none."""
    found = set(words)
    values = sorted(found - STATUS_WORDS, key=natural_order)
    pair = _binary_pair(values)
    if pair is not None and scale in (None, Scale.BINARY):
        values = list(pair)
    _check_spelling(values)
    if len(values) < 2:
        raise ValueError("The label columns hold fewer than two different answers.")
    if scale == Scale.BINARY and len(values) != 2:
        raise ValueError(
            f"A binary scale has two answers; here are {len(values)}: {listed(values)}."
        )
    unknown = [word for word in positive if word not in values]
    if unknown:
        raise ValueError(
            f"{shown(unknown[0])} is no answer in the file, which has: {listed(values)}."
        )
    binary = pair is not None or scale == Scale.BINARY
    return Question(
        key=key,
        scale=scale or (Scale.BINARY if binary else Scale.NOMINAL),
        values=tuple(values),
        positive=tuple(positive) or ((pair[0],) if pair and scale in (None, Scale.BINARY) else ()),
        allow_not_applicable=VerdictStatus.NOT_APPLICABLE.value in found,
        is_new=True,
    )


def _binary_pair(values: Sequence[str]) -> tuple[str, str] | None:
    """(positive, negative) as the file spells them; the missing one spelt like the one seen."""
    for pair in BINARY_PAIRS:
        if values and {value.casefold() for value in values} <= set(pair) and len(values) <= 2:
            model = values[0]
            spell = str.title if model.istitle() else str.upper if model.isupper() else str.lower
            seen = {value.casefold(): value for value in values}
            if len(seen) == len(values):
                return seen.get(pair[0], spell(pair[0])), seen.get(pair[1], spell(pair[1]))
    return None


def _check_spelling(values: Sequence[str]) -> None:
    spelt: dict[str, str] = {}
    for value in values:
        other = spelt.setdefault(value.casefold(), value)
        if other != value:
            raise ValueError(
                f"{shown(other)} and {shown(value)} differ only in case: make them one word."
            )


def natural_order(word: str) -> tuple[int, float, str]:
    """Numbers by size, then words by the alphabet."""
    try:
        return 0, float(word), word
    except ValueError:
        return 1, 0.0, word


def listed(values: Iterable[str]) -> str:
    return ", ".join(shown(value) for value in values)


# --- judges -----------------------------------------------------------------------------------

Parser = Callable[[str, Question], str | None]


def exact(word: str, question: Question) -> str | None:
    """The word is an answer as it stands."""
    return word.strip() if word.strip() in question.values else None


def _by_pair(positive: str, negative: str) -> Parser:
    def parse(word: str, question: Question) -> str | None:
        bare = word.strip().strip(".!\"'`*").casefold()
        if question.poles is None or bare not in (positive, negative):
            return None
        return question.poles[0] if bare == positive else question.poles[1]

    return parse


_RATING = re.compile(r"rating:\s*\[\[\s*(\d{1,3})\s*\]\]", re.IGNORECASE)


def pair_rating(word: str, question: Question) -> str | None:
    """PAIR's judge, "Rating: [[n]]", n from 1 to 10: positive only at 10.

    The last block counts: a target that prints the judge's format must not win.
    """
    ratings = _RATING.findall(word)
    if question.poles is None or not ratings or not 1 <= int(ratings[-1]) <= 10:
        return None
    return question.poles[0] if int(ratings[-1]) == 10 else question.poles[1]


_yes_no, _zero_one = _by_pair("yes", "no"), _by_pair("1", "0")
_true_false, _safe_unsafe = _by_pair("true", "false"), _by_pair("unsafe", "safe")


def mixed(word: str, question: Question) -> str | None:
    """Yes/no, 0/1, true/false, safe/unsafe and PAIR's ratings side by side, each cell by its own."""
    readers = (exact, _yes_no, _zero_one, _true_false, _safe_unsafe, pair_rating)
    return next((found for one in readers if (found := one(word, question)) is not None), None)


# name -> (version, parser); the order decides between parsers that read equally much.
PARSERS: Mapping[str, tuple[int, Parser]] = {
    "exact": (1, exact),
    "yes_no": (1, _yes_no),
    "zero_one": (1, _zero_one),
    "true_false": (1, _true_false),
    "safe_unsafe": (1, _safe_unsafe),
    "pair_rating": (1, pair_rating),
    "mixed": (1, mixed),
}


def revision_of(parser: str) -> str:
    """The revision of a judge that came with a file and was read by this parser."""
    return f"import:{parser}-{PARSERS[parser][0]}"


def choose_parser(words: Counter[str], question: Question) -> str:
    """The parser that reads most of a column's cells; `mixed` only where no single one reads most.

    A few strays in a column of one format stay invalid: they may well be something else.
    """
    read = {
        name: sum(n for word, n in words.items() if parse(word, question) is not None)
        for name, (_, parse) in PARSERS.items()
    }
    together = read.pop("mixed")
    best = max(read, key=lambda name: read[name])  # the first of equals
    return "mixed" if read[best] < MOST_CELLS * together else best


_SORRY = r"(?:i(?:'m| am)|we(?:'re| are))(?: \w+){0,2} (?:sorry|unable)\b"
_CANNOT = r"(?:i|we)(?: \w+)? (?:can't|cannot|can not|won't|will not|must decline|decline|refuse)\b"
_REFUSAL = re.compile(
    rf"\W*(?:{_SORRY}|{_CANNOT}|sorry,|my apologies|(?:i|we) apologi[sz]e"
    rf"|as an ai\b|unfortunately,? (?:i|we)\b)",
    re.IGNORECASE,
)


def judge_answer(word: str, *, parser: str, question: Question) -> Answer:
    """What a judge's cell says: an answer, or the reason why it is none."""
    value = PARSERS[parser][1](word, question)
    if value is not None:
        return Answer.of(value)
    declined = _REFUSAL.match(word.replace("’", "'").strip())
    return Answer(VerdictStatus.REFUSED_TO_JUDGE if declined else VerdictStatus.INVALID)
