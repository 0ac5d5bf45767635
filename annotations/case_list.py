"""Which cases a reader asks for, so that every number on a page can lead to its cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform

from annotations import visibility
from annotations.answers import Answer
from annotations.models import Annotation, Case, CriterionVersion, Gold, Membership
from annotations.statuses import EXPOSED_ARMS, AnnotationStatus, CaseStatus, VerdictStatus
from annotations.strata import NONE

# What may be asked of the answer beside the answers themselves.
POSITIVE, NEGATIVE, ANSWERED, UNSETTLED = "positive", "negative", "answered", "unsettled"
KINDS = {
    POSITIVE: "counted as positive",
    NEGATIVE: "not counted as positive",
    ANSWERED: "settled with an answer",
    UNSETTLED: "not settled",
}


@dataclass(frozen=True)
class Filters:
    """Every filter that is not empty must hold. `strata` are (name, value) pairs."""

    answer: str = ""  # one of KINDS, or an answer's word
    batch: int | None = None
    audit: bool | None = None
    status: str = ""
    helped: bool | None = None  # somebody answered with the AI's help before
    strata: tuple[tuple[str, str], ...] = ()
    text: str = ""  # a part of the case's id


@dataclass(frozen=True)
class Row:
    """One case of the list, and of its answer what the reader may know."""

    case: Case
    status: CaseStatus
    gold: Gold | None
    is_secret: bool  # its answer is not for this reader yet


def cases_of(
    membership: Membership, question: CriterionVersion | None, wanted: Filters
) -> QuerySet[Case]:
    """The cases, as far as asking for them tells the reader no answer that is a secret yet."""
    found = Case.objects.filter(project=membership.project_id)
    if wanted.batch is not None:
        found = found.filter(batch=wanted.batch)
    if wanted.audit is not None:
        found = found.filter(is_audit=wanted.audit)
    if wanted.text:
        found = found.filter(external_id__icontains=wanted.text)
    for number, (name, value) in enumerate(wanted.strata):
        word = f"stratum_{number}"
        found = found.alias(**{word: KeyTextTransform(name, "strata")})
        held = Q(**{word: value})
        found = found.filter(held | Q(**{f"{word}__isnull": True}) if value == NONE else held)
    if wanted.status:
        found = found.filter(_has_status(wanted.status, membership))
    if wanted.helped is not None:
        helped = Exists(
            Annotation.objects.filter(
                case=OuterRef("pk"), status=AnnotationStatus.SUBMITTED, arm__in=EXPOSED_ARMS
            )
        )
        found = found.filter(helped if wanted.helped else ~helped)
    if wanted.answer and question is not None:
        found = found.filter(_has_answer(wanted.answer, question, membership))
    return found


def _has_status(status: str, membership: Membership) -> Q:
    """A case in work as a check looks like any case in work to its rater."""
    disguised = Q(pk__in=visibility.in_work_as_checks(membership).values("pk"))
    if status == CaseStatus.LABELLING:
        return Q(status=status) | disguised
    return Q(status=status) & ~disguised


def _has_answer(word: str, question: CriterionVersion, membership: Membership) -> Q:
    gold = Gold.objects.filter(
        case=OuterRef("pk"), criterion=question.criterion_id, superseded_at__isnull=True
    )
    readable = Q(pk__in=visibility.cases_with_answers_for(membership).values("pk"))
    if word == UNSETTLED:
        return ~(readable & Q(Exists(gold)))
    positive = Q(value__in=question.criterion.positive)
    answered = Q(status=VerdictStatus.ANSWERED)
    if word in KINDS:
        asked = {POSITIVE: answered & positive, NEGATIVE: answered & ~positive, ANSWERED: answered}
        return readable & Q(Exists(gold.filter(asked[word])))
    answer = Answer.parse(word)
    return readable & Q(Exists(gold.filter(status=answer.status, value=answer.value)))


def rows_of(
    membership: Membership, question: CriterionVersion | None, cases: Sequence[Case]
) -> list[Row]:
    """The cases of one page with their answers to the question, in a few queries for all."""
    ids = [case.pk for case in cases]
    readable = set(
        visibility.cases_with_answers_for(membership)
        .filter(pk__in=ids)
        .values_list("pk", flat=True)
    )
    disguised = set(
        visibility.in_work_as_checks(membership).filter(pk__in=ids).values_list("pk", flat=True)
    )
    golds = _golds(readable, question)
    return [
        Row(
            case=case,
            status=CaseStatus.LABELLING if case.pk in disguised else CaseStatus(case.status),
            gold=golds.get(case.pk),
            is_secret=case.pk not in readable,
        )
        for case in cases
    ]


def _golds(ids: set[int], question: CriterionVersion | None) -> Mapping[int, Gold]:
    if question is None:
        return {}
    found = Gold.objects.filter(
        case__in=ids, criterion=question.criterion_id, superseded_at__isnull=True
    ).select_related("criterion_version__version")
    return {gold.case_id: gold for gold in found}


def query_of(wanted: Filters, **more: Any) -> list[tuple[str, str]]:
    """The filters as they stand in an address."""
    said: list[tuple[str, Any]] = [
        *more.items(), ("answer", wanted.answer), ("batch", wanted.batch),
        ("audit", _word(wanted.audit)), ("status", wanted.status), ("help", _word(wanted.helped)),
        ("text", wanted.text),
    ]  # fmt: skip
    pairs = [
        (name, value)
        for one in wanted.strata
        for name, value in zip(("stratum", "value"), one, strict=True)
    ]
    return [(name, str(value)) for name, value in [*said, *pairs] if value not in ("", None)]


def _word(said: bool | None) -> str:
    return "" if said is None else "yes" if said else "no"
