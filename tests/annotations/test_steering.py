"""What a lead does to the queue: pause, hold, give by hand, take back, move; and who is left alone."""

from typing import Any

import pytest

from annotations import jobs, labelling, members, queue, steering
from annotations.errors import BadInput, Conflict, NotFound
from annotations.models import AuditEvent, Case, Job, Project, Rater, Slot
from annotations.selection import NO_CATEGORY, Selection
from annotations.statuses import CaseStatus, JobStatus, RaterKind, SlotPurpose, SlotStatus
from tests.world import World


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)


def finish(job: Job) -> dict[str, Any]:
    done = jobs.run_job(job.pk) or Job.objects.get(pk=job.pk)
    assert done.status == JobStatus.DONE, done.error
    return done.result


def assign(world: World, to: Any, **filters: Any) -> dict[str, Any]:
    return finish(
        steering.assign(
            world.project, rater=world.rater(to), selection=Selection(**filters), by=world.lead
        )
    )


def check_for(world: World, case: Case) -> Slot:
    return Slot.objects.create(
        project=world.project, case=case, rubric_version=world.rubric, number=1,
        purpose=SlotPurpose.REPEAT, assigned_to=world.rater(world.ann1),
    )  # fmt: skip


# ---- pause


def test_a_paused_queue_gives_out_nothing_and_a_resumed_one_does(world: World) -> None:
    world.make_case()
    assert steering.pause(world.project, by=world.lead)
    assert world.project.paused_at is not None
    assert world.claim(world.ann1) is None
    assert not steering.pause(world.project, by=world.lead)
    assert steering.resume(world.project, by=world.lead)
    assert world.claim(world.ann1) is not None
    assert not steering.resume(world.project, by=world.lead)
    verbs = AuditEvent.objects.filter(verb__endswith="queue").values_list("verb", "actor")
    assert list(verbs) == [
        ("paused queue", world.lead.pk),
        ("resumed queue", world.lead.pk),
    ]


def test_what_is_in_work_may_be_finished_while_the_queue_is_paused(world: World) -> None:
    world.make_case()
    slot = world.claim(world.ann1)
    steering.pause(world.project, by=world.lead)
    assert world.claim(world.ann1) == slot


# ---- hold and release


def test_held_cases_are_given_to_nobody_until_they_are_released(world: World) -> None:
    case, other = world.make_case("held"), world.make_case("free")
    chosen = Selection(text="held")
    assert finish(steering.hold(world.project, selection=chosen, by=world.lead)) == {"places": 2}
    slot = world.claim(world.ann1)
    assert slot is not None
    assert slot.case == other
    assert finish(steering.release(world.project, selection=chosen, by=world.lead))["places"] == 2
    slot = world.claim(world.ann2)
    assert slot is not None
    assert slot.case == case


def test_holding_touches_neither_done_places_nor_checks(world: World) -> None:
    case = world.make_case()
    world.give(world.ann1, case)
    check = check_for(world, case)
    assert finish(steering.hold(world.project, selection=Selection(), by=world.lead)) == {
        "places": 1
    }
    check.refresh_from_db()
    assert not check.is_held


# ---- by hand


def test_a_case_given_by_hand_comes_first_and_to_nobody_else(world: World) -> None:
    world.make_case("early")
    late = world.make_case("late", overlap=1)
    assert assign(world, world.ann2, text="late") == {"places": 1}
    slot = world.claim(world.ann2)
    assert slot is not None
    assert slot.case == late
    queue.give_back(slot, rater=world.rater(world.ann2))
    mine = world.claim(world.ann1)
    assert mine is not None
    assert str(mine.case) == "early"


def test_a_rater_is_given_a_case_once_and_never_one_that_was_had_or_skipped(world: World) -> None:
    had, skipped, full = (world.make_case(name) for name in ("had", "skipped", "full"))
    fresh = world.make_case("fresh")
    world.give(world.ann1, had)
    slot = world.claim(world.ann1, skipped)
    assert slot is not None
    queue.skip(slot, rater=world.rater(world.ann1), reason="Not for me.")
    world.settle(full)
    assert assign(world, world.ann1) == {"places": 1, "left_to_others": 3}
    assert Slot.objects.get(assigned_to__isnull=False).case == fresh
    assert assign(world, world.ann1) == {"left_to_others": 4}


def test_an_opt_out_is_kept_and_not_told(world: World) -> None:
    world.make_case("weapons", strata={"category": "weapons"})
    world.make_case("plain")
    Rater.objects.filter(pk=world.rater(world.ann1).pk).update(opt_outs=["weapons"])
    assert assign(world, world.ann1) == {"places": 1, "left_to_others": 1}
    assert str(Slot.objects.get(assigned_to__isnull=False).case) == "plain"


def test_what_is_given_by_hand_can_go_back_to_all(world: World) -> None:
    world.make_case()
    assign(world, world.ann1)
    done = steering.unassign(world.project, selection=Selection(state="given"), by=world.lead)
    assert finish(done) == {"places": 1}
    assert not Slot.objects.filter(assigned_to__isnull=False).exists()


def test_only_a_member_who_may_label_is_given_cases(world: World) -> None:
    world.make_case()
    judge = Rater.objects.create(
        project=world.project, kind=RaterKind.JUDGE, name="ensemble", revision="1"
    )
    elsewhere = Rater.objects.create(
        project=Project.objects.create(slug="other", name="Other"), kind=RaterKind.PERSON,
        name="R1", user=world.ann1,
    )  # fmt: skip
    for rater in (judge, elsewhere, world.rater(world.viewer)):
        with pytest.raises(BadInput, match="may label"):
            steering.assign(world.project, rater=rater, selection=Selection(), by=world.lead)


def test_a_few_cases_named_by_hand_are_done_at_once(world: World) -> None:
    case, other = world.make_case(), world.make_case()
    job = steering.assign(
        world.project, rater=world.rater(world.ann1), selection=Selection(cases=(case.pk,)),
        by=world.lead,
    )  # fmt: skip
    assert (job.status, job.result) == (JobStatus.DONE, {"places": 1})
    assert not other.slots.filter(assigned_to__isnull=False).exists()


# ---- taking back


def test_a_lease_taken_back_goes_to_another_and_the_draft_stays(world: World) -> None:
    case = world.make_case(overlap=1)
    slot = world.claim(world.ann1)
    assert slot is not None
    rater = world.rater(world.ann1)
    labelling.save_draft(slot, rater=rater, words={"harm": "no"})
    steering.take_back(world.project, slot=slot.pk, by=world.lead)
    assert world.claim(world.ann2) == slot
    assert case.annotations.get(rater=rater).draft["words"] == {"harm": "no"}
    event = AuditEvent.objects.get(verb="took back case")
    assert (event.actor, event.data) == (world.lead, {"rater": rater.name})


def test_there_is_nothing_to_take_back_where_nobody_works_or_elsewhere(world: World) -> None:
    slot = world.make_case().slots.first()
    assert slot is not None
    with pytest.raises(Conflict, match="Nobody works"):
        steering.take_back(world.project, slot=slot.pk, by=world.lead)
    other = Project.objects.create(slug="other", name="Other")
    with pytest.raises(NotFound):
        steering.take_back(other, slot=slot.pk, by=world.lead)
    check = check_for(world, slot.case)
    with pytest.raises(NotFound):
        steering.take_back(world.project, slot=check.pk, by=world.lead)


# ---- opening, and another version of the rubric


def test_places_are_opened_for_cases_that_have_none(world: World) -> None:
    case = world.make_case(slots=False, overlap=3)
    empty = world.make_case(slots=False, conversation=[], response="")
    done = steering.open_places(world.project, selection=Selection(state="new"), by=world.lead)
    assert finish(done) == {"places": 3}
    case.refresh_from_db()
    assert (case.status, empty.slots.count()) == (CaseStatus.LABELLING, 0)


def test_what_nobody_has_begun_moves_to_the_new_version(world: World) -> None:
    fresh, begun, drafted = (world.make_case(name) for name in ("fresh", "begun", "drafted"))
    old = world.rubric
    world.judged(fresh)  # a judge has not begun anything
    world.claim(world.ann1, begun)
    slot = world.claim(world.ann2, drafted)
    assert slot is not None
    labelling.save_draft(slot, rater=world.rater(world.ann2), words={"harm": "no"})
    queue.give_back(slot, rater=world.rater(world.ann2))
    world.add_severity()
    done = steering.move_to_released(world.project, selection=Selection(), by=world.lead)
    assert finish(done) == {"places": 2}
    assert set(fresh.slots.values_list("rubric_version", flat=True)) == {world.rubric.pk}
    for case in (begun, drafted):
        assert set(case.slots.values_list("rubric_version", flat=True)) == {old.pk}


def test_without_a_released_rubric_nothing_is_opened_or_moved(world: World) -> None:
    empty = members.create_project("Empty", by=world.lead)
    for verb in (steering.open_places, steering.move_to_released):
        with pytest.raises(BadInput):
            verb(empty, selection=Selection(), by=world.lead)


# ---- which cases are meant


def test_a_selection_finds_its_cases(world: World) -> None:
    weapons = world.make_case("weapons", strata={"category": "weapons"})
    audit = world.make_case("audit", is_audit=True, overlap=3)
    new = world.make_case("new", slots=False)
    settled = world.settle(world.make_case("settled"))
    world.claim(world.ann1, weapons)
    Slot.objects.filter(case=audit).update(severity=4)

    def found(**filters: Any) -> set[str]:
        return {str(case) for case in Selection(**filters).cases_of(world.project)}

    assert found() == {"weapons", "audit", "new", "settled"}
    assert found(category="weapons") == {"weapons"}
    assert found(category=NO_CATEGORY) == {"audit", "settled"}
    assert found(audit=True) == {"audit"}
    assert found(severity=4) == {"audit"}
    assert found(state="in_work") == {"weapons"}
    assert found(state="open") == {"weapons", "audit"}
    assert found(state="done") == found(state="settled") == {"settled"}
    assert found(state="new") == {"new"}
    assert found(text="EW") == {"new"}
    assert found(batch=world.batch.pk, version=1, audit=False) == {"weapons", "settled"}
    assert found(cases=(new.pk, settled.pk)) == {"new", "settled"}


def test_a_selection_is_data_that_a_job_can_keep() -> None:
    chosen = Selection(batch=3, audit=False, cases=(2, 1))
    assert chosen.as_json() == {"batch": 3, "audit": False, "cases": [1, 2]}
    assert Selection.from_json(chosen.as_json()).cases == (1, 2)
    assert Selection().as_json() == {}
    assert Selection().is_everything


@pytest.mark.parametrize(
    "nonsense", [{"colour": "red"}, {"state": "lost"}, {"cases": list(range(501))}]
)
def test_a_selection_that_means_nothing_is_refused(nonsense: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        Selection.from_json(nonsense)


def test_a_slot_in_work_is_never_assigned_moved_or_unassigned(world: World) -> None:
    case = world.make_case(overlap=1)
    slot = world.claim(world.ann1, case)
    assign(world, world.ann2)
    place = case.slots.get()
    assert place == slot
    assert (place.assigned_to, place.status) == (None, SlotStatus.LEASED)
