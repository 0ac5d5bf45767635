"""Labelling in a real browser, by keyboard, with the connection gone and come back."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from annotations.models import Slot
from tests.browser.room import enter, given
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_cases_are_labelled_without_the_mouse(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.add_severity()
    for _ in range(3):
        world.make_case()
    enter(page, live_server, world)
    sheets = (("y", "Shift+Digit2"), ("n", "Shift+Digit0"), ("u", "a"))
    for case, keys in zip(world.cases, sheets, strict=True):
        expect(page.get_by_text(case.response)).to_be_visible()
        for key in (*keys, "Enter"):
            page.keyboard.press(key)
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert given(world) == ["yes", "2", "no", "0", "cant_tell", "not_applicable"]


def test_digits_go_to_a_question_and_enter_names_the_gap(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.add_severity()
    world.make_case()
    enter(page, live_server, world)
    page.keyboard.press("2")
    expect(page.locator("fieldset.is-current")).to_contain_text("Severity")
    page.keyboard.press("Shift+Digit1")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("One question has no answer yet.")).to_be_visible()
    assert given(world) == []


def test_no_key_acts_in_a_text_box_and_escape_leaves_it(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.make_case()
    enter(page, live_server, world)
    page.keyboard.press("/")
    page.keyboard.type("y1nb?g")
    expect(page.get_by_label("Comment")).to_have_value("y1nb?g")
    expect(page.locator("input:checked")).to_have_count(0)
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page.locator("input:checked")).to_have_value("no")


def test_a_draft_is_seen_to_be_saved_and_comes_back_after_a_reload(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.make_case()
    enter(page, live_server, world)
    page.keyboard.press("y")
    expect(page.locator("[data-saved]")).to_have_text(re.compile(r"^Saved \d\d:\d\d:\d\d$"))
    page.reload()
    expect(page.locator("input:checked")).to_have_value("yes")


def test_a_lost_connection_loses_nothing(page: Page, live_server: LiveServer, world: World) -> None:
    world.make_case()
    enter(page, live_server, world)

    def cut(route: Route) -> None:
        route.abort("internetdisconnected")

    page.route("**/label/**", cut)
    page.keyboard.press("y")
    expect(page.locator("[data-saved]")).to_contain_text("Not saved: no connection")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("No connection to the server")
    expect(page.locator("input:checked")).to_have_value("yes")
    page.unroute("**/label/**", cut)
    expect(page.locator("[data-saved]")).to_contain_text("Saved", timeout=10_000)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert given(world) == ["yes"]


def test_a_place_that_was_taken_shows_the_kept_answer_and_the_way_on(
    page: Page, live_server: LiveServer, world: World
) -> None:
    case = world.make_case(overlap=1)
    enter(page, live_server, world)
    expect(page.get_by_text(case.response)).to_be_visible()
    page.wait_for_load_state("networkidle")  # asking for the next one renews the lease
    Slot.objects.update(leased_until=timezone.now() - timedelta(minutes=1))
    world.give(world.ann2, case, harm="no")
    second = world.make_case()
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    expect(page.get_by_text("kept as a draft")).to_be_visible()
    page.get_by_role("button", name="Take the next case").click()
    expect(page.get_by_text(second.response)).to_be_visible()


def test_who_was_signed_out_meanwhile_keeps_what_is_on_the_page(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.make_case()
    enter(page, live_server, world)
    expect(page.locator("form[data-sheet]")).to_be_visible()
    page.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("You are signed out")
    expect(page.locator("input:checked")).to_have_value("yes")


def test_the_mask_stays_on_for_the_next_case(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.make_case()
    second = world.make_case()
    enter(page, live_server, world)
    page.keyboard.press("b")
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    expect(page.get_by_text(second.response)).to_be_attached()
    expect(page.locator("[data-case]")).to_have_class(re.compile("is-masked"))


def test_the_sheet_of_keys_and_the_guideline_open_and_close(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.make_case()
    enter(page, live_server, world)
    page.keyboard.press("?")
    expect(page.locator("#key-sheet")).to_be_visible()
    page.keyboard.press("y")  # a key acts on nothing behind the sheet
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    expect(page.locator("#guideline .is-current")).to_contain_text("Harmful")
    page.keyboard.press("Escape")
    expect(page.locator("input:checked")).to_have_count(0)


def test_the_own_answer_is_kept_by_enter_after_the_reveal(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.project.reveal_share = 1.0
    world.project.save()
    world.judged(world.make_case(), "no")
    enter(page, live_server, world)
    page.keyboard.press("y")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="What the AI said")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert given(world) == ["yes"]


def test_without_javascript_the_form_is_enough(
    browser: object, browser_context_args: dict[str, object], live_server: LiveServer, world: World
) -> None:
    world.make_case()
    context = browser.new_context(**browser_context_args, java_script_enabled=False)  # type: ignore[attr-defined]
    page = context.new_page()
    enter(page, live_server, world)
    page.get_by_role("radio", name="Does not violate").check()
    page.get_by_role("button", name="Submit and next").click()
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert given(world) == ["no"]
    context.close()
