"""An adjudicator decides without a mouse: blind first, raters and passages, a cause, a second."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from annotations import marks
from annotations.models import Annotation, Case, Gold
from annotations.statuses import MarkKind
from tests.browser.room import enter, press
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
WIDE, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=360, height=740)


def disputed(world: World) -> Case:
    """Two raters differ, and each marked a passage."""
    case = world.disagree(world.make_case(response="Fold <b>it</b> twice, then sell the hat."))
    for start, sheet in enumerate(Annotation.objects.filter(case=case)):
        span = {"criterion": "harm", "part": "response", "start": 5 * start, "end": 20,
                "quote": case.response[5 * start : 20]}  # fmt: skip
        Annotation.objects.filter(pk=sheet.pk).update(spans=[span], severity=1 + start)
    return case


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


def test_two_adjudicators_settle_a_severe_case_by_keyboard_alone(
    page: Page, live_server: LiveServer, world: World
) -> None:
    case = disputed(world)
    for name, settled in (("adjudicator", False), ("lead", True)):
        page.context.clear_cookies()
        enter(page, live_server, world, name, f"adjudicate/{case.pk}/")
        source = page.content()
        assert not [w for w in ("A plain violation.", ">R2", "passage", "Guess") if w in source]
        press(page, "y", "Enter")
        expect(page.get_by_text("One question has no answer yet")).to_be_visible()  # severity
        press(page, "Shift+Digit3", "Enter")
        expect(page.locator(".rater")).to_have_count(2)
        expect(page.locator("mark.passage.several")).to_have_count(1)
        press(page, "y", "Shift+Digit2", "/")
        page.keyboard.type("Sold hats are not covered. y n 2")
        press(page, "Escape", "Enter")
        expect(page.get_by_role("heading", name="Adjudicate")).to_be_visible()
        assert Gold.objects.exists() is settled
    current = Gold.objects.get()
    assert (current.value, current.adjudication.cause if current.adjudication else "") == (
        "yes", "guideline_gap",
    )  # fmt: skip


def test_a_decided_case_is_made_a_seed_and_talked_about(
    page: Page, live_server: LiveServer, world: World
) -> None:
    case = disputed(world)
    enter(page, live_server, world, "adjudicator", f"adjudicate/{case.pk}/")
    press(page, "n", "Shift+Digit1", "Enter")
    page.locator(".make-of-it > summary").press("Enter")
    page.get_by_label("Generator seed").press("Space")
    press(page, "1", "n", "Shift+Digit4", "Enter")
    expect(page.get_by_text("Every disagreement is decided")).to_be_visible()
    assert marks.marked(world.project, MarkKind.SEED).get().case == case
    page.goto(f"{live_server.url}/p/{world.project.slug}/adjudicate/{case.pk}/")
    page.get_by_label("Your post").fill("Fold it <i>three</i> times.")
    page.get_by_role("button", name="Post").press("Enter")
    expect(page.locator(".posts").get_by_text("Fold it <i>three</i> times.")).to_be_visible()
    page.get_by_role("button", name="All disagreements").press("Enter")
    expect(page.get_by_role("heading", name="Adjudicate")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_the_pages_hold_no_barrier_and_fit(
    page: Page, live_server: LiveServer, world: World, size: ViewportSize, scheme: str
) -> None:
    world.settle(world.make_case(response="Fold it twice."))
    case = disputed(world)
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    enter(page, live_server, world, "adjudicator", "adjudicate/")
    seen = {"list": violations(page)}
    page.goto(f"{live_server.url}/p/{world.project.slug}/adjudicate/{case.pk}/")
    seen["blind"] = violations(page)
    press(page, "y", "Shift+Digit3", "Enter")
    expect(page.locator(".rater")).to_have_count(2)
    for closed in page.locator("main details:not([open]) > summary").all():
        if closed.is_visible():
            closed.click()
    seen["opened"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.goto(f"{live_server.url}/p/{world.project.slug}/cases/{case.pk}/")
    seen["case"] = violations(page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert not any(seen.values()), seen
