"""The prevalence page: how common a failure is, in which groups, which differ, and on which labels."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotations import balance, case_list, differences, frame, named_rates, prevalence
from annotations.balance import Balance
from annotations.charts import ForestRow, forest
from annotations.models import Membership
from annotations.named_rates import NamedRate
from annotations.permissions import READERS
from annotations.prevalence import Group, Report, Tally
from annotations.statuses import CaseStatus, Expected
from annotations.strata import EXPECTED
from annotations.views.doors import member_page, show
from annotations.views.measured import Asked, asked_of, choices, drawn, href, named

ACTIVE = "Prevalence"


@member_page(READERS)
@require_safe
def prevalence_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The estimates of one criterion, in all and by a stratum, and which labels they rest on."""
    asked = asked_of(membership, request.GET)
    context: dict[str, Any] = {"asked": asked, **choices(asked)}
    if asked.question is not None:
        report = prevalence.measure(
            asked.project, asked.question, judge=asked.judge, batch=asked.batch, by=asked.by,
            values=asked.by_values, endless=asked.endless,
        )  # fmt: skip
        context |= _shown(report, asked)
    part = "#report" if getattr(request, "htmx", False) else ""
    return show(request, membership, f"annotations/prevalence.html{part}", active=ACTIVE, **context)


@member_page(READERS)
@require_safe
def balance_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Not unsafe against not over-refusing; a part of the prevalence page, or a page by itself."""
    asked = asked_of(membership, request.GET)
    guessed = balance.guess(asked.questions)
    unsafe, refusal = (
        named(asked.questions, request.GET.get(name, ""), default)
        for name, default in zip(("unsafe", "refusal"), guessed, strict=True)
    )
    found = balance.measure(
        asked.project, unsafe=unsafe, refusal=refusal, judge=request.GET.get("judge", ""),
        batch=asked.batch, by=asked.by, values=asked.by_values,
        endless=asked.endless,
    )  # fmt: skip
    part = "#balance" if getattr(request, "htmx", False) else ""
    return show(
        request, membership, f"annotations/prevalence_balance.html{part}", active=ACTIVE,
        asked=asked, **_balance(found, asked), **choices(asked),
    )  # fmt: skip


# ---- the estimates, drawn


def _shown(report: Report, asked: Asked) -> dict[str, Any]:
    groups = [report.whole, *report.groups]
    rows = [
        ForestRow(group.label, *drawn(group.figures.shown), tick=group.figures.raw.value,
                  href=href(asked, group.filters))
        for group in groups
    ]  # fmt: skip
    title = f"Prevalence: {report.question.name}" + (f" by {report.by}" if report.by else "")
    domain = _domain(rows)
    return {
        "report": report,
        "whole": report.whole,
        "rows": [_row(group, asked, has_scores=report.has_scores) for group in groups],
        "wide": forest(rows, title=title, domain=domain),
        "compact": forest(rows, title=title, domain=domain, compact=True),
        "accounts": _accounts(report, asked),
        **_differences(report),
    }


def _domain(rows: list[ForestRow]) -> tuple[float, float]:
    """From 0 to the next tenth beyond all that is drawn."""
    most = max((x for row in rows for x in (row.high, row.value, row.tick) if x is not None),
               default=1.0)  # fmt: skip
    return 0.0, min(1.0, max(0.1, -(-most * 10 // 1) / 10))


def _row(group: Group, asked: Asked, *, has_scores: bool) -> dict[str, Any]:
    """A line of the table. In a census every case counts, whatever slice it is in."""
    audit = True if group.tally.census == 0 else None
    figures = group.figures
    others = [figures.human_only]
    if has_scores:
        others += [figures.raw, figures.ppi, figures.rogan_gladen]
    return {
        "group": group,
        "figures": figures,
        "others": others,
        "all": href(asked, group.filters),
        "used": href(asked, group.filters, audit=audit, answer=case_list.ANSWERED),
        "positives": href(asked, group.filters, audit=audit, answer=case_list.POSITIVE),
    }


def _differences(report: Report) -> dict[str, Any]:
    found, against = differences.compare_groups(report.groups, endless=report.endless)
    found = tuple(sorted(found, key=lambda one: (one.q_value is None, one.q_value or 0.0)))
    return {"comparisons": found, "against": against}


@dataclass(frozen=True)
class Account:
    """How many cases (or sheets) entered or did not, why, and which they are."""

    n: int
    what: str
    why: str
    href: str = ""
    entered: bool = False


_WHY_USED = {
    False: "of cases drawn by chance, by blind labels of people",
    True: "of cases drawn by chance, or of a batch that came with labels on every case; by blind "
    "labels of people",
}  # fmt: skip


def _accounts(report: Report, asked: Asked) -> list[Account]:
    """Every label there is, on one side or the other."""
    t: Tally = report.whole.tally

    def to(**more: Any) -> str:
        return href(asked, {}, **more)

    slice_ = {"audit": True} if not t.census else {}
    lines = [
        Account(t.used, "settled answers", _WHY_USED[t.census > 0],
                to(answer=case_list.ANSWERED, **slice_), entered=True),
        Account(t.simulated, "of them by simulated raters",
                "they are no people: such a figure says nothing about the target",
                to(answer=case_list.ANSWERED, **slice_), entered=True),
        Account(t.waiting, "drawn cases", "still wait for raters",
                to(audit=True, status=CaseStatus.LABELLING)),
        Account(t.disputed, "drawn cases", "wait for an adjudicator",
                to(status=CaseStatus.ADJUDICATION, **slice_)),
        Account(t.cant_tell, "drawn cases", "were settled as can't tell, which is no answer",
                to(answer="cant_tell", **slice_)),
        Account(t.not_applicable, "drawn cases", "were settled as not applicable",
                to(answer="not_applicable", **slice_)),
        Account(t.earlier_wording, "drawn cases", "were settled under another wording of the question",
                to(answer=case_list.ANSWERED, **slice_)),
        Account(t.rests_on_ai, "drawn cases", "were settled with the AI's word counted among people's",
                to(answer=case_list.ANSWERED, **slice_)),
        Account(t.unasked, "drawn cases", "are settled, but have no settled answer to this question",
                to(answer=case_list.UNSETTLED, status=CaseStatus.SETTLED, **slice_)),
        Account(t.settled_undrawn, "settled cases",
                "are not in the audit slice: which of them were labelled was no matter of chance",
                to(audit=False, status=CaseStatus.SETTLED)),
        Account(report.helped, "sheets",
                "were given with the AI's help before the answer: they settle nothing",
                to(helped=True)),
        Account(t.no_label_yet, "cases",
                "are in batches none of whose drawn cases is settled yet: not spoken of", to()),
        Account(t.no_chance, "cases", "had no chance to be drawn: not spoken of", to(audit=False)),
    ]  # fmt: skip
    return [line for line in lines if line.n]


# ---- not unsafe, not over-refusing


def _balance(found: Balance, asked: Asked) -> dict[str, Any]:
    drawings = {}
    for name, title in (("not_unsafe", "Not unsafe"), ("not_overrefuse", "Not over-refusing")):
        rows = [ForestRow(row.label, *drawn(getattr(row, name))) for row in found.rows]
        for form in ("wide", "compact"):
            drawings[f"{name}_{form}"] = forest(
                rows, title=title, domain=(0.0, 1.0), compact=form == "compact"
            )
    return {
        "balance": found,
        "balance_rows": [
            {
                "row": row,
                **{name: href(asked, row.filters, criterion=question, answer=case_list.ANSWERED,
                              strata=((EXPECTED, str(word)),))
                   for name, question, word in (
                       ("unsafe", found.unsafe, Expected.REFUSE),
                       ("refusal", found.refusal, Expected.COMPLY))},
            }
            for row in found.rows
        ],
        **drawings,
    }  # fmt: skip


# ---- success by everybody's definition


@member_page(READERS)
@require_safe
def rates_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Attack success rates by name; a part of the prevalence page, or a page by itself."""
    asked = asked_of(membership, request.GET)
    found: list[NamedRate] = []
    if asked.question is not None:
        cases = frame.read(
            asked.project, asked.question, judge=asked.judge, batch=asked.batch,
            strata=[(EXPECTED, [str(word) for word in Expected])],
        )  # fmt: skip
        found = named_rates.measure(cases)
    part = "#rates" if getattr(request, "htmx", False) else ""
    return show(
        request, membership, f"annotations/prevalence_rates.html{part}", active=ACTIVE,
        asked=asked, rates=found, reasons=_reasons(found), **choices(asked),
    )  # fmt: skip


def _reasons(found: list[NamedRate]) -> list[str]:
    """Why some are undefined, each reason once."""
    none = (e.reason for one in found for e in one.both if e.value is None and e.reason)
    return list(dict.fromkeys(none))
