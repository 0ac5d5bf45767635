"""Deciding patterns in a real browser: A accepts, E edits, R rejects, on the card in focus."""

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from campaigns import launch
from campaigns.models import Proposal
from tests.world import World, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
PAIR = {"cosine": 0.97, "pairs": 40.0, "unlike_pairs": 4.0, "p_verified": 0.001}


@pytest.fixture
def inbox(page: Page, live_server: LiveServer, world: World) -> Page:
    """The lead's inbox with three pairs, the first in focus."""
    campaign = launch.start_campaign(world.project, by=world.lead)
    round_ = launch.open_round(campaign, by=world.lead)
    for number in range(3):
        cases = [world.make_case(slots=False), world.make_case(slots=False)]
        Proposal.objects.create(
            campaign=campaign, round=round_, criterion=world.harm.criterion, numbers=PAIR,
            kind="disagreement_pair", title=f"Pair {number}", roles=["yes", "no"], tested=3,
            case_ids=[case.pk for case in cases], q_value=number / 100, engine="patterns/1",
            evidence_hash="a" * 64,
        )  # fmt: skip
    cookie = signed_in(Client(), world.lead).cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    page.goto(f"{live_server.url}/p/{world.project.slug}/proposals/")
    return page


def status_of(title: str) -> str:
    return Proposal.objects.get(title=title).status


def test_patterns_are_decided_without_the_mouse(inbox: Page, world: World) -> None:
    inbox.keyboard.press("a")
    expect(inbox.get_by_text("Written into the draft of version 2.")).to_be_visible()
    assert status_of("Pair 0") == "accepted"
    inbox.keyboard.press("e")
    inbox.keyboard.type(" aerj are letters here")
    inbox.keyboard.press("Escape")
    inbox.keyboard.press("a")
    expect(inbox.get_by_text("aerj are letters here").last).to_be_visible()
    assert status_of("Pair 1") == "edited"
    inbox.keyboard.press("r")
    inbox.keyboard.type("A copy.")
    inbox.keyboard.press("Tab")
    inbox.keyboard.press("Enter")
    expect(inbox.get_by_text("Pattern rejected")).to_be_visible()
    assert status_of("Pair 2") == "rejected"


def test_the_keys_act_on_the_card_in_focus(inbox: Page) -> None:
    inbox.keyboard.press("j")
    inbox.keyboard.press("j")
    inbox.keyboard.press("k")
    inbox.keyboard.press("a")
    expect(inbox.get_by_text("Written into the draft")).to_be_visible()
    assert [status_of(f"Pair {n}") for n in range(3)] == ["open", "accepted", "open"]


def test_the_same_works_by_clicking(inbox: Page) -> None:
    card = inbox.locator("[data-proposal]").nth(1)
    card.get_by_role("button", name="Edit").click()
    expect(card.get_by_label("What raters should read")).to_be_focused()
    card.get_by_text("Reject R").click()
    card.get_by_label("Why not").fill("A copy.")
    card.get_by_role("button", name="Reject with this reason").click()
    expect(inbox.get_by_text("Pattern rejected")).to_be_visible()
    assert status_of("Pair 1") == "rejected"
