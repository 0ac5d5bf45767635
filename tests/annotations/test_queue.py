"""The queue keeps its promises: caps, one place a rater a case, leases that lapse, fixed arms."""

import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from annotations import labelling, queue
from annotations.answers import Answer, parse_sheet
from annotations.errors import BadInput, Conflict
from annotations.models import Annotation, Case, Project, Rater, Skip, Slot
from annotations.queue import Weight
from annotations.statuses import CaseStatus, RaterKind, SlotStatus
from tests.installs import wait_until
from tests.threads import in_threads
from tests.world import World

YES = parse_sheet({"harm": "yes"})


def lapse(slot: Slot) -> None:
    Slot.objects.filter(pk=slot.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


def claimed(rater: Rater, **wanted: Any) -> Slot:
    slot = queue.claim(rater, **wanted)
    assert slot is not None
    return slot


def simulated(world: World, number: int) -> Rater:
    return Rater.objects.create(
        project=world.project, kind=RaterKind.SIMULATED, name=f"simulated {number}"
    )


# ---- slots


def test_a_case_gets_as_many_slots_as_its_overlap_and_asking_twice_adds_none(world: World) -> None:
    case = world.make_case(slots=False, overlap=3)
    assert queue.open_slots([case], rubric_version=world.rubric) == 3
    assert queue.open_slots([case], rubric_version=world.rubric) == 0
    assert sorted(case.slots.values_list("number", flat=True)) == [1, 2, 3]
    case.refresh_from_db()
    assert case.status == CaseStatus.LABELLING


def test_a_higher_overlap_opens_the_missing_slots_only(world: World) -> None:
    case = world.make_case(overlap=1)
    Case.objects.filter(pk=case.pk).update(overlap=3)
    assert queue.open_slots([case], rubric_version=world.rubric) == 2


def test_an_imported_sheet_takes_the_place_of_a_slot_and_a_judge_does_not(world: World) -> None:
    case = world.make_case(slots=False, overlap=2)
    person = Rater.objects.create(project=world.project, kind=RaterKind.IMPORTED, name="A")
    labelling.record_sheet(case, rater=person, rubric_version=world.rubric, answers=YES)
    world.judged(case)
    assert queue.open_slots([case], rubric_version=world.rubric) == 1


def test_the_database_refuses_a_slot_over_the_cap(world: World) -> None:
    case = world.make_case(overlap=2)
    with pytest.raises(IntegrityError, match="over the case's overlap"), transaction.atomic():
        Slot.objects.create(project=world.project, case=case, rubric_version=world.rubric, number=3)
    slot = case.slots.first()
    assert slot is not None
    with pytest.raises(IntegrityError, match="over the case's overlap"), transaction.atomic():
        Slot.objects.filter(pk=slot.pk).update(number=3)


# ---- claims


def test_no_more_raters_get_a_case_than_it_has_places(world: World) -> None:
    case = world.make_case(overlap=2)
    claimed = [queue.claim(simulated(world, n)) for n in range(4)]
    assert [slot.case for slot in claimed if slot] == [case, case]


def test_a_rater_never_gets_the_same_case_twice(world: World) -> None:
    first, second = world.make_case(), world.make_case()
    world.give(world.ann1, first)
    slot = world.claim(world.ann1)
    assert slot is not None
    assert slot.case == second
    world.give(world.ann1, second)
    assert world.claim(world.ann1) is None


def test_the_database_refuses_a_rater_two_places_on_a_case(world: World) -> None:
    case = world.make_case()
    world.claim(world.ann1)
    other = case.slots.get(status=SlotStatus.OPEN)
    with pytest.raises(IntegrityError, match="one_slot_a_rater_a_case"), transaction.atomic():
        Slot.objects.filter(pk=other.pk).update(
            rater=world.rater(world.ann1), status=SlotStatus.LEASED, leased_until=timezone.now()
        )


def test_asking_again_gives_the_slot_that_is_in_work(world: World) -> None:
    world.make_case()
    world.make_case()
    first, again = world.claim(world.ann1), world.claim(world.ann1)
    assert first == again
    assert Slot.objects.filter(status=SlotStatus.LEASED).count() == 1


def test_a_higher_priority_comes_first(world: World) -> None:
    plain, urgent = world.make_case(slots=False), world.make_case(slots=False)
    weights = {urgent.pk: Weight(priority=0.9)}
    queue.open_slots([plain, urgent], rubric_version=world.rubric, weights=weights)
    slot = world.claim(world.ann1)
    assert slot is not None
    assert slot.case == urgent


def test_another_projects_cases_are_not_in_the_queue(world: World) -> None:
    world.make_case()
    other = Rater.objects.create(
        project=type(world.project).objects.create(slug="other", name="Other"),
        kind=RaterKind.SIMULATED,
        name="elsewhere",
    )
    assert queue.claim(other) is None


@pytest.mark.django_db(transaction=True)
def test_raters_at_once_never_share_a_slot_and_never_exceed_the_cap(world: World) -> None:
    for _ in range(6):
        world.make_case(overlap=2)
    raters = [simulated(world, n) for n in range(6)]

    def label_all(number: int) -> None:
        while (slot := queue.claim(raters[number])) is not None:
            labelling.submit(slot, rater=raters[number], answers=YES)

    in_threads(6, label_all)
    sheets = Counter(Annotation.objects.values_list("case", flat=True))
    assert set(sheets.values()) == {2}
    assert Annotation.objects.values("case", "rater").distinct().count() == 12


@pytest.mark.django_db(transaction=True)
def test_a_slot_that_somebody_is_claiming_is_passed_over_without_waiting(world: World) -> None:
    first = world.make_case(overlap=1)
    second = world.make_case(overlap=1)
    found: list[Case] = []

    def claim_elsewhere(_: int) -> None:
        slot = queue.claim(other)
        assert slot is not None
        found.append(slot.case)

    other = simulated(world, 1)
    with transaction.atomic():
        mine = world.claim(world.ann1)
        in_threads(1, claim_elsewhere)  # returns while our transaction still holds the first
    assert mine is not None
    assert (mine.case, found) == (first, [second])


@pytest.mark.django_db(transaction=True)
def test_two_tabs_of_one_rater_at_once_get_the_same_slot(world: World) -> None:
    for _ in range(4):
        world.make_case()
    rater, claimed = world.rater(world.ann1), set()

    def claim(_: int) -> None:
        slot = queue.claim(rater)
        assert slot is not None
        claimed.add(slot.pk)

    in_threads(4, claim)
    assert len(claimed) == 1


@pytest.mark.django_db(transaction=True)
def test_a_slot_that_is_locked_for_a_moment_is_waited_for_when_it_is_the_last(
    world: World,
) -> None:
    case = world.make_case(overlap=1)
    found: list[Slot | None] = []
    locked = threading.Event()

    def both(number: int) -> None:
        if number == 0:
            with transaction.atomic():  # a lead's change that comes to nothing
                list(Slot.objects.select_for_update().filter(case=case))
                locked.set()
                wait_until(lambda: waiting_for_a_lock() > 0)
        else:
            locked.wait()
            found.append(queue.claim(world.rater(world.ann1)))

    in_threads(2, both)
    assert [slot and slot.case for slot in found] == [case]


def waiting_for_a_lock() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        )
        return int(cursor.fetchone()[0])


# ---- leases


def test_a_lapsed_lease_goes_to_another_and_the_first_keeps_the_draft(world: World) -> None:
    case = world.make_case(overlap=1)
    slot = world.claim(world.ann1)
    assert slot is not None
    labelling.save_draft(slot, rater=world.rater(world.ann1), words={"harm": "no"}, comment="Hm.")
    assert world.claim(world.ann2) is None
    lapse(slot)
    taken = world.claim(world.ann2)
    assert taken == slot
    draft = Annotation.objects.get(case=case, rater=world.rater(world.ann1)).draft
    assert (draft["words"], draft["comment"]) == ({"harm": "no"}, "Hm.")


def test_a_late_submit_is_a_conflict_that_keeps_the_answers(world: World) -> None:
    case = world.make_case(overlap=1)
    slot = world.claim(world.ann1)
    assert slot is not None
    lapse(slot)
    world.give(world.ann2, case)
    with pytest.raises(Conflict, match="kept as a draft"):
        labelling.submit(slot, rater=world.rater(world.ann1), answers=YES, comment="Late.")
    sheet = Annotation.objects.get(case=case, rater=world.rater(world.ann1))
    assert sheet.status == "draft"
    assert (sheet.draft["words"], sheet.draft["comment"]) == ({"harm": "yes"}, "Late.")


def test_a_late_submit_counts_while_a_place_is_free(world: World) -> None:
    case = world.make_case(overlap=2)
    slot = world.claim(world.ann1)
    assert slot is not None
    lapse(slot)
    world.claim(world.ann2)  # takes the lapsed slot; the second is still open
    sheet = labelling.submit(slot, rater=world.rater(world.ann1), answers=YES)
    assert sheet.status == "submitted"
    assert sheet.seconds is None  # nobody knows how long it took
    assert case.slots.filter(status=SlotStatus.DONE).count() == 1


def test_the_own_lapsed_lease_is_taken_up_again_and_its_clock_starts_anew(world: World) -> None:
    world.make_case()
    slot = world.claim(world.ann1)
    assert slot is not None
    long_ago = timezone.now() - timedelta(days=1)
    Slot.objects.filter(pk=slot.pk).update(leased_at=long_ago, leased_until=long_ago)
    again = world.claim(world.ann1)
    assert again == slot
    assert again.leased_at is not None
    assert again.leased_at > long_ago


def test_a_heartbeat_renews_only_the_own_lease(world: World) -> None:
    world.make_case()
    slot = world.claim(world.ann1)
    assert slot is not None
    lapse(slot)
    assert not queue.heartbeat(slot, rater=world.rater(world.ann2))
    assert queue.heartbeat(slot, rater=world.rater(world.ann1))
    slot.refresh_from_db()
    assert slot.leased_until is not None
    assert slot.leased_until > timezone.now()


# ---- skips


def test_a_skipped_case_goes_to_others_and_not_back_to_the_rater(world: World) -> None:
    case = world.make_case(overlap=1)
    slot = world.claim(world.ann1)
    assert slot is not None
    queue.skip(slot, rater=world.rater(world.ann1), reason="I know the author.")
    assert Skip.objects.get().reason == "I know the author."
    assert world.claim(world.ann1) is None
    other = world.claim(world.ann2)
    assert other is not None
    assert other.case == case


def test_a_skip_needs_a_reason_and_the_own_slot(world: World) -> None:
    world.make_case()
    slot = world.claim(world.ann1)
    assert slot is not None
    with pytest.raises(BadInput, match="Say why"):
        queue.skip(slot, rater=world.rater(world.ann1), reason="  ")
    with pytest.raises(Conflict, match="no longer yours"):
        queue.skip(slot, rater=world.rater(world.ann2), reason="Mine?")
    assert not Skip.objects.exists()


# ---- the place ahead


def test_the_case_ahead_is_another_one_and_stays_the_same(world: World) -> None:
    cases = [world.make_case() for _ in range(3)]
    rater = world.rater(world.ann1)
    now = claimed(rater)
    ahead = claimed(rater, after=now.pk)
    assert (now.case, ahead.case) == (cases[0], cases[1])
    assert claimed(rater, after=now.pk) == ahead
    assert claimed(rater) == now, "the case in work comes first"
    labelling.submit(now, rater=rater, answers=YES)
    assert claimed(rater) == ahead
    assert Slot.objects.filter(rater=rater, status=SlotStatus.LEASED).count() == 1


def test_a_case_fetched_ahead_can_be_given_back(world: World) -> None:
    world.make_case(overlap=1)
    world.make_case(overlap=1)
    rater = world.rater(world.ann1)
    now = claimed(rater)
    ahead = claimed(rater, after=now.pk)
    assert queue.give_back(ahead, rater=world.rater(world.ann2)) is False
    assert queue.give_back(ahead, rater=rater) is True
    assert claimed(world.rater(world.ann2)) == ahead


# ---- by hand, held, filtered, paused


def test_what_a_lead_gave_by_hand_comes_first_and_to_nobody_else(world: World) -> None:
    plain, given = world.make_case(overlap=1), world.make_case(overlap=1)
    rater = world.rater(world.ann2)
    given.slots.update(assigned_to=rater)
    assert claimed(world.rater(world.ann1)).case == plain
    assert claimed(rater).case == given


def test_what_a_lead_gave_by_hand_is_not_given_twice_to_a_rater(world: World) -> None:
    case = world.make_case(overlap=2)
    world.give(world.ann1, case)
    rater = world.rater(world.ann1)
    case.slots.filter(status=SlotStatus.OPEN).update(assigned_to=rater)
    assert queue.claim(rater) is None


def test_what_is_held_is_given_to_nobody(world: World) -> None:
    held, free = world.make_case(), world.make_case()
    held.slots.update(is_held=True)
    assert claimed(world.rater(world.ann1)).case == free


def test_a_rater_who_opted_out_of_a_category_is_not_given_it(world: World) -> None:
    world.make_case(strata={"category": "pins"})
    plain = world.make_case()
    rater = world.rater(world.ann1)
    rater.opt_outs = ["pins"]
    rater.save()
    assert claimed(rater).case == plain
    assert claimed(world.rater(world.ann2)).case != plain


def test_after_a_run_of_severe_cases_milder_ones_come(world: World) -> None:
    severe, mild = world.make_case(slots=False), world.make_case(slots=False)
    weights = {severe.pk: Weight(priority=1.0, severity=4), mild.pk: Weight(severity=1)}
    queue.open_slots([severe, mild], rubric_version=world.rubric, weights=weights)
    assert claimed(world.rater(world.ann1), max_severity=2).case == mild
    assert claimed(world.rater(world.ann2)).case == severe


def test_a_paused_queue_gives_out_nothing_new_and_lets_raters_finish(world: World) -> None:
    world.make_case()
    by_hand = world.make_case(overlap=1)
    slot = claimed(world.rater(world.ann1))
    by_hand.slots.update(assigned_to=world.rater(world.ann2))
    Project.objects.update(paused_at=timezone.now())
    assert claimed(world.rater(world.ann1)) == slot
    assert queue.claim(world.rater(world.ann2)) is None
    Project.objects.update(paused_at=None)
    assert claimed(world.rater(world.ann2)).case == by_hand


# ---- the cursor


def test_a_claim_starts_where_the_rater_has_come_to(world: World) -> None:
    for _ in range(40):
        world.make_case(overlap=2)
    rater = world.rater(world.ann1)
    for _ in range(34):
        labelling.submit(claimed(rater), rater=rater, answers=YES)
    rater.refresh_from_db()
    assert rater.queue_slot is not None
    assert claimed(rater).case == world.cases[34]


def test_what_came_back_before_the_cursor_is_found_in_the_end(world: World) -> None:
    first, last = world.make_case(overlap=1), world.make_case(overlap=1)
    rater = world.rater(world.ann1)
    slot = last.slots.get()
    Rater.objects.filter(pk=rater.pk).update(queue_rank=-slot.priority, queue_slot=slot.pk)
    rater.refresh_from_db()
    assert claimed(rater).case == first


def test_new_urgent_work_is_not_missed_by_a_cursor(
    world: World, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    plain = world.make_case()
    rater = world.rater(world.ann1)
    slot = plain.slots.order_by("id")[1]
    Rater.objects.filter(pk=rater.pk).update(queue_rank=-slot.priority, queue_slot=slot.pk)
    urgent = world.make_case(slots=False)
    with django_capture_on_commit_callbacks(execute=True):
        queue.open_slots([urgent], rubric_version=world.rubric, weights={urgent.pk: Weight(1.0)})
    rater.refresh_from_db()
    assert claimed(rater).case == urgent


# ---- the audit slice


def test_the_audit_slice_gets_three_raters_and_comes_first(world: World) -> None:
    plain = world.make_case()
    world.project.audit_share = 1.0
    world.project.save()
    audited = world.make_case(overlap=1)
    assert (audited.is_audit, audited.overlap, audited.slots.count()) == (True, 3, 3)
    assert claimed(world.rater(world.ann1)).case == audited
    plain.refresh_from_db()
    assert not plain.is_audit


def test_a_case_is_not_drawn_into_the_audit_slice_later(world: World) -> None:
    case = world.make_case(overlap=2)
    world.project.audit_share = 1.0
    world.project.save()
    Case.objects.filter(pk=case.pk).update(overlap=3)
    assert queue.open_slots([case], rubric_version=world.rubric) == 1
    case.refresh_from_db()
    assert not case.is_audit


def test_each_case_keeps_with_which_probability_it_could_be_drawn(world: World) -> None:
    world.project.audit_share = 0.5
    world.project.save()
    cases = [world.make_case() for _ in range(20)]
    assert {case.audit_probability for case in cases} == {0.5}
    assert 0 < sum(case.is_audit for case in cases) < 20


def test_a_case_is_up_for_the_draw_once_whatever_the_share_is_later(world: World) -> None:
    case = world.make_case(slots=False, audit_probability=0.25)
    world.project.audit_share = 1.0
    world.project.save()
    queue.open_slots([case], rubric_version=world.rubric)
    case.refresh_from_db()
    assert (case.is_audit, case.audit_probability) == (False, 0.25)


# ---- counts of queries: they don't grow with cases or labels


@pytest.mark.parametrize("cases", [3, 30])
def test_a_claim_asks_the_database_the_same_whatever_waits(
    world: World, cases: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(cases):
        world.make_case()
    rater = world.rater(world.ann1)
    now = claimed(rater)
    # The claim; and the cursor at every sixteenth slot.
    with django_assert_max_num_queries(2):
        queue.claim(rater, after=now.pk)


@pytest.mark.parametrize("cases", [2, 30])
def test_opening_slots_asks_the_database_the_same_whatever_comes(
    world: World, cases: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    made = [world.make_case(slots=False) for _ in range(cases)]
    with django_assert_max_num_queries(10):
        queue.open_slots(made, rubric_version=world.rubric)


# ---- progress


def test_progress_counts_to_a_limit_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "COUNT_TO", 2)
    for _ in range(3):
        world.make_case()
    assert queue.work_left(world.rater(world.ann1)) == (0, 2, True)


def test_work_left_counts_each_case_once(world: World) -> None:
    first = world.make_case()
    world.make_case()
    world.make_case()
    world.give(world.ann1, first)
    assert queue.work_left(world.rater(world.ann1)) == (1, 2, False)
    world.claim(world.ann1)  # the second case: one place is the rater's own, the other is open
    assert queue.work_left(world.rater(world.ann1)) == (1, 2, False)


def test_work_left_leaves_out_what_others_hold_and_what_was_skipped(world: World) -> None:
    world.make_case(overlap=1)
    world.make_case(overlap=1)
    world.make_case(overlap=1)
    world.claim(world.ann2)
    slot = world.claim(world.ann1)
    assert slot is not None
    queue.skip(slot, rater=world.rater(world.ann1), reason="Not for me.")
    assert queue.work_left(world.rater(world.ann1)) == (0, 1, False)


def test_the_pace_is_a_median_and_unknown_under_five_sheets(world: World) -> None:
    rater = world.rater(world.ann1)
    for seconds in (10, 20, 30, 40):
        world.give(world.ann1, world.make_case())
        Annotation.objects.filter(pk=Annotation.objects.latest("id").pk).update(seconds=seconds)
    assert queue.pace(rater) is None
    world.give(world.ann1, world.make_case())
    Annotation.objects.filter(pk=Annotation.objects.latest("id").pk).update(seconds=9000)
    assert queue.pace(rater) == (20, 30, 40)


def test_an_answer_parses_to_a_status_or_a_value() -> None:
    assert Answer.parse("cant_tell").word == "cant_tell"
    assert Answer.parse("yes") == Answer.of("yes")
