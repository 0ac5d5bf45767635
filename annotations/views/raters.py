"""The lead's panel of raters: load, pace, skill with its interval. In order of pseudonyms, unranked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from annotations import panel
from annotations.charts import ForestRow, forest
from annotations.measurement.results import Estimate
from annotations.models import Criterion, Membership
from annotations.panel import Row
from annotations.permissions import LEADS
from annotations.views.doors import member_page, show

ACTIVE = "Raters"
NO_CHECK = "no check answered"
NO_GOLD = "nothing settled"


@dataclass(frozen=True)
class Chart:
    """The same picture for a wide and for a narrow place."""

    wide: str
    compact: str


@member_page(LEADS)
@require_safe
def raters_page(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Everybody who rates here, side by side and unranked."""
    rows = panel.rows(membership.project)
    released = membership.project.rubric.released
    questions = released.criteria.select_related("criterion") if released else []
    return show(
        request, membership, "annotations/raters.html", active=ACTIVE, rows=rows,
        reasons=panel.skip_reasons(membership.project),
        criteria=[_on(question.criterion, question.name, rows) for question in questions],
        has_checks=any(row.skill for row in rows),
    )  # fmt: skip


def _on(criterion: Criterion, name: str, rows: Sequence[Row]) -> dict[str, object]:
    skill = {row.name: row.per_criterion.get(criterion.pk) for row in rows}
    settled = {row.name: row.with_gold.get(criterion.pk) for row in rows}
    return {
        "name": name,
        "pk": criterion.pk,
        "skill": _chart(skill, title=f"Skill on {name}", nothing=NO_CHECK),
        "with_gold": _chart(settled, title=f"Agreement with gold on {name}", nothing=NO_GOLD),
    }


def _chart(found: Mapping[str, Estimate | None], *, title: str, nothing: str) -> Chart | None:
    """A dot and its interval for each rater; None where nobody has any."""
    if not any(found.values()):
        return None
    drawn = [
        ForestRow(name, e.value, e.low, e.high, e.n, e.reason or "")
        if e is not None
        else ForestRow(name, None, reason=nothing)
        for name, e in found.items()
    ]
    wide, compact = (
        forest(drawn, title=title, domain=(0, 1), compact=narrow) for narrow in (False, True)
    )
    return Chart(wide, compact)
