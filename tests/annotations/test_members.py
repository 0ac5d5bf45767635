"""Members: pseudonyms for all, names for leads, roles given and taken by those who may."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from annotations import invitations, labelling, members, queue
from annotations.errors import NotFound
from annotations.models import Annotation, AuditEvent, Membership, Rater, Slot
from annotations.statuses import AnnotationStatus, Role, SlotStatus
from tests.world import World, signed_in


def see(client: Client, world: World, who: str) -> str:
    signed_in(client, getattr(world, who))
    return client.get(reverse("members", args=[world.project.slug])).content.decode()


def add(client: Client, world: World, username: str, role: str = "annotator") -> int:
    sent = {"username": username, "role": role}
    return client.post(reverse("member_add", args=[world.project.slug]), sent).status_code


def change(client: Client, world: World, who: User, role: str) -> int:
    member = world.member(who)
    address = reverse("member_role", args=[world.project.slug, member.pk])
    return client.post(address, {"role": role}).status_code


def second_lead(world: World) -> User:
    """The viewer becomes a lead, who is no owner."""
    Membership.objects.filter(user=world.viewer).update(role=Role.LEAD)
    return world.viewer


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer"])
def test_members_see_pseudonyms_and_never_account_names(
    client: Client, world: World, who: str
) -> None:
    text = see(client, world, who).split('id="content"')[1]
    others = {"lead", "ann1", "ann2", "adjudicator", "viewer"} - {who}
    assert all(f">{other}</td>" not in text for other in others)
    assert all(f"R{number}" in text for number in range(1, 6))
    assert "Add a member" not in text


def test_a_lead_sees_whose_pseudonym_it_is(client: Client, world: World) -> None:
    text = see(client, world, "lead")
    assert "<td>ann2</td>" in text
    assert "R3" in text


def test_a_lead_adds_a_person_by_account_name(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    assert add(client, world, " stranger ", "viewer") == 302
    made = world.member(world.stranger)
    assert made.role == Role.VIEWER
    assert AuditEvent.objects.filter(verb="added member", actor=world.lead).exists()


@pytest.mark.parametrize(
    ("username", "role", "status"),
    [("nobody", "annotator", 422), ("", "viewer", 422), ("stranger", "king", 422),
     ("ann1", "lead", 409), ("a\x00b", "viewer", 422), ("x" * 500, "viewer", 422)],
)  # fmt: skip
def test_who_can_not_be_added_is_said_and_nothing_changes(
    client: Client, world: World, username: str, role: str, status: int
) -> None:
    signed_in(client, world.lead)
    assert add(client, world, username, role) == status
    assert Membership.objects.count() == 5


def test_an_account_that_was_closed_can_not_be_added(client: Client, world: World) -> None:
    User.objects.filter(pk=world.stranger.pk).update(is_active=False)
    signed_in(client, world.lead)
    assert add(client, world, "stranger") == 422


def test_a_lead_changes_a_role(client: Client, world: World) -> None:
    signed_in(client, second_lead(world))
    assert change(client, world, world.ann1, "adjudicator") == 302
    assert world.member(world.ann1).role == Role.ADJUDICATOR


def test_only_an_owner_makes_and_unmakes_owners(client: Client, world: World) -> None:
    signed_in(client, second_lead(world))
    assert change(client, world, world.viewer, "owner") == 403
    assert change(client, world, world.lead, "viewer") == 403
    assert add(client, world, "stranger", "owner") == 403
    assert world.member(world.lead).role == Role.OWNER
    signed_in(client, world.lead)
    assert change(client, world, world.viewer, "owner") == 302


def test_the_last_owner_can_not_step_down(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    assert change(client, world, world.lead, "viewer") == 422
    assert world.member(world.lead).role == Role.OWNER


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer"])
def test_nobody_else_changes_anything(client: Client, world: World, who: str) -> None:
    signed_in(client, getattr(world, who))
    assert add(client, world, "stranger") == 403
    assert change(client, world, world.ann2, "lead") == 403
    assert Membership.objects.count() == 5
    assert world.member(world.ann2).role == Role.ANNOTATOR


def test_a_member_of_another_project_is_not_found(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    address = reverse("member_role", args=[world.project.slug, 999_999])
    assert client.post(address, {"role": "viewer"}).status_code == 404


# ---- pseudonyms


def test_pseudonyms_do_not_tell_who_came_first(world: World) -> None:
    project = members.create_project("Elsewhere", by=world.stranger)
    joined = [
        members.add_member(
            project, user=User.objects.create_user(f"p{n}"), role=Role.ANNOTATOR, by=None
        ).pseudonym
        for n in range(12)
    ]
    numbers = [int(name.removeprefix("R")) for name in joined]
    assert len(set(numbers)) == 12
    assert numbers != sorted(numbers)  # by chance once in 479 million


def test_a_pseudonym_is_never_given_a_second_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members.secrets, "choice", lambda free: free[0])
    world.rater(world.ann2)
    members.remove(world.member(world.lead), member=world.member(world.ann2))
    fresh = members.add_member(world.project, user=world.stranger, role=Role.VIEWER, by=None)
    assert fresh.pseudonym == "R6"  # R3 was ann2's


def test_the_list_is_in_the_order_of_pseudonyms_and_only_leads_see_since_when(
    client: Client, world: World
) -> None:
    Membership.objects.filter(user=world.lead).update(pseudonym="R70")
    text = see(client, world, "ann1")
    assert text.index("R5") < text.index("R70")
    assert "Since" not in text
    assert "Since" in see(client, world, "lead")


@pytest.mark.parametrize("name", ["rubric", "rubric_version"])
def test_who_released_the_rubric_is_told_by_pseudonym(
    client: Client, world: World, name: str
) -> None:
    version = [world.rubric.number] if name == "rubric_version" else []
    signed_in(client, world.ann1)
    page = client.get(reverse(name, args=[world.project.slug, *version])).content.decode()
    assert "<bdi>R1</bdi>" in page
    assert "<bdi>lead</bdi>" not in page


# ---- removing


def remove(client: Client, world: World, who: User) -> int:
    address = reverse("member_remove", args=[world.project.slug, world.member(who).pk])
    return client.post(address).status_code


def holding(world: World, who: User) -> Slot:
    """The user has a case in work and a draft on it."""
    slot = world.claim(who)
    assert slot is not None
    labelling.save_draft(slot, rater=world.rater(who), words={"harm": "yes"}, comment="Half done")
    return slot


def test_a_lead_removes_a_member(client: Client, world: World) -> None:
    signed_in(client, second_lead(world))
    assert remove(client, world, world.ann1) == 302
    assert not Membership.objects.filter(user=world.ann1).exists()
    assert AuditEvent.objects.filter(verb="removed member", subject="R2").exists()


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer"])
def test_nobody_else_removes_anybody(client: Client, world: World, who: str) -> None:
    signed_in(client, getattr(world, who))
    assert remove(client, world, world.ann2) == 403
    assert Membership.objects.count() == 5


def test_only_an_owner_removes_an_owner_and_never_the_last(client: Client, world: World) -> None:
    signed_in(client, second_lead(world))
    assert remove(client, world, world.lead) == 403
    signed_in(client, world.lead)
    assert remove(client, world, world.lead) == 422
    change(client, world, world.viewer, "owner")
    assert remove(client, world, world.lead) == 302
    assert not Membership.objects.filter(user=world.lead).exists()


def test_a_member_of_another_project_can_not_be_removed(world: World) -> None:
    elsewhere = members.create_project("Elsewhere", by=world.stranger)
    with pytest.raises(NotFound):
        members.remove(world.member(world.lead), member=elsewhere.memberships.get())


def test_the_cases_of_a_removed_member_go_back_to_the_queue_at_once(world: World) -> None:
    case = world.make_case(overlap=1)
    slot = holding(world, world.ann1)
    assert world.claim(world.ann2) is None
    members.remove(world.member(world.lead), member=world.member(world.ann1))
    slot.refresh_from_db()
    assert (slot.status, slot.rater) == (SlotStatus.OPEN, None)
    found = world.claim(world.ann2)
    assert found is not None
    assert found.case == case


def test_a_case_given_by_hand_to_a_removed_member_is_free_for_others(world: World) -> None:
    case = world.make_case(overlap=1)
    Slot.objects.filter(case=case).update(assigned_to=world.rater(world.ann1))
    assert world.claim(world.ann2) is None
    members.remove(world.member(world.lead), member=world.member(world.ann1))
    assert world.claim(world.ann2) is not None


def test_a_rater_removed_while_holding_a_case_gets_404_and_the_draft_is_kept(
    client: Client, world: World
) -> None:
    world.make_case()
    slot = holding(world, world.ann1)
    members.remove(world.member(world.lead), member=world.member(world.ann1))
    signed_in(client, world.ann1)
    sent: dict[str, Any] = {"answer-harm": "no"}
    for name in ("label_submit", "label_draft", "label_skip"):
        address = reverse(name, args=[world.project.slug, slot.pk])
        assert client.post(address, sent).status_code == 404, name
    sheet = Annotation.objects.get(rater__user=world.ann1)
    assert sheet.status == AnnotationStatus.DRAFT
    assert sheet.draft["comment"] == "Half done"


def test_whoever_is_added_again_goes_on_as_the_same_rater(world: World) -> None:
    done, open_case = world.make_case(), world.make_case()
    world.give(world.ann1, done)
    queue.claim(world.rater(world.ann1), case=open_case)
    before = world.rater(world.ann1)
    members.remove(world.member(world.lead), member=world.member(world.ann1))
    assert Annotation.objects.filter(rater=before, status=AnnotationStatus.SUBMITTED).count() == 1
    member = members.add_member(world.project, user=world.ann1, role=Role.ANNOTATOR, by=None)
    assert (members.rater_for(member), member.pseudonym) == (before, "R2")
    assert Rater.objects.filter(user=world.ann1).count() == 1


def test_a_removed_members_name_for_others_stays_the_pseudonym(world: World) -> None:
    world.rater(world.ann1)
    members.remove(world.member(world.lead), member=world.member(world.ann1))
    assert members.names_in(world.project)[world.ann1.pk] == "R2"


def test_the_links_of_a_removed_or_demoted_lead_open_nothing(world: World) -> None:
    lead = second_lead(world)
    member = Membership.objects.get(user=lead)
    _, first = invitations.make(member, role="annotator")
    members.change_role(member, role=Role.VIEWER, by=world.lead)
    with pytest.raises(NotFound):
        invitations.find(first)
    members.change_role(member, role=Role.LEAD, by=world.lead)
    _, second = invitations.make(member, role="annotator")
    members.remove(world.member(world.lead), member=member)
    with pytest.raises(NotFound):
        invitations.find(second)


def test_an_owner_who_becomes_lead_takes_only_the_links_for_owners_along(world: World) -> None:
    members.change_role(world.member(world.viewer), role=Role.OWNER, by=world.lead)
    owner = world.member(world.viewer)
    _, for_owner = invitations.make(owner, role="owner")
    _, for_viewer = invitations.make(owner, role="viewer")
    members.change_role(owner, role=Role.LEAD, by=world.lead)
    assert invitations.find(for_viewer)
    with pytest.raises(NotFound):
        invitations.find(for_owner)
