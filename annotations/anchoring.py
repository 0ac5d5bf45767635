"""What the AI's help does to this project's raters: each arm minus blind, for leads.

Accuracy is against answers that an adjudicator decided. Adoption is how often the final answer is
the AI's where the AI was wrong: on such cases, and on sentinels, whose first answers were blind.
Only people are counted: imported sheets had no arm, and simulated raters look at nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from annotations import arms, checks, known
from annotations.answers import Answer
from annotations.measurement.anchoring import (
    detectable_shift,
    difference_of_medians,
    difference_of_shares,
)
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.models import Annotation, Gold, Project, Verdict
from annotations.statuses import AnnotationStatus, Arm, RaterKind, VerdictStatus

# The newest sheets and settled answers; older ones were given under other rules and guidelines.
MOST = 20_000
AFTER_BLIND = (Arm.REVEAL, Arm.EVIDENCE, Arm.SHOWN)

Shares = dict[Arm, list[tuple[int, bool]]]


@dataclass(frozen=True)
class Effect:
    """One arm: its figures, and each minus the arm blind."""

    arm: Arm
    sheets: int
    accuracy: Estimate
    adoption: Estimate
    seconds: float | None
    accuracy_shift: Estimate | None  # None in the arm blind itself
    adoption_shift: Estimate | None
    seconds_shift: Estimate | None
    detectable: float | None  # the smallest fall of accuracy that these answers could tell

    @property
    def harms(self) -> bool:
        """Whether answers are less often right than blind ones, beyond what chance explains."""
        shift = self.accuracy_shift
        return shift is not None and shift.high is not None and shift.high < 0


def readout(project: Project) -> list[Effect]:
    """Every arm, blind first."""
    right, adopted = _against_gold(project)
    for arm, rater, took in _sentinels(project):
        adopted[arm].append((rater, took))
    seconds = _seconds(project)
    sheets = Counter({Arm(arm): len(rows) for arm, rows in seconds.items()})
    return [_effect(arm, sheets[arm], right, adopted, seconds) for arm in (Arm.BLIND, *AFTER_BLIND)]


def _effect(
    arm: Arm, sheets: int, right: Shares, adopted: Shares,
    seconds: Mapping[Arm, Sequence[tuple[int, float]]],
) -> Effect:  # fmt: skip
    times = [x for _, x in seconds[arm]]
    k, n = sum(x for _, x in right[arm]), len(right[arm])
    others = arm != Arm.BLIND
    smaller = min(n, len(right[Arm.BLIND]))
    wrong = sum(not x for _, x in right[Arm.BLIND])
    share = wrong / len(right[Arm.BLIND]) if right[Arm.BLIND] else None
    return Effect(
        arm=arm,
        sheets=sheets,
        accuracy=proportion(k, n),
        adoption=proportion(sum(x for _, x in adopted[arm]), len(adopted[arm])),
        seconds=median(times) if times else None,
        accuracy_shift=difference_of_shares(right[arm], right[Arm.BLIND]) if others else None,
        adoption_shift=difference_of_shares(adopted[arm], adopted[Arm.BLIND]) if others else None,
        seconds_shift=difference_of_medians(seconds[arm], seconds[Arm.BLIND]) if others else None,
        # A fall of accuracy is a rise of errors.
        detectable=detectable_shift(share, smaller) if others and share is not None else None,
    )


def _against_gold(project: Project) -> tuple[Shares, Shares]:
    """By arm: (rater, final answer is the decided one), and (rater, it is the AI's wrong one)."""
    decided = {
        (gold.case_id, gold.criterion_id): gold.value
        for gold in Gold.objects.filter(
            project=project, superseded_at__isnull=True, status=VerdictStatus.ANSWERED,
            provenance__in=known.DECIDED,
        ).order_by("-id")[:MOST]
    }  # fmt: skip
    said = _ai_answers(project, {case_id for case_id, _ in decided})
    right: Shares = defaultdict(list)
    adopted: Shares = defaultdict(list)
    for arm, rater, key, word in _final_answers({case_id for case_id, _ in decided}):
        if key not in decided:
            continue
        right[arm].append((rater, word == decided[key]))
        ai = said.get(key)
        if ai is not None and ai != decided[key]:
            adopted[arm].append((rater, word == ai))
    return right, adopted


def _final_answers(case_ids: set[int]) -> Iterator[tuple[Arm, int, tuple[int, int], str]]:
    rows = Verdict.objects.filter(case__in=case_ids, annotation__rater__kind=RaterKind.PERSON)
    final: dict[tuple[int, int], tuple[Arm, int, tuple[int, int], str]] = {}
    for sheet, arm, rater, case_id, criterion, status, value in rows.order_by("revision").values_list(
        "annotation", "annotation__arm", "annotation__rater", "case_id", "criterion_id", "status",
        "value",
    ):  # fmt: skip
        word = Answer(VerdictStatus(status), value).word
        final[sheet, criterion] = (Arm(arm), rater, (case_id, criterion), word)
    yield from final.values()


def _ai_answers(project: Project, case_ids: set[int]) -> dict[tuple[int, int], str]:
    rows = Verdict.objects.filter(
        case__in=case_ids, annotation__rater__project=project, status=VerdictStatus.ANSWERED,
        annotation__rater__kind=RaterKind.JUDGE, annotation__rater__name=arms.PRELABELLER,
    ).order_by("id")  # fmt: skip
    return {(case, key): value for case, key, value in
            rows.values_list("case_id", "criterion_id", "value")}  # fmt: skip


def _sentinels(project: Project) -> Iterator[tuple[Arm, int, bool]]:
    """Each planted answer twice: against the first, blind answer and against the last word."""
    for check in checks.sentinels_answered(project):
        for key, one in check.planted.items():
            yield Arm.BLIND, check.rater_id, check.given.get(key) == one["word"]
            yield Arm.REVEAL, check.rater_id, check.final.get(key) == one["word"]


def _seconds(project: Project) -> dict[Arm, list[tuple[int, float]]]:
    rows = (
        Annotation.objects.filter(
            project=project, status=AnnotationStatus.SUBMITTED, seconds__isnull=False,
            rater__kind=RaterKind.PERSON,
        )
        .order_by("-id")
        .values_list("arm", "rater_id", "seconds")[:MOST]
    )  # fmt: skip
    found: dict[Arm, list[tuple[int, float]]] = defaultdict(list)
    for arm, rater, seconds in rows:
        found[Arm(arm)].append((rater, float(seconds or 0)))
    return found
