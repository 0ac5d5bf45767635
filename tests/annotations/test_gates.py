"""The gate of a rubric version: frozen looks, at most three, marks with reasons, two signatures."""

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client

from annotations import gates, rubrics
from annotations.errors import BadInput, Conflict, NotAllowed
from annotations.gates import Stand
from annotations.measurement.gate import State
from annotations.models import AuditEvent, Case, GateLook, GateMark
from annotations.statuses import Arm
from tests.annotations.test_ai_help import sheet
from tests.world import World, signed_in


def label(world: World, words: str, *, raters: int = 3, apart: str = "") -> list[Case]:
    """A case a letter, y or n, answered alike by all; in `apart` the last rater says otherwise."""
    made = []
    for number, letter in enumerate(words):
        case = world.make_case(slots=False)
        word = "yes" if letter == "y" else "no"
        other = "no" if letter == "y" else "yes"
        for rater in range(1, raters + 1):
            is_apart = apart[number : number + 1] == "x" and rater == raters
            sheet(world, case, Arm.BLIND, other if is_apart else word, rater=rater)
        made.append(case)
    return made


AGREED = "y" * 12 + "n" * 24
A_FEW_APART = ("." * 17 + "x") * 2


def good_pilot(world: World) -> None:
    label(world, AGREED, apart=A_FEW_APART)


def look(world: World) -> GateLook:
    return gates.look(world.rubric, by=world.member(world.lead))


def test_a_pilot_that_agrees_passes_and_counts_when_a_lead_and_one_other_have_signed(
    world: World,
) -> None:
    good_pilot(world)
    made = look(world)
    assert (made.is_passed, made.number, len(made.cases), made.n_raters) == (True, 1, 36, 3)
    assert gates.stand_of(world.rubric) == Stand.TO_SIGN
    gates.sign(made, by=world.member(world.lead))
    gates.sign(made, by=world.member(world.lead))  # twice is once
    assert not gates.is_past(world.rubric)
    gates.sign(made, by=world.member(world.adjudicator))
    assert gates.is_past(world.rubric)
    assert AuditEvent.objects.filter(verb="signed gate").count() == 2


def test_two_who_are_no_leads_are_not_enough(world: World) -> None:
    good_pilot(world)
    made = look(world)
    member = world.member(world.adjudicator)
    gates.sign(made, by=member)
    other = world.member(world.viewer)
    other.role = "adjudicator"
    other.save()
    gates.sign(made, by=other)
    assert not gates.is_past(world.rubric)
    gates.sign(made, by=world.member(world.lead))
    assert gates.is_past(world.rubric)


@pytest.mark.parametrize("who", ["ann1", "viewer"])
def test_raters_and_viewers_do_not_sign(world: World, who: str) -> None:
    good_pilot(world)
    with pytest.raises(NotAllowed):
        gates.sign(look(world), by=world.member(getattr(world, who)))


@pytest.mark.parametrize("who", ["ann1", "viewer", "adjudicator"])
def test_only_leads_look_and_set_marks(world: World, who: str) -> None:
    good_pilot(world)
    member = world.member(getattr(world, who))
    with pytest.raises(NotAllowed):
        gates.look(world.rubric, by=member)
    with pytest.raises(NotAllowed):
        gates.write_mark(world.rubric, world.harm.criterion, alpha=0.5, reason="x", by=member)


def test_the_same_labels_are_the_same_look_and_a_fourth_is_refused(world: World) -> None:
    for number in range(3):
        label(world, "yn" * 3, raters=2, apart="xx")
        assert look(world).number == number + 1
        assert look(world).number == number + 1  # nothing new: not counted
    assert gates.stand_of(world.rubric) == Stand.BLOCKED
    label(world, "y", raters=2)
    with pytest.raises(Conflict, match="All 3 looks are used up"):
        look(world)


def test_a_look_that_passed_is_not_taken_again(world: World) -> None:
    good_pilot(world)
    look(world)
    label(world, "y")
    with pytest.raises(Conflict, match="sign it"):
        look(world)


def test_what_did_not_pass_is_not_signed(world: World) -> None:
    label(world, "yn" * 10, raters=2, apart="x." * 5)
    made = look(world)
    assert not made.is_passed
    with pytest.raises(Conflict):
        gates.sign(made, by=world.member(world.lead))


def test_simulated_raters_and_exposed_labels_are_in_no_pilot(world: World) -> None:
    case = world.make_case(slots=False)
    sheet(world, case, Arm.BLIND, "yes", rater=1)
    sheet(world, case, Arm.SHOWN, "yes", rater=2)
    assert gates.pilot_of(world.rubric).cases == ()
    sheet(world, case, Arm.REVEAL, "no", final="yes", rater=3)
    pilot = gates.pilot_of(world.rubric)
    assert pilot.cases == (case.pk,)
    assert sorted(word for _, _, _, word in pilot.labels) == ["no", "yes"]


def test_a_look_is_frozen_and_says_when_labels_have_come_since(world: World) -> None:
    good_pilot(world)
    made = look(world)
    assert gates.same_pilot(made).sha256 == made.labels_sha256
    sheet(world, world.cases[0], Arm.BLIND, "no", rater=9)
    assert gates.same_pilot(made).sha256 != made.labels_sha256
    for change in ({"number": 2}, {"is_passed": False}):
        with pytest.raises(DatabaseError), transaction.atomic():
            GateLook.objects.filter(pk=made.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        made.delete()


def test_the_database_refuses_a_fourth_look(world: World) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        GateLook.objects.create(
            version=world.rubric, number=4, cases=[], labels_sha256="0" * 64, n_raters=3,
            results={}, is_passed=True, by=world.lead,
        )  # fmt: skip


def test_another_mark_needs_a_reason_and_stays_in_the_look(world: World) -> None:
    label(world, "y" * 10 + "n" * 20, apart=("." * 4 + "x") * 6)
    (before,) = gates.measure(world.rubric, gates.pilot_of(world.rubric))
    assert before.result is not None
    assert before.result.state == State.CANNOT_TELL
    by = world.member(world.lead)
    with pytest.raises(BadInput):
        gates.write_mark(world.rubric, world.harm.criterion, alpha=0.4, reason=" ", by=by)
    with pytest.raises(BadInput):
        gates.write_mark(world.rubric, world.harm.criterion, alpha=1.2, reason="x", by=by)
    gates.write_mark(world.rubric, world.harm.criterion, alpha=0.4, reason="Screening only.", by=by)
    made = look(world)
    assert made.results["harm"]["reason_of_mark"] == "Screening only."
    assert made.results["harm"]["parts"][0]["mark"] == 0.4
    with pytest.raises(DatabaseError), transaction.atomic():
        GateMark.objects.update(alpha=0.1)


def test_descriptive_criteria_have_no_gate(world: World) -> None:
    draft = rubrics.draft(world.project, by=world.lead)
    rubrics.write_criterion(
        draft, key="harm", name="Harmful", by=world.lead, definition="x", is_descriptive=True
    )
    version = rubrics.release(draft, by=world.lead)
    assert gates.stand_of(version) == Stand.NO_GATE
    with pytest.raises((BadInput, Conflict)):
        gates.look(version, by=world.member(world.lead))


def test_a_draft_has_no_pilot(world: World) -> None:
    draft = rubrics.draft(world.project, by=world.lead)
    with pytest.raises(Conflict):
        gates.look(draft, by=world.member(world.lead))


def test_labels_under_the_same_words_count_for_the_next_version(world: World) -> None:
    good_pilot(world)
    draft = rubrics.draft(world.project, by=world.lead)
    rubrics.write_guideline(draft, text="Read slowly.", by=world.lead)
    version = rubrics.release(draft, by=world.lead)
    assert len(gates.pilot_of(version).cases) == 36
    assert gates.stand_of(version) == Stand.PILOT


# ---- the page


def address(world: World, part: str = "") -> str:
    return f"/p/{world.project.slug}/rubric/v/{world.rubric.number}/gate/{part}"


def test_the_page_shows_the_interval_against_the_mark_and_a_look_is_taken_and_signed(
    client: Client, world: World
) -> None:
    good_pilot(world)
    signed_in(client, world.lead)
    text = client.get(address(world)).content.decode()
    assert "Alpha with its interval against the mark" in text
    assert "Take look 1 of 3" in text
    done = client.post(address(world, "look/"), {}, follow=True).content.decode()
    assert "passed on every criterion" in done
    client.post(address(world, "sign/"), {"look": "1"})
    signed_in(client, world.adjudicator)
    done = client.post(address(world, "sign/"), {"look": "1"}, follow=True).content.decode()
    assert "It is past its gate." in done
    board = client.get(f"/p/{world.project.slug}/rubric/").content.decode()
    assert "past its gate" in board


def test_a_pilot_of_a_batch_is_looked_at_alone(client: Client, world: World) -> None:
    good_pilot(world)
    signed_in(client, world.lead)
    assert f'value="{world.batch.pk}"' in client.get(address(world)).content.decode()
    client.post(address(world, "look/"), {"batch": str(world.batch.pk)})
    assert len(GateLook.objects.get().cases) == 36
    assert client.post(address(world, "look/"), {"batch": "999999"}).status_code == 404
    assert client.post(address(world, "look/"), {"batch": "x"}).status_code == 422


def test_a_mark_is_set_on_the_page(client: Client, world: World) -> None:
    good_pilot(world)
    signed_in(client, world.lead)
    sent = {"criterion": "harm", "alpha": "0.67", "reason": "It blocks a launch."}
    client.post(address(world, "mark/"), sent)
    text = client.get(address(world)).content.decode()
    assert "It blocks a launch." in text
    assert client.post(address(world, "mark/"), {**sent, "alpha": "much"}).status_code == 422


def test_nothing_labelled_says_so(client: Client, world: World) -> None:
    text = signed_in(client, world.lead).get(address(world)).content.decode()
    assert "No case has blind answers of two people" in text
    assert client.post(address(world, "look/"), {}).status_code == 422


@pytest.mark.parametrize(("who", "status"), [("ann1", 403), ("stranger", 404)])
def test_raters_and_strangers_see_no_gate(
    client: Client, world: World, who: str, status: int
) -> None:
    signed_in(client, getattr(world, who))
    assert client.get(address(world)).status_code == status
    for part in ("look/", "mark/", "sign/"):
        assert client.post(address(world, part), {"look": "1"}).status_code == status


def test_readers_see_the_gate_and_cannot_move_it(client: Client, world: World) -> None:
    good_pilot(world)
    signed_in(client, world.viewer)
    text = client.get(address(world)).content.decode()
    assert "Take look" not in text
    for part in ("look/", "mark/", "sign/"):
        assert client.post(address(world, part), {"look": "1"}).status_code == 403
    assert GateLook.objects.count() == 0
