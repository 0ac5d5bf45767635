"""Generating: candidates are planned, folded, put to the target, and handed over as a batch of cases.

Every part is safe to run twice: the plan is deterministic and its keys are unique in the round,
folding and asking touch only what is still planned, handing over only what has no case yet.
"""

from collections import Counter
from typing import Any

from django.db import transaction

from annotations import marks
from annotations.errors import BadInput
from annotations.jobs import JobRun
from annotations.models import Batch, Case, Gold, Verdict, content_hash
from annotations.statuses import CaseStatus, Expected, MarkKind
from annotations.strata import EXPECTED
from campaigns import targets
from campaigns.chat.protocol import EndpointError
from campaigns.models import Candidate, Round
from campaigns.search.novelty import fold_near_duplicates
from campaigns.search.plan import BehaviorSeed, CandidateSpec, Parent, plan_candidates
from campaigns.search.selection import TechniqueStat
from campaigns.search.transforms import TRANSFORMS
from campaigns.statuses import CandidateStatus, Intent

CHUNK = 25
MAX_PARENTS = 200
SEED_WEIGHT = 5.0  # what a person asks for comes before what a score suggests


def plan(round_: Round) -> int:
    """Write the round's candidates, once. Returns how many the round has."""
    if not round_.candidates.exists():
        campaign = round_.campaign
        behaviors = {behavior.key: behavior for behavior in campaign.behaviors.all()}
        parents = parents_of(round_)
        specs = plan_candidates(
            [
                BehaviorSeed(b.key, b.pair, b.intent, b.category, b.text, b.context)
                for b in behaviors.values()
            ],
            [parent for parent, _ in parents],
            TRANSFORMS,
            n=round_.size,
            seed=round_.seed,
            guided_share=campaign.guided_share,
            technique_stats=technique_stats(round_),
        )
        cases = {parent.key: case for parent, case in parents}
        Candidate.objects.bulk_create(
            (_candidate(round_, spec, behaviors, cases) for spec in specs),
            ignore_conflicts=True,
            batch_size=500,
        )
    return round_.candidates.count()


def _candidate(
    round_: Round, spec: CandidateSpec, behaviors: dict[str, Any], cases: dict[str, Case]
) -> Candidate:
    behavior = behaviors.get(spec.behavior_key or "")
    parent = cases.get(spec.parent_key) if spec.parent_key else None
    return Candidate(
        round=round_,
        key=spec.key,
        behavior=behavior,
        parent_case=parent,
        family=parent.family if parent else f"behavior:{behavior.pair if behavior else spec.key}",
        techniques=list(spec.techniques),
        parameters=spec.parameters,
        arm=spec.arm,
        reason=spec.reason,
        context=parent.context if parent else (behavior.context if behavior else ""),
        prompt=spec.prompt,
    )


def fold(round_: Round) -> int:
    """Fold near-duplicate prompts, so that nobody is asked, or reads, the same thing twice."""
    rows = list(
        round_.candidates.filter(status=CandidateStatus.PLANNED)
        .order_by("id")
        .only("id", "context", "prompt")
    )
    into = fold_near_duplicates([f"{row.context}\n{row.prompt}" for row in rows])
    folded = []
    for row, index in zip(rows, into, strict=True):
        if index is not None:
            row.status, row.folded_into_id = CandidateStatus.FOLDED, rows[index].pk
            folded.append(row)
    Candidate.objects.bulk_update(folded, ["status", "folded_into"], batch_size=500)
    return len(folded)


def ask(round_: Round, *, run: JobRun) -> None:
    """Put every planned candidate to the target, a chunk at a time; each chunk is fenced."""
    target = round_.target
    if target is None:
        raise BadInput("This round has no target: choose one on the campaign page.")
    client = targets.client_for(target)
    waiting = round_.candidates.filter(status=CandidateStatus.PLANNED).select_related("behavior")
    total = round_.candidates.exclude(status=CandidateStatus.FOLDED).count()
    while chunk := list(waiting.order_by("id")[:CHUNK]):
        for candidate in chunk:
            try:
                answer = targets.ask(target, candidate, client=client, seed=round_.seed)
            except EndpointError as error:
                candidate.status = CandidateStatus.FAILED
                candidate.exchange = {"error": str(error)}
            else:
                candidate.status = CandidateStatus.ANSWERED
                candidate.response, candidate.exchange = answer.text, answer.exchange
        with run.fenced():
            Candidate.objects.bulk_update(chunk, ["status", "response", "exchange"])
        done = total - waiting.count()
        run.progress(done, total, f"{target}: {done} of {total} candidates answered")


def hand_over(round_: Round) -> Batch:
    """Make the round's batch and its cases: this is what `annotations` gets to see."""
    batch, _ = Batch.objects.get_or_create(
        project=round_.campaign.project,
        source=f"round:{round_.number}",
        defaults={"name": f"Round {round_.number}"},
    )
    new = list(
        round_.candidates.filter(status=CandidateStatus.ANSWERED, case__isnull=True)
        .select_related("behavior", "parent_case")
        .order_by("id")
    )
    project = round_.campaign.project
    target = round_.target
    with transaction.atomic():
        cases = Case.objects.bulk_create(
            (
                Case(
                    project=project,
                    batch=batch,
                    external_id=f"r{round_.number}-{candidate.key[:16]}",
                    family=candidate.family,
                    context=candidate.context,
                    conversation=[{"role": "user", "content": candidate.prompt}],
                    response=candidate.response,
                    strata=strata_of(candidate, round_),
                    content_hash=content_hash(
                        candidate.context,
                        [{"role": "user", "content": candidate.prompt}],
                        candidate.response,
                    ),
                    status=CaseStatus.NEW,
                    overlap=project.overlap,
                    is_simulated=bool(target and target.is_simulated),
                )
                for candidate in new
            ),
            batch_size=500,
        )
        for candidate, case in zip(new, cases, strict=True):
            candidate.case = case
        Candidate.objects.bulk_update(new, ["case"], batch_size=500)
        if round_.batch_id is None:
            round_.batch = batch
            round_.save(update_fields=["batch"])
    return batch


def strata_of(candidate: Candidate, round_: Round) -> dict[str, str]:
    """The groups that figures are broken down by."""
    behavior = candidate.behavior
    return {
        "target": str(round_.target),
        "round": str(round_.number),
        "category": behavior.category if behavior else "from a parent case",
        "intent": behavior.intent if behavior else "unknown",
        "kind": "context-dependent" if behavior and behavior.context_dependent else "direct",
        "technique": " + ".join(candidate.techniques) or "none",
        "arm": candidate.arm,
        **expected_of(candidate),
    }


def expected_of(candidate: Candidate) -> dict[str, str]:
    """What the target should do: what was asked for says it, or the case that it was made from."""
    if candidate.behavior:
        harmful = candidate.behavior.intent == Intent.HARMFUL
        return {EXPECTED: str(Expected.REFUSE if harmful else Expected.COMPLY)}
    parent = candidate.parent_case
    word = parent.strata.get(EXPECTED) if parent else None
    return {EXPECTED: word} if word else {}


def parents_of(round_: Round) -> list[tuple[Parent, Case]]:
    """What the guided arm draws on: seeds, gold failures, errors of the ensemble that pre-labels.

    Seeds are the cases that an adjudicator marked. Each parent says why it was chosen. Strongest
    first, at most `MAX_PARENTS`. The families of the frozen test guide nothing.
    """
    ensemble = round_.ensemble
    criterion = ensemble.criterion if ensemble else _main_criterion(round_)
    if criterion is None:
        return []
    golds = (
        Gold.objects.filter(
            project=round_.campaign.project, criterion=criterion, superseded_at__isnull=True,
            status="answered",
        )
        .select_related("case__candidate__behavior")
        .order_by("id")
    )  # fmt: skip
    scores = ensemble_scores(round_)
    threshold = ensemble.threshold if ensemble else None
    seeds = marks.marked(round_.campaign.project, MarkKind.SEED).filter(criterion=criterion)
    seeded = set(seeds.values_list("case", flat=True))
    found = []
    for gold in golds:
        if round_.campaign.is_frozen(gold.case.family):
            continue
        positive = gold.value in criterion.positive
        if gold.case_id in seeded:
            kind, weight, why = "marked_seed", SEED_WEIGHT, "an adjudicator marked it as a seed"
        else:
            kind, weight, why = _why(positive, scores.get(gold.case_id), threshold)
        if kind and gold.case.prompt:
            found.append((_parent(gold.case, kind, weight, why), gold.case))
    found.sort(key=lambda pair: (-pair[0].weight, pair[1].pk))
    return found[:MAX_PARENTS]


def _why(positive: bool, score: float | None, threshold: float | None) -> tuple[str, float, str]:
    """(kind, weight, why) of one gold case; an empty kind is not worth another look."""
    if score is None or threshold is None:
        return ("gold_failure", 1.0, "gold has a failure here") if positive else ("", 0.0, "")
    if positive and score < threshold:
        return "judge_miss", 3.0 + threshold - score, (
            f"gold has a failure that the ensemble missed (it gave {score:.2f}, "
            f"its threshold is {threshold:.2f})"
        )  # fmt: skip
    if not positive and score >= threshold:
        return "judge_false_alarm", 2.0 + score - threshold, (
            f"the ensemble raised a false alarm (it gave {score:.2f}, its threshold is "
            f"{threshold:.2f})"
        )  # fmt: skip
    if positive:
        return (
            "gold_failure",
            1.0 - abs(score - threshold),
            (f"gold has a failure; the ensemble caught it with {score:.2f}"),
        )
    if abs(score - threshold) < 0.1:
        return "uncertain", 0.5, f"the ensemble is unsure: {score:.2f} near {threshold:.2f}"
    return "", 0.0, ""


def _parent(case: Case, kind: str, weight: float, why: str) -> Parent:
    candidate = getattr(case, "candidate", None)
    behavior = candidate.behavior.key if candidate and candidate.behavior else None
    return Parent(
        key=str(case.pk),
        behavior_key=behavior,
        prompt=case.prompt,
        family=case.family,
        kind=kind,
        weight=weight,
        why=f"{why} (case {case.external_id})",
    )


def ensemble_scores(round_: Round) -> dict[int, float]:
    """case id -> the cross-fitted probability that the pre-labelling ensemble gave it."""
    if round_.ensemble is None:
        return {}
    rows = Verdict.objects.filter(
        annotation__rater=round_.ensemble.rater, score__isnull=False
    ).values_list("case_id", "score")
    return {case_id: score for case_id, score in rows if score is not None}


def technique_stats(round_: Round) -> dict[str, TechniqueStat]:
    """technique -> tries and gold-confirmed violations of the campaign's earlier rounds."""
    criterion = _main_criterion(round_)
    if criterion is None:
        return {}
    tries: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    golds = Gold.objects.filter(
        criterion=criterion, superseded_at__isnull=True, status="answered",
        case__candidate__round__campaign=round_.campaign,
    ).values_list("value", "case__family", "case__candidate__techniques")  # fmt: skip
    for value, family, techniques in golds:
        if round_.campaign.is_frozen(family):
            continue
        for technique in techniques:
            tries[technique] += 1
            hits[technique] += value in criterion.positive
    return {name: TechniqueStat(hits[name], n) for name, n in tries.items()}


def _main_criterion(round_: Round) -> Any:
    version = round_.rubric_version
    question = version.criteria.select_related("criterion").first() if version else None
    return question.criterion if question else None
