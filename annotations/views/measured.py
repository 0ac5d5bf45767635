"""What the prevalence pages are asked for: criterion, judge, batch and stratum, checked once for all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse

from annotations import case_list, frame, strata
from annotations.case_list import Filters
from annotations.errors import NotFound
from annotations.frame import BATCH, Judge
from annotations.measurement.results import Estimate
from annotations.models import Batch, CriterionVersion, Membership, Project
from annotations.views.case_list import questions_of

LIKE = "like"  # of cases like these, not of these alone
BATCHES_LISTED = 200


@dataclass(frozen=True)
class Asked:
    """What the address asks for, checked against the project."""

    project: Project
    questions: list[CriterionVersion]
    question: CriterionVersion | None
    judges: list[Judge]
    judge: Judge | None
    batch: Batch | None
    by: str
    values: Mapping[str, Mapping[str, int]]  # stratum -> its values, for those with few enough
    endless: bool
    sent: QueryDict

    @property
    def by_values(self) -> list[str]:
        return list(self.values.get(self.by, ()))

    @property
    def query(self) -> str:
        """The choices as they stand in an address."""
        words = {
            "criterion": self.question.criterion.key if self.question else "", "by": self.by,
            "batch": self.batch.pk if self.batch else "", "judge": self.sent.get("judge", ""),
            "of": LIKE if self.endless else "",
        }  # fmt: skip
        return urlencode({name: word for name, word in words.items() if word})


def asked_of(membership: Membership, sent: QueryDict) -> Asked:
    """What can't be chosen here (a judge of another criterion, say) gives way to the usual choice."""
    project = membership.project
    questions = questions_of(project)
    question = named(questions, sent.get("criterion", ""), questions[0] if questions else None)
    values = strata.comparable(project)
    judges = frame.judges_of(project, question) if question else []
    chosen = next((judge for judge in judges if judge.key == sent.get("judge")), None)
    by = sent.get("by", "")
    return Asked(
        project=project, questions=questions, question=question, judges=judges,
        judge=chosen or frame.judge_named(judges, ""),
        batch=_batch(project, sent.get("batch", "")),
        by=by if by in values or by == BATCH else "", values=values,
        endless=sent.get("of") == LIKE, sent=sent,
    )  # fmt: skip


def named(
    questions: list[CriterionVersion], key: str, default: CriterionVersion | None
) -> CriterionVersion | None:
    return next((q for q in questions if q.criterion.key == key), default)


def _batch(project: Project, wanted: str) -> Batch | None:
    if not wanted:
        return None
    pk = number(wanted)
    found = project.batches.filter(pk=pk).first() if pk else None
    if found is None:
        raise NotFound("There is no such batch in this project: choose another one.")
    return found


def number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else None


def choices(asked: Asked) -> dict[str, Any]:
    """What the form offers."""
    return {
        "by_names": [BATCH, *(name for name in asked.values if name != BATCH)],
        "batches": asked.project.batches.order_by("-pk")[:BATCHES_LISTED],
        "version": asked.question.version if asked.question else None,
    }


def href(
    asked: Asked, group: Mapping[str, Any], *, criterion: CriterionVersion | None = None, **more: Any,
) -> str:  # fmt: skip
    """The list of cases of a group (its filters), narrowed further."""
    pairs = (*more.pop("strata", ()), *((group["stratum"],) if "stratum" in group else ()))
    batch = group.get("batch", asked.batch.pk if asked.batch else None)
    question = criterion or asked.question
    key = {"criterion": question.criterion.key} if question else {}
    query = urlencode(case_list.query_of(Filters(batch=batch, strata=pairs, **more), **key))
    return f"{reverse('cases', args=[asked.project.slug])}?{query}"


def drawn(e: Estimate) -> tuple[float | None, float | None, float | None, int, str]:
    """An estimate as the rows of a chart take it."""
    return e.value, e.low, e.high, e.n, e.reason or ""
