"""In which order disputes are decided: what a decision is worth, and the reason that the list shows.

    worth = (1 + severity) / 5 * uncertainty * (1 + unlocked)        (measurement/routing.py)
severity: the worst that a blind sheet said, or else the worst foreseen. uncertainty: the entropy of what
people's first answers leave open on the most open question, each weighed by the rater's skill on it; where
nobody answered anything but can't tell it is wide open. unlocked: other waiting cases of the family, and a
gap in the guideline that a rater flagged.
Checks of decided cases are ranked by the same formula, so that nothing tells them apart.
"""

from typing import Any

from django.db.models import Case as Choose
from django.db.models import Field, FloatField, IntegerField, QuerySet, Value, When
from django.db.models.expressions import F, RawSQL
from django.db.models.functions import Greatest, Least

from annotations.measurement.posterior import RIGHT, TAU
from annotations.measurement.routing import (
    GAP,
    MOST_OF_FAMILY,
    MOST_SEVERE,
    NEXT_OF_FAMILY,
    Dispute,
    why,
)
from annotations.models import Case

ORDER = ("-worth", "id")
# Of blind, submitted sheets of people on the case of the outer query.
_SHEETS = """
    FROM annotations_annotation a JOIN annotations_rater r ON r.id = a.rater_id
    WHERE a.case_id = annotations_case.id AND a.status = 'submitted' AND r.kind <> 'judge'
      AND a.arm IN ('blind', 'reveal')"""
_SEVERITY = f"""
COALESCE((SELECT max(a.severity) {_SHEETS}),
         (SELECT max(s.severity) FROM annotations_slot s WHERE s.case_id = annotations_case.id), 2)
"""  # noqa: S608 (no value is put in here)
_GAPS = f"(SELECT count(*) {_SHEETS} AND a.gap)"
_FAMILY = """
(SELECT count(*) FROM annotations_case f
 WHERE f.project_id = annotations_case.project_id AND f.family = annotations_case.family
   AND f.status = 'adjudication' AND f.id <> annotations_case.id)
"""
# p of an answer ~ the product over those who gave it of (x / (1 - x))^tau, x = how often the rater is
# right; 1 for an answer that nobody gave. H in bits over the answers given and one that was not.
_UNCERTAINTY = """
COALESCE((
    SELECT max(h.bits) FROM (
        SELECT ln(sum(o.odds) + 1) / ln(2)
               - sum(o.odds * ln(o.odds)) / (sum(o.odds) + 1) / ln(2) AS bits
        FROM (
            SELECT v.criterion_id, v.status, v.value,
                   exp(sum(%s * ln(x.right / (1 - x.right)))) AS odds
            FROM annotations_verdict v
            JOIN annotations_annotation a ON a.id = v.annotation_id
            JOIN annotations_rater r ON r.id = a.rater_id
            LEFT JOIN annotations_raterskill k ON k.criterion_id = v.criterion_id AND k.rater_id = r.id
            CROSS JOIN LATERAL (SELECT LEAST(GREATEST(COALESCE(k.right, %s), 0.05), 0.99) AS right) x
            WHERE v.case_id = annotations_case.id AND v.revision = 1 AND v.status <> 'cant_tell'
              AND a.status = 'submitted' AND a.arm IN ('blind', 'reveal') AND r.kind <> 'judge'
            GROUP BY v.criterion_id, v.status, v.value) o
        GROUP BY o.criterion_id) h), 1.0)
"""


def ranked(cases: QuerySet[Case]) -> QuerySet[Case]:
    """The cases with their `worth` and its parts, the one to decide next first."""
    number, share = IntegerField(), FloatField()
    told = cases.annotate(
        worth_severity=_raw(_SEVERITY, [], number),
        worth_uncertainty=_raw(_UNCERTAINTY, [TAU, RIGHT], share),
        worth_family=_raw(_FAMILY, [], number),
        worth_gaps=_raw(_GAPS, [], number),
    )
    severe = Least(Greatest(F("worth_severity"), Value(0)), Value(MOST_SEVERE)) + Value(1)
    unlocked = Least(F("worth_family"), Value(MOST_OF_FAMILY)) * Value(NEXT_OF_FAMILY)
    gap = Choose(When(worth_gaps__gt=0, then=Value(GAP)), default=Value(0.0), output_field=share)
    return told.annotate(
        worth=(severe * F("worth_uncertainty") * (Value(1.0) + unlocked + gap))
        / Value(1.0 + MOST_SEVERE)
    ).order_by(*ORDER)


def _raw(sql: str, values: list[float], field: "Field[Any, Any]") -> RawSQL:
    return RawSQL(sql, values, output_field=field)  # noqa: S611 (the SQL is written above)


def dispute_of(case: Case) -> Dispute:
    """The parts of a case that came from `ranked`."""
    told = vars(case)
    return Dispute(
        severity=told["worth_severity"], uncertainty=told["worth_uncertainty"],
        family=told["worth_family"], gaps=told["worth_gaps"],
    )  # fmt: skip


def reason(case: Case) -> str:
    """Why it stands where it does, in words. Without the severity: the adjudicator answers it blind."""
    return why(dispute_of(case), with_severity=False)
