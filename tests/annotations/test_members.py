"""Members: pseudonyms for all, names for leads, roles given by those who may."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from annotations.models import AuditEvent, Membership
from annotations.statuses import Role
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
    assert (made.role, made.pseudonym) == (Role.VIEWER, "R6")
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
