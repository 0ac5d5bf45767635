"""The evasion page in a real browser: read by axe in light and dark, wide and narrow, and by clicks."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations import jobs
from tests.browser.room import enter
from tests.campaigns.kept_ensemble import keep_ensemble
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(v["id"], n["html"]) for v in found for n in v["nodes"]]


def test_the_plane_is_read_by_clicks_and_by_axe(
    page: Page, live_server: LiveServer, world: World
) -> None:
    keep_ensemble(world)
    enter(page, live_server, world, "lead", "evasion/")
    page.get_by_role("combobox", name="Rule").select_option("any")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("region", name="Combinations that none beats").get_by_role(
        "link", name="words", exact=True
    ).click()
    expect(page.get_by_role("heading", name="words")).to_be_visible()
    for scheme in ("light", "dark"):
        for width in (1440, 360):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": width, "height": 900})
            assert violations(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            if folder := os.environ.get("SHOTS"):
                page.screenshot(path=f"{folder}/evasion_{scheme}_{width}.png", full_page=True)
    page.get_by_role("link", name="2 failures get past").click()
    expect(page.get_by_role("link", name="case-11")).to_be_visible()
    assert violations(page) == []
