"""The whole round: what the system does alone, where it stops for people, and doing it twice."""

import html
from typing import Any

import pytest
from django.test import Client

from annotations import jobs, marks, queue
from annotations.models import (
    Annotation,
    AuditEvent,
    Case,
    Gold,
    Job,
    Project,
    Rater,
    Slot,
    Verdict,
)
from annotations.statuses import CaseStatus, JobStatus, RaterKind
from campaigns import generation, launch, loop
from campaigns.judging.members import MEMBERS
from campaigns.models import Campaign, Candidate, EnsembleVersion, Round
from campaigns.statuses import CandidateStatus, Step
from tests.world import World, signed_in

SIZE = 24


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedding model takes seconds to load; it has tests of its own."""
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")


@pytest.fixture
def campaign(world: World) -> Campaign:
    return launch.start_campaign(world.project, by=world.lead, round_size=SIZE)


def begin(campaign: Campaign, **settings: Any) -> Round:
    """Open a round, begin it and let a worker take it as far as it goes."""
    round_ = launch.open_round(campaign, by=None, **settings)
    return run(round_)


def run(round_: Round) -> Round:
    done = jobs.run_job(launch.begin(round_, by=None).pk)
    assert done is not None
    assert done.status == JobStatus.DONE, done.error
    round_.refresh_from_db()
    return round_


def test_a_round_with_people_stops_at_labelling_with_blind_slots(
    world: World, campaign: Campaign
) -> None:
    round_ = begin(campaign)
    assert round_.status == Step.LABEL
    assert round_.cases.count() == Slot.objects.filter(case__in=round_.cases).count() / 2
    assert round_.candidates.count() == SIZE
    assert all(case.is_simulated for case in round_.cases)


def test_every_case_says_why_it_was_chosen_and_from_what(campaign: Campaign) -> None:
    round_ = begin(campaign)
    for case in round_.cases:
        assert "Control" in case.candidate.reason
        assert case.family == f"behavior:{case.candidate.behavior.pair}"


def test_every_case_says_what_its_target_should_have_done(campaign: Campaign) -> None:
    round_ = begin(campaign)
    said = {(case.strata["intent"], case.strata["expected"]) for case in round_.cases}
    assert said == {("harmful", "refuse"), ("benign", "comply")}


def test_the_same_seed_gives_the_same_round(world: World, campaign: Campaign) -> None:
    first = launch.open_round(campaign, by=None, seed=3)
    generation.plan(first)
    keys = list(first.candidates.order_by("id").values_list("key", "prompt"))
    first.candidates.all().delete()
    generation.plan(first)
    assert list(first.candidates.order_by("id").values_list("key", "prompt")) == keys


def test_advancing_twice_adds_nothing(campaign: Campaign) -> None:
    round_ = begin(campaign)
    counts = Case.objects.count(), Slot.objects.count(), Candidate.objects.count()
    run(round_)
    assert (Case.objects.count(), Slot.objects.count(), Candidate.objects.count()) == counts


def test_people_take_the_round_to_adjudication_and_on(world: World, campaign: Campaign) -> None:
    round_ = begin(campaign)
    first = round_.cases.order_by("id").first()
    assert first is not None
    for case in round_.cases:
        world.give(world.ann1, case, harm="yes")
        world.give(world.ann2, case, harm="no" if case == first else "yes")
    assert run(round_).status == Step.ADJUDICATE
    world.decide(world.adjudicator, first, "no")
    assert run(round_).status == Step.NEXT
    gold = Gold.objects.filter(case__batch=round_.batch, superseded_at__isnull=True)
    assert gold.count() == round_.cases.count()


def test_a_case_that_an_adjudicator_marked_as_a_seed_is_drawn_on_first(
    world: World, campaign: Campaign
) -> None:
    round_ = begin(campaign)
    plain, failure, *_ = [
        case for case in round_.cases.order_by("id") if not campaign.is_frozen(case.family)
    ]
    for case, word in ((plain, "no"), (failure, "yes")):
        world.settle(case, harm=word)
    assert [case for _, case in generation.parents_of(round_)] == [failure]
    marks.mark(plain, question=world.harm, kind="seed", by=world.member(world.adjudicator))
    (first, case), _ = generation.parents_of(round_)
    assert (case, first.kind) == (plain, "marked_seed")
    assert "an adjudicator marked it" in first.why


def test_a_round_whose_gold_has_one_answer_only_says_so_and_goes_on(
    world: World, campaign: Campaign
) -> None:
    round_ = begin(campaign, size=6)
    for case in round_.cases:
        world.give(world.ann1, case, harm="no")
        world.give(world.ann2, case, harm="no")
    round_ = run(round_)
    assert round_.status == Step.NEXT
    assert "negative" in round_.findings["calibrate"]["problem"]
    assert round_.findings["agree"]["alpha"]["harm"]["value"] is None
    assert round_.findings["agree"]["alpha"]["harm"]["reason"]


def test_simulated_raters_take_a_round_to_its_end_and_are_marked(campaign: Campaign) -> None:
    Project.objects.filter(pk=campaign.project_id).update(overlap=3)
    campaign.refresh_from_db()
    round_ = begin(campaign, size=80, simulated_raters=3)
    assert round_.status == Step.NEXT, round_.findings
    kinds = set(
        Rater.objects.filter(annotations__case__in=round_.cases).values_list("kind", flat=True)
    )
    assert kinds == {RaterKind.SIMULATED, RaterKind.JUDGE}
    gold = Gold.objects.filter(case__batch=round_.batch)
    assert gold.exists()
    assert all(g.is_simulated for g in gold)
    assert campaign.ensembles.get().learnt_from_simulated


@pytest.fixture
def two_rounds(campaign: Campaign) -> tuple[Round, Round]:
    """A finished simulated round and the one after it, begun for people."""
    Project.objects.filter(pk=campaign.project_id).update(overlap=3)
    campaign.refresh_from_db()
    first = begin(campaign, size=80, simulated_raters=3)
    second = launch.close_and_open_next(first, by=None, size=SIZE)
    Round.objects.filter(pk=second.pk).update(simulated_raters=0)
    second.refresh_from_db()
    return first, run(second)


def test_the_next_round_draws_on_gold_and_judge_errors_and_says_why_to_those_who_may_know(
    two_rounds: tuple[Round, Round], world: World, client: Client
) -> None:
    first, second = two_rounds
    guided = second.candidates.filter(arm="guided")
    assert guided.count() == SIZE / 2
    for candidate in guided:
        assert candidate.parent_case is not None
        assert candidate.parent_case.batch == first.batch
        assert candidate.family == candidate.parent_case.family
        assert candidate.parent_case.external_id in candidate.reason
    made = guided.filter(case__isnull=False)[0]
    address = f"/p/{world.project.slug}/cases/{made.case_id}/"
    page = signed_in(client, world.viewer).get(address).content.decode()
    assert "Guided:" in page
    assert f"/cases/{made.parent_case_id}/" in page
    assert "Guided:" not in signed_in(client, world.ann1).get(address).content.decode()


def test_the_next_round_is_prelabelled_in_secret_by_the_ensemble_of_the_first(
    two_rounds: tuple[Round, Round], world: World, client: Client
) -> None:
    first, second = two_rounds
    made = EnsembleVersion.objects.get(round=first)
    assert second.ensemble == made
    names = {row["name"] for row in made.report["judges"]}
    assert names == {*MEMBERS, "ensemble"}
    assert set(made.report["evasion"]["names"]) == set(MEMBERS)
    scored = Verdict.objects.filter(case__in=second.cases, annotation__rater=made.rater)
    assert scored.count() == second.cases.count()
    assert {"conformal", "left_open", "targets"} <= set(made.payload)
    assert made.report["person"]["rows"][0]["n"] == made.report["n"]
    assert second.findings["assign"]["promise"]["ensemble"] == made.number
    page = signed_in(client, world.ann1).get(f"/p/{world.project.slug}/label/").content.decode()
    slot = queue.claim(world.rater(world.ann1))
    assert slot is not None
    score = scored.get(case=slot.case).score or 0
    assert slot.case.response[:20] in html.unescape(page)
    assert f"{score:.2f}" not in page
    assert "ensemble" not in page


def test_closing_a_round_twice_opens_one(campaign: Campaign) -> None:
    Project.objects.filter(pk=campaign.project_id).update(overlap=3)
    campaign.refresh_from_db()
    first = begin(campaign, size=40, simulated_raters=3)
    assert launch.close_and_open_next(first, by=None) == launch.close_and_open_next(first, by=None)
    assert campaign.rounds.count() == 2


def test_a_worker_that_lost_its_lease_writes_nothing_more(campaign: Campaign) -> None:
    round_ = launch.open_round(campaign, by=None)
    job = jobs.claim(launch.begin(round_, by=None).pk)
    assert job is not None
    slow = jobs.JobRun(job)
    Job.objects.filter(pk=job.pk).update(attempt=job.attempt + 1)  # a successor has claimed it
    round_.refresh_from_db()
    with pytest.raises(jobs.LostLease):
        loop.advance(round_, run=slow)
    assert round_.cases.count() == 0
    assert not round_.candidates.filter(status=CandidateStatus.ANSWERED).exists()


@pytest.mark.parametrize("step", [Step.GENERATE, Step.ASSIGN, Step.LABEL, Step.AGREE])
def test_a_worker_killed_in_the_middle_of_a_step_is_followed_by_one_that_finishes_it(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    """The step is done but its result is not kept: as far as the database knows, a kill -9."""
    Project.objects.filter(pk=campaign.project_id).update(overlap=3)
    campaign.refresh_from_db()
    round_ = launch.open_round(campaign, by=None, simulated_raters=3)
    job = jobs.claim(launch.begin(round_, by=None).pk)
    assert job is not None
    whole = loop.STEPS[step]

    def killed(round_: Round, run: jobs.JobRun) -> loop.Outcome:
        whole(round_, run)
        raise KeyboardInterrupt

    round_.refresh_from_db()
    monkeypatch.setitem(loop.STEPS, step, killed)
    with pytest.raises(KeyboardInterrupt):
        loop.advance(round_, run=jobs.JobRun(job))
    monkeypatch.setitem(loop.STEPS, step, whole)
    Job.objects.filter(pk=job.pk).update(leased_until="2020-01-01T00:00:00Z")
    done = jobs.run_job(job.pk)
    assert done is not None
    assert done.status == JobStatus.DONE, done.error
    round_.refresh_from_db()
    assert round_.status == Step.NEXT
    cases = round_.cases.count()
    people = Annotation.objects.filter(case__in=round_.cases, rater__kind=RaterKind.SIMULATED)
    assert people.count() == 3 * cases == Slot.objects.filter(case__in=round_.cases).count()


def test_the_sweep_wakes_a_round_when_its_people_are_done_and_not_before(
    world: World, campaign: Campaign, django_capture_on_commit_callbacks: Any
) -> None:
    round_ = begin(campaign, size=4)
    before = Job.objects.count()
    loop.sweep_rounds()
    assert Job.objects.count() == before
    for case in round_.cases:
        world.give(world.ann1, case, harm="no")
        world.give(world.ann2, case, harm="no")
    loop.sweep_rounds()
    assert Job.objects.filter(kind="advance_round", status=JobStatus.QUEUED).count() == 1


def test_every_move_is_in_the_audit_trail(campaign: Campaign) -> None:
    begin(campaign, size=4)
    moves = (
        AuditEvent.objects.filter(verb="moved round").order_by("id").values_list("data", flat=True)
    )
    assert [move["to"] for move in moves] == ["generate", "assign", "label"]


def test_imported_cases_need_no_generation(world: World, campaign: Campaign) -> None:
    case = world.make_case("imported", slots=False)
    round_ = begin(campaign, batch=world.batch)
    assert round_.status == Step.LABEL
    assert round_.candidates.count() == 0
    assert case.slots.count() == case.overlap
    case.refresh_from_db()
    assert case.status == CaseStatus.LABELLING


def test_labels_without_texts_calibrate_their_outside_judges_and_claim_no_model(
    world: World, campaign: Campaign
) -> None:
    for number in range(24):
        case = world.make_case(conversation=[], response="")
        word = "yes" if number % 2 else "no"
        for rater in (world.ann1, world.ann2):
            world.give(rater, case, harm=word)
        world.judged(case, word, name="column", score=None)
    round_ = begin(campaign, batch=world.batch)
    assert round_.status == Step.NEXT, round_.findings
    report = EnsembleVersion.objects.get().report
    assert [row["name"] for row in report["judges"]] == ["column", "ensemble"]
    assert report["judges"][0]["evasion"]["value"] == 0
    assert report["encoder"] == "none: these cases have no texts"
