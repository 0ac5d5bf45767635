"""Patterns from blind answers: what is read, what is kept, and what a decision does."""

from typing import Any

import pytest

from annotations import jobs, rubrics
from annotations.errors import BadInput, Conflict
from annotations.models import AuditEvent, Job
from annotations.rubrics import Origin
from annotations.statuses import CaseStatus, JobStatus
from campaigns import launch, proposals
from campaigns.drafting.evidence import NOT_APPLICABLE, UNSURE
from campaigns.drafting.findings import Pattern
from campaigns.drafting.patterns import MiningReport
from campaigns.models import Campaign, Proposal, Round
from tests.world import World


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedding model takes seconds to load; it has tests of its own."""
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")


@pytest.fixture
def round_(world: World) -> Round:
    campaign = launch.start_campaign(world.project, by=world.lead)
    return launch.open_round(campaign, by=world.lead)


def mine(round_: Round) -> Job:
    job = jobs.enqueue("mine_patterns", {"round": round_.pk}, project=round_.campaign.project)
    done = jobs.run_job(job.pk)
    assert done is not None
    return done


def pattern(world: World, **changed: Any) -> Pattern:
    cases = world.cases or [world.make_case(), world.make_case()]
    given = {
        "kind": "disagreement_pair", "criterion": "harm", "title": "yes / no: a near pair",
        "case_keys": tuple(str(case.pk) for case in cases[:2]), "roles": ("yes", "no"),
        "terms": ("paper",), "numbers": {"cosine": 0.9, "pairs": 40.0, "unlike_pairs": 4.0},
        "p_value": 0.01, "q_value": 0.05, "snapshot_hash": "a" * 64,
    }  # fmt: skip
    return Pattern(**{**given, **changed})


def found(monkeypatch: pytest.MonkeyPatch, *patterns: Pattern, tested: int = 84) -> None:
    """Let the miners find these."""
    report = MiningReport(tested, 0.10, patterns, "" if patterns else "84 patterns tested, none.")
    monkeypatch.setattr(proposals, "mine_together", lambda packets, *, seed: report)


def only(campaign: Campaign) -> Proposal:
    return campaign.proposals.get()


# ---- what is read


def test_cases_that_are_still_being_labelled_are_not_read(world: World, round_: Round) -> None:
    world.settle(world.make_case("over"), harm="no")
    world.disagree(world.make_case("disputed"))
    half_way = world.make_case("half way", overlap=3)
    world.give(world.ann1, half_way)
    world.give(world.ann2, half_way)
    assert half_way.status == CaseStatus.LABELLING
    evidence = proposals.evidence_of(round_, world.harm)
    keys = {str(case.pk) for case in world.cases if case != half_way}
    assert {sheet.case_key for sheet in evidence.sheets} == keys


def test_judges_are_not_read_as_raters(world: World, round_: Round) -> None:
    case = world.settle(world.make_case(), harm="no")
    world.judged(case, "yes")
    (sheet,) = proposals.evidence_of(round_, world.harm).sheets
    assert sorted(sheet.verdicts.values()) == ["no", "no"]


def test_the_words_of_the_answers_are_those_that_the_miners_know(
    world: World, round_: Round
) -> None:
    case = world.make_case()
    world.give(world.ann1, case, harm="cant_tell")
    world.give(world.ann2, case, harm="no")
    (sheet,) = proposals.evidence_of(round_, world.harm).sheets
    assert UNSURE & set(sheet.verdicts.values())
    assert "not_applicable" in NOT_APPLICABLE


# ---- mining as a job


def test_too_little_evidence_is_an_answer_with_its_reason(world: World, round_: Round) -> None:
    world.settle(world.make_case(), harm="no")
    job = mine(round_)
    assert job.status == JobStatus.DONE
    noted = proposals.last_refresh(world.project)
    assert (noted["tested"], noted["kept"]) == (0, 0)
    assert "at least 8" in noted["reason"]
    assert (noted["cases"], noted["people"], noted["simulated"]) == (1, 2, 0)


def test_without_a_released_rubric_nothing_is_mined(world: World, round_: Round) -> None:
    world.rubric.rubric.versions.update(status="archived")
    assert mine(round_).result["reason"] == "There is no released rubric yet."


def test_every_pattern_knows_how_many_were_tested_beside_it(
    world: World, round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, pattern(world), tested=84)
    mine(round_)
    proposal = only(round_.campaign)
    assert (proposal.tested, proposal.q_value, proposal.round) == (84, 0.05, round_)
    assert proposals.last_refresh(world.project)["tested"] == 84


def test_two_pairs_with_the_same_numbers_are_two_patterns(
    world: World, round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        world.make_case()
    other = tuple(str(case.pk) for case in world.cases[2:])
    found(monkeypatch, pattern(world), pattern(world, case_keys=other))
    mine(round_)
    assert round_.campaign.proposals.count() == 2


def test_mining_again_renews_what_is_open_and_asks_nothing_twice(
    world: World, round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, pattern(world))
    mine(round_)
    found(monkeypatch, pattern(world, q_value=0.02, snapshot_hash="b" * 64), tested=90)
    assert mine(round_).result["new"] == 0
    proposal = only(round_.campaign)
    assert (proposal.q_value, proposal.tested, proposal.evidence_hash) == (0.02, 90, "b" * 64)


def test_mining_again_leaves_what_was_decided_alone(
    world: World, round_: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(monkeypatch, pattern(world))
    mine(round_)
    proposals.reject(only(round_.campaign), by=world.lead, reason="A copy.")
    found(monkeypatch, pattern(world, snapshot_hash="b" * 64))
    mine(round_)
    assert only(round_.campaign).status == "rejected"


# ---- decisions


@pytest.fixture
def proposal(world: World, round_: Round, monkeypatch: pytest.MonkeyPatch) -> Proposal:
    found(monkeypatch, pattern(world))
    mine(round_)
    return only(round_.campaign)


def test_accepting_the_suggestion_writes_only_citations_into_the_draft(
    world: World, proposal: Proposal
) -> None:
    words = proposals.suggestion(proposal)
    assert words == "Compare case-1 (yes) with case-2 (no)."
    decided = proposals.accept(proposal, by=world.lead, text=words)
    assert (decided.status, decided.decided_by, decided.became) == (
        "accepted", world.lead, world.project.rubric.draft,
    )  # fmt: skip
    assert decided.became.criteria.get().includes == f"Steps that work.\n{words}"
    world.harm.refresh_from_db()
    assert world.harm.includes == "Steps that work."


def test_the_leads_own_words_are_kept_as_an_edit(world: World, proposal: Proposal) -> None:
    decided = proposals.accept(proposal, by=world.lead, text="Hats count.", part="excludes")
    assert (decided.status, decided.text) == ("edited", "Hats count.")
    assert decided.became.criteria.get().excludes == "Warnings, refusals.\nHats count."


def test_a_rejection_keeps_its_reason_and_writes_nothing(world: World, proposal: Proposal) -> None:
    decided = proposals.reject(proposal, by=world.lead, reason=" A copy. ")
    assert (decided.status, decided.reason, decided.became) == ("rejected", "A copy.", None)
    assert world.project.rubric.draft is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"text": " "}, "it has no wording"),
        ({"text": "x" * 2001}, "Shorten"),
        ({"text": "x", "part": "name"}, "Choose where"),
    ],
)
def test_words_that_can_not_be_taken_leave_the_pattern_open(
    world: World, proposal: Proposal, given: dict[str, str], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        proposals.accept(proposal, by=world.lead, **given)
    with pytest.raises(BadInput, match="Say why"):
        proposals.reject(proposal, by=world.lead, reason="\n")
    proposal.refresh_from_db()
    assert proposal.status == "open"


def test_a_decided_pattern_can_not_be_decided_again(world: World, proposal: Proposal) -> None:
    stale = Proposal.objects.get(pk=proposal.pk)
    proposals.reject(proposal, by=world.lead, reason="A copy.")
    with pytest.raises(Conflict, match="R1 has rejected this pattern already"):
        proposals.accept(stale, by=world.lead, text="Hats count.")
    assert world.project.rubric.draft is None


def test_a_pattern_of_a_criterion_that_the_draft_dropped_says_what_to_do(
    world: World, proposal: Proposal
) -> None:
    draft = rubrics.draft(world.project, by=world.lead)
    rubrics.remove_criterion(draft.criteria.get(), by=world.lead)
    with pytest.raises(BadInput, match="put it back"):
        proposals.accept(proposal, by=world.lead, text="Hats count.")


def test_the_version_says_which_patterns_it_took_up(world: World, proposal: Proposal) -> None:
    proposals.accept(proposal, by=world.lead, text="Hats count.")
    released = rubrics.release(world.project.rubric.draft, by=world.lead)
    assert rubrics.origins_of([world.rubric, released]) == {
        world.rubric.pk: [],
        released.pk: [Origin("yes / no: a near pair", "edited", "R1")],
    }


def test_each_decision_is_on_record(world: World, proposal: Proposal) -> None:
    proposals.accept(proposal, by=world.lead, text="Hats count.", part="excludes")
    event = AuditEvent.objects.get(verb="edited proposal")
    assert (event.actor, event.data["part"], event.data["proposal"]) == (
        world.lead, "excludes", proposal.pk,
    )  # fmt: skip
