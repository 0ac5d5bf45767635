"""The queue keeps its promises: caps, one place a rater a case, leases that lapse, fixed arms."""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotations import labelling, queue
from annotations.answers import Answer, parse_sheet
from annotations.errors import BadInput, Conflict
from annotations.models import Annotation, Case, Rater, Skip, Slot
from annotations.queue import Weight
from annotations.statuses import CaseStatus, RaterKind, SlotStatus
from tests.threads import in_threads
from tests.world import World

YES = parse_sheet({"harm": "yes"})


def lapse(slot: Slot) -> None:
    Slot.objects.filter(pk=slot.pk).update(leased_until=timezone.now() - timedelta(seconds=1))


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


# ---- progress


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
