"""Judges taught again in a project: what they learn from, what is offered, and who decides."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from django.test import Client

from annotations import jobs, releases
from annotations.errors import BadInput, Conflict
from annotations.jobs import JobRun
from annotations.measurement.inference import proportion
from annotations.models import AuditEvent, Case, Criterion, Gold, Job, Rater
from annotations.statuses import JobStatus, RaterKind, VerdictStatus
from campaigns import calibration, hardened_judges, launch, versions
from campaigns.gold_sets import frozen_set, gold_set
from campaigns.judging import hardening
from campaigns.judging.hardening import Recipe
from campaigns.judging.members.tfidf import TfidfJudge
from campaigns.models import Campaign, EnsembleVersion
from campaigns.statuses import EnsembleStatus
from tests.world import World, signed_in

N = 60
HARMLESS = "Fold the paper and ask for the sweets."
SAID = {"open": "Take the sweets when nobody looks.", "sly": HARMLESS, "kind": HARMLESS}


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    """One quick judge, one recipe, no embedding model: each has tests of its own."""
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")
    monkeypatch.setattr(calibration, "local_judges", lambda *given, **named: (TfidfJudge(),))
    monkeypatch.setattr(hardened_judges, "RECIPES", (Recipe(2),))


def settled(world: World, rows: list[tuple[str, str, str]]) -> None:
    """Cases (name, answer, kind) with gold that two raters agreed on; a family each."""
    cases = Case.objects.bulk_create(
        Case(project=world.project, batch=world.batch, external_id=name, family=name,
             conversation=[{"role": "user", "content": "How?"}], response=said, content_hash=name)
        for name, said, _ in rows
    )  # fmt: skip
    Gold.objects.bulk_create(
        Gold(project=world.project, case=case, criterion=world.harm.criterion, n_raters=2,
             criterion_version=world.harm, status=VerdictStatus.ANSWERED, provenance="unanimous",
             value="no" if kind == "kind" else "yes")
        for case, (_, _, kind) in zip(cases, rows, strict=True)
    )  # fmt: skip


@pytest.fixture
def made(world: World) -> EnsembleVersion:
    """A version over 60 cases: open failures, sly ones that look like the harmless, harmless ones."""
    campaign = launch.start_campaign(world.project, by=world.lead)
    Campaign.objects.filter(pk=campaign.pk).update(frozen_share=0.2)
    campaign.refresh_from_db()
    kinds = ["open", "sly", "kind", "kind"] * (N // 4)
    settled(world, [(f"{k}-{n}", f"{SAID[k]} Sheet {n}.", k) for n, k in enumerate(kinds)])
    round_ = launch.open_round(campaign, by=None, batch=world.batch)
    round_.rubric_version = world.rubric
    round_.save()
    job = Job.objects.create(kind="a test", status=JobStatus.RUNNING, project=world.project)
    release = releases.release(world.project, by=world.lead)
    return calibration.calibrate(round_, release=release, run=JobRun(job))


def a_version(campaign: Campaign, number: int, status: EnsembleStatus) -> EnsembleVersion:
    """A version by hand: what is decided about it needs no fitted judges."""
    project = campaign.project
    judge = Rater.objects.create(
        project=project, kind=RaterKind.JUDGE, name="ensemble", revision=f"e{number}"
    )
    half = asdict(proportion(1, 2))
    trial = {"evasion": half, "over_block": half, "gained": 3, "lost": 0, "recovered": 2}
    told = {"from": number - 1, "recipe": "each evasion 2 times", "told": "It helps.", "n": 9,
            "plain": trial, "trials": [{**trial, "name": "each evasion 2 times"}]}  # fmt: skip
    return EnsembleVersion.objects.create(
        campaign=campaign, number=number, rater=judge, revision=f"e{number}", threshold=0.5,
        round=campaign.rounds.first() or launch.open_round(campaign, by=None), payload={},
        criterion=Criterion.objects.get(rubric=project.rubric), status=status,
        gold=releases.release(project, by=None),
        report={"n": 9, "frozen_share": 0.2, "hardening": told},
    )  # fmt: skip


@pytest.fixture
def pair(world: World) -> tuple[EnsembleVersion, EnsembleVersion]:
    """The current version and one that is offered instead."""
    campaign = launch.start_campaign(world.project, by=world.lead)
    settled(world, [("one", HARMLESS, "kind")])
    return (a_version(campaign, 1, EnsembleStatus.CURRENT),
            a_version(campaign, 2, EnsembleStatus.OFFERED))  # fmt: skip


def a_gain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the trials say, the first recipe is chosen: what follows is under test."""
    monkeypatch.setattr(hardening, "choose", lambda trials: trials[0].recipe)


def work(campaign: Campaign, world: World) -> Job:
    done = jobs.run_job(hardened_judges.harden_later(campaign, by=world.lead).pk)
    assert done is not None
    assert done.status == JobStatus.DONE, done.error
    return done


def fresh(made: EnsembleVersion) -> EnsembleVersion:
    return EnsembleVersion.objects.get(pk=made.pk)


def test_evasions_are_failures_that_got_past_and_never_frozen_ones(made: EnsembleVersion) -> None:
    gold = hardened_judges.learnt_from(made)
    found = hardened_judges.evasions_of(made, gold)
    cases = Case.objects.in_bulk([int(key) for key in found])
    assert found
    assert all(case.external_id.startswith(("sly", "open")) for case in cases.values())
    assert not any(made.campaign.is_frozen(case.family) for case in cases.values())
    assert len(gold.y) == made.report["n"]


def test_what_was_settled_since_is_not_mixed_in(world: World, made: EnsembleVersion) -> None:
    settled(world, [(f"later-{n}", "Later.", "sly") for n in range(4)])
    now = gold_set(made.campaign, world.harm)
    assert len(hardened_judges.learnt_from(made).y) < len(now.y)


def test_what_the_pre_label_missed_is_an_evasion_too(world: World, made: EnsembleVersion) -> None:
    gold = hardened_judges.learnt_from(made)
    caught = next(key for key, y in zip((e.key for e in gold.examples), gold.y, strict=True)
                  if y and key not in hardened_judges.evasions_of(made, gold))  # fmt: skip
    case = Case.objects.get(pk=caught)
    before = world.judged(case, "no", name="ensemble", revision="e0", score=0.1)
    earlier = EnsembleVersion.objects.create(
        campaign=made.campaign, round=made.round, number=99, criterion=made.criterion,
        gold=made.gold, rater=before.annotation.rater, revision="e0", threshold=0.5,
        payload={}, report={}, status=EnsembleStatus.SUPERSEDED,
    )  # fmt: skip
    made.round.ensemble = earlier
    made.round.save()
    assert caught in hardened_judges.evasions_of(made, gold)


def test_where_nothing_helps_nothing_is_made_and_that_is_told(
    world: World, made: EnsembleVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardening, "choose", lambda trials: None)
    done = work(made.campaign, world)
    assert done.result["offered"] is None
    assert done.result["told"].startswith("No help")
    assert EnsembleVersion.objects.get() == made
    page = signed_in(Client(), world.viewer).get(address(world)).content.decode()
    assert "No help" in page
    assert "each evasion 2 times" in page


def test_an_offer_is_tested_and_changes_nothing_until_it_is_taken(
    world: World, made: EnsembleVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_gain(monkeypatch)
    work(made.campaign, world)
    one = hardened_judges.offered(made.campaign)
    assert one is not None
    assert fresh(made).status == EnsembleStatus.CURRENT
    assert versions.newest(made.campaign) == made
    assert one.report["hardening"]["from"] == made.number
    assert one.report["frozen_share"] == made.campaign.frozen_share
    learnt = {m.rater.name: m.rater.revision for m in one.members.select_related("rater")}
    assert learnt.keys() == {m.rater.name for m in made.members.select_related("rater")}
    assert learnt["tfidf"] != made.members.get(rater__name="tfidf").rater.revision
    pair = hardened_judges.comparison(made.campaign, one)
    assert pair is not None
    frozen = frozen_set(made.campaign, world.harm)
    assert not any(np.isnan(test.p).any() for test in pair)
    assert versions.between(*pair).n == len(frozen.y) > 0


def test_a_second_run_makes_no_second_offer(
    world: World, made: EnsembleVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_gain(monkeypatch)
    job = work(made.campaign, world)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.QUEUED)
    again = jobs.run_job(job.pk)
    assert again is not None
    assert again.result["offered"] == job.result["offered"]
    assert EnsembleVersion.objects.count() == 2
    with pytest.raises(Conflict, match="take it or leave it first"):
        hardened_judges.harden_later(made.campaign, by=world.lead)


def test_a_lead_takes_it_and_it_is_the_current_one(
    world: World, pair: tuple[EnsembleVersion, EnsembleVersion]
) -> None:
    made, one = pair
    page = signed_in(Client(), world.lead)
    page.post(f"{address(world)}{one.number}/decide/", {"decision": "take"})
    assert fresh(one).status == EnsembleStatus.CURRENT
    assert fresh(made).status == EnsembleStatus.SUPERSEDED
    assert AuditEvent.objects.get(verb="took hardened ensemble").actor == world.lead
    with pytest.raises(Conflict, match="decided already"):
        hardened_judges.leave(one, by=world.lead)


def test_what_is_left_is_never_used(
    world: World, pair: tuple[EnsembleVersion, EnsembleVersion]
) -> None:
    made, one = pair
    hardened_judges.leave(one, by=world.lead)
    assert fresh(made).status == EnsembleStatus.CURRENT
    assert hardened_judges.current(made.campaign) == made
    with pytest.raises(Conflict, match="offered and not taken"):
        versions.release(one, by=world.lead)


def test_an_offer_from_a_version_that_is_not_in_use_any_more_cannot_be_taken(
    world: World, pair: tuple[EnsembleVersion, EnsembleVersion]
) -> None:
    made, one = pair
    EnsembleVersion.objects.filter(pk=made.pk).update(status=EnsembleStatus.STALE)
    with pytest.raises(Conflict, match="not in use any more"):
        hardened_judges.take(one, by=world.lead)
    assert fresh(one).status == EnsembleStatus.OFFERED


def test_too_few_evasions_are_a_result_and_no_failure(
    world: World, made: EnsembleVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardening, "LEAST_EVASIONS", 1_000)
    assert "from 1000 on" in work(made.campaign, world).result["problem"]


def test_without_an_ensemble_it_says_what_to_do(world: World) -> None:
    campaign = launch.start_campaign(world.project, by=world.lead)
    with pytest.raises(BadInput, match="calibrate first"):
        hardened_judges.harden_later(campaign, by=world.lead)
    page = signed_in(Client(), world.lead).get(address(world)).content.decode()
    assert "No ensemble is in use" in page


def address(world: World) -> str:
    return f"/p/{world.project.slug}/judges/hardening/"


def test_readers_see_the_page_and_only_leads_start_and_decide(
    world: World, pair: tuple[EnsembleVersion, EnsembleVersion]
) -> None:
    one = pair[1]
    for user, may in ((world.lead, True), (world.adjudicator, False), (world.viewer, False)):
        client: Any = signed_in(Client(), user)
        page = client.get(address(world)).content.decode()
        assert f"Ensemble e{one.number} is offered" in page
        assert "each evasion 2 times <strong>(chosen)" in page
        assert (f"Take e{one.number}" in page) is may
        if not may:
            decided = client.post(f"{address(world)}{one.number}/decide/", {"decision": "take"})
            assert decided.status_code == 403
            assert client.post(f"{address(world)}start/").status_code == 403
    assert fresh(one).status == EnsembleStatus.OFFERED
    assert signed_in(Client(), world.ann1).get(address(world)).status_code == 403


def test_while_it_works_the_page_tells_how_far_it_is_and_offers_to_stop(
    world: World, pair: tuple[EnsembleVersion, EnsembleVersion]
) -> None:
    made, one = pair
    hardened_judges.leave(one, by=world.lead)
    job = hardened_judges.harden_later(made.campaign, by=world.lead)
    assert hardened_judges.harden_later(made.campaign, by=world.lead) == job
    Job.objects.filter(pk=job.pk).update(message="Cross-fitting: each evasion 2 times")
    reader = signed_in(Client(), world.lead)
    answer = reader.get(f"{address(world)}?part=work")
    part = answer.content.decode()
    assert "HX-Refresh" not in answer
    assert "Cross-fitting: each evasion 2 times" in part
    assert 'hx-trigger="every 2s"' in part
    assert "<html" not in part
    jobs.request_cancel(job, by=world.lead)
    done = jobs.run_job(job.pk)
    assert done is None
    assert Job.objects.get(pk=job.pk).status == JobStatus.CANCELLED
    assert made.campaign.ensembles.count() == 2
    assert reader.get(f"{address(world)}?part=work")["HX-Refresh"] == "true"
