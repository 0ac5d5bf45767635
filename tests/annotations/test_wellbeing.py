"""Wellbeing: choices that nobody is told of, caps for all, and figures of groups only."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from annotations import adjudication, labelling, members, queue, sittings, wellbeing
from annotations.errors import BadInput, NotAllowed
from annotations.models import (
    Annotation,
    AuditEvent,
    Case,
    CheckIn,
    Membership,
    Project,
    Rater,
    Sitting,
    Slot,
)
from annotations.statuses import RaterKind, Role, SlotPurpose, SlotStatus
from tests.world import World, signed_in

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
CAPS = {"exposure_minutes": 60, "break_every": 20, "break_minutes": 6, "severe_run": 3}


def case_of(world: World, category: str, **fields: object) -> Case:
    return world.make_case(strata={"category": category}, **fields)


def opt_out(world: World, who: User, *categories: str) -> Rater:
    return wellbeing.set_opt_outs(world.rater(who), categories)


def crowd(world: World, n: int) -> list[Rater]:
    """So many more annotators."""
    people = [User.objects.create_user(f"person-{number}") for number in range(n)]
    return [
        members.rater_for(members.add_member(world.project, user=one, role=Role.ANNOTATOR, by=None))
        for one in people
    ]


def see(client: Client, world: World, who: User) -> str:
    signed_in(client, who)
    return client.get(reverse("wellbeing", args=[world.project.slug])).content.decode()


def send(client: Client, world: World, name: str, **sent: object) -> int:
    return client.post(reverse(name, args=[world.project.slug]), sent).status_code


# ---- opting out


def test_the_categories_are_those_of_the_cases(world: World) -> None:
    for word in ("self-harm", "fraud", "fraud"):
        case_of(world, word)
    world.make_case()
    assert wellbeing.categories(world.project) == ["fraud", "self-harm"]


def test_a_rater_is_not_given_what_the_rater_opted_out_of(world: World) -> None:
    grim = case_of(world, "self-harm")
    mild = case_of(world, "fraud")
    opt_out(world, world.ann1, "self-harm")
    found = world.claim(world.ann1)
    assert found is not None
    assert found.case == mild
    other = world.claim(world.ann2)
    assert other is not None
    assert other.case == grim


def test_a_case_in_work_goes_to_others_and_its_draft_is_kept(world: World) -> None:
    case_of(world, "self-harm", overlap=1)
    slot = world.claim(world.ann1)
    assert slot is not None
    labelling.save_draft(slot, rater=world.rater(world.ann1), words={"harm": "yes"})
    opt_out(world, world.ann1, "self-harm")
    assert world.claim(world.ann1) is None
    assert world.claim(world.ann2) is not None
    assert Annotation.objects.get().draft["words"] == {"harm": "yes"}


def test_a_case_given_by_hand_is_free_for_others_again(world: World) -> None:
    case_of(world, "self-harm", overlap=1)
    Slot.objects.update(assigned_to=world.rater(world.ann1))
    opt_out(world, world.ann1, "self-harm")
    assert world.claim(world.ann1) is None
    assert world.claim(world.ann2) is not None


def test_a_check_of_the_category_is_not_given_either(world: World) -> None:
    case = case_of(world, "self-harm", slots=False)
    Slot.objects.create(
        project=world.project, case=case, rubric_version=world.rubric, number=1,
        purpose=SlotPurpose.KNOWN_GOLD, category="self-harm",
        assigned_to=world.rater(world.ann1),
    )  # fmt: skip
    opt_out(world, world.ann1, "self-harm")
    assert world.claim(world.ann1) is None


def test_what_was_done_stays_done(world: World) -> None:
    case = case_of(world, "self-harm")
    world.give(world.ann1, case)
    opt_out(world, world.ann1, "self-harm")
    assert Slot.objects.filter(status=SlotStatus.DONE).count() == 1


def test_opting_in_again_finds_the_cases_that_were_passed_over(world: World) -> None:
    grim = [case_of(world, "self-harm") for _ in range(queue.CURSOR_EVERY)]
    mild = [case_of(world, "fraud") for _ in range(queue.CURSOR_EVERY)]
    opt_out(world, world.ann1, "self-harm")
    for case in mild:
        world.give(world.ann1, case)
    assert world.claim(world.ann1) is None
    opt_out(world, world.ann1)
    found = world.claim(world.ann1)
    assert found is not None
    assert found.case == grim[0]


def test_an_unknown_category_is_refused(world: World) -> None:
    case_of(world, "fraud")
    with pytest.raises(BadInput, match="reload the page"):
        opt_out(world, world.ann1, "x'; drop table")
    assert world.rater(world.ann1).opt_outs == []


def test_a_category_without_cases_any_more_can_still_be_kept(world: World) -> None:
    Rater.objects.filter(pk=world.rater(world.ann1).pk).update(opt_outs=["gone"])
    assert opt_out(world, world.ann1, "gone").opt_outs == ["gone"]


def test_a_choice_stands_in_no_audit_trail(world: World) -> None:
    case_of(world, "self-harm")
    before = AuditEvent.objects.count()
    opt_out(world, world.ann1, "self-harm")
    assert AuditEvent.objects.count() == before


def test_leads_learn_of_groups_of_five_only(client: Client, world: World) -> None:
    case_of(world, "self-harm")
    for rater in crowd(world, 4):
        wellbeing.set_opt_outs(rater, ["self-harm"])
    assert wellbeing.opted_out(world.project) == []
    assert "self-harm</li>" not in see(client, world, world.lead)
    opt_out(world, world.ann1, "self-harm")
    assert wellbeing.opted_out(world.project) == ["self-harm"]
    assert "self-harm</li>" in see(client, world, world.lead)


# ---- the page


@pytest.mark.parametrize("who", ["lead", "ann1", "adjudicator"])
def test_everybody_who_labels_chooses_for_themselves(
    client: Client, world: World, who: str
) -> None:
    case_of(world, "self-harm")
    signed_in(client, getattr(world, who))
    assert send(client, world, "wellbeing_choose", category=["self-harm"], mask="1") == 302
    assert world.rater(getattr(world, who)).opt_outs == ["self-harm"]
    others = Rater.objects.exclude(user=getattr(world, who))
    assert all(rater.opt_outs == [] for rater in others)
    assert client.cookies["mask"].value == "1"
    assert 'value="self-harm" checked' in see(client, world, getattr(world, who))
    assert send(client, world, "wellbeing_choose") == 302
    assert world.rater(getattr(world, who)).opt_outs == []
    assert client.cookies["mask"].value == "0"


def test_a_category_is_text_and_never_markup(client: Client, world: World) -> None:
    case_of(world, "<b>grim</b>\u202e")
    page = see(client, world, world.ann1)
    assert "<b>grim</b>" not in page
    assert send(client, world, "wellbeing_choose", category=["<b>grim</b>\u202e"]) == 302


def test_a_choice_that_is_none_is_sent_back(client: Client, world: World) -> None:
    signed_in(client, world.ann1)
    assert send(client, world, "wellbeing_choose", category=["a\x00b"]) == 422


def test_a_viewer_labels_nothing_and_has_no_such_page(client: Client, world: World) -> None:
    signed_in(client, world.viewer)
    assert client.get(reverse("wellbeing", args=[world.project.slug])).status_code == 403


def test_the_page_shows_todays_minutes_without_starting_a_sitting(
    client: Client, world: World
) -> None:
    Project.objects.update(exposure_minutes=60, break_every=30)
    page = see(client, world, world.ann1)
    assert "0 of 60" in page
    assert not Sitting.objects.exists()
    sitting = sittings.current(world.rater(world.ann1))
    sittings.note_answer(sitting, seconds=600)
    page = see(client, world, world.ann1)
    assert "10 of 60" in page
    assert "after 20 more minutes" in page


@pytest.mark.parametrize("who", ["ann1", "adjudicator"])
def test_what_groups_say_and_the_caps_are_for_leads(client: Client, world: World, who: str) -> None:
    page = see(client, world, getattr(world, who))
    assert "What groups say" not in page
    assert send(client, world, "wellbeing_rules", **CAPS) == 403
    with pytest.raises(NotAllowed):
        wellbeing.set_rules(world.member(getattr(world, who)), **CAPS)
    assert Project.objects.get(pk=world.project.pk).exposure_minutes == 0


# ---- caps


def test_a_lead_sets_caps_and_breaks(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    assert send(client, world, "wellbeing_rules", **CAPS) == 302
    project = Project.objects.get(pk=world.project.pk)
    assert {name: getattr(project, name) for name in CAPS} == CAPS
    event = AuditEvent.objects.get(verb="set caps and breaks")
    assert event.data == CAPS


@pytest.mark.parametrize(
    "wrong",
    [{"exposure_minutes": 1441}, {"exposure_minutes": -1}, {"break_minutes": 0}, {"severe_run": ""},
     {"break_every": "often"}],
)  # fmt: skip
def test_caps_off_their_limits_are_refused(
    client: Client, world: World, wrong: dict[str, object]
) -> None:
    signed_in(client, world.lead)
    assert send(client, world, "wellbeing_rules", **(CAPS | wrong)) == 422
    assert Project.objects.get(pk=world.project.pk).exposure_minutes == 0


def test_the_form_and_the_verb_have_the_same_limits(world: World) -> None:
    lead = world.member(world.lead)
    for name, (least, most) in wellbeing.LIMITS.items():
        for value in (least - 1, most + 1):
            with pytest.raises(BadInput, match=f"from {least} to {most}"):
                wellbeing.set_rules(lead, **(CAPS | {name: value}))


def test_a_lead_who_labels_is_capped_too(world: World) -> None:
    Project.objects.update(exposure_minutes=10)
    world.project.refresh_from_db()
    sitting = sittings.current(world.rater(world.lead), now=NOON)
    sittings.note_answer(sitting, seconds=600, now=NOON + timedelta(minutes=10))
    sitting.refresh_from_db()
    found = sittings.due(sitting, world.project, NOON + timedelta(minutes=11))
    assert found is not None
    assert found.kind == "cap"


# ---- check-ins


def check_in(world: World, rater: Rater, strain: int, *, at: datetime = NOON) -> None:
    sitting = sittings.current(rater, now=at)
    sittings.check_in(world.project, strain, sitting=sitting, now=at)
    sittings.end(sitting, now=at)


def strains(world: World, *, now: datetime = NOON + timedelta(weeks=1)) -> list[str]:
    return [str(week.strain) for week in wellbeing.strain_by_week(world.project, now=now)]


def test_a_week_of_five_people_is_told_as_its_mean(world: World) -> None:
    for strain, rater in zip([1, 2, 2, 4, 5], crowd(world, 5), strict=True):
        check_in(world, rater, strain)
    (week,) = wellbeing.strain_by_week(world.project, now=NOON + timedelta(weeks=1))
    assert (week.strain.value, week.strain.n) == (2.8, 5)


def test_a_week_of_four_people_is_not_told_at_all(world: World) -> None:
    for rater in crowd(world, 4):
        check_in(world, rater, 5)
    (told,) = strains(world)
    assert "fewer than 5 people" in told
    assert "n = 0" in told


def test_one_person_who_checks_in_five_times_is_no_group(world: World) -> None:
    for hour in range(5):
        check_in(world, world.rater(world.ann1), 5, at=NOON + timedelta(hours=hour))
    assert CheckIn.objects.count() == 5
    assert "fewer than 5 people" in strains(world)[0]


def test_a_week_that_is_not_over_is_not_told(world: World) -> None:
    for rater in crowd(world, 6):
        check_in(world, rater, 3)
    assert strains(world, now=NOON + timedelta(days=1)) == []


def test_the_room_sends_a_check_in_and_the_sitting_ends(client: Client, world: World) -> None:
    signed_in(client, world.ann1)
    assert send(client, world, "label_check_in", strain="4") == 302
    assert [row.strain for row in CheckIn.objects.all()] == [4]
    sitting = Sitting.objects.get()
    assert (sitting.checked_in, sitting.ended_at is not None) == (True, True)


@pytest.mark.parametrize("strain", ["", "0", "6", "great", "٣"])
def test_a_check_in_off_the_scale_is_sent_back(client: Client, world: World, strain: str) -> None:
    signed_in(client, world.ann1)
    assert send(client, world, "label_check_in", strain=strain) == 422
    assert not CheckIn.objects.exists()


def test_a_viewer_has_nothing_to_check_in(client: Client, world: World) -> None:
    signed_in(client, world.viewer)
    assert send(client, world, "label_check_in", strain="4") == 403
    assert Membership.objects.filter(user=world.viewer).exists()


def test_simulated_raters_are_no_group_of_people(world: World) -> None:
    for number in range(5):
        Rater.objects.create(
            project=world.project, kind=RaterKind.SIMULATED, name=f"simulated {number}",
            opt_outs=["x"],
        )  # fmt: skip
    assert wellbeing.opted_out(world.project) == []


# ---- adjudicators


def decide(client: Client, world: World, case: Case, who: User) -> int:
    """The user answers blind, and then decides, that the case violates."""
    signed_in(client, who)
    at = [world.project.slug, case.pk]
    sent = {"criterion": "harm", "answer": "yes", "cause": "slip", "severity": "4", "seen": "0"}
    client.get(reverse("adjudicate_case", args=at))
    assert client.post(reverse("adjudicate_blind", args=at), sent).status_code == 302
    return client.post(reverse("adjudicate_case", args=at), sent).status_code


def test_what_an_adjudicator_decides_counts_like_a_sheet(client: Client, world: World) -> None:
    case = world.disagree(world.make_case())
    assert decide(client, world, case, world.adjudicator) == 302
    sitting = Sitting.objects.get(rater=world.rater(world.adjudicator))
    assert (sitting.cases, sitting.severe_run) == (1, 1)
    assert 0 < sitting.exposure_seconds < 600


@pytest.mark.parametrize("who", ["adjudicator", "lead"])
def test_adjudicators_and_leads_are_capped_too(client: Client, world: World, who: str) -> None:
    Project.objects.update(exposure_minutes=10)
    case = world.disagree(world.make_case(response="Grim words."))
    sittings.note_answer(sittings.current(world.rater(getattr(world, who))), seconds=600)
    signed_in(client, getattr(world, who))
    page = client.get(reverse("adjudicate_case", args=[world.project.slug, case.pk]))
    assert "That is enough for today" in page.content.decode()
    assert "Grim words." not in page.content.decode()


def test_an_adjudicator_is_offered_a_break_takes_it_and_goes_on(
    client: Client, world: World
) -> None:
    Project.objects.update(break_every=10, break_minutes=5)
    case = world.disagree(world.make_case(response="Grim words."))
    sittings.note_answer(sittings.current(world.rater(world.adjudicator)), seconds=600)
    address = reverse("adjudicate_case", args=[world.project.slug, case.pk])
    signed_in(client, world.adjudicator)
    assert "Take 5 minutes" in client.get(address).content.decode()
    assert send(client, world, "wellbeing_break", act="take") == 302
    assert "Go on now" in client.get(address).content.decode()
    assert send(client, world, "wellbeing_break", act="later") == 302
    assert "Grim words." in client.get(address).content.decode()


def test_an_adjudicator_who_has_answered_is_not_sent_away_before_the_decision(
    client: Client, world: World
) -> None:
    case = world.disagree(world.make_case())
    at = [world.project.slug, case.pk]
    sent = {"criterion": "harm", "answer": "yes", "cause": "slip", "severity": "1", "seen": "0"}
    signed_in(client, world.adjudicator)
    assert client.post(reverse("adjudicate_blind", args=at), sent).status_code == 302
    Project.objects.update(exposure_minutes=1)
    sittings.note_answer(sittings.current(world.rater(world.adjudicator)), seconds=600)
    page = client.get(reverse("adjudicate_case", args=at)).content.decode()
    assert "A plain violation." in page
    assert client.post(reverse("adjudicate_case", args=at), sent).status_code == 302
    assert Case.objects.get(pk=case.pk).adjudications.exists()


def test_an_adjudicator_is_not_sent_on_to_what_the_adjudicator_opted_out_of(world: World) -> None:
    grim, mild = case_of(world, "self-harm"), case_of(world, "fraud")
    plain = world.make_case()
    for case in (grim, mild, plain):
        world.disagree(case)
    opt_out(world, world.adjudicator, "self-harm")
    member, lead = world.member(world.adjudicator), world.member(world.lead)
    assert list(adjudication.waiting_for(member)) == [mild, plain]
    assert list(adjudication.waiting_for(lead)) == [grim, mild, plain]
    assert grim in adjudication.listed(member)  # it waits for somebody else
