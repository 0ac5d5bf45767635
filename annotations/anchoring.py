"""What the AI's help does to this project's raters: each arm against blind, for leads.

Which answers may be compared with which, and why, is in measurement/exposure.py. Only people are
counted: imported sheets had no arm, and simulated raters look at nothing. First answers of the arm reveal are
blind; the figures here are of last words, and labels of exposed arms are pooled with no others.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from annotations import arms, checks, known
from annotations.answers import Answer
from annotations.measurement.anchoring import (
    Labelled,
    Revisions,
    alpha_within,
    difference_of_alphas,
    revisions,
)
from annotations.measurement.crossed import (
    Row,
    design_effect,
    difference_of_shares,
    ratio_of_means,
    share,
    variance_of_difference,
)
from annotations.measurement.exposure import (
    Decided,
    Given,
    Question,
    adopted,
    ai_errors,
    departing,
    drawn_to_ai,
    in_order,
    split,
    wrong,
)
from annotations.measurement.power import Reach, reach
from annotations.measurement.results import Estimate
from annotations.measurement.sequential import (
    Evidence,
    above_tolerated,
    against_blind,
    combine,
)
from annotations.models import Annotation, Gold, Project, Verdict
from annotations.statuses import (
    AnnotationStatus,
    Arm,
    Provenance,
    RaterKind,
    VerdictStatus,
)

# The newest sheets and settled answers; older ones were given under other rules and guidelines.
MOST = 20_000
AFTER_BLIND = (Arm.REVEAL, Arm.EVIDENCE, Arm.SHOWN)


@dataclass(frozen=True)
class Planted:
    """One planted, wrong answer: what the rater said first, and last."""

    rater: int
    question: Question
    at: datetime
    first: str
    final: str
    word: str

    @property
    def contradicts(self) -> bool:
        """Whether the own answer was another, so that there was something to take over."""
        return self.first != self.word


@dataclass(frozen=True)
class Record:
    """All that the read-out and the rule of suspension are made from; read once."""

    given: Sequence[Given]
    decided: Mapping[Question, Decided]  # by an adjudicator, or with the file
    settled: Mapping[Question, str]  # these, and what people settled unanimously
    ai: Mapping[Question, str]
    planted: Sequence[Planted]
    seconds: Mapping[Arm, Sequence[Row]]


@dataclass(frozen=True)
class Figure:
    """One figure of an arm, and of the arm minus blind (None in the arm blind itself)."""

    name: str
    value: Estimate
    shift: Estimate | None


@dataclass(frozen=True)
class Effect:
    """One arm. Shifts are differences, of seconds a ratio; alpha is by criterion id."""

    arm: Arm
    sheets: int
    accuracy: Figure
    departures: Figure
    adoption: Figure  # on decided cases on which the AI erred
    planted: Figure  # on sentinels
    cant_tell: Figure
    seconds: float | None
    seconds_ratio: Estimate | None
    alpha: Mapping[int, Figure]
    changed: Revisions | None  # in the arm reveal: first answers against last words
    reach: Reach | None  # what the answers on decided cases can tell of accuracy

    @property
    def harms(self) -> bool:
        """Whether answers are less often right than blind ones, beyond what chance explains."""
        shift = self.accuracy.shift
        return shift is not None and shift.high is not None and shift.high < 0


def readout(record: Record) -> list[Effect]:
    """Every arm, blind first."""
    return [_effect(arm, record) for arm in (Arm.BLIND, *AFTER_BLIND)]


def evidence_of_harm(record: Record, arm: Arm, *, since: datetime | None) -> Evidence:
    """What speaks for suspending the arm, counted afresh from `since` on (see measurement/sequential.py)."""
    given, decided = record.given, record.decided
    processes = [
        against_blind("departs from a peer", in_order(departing(given, arm), since=since)),
        against_blind("wrong on decided cases", in_order(wrong(given, decided, arm), since=since)),
    ]
    errors, contradictions = ai_errors(given, record.ai, record.settled)
    if 2 * errors > contradictions:
        drawn = in_order(drawn_to_ai(given, record.ai, arm), since=since)
        processes.append(against_blind("drawn to the AI's side", drawn))
    if arm == Arm.REVEAL:
        rows = [
            (one.at, one.final == one.word)
            for one in sorted(record.planted, key=lambda one: one.at)
            if one.contradicts and (since is None or one.at > since)
        ]
        processes.append(above_tolerated("took over planted, wrong answers", rows))
    return combine(processes, arms=len(AFTER_BLIND))


def _effect(arm: Arm, record: Record) -> Effect:
    given, decided = record.given, record.decided
    times = record.seconds.get(arm, [])
    is_blind = arm == Arm.BLIND
    errors = split(wrong(given, decided, arm))
    told = [(g, i, 1 - x) for g, i, x in errors[0]], [(g, i, 1 - x) for g, i, x in errors[1]]
    return Effect(
        arm=arm,
        sheets=len(times),
        accuracy=_figure("right on decided cases", told, is_blind),
        departures=_figure("departs from a peer", split(departing(given, arm)), is_blind),
        adoption=_figure("AI's error", split(adopted(given, decided, record.ai, arm)), is_blind),
        planted=_figure("planted error", _planted_rows(record, arm), is_blind),
        cant_tell=_figure("can't tell", _cant_tell(given, arm), is_blind),
        seconds=median(x for _, _, x in times) if times else None,
        seconds_ratio=None if is_blind else ratio_of_means(times, record.seconds.get(Arm.BLIND, [])),
        alpha=_alphas(given, arm),
        changed=_changed(given, decided) if arm == Arm.REVEAL else None,
        reach=None if is_blind else _reach(*errors),
    )  # fmt: skip


def _figure(name: str, sides: tuple[Sequence[Row], Sequence[Row]], is_blind: bool) -> Figure:
    helped, blind = sides
    if is_blind:  # the arm is its own base: all its rows count as helped ones
        return Figure(name, share(helped), None)
    return Figure(name, share(helped), difference_of_shares(helped, blind))


def _planted_rows(record: Record, arm: Arm) -> tuple[list[Row], list[Row]]:
    """A planted answer is met in the arm reveal; its first answer is the blind one of the same person."""
    last: list[Row] = [(p.rater, p.question[0], float(p.final == p.word)) for p in record.planted]
    first: list[Row] = [(p.rater, p.question[0], float(p.first == p.word)) for p in record.planted]
    if arm == Arm.BLIND:
        return first, []
    return (last, first) if arm == Arm.REVEAL else ([], first)


def _cant_tell(given: Sequence[Given], arm: Arm) -> tuple[list[Row], list[Row]]:
    cant = str(VerdictStatus.CANT_TELL)
    sides: dict[str, list[Row]] = defaultdict(list)
    for one in given:
        sides[one.arm].append((one.rater, one.question[0], float(one.final == cant)))
    return sides[arm], [] if arm == Arm.BLIND else sides[Arm.BLIND]


def _alphas(given: Sequence[Given], arm: Arm) -> dict[int, Figure]:
    """Agreement of last words within the arm, criterion by criterion: answers only, as on all pages."""
    no_answer = {str(status) for status in VerdictStatus}
    sides: dict[int, dict[str, list[Labelled]]] = defaultdict(lambda: defaultdict(list))
    for one in given:
        if one.final not in no_answer:
            criterion = int(str(one.question[1]))
            sides[criterion][one.arm].append((one.rater, one.question[0], one.final))
    found = {}
    for criterion, by_arm in sorted(sides.items()):
        helped, blind = by_arm[arm], by_arm[Arm.BLIND]
        shift = None if arm == Arm.BLIND else difference_of_alphas(helped, blind)
        found[criterion] = Figure("alpha", alpha_within(helped), shift)
    return found


def _changed(given: Sequence[Given], decided: Mapping[Question, Decided]) -> Revisions:
    return revisions(
        (one.first == decided[one.question].word, one.final == decided[one.question].word)
        for one in given
        if one.arm == Arm.REVEAL and one.question in decided
    )


def _reach(helped: Sequence[Row], blind: Sequence[Row]) -> Reach | None:
    """A fall of accuracy is a rise of errors: that rise is what has to be told."""
    if not blind:
        return None
    p0 = sum(x for _, _, x in blind) / len(blind)
    p1 = sum(x for _, _, x in helped) / len(helped) if helped else p0
    effect = 1.0
    if helped:
        variance = variance_of_difference(helped, blind)[0]
        effect = design_effect(variance, p1, len(helped), p0, len(blind))
    return reach(p0, len(helped), len(blind), design_effect=effect)


# ---- what is read


def read(project: Project) -> Record:
    """The newest sheets of people with their decisions, what the AI said, and the sentinels."""
    gold = Gold.objects.filter(
        project=project, superseded_at__isnull=True, status=VerdictStatus.ANSWERED
    ).order_by("-id").values_list(
        "case_id", "criterion_id", "value", "provenance", "settled_at"
    )[:MOST]  # fmt: skip
    settled: dict[Question, str] = {}
    decided: dict[Question, Decided] = {}
    for case_id, criterion, word, provenance, at in gold:
        settled[case_id, criterion] = word
        if provenance in known.DECIDED:
            came_along = provenance == Provenance.IMPORTED
            decided[case_id, criterion] = Decided(word, at, came_along)
    sheets = _sheets(project)
    return Record(
        given=_given(sheets), decided=decided, settled=settled, ai=_ai_answers(project),
        planted=list(_planted(project)), seconds=_seconds(sheets.values()),
    )  # fmt: skip


Sheet = tuple[Arm, int, int, float | None, datetime]  # arm, rater, case, seconds, submitted


def _sheets(project: Project) -> dict[int, Sheet]:
    rows = (
        Annotation.objects.filter(
            project=project, status=AnnotationStatus.SUBMITTED, rater__kind=RaterKind.PERSON
        )
        .order_by("-id")
        .values_list("id", "arm", "rater_id", "case_id", "seconds", "submitted_at")[:MOST]
    )
    return {
        pk: (Arm(arm), rater, case_id, seconds, at)
        for pk, arm, rater, case_id, seconds, at in rows
        if at is not None
    }


def _given(sheets: Mapping[int, Sheet]) -> list[Given]:
    """First and last word of each sheet on each criterion."""
    words: dict[tuple[int, int], list[str]] = {}
    rows = Verdict.objects.filter(annotation__in=list(sheets)).order_by("revision")
    for sheet, criterion, status, value in rows.values_list(
        "annotation_id", "criterion_id", "status", "value"
    ):
        word = Answer(VerdictStatus(status), value).word
        words.setdefault((sheet, criterion), []).append(word)
    found = []
    for (sheet, criterion), said in words.items():
        arm, rater, case_id, _, at = sheets[sheet]
        found.append(Given(rater, (case_id, criterion), str(arm), said[0], said[-1], at))
    return found


def _ai_answers(project: Project) -> dict[Question, str]:
    """What the pre-labelling judge said last on each case that people answered."""
    people = Annotation.objects.filter(
        project=project, rater__kind=RaterKind.PERSON, status=AnnotationStatus.SUBMITTED
    )
    rows = Verdict.objects.filter(
        annotation__project=project, status=VerdictStatus.ANSWERED, case__in=people.values("case"),
        annotation__rater__kind=RaterKind.JUDGE, annotation__rater__name=arms.PRELABELLER,
    ).order_by("id").values_list("case_id", "criterion_id", "value")  # fmt: skip
    return {(case_id, criterion): value for case_id, criterion, value in rows}


def _planted(project: Project) -> list[Planted]:
    keys = dict(project.rubric.criteria.values_list("key", "pk"))
    found = []
    for check in checks.sentinels_answered(project):
        for key, one in check.planted.items():
            at = check.answered_at or check.created_at
            found.append(Planted(
                check.rater_id, (check.case_id, keys.get(key, 0)), at,
                check.given.get(key, ""), check.final.get(key, ""), one["word"],
            ))  # fmt: skip
    return found


def _seconds(sheets: Iterable[Sheet]) -> dict[Arm, list[Row]]:
    found: dict[Arm, list[Row]] = defaultdict(list)
    for arm, rater, case_id, seconds, _ in sheets:
        if seconds is not None:
            found[arm].append((rater, case_id, float(seconds)))
    return found
