"""An invitation from link to first case in a real browser, and the people's pages read by axe."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations import invitations, wellbeing
from annotations.models import Membership
from tests.world import World, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(one["id"], node["html"]) for one in found for node in one["nodes"]]


def cookie(world: World, who: str, live_server: LiveServer) -> list[dict[str, str]]:
    client = signed_in(Client(), getattr(world, who))
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    return [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}]


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1440, "light")])
def test_axe_finds_nothing_on_the_pages_of_people(
    browser: Browser, live_server: LiveServer, world: World, width: int, scheme: str
) -> None:
    world.settle(world.make_case(strata={"category": "fraud"}), harm="no")
    wellbeing.set_opt_outs(world.rater(world.ann1), ["fraud"])
    _, secret = invitations.make(world.member(world.lead), role="viewer", note="For whoever")
    # axe is put into the page, which our content security policy would refuse.
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page, found = context.new_page(), {}
    slug = world.project.slug
    page.goto(f"{live_server.url}/invite/{secret}/")
    found["invitation"] = violations(page)
    context.add_cookies(cookie(world, "lead", live_server))
    for name in ("members", "raters", "wellbeing"):
        page.goto(f"{live_server.url}/p/{slug}/{name}/")
        found[name] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    context.close()
    assert {name: rows for name, rows in found.items() if rows} == {}


def test_whoever_gets_a_link_makes_an_account_and_sees_the_first_case(
    browser: Browser, live_server: LiveServer, world: World
) -> None:
    world.make_case(response="Fold the corners.")
    lead = browser.new_context()
    lead.add_cookies(cookie(world, "lead", live_server))
    page = lead.new_page()
    page.goto(f"{live_server.url}/p/{world.project.slug}/members/")
    page.get_by_label("For how many people").fill("2")
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("The link").input_value()
    expect(page.get_by_label("The link")).to_be_focused()
    lead.close()

    newcomer = browser.new_context()
    page = newcomer.new_page()
    page.goto(link)
    page.get_by_label("Username").fill("newcomer")
    page.get_by_label("Password", exact=True).fill("paper-hats-9")
    page.get_by_label("Password confirmation").fill("paper-hats-9")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(f"/p/{world.project.slug}/"))
    page.goto(f"{live_server.url}/p/{world.project.slug}/label/")
    expect(page.get_by_text("Fold the corners.")).to_be_visible()
    newcomer.close()
    assert Membership.objects.get(user__username="newcomer").role == "annotator"
