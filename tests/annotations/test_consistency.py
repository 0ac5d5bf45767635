"""Repeats and drift of a project: what is counted, alarms kept once, closed with a note, for leads alone."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from annotations import drift, retest
from annotations.errors import BadInput
from annotations.measurement.drift import BASELINE_CHECKS
from annotations.models import AuditEvent, Check, DriftAlarm, Slot
from annotations.statuses import Drift, SlotPurpose
from tests.world import World, signed_in

START = timezone.now() - timedelta(days=60)


def answer_checks(
    world: World, words: str, *, purpose: SlotPurpose = SlotPurpose.KNOWN_GOLD, from_: int = 0
) -> None:
    """A check a letter, an hour apart: "." as expected, "x" not."""
    rater = world.rater(world.ann1)
    for number, letter in enumerate(words, start=from_):
        case = world.make_case(slots=False)
        slot = Slot.objects.create(
            project=world.project, case=case, rubric_version=world.rubric, number=1, purpose=purpose
        )
        Check.objects.create(
            slot=slot, project=world.project, case=case, rater=rater, rubric_version=world.rubric,
            purpose=purpose, expected={"harm": "yes"}, n_asked=1,
            given={"harm": "yes" if letter == "." else "no"},
            answered_at=START + timedelta(hours=number),
        )  # fmt: skip


def address(world: World, part: str = "") -> str:
    return f"/p/{world.project.slug}/consistency/{part}"


QUIET = "." * (BASELINE_CHECKS + 5)


def test_repeats_are_compared_with_the_own_first_answer(world: World) -> None:
    answer_checks(world, "...x", purpose=SlotPurpose.REPEAT)
    answer_checks(world, "xx", purpose=SlotPurpose.KNOWN_GOLD)
    (found,) = retest.of_project(world.project)
    assert (found.pooled.same.value, found.pooled.same.n) == (0.75, 4)
    assert list(found.raters) == [world.rater(world.ann1).pk]


def test_a_rater_who_changes_raises_one_alarm_with_its_date_and_cases(world: World) -> None:
    answer_checks(world, QUIET + "x" * 12)
    new = drift.watch(world.project)
    (first,) = new  # of one rater alone, all together is the same series
    assert first.rater == world.rater(world.ann1)
    assert first.kind == Drift.CHECKS
    assert first.is_rise
    assert first.began_at >= START + timedelta(hours=len(QUIET))
    assert set(first.cases) <= {case.pk for case in world.cases[len(QUIET) :]}
    assert AuditEvent.objects.filter(verb="alarm of drift", actor=None).count() == len(new)
    assert drift.watch(world.project) == []  # twice is once


def test_what_comes_after_the_closing_of_an_alarm_is_news_again(world: World) -> None:
    answer_checks(world, QUIET + "x" * 12)
    (alarm,) = drift.watch(world.project)
    drift.close(alarm, by=world.lead, note="Talked about it.")
    assert drift.watch(world.project) == []  # raised before somebody looked: the same news
    DriftAlarm.objects.update(closed_at=START + timedelta(hours=len(QUIET) + 12))
    answer_checks(world, "x" * 8, from_=len(QUIET) + 13)
    assert len(drift.watch(world.project)) == 1


def test_a_rater_who_stays_raises_none(world: World) -> None:
    answer_checks(world, "........x." * 10)
    assert drift.watch(world.project) == []


def test_the_rate_is_watched_at_the_score_of_one_judge_revision(world: World) -> None:
    case, other = world.make_case(), world.make_case()
    world.judged(case, "yes", score=0.9)
    world.judged(other, "yes", score=0.2, revision="rev-2")
    for one in (case, other):
        world.give(world.ann1, one, harm="yes")
    (rate,) = [s for s in drift.series(world.project) if s.kind == Drift.RATE]
    (point,) = rate.points
    assert (point.x, point.score) == (True, 0.9)


def test_of_all_raters_together_a_case_counts_once(world: World) -> None:
    case = world.make_case()
    world.judged(case, "yes", score=0.9)
    world.give(world.ann1, case, harm="yes")
    world.give(world.ann2, case, harm="no")
    by_rater = {s.rater.pk if s.rater else 0: len(s.points)
                for s in drift.series(world.project) if s.kind == Drift.RATE}  # fmt: skip
    assert set(by_rater.values()) == {1}
    assert len(by_rater) == 3


def test_an_alarm_is_closed_with_what_was_found(client: Client, world: World) -> None:
    answer_checks(world, QUIET + "x" * 12)
    alarm = drift.watch(world.project)[0]
    signed_in(client, world.lead)
    text = client.get(address(world)).content.decode()
    assert "Wrong answers to cases whose answer is known".lower() in text
    assert "give training on them" in text
    assert "alarm" in client.get(f"/p/{world.project.slug}/members/").content.decode()
    assert client.post(address(world, f"{alarm.pk}/close/"), {"note": " "}).status_code == 422
    client.post(address(world, f"{alarm.pk}/close/"), {"note": "Talked about clause 2."})
    alarm.refresh_from_db()
    assert (alarm.closed_by, alarm.note) == (world.lead, "Talked about clause 2.")
    assert "Talked about clause 2." in client.get(address(world)).content.decode()
    with pytest.raises(BadInput):
        drift.close(alarm, by=world.lead, note="")


def test_the_database_keeps_an_alarm_once_and_wants_a_note(world: World) -> None:
    answer_checks(world, QUIET + "x" * 12)
    (alarm,) = drift.watch(world.project)
    DriftAlarm.objects.update(rater=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        DriftAlarm.objects.create(
            project=world.project, kind=alarm.kind, criterion=alarm.criterion, rater=None,
            is_rise=alarm.is_rise, raised_at=alarm.raised_at, began_at=alarm.began_at,
        )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        DriftAlarm.objects.filter(pk=alarm.pk).update(closed_at=timezone.now())


def test_an_empty_project_says_what_will_come(client: Client, world: World) -> None:
    text = signed_in(client, world.lead).get(address(world)).content.decode()
    assert "No alarm is open." in text
    assert "No repeat with this criterion was answered yet." in text


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer", "stranger"])
def test_nobody_but_leads_sees_or_closes_anything(client: Client, world: World, who: str) -> None:
    answer_checks(world, QUIET + "x" * 12)
    alarm = drift.watch(world.project)[0]
    signed_in(client, getattr(world, who))
    status = 404 if who == "stranger" else 403
    assert client.get(address(world)).status_code == status
    sent = client.post(address(world, f"{alarm.pk}/close/"), {"note": "Nothing."})
    assert sent.status_code == status
    assert "alarm" not in client.get(f"/p/{world.project.slug}/members/").content.decode()
    alarm.refresh_from_db()
    assert alarm.closed_at is None
