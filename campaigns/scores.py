"""A judge's scores kept as verdicts, by the same road as a person's answers."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.utils import timezone

from annotations.models import Annotation, Case, CriterionVersion, Project, Rater, Verdict
from annotations.statuses import AnnotationStatus, RaterKind, VerdictStatus

POSITIVE, NEGATIVE = "positive", "negative"  # a judge's words where the scale is not yes / no

Floats = npt.NDArray[np.float64]


def judge_rater(project: Project, name: str, revision: str) -> Rater:
    rater, _ = Rater.objects.get_or_create(
        project=project, kind=RaterKind.JUDGE, name=name, revision=revision[:80]
    )
    return rater


@transaction.atomic
def write_scores(
    cases: Sequence[Case], rater: Rater, question: CriterionVersion, scores: Floats, threshold: float,
    reasons: Sequence[str] | None = None,
) -> int:  # fmt: skip
    """A judge's verdicts, by the same road as a person's. Safe to run twice; nan is no verdict."""
    have = set(Annotation.objects.filter(rater=rater).values_list("case_id", flat=True))
    new = [
        (row, case) for row, case in enumerate(cases)
        if case.pk not in have and not np.isnan(scores[row])
    ]  # fmt: skip
    sheets = Annotation.objects.bulk_create(
        (
            Annotation(
                project_id=case.project_id, case=case, rater=rater,
                rubric_version_id=question.version_id, status=AnnotationStatus.SUBMITTED,
                submitted_at=timezone.now(),
            )
            for _, case in new
        ),
        batch_size=1000,
    )  # fmt: skip
    yes_no = set(question.values) == {"yes", "no"} and question.criterion.positive == ["yes"]
    words = ("yes", "no") if yes_no else (POSITIVE, NEGATIVE)
    Verdict.objects.bulk_create(
        (
            Verdict(
                annotation=sheet, case=case, criterion=question.criterion,
                criterion_version=question, status=VerdictStatus.ANSWERED,
                value=words[0] if scores[row] >= threshold else words[1],
                score=float(scores[row]),
                raw_output=reasons[row] if reasons else "",
            )
            for sheet, (row, case) in zip(sheets, new, strict=True)
        ),
        batch_size=1000,
    )  # fmt: skip
    return len(sheets)
