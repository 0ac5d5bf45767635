"""The leads' board and its API: what waits, who has what, changes as jobs; and nobody else gets in."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from annotations import board, jobs
from annotations.models import Annotation, AuditEvent, Case, Job, Slot
from annotations.statuses import JobStatus, SlotPurpose, SlotStatus
from tests.world import World, signed_in

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The jobs for which a worker was woken; no message leaves the test."""
    found: list[int] = []
    monkeypatch.setattr(jobs, "wake", found.append)
    return found


@pytest.fixture
def lead(client: Client, world: World) -> Client:
    return signed_in(client, world.lead)


def page(world: World, rest: str = "") -> str:
    return f"/p/{world.project.slug}/queue/{rest}"


def api(world: World, rest: str) -> str:
    return f"/api/v1/projects/{world.project.slug}/queue/{rest}"


def seen(client: Client, address: str) -> str:
    answer = client.get(address, headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def send(client: Client, address: str, **body: Any) -> Any:
    return client.post(address, data=body, content_type="application/json")


def work_off() -> None:
    for job in Job.objects.filter(status=JobStatus.QUEUED).order_by("pk"):
        done = jobs.run_job(job.pk)
        assert done is not None
        assert done.status == JobStatus.DONE, done.error


# ---- what waits


def test_the_counts_tell_batches_categories_severities_and_purposes_apart(world: World) -> None:
    weapons = world.make_case("weapons", strata={"category": "weapons"})
    world.make_case("plain", strata={})
    Slot.objects.filter(case=weapons).update(severity=3)
    world.give(world.ann1, weapons)
    world.claim(world.ann2, weapons)
    Slot.objects.create(
        project=world.project, case=weapons, rubric_version=world.rubric, number=1,
        purpose=SlotPurpose.REPEAT, assigned_to=world.rater(world.ann1),
    )  # fmt: skip
    found = board.summary(world.project)
    assert found.counts == board.Counts(open=2, in_work=1, done=1)
    assert [(g.label, g.counts.total, g.filters) for g in found.by_category] == [
        ("weapons", 2, {"category": "weapons"}), ("none", 2, {"category": "none"}),
    ]  # fmt: skip
    assert [(g.label, g.counts.total) for g in found.by_severity] == [("3", 2), ("not foreseen", 2)]
    assert [g.label for g in found.by_batch] == ["Hats"]
    assert [g.label for g in found.by_version] == ["v1"]
    assert [(g.label, g.counts.total) for g in found.by_purpose] == [("label", 4), ("repeat", 1)]


def test_a_lapsed_lease_is_open_again_and_a_held_place_is_not(world: World) -> None:
    lapsed, held = world.make_case(overlap=1), world.make_case(overlap=1)
    slot = world.claim(world.ann1, lapsed)
    assert slot is not None
    Slot.objects.filter(pk=slot.pk).update(leased_until=timezone.now() - timedelta(minutes=1))
    Slot.objects.filter(case=held).update(is_held=True)
    assert board.summary(world.project).counts == board.Counts(open=1, held=1)


def test_the_audit_slice_is_counted_apart(world: World) -> None:
    world.make_case(is_audit=True, overlap=3)
    world.make_case()
    assert board.summary(world.project).audit == board.Counts(open=3)


def test_the_outlook_is_unknown_before_there_is_a_pace_and_a_weeks_work(world: World) -> None:
    world.make_case()
    assert board.outlook(world.project, left=2) == board.Outlook(None, None, None, 0)


def test_the_outlook_is_the_median_pace_and_last_weeks_speed(world: World) -> None:
    for seconds in (10, 20, 30, 40, 5000):
        sheet = world.give(world.ann1, world.make_case(overlap=1))
        Annotation.objects.filter(pk=sheet.pk).update(seconds=seconds)
    Slot.objects.filter(status=SlotStatus.DONE).update(done_at=timezone.now() - timedelta(days=2))
    found = board.outlook(world.project, left=120)
    assert (found.seconds, found.hours, found.last_week) == (30, 1.0, 5)
    assert found.days == pytest.approx(120 * 2 / 5, rel=1e-3)


def test_the_history_adds_up_day_by_day_with_its_gaps(world: World) -> None:
    days = (1, 1, 4)
    for day in days:
        sheet = world.give(world.ann1, world.make_case(overlap=1))
        at = datetime(2026, 3, day, 23, 30, tzinfo=UTC)
        Slot.objects.filter(pk=sheet.slot_id).update(done_at=at)
    assert board.history(world.project) == [
        ("01 Mar", 2), ("02 Mar", 2), ("03 Mar", 2), ("04 Mar", 3),
    ]  # fmt: skip


def test_the_history_of_one_day_goes_by_hours(world: World) -> None:
    for hour in (8, 10):
        sheet = world.give(world.ann1, world.make_case(overlap=1))
        at = datetime(2026, 3, 1, hour, tzinfo=UTC)
        Slot.objects.filter(pk=sheet.slot_id).update(done_at=at)
    assert [done for _, done in board.history(world.project)] == [1, 1, 2]


# ---- the page


def test_the_page_counts_nothing_and_loads_its_parts(
    lead: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    world.make_case("a-case")
    with django_assert_max_num_queries(14):
        answer = lead.get(page(world))
    text = answer.content.decode()
    assert answer.status_code == 200
    for part in ("counts", "work", "cases"):
        assert f'hx-get="{page(world, part)}/"' in text
    assert "a-case" not in text


def test_without_scripts_a_part_comes_in_the_whole_page(lead: Client, world: World) -> None:
    world.make_case("a-case")
    text = lead.get(page(world, "cases/")).content.decode()
    assert "<html" in text
    assert "a-case" in text


def test_the_counts_are_shown_with_a_way_to_their_cases(lead: Client, world: World) -> None:
    world.make_case(strata={"category": "weapons"})
    world.make_case(strata={"category": "fraud & theft"})
    text = seen(lead, page(world, "counts/"))
    assert "<html" not in text
    assert "?category=weapons#cases" in text
    assert "?category=fraud+%26+theft#cases" in text


def test_the_cases_are_filtered_and_paged(lead: Client, world: World) -> None:
    for number in range(30):
        world.make_case(f"case-{number:02}")
    first = seen(lead, page(world, "cases/"))
    assert "case-24" in first
    assert "case-25" not in first
    after = Case.objects.get(external_id="case-24").pk
    assert f"after={after}" in first
    assert "case-25" in seen(lead, page(world, f"cases/?after={after}"))
    only = seen(lead, page(world, "cases/?text=case-07"))
    assert "1 shown of 1" in only
    assert 'name="text" value="case-07"' in only


def test_addresses_typed_by_hand_are_no_error(lead: Client, world: World) -> None:
    world.make_case("a-case")
    for nonsense in ("state=lost", "batch=x", "severity=-1", "audit=perhaps", "after=²",
                     "batch=99999999999999999999", "text=%00", "version=x"):  # fmt: skip
        assert "a-case" in seen(lead, page(world, f"cases/?{nonsense}")), nonsense


def test_hostile_ids_are_shown_and_not_obeyed(lead: Client, world: World) -> None:
    case = world.make_case('<script>alert("x")</script>\u202e', strata={"category": "<b>"})
    world.claim(world.ann1, case)
    for part in ("cases/", "work/", "counts/"):
        text = seen(lead, page(world, part))
        assert "<script>alert" not in text
        assert "<b>" not in text


def test_the_number_of_queries_does_not_grow_with_the_cases(lead: Client, world: World) -> None:
    world.claim(world.ann1, world.make_case())
    counted: list[int] = []
    for _ in range(2):
        for part in ("cases/", "counts/", "work/"):
            with CaptureQueriesContext(connection) as queries:
                lead.get(page(world, part), headers=HTMX)
            counted.append(len(queries))
        for _ in range(10):
            world.claim(world.ann1, world.make_case())
    assert counted[:3] == counted[3:]


def test_who_has_what_is_told_by_pseudonym_and_can_be_taken_back(
    lead: Client, world: World
) -> None:
    case = world.make_case("in-work")
    slot = world.claim(world.ann1, case)
    assert slot is not None
    text = seen(lead, page(world, "work/"))
    assert world.member(world.ann1).pseudonym in text
    assert "20 min left" in text
    answer = lead.post(page(world, f"{slot.pk}/take-back/"))
    assert answer.status_code == 302
    slot.refresh_from_db()
    assert slot.status == SlotStatus.OPEN
    again = lead.post(page(world, f"{slot.pk}/take-back/"))
    assert again.status_code == 409
    assert "Nobody works on that place" in again.content.decode()


def test_a_check_is_not_told_from_the_board(lead: Client, world: World) -> None:
    case = world.make_case("checked")
    Slot.objects.create(
        project=world.project, case=case, rubric_version=world.rubric, number=1,
        purpose=SlotPurpose.SENTINEL, status=SlotStatus.LEASED, rater=world.rater(world.ann1),
        leased_until=timezone.now() + timedelta(minutes=9),
    )  # fmt: skip
    assert "checked" not in seen(lead, page(world, "work/"))
    assert (
        "in work" not in seen(lead, page(world, "cases/")).split("<tbody>")[1].split("</tbody>")[0]
    )


# ---- doing something about it


def test_pausing_is_shown_and_ends(lead: Client, world: World) -> None:
    world.make_case()
    lead.post(page(world, "pause/"), {"act": "pause"})
    assert "The queue is paused." in lead.get(page(world)).content.decode()
    assert world.claim(world.ann1) is None
    lead.post(page(world, "pause/"), {"act": "resume"})
    assert world.claim(world.ann1) is not None


def test_a_change_of_all_that_the_filters_leave_is_a_job(
    lead: Client, world: World, woken: list[int],
) -> None:  # fmt: skip
    chosen, other = world.make_case("pick-1", overlap=1), world.make_case("else", overlap=1)
    answer = lead.post(
        page(world, "change/"),
        {"act": "overlap", "to": "3", "way": "set", "scope": "all", "text": "pick"},
    )
    assert answer.status_code == 302
    assert answer.headers["Location"] == page(world, "?text=pick")
    job = Job.objects.get()
    assert (job.status, job.created_by) == (JobStatus.QUEUED, world.lead)
    assert "set to 3, text pick" in lead.get(page(world)).content.decode()
    work_off()
    assert (chosen.slots.count(), other.slots.count()) == (3, 1)
    assert "2 places opened" in seen(lead, page(world, "changes/"))


def test_ticked_cases_are_changed_at_once(lead: Client, world: World) -> None:
    case, other = world.make_case(), world.make_case()
    name = world.member(world.ann1).pseudonym
    lead.post(
        page(world, "change/"),
        {"act": "assign", "rater": name, "scope": "ticked", "case": [str(other.pk)]},
    )
    slot = world.claim(world.ann1)
    assert slot is not None
    assert slot.case == other
    assert not case.slots.filter(assigned_to__isnull=False).exists()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"act": "hold", "scope": "ticked"}, "Tick at least one case"),
        ({"act": "overlap", "scope": "all", "to": "99"}, "1 to 20 raters"),
        ({"act": "overlap", "scope": "all", "to": "x"}, "how many raters"),
        ({"act": "assign", "scope": "all", "rater": "nobody"}, "Choose the member"),
        ({"act": "explode", "scope": "all"}, "can’t be done"),
    ],
)
def test_what_makes_no_sense_is_refused_in_the_page(
    lead: Client, world: World, sent: dict[str, str], said: str
) -> None:
    world.make_case("a-case")
    answer = lead.post(page(world, "change/"), sent)
    assert answer.status_code == 422
    text = answer.content.decode().replace("&#x27;", "’")
    assert said in text
    assert "a-case" in text
    assert not Job.objects.exists()


def test_a_running_change_shows_how_far_it_is_and_can_be_cancelled(
    lead: Client, world: World
) -> None:
    world.make_case()
    lead.post(page(world, "change/"), {"act": "hold", "scope": "all"})
    job = Job.objects.get()
    Job.objects.filter(pk=job.pk).update(
        status=JobStatus.RUNNING, done=2000, total=100_000, message="2,000 of 100,000 cases",
        leased_until=timezone.now() + timedelta(minutes=1),
    )  # fmt: skip
    text = seen(lead, page(world, "changes/"))
    assert 'value="2000" max="100000"' in text
    assert 'hx-trigger="every 1s"' in text
    lead.post(page(world, f"changes/{job.pk}/cancel/"))
    job.refresh_from_db()
    assert job.cancel_requested
    assert AuditEvent.objects.filter(verb="cancelled job", actor=world.lead).exists()


def test_a_change_that_is_over_is_not_asked_for_again_and_again(lead: Client, world: World) -> None:
    lead.post(page(world, "change/"), {"act": "hold", "scope": "all"})
    work_off()
    assert "hx-trigger" not in seen(lead, page(world, "changes/"))


def test_another_kind_of_job_is_no_change_of_the_queue(lead: Client, world: World) -> None:
    other = jobs.enqueue("import_cases", {"project": world.project.pk}, project=world.project)
    assert lead.post(page(world, f"changes/{other.pk}/cancel/")).status_code == 404
    assert lead.get(api(world, f"changes/{other.pk}/")).status_code == 404


def test_the_rule_is_kept_for_what_comes(lead: Client, world: World) -> None:
    sent = {"rule": "adaptive", "overlap": "2", "most": "4", "audit": "20"}
    assert lead.post(page(world, "rule/"), sent).status_code == 302
    world.project.refresh_from_db()
    assert (world.project.overlap_rule, world.project.max_overlap) == ("adaptive", 4)
    assert world.project.audit_share == 0.2
    event = AuditEvent.objects.get(verb="set overlap rule")
    assert (event.actor, event.data["most"]) == (world.lead, 4)


@pytest.mark.parametrize(
    "wrong", [{"rule": "guess"}, {"overlap": "5"}, {"most": "21"}, {"audit": "101"}, {"audit": ""}]
)
def test_a_rule_that_can_not_hold_is_refused(
    lead: Client, world: World, wrong: dict[str, str]
) -> None:
    sent = {"rule": "fixed", "overlap": "2", "most": "4", "audit": "20"} | wrong
    answer = lead.post(page(world, "rule/"), sent)
    assert answer.status_code == 422
    world.project.refresh_from_db()
    assert world.project.max_overlap == 5


# ---- the API


def test_the_summary_has_the_boards_figures(lead: Client, world: World) -> None:
    world.make_case(strata={"category": "weapons"})
    body = lead.get(api(world, "summary/")).json()
    assert body["places"] == {"open": 2, "in_work": 0, "held": 0, "done": 0}
    assert body["by_category"] == [{"label": "weapons", "counts": body["places"]}]
    assert (body["paused_since"], body["hours_left"], body["days_left"]) == (None, None, None)


def test_pause_and_resume_through_the_api(lead: Client, world: World) -> None:
    world.make_case()
    assert send(lead, api(world, "pause/")).json()["paused_since"] is not None
    assert world.claim(world.ann1) is None
    assert send(lead, api(world, "resume/")).json() == {"paused_since": None}
    assert world.claim(world.ann1) is not None


def test_a_change_through_the_api_is_asked_for_read_and_cancelled(
    lead: Client, world: World
) -> None:
    case = world.make_case(overlap=1)
    answer = send(lead, api(world, "changes/"), act="overlap", overlap=3, selection={})
    assert answer.status_code == 202
    body = answer.json()
    assert (body["kind"], body["status"]) == ("change_overlap", "queued")
    work_off()
    body = lead.get(api(world, f"changes/{body['id']}/")).json()
    assert (body["status"], body["cases"], body["changed"]["places_opened"]) == ("done", 1, 2)
    assert case.slots.count() == 3
    waiting = send(lead, api(world, "changes/"), act="hold", selection={"state": "open"}).json()
    stopped = send(lead, api(world, f"changes/{waiting['id']}/cancel/")).json()
    assert stopped["status"] == "cancelled"


def test_a_case_is_given_by_hand_and_taken_back_through_the_api(lead: Client, world: World) -> None:
    world.make_case()
    case = world.make_case()
    name = world.member(world.ann2).pseudonym
    body = send(
        lead, api(world, "changes/"), act="assign", rater=name, selection={"cases": [case.pk]}
    ).json()
    assert (body["status"], body["changed"]) == ("done", {"places": 1})
    slot = world.claim(world.ann2)
    assert slot is not None
    assert slot.case == case
    taken = send(lead, api(world, f"{slot.pk}/take-back/"))
    assert taken.json() == {"slot": slot.pk, "case": case.pk}
    assert send(lead, api(world, f"{slot.pk}/take-back/")).status_code == 409


@pytest.mark.parametrize(
    "body",
    [
        {"act": "explode", "selection": {}},
        {"act": "hold"},
        {"act": "hold", "selection": {"state": "lost"}},
        {"act": "overlap", "selection": {}},
        {"act": "overlap", "selection": {}, "overlap": 0},
        {"act": "assign", "selection": {}, "rater": "nobody"},
        {"act": "hold", "selection": {"cases": []}},
    ],
)
def test_the_api_refuses_what_makes_no_sense(
    lead: Client, world: World, body: dict[str, Any]
) -> None:
    answer = send(lead, api(world, "changes/"), **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    assert not Job.objects.exists()


# ---- who must not


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer"])
def test_nobody_but_leads_sees_or_changes_the_queue(client: Client, world: World, who: str) -> None:
    slot = world.claim(world.ann2, world.make_case())
    assert slot is not None
    signed_in(client, getattr(world, who))
    for rest in ("", "counts/", "work/", "cases/", "changes/"):
        assert client.get(page(world, rest)).status_code == 403, rest
    for rest in ("pause/", "change/", "rule/", f"{slot.pk}/take-back/"):
        assert client.post(page(world, rest), {"scope": "all", "act": "hold"}).status_code == 403
    assert client.get(api(world, "summary/")).status_code == 403
    for rest in ("pause/", "resume/", "changes/", f"{slot.pk}/take-back/"):
        assert send(client, api(world, rest), act="hold", selection={}).status_code == 403
    world.project.refresh_from_db()
    assert world.project.paused_at is None
    assert not Job.objects.exists()
    slot.refresh_from_db()
    assert slot.status == SlotStatus.LEASED


def test_a_member_who_may_not_label_is_not_given_cases(lead: Client, world: World) -> None:
    world.make_case()
    body = {"act": "assign", "selection": {}, "rater": world.member(world.viewer).pseudonym}
    assert send(lead, api(world, "changes/"), **body).status_code == 422
