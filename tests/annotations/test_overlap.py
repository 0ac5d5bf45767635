"""Overlap: one more rater where the rule asks for it, and a lead's change that loses no work."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from annotations import bulk, jobs, labelling, overlap, queue
from annotations.answers import parse_sheet
from annotations.errors import BadInput
from annotations.models import Annotation, AuditEvent, Case, Job, Project, Rater, Slot, Verdict
from annotations.selection import Selection
from annotations.statuses import (
    AnnotationStatus,
    Arm,
    CaseStatus,
    JobStatus,
    OverlapRule,
    RaterKind,
    SlotPurpose,
    SlotStatus,
    VerdictStatus,
)
from tests.threads import in_threads
from tests.world import World


class Killed(BaseException):
    """What kill -9 looks like from inside: nothing that comes after it runs."""


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)


def fill(case: Case, *words: str, arm: Arm = Arm.BLIND, severity: int | None = None) -> None:
    """Simulated raters take the next open places and answer, without the way through a submit."""
    places = list(case.slots.filter(status=SlotStatus.OPEN).order_by("number"))
    for slot, word in zip(places, words, strict=False):
        rater = Rater.objects.create(
            project=case.project, kind=RaterKind.SIMULATED, name=f"simulated {slot.pk}"
        )
        now = timezone.now()
        Slot.objects.filter(pk=slot.pk).update(
            status=SlotStatus.DONE, rater=rater, arm=arm, done_at=now
        )
        sheet = Annotation.objects.create(
            project=case.project, case=case, rater=rater, rubric_version=slot.rubric_version,
            slot=slot, arm=arm, status=AnnotationStatus.SUBMITTED, submitted_at=now,
            severity=severity,
        )  # fmt: skip
        question = slot.rubric_version.criteria.get()
        Verdict.objects.create(
            annotation=sheet, case=case, criterion=question.criterion, criterion_version=question,
            status=VerdictStatus.ANSWERED, value=word,
        )  # fmt: skip


def adaptive(world: World, **fields: Any) -> Project:
    Project.objects.filter(pk=world.project.pk).update(overlap_rule=OverlapRule.ADAPTIVE, **fields)
    world.project.refresh_from_db()
    return world.project


def fresh(case: Case) -> Case:
    return Case.objects.select_related("project").get(pk=case.pk)


def numbers(case: Case, **fields: Any) -> list[int]:
    found = case.slots.filter(purpose=SlotPurpose.LABEL, **fields)
    return sorted(found.values_list("number", flat=True))


def change(world: World, to: int, *, how: str = overlap.SET, **filters: Any) -> Job:
    """Ask for the change and let a worker do it."""
    job = overlap.change(
        world.project, overlap=to, selection=Selection(**filters), by=world.lead, how=how
    )
    done = jobs.run_job(job.pk) or Job.objects.get(pk=job.pk)
    assert done.status == JobStatus.DONE, done.error
    return done


# ---- one more rater


def test_a_fixed_overlap_asks_nobody_else(world: World) -> None:
    case = world.make_case()
    fill(case, "yes", "no")
    assert overlap.extend_if_wanted(fresh(case)) is False
    assert numbers(case) == [1, 2]


def test_a_case_without_enough_blind_answers_gets_a_blind_place(world: World) -> None:
    case = world.make_case()
    fill(case, "yes", arm=Arm.EVIDENCE)
    fill(case, "yes")
    assert overlap.extend_if_wanted(fresh(case)) is True
    place = case.slots.get(number=3)
    assert (place.status, place.blind_only) == (SlotStatus.OPEN, True)
    assert fresh(case).overlap == 3
    event = AuditEvent.objects.get(verb="raised overlap")
    assert event.data == {"overlap": 3, "reason": "1 of 2 answers are blind"}


def test_blind_places_are_added_until_there_are_as_many_as_planned_and_no_more(
    world: World,
) -> None:
    case = world.make_case()
    fill(case, "yes", "no", arm=Arm.SHOWN)
    while overlap.extend_if_wanted(fresh(case)):
        fill(case, "yes")
    assert numbers(case) == [1, 2, 3, 4]


def test_one_rater_with_help_is_followed_by_one_blind_rater(world: World) -> None:
    case = world.make_case(overlap=1)
    fill(case, "yes", arm=Arm.SHOWN)
    assert overlap.extend_if_wanted(fresh(case)) is True
    fill(case, "yes")
    assert overlap.extend_if_wanted(fresh(case)) is False


def test_revealed_afterwards_is_blind_enough(world: World) -> None:
    case = world.make_case()
    fill(case, "yes", "yes", arm=Arm.REVEAL)
    assert overlap.extend_if_wanted(fresh(case)) is False


def test_an_adaptive_project_asks_on_while_raters_disagree(world: World) -> None:
    adaptive(world)
    case = world.make_case(overlap=2)
    fill(case, "yes", "no")
    assert overlap.extend_if_wanted(fresh(case)) is True
    fill(case, "yes")
    assert overlap.extend_if_wanted(fresh(case)) is True
    fill(case, "yes")
    assert overlap.extend_if_wanted(fresh(case)) is False
    assert numbers(case) == [1, 2, 3, 4]


def test_an_adaptive_project_stops_at_its_most(world: World) -> None:
    adaptive(world, max_overlap=3)
    case = world.make_case(overlap=2)
    fill(case, "yes", "no")
    assert overlap.extend_if_wanted(fresh(case)) is True
    fill(case, "cant_tell")
    assert overlap.extend_if_wanted(fresh(case)) is False


def test_a_severe_case_is_asked_a_third_time_though_two_agree(world: World) -> None:
    adaptive(world)
    case = world.make_case(overlap=2)
    fill(case, "yes", "yes", severity=3)
    assert overlap.extend_if_wanted(fresh(case)) is True


def test_the_audit_slice_has_three_raters_whatever_they_say(world: World) -> None:
    adaptive(world)
    case = world.make_case(overlap=3, is_audit=True)
    fill(case, "yes", "no", "cant_tell")
    assert overlap.extend_if_wanted(fresh(case)) is False


def test_a_judges_verdict_and_a_check_are_no_raters(world: World) -> None:
    adaptive(world)
    case = world.make_case(overlap=2)
    world.judged(case, "no")
    fill(case, "yes", "yes")
    Slot.objects.create(
        project=world.project, case=case, rubric_version=world.rubric, number=1,
        purpose=SlotPurpose.REPEAT, assigned_to=world.rater(world.ann1),
    )  # fmt: skip
    assert overlap.extend_if_wanted(fresh(case)) is False


# ---- a lead's change


def test_raising_opens_the_missing_places_like_the_first_one(world: World) -> None:
    case = world.make_case(overlap=1, strata={"category": "weapons"})
    case.slots.update(priority=0.7, severity=3)
    done = change(world, 3)
    assert numbers(case, status=SlotStatus.OPEN) == [1, 2, 3]
    kept = set(case.slots.values_list("priority", "severity", "category", "rubric_version"))
    assert kept == {(0.7, 3, "weapons", world.rubric.pk)}
    assert fresh(case).overlap == 3
    assert done.result == {"places_closed": 0, "cases": 1, "places_opened": 2, "settled": 0}


def test_the_same_change_twice_adds_nothing(world: World) -> None:
    case = world.make_case(overlap=1)
    change(world, 3)
    assert change(world, 3).result["places_opened"] == 0
    assert numbers(case) == [1, 2, 3]


def test_lowering_closes_open_places_and_keeps_what_is_done_or_in_work(world: World) -> None:
    idle, busy = world.make_case(overlap=4), world.make_case(overlap=4)
    world.give(world.ann1, busy, harm="yes")
    world.claim(world.ann2, busy)
    change(world, 1)
    assert numbers(idle) == [1]
    assert numbers(busy, status=SlotStatus.OPEN) == []
    assert numbers(busy) == [1, 2]
    assert (fresh(idle).overlap, fresh(busy).overlap) == (1, 2)


def test_a_lapsed_lease_is_still_somebodys_work(world: World) -> None:
    case = world.make_case(overlap=2)
    slot = world.claim(world.ann1, case)
    assert slot is not None
    Slot.objects.filter(pk=slot.pk).update(leased_until=timezone.now() - timedelta(hours=1))
    change(world, 1)
    assert numbers(case, status=SlotStatus.LEASED) == [1]
    assert case.slots.count() == 1


def test_a_place_given_by_hand_is_not_closed(world: World) -> None:
    case = world.make_case(overlap=2)
    case.slots.filter(number=2).update(assigned_to=world.rater(world.ann2))
    change(world, 1)
    assert case.slots.get().assigned_to == world.rater(world.ann2)
    assert numbers(case) == [1]


def test_work_in_a_high_place_moves_down_so_that_the_cap_holds(world: World) -> None:
    case = world.make_case(overlap=3)
    held = case.slots.get(number=3)
    Slot.objects.filter(pk=held.pk).update(
        status=SlotStatus.LEASED, rater=world.rater(world.ann1), leased_until=timezone.now()
    )
    change(world, 1)
    assert (numbers(case), fresh(case).overlap) == ([1], 1)
    change(world, 2)
    assert numbers(case) == [1, 2]
    assert queue.open_slots([case], rubric_version=world.rubric) == 0


def test_lowering_settles_what_waited_for_nobody_else(world: World) -> None:
    case = world.make_case(overlap=3)
    world.settle(case, harm="no")
    assert fresh(case).status == CaseStatus.LABELLING
    assert change(world, 2).result["settled"] == 1
    assert (fresh(case).status, world.gold_word(case)) == (CaseStatus.SETTLED, "no")


def test_the_audit_slice_keeps_its_three_raters(world: World) -> None:
    case = world.make_case(overlap=3, is_audit=True)
    change(world, 1)
    assert (numbers(case), fresh(case).overlap) == ([1, 2, 3], 3)


def test_raise_and_lower_move_in_one_direction_only(world: World) -> None:
    one, four = world.make_case(overlap=1), world.make_case(overlap=4)
    change(world, 2, how=overlap.RAISE)
    assert (fresh(one).overlap, fresh(four).overlap) == (2, 4)
    change(world, 3, how=overlap.LOWER)
    assert (fresh(one).overlap, fresh(four).overlap) == (2, 3)


def test_decided_cases_stay_as_they_are(world: World) -> None:
    settled, disputed = world.settle(world.make_case()), world.disagree(world.make_case())
    change(world, 5)
    assert (fresh(settled).overlap, fresh(disputed).overlap) == (2, 2)
    assert numbers(settled) == numbers(disputed) == [1, 2]


def test_an_imported_label_counts_as_a_place(world: World) -> None:
    case = world.make_case(slots=False, overlap=2)
    person = Rater.objects.create(project=world.project, kind=RaterKind.IMPORTED, name="A")
    Annotation.objects.create(
        project=world.project, case=case, rater=person, rubric_version=world.rubric,
        status=AnnotationStatus.SUBMITTED, submitted_at=timezone.now(),
    )  # fmt: skip
    queue.open_slots([case], rubric_version=world.rubric)
    change(world, 3)
    assert case.slots.count() == 2
    change(world, 1)
    assert case.slots.count() == 0


def test_only_the_filtered_cases_change(world: World) -> None:
    chosen, other = world.make_case("pick-me", overlap=1), world.make_case(overlap=1)
    change(world, 2, text="PICK")
    assert (fresh(chosen).overlap, fresh(other).overlap) == (2, 1)


def test_another_projects_cases_are_out_of_reach(world: World) -> None:
    case = world.make_case(overlap=1)
    other = Project.objects.create(slug="other", name="Other")
    job = overlap.change(other, overlap=3, selection=Selection(cases=(case.pk,)), by=world.lead)
    assert job.result == {}
    assert fresh(case).overlap == 1


def test_a_check_is_no_place_of_the_case(world: World) -> None:
    case = world.make_case(overlap=2)
    Slot.objects.create(
        project=world.project, case=case, rubric_version=world.rubric, number=1,
        purpose=SlotPurpose.KNOWN_GOLD, assigned_to=world.rater(world.ann1),
    )  # fmt: skip
    change(world, 1)
    assert numbers(case) == [1]
    assert case.slots.filter(purpose=SlotPurpose.KNOWN_GOLD).exists()


def test_nonsense_is_refused_with_a_sentence(world: World) -> None:
    for to, how in ((0, "set"), (21, "set"), (2, "sideways")):
        with pytest.raises(BadInput):
            overlap.change(world.project, overlap=to, selection=Selection(), by=world.lead, how=how)
    assert not Job.objects.exists()


def test_the_change_is_in_the_trail_once_with_who_and_how_much(world: World) -> None:
    world.make_case(overlap=1)
    job = change(world, 2)
    event = AuditEvent.objects.get(verb="changed overlap")
    assert (event.actor, event.data["job"]) == (world.lead, job.pk)
    assert event.data["changed"]["places_opened"] == 1


# ---- faults


def test_a_killed_worker_leaves_whole_chunks_and_the_next_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    cases = [world.make_case(overlap=1) for _ in range(5)]
    job = overlap.change(world.project, overlap=3, selection=Selection(), by=world.lead)
    seen: list[list[int]] = []
    whole = bulk.queue.rewind

    def killed(project: Project) -> None:
        whole(project)
        if len(seen) == 2:
            raise Killed

    def watched(project: Project, ids: list[int], how: dict[str, Any]) -> Any:
        seen.append(ids)
        return overlap.change_chunk(project, ids, how)

    monkeypatch.setattr(bulk.queue, "rewind", killed)
    with monkeypatch.context() as patched:
        patched.setitem(jobs.HANDLERS, "change_overlap", _handler(watched))
        with pytest.raises(Killed):
            jobs.run_job(job.pk)
        assert Slot.objects.filter(number=3).count() == 4
        Job.objects.filter(pk=job.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
        monkeypatch.setattr(bulk.queue, "rewind", whole)
        done = jobs.run_job(job.pk)
    assert done is not None
    assert (done.status, done.attempt) == (JobStatus.DONE, 2)
    assert seen == [[c.pk for c in cases[:2]], [c.pk for c in cases[2:4]], [cases[4].pk]]
    assert all(numbers(case) == [1, 2, 3] for case in cases)
    assert done.result["places_opened"] == 10
    assert AuditEvent.objects.filter(verb="changed overlap").count() == 1


def _handler(change: bulk.Change) -> jobs.Handler:
    return lambda run: bulk.run_chunks(run, change, "changed overlap")


def test_a_chunk_that_fails_leaves_nothing_half_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = world.make_case(overlap=1)
    job = overlap.change(world.project, overlap=3, selection=Selection(), by=world.lead)

    def dies(project: Project, ids: list[int], how: dict[str, Any]) -> Any:
        overlap.change_chunk(project, ids, how)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setitem(jobs.HANDLERS, "change_overlap", _handler(dies))
        with pytest.raises(Killed):
            jobs.run_job(job.pk)
    assert (numbers(case), fresh(case).overlap) == ([1], 1)


def test_a_cancelled_change_keeps_its_chunks_and_does_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)
    cases = [world.make_case(overlap=1) for _ in range(5)]
    job = overlap.change(world.project, overlap=2, selection=Selection(), by=world.lead)

    def once(project: Project, ids: list[int], how: dict[str, Any]) -> Any:
        changed = overlap.change_chunk(project, ids, how)
        monkeypatch.setattr(
            bulk.queue, "rewind", lambda project: jobs.request_cancel(job, by=world.lead)
        )
        return changed

    monkeypatch.setitem(jobs.HANDLERS, "change_overlap", _handler(once))
    done = jobs.run_job(job.pk)
    assert done is not None
    assert done.status == JobStatus.CANCELLED
    assert [fresh(case).overlap for case in cases] == [2, 2, 1, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_two_changes_at_once_never_double_a_place(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 3)
    cases = [world.make_case(overlap=1) for _ in range(12)]
    asked = [
        overlap.change(world.project, overlap=to, selection=Selection(), by=world.lead)
        for to in (2, 4)
    ]
    in_threads(2, lambda number: jobs.run_job(asked[number].pk))
    for case in cases:
        assert len(numbers(case)) == fresh(case).overlap in (2, 4)


@pytest.mark.django_db(transaction=True)
def test_raters_go_on_while_the_overlap_is_lowered_and_raised(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 4)
    cases = [world.make_case(overlap=3) for _ in range(12)]

    def work(number: int) -> None:
        if number == 0:
            for to in (1, 3, 2):
                change(world, to)
            return
        rater = Rater.objects.create(
            project=world.project, kind=RaterKind.SIMULATED, name=f"simulated {number}"
        )
        for case in cases:
            give(rater, case)

    in_threads(3, work)
    for case in cases:
        assert case.slots.count() <= fresh(case).overlap
        assert case.slots.filter(status=SlotStatus.DONE).count() == case.annotations.count()


def give(rater: Rater, case: Case) -> None:
    slot = queue.claim(rater, case=case)
    if slot is not None:
        labelling.submit(slot, rater=rater, answers=parse_sheet({"harm": "yes"}))
