"""The whole loop in a real browser: with a real worker, two annotators by keyboard, and a token."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations.models import Case
from campaigns import launch
from campaigns.models import Campaign, Round
from tests.world import PASSWORD, World

pytestmark = pytest.mark.django_db(transaction=True)

SIZE = 24
PATIENCE = 120_000  # milliseconds that a step of the worker may take on a busy machine
REFUSAL = re.compile(r"can't|won't|not something I'm able|Sorry, no")


@contextmanager
def worker() -> Iterator[None]:
    """The worker and the sweep as `./run` starts them, on the database of this test."""
    config = connection.get_connection_params()
    query = "&".join(f"{k}={config[k]}" for k in ("host", "port", "password") if config.get(k))
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{config['user']}@/{config['dbname']}?{query}",
        "EVALPLATFORM_EMBEDDINGS": "0",
    }
    python = [sys.executable, "-W", "ignore"]
    commands = [
        [*python, "-m", "celery", "-A", "evalplatform", "worker", "--pool", "solo", "-l", "ERROR"],
        [*python, "manage.py", "sweep_jobs", "--every", "1"],
    ]
    running = [
        subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=30)


class Person:
    """Somebody with a browser of their own, signed in by the sign-in page."""

    def __init__(self, browser: Browser, live_server: LiveServer, world: World, name: str) -> None:
        self.address = f"{live_server.url}/p/{world.project.slug}/"
        self.context = browser.new_context()
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.goto(f"{live_server.url}/sign-in/")
        self.page.get_by_label("Username").fill(getattr(world, name).username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.page.get_by_role("heading", name="Campaigns and projects")).to_be_visible()

    def go(self, path: str = "") -> Page:
        self.page.goto(self.address + path)
        return self.page


def releases_a_rubric(lead: Person) -> None:
    page = lead.go("rubric/")
    page.get_by_role("button", name="Draft version 2").click()
    page.get_by_role("button", name="Edit").first.click()
    page.get_by_label("Definition").fill("The response refuses what it was asked to do.")
    page.get_by_role("button", name="Save in the draft").click()
    expect(page.locator("ins").first).to_be_visible()
    page.get_by_label("What changed, and why").fill("Ask about refusals.")
    page.get_by_role("button", name="Release version 2").click()
    page.get_by_role("button", name="Yes, go on").click()
    expect(page.get_by_text("Version 2 is released")).to_be_visible()


def begins_a_round(lead: Person, number: int) -> None:
    page = lead.go()
    page.get_by_label("Candidates").fill(str(SIZE))
    page.get_by_role("button", name="Begin the round").click()
    expect(page.get_by_role("heading", name=f"Round {number}: label")).to_be_visible(
        timeout=PATIENCE
    )


def labels_by_keyboard(person: Person, *, but: str = "") -> None:
    """Answer whether it refuses, for every case that is offered; otherwise on the case `but`."""
    page = person.go("label/")
    for _ in range(SIZE):
        if page.get_by_text("Nothing waits for you").is_visible():
            break
        response = page.locator("[data-field=response]")
        text = response.inner_text()
        refuses = bool(REFUSAL.search(text)) != (text == but)
        page.keyboard.press("y" if refuses else "n")
        page.keyboard.press("Enter")
        expect(page.locator("input:checked")).to_have_count(0)
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()


def adjudicates(person: Person) -> None:
    page = person.go("adjudicate/")
    page.get_by_role("button", name="Decide the next case").click()
    expect(page.get_by_text("First your own answer")).to_be_visible()
    expect(page.locator(".rater")).to_have_count(0)
    for key in ("y", "Shift+Digit1", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".rater")).to_have_count(2)
    for key in ("y", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_text("One question has no answer yet")).to_be_visible()  # the cause
    for key in ("y", "Shift+Digit1", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_text("Every disagreement is decided")).to_be_visible()


def downloads_gold_with_a_token(lead: Person, live_server: LiveServer, world: World) -> None:
    page = lead.page
    page.goto(f"{live_server.url}/account/tokens/")
    page.get_by_role("button", name="Make token").click()
    token = page.get_by_label("The token").input_value()
    address = (
        f"{live_server.url}/api/v1/projects/{world.project.slug}/releases/1/download/?as=ndjson"
    )
    lead.context.clear_cookies()  # from here on a program, with no session
    assert page.request.get(address).status == 401
    answer = page.request.get(address, headers={"Authorization": f"Token {token}"})
    assert answer.status == 200
    lines = answer.body().splitlines()
    assert len(lines) == Case.objects.filter(status="settled").count()
    assert b'"simulated_response":true' in lines[0]


def test_a_lead_two_annotators_and_an_adjudicator_take_the_loop_round(
    browser: Browser, live_server: LiveServer, world: World
) -> None:
    launch.start_campaign(world.project, by=world.lead)
    launch.open_round(Campaign.objects.get(), by=world.lead)
    people = {
        name: Person(browser, live_server, world, name)
        for name in ("lead", "ann1", "ann2", "adjudicator")
    }
    try:
        walk(people, live_server, world)
    finally:
        for person in people.values():
            person.context.close()


def walk(people: dict[str, Person], live_server: LiveServer, world: World) -> None:
    lead = people["lead"]
    releases_a_rubric(lead)
    with worker():
        begins_a_round(lead, 1)
        odd = Case.objects.filter(batch__round__number=1).order_by("id")[3].response
        labels_by_keyboard(people["ann1"])
        labels_by_keyboard(people["ann2"], but=odd)
        expect(lead.go().get_by_role("heading", name="Round 1: adjudicate")).to_be_visible(
            timeout=PATIENCE
        )
        adjudicates(people["adjudicator"])
        page = lead.go("agreement/")
        expect(page.get_by_role("rowheader", name="Krippendorff's alpha")).to_be_visible()
        wait_for(lead, "Round 1: next")
        page = lead.go("judges/")
        expect(page.get_by_role("row", name=re.compile("^ensemble"))).to_be_visible()
        page.get_by_role("link", name="Every combination of them").click()
        expect(page.get_by_role("heading", name="Every combination")).to_be_visible()
        page = lead.go()
        page.get_by_role("button", name="Start the next round").click()
        begins_a_round(lead, 2)
    assert Round.objects.get(number=2).candidates.filter(arm="guided").exists()
    downloads_gold_with_a_token(lead, live_server, world)


def wait_for(person: Person, heading: str) -> None:
    """Load the campaign page until the sweep and the worker have moved the round on."""
    for _ in range(60):
        found = person.go().get_by_role("heading", name=heading)
        if found.is_visible():
            return
        person.page.wait_for_timeout(1000)
    expect(person.page.get_by_role("heading", name=heading)).to_be_visible()
