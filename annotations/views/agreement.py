"""The agreement page: how far people agree on each criterion, overall and by stratum."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotations import agreement, strata
from annotations.agreement import CriterionAgreement
from annotations.charts import ForestRow, forest
from annotations.errors import NotFound
from annotations.measurement.agreement import (
    BRENNAN_PREDIGER,
    FLEISS_KAPPA,
    GWET_AC1,
    KRIPPENDORFF_ALPHA,
    PERCENT_AGREEMENT,
    specific_agreement_name,
)
from annotations.measurement.own_shares import COHEN_KAPPA, CONGER_KAPPA
from annotations.measurement.results import AgreementReport, Estimate
from annotations.models import Batch, Membership
from annotations.permissions import READERS
from annotations.statuses import Scale
from annotations.views.doors import member_page, show

ACTIVE = "Agreement"
# Name on screen and definition of each coefficient, in the order of the table.
COEFFICIENTS = {
    KRIPPENDORFF_ALPHA: (
        "Krippendorff's alpha",
        "1 − observed / expected disagreement. 1 is perfect, 0 is what chance would give, below 0 is "
        "worse than chance. It allows for missing labels and small samples.",
    ),
    FLEISS_KAPPA: (
        "Fleiss' kappa",
        "Observed agreement of pairs, less what the shares of the answers would give by chance. Kept "
        "for comparison with published figures.",
    ),
    GWET_AC1: (
        "Gwet's AC1",
        "Like kappa, with a chance term that stays usable where nearly all answers are the same.",
    ),
    CONGER_KAPPA: (
        "Conger's kappa",
        "Cohen's kappa for any number of raters: chance is what each rater's own use of the answers "
        "would give, so it speaks of these raters only.",
    ),
    COHEN_KAPPA: (
        "Cohen's kappa",
        "For two raters, on the cases that both have answered: chance is what each one's own use of "
        "the answers would give.",
    ),
    BRENNAN_PREDIGER: (
        "Brennan-Prediger kappa",
        "Observed agreement of pairs, less what answering with every answer alike would give.",
    ),
    PERCENT_AGREEMENT: (
        "Percent agreement",
        "The share of pairs of raters that agree on a case; not corrected for chance.",
    ),
}


@dataclass(frozen=True)
class Line:
    """One coefficient in the table: overall, what it means, and its interval for other raters."""

    name: str
    meaning: str
    estimate: Estimate
    beyond: Estimate | None = None


@member_page(READERS)
@require_safe
def agreement_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Alpha with its interval and companions for each criterion of the released rubric."""
    project = membership.project
    by_names = strata.names(project)
    by = request.GET.get("by", "")
    by = by if by in by_names else ""
    batch = _batch(membership, request.GET.get("batch", ""))
    version = project.rubric.released
    questions = version.criteria.select_related("criterion", "version") if version else []
    found = [agreement.measure(project, q, batch=batch, by=by or None) for q in questions]
    return show(
        request, membership, "annotations/agreement.html", active=ACTIVE, by=by, by_names=by_names,
        batch=batch, batches=project.batches.order_by("-id")[:100], version=version,
        criteria=[_shown(one, by) for one in found],
        has_labels=any(one.report.n_labels or one.cant_tell.n for one in found),
    )  # fmt: skip


def _batch(membership: Membership, wanted: str) -> Batch | None:
    if not wanted:
        return None
    found = membership.project.batches.filter(pk=wanted).first() if wanted.isdecimal() else None
    if found is None:
        raise NotFound("There is no such batch in this project: choose another one.")
    return found


def _shown(found: CriterionAgreement, by: str) -> dict[str, Any]:
    """What the template needs of one criterion."""
    title = f"Krippendorff's alpha of {found.question.name}" + (f" by {by}" if by else "")
    rows = [ForestRow("All cases", *_drawn(_alpha(found.report)))]
    rows += [
        ForestRow(f"{by} {name}", *_drawn(_alpha(report)))
        for name, report in sorted(found.strata.items())
    ]
    return {
        "found": found,
        "level": "ordinal" if found.question.scale == Scale.ORDINAL else "nominal",
        "alpha": _alpha(found.report),
        "lines": _lines(found),
        "beyond": found.report.over_raters.get(KRIPPENDORFF_ALPHA),
        "by_stratum": [
            {"name": name, "report": report, "estimates": _companions(report)}
            for name, report in sorted(found.strata.items())
        ],
        "wide": forest(rows, title=title, domain=_domain(rows)),
        "compact": forest(rows, title=title, domain=_domain(rows), compact=True),
    }


def _lines(found: CriterionAgreement) -> list[Line]:
    coefficients, beyond = found.report.coefficients, found.report.over_raters
    lines = [
        Line(name, meaning, coefficients[key], beyond.get(key))
        for key, (name, meaning) in COEFFICIENTS.items()
        if key in coefficients and not (key == COHEN_KAPPA and found.report.n_raters > 2)
    ]
    for value in found.question.values:
        key = specific_agreement_name(value)
        if key in coefficients:
            label = found.question.label_of(value)
            meaning = f"Where one rater says “{label}”, how often another says so too."
            counts = " (counts as positive)" if value in found.question.criterion.positive else ""
            name = f"Agreement on “{label}”{counts}"
            lines.append(Line(name, meaning, coefficients[key], beyond.get(key)))
    return lines


def _companions(report: AgreementReport) -> list[Estimate]:
    return [report.coefficients[key] for key in (KRIPPENDORFF_ALPHA, FLEISS_KAPPA, GWET_AC1)]


def _alpha(report: AgreementReport) -> Estimate:
    return report.coefficients[KRIPPENDORFF_ALPHA]


def _drawn(e: Estimate) -> tuple[float | None, float | None, float | None, int, str]:
    return e.value, e.low, e.high, e.n, e.reason or ""


def _domain(rows: list[ForestRow]) -> tuple[float, float]:
    """0 to 1, or from as far below chance as anything lies."""
    lowest = min((x for row in rows for x in (row.value, row.low) if x is not None), default=0.0)
    return (-1.0 if lowest < -0.5 else -0.5 if lowest < 0 else 0.0, 1.0)
