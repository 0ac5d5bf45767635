"""The dashboard: what each tile says of a small world, where its numbers lead, and who must not."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from annotations import dashboard
from annotations.dashboard import TILES
from annotations.models import Annotation, Case
from annotations.statuses import Cause, Role
from tests.world import World, signed_in


def page(client: Client, world: World, key: str = "", *, htmx: bool = True) -> str:
    name, args = ("dashboard_tile", [world.project.slug, key]) if key else ("dashboard", None)
    address = reverse(name, args=args or [world.project.slug])
    headers = {"HX-Request": "true"} if htmx and key else {}
    response = client.get(address, headers=headers)
    assert response.status_code == 200, (key, response.status_code)
    return response.content.decode()


@pytest.fixture
def lead(client: Client, world: World) -> Client:
    return signed_in(client, world.lead)


def test_the_frame_asks_for_every_tile_and_there_are_at_most_twelve(
    lead: Client, world: World
) -> None:
    text = page(lead, world)
    assert len(TILES) <= 12
    for source in TILES:
        assert reverse("dashboard_tile", args=[world.project.slug, source.key]) in text


def test_every_tile_of_an_empty_project_says_what_is_missing(lead: Client, world: World) -> None:
    for source in TILES:
        text = page(lead, world, source.key)
        assert not re.search(r"\bnan\b", text, re.IGNORECASE)
        assert source.title in text
    assert "No blind answers yet" in page(lead, world, "health")
    assert "No disagreement was decided yet" in page(lead, world, "anatomy")
    assert "No case is settled yet" in page(lead, world, "cost")


def test_a_tile_opened_without_htmx_is_a_page(lead: Client, world: World) -> None:
    text = page(lead, world, "cost", htmx=False)
    assert "<html" in text
    assert "<html" not in page(lead, world, "cost")


def test_health_shows_alpha_and_leads_to_the_agreement_page(lead: Client, world: World) -> None:
    for word in ("yes", "no", "yes", "no"):
        world.settle(world.make_case(), harm=word)
    world.disagree(world.make_case())
    text = page(lead, world, "health")
    (found,) = dashboard.health(world.project)
    assert f"{found.report.coefficients['krippendorff_alpha'].value:.3f}" in text
    assert f"{reverse('agreement', args=[world.project.slug])}#criterion-{world.harm.pk}" in text


def test_causes_are_shares_of_the_decisions_that_stand(world: World) -> None:
    for cause in ("slip", "slip", "guideline_gap"):
        world.decide(world.adjudicator, world.disagree(world.make_case()), "no", cause=cause)
    (first, share), (second, _) = dashboard.causes(world.project)
    assert (first, share.value, share.n) == (Cause.SLIP, pytest.approx(2 / 3), 3)
    assert second == Cause.GUIDELINE_GAP


def test_cost_counts_the_work_on_cases_that_still_wait(world: World) -> None:
    world.settle(world.make_case())
    world.give(world.ann1, world.make_case())  # one sheet on a case that is not settled
    Annotation.objects.update(seconds=30.0)
    found = dashboard.cost(world.project)
    assert (found.settled, found.raters.value) == (1, 3.0)
    assert found.minutes.value == pytest.approx(1.5)
    assert found.saved == 0.0


def test_a_case_of_unknown_time_says_nothing_of_minutes(world: World) -> None:
    timed, untimed = world.settle(world.make_case()), world.settle(world.make_case())
    Annotation.objects.filter(case=timed).update(seconds=60.0)
    Annotation.objects.filter(case=untimed).update(seconds=None)
    found = dashboard.cost(world.project)
    assert (found.minutes.value, found.raters.value) == (2.0, 2.0)


def test_gold_is_stale_only_where_the_question_itself_was_reworded(world: World) -> None:
    world.settle(world.make_case())
    assert not dashboard.staleness(world.project).is_stale
    world.add_severity()  # a second version, in which "harm" stands word for word
    assert dashboard.staleness(world.project).gold["Harmful"] == (0, 1)


def test_one_person_and_each_judge_are_held_against_the_others(world: World) -> None:
    for number in range(6):
        case = world.make_case(overlap=3)
        word = "yes" if number % 2 else "no"
        for user in (world.ann1, world.ann2, world.lead):
            world.give(user, case, harm=word)
        world.judged(Case.objects.get(pk=case.pk), "yes", name="always")
    person, judge = dashboard.judges_and_people(world.project, world.harm)
    assert (person.evasion.value, person.over_block.value) == (0.0, 0.0)
    assert (judge.name, judge.evasion.value, judge.over_block.value) == ("always", 0.0, 1.0)


def test_annotators_and_strangers_see_no_tile(client: Client, world: World) -> None:
    addresses = [reverse("dashboard", args=[world.project.slug])]
    addresses += [reverse("dashboard_tile", args=[world.project.slug, one.key]) for one in TILES]
    for user, status in ((world.ann1, 403), (world.stranger, 404)):
        signed_in(client, user)
        assert {client.get(address).status_code for address in addresses} == {status}


def test_a_viewer_sees_the_tiles_of_readers_and_not_those_of_leads(
    client: Client, world: World
) -> None:
    signed_in(client, world.viewer)
    for source in TILES:
        address = reverse("dashboard_tile", args=[world.project.slug, source.key])
        assert client.get(address).status_code == (200 if Role.VIEWER in source.roles else 403)


def test_an_unknown_tile_is_not_found(lead: Client, world: World) -> None:
    address = reverse("dashboard_tile", args=[world.project.slug, "no-such-tile"])
    assert lead.get(address).status_code == 404
