"""The labelling page: claim, draft, submit, skip, reveal; who must not; and blindness to the byte."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from annotations import labelling, rubrics
from annotations.models import Annotation, Case, Project, Sitting, Skip, Slot, Verdict
from annotations.statuses import SlotStatus
from tests.world import World, signed_in

HTMX = {"HTTP_HX_REQUEST": "true"}
YES = {"answer-harm": "yes"}
# What the ensemble said, in strings that are found nowhere else.
REASON, SCORE, REVISION = "because-of-hatpins", 0.8642, "rev-hatband"
SECRETS = (REASON, "0.8642", "0.86", "86%", REVISION, "ensemble")


@pytest.fixture
def ann1(client: Client, world: World) -> Client:
    return signed_in(client, world.ann1)


def url(world: World, name: str = "label", *args: object) -> str:
    return reverse(name, args=[world.project.slug, *args])


def in_work(world: World) -> Slot:
    slot = world.claim(world.ann1)
    assert slot is not None
    return slot


def text(response: HttpResponse) -> str:
    return response.content.decode()


def draft_in(page: HttpResponse) -> dict[str, Any]:
    """What the page's script will put into the form."""
    found = re.search(r'<script id="task-draft" type="application/json">(.*?)</script>', text(page))
    assert found is not None
    return json.loads(found[1])


def said_by(answer: HttpResponse) -> dict[str, Any]:
    """The events that an answer without a page sends to the room's script."""
    assert (answer.status_code, answer.content) == (204, b"")
    return json.loads(answer.headers["HX-Trigger"])


def reveal_to_all(world: World) -> None:
    world.project.reveal_share = 1.0
    world.project.save()


def judged(world: World, case: Case, word: str = "no") -> None:
    world.judged(case, word, score=SCORE, revision=REVISION, raw=REASON)


# ---- the case


def test_opening_the_page_claims_a_case_and_shows_it_with_its_questions(
    ann1: Client, world: World
) -> None:
    case = world.make_case()
    page = text(ann1.get(url(world)))
    assert case.prompt in page
    assert case.response in page
    assert 'name="answer-harm"' in page
    assert "Steps that work." in page
    assert Slot.objects.get(status=SlotStatus.LEASED).rater == world.rater(world.ann1)


def test_a_reload_shows_the_same_case_with_its_draft(ann1: Client, world: World) -> None:
    world.make_case()
    world.make_case()
    slot = in_work(world)
    labelling.save_draft(
        slot, rater=world.rater(world.ann1), words={"harm": "no"}, comment="Half a thought.",
        confidence=2,
    )  # fmt: skip
    page = ann1.get(url(world))
    assert slot.case.prompt in text(page)
    assert draft_in(page) == {
        "words": {"harm": "no"}, "comment": "Half a thought.", "confidence": 2, "details": {},
    }  # fmt: skip


def test_nothing_to_do_says_what_will_bring_work(ann1: Client, world: World) -> None:
    assert "Nothing to label yet" in text(ann1.get(url(world)))
    world.give(world.ann1, world.make_case())
    assert "Nothing waits for you" in text(ann1.get(url(world)))


def test_hostile_text_stays_text(ann1: Client, world: World) -> None:
    world.make_case(response="<script>alert(1)</script>\u202e", context='"><img src=x>')
    page = text(ann1.get(url(world)))
    assert "<script>alert(1)" not in page
    assert "<img src=x>" not in page
    assert "\u202e" not in page


def test_what_the_case_was_made_for_is_not_on_the_page(ann1: Client, world: World) -> None:
    world.make_case("harmful-042", family="poison-hats", strata={"half": "control-half"})
    page = text(ann1.get(url(world)))
    assert not [word for word in ("harmful-042", "poison-hats", "control-half") if word in page]


def test_a_marked_case_is_collapsed_behind_its_notice(ann1: Client, world: World) -> None:
    world.make_case(strata={"content_notice": "Describes pins."})
    page = text(ann1.get(url(world)))
    assert "Describes pins." in page
    assert '<details class="content-notice">' in page


def test_the_text_comes_masked_for_who_masks(ann1: Client, world: World) -> None:
    world.make_case()
    assert "is-masked" not in text(ann1.get(url(world)))
    ann1.cookies["mask"] = "1"
    assert "is-masked" in text(ann1.get(url(world)))


def test_scales_show_the_key_of_each_answer(ann1: Client, world: World) -> None:
    world.add_severity()
    world.make_case()
    page = text(ann1.get(url(world)))
    assert 'value="2" data-key="shift+2"' in page
    assert 'value="not_applicable" data-key="a"' in page


def test_htmx_gets_the_part_and_a_browser_without_it_the_page(ann1: Client, world: World) -> None:
    world.make_case()
    part = text(ann1.get(url(world, "label_next"), **HTMX))
    assert 'class="task"' in part
    assert "<html" not in part
    assert "<html" in text(ann1.get(url(world)))


# ---- progress


def test_progress_is_counted_and_the_pace_is_unknown_under_five(ann1: Client, world: World) -> None:
    for _ in range(4):
        world.give(world.ann1, world.make_case())
    for _ in range(3):
        world.make_case()
    assert "4 of 7 · time left not yet known" in text(ann1.get(url(world)))
    world.give(world.ann1, world.cases[4])
    Annotation.objects.update(seconds=90)
    assert "5 of 7 · about 3 min left" in text(ann1.get(url(world)))


# ---- drafts and the lease


def test_a_draft_is_saved_and_says_when(ann1: Client, world: World) -> None:
    world.make_case()
    slot = in_work(world)
    sent = {**YES, "comment": "A \x00 thought", "confidence": "3", "answer-other": "x"}
    answer = ann1.post(url(world, "label_draft", slot.pk), sent).json()
    sheet = Annotation.objects.get()
    assert sheet.draft == {
        "words": {"harm": "yes"}, "comment": "A  thought", "confidence": 3, "details": {},
    }  # fmt: skip
    assert 1100 < answer["lease"] <= 1200


def test_a_draft_after_the_submit_is_refused_in_words(ann1: Client, world: World) -> None:
    world.make_case()
    slot = in_work(world)
    ann1.post(url(world, "label_submit", slot.pk), YES)
    refused = ann1.post(url(world, "label_draft", slot.pk), {"answer-harm": "no"})
    assert refused.status_code == 409
    assert "submitted already" in refused.json()["said"]


def test_a_comment_that_is_too_long_is_refused_and_nothing_fails(
    ann1: Client, world: World
) -> None:
    world.make_case()
    slot = in_work(world)
    refused = ann1.post(url(world, "label_draft", slot.pk), {**YES, "comment": "x" * 10_001})
    assert refused.status_code == 422
    assert "shorten it" in refused.json()["said"]


def test_a_heartbeat_renews_the_lease_and_tells_when_it_is_lost(ann1: Client, world: World) -> None:
    world.make_case(overlap=1)
    slot = in_work(world)
    late = timezone.now() - timedelta(minutes=1)
    Slot.objects.update(leased_until=late)
    assert ann1.post(url(world, "label_heartbeat", slot.pk)).json()["lease"] > 1100
    Slot.objects.update(leased_until=late)
    world.claim(world.ann2)
    assert ann1.post(url(world, "label_heartbeat", slot.pk)).json() == {"lease": None}


# ---- submitting


def test_a_submit_leads_to_the_next_case(ann1: Client, world: World) -> None:
    first, second = world.make_case(), world.make_case()
    slot = in_work(world)
    sent = {**YES, "comment": "Plain.", "confidence": "2"}
    page = ann1.post(url(world, "label_submit", slot.pk), sent, follow=True)
    sheet = Annotation.objects.get(status="submitted")
    assert (sheet.case, sheet.comment, sheet.confidence) == (first, "Plain.", 2)
    assert second.prompt in text(page)
    assert first.prompt not in text(page)


def test_a_double_submit_counts_once_and_goes_on(ann1: Client, world: World) -> None:
    world.make_case()
    slot = in_work(world)
    for _ in range(2):
        assert ann1.post(url(world, "label_submit", slot.pk), YES).status_code == 302
    assert Verdict.objects.count() == 1


def test_another_answer_from_a_second_tab_is_told_that_the_first_stands(
    ann1: Client, world: World
) -> None:
    world.make_case()
    slot = in_work(world)
    ann1.post(url(world, "label_submit", slot.pk), YES)
    other = {"answer-harm": "no"}
    page = ann1.post(url(world, "label_submit", slot.pk), other, follow=True)
    assert "your first answer stands" in text(page)
    said = said_by(ann1.post(url(world, "label_submit", slot.pk), other, **HTMX))
    assert "your first answer stands" in said["submitted"]["said"]
    assert [v.value for v in Verdict.objects.all()] == ["yes"]


def test_a_sheet_with_gaps_comes_back_with_what_was_typed(ann1: Client, world: World) -> None:
    world.add_severity()
    world.make_case()
    slot = in_work(world)
    sent = {**YES, "comment": "Wait."}
    page = ann1.post(url(world, "label_submit", slot.pk), sent, **HTMX)
    assert page.status_code == 422
    assert "“Severity” has no answer yet." in text(page)
    assert draft_in(page)["words"] == {"harm": "yes"}
    assert draft_in(page)["comment"] == "Wait."
    assert Annotation.objects.get().draft["comment"] == "Wait."


@pytest.mark.parametrize("extra", [{}, HTMX])
def test_a_late_submit_is_a_409_that_shows_the_kept_answer_and_a_way_on(
    ann1: Client, world: World, extra: dict[str, str]
) -> None:
    case = world.make_case(overlap=1)
    slot = in_work(world)
    Slot.objects.update(leased_until=timezone.now() - timedelta(minutes=1))
    world.give(world.ann2, case)
    sent = {**YES, "comment": "Too late?"}
    page = ann1.post(url(world, "label_submit", slot.pk), sent, **extra)
    assert page.status_code == 409
    for words in ("kept as a draft", "Violates", "Too late?", "Take the next case"):
        assert words in text(page)
    assert Annotation.objects.get(status="draft").draft["words"] == {"harm": "yes"}


def test_a_slot_of_another_project_is_not_there(ann1: Client, world: World) -> None:
    assert ann1.post(url(world, "label_submit", 987654), YES).status_code == 404


# ---- the room without a reload


def test_the_next_case_is_fetched_ahead_and_is_not_the_one_in_work(
    ann1: Client, world: World
) -> None:
    first, second = world.make_case(), world.make_case()
    slot = in_work(world)
    ahead = text(ann1.get(url(world, "label_next"), {"after": slot.pk}, **HTMX))
    assert second.prompt in ahead
    assert first.prompt not in ahead
    again = text(ann1.get(url(world, "label_next"), {"after": slot.pk}, **HTMX))
    assert ahead.count("data-slot") == again.count("data-slot")
    assert Slot.objects.filter(status=SlotStatus.LEASED).count() == 2


def test_where_nothing_is_left_the_room_is_told(ann1: Client, world: World) -> None:
    assert said_by(ann1.get(url(world, "label_next"), **HTMX)) == {"nothing": {}}


def test_a_submit_is_answered_by_an_event(ann1: Client, world: World) -> None:
    world.make_case()
    slot = in_work(world)
    said = said_by(ann1.post(url(world, "label_submit", slot.pk), YES, **HTMX))
    sheet = Annotation.objects.get()
    assert said == {
        "submitted": {
            "slot": slot.pk, "sheet": sheet.pk, "undo": 60, "then": None, "said": None,
        }
    }  # fmt: skip


def test_in_the_arm_reveal_the_event_says_what_comes_next(ann1: Client, world: World) -> None:
    reveal_to_all(world)
    judged(world, world.make_case())
    said = said_by(ann1.post(url(world, "label_submit", in_work(world).pk), YES, **HTMX))
    sheet = Annotation.objects.get(rater=world.rater(world.ann1))
    assert said["submitted"]["then"] == url(world, "label_reveal", sheet.pk)


def test_an_undo_brings_the_case_back_with_its_answers(ann1: Client, world: World) -> None:
    case = world.make_case()
    world.make_case()
    slot = in_work(world)
    ann1.get(url(world, "label_next"), {"after": slot.pk}, **HTMX)
    ann1.post(url(world, "label_submit", slot.pk), {**YES, "comment": "Oops."}, **HTMX)
    assert said_by(ann1.post(url(world, "label_undo"), **HTMX)) == {"undone": {"slot": slot.pk}}
    page = ann1.get(url(world, "label_next"), **HTMX)
    assert case.prompt in text(page)
    assert draft_in(page)["comment"] == "Oops."


def test_an_undo_that_comes_too_late_says_so(ann1: Client, world: World) -> None:
    refused = ann1.post(url(world, "label_undo"), **HTMX)
    assert refused.status_code == 409
    assert "nothing to take back" in refused.json()["said"]
    page = ann1.post(url(world, "label_undo"), follow=True)
    assert "nothing to take back" in text(page)


def test_to_look_at_precedents_ends_the_undo(ann1: Client, world: World) -> None:
    world.make_case()
    ann1.post(url(world, "label_submit", in_work(world).pk), YES, **HTMX)
    sheet = Annotation.objects.get()
    assert ann1.get(url(world, "label_precedents", sheet.pk), **HTMX).status_code == 200
    assert ann1.post(url(world, "label_undo"), **HTMX).status_code == 409


def test_precedents_are_not_shown_before_the_answer(ann1: Client, world: World) -> None:
    world.make_case()
    slot = in_work(world)
    ann1.post(url(world, "label_draft", slot.pk), YES)
    sheet = Annotation.objects.get()
    assert ann1.get(url(world, "label_precedents", sheet.pk), **HTMX).status_code == 404


def test_a_pause_gives_back_what_was_fetched_ahead_and_keeps_the_case(
    ann1: Client, world: World
) -> None:
    world.make_case(overlap=1)
    ahead = world.make_case(overlap=1)
    slot = in_work(world)
    ann1.get(url(world, "label_next"), {"after": slot.pk}, **HTMX)
    place = ahead.slots.get()
    assert ann1.post(url(world, "label_pause"), {"ahead": place.pk}).status_code == 204
    place.refresh_from_db()
    assert (place.status, place.rater) == (SlotStatus.OPEN, None)
    assert Sitting.objects.get().paused_at is not None
    ann1.post(url(world, "label_resume"), **HTMX)
    assert Sitting.objects.get().paused_at is None
    assert world.claim(world.ann1) == slot


def test_a_break_that_is_due_takes_the_place_of_the_next_case(ann1: Client, world: World) -> None:
    world.make_case()
    Project.objects.update(break_every=1)
    ann1.get(url(world))
    Sitting.objects.update(since_break=61)
    case = world.cases[0]
    page = text(ann1.get(url(world, "label_next"), **HTMX))
    assert case.prompt not in page
    assert "break" in page
    ann1.post(url(world, "label_break"), {"act": "later"}, **HTMX)
    assert case.prompt in text(ann1.get(url(world, "label_next"), **HTMX))


def test_over_the_days_cap_no_case_is_given_in_the_page_nor_the_api(
    ann1: Client, world: World
) -> None:
    case = world.make_case()
    Project.objects.update(exposure_minutes=1)
    ann1.get(url(world))
    Sitting.objects.update(exposure_seconds=61)
    assert case.prompt not in text(ann1.get(url(world)))
    assert case.prompt not in text(ann1.get(url(world, "label_next"), **HTMX))
    answer = ann1.post(f"/api/v1/projects/{world.project.slug}/queue/next/")
    assert (answer.status_code, case.prompt in text(answer)) == (409, False)


def test_a_sheet_keeps_its_version_when_another_is_released_and_says_so(
    ann1: Client, world: World
) -> None:
    world.make_case()
    slot = in_work(world)
    assert "has been released since" not in text(ann1.get(url(world)))
    world.add_severity()
    rubrics._remembered.cache_clear()  # what a worker forgets within seconds
    page = text(ann1.get(url(world)))
    assert "has been released since" in page
    assert "Severity" not in page.split("<form")[1].split("</form>")[0]
    ann1.post(url(world, "label_submit", slot.pk), YES, **HTMX)
    sheet = Annotation.objects.get()
    assert sheet.rubric_version.number == 1


def test_progress_is_asked_for_apart(ann1: Client, world: World) -> None:
    world.make_case()
    said = ann1.get(url(world, "label_progress")).json()
    assert (said["done"], said["waiting"], said["minutes"]) == (0, 1, None)


@pytest.mark.parametrize("cases", [4, 20])
def test_requests_of_the_room_ask_the_database_the_same_whatever_waits(
    ann1: Client, world: World, cases: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for _ in range(cases):
        world.make_case(overlap=3)
    world.give(world.ann1, world.cases[0])
    slot = in_work(world)
    ann1.get(url(world, "label_next"), **HTMX)
    # Session, user, member with project and rater, sitting, the claim; at times the cursor.
    with django_assert_max_num_queries(6):
        ann1.get(url(world, "label_next"), {"after": slot.pk}, **HTMX)
    # The same three, the place, and the submit's own six.
    with django_assert_max_num_queries(10):
        ann1.post(url(world, "label_submit", slot.pk), YES, **HTMX)


# ---- skipping


def test_a_skip_with_a_reason_leads_to_the_next(ann1: Client, world: World) -> None:
    world.make_case()
    second = world.make_case()
    slot = in_work(world)
    sent = {"reason": "Another reason", "more": "It is mine."}
    page = ann1.post(url(world, "label_skip", slot.pk), sent, follow=True)
    assert Skip.objects.get().reason == "Another reason: It is mine."
    assert second.prompt in text(page)


def test_a_skip_without_a_reason_asks_for_one_and_keeps_the_case(
    ann1: Client, world: World
) -> None:
    world.make_case()
    slot = in_work(world)
    page = ann1.post(url(world, "label_skip", slot.pk), {})
    assert page.status_code == 422
    assert "Say why you skip the case" in text(page)
    assert not Skip.objects.exists()


# ---- blindness, to the byte


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_before_the_answer_nothing_of_the_ais_answer_is_in_any_page_part_or_header(
    ann1: Client, world: World, share: float
) -> None:
    world.project.reveal_share = share
    world.project.save()
    case = world.make_case()
    judged(world, case)
    slot = in_work(world)
    answers = [
        ann1.get(url(world)),
        ann1.get(url(world), **HTMX),
        ann1.post(url(world, "label_draft", slot.pk), YES),
        ann1.post(url(world, "label_heartbeat", slot.pk)),
        ann1.post(url(world, "label_submit", slot.pk), {}),
        ann1.post(url(world, "label_skip", slot.pk), {}),
        ann1.get(url(world, "case", case.pk)),
        ann1.get(url(world, "project")),
    ]
    for answer in answers:
        whole = text(answer) + str(answer.headers)
        assert not [secret for secret in SECRETS if secret in whole], answer.request["PATH_INFO"]
    sheet = Annotation.objects.get(rater=world.rater(world.ann1))
    refused = ann1.get(url(world, "label_reveal", sheet.pk))
    assert refused.status_code == 403
    assert not [secret for secret in SECRETS if secret in text(refused)]


def test_a_page_before_the_answer_is_the_same_whatever_the_ai_said(
    ann1: Client, world: World
) -> None:
    reveal_to_all(world)
    case = world.make_case()
    in_work(world)
    without = len(text(ann1.get(url(world))))
    judged(world, case)
    assert len(text(ann1.get(url(world)))) == without


def test_in_the_arm_blind_the_ais_answer_is_never_shown(ann1: Client, world: World) -> None:
    case = world.make_case()
    judged(world, case)
    sent = ann1.post(url(world, "label_submit", in_work(world).pk), YES)
    assert sent.headers["Location"] == url(world)
    sheet = Annotation.objects.get(rater=world.rater(world.ann1))
    assert ann1.get(url(world, "label_reveal", sheet.pk)).status_code == 403


# ---- the reveal


def submitted_in_reveal(ann1: Client, world: World, word: str = "no") -> Annotation:
    reveal_to_all(world)
    case = world.make_case()
    judged(world, case, word)
    sent = ann1.post(url(world, "label_submit", in_work(world).pk), YES)
    sheet = Annotation.objects.get(rater=world.rater(world.ann1), case=case)
    assert sent.headers["Location"] == url(world, "label_reveal", sheet.pk)
    return sheet


def test_the_reveal_shows_both_answers_with_probability_and_revision(
    ann1: Client, world: World
) -> None:
    sheet = submitted_in_reveal(ann1, world)
    page = text(ann1.get(url(world, "label_reveal", sheet.pk)))
    for words in ("Violates", "Does not violate", "0.86", REVISION, REASON, "Keep my answer"):
        assert words in page
    sheet.refresh_from_db()
    assert sheet.revealed_at is not None


def test_keeping_the_own_answer_leads_on_and_writes_no_second_one(
    ann1: Client, world: World
) -> None:
    sheet = submitted_in_reveal(ann1, world)
    ann1.get(url(world, "label_reveal", sheet.pk))
    kept = ann1.post(url(world, "label_reveal", sheet.pk), {"act": "keep"})
    assert kept.headers["Location"] == url(world)
    assert sheet.verdicts.count() == 1


def test_a_change_after_the_reveal_is_a_second_answer(ann1: Client, world: World) -> None:
    sheet = submitted_in_reveal(ann1, world)
    ann1.get(url(world, "label_reveal", sheet.pk))
    ann1.post(url(world, "label_reveal", sheet.pk), {"act": "change", "answer-harm": "no"})
    rows = sheet.verdicts.order_by("revision").values_list("value", "after_reveal")
    assert list(rows) == [("yes", False), ("no", True)]


def test_a_change_before_the_reveal_was_looked_at_is_refused(ann1: Client, world: World) -> None:
    sheet = submitted_in_reveal(ann1, world)
    refused = ann1.post(
        url(world, "label_reveal", sheet.pk), {"act": "change", "answer-harm": "no"}
    )
    assert refused.status_code == 409
    assert sheet.verdicts.count() == 1


def test_another_rater_does_not_find_the_reveal(ann1: Client, world: World) -> None:
    sheet = submitted_in_reveal(ann1, world)
    other = signed_in(Client(), world.ann2)
    page = other.get(url(world, "label_reveal", sheet.pk))
    assert page.status_code == 404
    assert REASON not in text(page)


# ---- who must not


@pytest.mark.parametrize(("name", "status"), [("viewer", 403), ("stranger", 404)])
def test_who_may_not_label_gets_no_page_and_claims_nothing(
    client: Client, world: World, name: str, status: int
) -> None:
    world.make_case()
    slot = in_work(world)
    signed_in(client, getattr(world, name))
    assert client.get(url(world)).status_code == status
    for door in ("label_submit", "label_draft", "label_heartbeat", "label_skip"):
        assert client.post(url(world, door, slot.pk), YES).status_code == status
    assert not Annotation.objects.exists()
    assert Slot.objects.filter(status=SlotStatus.LEASED).count() == 1


def test_who_is_signed_out_is_sent_to_sign_in(client: Client, world: World) -> None:
    sent = client.get(url(world))
    assert sent.status_code == 302
    assert sent.headers["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("name", ["lead", "adjudicator"])
def test_leads_and_adjudicators_may_label(client: Client, world: World, name: str) -> None:
    case = world.make_case()
    assert case.prompt in text(signed_in(client, getattr(world, name)).get(url(world)))


def test_a_get_never_writes_where_a_post_is_wanted(ann1: Client, world: World) -> None:
    world.make_case()
    slot = in_work(world)
    for door in ("label_submit", "label_draft", "label_heartbeat", "label_skip"):
        assert ann1.get(url(world, door, slot.pk)).status_code == 405
