"""The leads' board in a real browser: read by axe, and a lead holds cases back by keyboard alone."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations import jobs
from annotations.models import Slot
from tests.world import World, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)


def board(page: Page, world: World, live_server: LiveServer) -> None:
    """The lead opens the board, and all its parts are there."""
    value = signed_in(Client(), world.lead).cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}]
    )
    page.goto(f"{live_server.url}/p/{world.project.slug}/queue/")
    expect(page.get_by_role("heading", name="Places filled")).to_be_visible()
    expect(page.get_by_role("button", name="Hold back")).to_be_visible()
    expect(page.locator("#work table")).to_be_visible()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1440, "light")])
def test_axe_finds_nothing_on_the_board(
    browser: Browser, live_server: LiveServer, world: World, width: int, scheme: str
) -> None:
    world.settle(world.make_case(strata={"category": "fraud"}), harm="no")
    world.claim(world.ann1, world.make_case("in-work", is_audit=True, overlap=3))
    # axe is put into the page, which our content security policy would refuse.
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    board(page, world, live_server)
    found = [(v["id"], n["html"]) for v in Axe().run(page).response["violations"]
             for n in v["nodes"]]  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
    assert found == []


def test_a_lead_holds_filtered_cases_back_by_keyboard(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.claim(world.ann1, world.make_case("other"))
    chosen = world.make_case("chosen-1")
    board(page, world, live_server)
    page.get_by_label("Part of a case's id").focus()
    page.keyboard.type("chosen")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 shown of 1")).to_be_visible()
    page.get_by_role("checkbox", name="chosen-1").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Hold back").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Hold: 2 places.")).to_be_visible()
    held = Slot.objects.filter(is_held=True)
    assert {slot.case for slot in held} == {chosen}
