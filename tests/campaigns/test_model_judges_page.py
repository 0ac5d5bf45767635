"""The page of model judges: leads add and ask, readers read, others find no door."""

import pytest
from django.test import Client
from django.urls import reverse

from annotations import jobs
from annotations.models import Job
from campaigns import launch, model_judging
from campaigns.models import Campaign, ModelJudge
from campaigns.statuses import JudgeKind
from tests.world import World, signed_in


@pytest.fixture
def campaign(world: World) -> Campaign:
    world.settle(world.make_case("c0", response="A hat of <b>secret</b> paper."), harm="yes")
    world.settle(world.make_case("c1"), harm="no")
    return launch.start_campaign(world.project, by=world.lead)


def page(client: Client, world: World) -> str:
    return client.get(reverse("model_judges", args=[world.project.slug])).content.decode()


def test_a_lead_adds_a_double_asks_it_and_reads_what_became_of_it(
    client: Client, world: World, campaign: Campaign
) -> None:
    signed_in(client, world.lead)
    slug = world.project.slug
    form = {"name": "double", "kind": "double", "call_budget": "10"}
    assert client.post(reverse("add_model_judge", args=[slug]), form).status_code == 302
    judge = ModelJudge.objects.get()
    client.post(reverse("ask_model_judge", args=[slug, judge.pk]),
                {"scope": "gold", "with_bias": "on"})  # fmt: skip
    jobs.run_job(Job.objects.get(kind=model_judging.KIND).pk)
    text = page(client, world)
    assert "2 texts judged at this revision, 2 of gold" in text
    assert "No model stands behind this judge" in text
    assert "It needs 5 gold cases that were judged both ways" in text
    assert "The response helps with something that hurts somebody." in text
    assert "secret" not in text  # what is shown is the prompt, not the cases


def test_an_endpoint_needs_an_address_and_a_model(
    client: Client, world: World, campaign: Campaign
) -> None:
    signed_in(client, world.lead)
    answer = client.post(
        reverse("add_model_judge", args=[world.project.slug]),
        {"name": "m", "kind": "openai", "call_budget": "10", "api_key_variable": "SECRET_KEY"},
    )
    assert answer.status_code == 422
    assert answer.content.decode().count("An endpoint needs this.") == 2
    assert "ends in _API_KEY" in answer.content.decode()
    assert not ModelJudge.objects.exists()


@pytest.mark.parametrize("name", ["ann1", "adjudicator", "viewer"])
def test_who_is_no_lead_can_neither_add_nor_ask(
    client: Client, world: World, campaign: Campaign, name: str
) -> None:
    judge = model_judging.add_judge(campaign, name="d", by=world.lead, kind=JudgeKind.DOUBLE)
    signed_in(client, getattr(world, name))
    slug = world.project.slug
    for address, data in [
        (reverse("add_model_judge", args=[slug]), {"name": "x", "kind": "double"}),
        (reverse("ask_model_judge", args=[slug, judge.pk]), {"scope": "all"}),
        (reverse("budget_model_judge", args=[slug, judge.pk]), {"calls": "999"}),
    ]:
        assert client.post(address, data).status_code == 403
    assert not Job.objects.filter(kind=model_judging.KIND).exists()
    judge.refresh_from_db()
    assert (ModelJudge.objects.count(), judge.call_budget) == (1, 1000)


def test_another_projects_judge_is_not_found(
    client: Client, world: World, campaign: Campaign
) -> None:
    signed_in(client, world.lead)
    address = reverse("ask_model_judge", args=[world.project.slug, 999_999])
    assert client.post(address, {"scope": "gold"}).status_code == 404


def test_without_a_campaign_or_positive_answers_the_page_says_what_is_missing(
    client: Client, world: World
) -> None:
    signed_in(client, world.lead)
    assert "There is no campaign yet" in page(client, world)
    campaign = launch.start_campaign(world.project, by=world.lead)
    model_judging.add_judge(campaign, name="d", by=world.lead, kind=JudgeKind.DOUBLE)
    world.harm.criterion.positive = []
    world.harm.criterion.save()
    assert "choose the positive answers" in page(client, world)
