"""The lead's dashboard: a tile for each question about the work, each with its numbers and its cases.

A tile is made when it is asked for. The floor above adds its own to `TILES` at start-up.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count

from annotations import agreement
from annotations.agreement import CriterionAgreement
from annotations.errors import NotFound
from annotations.measurement.ceiling import Errors, human_ceiling
from annotations.measurement.cost import ratio_of_sums
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.models import (
    Annotation,
    CriterionVersion,
    Gold,
    Membership,
    Project,
    Slot,
)
from annotations.permissions import READERS
from annotations.statuses import (
    AnnotationStatus,
    CaseStatus,
    Cause,
    RaterKind,
    Role,
    SlotPurpose,
    SlotStatus,
)

# A case that is settled by a fixed three raters costs this many sheets.
FIXED = 3
# Judges drawn beside people: more are no picture.
MOST_JUDGES = 8


@dataclass(frozen=True)
class Line:
    """One number of a tile, with the way to what it was counted from."""

    label: str
    estimate: Estimate
    href: str = ""
    as_percent: bool = False
    note: str = ""


@dataclass(frozen=True)
class Tile:
    """A question, its picture, its numbers, what they mean, and where to go on."""

    key: str
    title: str
    definition: str
    href: str
    more: str  # the words of that link
    chart: str = ""
    lines: Sequence[Line] = ()
    note: str = ""  # which labels, which version, how many
    empty: str = ""  # instead of a picture: what is missing, and what to do
    tone: str = ""
    is_simulated: bool = False
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class TileSource:
    """A tile by name, before it is made: `title` and `position` are needed to lay out the page."""

    key: str
    title: str
    position: int
    make: Callable[[Membership], Tile]
    roles: frozenset[Role] = READERS


TILES: list[TileSource] = []


def sources() -> list[TileSource]:
    """Every tile there is, in the order of the page."""
    return sorted(TILES, key=lambda source: source.position)


def source_of(key: str) -> TileSource:
    """The tile of that name; `NotFound` for another word."""
    found = next((source for source in TILES if source.key == key), None)
    if found is None:
        raise NotFound("The dashboard has no such tile.")
    return found


# ---- the numbers of this floor's own tiles


def questions_of(project: Project) -> Sequence[CriterionVersion]:
    """The questions of the released rubric, in its order."""
    version = project.rubric.released
    return list(version.criteria.select_related("criterion", "version")) if version else []


def health(project: Project) -> list[CriterionAgreement]:
    """How far people agree on each criterion."""
    return [agreement.measure(project, question) for question in questions_of(project)]


_SAID = """
SELECT v.case_id, r.kind = 'judge', r.name, v.value
FROM annotations_verdict v
JOIN annotations_annotation a ON a.id = v.annotation_id
JOIN annotations_rater r ON r.id = a.rater_id
WHERE r.project_id = %(project)s AND v.criterion_id = %(criterion)s AND v.status = 'answered'
  AND v.revision = 1 AND a.status = 'submitted' AND (r.kind = 'judge' OR a.arm IN ('blind', 'reveal'))
ORDER BY v.case_id, v.id
"""
# What judges say where the scale is not yes and no.
JUDGE_POSITIVE = "positive"


def judges_and_people(project: Project, question: CriterionVersion) -> list[Errors]:
    """One person, then each judge, held against the other people of the case.

    Of a judge with several revisions the newest answer on each case counts.
    """
    positive = {*question.criterion.positive, JUDGE_POSITIVE}
    people: dict[int, list[bool]] = defaultdict(list)
    judges: dict[str, dict[int, bool]] = defaultdict(dict)
    with connection.cursor() as cursor:
        cursor.execute(_SAID, {"project": project.pk, "criterion": question.criterion_id})
        for case, is_judge, name, value in cursor:
            if is_judge:
                judges[name][case] = value in positive
            else:
                people[case].append(value in positive)
    known = sorted(judges, key=lambda name: (-len(judges[name]), name))[:MOST_JUDGES]
    return human_ceiling(people, {name: judges[name] for name in known})


def causes(project: Project) -> list[tuple[Cause, Estimate]]:
    """Why people differed: the share of each cause among the decisions that stand, largest first."""
    found = Counter(
        Gold.objects.filter(
            project=project, superseded_at__isnull=True, adjudication__isnull=False
        ).values_list("adjudication__cause", flat=True)
    )
    n = found.total()
    return [(Cause(cause), proportion(k, n)) for cause, k in found.most_common()]


@dataclass(frozen=True)
class Cost:
    """What a settled case costs, with the work on cases that are not settled yet."""

    minutes: Estimate  # of people, where the time is known
    raters: Estimate
    adjudicated: Estimate  # share of the settled cases that needed a decision
    settled: int

    @property
    def saved(self) -> float | None:
        """The share of sheets saved against three raters on every settled case."""
        return None if self.raters.value is None else 1 - self.raters.value / FIXED


_COST = """
SELECT c.status = 'settled', count(a.id), sum(a.seconds), count(a.seconds)
FROM annotations_case c
JOIN annotations_annotation a ON a.case_id = c.id AND a.status = 'submitted'
JOIN annotations_rater r ON r.id = a.rater_id AND r.kind <> 'judge'
WHERE c.project_id = %s
GROUP BY c.id, c.status
"""


def cost(project: Project) -> Cost:
    """Minutes and raters for each settled case."""
    settled, sheets, timed, minutes = [], [], [], []
    with connection.cursor() as cursor:
        cursor.execute(_COST, [project.pk])
        for is_settled, n, seconds, n_timed in cursor:
            settled.append(float(is_settled))
            sheets.append(float(n))
            if n_timed == n:  # a case of which some time is unknown says nothing of minutes
                timed.append(float(is_settled))
                minutes.append(seconds / 60)
    nothing = "No case is settled yet."
    untimed = "Of no settled case the time of all its raters is known."
    decided = Gold.objects.filter(
        project=project, superseded_at__isnull=True, adjudication__isnull=False,
        case__status=CaseStatus.SETTLED,
    ).aggregate(n=Count("case", distinct=True))["n"]  # fmt: skip
    n = project.cases.filter(status=CaseStatus.SETTLED).count()
    return Cost(
        minutes=ratio_of_sums(minutes, timed, nothing=untimed),
        raters=ratio_of_sums(sheets, settled, nothing=nothing),
        adjudicated=proportion(min(decided, n), n),
        settled=n,
    )


@dataclass(frozen=True)
class Staleness:
    """What was answered under another wording than the released one, criterion by criterion."""

    gold: Mapping[str, tuple[int, int]]  # criterion name -> (under another wording, all)
    sheets: int  # drafts and places in work under an older version
    places: int  # open places under an older version

    @property
    def is_stale(self) -> bool:
        return any(old for old, _ in self.gold.values()) or bool(self.sheets or self.places)


def staleness(project: Project) -> Staleness:
    """Gold, drafts and places of older wordings."""
    version = project.rubric.released
    gold: dict[str, tuple[int, int]] = {}
    for question in questions_of(project):
        same = [
            one.pk for one in question.criterion.versions.all()
            if one.content_hash == question.content_hash
        ]  # fmt: skip
        current = Gold.objects.filter(
            project=project, criterion=question.criterion, superseded_at__isnull=True
        )
        total = current.count()
        gold[question.name] = (total - current.filter(criterion_version__in=same).count(), total)
    drafts = Annotation.objects.filter(
        project=project, status=AnnotationStatus.DRAFT, rater__kind=RaterKind.PERSON
    ).exclude(rubric_version=version)
    places = Slot.objects.filter(
        project=project, purpose=SlotPurpose.LABEL, status=SlotStatus.OPEN
    ).exclude(rubric_version=version)
    return Staleness(gold, drafts.count(), places.count())
