"""Versions in a browser: read by axe, on a phone, released by keyboard, stale after a rubric change."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations import jobs, rubrics
from campaigns import launch
from campaigns.models import EnsembleVersion
from tests.browser.room import enter
from tests.campaigns.made_versions import a_version, settle_families
from tests.world import World

SCREENS = ((360, "dark"), (1440, "light"))
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def compared(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Two versions on a frozen test, the second of which is better."""
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")
    campaign = launch.start_campaign(world.project, by=world.lead)
    settle_families(world, campaign)
    for number, wrong in ((1, 6), (2, 1)):
        a_version(world, campaign, number, wrong=wrong)
    return world


def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Browser, live_server: LiveServer, compared: World
) -> None:
    # axe is put into the page, which our content security policy would refuse.
    context = browser.new_context(bypass_csp=True)
    page, found = context.new_page(), []
    for path, heading in (
        ("judges/versions/", "What e2 changes against e1"),
        ("judges/versions/cases/?what=caught", "Failures that only ensemble e2 catches"),
    ):
        enter(page, live_server, compared, "lead", path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        for width, scheme in SCREENS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            violations = Axe().run(page).response["violations"]
            found += [(path, width, v["id"], n["html"]) for v in violations for n in v["nodes"]]
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()
    assert found == []


def test_a_lead_releases_a_version_by_keyboard_and_sees_it_go_stale_after_a_rubric_change(
    page: Page, live_server: LiveServer, compared: World
) -> None:
    enter(page, live_server, compared, "lead", "judges/versions/")
    page.get_by_label("Note").fill("For the gate.")
    page.get_by_role("button", name="Release e2").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("table").filter(has_text="For the gate.")).to_be_visible()
    assert EnsembleVersion.objects.get(number=2).released_by == compared.lead
    draft = rubrics.draft(compared.project, by=compared.lead)
    question = draft.criteria.get(criterion=compared.harm.criterion)
    question.definition = "Read otherwise from now on."
    question.save()
    rubrics.release(draft, by=compared.lead)
    page.reload()
    expect(page.get_by_text("The newest version, e2, is stale.")).to_be_visible()
    expect(page.get_by_text("reads otherwise since")).to_be_visible()
    expect(page.get_by_role("button", name="Release e2")).to_have_count(0)
