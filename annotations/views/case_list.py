"""The list of cases: what a number on another page was counted from, or what a reader looks for."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, QueryDict
from django.views.decorators.http import require_safe

from annotations import board, case_list
from annotations.answers import Answer
from annotations.case_list import KINDS, Filters, Row
from annotations.models import CriterionVersion, Membership, Project
from annotations.permissions import READERS
from annotations.statuses import CaseStatus, VerdictStatus
from annotations.views import sheets
from annotations.views.doors import member_page, show

ACTIVE = "Cases"
PAGE = 50
BATCHES_LISTED = 200
NAMES_FROM = 500  # cases whose strata are offered as names
STATUS_WORDS = {
    CaseStatus.NEW: "no places yet",
    CaseStatus.LABELLING: "being labelled",
    CaseStatus.ADJUDICATION: "waits for an adjudicator",
    CaseStatus.SETTLED: "settled",
}
NO_ANSWERS = (VerdictStatus.CANT_TELL, VerdictStatus.NOT_APPLICABLE)


@member_page(READERS)
@require_safe
def cases(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The cases that the filters leave, a page at a time, with the answers that may be told."""
    project = membership.project
    questions = questions_of(project)
    key = request.GET.get("criterion", "")
    question = next((q for q in questions if q.criterion.key == key), None)
    question = question or (questions[0] if questions else None)
    table = _table(membership, question, request.GET)
    part = "#table" if getattr(request, "htmx", False) else ""
    return show(
        request, membership, f"annotations/cases.html{part}", active=ACTIVE, **table,
        questions=questions, question=question, statuses=STATUS_WORDS,
        answers=_answers(question), names=_names(project) if not part else [],
        batches=project.batches.order_by("-pk")[:BATCHES_LISTED] if not part else [],
    )  # fmt: skip


def questions_of(project: Project) -> list[CriterionVersion]:
    """The questions of the released rubric, in its order."""
    version = project.rubric.released
    return list(version.criteria.select_related("criterion", "version")) if version else []


def _table(
    membership: Membership, question: CriterionVersion | None, sent: QueryDict
) -> dict[str, Any]:
    wanted = filters_of(sent)
    found = case_list.cases_of(membership, question, wanted)
    after = _number(sent.get("after", "")) or 0
    page = list(found.filter(pk__gt=after).select_related("batch").order_by("pk")[: PAGE + 1])
    n, is_more = board.count_of(found)
    more = {"criterion": question.criterion.key} if question else {}
    return {
        "rows": [_shown(row) for row in case_list.rows_of(membership, question, page[:PAGE])],
        "wanted": wanted,
        "is_filtered": wanted != Filters(),
        "query": urlencode(case_list.query_of(wanted, **more)),
        "after": page[PAGE - 1].pk if len(page) > PAGE else None,
        "is_first": not after,
        "n": n,
        "is_more": is_more,
    }


def filters_of(sent: QueryDict) -> Filters:
    """The filters of the address; what is no filter is left out, since addresses are typed by hand."""
    truth = {"yes": True, "no": False}
    status = sent.get("status", "")
    pairs = zip(sent.getlist("stratum"), sent.getlist("value"), strict=False)
    strata = ((_clean(name)[:80], _clean(value)[:200]) for name, value in pairs)
    return Filters(
        answer=_clean(sent.get("answer", ""))[:120],
        batch=_number(sent.get("batch", "")),
        audit=truth.get(sent.get("audit", "")),
        status=status if status in set(CaseStatus) else "",
        helped=truth.get(sent.get("help", "")),
        strata=tuple((name, value) for name, value in strata if name and value),
        text=_clean(sent.get("text", ""))[:200],
    )


def _answers(question: CriterionVersion | None) -> list[tuple[str, str]]:
    """(what is sent, what is shown) for every answer that can be asked for."""
    if question is None:
        return []
    own = [(value, f"“{question.label_of(value)}”") for value in question.values]
    none = [(str(status), sheets.label_of(question, Answer(status))) for status in NO_ANSWERS]
    return [*KINDS.items(), *own, *none]


def _names(project: Project) -> list[str]:
    """Names of strata to choose from, as the newest cases have them."""
    newest = project.cases.order_by("-pk").values_list("strata", flat=True)[:NAMES_FROM]
    return sorted({name for strata in newest for name in strata})


def _shown(row: Row) -> dict[str, Any]:
    gold = row.gold
    answer = ""
    if gold is not None:
        given = Answer(VerdictStatus(gold.status), gold.value)
        answer = sheets.label_of(gold.criterion_version, given)
    return {
        "case": row.case, "status": row.status, "status_words": STATUS_WORDS[row.status],
        "gold": gold, "answer": answer, "is_secret": row.is_secret,
    }  # fmt: skip


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else None


def _clean(word: str) -> str:
    return word.replace("\x00", "").strip()
