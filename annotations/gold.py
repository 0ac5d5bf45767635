"""Gold: unanimous cases settle by themselves, disagreements wait for an adjudicator.

An answer is unanimous when all people of the case gave it, first and finally. A judge never settles
anything. Dissent and the number of raters stay on the gold.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from annotations.answers import Answer
from annotations.models import Adjudication, Case, Criterion, CriterionVersion, Gold, Verdict
from annotations.statuses import (
    BLIND_ARMS,
    CaseStatus,
    Provenance,
    RaterKind,
    SlotStatus,
    VerdictStatus,
)

MIN_RATERS = 2


@dataclass(frozen=True)
class SettleReport:
    """What one settling did."""

    settled: int
    to_adjudicate: int
    single: int  # fewer than MIN_RATERS people: nothing to agree with, left as they are


def settle_if_labelled(case: Case) -> None:
    """Settle the case if its last place is filled; called inside the submit's transaction."""
    # Two last submits at once: the second waits here, and then sees the first one's place filled.
    locked = Case.objects.select_for_update().get(pk=case.pk)
    if not locked.slots.exclude(status=SlotStatus.DONE).exists():
        settle([locked])


def reopen_if_revised(case: Case) -> None:
    """A revised answer ends a unanimity: the gold is superseded and the case is adjudicated."""
    locked = Case.objects.select_for_update().get(pk=case.pk)
    if locked.status == CaseStatus.SETTLED:
        Gold.objects.filter(
            case=locked, superseded_at__isnull=True, provenance=Provenance.UNANIMOUS
        ).update(superseded_at=timezone.now())
        settle([locked])


@transaction.atomic
def settle(cases: Iterable[Case]) -> SettleReport:
    """Write gold where all people agree, queue the rest for adjudication. Safe to run twice."""
    cases = list(cases)
    done = Counter[CaseStatus]()
    single = 0
    verdicts = _people_verdicts(cases)
    decisions = _decisions(cases)
    for case_id, criterion_id in decisions:  # an imported decision may be all that there is
        verdicts.setdefault(case_id, {}).setdefault(criterion_id, [])
    current = defaultdict(set)
    for case_id, criterion_id in Gold.objects.filter(
        case__in=[c.pk for c in cases], superseded_at__isnull=True
    ).values_list("case_id", "criterion_id"):
        current[case_id].add(criterion_id)
    golds: list[Gold] = []
    moves: dict[CaseStatus, list[int]] = defaultdict(list)
    for case in cases:
        by_criterion = verdicts.get(case.pk, {})
        open_criteria = 0
        for criterion_id, given in by_criterion.items():
            if criterion_id in current[case.pk]:
                continue
            decision = decisions.get((case.pk, criterion_id))
            found = _settled(case, given, decision)
            if found is None:
                open_criteria += 1
            else:
                golds.append(found)
        fewest = min((len(_raters(given)) for given in by_criterion.values() if given), default=0)
        if fewest < MIN_RATERS and (open_criteria or not by_criterion):
            single += 1
            continue
        status = CaseStatus.ADJUDICATION if open_criteria else CaseStatus.SETTLED
        done[status] += 1
        if case.status != status:
            moves[status].append(case.pk)
            case.status = status
    Gold.objects.bulk_create(golds, batch_size=1000)
    for status, ids in moves.items():
        Case.objects.filter(pk__in=ids).update(status=status)
    return SettleReport(done[CaseStatus.SETTLED], done[CaseStatus.ADJUDICATION], single)


def _people_verdicts(cases: Sequence[Case]) -> dict[int, dict[int, list[Verdict]]]:
    """case id -> criterion id -> every revision by people of the blind arms."""
    rows = (
        Verdict.objects.filter(
            case__in=[case.pk for case in cases],
            annotation__arm__in=BLIND_ARMS,
        )
        .exclude(annotation__rater__kind=RaterKind.JUDGE)
        .select_related("annotation__rater")
        .order_by("id")
    )
    found: dict[int, dict[int, list[Verdict]]] = defaultdict(lambda: defaultdict(list))
    for verdict in rows:
        found[verdict.case_id][verdict.criterion_id].append(verdict)
    return found


def _decisions(cases: Sequence[Case]) -> dict[tuple[int, int], Adjudication]:
    rows = Adjudication.objects.filter(case__in=[case.pk for case in cases]).order_by("id")
    return {(row.case_id, row.criterion_id): row for row in rows}  # the latest decides


def _raters(given: Sequence[Verdict]) -> set[int]:
    return {verdict.annotation.rater_id for verdict in given}


def _settled(case: Case, given: Sequence[Verdict], decision: Adjudication | None) -> Gold | None:
    """The gold that these verdicts, or the decision on them, make; None when they need one."""
    last = given[-1] if given else decision
    if last is None:
        return None
    words = {Answer(VerdictStatus(v.status), v.value).word for v in given}
    simulated = any(v.annotation.rater.kind == RaterKind.SIMULATED for v in given)
    gold = Gold(
        project_id=case.project_id,
        case=case,
        criterion_id=last.criterion_id,
        criterion_version_id=last.criterion_version_id,
        n_raters=len(_raters(given)),
        dissent=final_counts(given),
        is_simulated=simulated or bool(decision and decision.is_simulated),
    )
    if decision is not None:
        gold.status, gold.value, gold.adjudication = decision.status, decision.value, decision
        imported = decision.adjudicator_id is None and not decision.is_simulated
        gold.provenance = Provenance.IMPORTED if imported else Provenance.ADJUDICATED
        return gold
    agreed = len(words) == 1 and last.status != VerdictStatus.CANT_TELL
    if not agreed or gold.n_raters < MIN_RATERS:
        return None
    gold.status, gold.value, gold.provenance = last.status, last.value, Provenance.UNANIMOUS
    return gold


def final_counts(given: Iterable[Verdict]) -> dict[str, int]:
    """How many raters finally gave each answer: {"yes": 2, "cant_tell": 1}."""
    final: dict[int, str] = {}
    for verdict in sorted(given, key=lambda v: v.revision):
        final[verdict.annotation.rater_id] = Answer(
            VerdictStatus(verdict.status), verdict.value
        ).word
    return dict(Counter(final.values()))


@transaction.atomic
def settle_by_decision(adjudication: Adjudication) -> None:
    """Make the decision the gold, superseding what was gold before."""
    Gold.objects.filter(
        case=adjudication.case, criterion=adjudication.criterion, superseded_at__isnull=True
    ).update(superseded_at=timezone.now())
    settle([adjudication.case])


def open_criteria(case: Case) -> list[CriterionVersion]:
    """The questions on which the people of this case disagree and nobody has decided yet."""
    settled = Gold.objects.filter(case=case, superseded_at__isnull=True).values("criterion")
    return [question for question in questions_of(case)
            if question.criterion_id not in {row["criterion"] for row in settled}]  # fmt: skip


def questions_of(case: Case) -> list[CriterionVersion]:
    """The questions that people answered blind on this case, each in its latest wording."""
    judged = Verdict.objects.filter(case=case, annotation__arm__in=BLIND_ARMS).exclude(
        annotation__rater__kind=RaterKind.JUDGE
    )
    latest = (
        CriterionVersion.objects.filter(pk__in=judged.values("criterion_version"))
        .select_related("criterion", "version__rubric")
        .order_by("criterion_id", "-version__number")
        .distinct("criterion_id")
    )
    return sorted(latest, key=lambda question: (question.position, question.pk))


def positives(criterion: Criterion) -> list[str]:
    """The answers of this criterion that are counted as a failure seen."""
    return list(criterion.positive)
