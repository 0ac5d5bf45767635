"""Agreement of a project's people, read from their first, blind answers."""

from dataclasses import dataclass

from django.db.models import QuerySet

from annotations.measurement.agreement import agreement_by, measure_agreement
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.inference import proportion
from annotations.measurement.ratings import read_ratings
from annotations.measurement.results import AgreementReport, Estimate
from annotations.measurement.weights import Level
from annotations.models import Batch, CriterionVersion, Project, Verdict
from annotations.statuses import BLIND_ARMS, RaterKind, Scale, VerdictStatus

# Labels times resamples up to which a page waits for the bootstrap over raters too.
MOST_WORK = 10_000_000


@dataclass(frozen=True)
class CriterionAgreement:
    """What the agreement page and the API show for one criterion."""

    question: CriterionVersion
    report: AgreementReport
    cant_tell: Estimate
    strata: dict[str, AgreementReport]
    people: int
    simulated: int


def first_blind_verdicts(
    project: Project, question: CriterionVersion, *, batch: Batch | None = None
) -> QuerySet[Verdict]:
    """Revision 1 by people in the arms blind and reveal: all that agreement may be read from.

    Labels of earlier rubric versions count as long as the question was the same word for word.
    """
    same = [
        version.pk
        for version in question.criterion.versions.all()
        if version.content_hash == question.content_hash
    ]
    verdicts = Verdict.objects.filter(
        annotation__project=project,
        criterion_version__in=same,
        revision=1,
        annotation__arm__in=BLIND_ARMS,
    ).exclude(annotation__rater__kind=RaterKind.JUDGE)
    return verdicts.filter(case__batch=batch) if batch else verdicts


def measure(
    project: Project, question: CriterionVersion, *, batch: Batch | None = None,
    by: str | None = None, replicates: int = 1000,
) -> CriterionAgreement:  # fmt: skip
    """Alpha and its companions, each with a bootstrap interval over cases; by a stratum if named.

    With three raters or more each also has the interval that speaks of other raters.
    """
    rows = list(
        first_blind_verdicts(project, question, batch=batch)
        .order_by("id")
        .values_list(
            "case_id", "annotation__rater_id", "annotation__rater__kind", "status", "value",
            "case__strata",
        )
    )  # fmt: skip
    answered = [row for row in rows if row[3] == VerdictStatus.ANSWERED]
    level: Level = "ordinal" if question.scale == Scale.ORDINAL else "nominal"
    bootstrap = Bootstrap(replicates=replicates)
    ratings = read_ratings(((c, r, v) for c, r, _, _, v, _ in answered), values=question.values)
    strata = (
        agreement_by(
            ((str(s.get(by, "none")), c, r, v) for c, r, _, _, v, s in answered),
            level=level, values=question.values, bootstrap=bootstrap, max_work=MOST_WORK,
        )
        if by
        else {}
    )  # fmt: skip
    raters = {(row[1], row[2]) for row in rows}
    simulated = sum(1 for _, kind in raters if kind == RaterKind.SIMULATED)
    return CriterionAgreement(
        question=question,
        report=measure_agreement(ratings, level=level, bootstrap=bootstrap, max_work=MOST_WORK),
        cant_tell=proportion(sum(r[3] == VerdictStatus.CANT_TELL for r in rows), len(rows)),
        strata={str(name): report for name, report in strata.items()},
        people=len(raters) - simulated,
        simulated=simulated,
    )
