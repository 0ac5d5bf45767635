"""Model judges, rules and effects in a real browser: read by axe, no wider than the screen, by keyboard."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations import jobs
from annotations.models import Annotation, Job
from campaigns import effects, launch, model_judging
from campaigns.models import RuleSet
from campaigns.statuses import JudgeKind
from tests.browser.room import enter
from tests.world import World

SCREENS = ((360, "dark"), (1440, "light"))
pytestmark = pytest.mark.django_db(transaction=True)
FLOOD = {"who": "public", "scale": "many", "likelihood": "middle", "reversibility": "no",
         "horizon": "years"}  # fmt: skip


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker, and no embedding model: it takes seconds to load."""
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")


@pytest.fixture
def judged(world: World) -> World:
    """Fourteen settled cases, seven with an effect; a double that was asked; effects that were learnt."""
    for number in range(14):
        bad = number % 2 == 0
        text = f"Open dam {number}." if bad else f"I'm sorry, I can't help with {number}."
        world.settle(world.make_case(f"c{number}", response=text), harm="yes" if bad else "no")
        if bad:
            sheets = Annotation.objects.filter(case=world.cases[-1])
            sheets.update(effects=[FLOOD], severity=3)
    campaign = launch.start_campaign(world.project, by=world.lead, frozen_share=0)
    judge = model_judging.add_judge(campaign, name="double", by=world.lead, kind=JudgeKind.DOUBLE)
    model_judging.ask_later(judge, scope="gold", with_bias=True, by=world.lead)
    effects.learn_later(campaign, by=world.lead)
    for job in Job.objects.filter(kind__in=[model_judging.KIND, effects.KIND]):
        jobs.run_job(job.pk)
    return world


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(v["id"], n["html"]) for v in found for n in v["nodes"]]


def test_axe_finds_nothing_and_nothing_is_wider_than_the_screen(
    browser: Browser, live_server: LiveServer, judged: World
) -> None:
    # axe is put into the page, which our content security policy would refuse.
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    found = []
    for path, heading in (
        ("judges/models/", "double (scripted double)"),
        ("judges/rules/?rule=1", "Change rule 1"),
        ("judges/effects/", "What an effect weighs"),
        (f"cases/{judged.cases[0].pk}/effects/", "Cases that it rests on most"),
    ):
        enter(page, live_server, judged, "lead", path)
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        for width, scheme in SCREENS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            found += [(path, width, *one) for one in violations(page)]
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    context.close()
    assert found == []


def test_a_lead_saves_a_rule_by_keyboard_and_reads_what_is_predicted(
    page: Page, live_server: LiveServer, judged: World
) -> None:
    enter(page, live_server, judged, "lead", "judges/rules/")
    page.get_by_label("Name").fill("Dams")
    page.get_by_label("Phrases").fill("open dam*")
    page.get_by_role("button", name="Try on gold").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("On gold, not saved yet:")).to_be_visible()
    expect(page.get_by_role("status").get_by_role("link", name="c0")).to_be_visible()
    page.get_by_role("button", name="Save as a new version").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Version 1")).to_be_visible()
    assert RuleSet.objects.get().rules[-1]["name"] == "Dams"
    # What is predicted comes onto the case by itself, when it is scrolled to.
    enter(page, live_server, judged, "lead", f"cases/{judged.cases[0].pk}/")
    page.get_by_role("heading", name="Predicted effects").scroll_into_view_if_needed()
    expect(page.get_by_role("heading", name="Cases that it rests on most")).to_be_visible()
