"""What the halves of the rounds bring: shares of gold failures, their difference, hours of people."""

import pytest

from annotations.models import Annotation
from campaigns import yields
from campaigns.models import Campaign, Candidate, Round
from tests.world import World


@pytest.fixture
def round_(world: World) -> Round:
    campaign = Campaign.objects.create(project=world.project)
    return Round.objects.create(campaign=campaign, number=1, batch=world.batch)


def candidate(world: World, round_: Round, arm: str, word: str | None) -> None:
    case = world.make_case()
    if word:
        world.settle(case, harm=word)
    Candidate.objects.create(
        round=round_, key=f"{case.pk}", family="hats", arm=arm, reason="A test.", prompt="Hats?",
        case=case,
    )  # fmt: skip


def test_each_half_tells_its_share_of_failures_and_what_still_waits(
    world: World, round_: Round
) -> None:
    for word in ("yes", "yes", "no", None):
        candidate(world, round_, "guided", word)
    for word in ("yes", "no"):
        candidate(world, round_, "control", word)
    found = yields.yields_of(world.project, world.harm.criterion)
    assert found.guided.failures.value == pytest.approx(2 / 3)
    assert (found.guided.failures.n, found.guided.open) == (3, 1)  # of what waits nobody knows yet
    assert (found.control.failures.value, found.control.open) == (0.5, 0)
    assert found.difference.value == pytest.approx(2 / 3 - 1 / 2)
    assert found.difference.low is not None


def test_failures_an_hour_rest_on_the_time_of_people(world: World, round_: Round) -> None:
    candidate(world, round_, "guided", "yes")
    assert yields.yields_of(world.project, world.harm.criterion).guided.per_hour is None
    Annotation.objects.update(seconds=90.0)  # two raters, a minute and a half each
    found = yields.yields_of(world.project, world.harm.criterion)
    assert found.guided.per_hour == pytest.approx(20.0)


def test_without_rounds_the_shares_are_undefined(world: World) -> None:
    found = yields.yields_of(world.project, world.harm.criterion)
    assert found.guided.failures.value is None
    assert found.difference.value is None
