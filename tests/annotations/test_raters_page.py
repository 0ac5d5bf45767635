"""The lead's panel of raters: load and skill side by side, unranked, for leads alone."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from annotations import members, panel, queue, sittings
from annotations.models import Annotation, Check, Membership, Slot
from annotations.panel import Row
from annotations.statuses import SlotPurpose, SlotStatus
from tests.world import World, signed_in


def see(client: Client, world: World, who: User) -> str:
    signed_in(client, who)
    return client.get(reverse("raters", args=[world.project.slug])).content.decode()


def row_of(world: World, who: User) -> Row:
    rater = world.rater(who)
    return next(row for row in panel.rows(world.project) if row.rater == rater)


def checked(
    world: World, who: User, given: str, *, purpose: SlotPurpose = SlotPurpose.KNOWN_GOLD
) -> None:
    """The user answered a check whose right answer is yes."""
    case, now = world.make_case(slots=False), timezone.now()
    slot = Slot.objects.create(
        project=world.project, case=case, rubric_version=world.rubric, number=1, purpose=purpose,
        assigned_to=world.rater(who), rater=world.rater(who), status=SlotStatus.DONE, done_at=now,
    )  # fmt: skip
    Check.objects.create(
        slot=slot, project=world.project, case=case, rater=world.rater(who), purpose=purpose,
        rubric_version=world.rubric, expected={"harm": "yes"}, given={"harm": given},
        n_asked=1, n_right=int(given == "yes"), answered_at=now,
    )  # fmt: skip


def test_the_panel_is_for_leads_alone(client: Client, world: World) -> None:
    for who in (world.ann1, world.adjudicator, world.viewer):
        signed_in(client, who)
        assert client.get(reverse("raters", args=[world.project.slug])).status_code == 403
    assert "Raters" in see(client, world, world.lead)


def test_before_anybody_rates_the_page_says_what_to_do(client: Client, world: World) -> None:
    assert "Nobody rates here yet" in see(client, world, world.lead)


def test_raters_stand_in_the_order_of_pseudonyms_whatever_their_figures(
    client: Client, world: World
) -> None:
    Membership.objects.filter(user=world.lead).update(pseudonym="R10")
    for _ in range(3):
        checked(world, world.ann2, "yes")
        checked(world, world.ann1, "no")
    world.give(world.lead, world.make_case())
    assert [row.name for row in panel.rows(world.project)] == ["R2", "R3", "R10"]
    page = see(client, world, world.lead)
    assert page.index(">R2<") < page.index(">R3<") < page.index(">R10<")
    main = page.split('id="content"')[1]
    assert not re.search(r"[?&](sort|order)=|tone-|badge|is-(ok|bad)", main)


def test_people_are_named_by_pseudonym_only(client: Client, world: World) -> None:
    world.give(world.ann1, world.make_case())
    main = see(client, world, world.lead).split('id="content"')[1]
    assert "R2" in main
    assert "ann1" not in main


def test_load_counts_what_is_done_in_work_and_skipped(client: Client, world: World) -> None:
    world.give(world.ann1, world.make_case())
    passed = world.make_case()
    slot = world.claim(world.ann1, passed)
    assert slot is not None
    queue.skip(slot, rater=world.rater(world.ann1), reason="I would rather not read this: my own")
    world.make_case()
    world.claim(world.ann1)
    row = row_of(world, world.ann1)
    assert (row.done, row.in_work, row.skipped) == (1, 1, 1)
    page = see(client, world, world.lead)
    assert "I would rather not read this" in page  # counted over all raters
    assert "my own" not in page


def test_a_lapsed_lease_is_not_in_work(world: World) -> None:
    world.make_case()
    world.claim(world.ann1)
    Slot.objects.filter(status=SlotStatus.LEASED).update(
        leased_until=timezone.now() - timedelta(seconds=1)
    )
    assert row_of(world, world.ann1).in_work == 0


def test_pace_is_the_median_with_the_middle_half(world: World) -> None:
    for seconds in (10.0, 20.0, 30.0, 40.0, 50.0):
        sheet = world.give(world.ann1, world.make_case())
        Annotation.objects.filter(pk=sheet.pk).update(seconds=seconds)
    assert row_of(world, world.ann1).pace == panel.Pace(30.0, 20.0, 40.0, 5)


def test_without_a_known_time_there_is_no_pace(world: World) -> None:
    sheet = world.give(world.ann1, world.make_case())
    Annotation.objects.filter(pk=sheet.pk).update(seconds=None)
    row = row_of(world, world.ann1)
    assert (row.done, row.pace) == (1, None)


def test_skill_is_a_beta_posterior_with_its_interval(world: World) -> None:
    for word in ("yes", "yes", "yes", "no"):
        checked(world, world.ann1, word)
    found = row_of(world, world.ann1).per_criterion[world.harm.criterion_id]
    assert found.value == pytest.approx(4 / 6)  # Laplace: (3 + 1) / (4 + 2)
    assert (found.n, found.has_interval) == (4, True)


def test_repeats_and_training_are_no_skill(world: World) -> None:
    checked(world, world.ann1, "no", purpose=SlotPurpose.TRAINING)
    checked(world, world.ann1, "yes", purpose=SlotPurpose.REPEAT)
    row = row_of(world, world.ann1)
    assert row.per_criterion == {}
    assert row.skill is not None
    assert row.skill.consistency.n == 1


def test_agreement_with_gold_counts_first_blind_answers_on_settled_cases(world: World) -> None:
    world.settle(world.make_case(), harm="no")
    world.make_case()
    world.disagree(world.make_case())  # not settled: counts for nobody
    found = row_of(world, world.ann1).with_gold[world.harm.criterion_id]
    assert (found.value, found.n) == (1.0, 1)


def test_answers_given_with_help_are_not_compared_with_gold(world: World) -> None:
    world.settle(world.make_case(), harm="no")
    Annotation.objects.filter(rater=world.rater(world.ann1)).update(arm="shown")
    assert row_of(world, world.ann1).with_gold == {}


def test_minutes_today_are_those_of_the_last_sitting(world: World) -> None:
    now = timezone.now().replace(hour=12)
    rater = world.rater(world.ann1)
    sittings.note_answer(sittings.current(rater, now=now), seconds=600, now=now)
    later = now + timedelta(hours=2)
    sittings.note_answer(sittings.current(rater, now=later), seconds=300, now=later)
    (row,) = [r for r in panel.rows(world.project, now=later) if r.rater == rater]
    assert row.minutes_today == 15
    (row,) = [
        r for r in panel.rows(world.project, now=later + timedelta(days=1)) if r.rater == rater
    ]
    assert row.minutes_today == 0


def test_a_removed_rater_who_did_something_stays_listed(world: World) -> None:
    world.give(world.ann1, world.make_case())
    world.rater(world.ann2)
    for who in (world.ann1, world.ann2):
        members.remove(world.member(world.lead), member=world.member(who))
    assert [(row.name, row.role) for row in panel.rows(world.project)] == [("R2", "removed")]


def test_the_number_of_queries_does_not_grow_with_raters(world: World) -> None:
    counts = []
    for who in (world.ann1, world.ann2):
        world.give(who, world.make_case())
        checked(world, who, "yes")
        with CaptureQueriesContext(connection) as asked:
            panel.rows(world.project)
        counts.append(len(asked))
    assert counts[0] == counts[1]
