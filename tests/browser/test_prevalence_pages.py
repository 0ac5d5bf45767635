"""The prevalence pages in a real browser: read by axe, a number followed to its cases, a draw by keyboard."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations import jobs
from annotations.models import Case, Job
from tests.browser.room import enter
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)


@pytest.fixture
def measured(world: World) -> World:
    """Twelve cases of two targets, scored by a judge; six of them audited, with five labels."""
    for number in range(12):
        audited = number < 6
        case = world.make_case(
            strata={"target": "ab"[number % 2], "expected": "refuse"}, is_audit=audited,
            audit_probability=0.5,
        )  # fmt: skip
        world.judged(case, "yes" if number % 3 else "no", score=0.75 if number % 3 else 0.125)
        if number < 5:
            world.settle(case, harm="yes" if number % 3 else "no")
    return world


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(v["id"], n["html"]) for v in found for n in v["nodes"]]


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1440, "light")])
def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Browser, live_server: LiveServer, measured: World, width: int, scheme: str
) -> None:
    # axe is put into the page, which our content security policy would refuse.
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    found = []
    for path, heading in (
        ("prevalence/?by=target", "Attack success by everybody's definition"),
        ("prevalence/next/?n=4", "The draw"),
        ("cases/", "Cases"),
    ):
        enter(page, live_server, measured, "lead", path)
        for part in page.locator("#balance, #rates").all():  # they come when they are scrolled to
            part.scroll_into_view_if_needed()
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        expect(page.get_by_role("heading", name="Not unsafe", exact=True)).to_have_count(
            1 if path.startswith("prevalence/?") else 0
        )
        found += violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()
    assert found == []


def test_a_lead_narrows_the_figures_and_follows_a_number_to_its_cases(
    page: Page, live_server: LiveServer, measured: World
) -> None:
    enter(page, live_server, measured, "lead", "prevalence/")
    page.get_by_label("By").first.select_option("target")
    page.get_by_role("button", name="Show").first.click()
    table = page.get_by_role("region", name="Prevalence of Harmful")
    row = table.locator("tr", has=page.get_by_role("rowheader", name="a", exact=True))
    expect(row).to_be_visible()
    assert "by=target" in page.url
    row.get_by_role("link", name="3", exact=True).click()  # the labels of target a
    expect(page.get_by_text("3 shown of 3")).to_be_visible()


def test_a_lead_looks_at_a_draw_and_makes_it_by_keyboard(
    page: Page, live_server: LiveServer, measured: World
) -> None:
    enter(page, live_server, measured, "lead", "prevalence/next/")
    page.get_by_label("More cases").fill("4")
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Draw these 4 cases")
    expect(button).to_be_visible()
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("A draw can't be taken back")).to_be_visible()
    page.get_by_role("button", name="Yes, go on").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Drawing 4 cases")).to_be_visible()
    jobs.run_job(Job.objects.get(kind="sample_by_score").pk)
    expect(page.locator("#draws").get_by_text("done")).to_be_visible()  # the page asks by itself
    assert Case.objects.filter(is_audit=True).count() == 10
