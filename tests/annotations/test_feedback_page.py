"""Feedback after a check that teaches: the own rater's, after the answer, with the clause and why."""

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from annotations import checks, entrance
from annotations.answers import parse_sheet
from annotations.models import Case, Check, Project, Rater
from annotations.statuses import SlotPurpose
from tests.annotations.test_checks import ann1, configure, gold, outstanding, reword
from tests.world import World, signed_in

HTMX = {"HTTP_HX_REQUEST": "true"}


def address(check: Check) -> str:
    return f"/p/{check.project.slug}/label/sheets/{check.pk}/feedback/"


def page(client: Client, check: Check, **headers: str) -> str:
    answer = client.get(address(check), **headers)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


@pytest.fixture
def lesson(world: World, client: Client) -> Check:
    """The first of two lessons of ann1, who is signed in, not answered yet."""
    configure(world, qualification_size=2)
    for _ in range(4):
        gold(world, decided=True, note="The steps <b>work</b>.")
    entrance.is_outstanding(ann1(world))
    signed_in(client, world.ann1)
    return outstanding(world)[0]


def take(world: World, check: Check, word: str) -> Check:
    return checks.take(check.slot, rater=ann1(world), answers=parse_sheet({"harm": word}))


def test_a_wrong_answer_is_met_with_the_right_one_the_clause_and_why(
    client: Client, world: World, lesson: Check
) -> None:
    text = page(client, take(world, lesson, "no"))
    assert "It was settled otherwise" in text
    assert "Does not violate" in text
    assert "The response helps with something that hurts somebody." in text
    assert "The steps &lt;b&gt;work&lt;/b&gt;." in text
    assert "Case 1 of 2 before your first real one" in text


def test_a_right_answer_is_said_to_be_right(client: Client, world: World, lesson: Check) -> None:
    text = page(client, take(world, lesson, "yes"), **HTMX)
    assert "As it was settled" in text
    assert "<html" not in text  # the part alone


def test_the_end_of_a_set_says_how_it_went(client: Client, world: World, lesson: Check) -> None:
    take(world, lesson, "yes")
    text = page(client, take(world, outstanding(world)[0], "yes"))
    assert "You are qualified." in text
    assert "100%" in text


def test_below_the_mark_the_words_are_kind(client: Client, world: World, lesson: Check) -> None:
    take(world, lesson, "no")
    text = page(client, take(world, outstanding(world)[0], "yes"))
    assert "One more set to learn from." in text
    assert "fail" not in text.lower()


def test_after_the_last_lesson_nobody_is_kept_out(
    client: Client, world: World, lesson: Check
) -> None:
    take(world, lesson, "no")
    take(world, outstanding(world)[0], "no")
    entrance.is_outstanding(ann1(world))
    take(world, outstanding(world)[0], "no")
    text = page(client, take(world, outstanding(world)[0], "no"))
    assert "The next case is a real one: ask a lead" in text
    assert not entrance.is_outstanding(ann1(world))


def test_going_on_leads_to_the_next_case(client: Client, world: World, lesson: Check) -> None:
    done = take(world, lesson, "yes")
    answer = client.post(address(done))
    assert (answer.status_code, answer.headers["Location"]) == (
        302,
        f"/p/{world.project.slug}/label/",
    )
    answer = client.post(address(done), **HTMX)
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (204, '{"seen": {}}')


def refused(answer: HttpResponse, text: str = "The steps") -> bool:
    return answer.status_code in {403, 404} and text not in answer.content.decode()


def test_nothing_is_told_before_the_answer(client: Client, lesson: Check) -> None:
    assert refused(client.get(address(lesson)))


@pytest.mark.parametrize("who", ["ann2", "lead", "adjudicator", "viewer", "stranger"])
def test_nobody_else_reads_the_feedback(
    client: Client, world: World, lesson: Check, who: str
) -> None:
    done = take(world, lesson, "no")
    signed_in(client, getattr(world, who))
    assert refused(client.get(address(done)))
    assert refused(client.post(address(done)))


@pytest.mark.parametrize("purpose", [SlotPurpose.KNOWN_GOLD, SlotPurpose.REPEAT])
def test_a_check_that_must_not_be_known_has_no_feedback(
    client: Client, world: World, lesson: Check, purpose: SlotPurpose
) -> None:
    done = take(world, lesson, "no")
    Check.objects.filter(pk=done.pk).update(purpose=purpose)
    assert refused(client.get(address(done)))


def test_training_shows_word_by_word_what_has_changed(client: Client, world: World) -> None:
    configure(world, training_size=1)
    world.give(world.ann1, world.make_case())
    reword(world, "The response helps with something that hurts anybody.")
    gold(world)
    entrance.is_outstanding(ann1(world))
    signed_in(client, world.ann1)
    text = page(client, take(world, outstanding(world)[0], "no"))
    assert "<del>somebody</del>" in text
    assert "<ins>anybody</ins>" in text
    assert "That was the training." in text


# ---- the way through the room


def make_sentinel(world: World, rater: Rater, case: Case) -> Check:
    world.judged(case, "yes")
    planted = {"harm": {"word": "no", "score": 0.1}}
    slot = checks.known.make(
        rater, case, world.rubric, SlotPurpose.SENTINEL, {"harm": "yes"}, planted
    )
    return Check.objects.select_related("slot__case", "slot__project", "project").get(slot=slot)


def test_a_sentinel_is_revealed_like_any_case_and_then_told(client: Client, world: World) -> None:
    configure(world, reveal_share=0.15)
    check = make_sentinel(world, ann1(world), gold(world, "yes", decided=True, note="Plain."))
    signed_in(client, world.ann1)
    slug = world.project.slug
    room = client.get(f"/p/{slug}/label/").content.decode()
    assert f'data-slot="{check.slot_id}"' in room
    done = client.post(f"/p/{slug}/label/{check.slot_id}/", {"answer-harm": "yes"})
    assert done.headers["Location"] == f"/p/{slug}/label/sheets/{check.pk}/"
    shown = client.get(done.headers["Location"]).content.decode()
    assert "What the AI said" in shown
    assert "planted" not in shown.lower()
    kept = client.post(done.headers["Location"], {"act": "change", "answer-harm": "no"})
    told = client.get(kept.headers["Location"]).content.decode()
    assert "That AI answer was planted" in told
    assert "Plain." in told
    check.refresh_from_db()
    assert (check.given, check.final) == ({"harm": "yes"}, {"harm": "no"})


def test_the_feedback_of_a_sentinel_waits_for_the_last_word(client: Client, world: World) -> None:
    check = make_sentinel(world, ann1(world), gold(world, "yes", decided=True, note="Plain."))
    signed_in(client, world.ann1)
    assert refused(client.get(address(check)), "Plain.")
    Check.objects.filter(pk=check.pk).update(answered_at=timezone.now(), given={"harm": "no"})
    assert refused(client.get(address(check)), "Plain.")


def test_a_project_without_lessons_has_none_outstanding(world: World) -> None:
    assert Project.objects.get().qualification_size == 0
    assert not entrance.is_outstanding(ann1(world))
