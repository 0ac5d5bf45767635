"""The evidence inbox: what a lead sees and does there, and who never gets in."""

import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from annotations import jobs, rubrics
from annotations.models import Job
from campaigns import launch, proposals
from campaigns.models import Proposal, Round
from tests.world import World, signed_in

REGION = {
    "cases": 20.0, "families": 9.0, "n_inside": 20.0, "n_elsewhere": 100.0, "stability": 0.9,
    "rate_inside": 0.5, "rate_inside_low": 0.299, "rate_inside_high": 0.701, "p_verified": 0.004,
    "rate_elsewhere": 0.1, "rate_elsewhere_low": 0.055, "rate_elsewhere_high": 0.174,
    "flagged_inside": 10.0, "flagged_elsewhere": 10.0,
}  # fmt: skip
PAIR = {"cosine": 0.97, "pairs": 2485.0, "unlike_pairs": 577.0, "p_verified": 0.0005}


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedding model takes seconds to load; it has tests of its own."""
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")


@pytest.fixture
def round_(world: World) -> Round:
    campaign = launch.start_campaign(world.project, by=world.lead)
    return launch.open_round(campaign, by=world.lead)


@pytest.fixture
def proposal(world: World, round_: Round) -> Proposal:
    """An open pair of two settled cases."""
    for name in ("one", "two"):
        world.settle(world.make_case(name, response=f"Answer {name} <b>"), harm="no")
    return add(world, round_)


def add(world: World, round_: Round, **changed: Any) -> Proposal:
    given = {
        "kind": "disagreement_pair", "title": "yes / no: a near pair", "roles": ["yes", "no"],
        "case_ids": [case.pk for case in world.cases[:2]], "terms": ["newspaper"], "numbers": PAIR,
        "diff": [["equal", "Fold the "], ["delete", "hat"], ["insert", "boat"]], "p_value": 0.0005,
        "q_value": 0.0255, "tested": 102, "engine": "patterns/1, TF-IDF", "evidence_hash": "a" * 64,
    }  # fmt: skip
    return Proposal.objects.create(
        campaign=round_.campaign, round=round_, criterion=world.harm.criterion,
        **{**given, **changed},
    )  # fmt: skip


def noted(round_: Round, **changed: Any) -> None:
    """What the last refresh noted on the round."""
    refresh = {
        "tested": 84, "kept": 5, "new": 5, "q": 0.1, "reason": "", "cases": 120, "people": 2,
        "simulated": 0, "evidence": {"harm": "a" * 64}, "at": "2026-11-20T22:00:00+00:00",
    }  # fmt: skip
    round_.findings = {"patterns": {**refresh, **changed}}
    round_.save()


def url(world: World, name: str = "proposals", *args: object) -> str:
    return reverse(name, args=[world.project.slug, *args])


def page(client: Client, world: World, **query: str) -> str:
    answer = signed_in(client, world.lead).get(url(world), query)
    assert answer.status_code == 200
    return answer.content.decode()


def decide(client: Client, world: World, proposal: Proposal, **data: str) -> HttpResponse:
    signed_in(client, world.lead)
    return client.post(url(world, "decide_proposal", proposal.pk), data)


# ---- who


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer"])
def test_patterns_are_for_leads(client: Client, world: World, proposal: Proposal, who: str) -> None:
    signed_in(client, getattr(world, who))
    assert client.get(url(world)).status_code == 403
    assert client.post(url(world, "mine_patterns")).status_code == 403
    address = url(world, "decide_proposal", proposal.pk)
    assert client.post(address, {"decision": "accept", "text": "x"}).status_code == 403
    proposal.refresh_from_db()
    assert proposal.status == "open"


def test_a_stranger_can_not_tell_that_there_are_patterns(
    client: Client, world: World, proposal: Proposal
) -> None:
    signed_in(client, world.stranger)
    assert client.get(url(world)).status_code == 404
    address = url(world, "decide_proposal", proposal.pk)
    assert client.post(address, {"decision": "reject", "reason": "x"}).status_code == 404


def test_what_a_version_took_up_is_not_told_to_annotators(
    client: Client, world: World, proposal: Proposal
) -> None:
    proposals.accept(proposal, by=world.lead, text="Hats count.")
    rubrics.release(world.project.rubric.draft, by=world.lead)
    signed_in(client, world.viewer)
    assert "1 pattern taken up" in client.get(url(world, "rubric")).content.decode()
    signed_in(client, world.ann1)
    assert "taken up" not in client.get(url(world, "rubric")).content.decode()


# ---- reading


def test_the_header_says_how_many_were_tested(client: Client, world: World, round_: Round) -> None:
    noted(round_)
    text = page(client, world)
    assert "84 patterns tested, 5 kept at q ≤ 0.10" in text
    assert "from 120 cases and 2 raters" in text


def test_no_patterns_today_is_an_answer_with_its_reason(
    client: Client, world: World, round_: Round
) -> None:
    noted(round_, kept=0, new=0, reason="84 patterns tested, none passes q <= 0.10.")
    text = page(client, world)
    assert "No patterns today." in text
    assert "none passes q &lt;= 0.10." in text
    assert "That is a normal answer" in text


def test_simulated_raters_are_named_in_the_header(
    client: Client, world: World, round_: Round
) -> None:
    noted(round_, people=0, simulated=3)
    assert "3 raters, 3 of them simulated" in page(client, world)


def test_the_refresh_of_an_earlier_round_is_shown_until_the_next(
    client: Client, world: World, round_: Round
) -> None:
    noted(round_)
    Round.objects.filter(pk=round_.pk).update(status="closed")
    launch.open_round(round_.campaign, by=world.lead)
    assert "84 patterns tested" in page(client, world)


def test_a_pair_shows_its_numbers_its_words_and_its_cases(
    client: Client, world: World, proposal: Proposal
) -> None:
    text = page(client, world)
    for words in ("0.970", "577 of 2,485", "q over 102 tested", "0.0255", "<code>newspaper</code>"):
        assert words in text
    assert "Fold the <del>hat</del><ins>boat</ins>" in text
    assert "patterns/1, TF-IDF" in text
    assert "a" * 12 in text
    assert "no language model had a part in it" in text
    assert url(world, "case", world.cases[0].pk) in text


def test_cited_cases_are_collapsed_and_are_text(
    client: Client, world: World, proposal: Proposal
) -> None:
    text = page(client, world)
    cited = re.findall(r'<details class="cited"( open)?>', text)
    assert cited == ["", "", ""]  # two cases and their word diff
    assert "Answer one &lt;b&gt;" in text
    assert "Answer one <b>" not in text


def test_a_region_shows_shares_with_interval_and_n(
    client: Client, world: World, round_: Round, proposal: Proposal
) -> None:
    add(world, round_, kind="uncovered", numbers=REGION, p_value=1e-9, roles=["medoid", "border"])
    text = page(client, world, kind="uncovered")
    for words in ("50.0%", "[29.9%, 70.1%]", "n&nbsp;=&nbsp;20", "10.0%", "n&nbsp;=&nbsp;100"):
        assert words in text
    assert "&lt; 0.0001" in text
    assert "the wording is yours" in text


def test_tabs_count_what_is_open_of_each_kind(
    client: Client, world: World, round_: Round, proposal: Proposal
) -> None:
    unanimous = {"unanimous": 12.0, "unanimous:yes": 4.0, "unanimous:no": 8.0}
    add(world, round_, kind="exemplars", numbers=unanimous, diff=[])
    text = page(client, world, kind="exemplars")
    assert re.search(r'Disagreement pairs <span class="count">1<', text)
    assert re.search(
        r'\?kind=exemplars" aria-current="page">Exemplars <span class="count">1<', text
    )
    assert "Examples: one (yes), two (no)." in text
    assert "of them “no”" in text
    assert "2,485" not in text


def test_a_pattern_from_older_answers_says_so(
    client: Client, world: World, round_: Round, proposal: Proposal
) -> None:
    noted(round_)
    assert "older evidence" not in page(client, world)
    noted(round_, evidence={"harm": "b" * 64})
    assert "older evidence" in page(client, world)


def test_before_the_first_campaign_the_page_says_what_to_do(client: Client, world: World) -> None:
    text = page(client, world)
    assert "start a campaign first" in text
    assert "Mine again" not in text
    assert client.post(url(world, "mine_patterns")).status_code == 404


# ---- deciding


def test_accepting_as_it_is_takes_the_prefilled_words(
    client: Client, world: World, proposal: Proposal
) -> None:
    words = re.search(r"<textarea[^>]*>\s*(Compare [^<]+)</textarea>", page(client, world))
    assert words is not None
    answer = decide(client, world, proposal, decision="accept", text=words[1], part="includes")
    assert answer.status_code == 302
    proposal.refresh_from_db()
    assert proposal.status == "accepted"
    text = page(client, world)
    assert "draft of version 2" in text.partition("Decided")[2]


def test_editing_before_accepting_is_kept_as_an_edit(
    client: Client, world: World, proposal: Proposal
) -> None:
    decide(client, world, proposal, decision="accept", text="Hats count.", part="definition")
    proposal.refresh_from_db()
    assert proposal.status == "edited"
    rubrics.release(world.project.rubric.draft, by=world.lead)
    decided = page(client, world).partition("Decided")[2]
    for words in ("edited", "Hats count.", "<bdi>R1</bdi>", "taken up in", "version 2</a>"):
        assert words in decided


def test_a_rejection_needs_a_reason(client: Client, world: World, proposal: Proposal) -> None:
    answer = decide(client, world, proposal, decision="reject", reason="  ")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "This field is required." in text
    assert '<details class="reject" open>' in text
    decide(client, world, proposal, decision="reject", reason="A copy of the other.")
    assert "A copy of the other." in page(client, world).partition("Decided")[2]


def test_what_was_typed_survives_a_refusal_on_its_own_tab(
    client: Client, world: World, round_: Round, proposal: Proposal
) -> None:
    add(world, round_, kind="uncovered", numbers=REGION)  # the tab that is shown first
    rubrics.remove_criterion(
        rubrics.draft(world.project, by=world.lead).criteria.get(), by=world.lead
    )
    answer = decide(client, world, proposal, decision="accept", text="My words.", part="excludes")
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "put it back" in text
    assert "My words.</textarea>" in text
    assert '<option value="excludes" selected>' in text


@pytest.mark.parametrize(
    "late",
    [
        {"decision": "accept", "text": "Hats count.", "part": "includes"},
        {"decision": "accept", "text": "", "part": ""},
        {"decision": "reject", "reason": "No."},
    ],
)
def test_a_late_decision_is_a_conflict_and_changes_nothing(
    client: Client, world: World, proposal: Proposal, late: dict[str, str]
) -> None:
    proposals.reject(proposal, by=world.lead, reason="First.")
    answer = decide(client, world, proposal, **late)
    assert answer.status_code == 409
    assert "R1 has rejected this pattern already" in answer.content.decode()
    proposal.refresh_from_db()
    assert (proposal.status, proposal.reason) == ("rejected", "First.")
    assert world.project.rubric.draft is None


# ---- mining again


def test_mining_again_is_a_job_that_shows_its_progress(
    client: Client, world: World, round_: Round
) -> None:
    signed_in(client, world.lead)
    assert client.post(url(world, "mine_patterns")).status_code == 302
    assert client.post(url(world, "mine_patterns")).status_code == 302
    job = Job.objects.get(kind="mine_patterns")  # asked twice, done once
    Job.objects.filter(pk=job.pk).update(done=1, total=2, message="Reading what was answered")
    part = client.get(url(world), {"part": "mining"}).content.decode()
    assert '<progress value="1" max="2"' in part
    assert 'hx-trigger="every 2s"' in part
    assert "<html" not in part


def test_the_end_of_a_job_stops_the_polling_and_leaves_the_forms_alone(
    client: Client, world: World, round_: Round
) -> None:
    signed_in(client, world.lead)
    client.post(url(world, "mine_patterns"))
    jobs.run_job(Job.objects.get(kind="mine_patterns").pk)
    part = client.get(url(world), {"part": "mining"}).content.decode()
    assert "hx-trigger" not in part
    assert "Show what was found" in part
    assert "No patterns today." in part


def test_a_failed_search_is_said(client: Client, world: World, round_: Round) -> None:
    signed_in(client, world.lead)
    client.post(url(world, "mine_patterns"))
    Job.objects.update(status="failed", error="The disk is full.")
    text = page(client, world)
    assert "The last search failed." in text
    assert "The disk is full." in text
