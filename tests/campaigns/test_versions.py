"""The frozen test in a project: what it keeps out of training, versions compared on it, a release."""

from typing import Any

import pytest
from django.test import Client

from annotations import jobs
from annotations.models import AuditEvent, Case, Project, Verdict
from annotations.statuses import JobStatus
from campaigns import generation, launch, learning, versions
from campaigns.gold_sets import frozen_set, gold_set, settled_set
from campaigns.models import Campaign, EnsembleVersion, Round
from campaigns.statuses import EnsembleStatus
from tests.campaigns.made_versions import N, a_version, settle_families
from tests.world import World, signed_in


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")


@pytest.fixture
def campaign(world: World) -> Campaign:
    return launch.start_campaign(world.project, by=world.lead, round_size=60)


@pytest.fixture
def settled(world: World, campaign: Campaign) -> list[Case]:
    return settle_families(world, campaign)


def read(world: World, user: Any, path: str = "") -> str:
    page = signed_in(Client(), user).get(f"/p/{world.project.slug}/judges/versions/{path}")
    assert page.status_code == 200
    return page.content.decode()


def test_gold_is_either_learnt_from_or_tested_on_by_whole_families(
    world: World, campaign: Campaign, settled: list[Case]
) -> None:
    taught, tested = gold_set(campaign, world.harm), frozen_set(campaign, world.harm)
    assert len(settled_set(world.project, world.harm).cases) == N
    assert len(taught.cases) + len(tested.cases) == N
    assert not set(taught.families) & set(tested.families)
    assert 5 < len(tested.cases) < 35


def test_frozen_families_guide_no_round(
    world: World, campaign: Campaign, settled: list[Case]
) -> None:
    round_ = launch.open_round(campaign, by=None)
    launch.begin(round_, by=None)
    round_.refresh_from_db()
    drawn_on = {case.family for _, case in generation.parents_of(round_)}
    failures = {case.family for n, case in enumerate(settled) if n % 2}
    assert drawn_on == {family for family in failures if not campaign.is_frozen(family)}
    assert drawn_on < failures


def test_two_versions_are_told_apart_case_by_case(
    world: World, campaign: Campaign, settled: list[Case]
) -> None:
    a_version(world, campaign, 1, wrong=6)
    newest = a_version(world, campaign, 2, wrong=2)
    old, new = versions.tested(campaign, world.harm)
    said = versions.between(old, new)
    assert (said.gained, said.lost) == (4, 0)
    assert new.quality is not None
    assert new.quality.accuracy.value == pytest.approx(1 - 2 / len(new.gold.y))
    page = read(world, world.viewer)
    assert "What e2 changes against e1" in page
    assert "4 gained, 0 lost" in page
    assert "10 gold cases more" in page
    link = "cases/?from=1&to=2&what=caught"
    shown = [old.gold.cases[row].external_id for row in said.caught]
    listed = read(world, world.viewer, link)
    assert all(f">{name}<" in listed for name in shown)
    assert "Failures that only ensemble e2 catches" in listed
    assert newest.number == 2


def test_a_version_that_has_seen_frozen_families_is_not_compared(
    world: World, campaign: Campaign, settled: list[Case]
) -> None:
    made = a_version(world, campaign, 1, wrong=0)
    EnsembleVersion.objects.filter(pk=made.pk).update(report={**made.report, "frozen_share": 0.1})
    assert versions.tested(campaign, world.harm) == []
    assert "trained before there was one" in read(world, world.lead)


def test_the_page_says_what_to_do_before_there_is_a_version(
    world: World, campaign: Campaign
) -> None:
    assert "No judges are calibrated yet" in read(world, world.lead)


def test_a_lead_releases_the_current_version_once_and_the_api_tells_of_it(
    world: World, campaign: Campaign, settled: list[Case]
) -> None:
    a_version(world, campaign, 1, wrong=1)
    base = f"/p/{world.project.slug}/judges/versions/1/release/"
    for who in (world.viewer, world.adjudicator, world.ann1):
        assert signed_in(Client(), who).post(base).status_code == 403
    lead = signed_in(Client(), world.lead)
    for note in ("For the gate.", "Another word."):
        page = lead.post(base, {"note": note}, follow=True).content.decode()
        assert "For the gate." in page
    assert AuditEvent.objects.filter(verb="released ensemble").count() == 1
    told = lead.get(f"/api/v1/projects/{world.project.slug}/ensembles/1/").json()
    assert told["released_by"] == world.lead.get_username()
    assert told["frozen_test"]["n"] == len(frozen_set(campaign, world.harm).y)
    every = lead.get(f"/api/v1/projects/{world.project.slug}/ensembles/?released=true").json()
    assert [one["number"] for one in every["results"]] == [1]


@pytest.mark.parametrize("what", ["stale", "superseded"])
def test_a_version_that_is_out_of_date_can_not_be_released(
    world: World, campaign: Campaign, settled: list[Case], what: str
) -> None:
    made = a_version(world, campaign, 1, wrong=1)
    if what == "stale":
        world.decide(world.adjudicator, settled[0], "yes")
    else:
        EnsembleVersion.objects.filter(pk=made.pk).update(status=EnsembleStatus.SUPERSEDED)
    page = signed_in(Client(), world.lead).post(
        f"/p/{world.project.slug}/judges/versions/1/release/", follow=True
    )
    assert "be released" in page.content.decode()
    made.refresh_from_db()
    assert made.released_at is None


def test_rounds_leave_the_frozen_families_out_and_every_version_is_tested_on_what_came_since(
    world: World, campaign: Campaign
) -> None:
    Project.objects.filter(pk=campaign.project_id).update(overlap=3)
    Campaign.objects.filter(pk=campaign.pk).update(frozen_share=0.3)
    campaign.refresh_from_db()
    first = _run(launch.open_round(campaign, by=None, size=80, simulated_raters=3))
    second = _run(launch.close_and_open_next(first, by=None, size=60))
    gold = frozen_set(campaign, world.harm)
    learnt = set(gold_set(campaign, world.harm).families)
    assert gold.cases
    for made in campaign.ensembles.all():
        assert made.report["n"] <= len(settled_set(world.project, world.harm).cases) - 1
        seen = Case.objects.filter(pk__in=made.report["evasion"]["cases"])
        kept = set(seen.values_list("family", flat=True))
        assert kept <= learnt
        scored = Verdict.objects.filter(
            annotation__rater=made.rater, case__in=[c.pk for c in gold.cases]
        )
        assert scored.count() == len(gold.cases)
    assert all(not campaign.is_frozen(one.family) for one in second.candidates.filter(arm="guided"))
    assert len(versions.tested(campaign, world.harm)) == 2
    newest = campaign.ensembles.order_by("-number")[0]
    job = jobs.run_job(learning.draw_later(newest, by=world.lead).pk)
    assert job is not None
    assert job.status == JobStatus.DONE, job.error
    assert "100 more labels" in " ".join(read(world, world.viewer).replace("<strong>", "").split())


def _run(round_: Round) -> Round:
    done = jobs.run_job(launch.begin(round_, by=None).pk)
    assert done is not None
    assert done.status == JobStatus.DONE, done.error
    round_.refresh_from_db()
    return round_
