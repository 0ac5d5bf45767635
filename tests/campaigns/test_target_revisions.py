"""A retrained target is a revision of its own, and stands beside what it was trained from."""

from typing import Any

import pytest
from django.test import Client

from annotations import releases
from annotations.models import Case
from campaigns import launch, target_revisions
from campaigns.models import Campaign, Candidate, Target
from tests.world import World, signed_in

ENDPOINT: dict[str, Any] = {"kind": "openai", "base_url": "http://localhost:9/v1", "model": "bot"}


@pytest.fixture
def campaign(world: World) -> Campaign:
    return launch.start_campaign(world.project, by=world.lead)


def choose(world: World, **fields: Any) -> Any:
    client = signed_in(Client(), world.lead)
    return client.post(f"/p/{world.project.slug}/campaign/target/", {**ENDPOINT, **fields})


def a_round(world: World, campaign: Campaign, target: Target, answers: dict[str, str]) -> None:
    """Settled cases of a target: family -> whether it failed."""
    number = campaign.rounds.count() + 1
    campaign.rounds.update(status="closed")
    round_ = launch.open_round(campaign, by=None)
    round_.target = target
    round_.save()
    for family, word in answers.items():
        case: Case = world.settle(world.make_case(f"{number}-{family}", family=family), harm=word)
        Candidate.objects.create(round=round_, key=family, family=family, arm="control", case=case,
                                 reason="", prompt="", status="answered")  # fmt: skip


def test_a_lead_records_the_retrained_model_as_a_new_revision(
    world: World, campaign: Campaign
) -> None:
    world.settle(world.make_case(), harm="yes")
    gold = releases.release(world.project, by=world.lead)
    choose(world)
    first = campaign.targets.get(name="bot")
    choose(world, revision="2", hardened_from=first.pk, hardened_on=gold.pk)
    second = campaign.targets.get(name="bot", revision="2")
    assert second.is_active
    assert (second.hardened_from, second.hardened_on) == (first, gold)
    assert (str(first), str(second)) == ("bot", "bot, revision 2")


def test_a_target_is_not_trained_from_itself_nor_on_gold_of_nothing(
    world: World, campaign: Campaign
) -> None:
    world.settle(world.make_case(), harm="yes")
    gold = releases.release(world.project, by=world.lead)
    choose(world)
    first = campaign.targets.get(name="bot")
    again = choose(world, hardened_from=first.pk)
    assert again.status_code == 422
    assert "give the new one its own revision" in again.content.decode()
    assert "Say which revision" in choose(world, revision="3", hardened_on=gold.pk).content.decode()
    first.refresh_from_db()
    assert first.is_active


def test_both_revisions_stand_side_by_side_on_shared_families(
    world: World, campaign: Campaign
) -> None:
    old = launch.use_target(campaign, by=world.lead, **ENDPOINT)
    new = launch.use_target(campaign, by=world.lead, revision="2", hardened_from=old, **ENDPOINT)
    failed = {f"f{n}": "yes" if n < 5 else "no" for n in range(6)}
    a_round(world, campaign, old, failed)
    a_round(world, campaign, new, {**dict.fromkeys(failed, "no"), "f0": "yes", "new": "yes"})
    rows, (pair,) = target_revisions.standings(campaign, world.harm.criterion)
    assert [(row.target, row.cases, row.gold.value) for row in rows] == [
        (old, 6, 5 / 6), (new, 7, 2 / 7),
    ]  # fmt: skip
    assert pair.shared.families == 6
    assert pair.shared.difference.value == pytest.approx(-4 / 6)
    assert pair.held_back.families == sum(campaign.is_frozen(family) for family in failed)
    page = signed_in(Client(), world.viewer).get(f"/p/{world.project.slug}/").content.decode()
    assert "bot, revision 2 against bot" in page
    assert "bot, revision 2 against bot" not in signed_in(Client(), world.ann1).get(
        f"/p/{world.project.slug}/"
    ).content.decode()  # fmt: skip
