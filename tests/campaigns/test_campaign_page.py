"""The campaign page: where the round stands, who may move it, and what it says when things go wrong."""

from typing import Any

import pytest
from django.test import Client

from annotations.models import Job, Project
from campaigns import launch
from campaigns.models import Campaign, Round, Target
from campaigns.statuses import Step
from tests.world import World, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(world: World) -> Campaign:
    campaign = launch.start_campaign(world.project, by=world.lead)
    launch.open_round(campaign, by=world.lead)
    return campaign


def address(world: World, path: str = "") -> str:
    return f"/p/{world.project.slug}/{path}"


def page(client: Client, world: World, name: str = "lead", path: str = "") -> str:
    return signed_in(client, getattr(world, name)).get(address(world, path)).content.decode()


def post(client: Client, world: World, path: str, name: str = "lead", **data: Any) -> Any:
    return signed_in(client, getattr(world, name)).post(address(world, path), data, follow=True)


def test_a_draft_round_waits_for_the_lead_and_only_the_lead_sees_how_to_begin(
    client: Client, world: World, campaign: Campaign
) -> None:
    assert "Begin the round" in page(client, world)
    for name in ("ann1", "adjudicator", "viewer"):
        assert "Begin the round" not in page(client, world, name)


def test_the_lead_begins_and_the_worker_is_asked_once(
    client: Client, world: World, campaign: Campaign
) -> None:
    for _ in range(2):
        post(client, world, "campaign/begin/", size=12, seed=3)
    assert Job.objects.filter(kind="advance_round").count() == 1
    round_ = Round.objects.get()
    assert (round_.size, round_.seed, round_.rubric_version) == (12, 3, world.rubric)
    assert "Waiting for the worker" in page(client, world)


def test_an_impossible_size_is_refused_beside_its_field(
    client: Client, world: World, campaign: Campaign
) -> None:
    answer = post(client, world, "campaign/begin/", size=0, seed=3)
    assert answer.status_code == 422
    assert "greater than or equal to 2" in answer.content.decode()
    assert not Job.objects.exists()


@pytest.mark.parametrize("name", ["ann1", "adjudicator", "viewer"])
@pytest.mark.parametrize("path", ["begin/", "next/", "again/", "target/", "start/"])
def test_nobody_but_leads_moves_the_campaign(
    client: Client, world: World, campaign: Campaign, name: str, path: str
) -> None:
    answer = post(client, world, f"campaign/{path}", name, size=12, seed=3)
    assert answer.status_code == 403
    assert not Job.objects.exists()


def test_a_failed_job_shows_its_sentence_and_a_way_on(
    client: Client, world: World, campaign: Campaign
) -> None:
    post(client, world, "campaign/begin/", size=12, seed=3)
    Job.objects.update(status="failed", error="The endpoint <b>is</b> gone.")
    shown = page(client, world)
    assert "The last job failed" in shown
    assert "The endpoint &lt;b&gt;is&lt;/b&gt; gone." in shown
    post(client, world, "campaign/again/")
    assert Job.objects.filter(status="queued").count() == 1


def test_a_live_job_can_be_stopped(client: Client, world: World, campaign: Campaign) -> None:
    post(client, world, "campaign/begin/", size=12, seed=3)
    post(client, world, f"jobs/{Job.objects.get().pk}/cancel/")
    assert Job.objects.get().status == "cancelled"


def test_another_project_s_job_can_t_be_stopped(
    client: Client, world: World, campaign: Campaign
) -> None:
    other = Project.objects.create(name="Other", slug="other")
    job = Job.objects.create(kind="advance_round", project=other)
    assert post(client, world, f"jobs/{job.pk}/cancel/").status_code == 404
    job.refresh_from_db()
    assert job.is_live


def test_the_page_polls_its_part_only_while_something_can_change(
    client: Client, world: World, campaign: Campaign
) -> None:
    assert "hx-trigger" not in page(client, world, path="?part=stand")
    post(client, world, "campaign/begin/", size=12, seed=3)
    assert 'hx-trigger="every 2s"' in page(client, world, path="?part=stand")


def test_an_endpoint_becomes_the_target_of_rounds_to_come(
    client: Client, world: World, campaign: Campaign
) -> None:
    post(
        client,
        world,
        "campaign/target/",
        kind="openai",
        base_url="http://127.0.0.1:9/v1",
        model="tiny",
    )
    assert str(Target.objects.get(is_active=True)) == "tiny"
    answer = post(client, world, "campaign/target/", kind="openai", model="tiny")
    assert answer.status_code == 422
    assert "An endpoint needs this" in answer.content.decode()


def test_imported_cases_can_be_made_a_campaign_and_are_its_first_round(
    client: Client, world: World
) -> None:
    world.make_case(slots=False)
    assert "Start a campaign on these cases" in page(client, world)
    post(client, world, "campaign/start/")
    assert Round.objects.get().batch == world.batch


def test_a_reviewed_round_is_followed_and_says_what_it_draws_on(
    client: Client, world: World, campaign: Campaign
) -> None:
    why = "gold has a failure here"
    case = world.make_case(slots=False)
    seed = {"case": case.pk, "external_id": case.external_id, "kind": "gold_failure", "why": why}
    found = {"parents": 1, "by_kind": {"gold_failure": 1}, "strongest": [seed]}
    Round.objects.update(status=Step.NEXT, findings={"next": found}, rubric_version=world.rubric)
    assert why in page(client, world)
    post(client, world, "campaign/next/")
    assert [r.status for r in Round.objects.order_by("number")] == [Step.CLOSED, Step.DRAFT]


def test_the_first_page_lists_the_own_projects_and_makes_new_ones(
    client: Client, world: World, campaign: Campaign
) -> None:
    shown = signed_in(client, world.lead).get("/").content.decode()
    assert world.project.name in shown
    assert "Round 1: draft" in shown
    assert world.project.name not in signed_in(client, world.stranger).get("/").content.decode()
    answer = signed_in(client, world.stranger).post("/projects/new/", {"name": "Mine"}, follow=True)
    assert "An empty project" in answer.content.decode()
    assert signed_in(client, world.stranger).post("/projects/new/", {"name": ""}).status_code == 422
