"""What leads see of the AI's effect, of drift and of the gate: read by axe, on a phone and on a desk."""

import pytest
from playwright.sync_api import Browser
from pytest_django.live_server_helper import LiveServer

from annotations import drift, gates, watching
from annotations.measurement.drift import BASELINE_CHECKS
from annotations.models import Project
from annotations.statuses import Arm, SlotPurpose
from tests.annotations.test_ai_help import disputed, sheet
from tests.annotations.test_consistency import answer_checks
from tests.annotations.test_gates import look
from tests.annotations.test_watching import planted
from tests.browser.test_people_pages import cookie, violations
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
TIMES = (30.0, 42.0, 25.0, 61.0)


@pytest.fixture
def furnished(world: World) -> World:
    """A project whose reveal harms, whose rater drifts, and whose pilot was looked at."""
    Project.objects.filter(pk=world.project.pk).update(
        reveal_share=0.15, evidence_share=0.15, shown_share=0.05
    )
    for number in range(24):
        case = disputed(world, "yes" if number % 3 else "no")
        right = "yes" if number % 3 else "no"
        other = "no" if right == "yes" else "yes"
        world.judged(case, other if number % 4 == 0 else right)
        for place, arm in enumerate(
            (Arm.REVEAL, Arm.REVEAL, Arm.EVIDENCE, Arm.EVIDENCE, Arm.SHOWN)
        ):
            word = other if (number + place) % 3 == 0 else right
            final = other if arm == Arm.REVEAL and number % 4 == 0 else ""
            sheet(world, case, arm, word, final=final, rater=1 + 8 * place + number % 6,
                  seconds=TIMES[(number + place) % 4])  # fmt: skip
    planted(world, 9)
    answer_checks(world, "." * (BASELINE_CHECKS + 15) + "xx.xxxx.xxx", from_=0)
    answer_checks(world, "...x....x.......", purpose=SlotPurpose.REPEAT, from_=100)
    world.project.refresh_from_db()
    watching.stop_harmful_arms(world.project)
    drift.watch(world.project)
    look(world)
    return world


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1440, "light")])
def test_axe_finds_nothing_on_the_pages_of_the_ais_effect(
    browser: Browser, live_server: LiveServer, furnished: World, width: int, scheme: str
) -> None:
    assert gates.looks_of(furnished.rubric)
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True
    )
    context.add_cookies(cookie(furnished, "lead", live_server))
    page, found = context.new_page(), {}
    for name in ("ai-help", "consistency", "rubric/v/1/gate"):
        page.goto(f"{live_server.url}/p/{furnished.project.slug}/{name}/")
        found[name] = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    context.close()
    assert {name: rows for name, rows in found.items() if rows} == {}
