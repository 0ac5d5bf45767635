"""Whether a project's raters give the same answer again after days: from their repeats, by criterion."""

from collections import defaultdict
from dataclasses import dataclass

from annotations.measurement.retest import Repeat, Stability, by_rater, stability
from annotations.models import Check, CriterionVersion, Project
from annotations.statuses import RaterKind, SlotPurpose


@dataclass(frozen=True)
class Consistency:
    """One question: all raters together, and each by rater id. In no order of merit."""

    question: CriterionVersion
    pooled: Stability
    raters: dict[int, Stability]


def of_project(project: Project) -> list[Consistency]:
    """Every question of the released rubric."""
    version = project.rubric.released
    repeats = repeats_of(project)
    found = []
    for question in version.criteria.select_related("criterion") if version else []:
        here = repeats[question.criterion.key]
        own = {int(str(rater)): one for rater, one in by_rater(here).items()}
        found.append(Consistency(question, stability(here), own))
    return found


def repeats_of(project: Project) -> dict[str, list[Repeat]]:
    """criterion key -> the first, blind answer of a person and the one given again, unawares."""
    rows = Check.objects.filter(
        project=project, purpose=SlotPurpose.REPEAT, answered_at__isnull=False,
        rater__kind=RaterKind.PERSON,
    ).order_by("id").values_list("rater_id", "case_id", "expected", "given")  # fmt: skip
    found: dict[str, list[Repeat]] = defaultdict(list)
    for rater, case_id, expected, given in rows:
        for key, word in expected.items():
            if key in given:
                found[key].append(Repeat(rater, case_id, word, given[key]))
    return found
