"""Precedents: settled cases that read most like a given one, for raters and adjudicators.

The newest settled cases of the same rubric version are compared, so many and no more, however large
the project is: one query for which they are, one for texts that this process has not read yet, one
for the gold of the nearest. Texts are compared by the words that they share, rare words more than
common ones; where the floor above has vectors of the texts, by those.
"""

import hashlib
import re
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

from django.db.models import CharField, F, Func, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Left, NullIf

from annotations.answers import Answer
from annotations.models import Case, Gold, RubricVersion
from annotations.statuses import Cause, VerdictStatus

MOST_CASES = 200
MOST_CHARACTERS = 1_500  # of the prompt and of the response, for their words
EXCERPT = 400
REMEMBERED = 1_000  # texts in memory: about 10 MB
_WORD = re.compile(r"\w{2,}")

# Filled by the floor above at start-up: (own text's sha256, others') -> how alike each other is, or
# None where it has no vector of it; None for all where it has none of the own text.
Nearness = Callable[[str, Sequence[str]], Sequence[float | None] | None]
NEARNESS: list[Nearness] = []


@dataclass(frozen=True)
class Settled:
    """One settled answer of a precedent, in words. Cause and note are the adjudicator's, or empty."""

    question: str
    answer: str
    cause: str
    note: str


@dataclass(frozen=True)
class Precedent:
    """A settled case with its answers; `likeness` is 1 for the same words, 0 for none shared."""

    case_id: int
    prompt: str
    response: str
    notice: str
    likeness: float
    answers: tuple[Settled, ...]
    is_simulated: bool


@dataclass(frozen=True)
class Text:
    """What is remembered of a case's text."""

    prompt: str
    response: str
    notice: str
    sha256: str
    words: frozenset[str]


def nearest(case: Case, *, rubric_version: RubricVersion, limit: int = 3) -> list[Precedent]:
    """The settled cases under this rubric version that read most like `case`, the nearest first."""
    texts = _texts_of(_newest_settled(rubric_version, but=case))
    own = _own_text(case)
    likeness = _by_vectors(own, texts, at_least=limit) or _by_words(own, texts)
    best = sorted((pk for pk in likeness if likeness[pk] > 0), key=lambda pk: (-likeness[pk], -pk))
    golds = _gold_under(rubric_version, best[:limit])
    return [_precedent(golds[pk], texts[pk], likeness[pk]) for pk in best[:limit] if pk in golds]


def there_are(case: Case, *, version_id: int) -> bool:
    """Whether any other case is settled under the version: all of a claim's question, one look."""
    settled = Gold.objects.filter(
        project=case.project_id, superseded_at__isnull=True, criterion_version__version=version_id
    )
    return settled.exclude(case=case.pk).exists()


def _newest_settled(version: RubricVersion, *, but: Case) -> list[int]:
    """The newest cases that are settled under the version, each once."""
    rows = Gold.objects.filter(
        project=but.project_id, superseded_at__isnull=True, criterion_version__version=version
    ).order_by("-id")  # fmt: skip
    ids = rows.exclude(case=but.pk).values_list("case_id", flat=True)[:MOST_CASES]
    return list(dict.fromkeys(ids))


def _gold_under(version: RubricVersion, case_ids: Sequence[int]) -> dict[int, list[Gold]]:
    """case id -> its gold under the version."""
    found: dict[int, list[Gold]] = defaultdict(list)
    if not case_ids:
        return found
    rows = Gold.objects.filter(
        case__in=case_ids, superseded_at__isnull=True, criterion_version__version=version
    ).select_related("criterion_version", "adjudication")  # fmt: skip
    for gold in rows:
        found[gold.case_id].append(gold)
    return found


# Texts of cases never change, so what was read of them once is read no more.
_REMEMBERED: OrderedDict[int, Text] = OrderedDict()


def _texts_of(case_ids: Iterable[int]) -> dict[int, Text]:
    found = {pk: _REMEMBERED.get(pk) for pk in case_ids}
    new = [pk for pk, text in found.items() if text is None]
    fresh = dict(_read_texts(new)) if new else {}
    _REMEMBERED.update(fresh)
    while len(_REMEMBERED) > REMEMBERED:
        _REMEMBERED.popitem(last=False)
    return {pk: text or fresh[pk] for pk, text in found.items() if text or pk in fresh}


class Sha256(Func):
    """PostgreSQL's own; Django's asks for an extension."""

    template = "encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')"
    output_field = CharField()


def _read_texts(case_ids: Sequence[int]) -> Iterable[tuple[int, Text]]:
    """Only the beginnings are read: a case may be of any length."""
    prompt = KeyTextTransform("content", KeyTransform("-1", "conversation"))
    whole = Func(
        Value("\n"), *(NullIf(part, Value("")) for part in (F("context"), prompt, F("response"))),
        function="CONCAT_WS", output_field=CharField(),
    )  # fmt: skip
    rows = Case.objects.filter(pk__in=case_ids).values_list(
        "pk", Left(prompt, MOST_CHARACTERS), Left("response", MOST_CHARACTERS),
        KeyTextTransform("content_notice", "strata"), Sha256(whole),
    )  # fmt: skip
    for pk, asked, response, notice, sha256 in rows:
        asked, response = asked or "", response or ""
        yield pk, Text(asked[:EXCERPT], response[:EXCERPT], notice or "", sha256,
                       _words(f"{asked}\n{response}"))  # fmt: skip


def _own_text(case: Case) -> Text:
    whole = "\n".join(part for part in (case.context, str(case.prompt), case.response) if part)
    return Text(
        "", "", "", hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest(),
        _words(f"{str(case.prompt)[:MOST_CHARACTERS]}\n{case.response[:MOST_CHARACTERS]}"),
    )  # fmt: skip


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _by_vectors(own: Text, texts: Mapping[int, Text], *, at_least: int) -> dict[int, float]:
    """Cosines of stored vectors, if there are enough of them to choose from; else nothing."""
    for source in NEARNESS:
        found = source(own.sha256, [text.sha256 for text in texts.values()])
        near = {pk: c for pk, c in zip(texts, found or [], strict=False) if c is not None}
        if len(near) >= at_least:
            return near
    return {}


def _by_words(own: Text, texts: Mapping[int, Text]) -> dict[int, float]:
    """How much of the own words a text shares, each weighted by how rare it is among these texts.

    Divided by how far the two differ in length: 1 for the same words, 0 for none shared.
    """
    shared = {pk: own.words & text.words for pk, text in texts.items()}
    df = Counter(word for words in shared.values() for word in words)
    n = len(texts) + 1
    weight = {word: log(1 + n / (1 + df[word])) for word in own.words}
    whole = sum(weight.values())
    likeness = {}
    for pk, words in shared.items():
        short, long = sorted((len(own.words), len(texts[pk].words)))
        share = sum(weight[word] for word in words) / whole if words else 0.0
        likeness[pk] = share * sqrt(short / long) if words else 0.0
    return likeness


def _precedent(golds: Sequence[Gold], text: Text, likeness: float) -> Precedent:
    golds = sorted(golds, key=lambda gold: gold.criterion_version.position)
    return Precedent(
        case_id=golds[0].case_id,
        prompt=text.prompt,
        response=text.response,
        notice=text.notice,
        likeness=likeness,
        answers=tuple(_settled(gold) for gold in golds),
        is_simulated=any(gold.is_simulated for gold in golds),
    )


def _settled(gold: Gold) -> Settled:
    decision = gold.adjudication
    known = decision is not None and decision.cause != Cause.NOT_RECORDED
    return Settled(
        question=gold.criterion_version.name,
        answer=_in_words(gold),
        cause=str(decision.get_cause_display()) if decision and known else "",
        note=decision.note if decision else "",
    )


def _in_words(gold: Gold) -> str:
    status = VerdictStatus(gold.status)
    if status == VerdictStatus.CANT_TELL:
        return "Can't tell"
    if status == VerdictStatus.NOT_APPLICABLE:
        return "Not applicable"
    return gold.criterion_version.label_of(Answer(status, gold.value).value)
