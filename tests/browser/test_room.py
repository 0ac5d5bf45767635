"""The labelling room in a real browser: by keyboard, with passages, undo, pause, two tabs, the reveal."""

import re

import pytest
from playwright.sync_api import Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from annotations.models import Annotation, Project, Sitting, Slot, Verdict
from annotations.statuses import SlotStatus
from tests.browser.room import enter, expect_case, given, marked, press
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)

CASES = 20
# Hidden, combining, two-unit, right-to-left and line-ending characters before and in what is marked.
HOSTILE = "\ufeffA\u200b\u200b 😀 e\u0301 <b>\u202ebold</b>\r\nשלום עולם 👩‍👩‍👧.\r\nThe last line."
# Where a word of the response is on screen.
WORD = """(word) => {
  const block = document.querySelector("[data-field=response]");
  const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.data.indexOf(word);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(walker.currentNode, at);
    range.setEnd(walker.currentNode, at + word.length);
    block.scrollIntoView({ block: "center" });
    const box = range.getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height / 2];
  }
}"""


def test_twenty_cases_with_passages_and_effects_without_the_mouse(
    page: Page, live_server: LiveServer, world: World
) -> None:
    for number in range(CASES):
        world.make_case(response=f"First a greeting. Then fold sheet {number} twice. Then go.")
    enter(page, live_server, world)
    for case in world.cases:
        expect_case(page, case.response)
        press(page, "y", "Shift+Digit2")
        press(page, "s", "Control+ArrowRight", "Enter", "Escape")  # the second sentence
        press(page, "e", "p", "Tab", "m", "Escape", "Enter")  # the public, many
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    sheets = Annotation.objects.filter(status="submitted").order_by("id")
    assert [sheet.case for sheet in sheets] == world.cases
    for number, sheet in enumerate(sheets):
        assert sheet.severity == 2
        assert sheet.effects == [{"who": "public", "scale": "many"}]
        assert [span["quote"] for span in sheet.spans] == [f"Then fold sheet {number} twice."]


def test_a_violation_of_severity_two_is_not_sent_without_its_passage(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.make_case()
    enter(page, live_server, world)
    press(page, "y", "Shift+Digit3", "Enter")
    expect(page.locator("[data-gaps]")).to_contain_text("mark the passage that violates it (S)")
    press(page, "s", "ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight", "Enter")
    expect(page.locator("[data-gaps]")).to_be_hidden()
    expect(page.locator("[data-announcer]")).to_have_text("Marked for 1 Harmful: with sheet")
    press(page, "Delete")
    assert marked(page) == []
    press(page, "m", "End", "Enter", "Escape", "Enter")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert Annotation.objects.get().spans[0]["quote"] == "1 of newspaper."


def test_passages_are_counted_in_the_raw_text_whatever_it_holds(
    page: Page, live_server: LiveServer, world: World
) -> None:
    case = world.make_case(response=HOSTILE, context="word " * 40_000 + "end.")
    enter(page, live_server, world)
    # A word by mouse, after everything that is counted otherwise than it is shown.
    page.mouse.dblclick(*page.evaluate(WORD, "last"))
    page.get_by_role("button", name="Mark for 1 Harmful").click()
    press(page, "y", "s", "End", "Control+ArrowLeft", "Shift+End", "Enter")
    press(page, "Home", "Shift+End", "Enter")
    # And at the far end of 200,000 characters.
    press(page, "Control+ArrowUp", "Control+ArrowUp", "End", "ArrowLeft", "ArrowLeft")
    press(page, "m", "End", "Enter", "Escape")
    texts = {"response": HOSTILE, "context": case.context}
    quotes = [texts[one["part"]][one["start"] : one["end"]] for one in marked(page)]
    assert quotes == ["last", "The last line.", HOSTILE, "end."]
    expect(page.locator("[data-span-list] li")).to_have_count(4)
    page.get_by_role("button", name="Remove the mark for Harmful").nth(2).click()
    press(page, "1", "n", "Enter")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert [one["quote"] for one in Annotation.objects.get().spans] == [
        "last", "The last line.", "end."
    ]  # fmt: skip


def test_a_submit_is_taken_back_within_its_minute_with_all_that_it_held(
    page: Page, live_server: LiveServer, world: World
) -> None:
    first, second = world.make_case(), world.make_case()
    enter(page, live_server, world)
    press(page, "y", "Shift+Digit1", "c", "ArrowDown", "f")
    page.keyboard.type("Hats.")
    press(page, "Escape", "s", "Enter", "Escape", "Enter")
    expect_case(page, second.response)
    press(page, "n", "z")
    expect_case(page, first.response)
    expect(page.get_by_role("radio", name="Violates", exact=True)).to_be_checked()
    expect(page.locator("[data-part=context]")).to_contain_text("C Only with bad intent")
    expect(page.get_by_label("What is missing")).to_have_value("Hats.")
    expect(page.locator("mark.span")).to_have_count(1)
    assert given(world) == []
    press(page, "1", "n", "Enter")
    expect_case(page, second.response)
    expect(page.get_by_role("radio", name="Does not violate")).to_be_checked()  # its draft
    press(page, "Enter")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert given(world) == ["no", "no"]


def test_a_pause_hides_the_case_and_gives_back_what_was_fetched_ahead(
    page: Page, live_server: LiveServer, world: World
) -> None:
    case = world.make_case()
    world.make_case()
    enter(page, live_server, world)
    page.wait_for_load_state("networkidle")  # the next case is there
    with page.expect_response(re.compile("/pause/")):
        press(page, "y", "p")
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    expect(page.get_by_text(case.response)).to_be_hidden()
    assert Slot.objects.filter(status=SlotStatus.LEASED).count() == 1
    press(page, "n")  # acts on nothing behind it
    with page.expect_response(re.compile(r"/next/\?after=")):
        press(page, "p")
    expect_case(page, case.response)
    expect(page.get_by_role("radio", name="Violates", exact=True)).to_be_checked()


def test_two_tabs_and_a_double_enter_make_one_sheet_each(
    page: Page, live_server: LiveServer, world: World
) -> None:
    first, second = world.make_case(), world.make_case()
    enter(page, live_server, world)
    other = page.context.new_page()
    other.goto(page.url)
    expect_case(other, first.response)
    press(page, "y", "Enter", "Enter")
    expect_case(page, second.response)
    press(other, "n", "Enter")
    expect_case(other, second.response)
    press(other, "n", "Enter")
    expect(other.get_by_text("Nothing waits for you")).to_be_visible()
    press(page, "y", "Enter")
    expect(page.get_by_text("Nothing waits for you")).to_be_visible()
    assert given(world) == ["yes", "no"]
    assert Verdict.objects.count() == 2


def whole(answer: Response) -> str:
    """All that came with it, but for our own scripts and styles and for what has no body."""
    if "/static/" in answer.url:
        return ""
    return f"{answer.all_headers()}{answer.text() if answer.status == 200 else ''}"


def test_what_the_ai_said_reaches_the_browser_only_after_the_answer(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.project.reveal_share = 1.0
    world.project.save()
    case, after = world.make_case(), world.make_case()
    for one in (case, after):
        world.judged(
            one, "no", score=0.8617, raw="Because of the secret reason.", revision="rev-x7"
        )
    seen: list[str] = []
    page.on("response", lambda answer: seen.append(whole(answer)))
    enter(page, live_server, world)
    expect_case(page, case.response)
    press(page, "y")
    expect(page.locator("[data-saved]")).to_have_text(re.compile("^Saved"))
    seen.append(page.content())
    assert not [secret for secret in ("secret reason", "0.86", "rev-x7") if secret in "".join(seen)]
    press(page, "Enter")
    expect(page.get_by_role("heading", name="What the AI said")).to_be_visible()
    expect(page.get_by_text("0.86")).to_be_visible()
    page.get_by_text("Change my answer").click()
    page.get_by_role("radio", name="Does not violate").check()
    page.get_by_role("button", name="Save the change, next").click()
    expect_case(page, after.response)
    assert given(world) == ["yes", "no"]


def test_a_case_behind_its_notice_is_opened_by_the_key_that_masks(
    page: Page, live_server: LiveServer, world: World
) -> None:
    case = world.make_case(strata={"content_notice": "Describes pins."})
    enter(page, live_server, world)
    expect(page.get_by_text("Describes pins.")).to_be_visible()
    expect(page.get_by_text(case.response)).to_be_hidden()
    press(page, "s")
    expect(page.locator("[data-announcer]")).to_have_text("Open the case first: B.")
    press(page, "b")
    expect_case(page, case.response)
    press(page, "b")
    expect(page.locator("[data-case]")).to_have_class(re.compile("is-masked"))


def test_a_skip_with_its_reason_brings_the_next_case_in_the_room(
    page: Page, live_server: LiveServer, world: World
) -> None:
    world.make_case()
    second = world.make_case()
    enter(page, live_server, world)
    page.get_by_text("Skip this case").click()
    page.get_by_label("Why").select_option("I would rather not read this")
    page.get_by_role("button", name="Skip").click()
    expect_case(page, second.response)
    assert Slot.objects.filter(case=world.cases[0], status=SlotStatus.OPEN).count() == 2


def test_a_break_is_offered_and_the_days_cap_ends_the_work(
    page: Page, live_server: LiveServer, world: World
) -> None:
    Project.objects.update(exposure_minutes=60, break_every=30)
    cases = [world.make_case() for _ in range(4)]
    enter(page, live_server, world)
    expect_case(page, cases[0].response)
    page.wait_for_load_state("networkidle")  # the second case is fetched ahead of the break
    Sitting.objects.update(since_break=31 * 60)
    press(page, "n", "Enter")
    expect_case(page, cases[1].response)
    press(page, "n", "Enter")
    expect(page.get_by_role("heading", name="Time for a break")).to_be_visible()
    page.get_by_role("button", name="Take 5 minutes").click()
    expect(page.get_by_text("Cases come again at")).to_be_visible()
    page.get_by_role("button", name="Go on now").click()
    expect_case(page, cases[2].response)
    Sitting.objects.update(exposure_seconds=61 * 60)
    page.reload()
    expect(page.get_by_role("heading", name="That is enough for today")).to_be_visible()
    expect(page.get_by_text(cases[2].response)).to_have_count(0)
    assert given(world) == ["no", "no"]


def test_the_arms_with_help_show_theirs_and_say_that_it_is_the_ais(
    page: Page, live_server: LiveServer, world: World
) -> None:
    case, second = world.make_case(), world.make_case()
    for one in (case, second):
        world.judged(one, "yes", raw="It says “sheet” and I am sure.", score=0.8617)
    Project.objects.update(evidence_share=1.0)
    enter(page, live_server, world)
    expect(page.locator("mark.hint")).to_have_text("sheet")
    assert "I am sure" not in page.content()
    assert page.locator("input:checked").count() == 0
    Project.objects.update(evidence_share=0.0, shown_share=1.0)
    page.wait_for_load_state("networkidle")
    Slot.objects.filter(case=second).update(arm="shown")
    press(page, "n", "Enter")
    expect_case(page, second.response)
    page.reload()
    expect(page.get_by_role("radio", name="Violates", exact=True)).to_be_checked()
    expect(page.locator("legend")).to_contain_text(["filled in by the AI"])
    press(page, "1", "n")
    expect(page.locator("legend", has_text="filled in by the AI")).to_have_count(0)
