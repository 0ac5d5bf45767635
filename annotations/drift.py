"""Drift of a project's raters: the series that are watched, and the alarms that leads look into.

Three kinds, each for all raters together and for each rater: wrong answers to cases whose answer is known
(first, blind answers to known gold and sentinels), own cases answered otherwise than before, and
positive answers at the same predicted score, so that other cases alone raise no alarm.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotations import agreement, arms, audit
from annotations.errors import BadInput
from annotations.measurement.drift import Alarm, Chart, watch_rate, watch_share
from annotations.models import (
    Check,
    CriterionVersion,
    DriftAlarm,
    Project,
    Rater,
    Verdict,
)
from annotations.statuses import Drift, RaterKind, SlotPurpose, VerdictStatus

# First answers to these were blind, and their right answer is known.
KNOWN = (SlotPurpose.KNOWN_GOLD, SlotPurpose.SENTINEL)
# What is expected of a share of errors before anything is seen: about one in ten.
PRIOR = (1.0, 9.0)
MOST = 20_000
MOST_CASES = 200


@dataclass(frozen=True)
class Point:
    """One answer of a series: what is counted, when, by whom, on which case, at which score."""

    x: bool
    at: datetime
    rater: int
    case_id: int
    score: float = 0.0


@dataclass(frozen=True)
class Series:
    """One chart with the answers that it was made from. `rater` None: all together."""

    kind: Drift
    question: CriterionVersion
    rater: Rater | None
    points: Sequence[Point]
    chart: Chart


def series(project: Project) -> list[Series]:
    """Every series of the released rubric's questions: all raters first, then each by pseudonym."""
    version = project.rubric.released
    questions = list(version.criteria.select_related("criterion")) if version else []
    people = {
        rater.pk: rater
        for rater in Rater.objects.filter(project=project, kind=RaterKind.PERSON).order_by("name")
    }
    found = []
    checks = _check_points(project)
    for question in questions:
        for kind in (Drift.CHECKS, Drift.REPEATS):
            found += _of_kind(kind, question, checks[kind, question.criterion.key], people)
        found += _of_kind(Drift.RATE, question, _rate_points(project, question), people)
    return found


def watch(project: Project) -> list[DriftAlarm]:
    """Raise an alarm where a limit was reached. Twice is once; gives those that are new.

    While an alarm of a series is open, and up to its closing, what it raises more is the same news.
    """
    new = []
    for one in series(project):
        for alarm in one.chart.alarms:
            span = one.points[one.chart.skipped + alarm.began : one.chart.skipped + alarm.at + 1]
            if _is_news(one, alarm, span[-1].at):
                kept = DriftAlarm.objects.create(
                    project=project, kind=one.kind, criterion=one.question.criterion,
                    rater=one.rater, is_rise=alarm.is_rise, began_at=span[0].at,
                    raised_at=span[-1].at, cases=_cases(span),
                )  # fmt: skip
                new.append(kept)
                audit.record("alarm of drift", kept, project=project, cases=len(kept.cases))
    return new


def _is_news(one: Series, alarm: Alarm, at: datetime) -> bool:
    last = (
        DriftAlarm.objects.filter(
            kind=one.kind, criterion=one.question.criterion, rater=one.rater, is_rise=alarm.is_rise
        )
        .order_by("-raised_at")
        .first()
    )
    return last is None or (last.closed_at is not None and at > last.closed_at)


def open_alarms(project: Project) -> QuerySet[DriftAlarm]:
    found = DriftAlarm.objects.filter(project=project, closed_at__isnull=True)
    return found.select_related("criterion", "rater").order_by("-raised_at")


@transaction.atomic
def close(alarm: DriftAlarm, *, by: User, note: str) -> DriftAlarm:
    """A lead has looked into it, and says what was found. Twice is once."""
    if not note.strip():
        raise BadInput("Say what you found and did: it stands in the record beside the alarm.")
    locked = DriftAlarm.objects.select_for_update().get(pk=alarm.pk)
    if locked.closed_at is None:
        locked.closed_at, locked.closed_by, locked.note = timezone.now(), by, note.strip()
        locked.save(update_fields=["closed_at", "closed_by", "note"])
        audit.record("closed alarm", locked, project=locked.project, by=by, note=locked.note)
    return locked


def _of_kind(
    kind: Drift, question: CriterionVersion, points: Sequence[Point], people: Mapping[int, Rater]
) -> list[Series]:
    """All together, on one answer a case, and each rater with any."""
    by_rater: dict[int, list[Point]] = defaultdict(list)
    for point in points:
        by_rater[point.rater].append(point)
    # Several answers to one case share its difficulty: of the rate only the first one counts here.
    together = _first_of_each_case(points) if kind == Drift.RATE else list(points)
    found = []
    if len(by_rater) != 1:  # of one rater alone, all together would be the same series again
        found.append(Series(kind, question, None, together, _chart(kind, together)))
    for pk, rater in people.items():
        if own := by_rater.get(pk):
            found.append(Series(kind, question, rater, own, _chart(kind, own)))
    return found


def _chart(kind: Drift, points: Sequence[Point]) -> Chart:
    x = [point.x for point in points]
    if kind == Drift.RATE:
        return watch_rate(x, [point.score for point in points])
    return watch_share(x, prior=PRIOR)


def _check_points(project: Project) -> dict[tuple[Drift, str], list[Point]]:
    """(kind, criterion key) -> answers to checks, oldest first."""
    rows = Check.objects.filter(
        project=project, answered_at__isnull=False, rater__kind=RaterKind.PERSON,
        purpose__in=[*KNOWN, SlotPurpose.REPEAT],
    ).order_by("answered_at", "id").values_list(
        "purpose", "rater_id", "case_id", "expected", "given", "answered_at"
    )[:MOST]  # fmt: skip
    found: dict[tuple[Drift, str], list[Point]] = defaultdict(list)
    for purpose, rater, case_id, expected, given, at in rows:
        kind = Drift.REPEATS if purpose == SlotPurpose.REPEAT else Drift.CHECKS
        for key, word in expected.items():
            if at is not None:
                found[kind, key].append(Point(given.get(key) != word, at, rater, case_id))
    return found


def _rate_points(project: Project, question: CriterionVersion) -> list[Point]:
    """First, blind answers of people on cases that one judge revision scored, oldest first."""
    scores = _scores(project, question)
    rows = (
        agreement.first_blind_verdicts(project, question)
        .filter(
            status=VerdictStatus.ANSWERED, annotation__rater__kind=RaterKind.PERSON,
            annotation__submitted_at__isnull=False,
        )
        .order_by("annotation__submitted_at", "id")
        .values_list("case_id", "annotation__rater_id", "value", "annotation__submitted_at")[:MOST]
    )  # fmt: skip
    positive = set(question.criterion.positive)
    return [
        Point(value in positive, at, rater, case_id, scores[case_id])
        for case_id, rater, value, at in rows
        if case_id in scores and at is not None
    ]


def _scores(project: Project, question: CriterionVersion) -> dict[int, float]:
    """case id -> score, by the revision of the pre-labelling judge that scored the most cases.

    Another revision is calibrated otherwise: mixing them would look like drift of the raters.
    """
    rows = Verdict.objects.filter(
        annotation__project=project, criterion=question.criterion_id, score__isnull=False,
        annotation__rater__kind=RaterKind.JUDGE, annotation__rater__name=arms.PRELABELLER,
    ).order_by("id").values_list("annotation__rater_id", "case_id", "score")  # fmt: skip
    by_revision: dict[int, dict[int, float]] = defaultdict(dict)
    for rater, case_id, score in rows:
        by_revision[rater][case_id] = float(score or 0)
    return max(by_revision.values(), key=len, default={})


def _first_of_each_case(points: Iterable[Point]) -> list[Point]:
    first: dict[int, Point] = {}
    for point in points:
        first.setdefault(point.case_id, point)
    return list(first.values())


def _cases(span: Sequence[Point]) -> list[int]:
    """What stands behind an alarm: the answers that were counted come first, the newest of them."""
    counted = [point.case_id for point in reversed(span) if point.x]
    others = [point.case_id for point in reversed(span) if not point.x]
    return list(dict.fromkeys([*counted, *others]))[:MOST_CASES]
