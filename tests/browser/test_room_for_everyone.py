"""The room's pages for everyone: no violation that axe knows of, light and dark, from 360 to 1440 px."""

from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations.models import Project, Slot
from tests.browser.room import enter, expect_case, press
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

TURNS = [
    {"role": "system", "content": "You help in a canteen."},
    {"role": "user", "content": "هل الأرز جيد؟"},
    {"role": "assistant", "content": "Yes."},
    {"role": "user", "content": "After\u202e an hour? " + "And a half? " * 150},
]


def violations(page: Page) -> list[str]:
    """What axe finds in each theme at each width, and pages that scroll sideways."""
    found = []
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        wide: int = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{width}: {wide} px wide"] if wide > width else []
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            # In the dark only colours differ: the rest was just looked at.
            rules = {"runOnly": ["color-contrast"]} if theme == "dark" else None
            answer: dict[str, Any] = Axe().run(page, options=rules).response
            found += [
                f"{width} {theme}: {one['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
                for one in answer["violations"]
                for node in one["nodes"]
            ]
    page.set_viewport_size({"width": 1280, "height": 800})
    return found


def test_a_case_with_everything_open_and_marked(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.add_severity()
    world.make_case(conversation=TURNS, context="A kitchen.")
    enter(page, live_server, world)
    press(page, "y", "s", "Enter", "2", "Enter", "Escape", "Shift+Digit3")
    for key in "cqef":
        press(page, key, "Escape")
    page.locator("summary", has_text="Skip this case").click()
    page.locator("summary", has_text="What counts").first.click()
    press(page, "1", "s", "ArrowRight", "Shift+ArrowRight")
    expect(page.locator("[role=application]")).to_be_visible()
    assert violations(page) == []


def test_what_lies_over_the_case(page: Page, live_server: LiveServer, world: World) -> None:
    world.make_case(strata={"content_notice": "Describes pins."})
    second = world.make_case()
    enter(page, live_server, world)
    press(page, "y", "Enter")
    expect_case(page, second.response)
    for key, heading in (("?", "Keys"), ("g", "Guideline v1"), ("p", "Paused")):
        press(page, key)
        expect(page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
        assert violations(page) == []
        press(page, "Escape")
    for words in ("See precedents", "Stop"):
        page.get_by_role("button", name=words).click()
        expect(page.locator("dialog[open]")).to_be_visible()
        assert violations(page) == []
        press(page, "Escape")


def test_what_comes_between_cases(page: Page, live_server: LiveServer, world: World) -> None:
    Project.objects.update(reveal_share=1.0)
    world.project.refresh_from_db()
    case = world.make_case(overlap=1)
    world.judged(case, "no", raw="It names no harm.")
    taken = world.make_case(overlap=1)
    enter(page, live_server, world)
    press(page, "y", "Enter")
    expect(page.get_by_role("heading", name="What the AI said")).to_be_visible()
    page.get_by_text("Change my answer").click()
    assert violations(page) == []
    page.get_by_role("button", name="Keep my answer").click()
    expect_case(page, taken.response)
    with transaction.atomic():  # no request of the page can renew the lease in between
        Slot.objects.filter(case=taken).update(leased_until=timezone.now() - timedelta(minutes=1))
        world.give(world.ann2, taken, harm="no")
    press(page, "y", "Enter")
    expect(page.get_by_text("could not be submitted")).to_be_visible()
    assert violations(page) == []
    press(page, "Enter")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert violations(page) == []
