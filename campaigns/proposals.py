"""Proposals: patterns mined from blind labels, and what the lead makes of them.

No language model has a part in this: what is shown are counts, terms and cases. Nothing becomes
part of a rubric without a person's decision.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotations import audit, jobs, members, rubrics
from annotations.agreement import first_blind_verdicts
from annotations.answers import Answer
from annotations.errors import BadInput, Conflict
from annotations.jobs import JobRun
from annotations.models import (
    Case,
    Criterion,
    CriterionVersion,
    Gold,
    Project,
    Rater,
    RubricVersion,
    Verdict,
)
from annotations.statuses import CaseStatus, RaterKind, VerdictStatus
from campaigns.drafting.evidence import Embeddings, EvidenceSet, Sheet, raters_of, snapshot_hash
from campaigns.drafting.findings import Pattern
from campaigns.drafting.patterns import MiningReport, mine_together
from campaigns.embeddings import Encode, encoder
from campaigns.models import Proposal, Round
from campaigns.statuses import ProposalStatus
from campaigns.vectors import stored_encode

MOST_CASES = 3000  # the newest: mining is quadratic in its neighbour search
PARTS = ("definition", "includes", "excludes")
MOST_WORDS = 2000  # characters that one pattern may add to a criterion


def evidence_of(round_: Round, question: CriterionVersion) -> EvidenceSet:
    """The newest labelled cases of the project: first, blind answers by people, and comments.

    Only cases that nobody is labelling any more: a pattern tells its reader what was answered.
    """
    project = round_.campaign.project
    verdicts: dict[int, dict[str, str]] = defaultdict(dict)
    comments: dict[int, dict[str, str]] = defaultdict(dict)
    cases: dict[int, Any] = {}
    over = [CaseStatus.ADJUDICATION, CaseStatus.SETTLED]
    rows = first_blind_verdicts(project, question).filter(case__status__in=over)
    rows = rows.select_related("case", "annotation__rater")
    for verdict in rows.order_by("-case_id", "id"):
        if verdict.case_id not in cases and len(cases) >= MOST_CASES:
            break
        cases[verdict.case_id] = verdict.case
        rater = str(verdict.annotation.rater_id)
        verdicts[verdict.case_id][rater] = Answer(VerdictStatus(verdict.status), verdict.value).word
        if verdict.annotation.comment:
            comments[verdict.case_id][rater] = verdict.annotation.comment
    settled = dict(
        Gold.objects.filter(
            case__in=list(cases), criterion=question.criterion, superseded_at__isnull=True,
            status=VerdictStatus.ANSWERED,
        ).values_list("case_id", "value")
    )  # fmt: skip
    spreads = _spreads(list(cases), question)
    return EvidenceSet(
        criterion=question.criterion.key,
        sheets=tuple(
            Sheet(
                case_key=str(pk),
                text="\n".join(part for part in (case.context, case.prompt, case.response) if part),
                family=case.family,
                verdicts=verdicts[pk],
                comments=comments.get(pk, {}),
                settled=settled.get(pk),
                score_spread=spreads.get(pk),
            )
            for pk, case in sorted(cases.items())
            if case.has_text
        ),
    )


def _spreads(case_ids: list[int], question: CriterionVersion) -> dict[int, float]:
    """case id -> how far its judges' scores lie apart (largest less smallest)."""
    scores: dict[int, list[float]] = defaultdict(list)
    rows = Verdict.objects.filter(
        case__in=case_ids, criterion=question.criterion, score__isnull=False,
        annotation__rater__kind=RaterKind.JUDGE, annotation__rater__ensemble__isnull=True,
    )  # fmt: skip
    for case_id, score in rows.values_list("case_id", "score"):
        scores[case_id].append(float(score or 0))
    return {case_id: max(s) - min(s) for case_id, s in scores.items() if len(s) > 1}


def refresh(round_: Round, *, run: JobRun) -> dict[str, Any]:
    """Mine again, keep what is new, and note on the round what was tested and what was kept."""
    version = round_.rubric_version or round_.campaign.project.rubric.released
    if version is None:
        return {"tested": 0, "kept": 0, "reason": "There is no released rubric yet."}
    asked = list(version.criteria.select_related("criterion"))
    coder = encoder()
    packets = _packets(round_, asked, run=run, encode=stored_encode(coder))
    run.progress(len(asked), len(asked) + 1, "Testing patterns on both halves of the evidence")
    report = mine_together(packets, seed=round_.seed)
    with run.fenced():
        new = _keep(round_, report, {q.criterion.key: q.criterion for q in asked}, coder=coder.name)
        found = {
            "tested": report.tested, "kept": len(report.patterns), "new": new, "q": report.q,
            "reason": report.reason, **_evidence([evidence for evidence, _ in packets]),
        }  # fmt: skip
        locked = Round.objects.select_for_update().get(pk=round_.pk)
        locked.findings = {**locked.findings, "patterns": found}
        locked.save(update_fields=["findings"])
    return found


def _packets(
    round_: Round, asked: Sequence[CriterionVersion], *, run: JobRun, encode: Encode
) -> list[tuple[EvidenceSet, Embeddings]]:
    """What was answered to each criterion, with a row of the encoder for each case."""
    packets = []
    for done, question in enumerate(asked):
        run.progress(done, len(asked) + 1, f"Reading what was answered to {question.name}")
        evidence = evidence_of(round_, question)
        rows = encode([sheet.text for sheet in evidence.sheets])
        packets.append((evidence, rows.astype(np.float64)))
    return packets


def _keep(
    round_: Round, report: MiningReport, criteria: Mapping[str, Criterion], *, coder: str
) -> int:
    """Write what is new, renew what is still open, leave what is decided alone. Returns the new."""
    # Locked, so that what a lead decides meanwhile is not written over.
    known = {_same(p): p for p in round_.campaign.proposals.select_for_update().order_by("id")}
    new = 0
    for pattern in report.patterns:
        found = _proposal(round_, pattern, criteria[pattern.criterion], report.tested, coder)
        before = known.get(_same(found))
        if before is None:
            new += 1
        elif before.status != ProposalStatus.OPEN:
            continue
        found.pk = before.pk if before else None
        found.created_at = before.created_at if before else timezone.now()
        found.save()
        known[_same(found)] = found
    return new


def _same(proposal: Proposal) -> tuple[int, str, frozenset[int]]:
    """Two proposals that cite the same cases for the same reason ask the lead the same thing."""
    return proposal.criterion_id, proposal.kind, frozenset(proposal.case_ids)


def _evidence(packets: Sequence[EvidenceSet]) -> dict[str, Any]:
    """What a refresh was read from, for its header: how many cases and raters, and when."""
    ids = {int(rater) for evidence in packets for rater in raters_of(evidence)}
    simulated = Rater.objects.filter(pk__in=ids, kind=RaterKind.SIMULATED).count()
    return {
        "cases": len({sheet.case_key for evidence in packets for sheet in evidence.sheets}),
        "people": len(ids) - simulated,
        "simulated": simulated,
        "evidence": {evidence.criterion: snapshot_hash(evidence) for evidence in packets},
        "at": timezone.now().isoformat(),
    }


def last_refresh(project: Project) -> dict[str, Any]:
    """What the newest refresh of the project found, as `refresh` noted it; empty before one."""
    rounds = Round.objects.filter(campaign__project=project, findings__has_key="patterns")
    # A round that is mined again later than its successor was is the newer of the two.
    found = [dict(round_.findings["patterns"]) for round_ in rounds]
    return max(found, key=lambda noted: str(noted.get("at", "")), default={})


def taken_up(versions: Sequence[RubricVersion]) -> dict[int, list[rubrics.Origin]]:
    """For the rubric's history: which patterns each version took up, by whom (a pseudonym)."""
    found: dict[int, list[rubrics.Origin]] = defaultdict(list)
    names = members.names_in(versions[0].rubric.project) if versions else {}
    accepted = Proposal.objects.filter(became__in=[version.pk for version in versions])
    for proposal in accepted.order_by("decided_at"):
        by = names.get(proposal.decided_by_id or 0, members.FORMER)
        found[proposal.became_id or 0].append(rubrics.Origin(proposal.title, proposal.status, by))
    return found


def _proposal(
    round_: Round, pattern: Pattern, criterion: Criterion, tested: int, coder: str
) -> Proposal:
    return Proposal(
        campaign=round_.campaign,
        round=round_,
        criterion=criterion,
        kind=pattern.kind,
        title=pattern.title[:300],
        case_ids=[int(key) for key in pattern.case_keys],
        roles=list(pattern.roles),
        terms=list(pattern.terms),
        numbers=dict(pattern.numbers),
        diff=[list(part) for part in pattern.diff],
        p_value=pattern.p_value,
        q_value=pattern.q_value,
        tested=tested,
        engine=f"{pattern.engine}, {coder}"[:40],
        evidence_hash=pattern.snapshot_hash,
    )


def suggestion(proposal: Proposal) -> str:
    """What accepting as it is would write: only citations. Empty where the lead must find words."""
    ids = dict(Case.objects.filter(pk__in=proposal.case_ids).values_list("pk", "external_id"))
    cited = [
        f"{ids[pk]} ({role})"
        for pk, role in zip(proposal.case_ids, proposal.roles, strict=False)
        if pk in ids
    ]
    if proposal.kind == "exemplars":
        return f"Examples: {', '.join(cited)}."
    if proposal.kind == "disagreement_pair" and len(cited) == 2:
        return f"Compare {cited[0]} with {cited[1]}."
    return ""


@transaction.atomic
def accept(proposal: Proposal, *, by: User, text: str, part: str = "includes") -> Proposal:
    """Write into the draft, with the proposal as provenance; the lead's own edit is kept as one.

    `part` is includes, excludes or definition. Raises `BadInput`, or `Conflict` when it is decided
    already.
    """
    locked = _open(proposal)
    if not text.strip():
        raise BadInput("Write what raters should read: a pattern is evidence, it has no wording.")
    if len(text) > MOST_WORDS:
        raise BadInput(f"Shorten the words to {MOST_WORDS} characters: raters read them each time.")
    if part not in PARTS:
        raise BadInput("Choose where the words go: definition, includes or excludes.")
    draft = rubrics.lock_draft(rubrics.draft(locked.campaign.project, by=by))
    question = draft.criteria.filter(criterion=locked.criterion).first()
    if question is None:
        raise BadInput(
            f"The draft has no criterion “{locked.criterion}” any more: put it back on the rubric "
            "page, or reject the pattern."
        )
    old = getattr(question, part)
    setattr(question, part, f"{old.rstrip()}\n{text.strip()}" if old.strip() else text.strip())
    question.save(update_fields=[part])
    as_is = text.strip() == suggestion(locked)
    status = ProposalStatus.ACCEPTED if as_is else ProposalStatus.EDITED
    return _decide(locked, status, by=by, part=part, text=text.strip(), became=draft)


@transaction.atomic
def reject(proposal: Proposal, *, by: User, reason: str) -> Proposal:
    """Put the pattern aside, with the reason: which engines' patterns are kept is measured."""
    locked = _open(proposal)
    if not reason.strip():
        raise BadInput("Say why you reject the pattern.")
    if len(reason) > MOST_WORDS:
        raise BadInput(f"Shorten the reason to {MOST_WORDS} characters.")
    return _decide(locked, ProposalStatus.REJECTED, by=by, reason=reason.strip())


def _open(proposal: Proposal) -> Proposal:
    locked = (
        Proposal.objects.select_for_update(of=("self",))
        .select_related("campaign__project", "criterion")
        .get(pk=proposal.pk)
    )
    check_is_open(locked)
    return locked


def check_is_open(proposal: Proposal) -> None:
    """Raise `Conflict` where somebody has decided already."""
    if proposal.status != ProposalStatus.OPEN:
        names = members.names_in(proposal.campaign.project)
        by = names.get(proposal.decided_by_id or 0, members.FORMER)
        raise Conflict(f"{by} has {proposal.status} this pattern already.")


def _decide(
    proposal: Proposal, status: ProposalStatus, *, by: User, part: str = "", **fields: Any
) -> Proposal:
    for name, value in {**fields, "status": status, "decided_by": by,
                        "decided_at": timezone.now()}.items():  # fmt: skip
        setattr(proposal, name, value)
    proposal.save()
    audit.record(
        f"{status} proposal", proposal, project=proposal.campaign.project, by=by,
        kind=proposal.kind, part=part, proposal=proposal.pk,
    )  # fmt: skip
    return proposal


@jobs.handles("mine_patterns")
def mine_job(run: JobRun) -> dict[str, Any]:
    """The worker's door to `refresh`, when the lead asks for it."""
    round_ = Round.objects.select_related("campaign__project").get(pk=run.arguments["round"])
    return refresh(round_, run=run)
