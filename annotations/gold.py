"""Gold: unanimous cases settle by themselves, disagreements wait for an adjudicator.

An answer is unanimous when all people of the case gave it, first and finally. A judge never settles
anything, nor does a sheet that was given with AI help. Dissent and the number of raters stay on the
gold. A descriptive question on which people differ has no gold: how they answered is what is kept.
Where a project stops by posterior, what that rule is sure of is settled too (`settle_by_posterior`).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from annotations import rows, standing
from annotations.answers import Answer
from annotations.errors import Conflict
from annotations.measurement.overlap import Sure
from annotations.models import Adjudication, Case, Criterion, CriterionVersion, Gold, Verdict
from annotations.models.gold import SETTLED_BY_PEOPLE
from annotations.standing import NOTHING, Standing
from annotations.statuses import (
    CASE_NEXT,
    CaseStatus,
    Provenance,
    RaterKind,
    VerdictStatus,
    check_move,
)

MIN_RATERS = 2


@dataclass(frozen=True)
class SettleReport:
    """What one settling did."""

    settled: int
    to_adjudicate: int
    single: int  # fewer than MIN_RATERS people: nothing to agree with, left as they are


# What `settle` does with a case that people have just finished, in one statement: nearly every case. Where
# anything is settled or decided already, a question is descriptive or somebody answered alone, no row comes
# back and nothing is written.
_SETTLE_NEW = """
WITH given AS (
    SELECT v.criterion_id, (array_agg(v.criterion_version_id ORDER BY v.id DESC))[1] AS version,
        count(DISTINCT a.rater_id) AS raters, min(v.status) AS status, min(v.value) AS value,
        count(DISTINCT (v.status, v.value)) = 1 AND min(v.status) <> 'cant_tell' AS agreed,
        bool_and(q.is_descriptive) AS described, bool_or(r.kind = 'simulated') AS simulated
    FROM annotations_verdict v
    JOIN annotations_annotation a ON a.id = v.annotation_id
    JOIN annotations_rater r ON r.id = a.rater_id
    JOIN annotations_criterionversion q ON q.id = v.criterion_version_id
    WHERE v.case_id = %(case)s AND a.arm IN ('blind', 'reveal') AND r.kind <> 'judge'
    GROUP BY v.criterion_id),
plain AS (
    SELECT bool_and(agreed) AS agreed FROM given
    HAVING bool_and(raters >= %(fewest)s AND NOT described)
       AND NOT EXISTS (SELECT 1 FROM annotations_adjudication d WHERE d.case_id = %(case)s)
       AND NOT EXISTS (SELECT 1 FROM annotations_gold g
                       WHERE g.case_id = %(case)s AND g.superseded_at IS NULL)),
settled AS (
    INSERT INTO annotations_gold (project_id, case_id, criterion_id, criterion_version_id, status, value,
        provenance, n_raters, dissent, is_simulated, settled_at)
    SELECT %(project)s::bigint, %(case)s, g.criterion_id, g.version, g.status, g.value, 'unanimous', g.raters,
        jsonb_build_object(COALESCE(NULLIF(g.value, ''), g.status), g.raters), g.simulated,
        clock_timestamp()
    FROM given g, plain WHERE g.agreed)
UPDATE annotations_case c
SET status = CASE WHEN plain.agreed THEN 'settled' ELSE 'adjudication' END
FROM plain WHERE c.id = %(case)s RETURNING c.id
"""


def settle_new(case_id: int, *, project_id: int) -> None:
    """Settle a case whose last place was filled; called inside the submit's transaction, case locked."""
    values = {"case": case_id, "project": project_id, "fewest": MIN_RATERS}
    if rows.one(_SETTLE_NEW, values=values) is None:
        settle([Case.objects.get(pk=case_id)])


@transaction.atomic
def unsettle(case: Case) -> None:
    """A rater takes back a submit: what settled by itself is undone, and the case is labelled again.

    Raises `Conflict` once an adjudicator has begun on the case.
    """
    locked = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    if locked.adjudications.filter(adjudicator__isnull=False).exists() or (
        locked.opinions.exists()
    ):
        raise Conflict("An adjudicator has begun on this case, so the answer can't be taken back.")
    Gold.objects.filter(
        case=locked, superseded_at__isnull=True, provenance__in=SETTLED_BY_PEOPLE
    ).update(superseded_at=timezone.now())
    if locked.status != CaseStatus.LABELLING:
        check_move(CASE_NEXT, CaseStatus(locked.status), CaseStatus.LABELLING)
        locked.status = CaseStatus.LABELLING
        locked.save(update_fields=["status"])
    case.status = locked.status


def reopen_if_revised(case: Case) -> None:
    """A revised answer ends a unanimity: the gold is superseded and the case is adjudicated."""
    locked = Case.objects.select_for_update(no_key=True).get(pk=case.pk)
    if locked.status == CaseStatus.SETTLED:
        Gold.objects.filter(
            case=locked, superseded_at__isnull=True, provenance=Provenance.UNANIMOUS
        ).update(superseded_at=timezone.now())
        settle([locked])


def settle_by_posterior(case: Case, sure: Mapping[str, Sure], *, with_ai: Collection[str]) -> int:
    """Write gold for the criteria of which the stop rule is sure enough: how many. `settle` comes next.

    Called inside the submit's transaction with the case locked. Can't tell is never settled so. What all
    of two people or more say is unanimous, as under every rule. `with_ai`: where the AI's word counted.
    """
    given = _people_verdicts([case]).get(case.pk, {})
    current = set(case.gold.filter(superseded_at__isnull=True).values_list("criterion", flat=True))
    decided = {criterion for _, criterion in standing.of_cases([case])}
    found = []
    for criterion, verdicts in given.items():
        key = verdicts[-1].criterion_version.criterion.key
        one = sure.get(key)
        if one is None or one.answer == VerdictStatus.CANT_TELL or criterion in current | decided:
            continue
        answer = Answer.parse(one.answer)
        counts = final_counts(verdicts)
        n = len(_raters(verdicts))
        alike = {Answer(VerdictStatus(v.status), v.value) for v in verdicts} == {answer}
        found.append(
            Gold(
                project_id=case.project_id, case=case, criterion_id=criterion,
                criterion_version_id=verdicts[-1].criterion_version_id, status=answer.status,
                value=answer.value, n_raters=n, dissent=counts, probability=one.probability,
                provenance=Provenance.UNANIMOUS if alike and n >= MIN_RATERS else Provenance.POSTERIOR,
                rests_on_ai=key in with_ai,
                is_simulated=any(v.annotation.rater.kind == RaterKind.SIMULATED for v in verdicts),
            )
        )  # fmt: skip
    Gold.objects.bulk_create(found)
    return len(found)


@transaction.atomic
def settle(cases: Iterable[Case]) -> SettleReport:
    """Write gold where all people agree, queue the rest for adjudication. Safe to run twice."""
    cases = list(cases)
    done = Counter[CaseStatus]()
    single = 0
    verdicts = _people_verdicts(cases)
    decided = standing.of_cases(cases)
    for case_id, criterion_id in decided:  # an imported decision may be all that there is
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
        found, open_criteria = _settle_one(case, by_criterion, current[case.pk], decided)
        golds += found
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


def _settle_one(
    case: Case, by_criterion: Mapping[int, Sequence[Verdict]], settled: Collection[int],
    decided: Mapping[tuple[int, int], Standing],
) -> tuple[list[Gold], int]:  # fmt: skip
    """The new gold of one case, and how many of its questions somebody must decide."""
    golds, open_criteria = [], 0
    for criterion_id, given in by_criterion.items():
        if criterion_id in settled:
            continue
        stands = decided.get((case.pk, criterion_id), NOTHING)
        found = _settled(case, given, stands)
        if found is not None:
            golds.append(found)
        elif stands.decisions or not _is_kept_as_given(given):
            open_criteria += 1
    return golds, open_criteria


def _people_verdicts(cases: Sequence[Case]) -> dict[int, dict[int, list[Verdict]]]:
    """case id -> criterion id -> every revision by people of the blind arms."""
    rows = (
        standing.blind_verdicts_of_people()
        .filter(case__in=[case.pk for case in cases])
        .select_related("annotation__rater", "criterion_version__criterion")
        .order_by("id")
    )
    found: dict[int, dict[int, list[Verdict]]] = defaultdict(lambda: defaultdict(list))
    for verdict in rows:
        found[verdict.case_id][verdict.criterion_id].append(verdict)
    return found


def _raters(given: Sequence[Verdict]) -> set[int]:
    return {verdict.annotation.rater_id for verdict in given}


def _is_kept_as_given(given: Sequence[Verdict]) -> bool:
    """A descriptive question: the distribution of its answers is the result."""
    described = all(verdict.criterion_version.is_descriptive for verdict in given)
    return described and len(_raters(given)) >= MIN_RATERS


def _settled(case: Case, given: Sequence[Verdict], stands: Standing) -> Gold | None:
    """The gold that these verdicts, or the decision on them, make; None when they need one."""
    decision = stands.in_force
    last = given[-1] if given else decision
    if last is None or (decision is None and stands.decisions):
        return None  # an adjudicator has decided otherwise, and waits for a second
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
    """Make the decision the gold, superseding what was gold before.

    Where it takes two (see `standing`) there is no gold until the second has decided.
    """
    Gold.objects.filter(
        case=adjudication.case, criterion=adjudication.criterion, superseded_at__isnull=True
    ).update(superseded_at=timezone.now())
    settle([adjudication.case])


def open_criteria(case: Case) -> list[CriterionVersion]:
    """The questions on which the people of this case disagree and nobody has decided yet."""
    open_ids = set(standing.open_verdicts().filter(case=case).values_list("criterion", flat=True))
    return [question for question in questions_of(case) if question.criterion_id in open_ids]


def questions_of(case: Case) -> list[CriterionVersion]:
    """The questions that people answered blind on this case, each in its latest wording."""
    judged = standing.blind_verdicts_of_people().filter(case=case)
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
