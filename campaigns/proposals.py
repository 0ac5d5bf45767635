"""Proposals: patterns mined from blind labels, and what the lead makes of them.

No language model has a part in this: what is shown are counts, terms and cases. Nothing becomes
part of a rubric without a person's decision.
"""

from collections import defaultdict
from typing import Any

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotations import audit, jobs, rubrics
from annotations.agreement import first_blind_verdicts
from annotations.answers import Answer
from annotations.errors import BadInput, Conflict
from annotations.jobs import JobRun
from annotations.models import Case, CriterionVersion, Gold, Verdict
from annotations.statuses import RaterKind, VerdictStatus
from campaigns.drafting.evidence import EvidenceSet, Sheet
from campaigns.drafting.findings import Pattern
from campaigns.drafting.patterns import mine_together
from campaigns.embeddings import encoder
from campaigns.models import Proposal, Round
from campaigns.statuses import ProposalStatus
from campaigns.vectors import stored_encode

MOST_CASES = 3000  # the newest: mining is quadratic in its neighbour search


def evidence_of(round_: Round, question: CriterionVersion) -> EvidenceSet:
    """The newest labelled cases of the project: first, blind answers by people, and comments."""
    project = round_.campaign.project
    verdicts: dict[int, dict[str, str]] = defaultdict(dict)
    comments: dict[int, dict[str, str]] = defaultdict(dict)
    cases: dict[int, Any] = {}
    rows = first_blind_verdicts(project, question).select_related("case", "annotation__rater")
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
    """Mine again and keep what is new. Returns how many patterns were tested and kept."""
    version = round_.rubric_version or round_.campaign.project.rubric.released
    if version is None:
        return {"tested": 0, "kept": 0, "reason": "There is no released rubric yet."}
    encode = stored_encode(encoder())
    packets = []
    questions = {}
    for question in version.criteria.select_related("criterion"):
        evidence = evidence_of(round_, question)
        questions[question.criterion.key] = question.criterion
        rows = encode([sheet.text for sheet in evidence.sheets])
        packets.append((evidence, rows.astype(np.float64)))
    report = mine_together(packets, seed=round_.seed)
    with run.fenced():
        Proposal.objects.bulk_create(
            (
                _proposal(round_, pattern, questions[pattern.criterion], tested=report.tested)
                for pattern in report.patterns
            ),
            ignore_conflicts=True,
        )
    return {"tested": report.tested, "kept": len(report.patterns), "q": report.q,
            "reason": report.reason}  # fmt: skip


def _proposal(round_: Round, pattern: Pattern, criterion: Any, *, tested: int) -> Proposal:
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
        engine=pattern.engine,
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
    if part not in ("includes", "excludes", "definition"):
        raise BadInput("Choose where the words go: definition, includes or excludes.")
    draft = rubrics.draft(locked.campaign.project, by=by)
    question = draft.criteria.filter(criterion=locked.criterion).first()
    if question is None:
        raise BadInput(f"The draft has no criterion “{locked.criterion}” any more.")
    old = getattr(question, part)
    setattr(question, part, f"{old.rstrip()}\n{text.strip()}" if old.strip() else text.strip())
    question.save(update_fields=[part])
    as_is = text.strip() == suggestion(locked)
    status = ProposalStatus.ACCEPTED if as_is else ProposalStatus.EDITED
    return _decide(locked, status, by=by, text=text.strip(), became=draft)


@transaction.atomic
def reject(proposal: Proposal, *, by: User, reason: str) -> Proposal:
    """Put the pattern aside, with the reason: which engines' patterns are kept is measured."""
    locked = _open(proposal)
    if not reason.strip():
        raise BadInput("Say why you reject the pattern.")
    return _decide(locked, ProposalStatus.REJECTED, by=by, reason=reason.strip())


def _open(proposal: Proposal) -> Proposal:
    locked = Proposal.objects.select_for_update().get(pk=proposal.pk)
    if locked.status != ProposalStatus.OPEN:
        raise Conflict(f"This pattern was {locked.status} already.")
    return locked


def _decide(proposal: Proposal, status: ProposalStatus, *, by: User, **fields: Any) -> Proposal:
    for name, value in {**fields, "status": status, "decided_by": by,
                        "decided_at": timezone.now()}.items():  # fmt: skip
        setattr(proposal, name, value)
    proposal.save()
    audit.record(
        f"{status} proposal", proposal, project=proposal.campaign.project, by=by, kind=proposal.kind
    )
    return proposal


@jobs.handles("mine_patterns")
def mine_job(run: JobRun) -> dict[str, Any]:
    """The worker's door to `refresh`, when the lead asks for it."""
    round_ = Round.objects.select_related("campaign__project").get(pk=run.arguments["round"])
    found = refresh(round_, run=run)
    with run.fenced():
        locked = Round.objects.select_for_update().get(pk=round_.pk)
        locked.findings = {**locked.findings, "patterns": found}
        locked.save(update_fields=["findings"])
    return found
