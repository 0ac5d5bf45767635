"""Sittings: exposure a day, breaks, pauses, severe runs, and check-ins that say no name."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotations import sittings
from annotations.errors import BadInput
from annotations.models import CheckIn, Project, Sitting
from tests.threads import in_threads
from tests.world import World

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def sitting_of(world: World, *, at: datetime = NOON) -> Sitting:
    return sittings.current(world.rater(world.ann1), now=at)


def capped(world: World, **rules: int) -> Project:
    """The project with these caps."""
    Project.objects.filter(pk=world.project.pk).update(**rules)
    return Project.objects.get(pk=world.project.pk)


def work(world: World, *, start: float, minutes: float, severity: int | None = None) -> Sitting:
    """The annotator answers one case, from `start`, in so many minutes."""
    sitting = sitting_of(world, at=after(start))
    sittings.note_answer(
        sitting, seconds=minutes * 60, severity=severity, now=after(start + minutes)
    )
    return Sitting.objects.get(pk=sitting.pk)


# ---- one sitting at a time


def test_a_sitting_goes_on_while_something_happens(world: World) -> None:
    first = work(world, start=0, minutes=20)
    second = work(world, start=45, minutes=10)
    assert (first.pk, second.cases) == (second.pk, 2)
    assert second.exposure_seconds == 30 * 60


def test_asking_for_a_sitting_that_goes_on_is_one_query(world: World) -> None:
    rater = world.rater(world.ann1)
    sittings.current(rater, now=NOON)
    with CaptureQueriesContext(connection) as asked:
        sittings.current(rater, now=after(5))
    assert len(asked) == 1


def test_noting_an_answer_is_one_statement(world: World) -> None:
    sitting = sitting_of(world)
    with CaptureQueriesContext(connection) as asked:
        sittings.note_answer(sitting, seconds=5.0, severity=4, now=after(1))
    assert len(asked) == 1


def test_after_half_an_hour_of_nothing_a_new_sitting_starts(world: World) -> None:
    old = work(world, start=0, minutes=10)
    new = sitting_of(world, at=after(40))
    old.refresh_from_db()
    assert new.pk != old.pk
    assert old.ended_at == after(10)
    assert (new.cases, new.since_break) == (0, 0)


def test_the_minutes_of_a_day_are_carried_into_the_next_sitting(world: World) -> None:
    work(world, start=0, minutes=20)
    new = sitting_of(world, at=after(120))
    assert new.exposure_seconds == 20 * 60


def test_a_new_day_starts_at_nothing(world: World) -> None:
    work(world, start=0, minutes=20)
    assert sitting_of(world, at=NOON + timedelta(days=1)).exposure_seconds == 0


def test_a_sitting_over_midnight_counts_the_new_day_only(world: World) -> None:
    project = capped(world, exposure_minutes=20)
    late = 11.5 * 60  # 23:30
    before = work(world, start=late, minutes=25)
    assert sittings.due(before, project, after(late + 26)) is not None
    assert sittings.due(before, project, after(late + 31)) is None
    over = work(world, start=late + 30, minutes=10)
    assert over.pk == before.pk
    assert over.exposure_seconds == 10 * 60


@pytest.mark.django_db(transaction=True)
def test_two_tabs_at_once_share_one_sitting(world: World) -> None:
    rater = world.rater(world.ann1)
    found: set[int] = set()
    in_threads(4, lambda _: found.add(sittings.current(rater, now=NOON).pk))
    assert found == set(Sitting.objects.values_list("pk", flat=True))
    assert len(found) == 1


def test_time_on_a_page_that_lies_open_is_bounded(world: World) -> None:
    sitting = sitting_of(world)
    sittings.note_answer(sitting, seconds=9 * 3600, now=after(20))
    sitting.refresh_from_db()
    assert sitting.exposure_seconds == sittings.IDLE.total_seconds()


def test_an_answer_without_a_known_time_counts_as_a_case(world: World) -> None:
    sitting = sitting_of(world)
    sittings.note_answer(sitting, seconds=None, now=after(1))
    sitting.refresh_from_db()
    assert (sitting.cases, sitting.exposure_seconds) == (1, 0)


def test_a_case_fetched_ahead_counts_from_the_answer_before(world: World) -> None:
    sitting = work(world, start=0, minutes=5)
    spent = sittings.seconds_on_case(sitting, since=after(1), now=after(7))
    assert spent == 2 * 60


def test_a_skip_counts_its_time_and_no_case(world: World) -> None:
    sitting = sitting_of(world)
    sittings.note_skip(sitting, seconds=30, now=after(1))
    sitting.refresh_from_db()
    assert (sitting.cases, sitting.exposure_seconds, sitting.severe_run) == (0, 30, 0)


# ---- what is due


def test_nothing_is_due_in_a_project_without_caps(world: World) -> None:
    sitting = work(world, start=0, minutes=29, severity=4)
    assert sittings.due(sitting, world.project, after(29)) is None
    assert sittings.exposure(sitting, world.project, after(29)) == sittings.Exposure(29, None, None)


def test_at_the_days_cap_no_case_is_given_until_midnight(world: World) -> None:
    project = capped(world, exposure_minutes=15, break_every=10)
    sitting = work(world, start=0, minutes=15)
    found = sittings.due(sitting, project, after(15))
    assert found is not None
    assert (found.kind, found.stops) == ("cap", True)
    assert found.until == datetime(2026, 3, 5, tzinfo=UTC)


def test_a_break_is_offered_after_its_minutes_and_lasts_when_taken(world: World) -> None:
    project = capped(world, break_every=10, break_minutes=5)
    sitting = work(world, start=0, minutes=9)
    assert sittings.due(sitting, project, after(9)) is None
    sitting = work(world, start=9, minutes=1)
    assert sittings.due(sitting, project, after(10)) == sittings.Due("break", 5)
    assert sittings.take_break(sitting, project, now=after(10)) == after(15)
    sitting.refresh_from_db()
    assert sittings.due(sitting, project, after(14)) == sittings.Due("break", 5, after(15))
    assert sittings.due(sitting, project, after(15)) is None


def test_a_break_can_be_declined_and_comes_again(world: World) -> None:
    project = capped(world, break_every=10)
    sitting = work(world, start=0, minutes=10)
    sittings.go_on_without_break(sitting)
    sitting.refresh_from_db()
    assert sittings.due(sitting, project, after(10)) is None
    again = work(world, start=10, minutes=10)
    assert sittings.due(again, project, after(20)) is not None


def test_a_taken_break_can_be_ended_early(world: World) -> None:
    project = capped(world, break_every=10)
    sitting = work(world, start=0, minutes=10)
    sittings.take_break(sitting, project, now=after(10))
    sittings.resume(sitting, now=after(11))
    sitting.refresh_from_db()
    assert sittings.due(sitting, project, after(11)) is None


def test_after_a_run_of_severe_cases_milder_ones_come(world: World) -> None:
    project = capped(world, severe_run=2)
    work(world, start=0, minutes=1, severity=3)
    sitting = work(world, start=1, minutes=1, severity=4)
    found = sittings.due(sitting, project, after(2))
    assert found is not None
    assert (found.kind, found.stops) == ("severe", False)
    mild = work(world, start=2, minutes=1, severity=2)
    assert sittings.due(mild, project, after(3)) is None


def test_a_sheet_without_a_severity_ends_the_run(world: World) -> None:
    work(world, start=0, minutes=1, severity=4)
    assert work(world, start=1, minutes=1).severe_run == 0


def test_the_bar_says_how_long_until_the_next_break(world: World) -> None:
    project = capped(world, exposure_minutes=60, break_every=30)
    sitting = work(world, start=0, minutes=21)
    assert sittings.exposure(sitting, project, after(21)) == sittings.Exposure(21, 60, 9)


# ---- pauses


def test_a_pause_stops_the_clock_and_counts_what_came_before(world: World) -> None:
    sitting = sitting_of(world)
    sittings.pause(sitting, now=after(2))
    sittings.pause(Sitting.objects.get(pk=sitting.pk), now=after(9))
    sitting.refresh_from_db()
    assert sitting.paused_at == after(2)
    sittings.resume(sitting, now=after(12))
    sitting.refresh_from_db()
    assert sitting.exposure_seconds == 2 * 60
    assert sittings.seconds_on_case(sitting, since=NOON, now=after(13)) == 60


def test_a_pause_as_long_as_a_break_was_one(world: World) -> None:
    capped(world, break_every=30, break_minutes=5)
    sitting = work(world, start=0, minutes=10, severity=4)
    sittings.pause(sitting, now=after(10))
    sitting.refresh_from_db()
    sittings.resume(sitting, now=after(15))
    sitting.refresh_from_db()
    assert (sitting.since_break, sitting.severe_run) == (0, 0)


def test_a_short_pause_was_none(world: World) -> None:
    capped(world, break_every=30, break_minutes=5)
    sitting = work(world, start=0, minutes=10, severity=4)
    sittings.pause(sitting, now=after(10))
    sitting.refresh_from_db()
    sittings.resume(sitting, now=after(12))
    sitting.refresh_from_db()
    assert (sitting.since_break, sitting.severe_run) == (600, 1)


# ---- check-ins


def test_a_check_in_keeps_the_week_and_no_name(world: World) -> None:
    sittings.check_in(world.project, 4, now=NOON)
    row = CheckIn.objects.get()
    assert (row.strain, str(row.week)) == (4, "2026-03-02")
    assert {field.name for field in CheckIn._meta.get_fields()} == {
        "id", "project", "week", "strain"
    }  # fmt: skip


def test_a_sitting_checks_in_once(world: World) -> None:
    sitting = sitting_of(world)
    sittings.check_in(world.project, 4, sitting=sitting, now=NOON)
    sittings.check_in(world.project, 1, sitting=sitting, now=NOON)
    assert [row.strain for row in CheckIn.objects.all()] == [4]


@pytest.mark.parametrize("strain", [0, 6, -1])
def test_a_check_in_off_the_scale_is_refused(world: World, strain: int) -> None:
    with pytest.raises(BadInput, match="1, at ease, to 5"):
        sittings.check_in(world.project, strain)
    assert not CheckIn.objects.exists()
