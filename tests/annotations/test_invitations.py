"""Invitations: a link lets in whom it is for, for as long as it should, and tells others nothing."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from annotations import invitations
from annotations.errors import BadInput, Conflict, NotAllowed, NotFound
from annotations.models import AuditEvent, Invitation, Membership
from annotations.statuses import Role
from tests.threads import in_threads
from tests.world import World, signed_in

NEW = {"username": "newcomer", "password1": "a-paper-hat-9", "password2": "a-paper-hat-9"}


def link(world: World, *, role: str = "annotator", uses: int = 1, expiry: str = "7") -> str:
    """The secret of a link that the lead made."""
    return invitations.make(world.member(world.lead), role=role, uses=uses, expiry=expiry)[1]


def address(secret: str) -> str:
    return reverse("invitation", args=[secret])


def lead_who_is_no_owner(world: World) -> Membership:
    Membership.objects.filter(user=world.viewer).update(role=Role.LEAD)
    return world.member(world.viewer)


# ---- making


def test_a_lead_makes_a_link_that_is_shown_once(client: Client, world: World) -> None:
    signed_in(client, world.lead)
    sent = {"role": "adjudicator", "uses": "2", "expiry": "30", "note": "For the second shift"}
    made = client.post(reverse("member_invite", args=[world.project.slug]), sent)
    row = Invitation.objects.get()
    page = made.content.decode()
    secret = page.split("/invite/")[1].split("/")[0]
    assert made.status_code == 201
    assert made["Cache-Control"].startswith("max-age=0")
    assert (row.role, row.max_uses, row.note) == ("adjudicator", 2, "For the second shift")
    assert row.secret_hash == invitations.hashed(secret)
    later = client.get(reverse("members", args=[world.project.slug])).content.decode()
    assert "For the second shift" in later
    assert secret not in later


def test_only_the_hash_of_the_secret_is_kept(world: World) -> None:
    secret = link(world)
    kept = [str(value) for value in Invitation.objects.values_list().get()]
    told = [f"{e.subject} {e.data}" for e in AuditEvent.objects.all()]
    assert not [text for text in kept + told if secret in text]
    assert len(secret) >= 40


@pytest.mark.parametrize(
    ("sent", "status"),
    [({"role": "king"}, 422), ({"uses": "0"}, 422), ({"uses": "1e3"}, 422), ({"uses": "9" * 40}, 422),
     ({"expiry": "9999"}, 422), ({"note": "x" * 121}, 422), ({"uses": ""}, 422)],
)  # fmt: skip
def test_a_link_that_makes_no_sense_is_refused(
    client: Client, world: World, sent: dict[str, str], status: int
) -> None:
    signed_in(client, world.lead)
    form = {"role": "annotator", "uses": "1", "expiry": "7", "note": ""} | sent
    answer = client.post(reverse("member_invite", args=[world.project.slug]), form)
    assert answer.status_code == status
    assert not Invitation.objects.exists()


@pytest.mark.parametrize("who", ["ann1", "adjudicator", "viewer"])
def test_nobody_but_leads_makes_or_revokes_links(client: Client, world: World, who: str) -> None:
    link(world)
    signed_in(client, getattr(world, who))
    slug, pk = world.project.slug, Invitation.objects.get().pk
    assert client.post(reverse("member_invite", args=[slug]), {"role": "viewer"}).status_code == 403
    assert client.post(reverse("invitation_revoke", args=[slug, pk])).status_code == 403
    page = client.get(reverse("members", args=[slug])).content.decode()
    assert "Invite by link" not in page
    with pytest.raises(NotAllowed):
        invitations.make(world.member(getattr(world, who)), role="viewer")


def test_only_owners_invite_owners(world: World) -> None:
    lead = lead_who_is_no_owner(world)
    with pytest.raises(NotAllowed, match="Only an owner"):
        invitations.make(lead, role="owner")
    link(world, role="owner")
    with pytest.raises(NotAllowed, match="Only an owner"):
        invitations.revoke(lead, pk=Invitation.objects.get().pk)


def test_links_can_not_be_heaped_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_LINKS", 2)
    link(world)
    link(world)
    with pytest.raises(BadInput, match="revoke those not needed"):
        link(world)


# ---- joining, signed in


def test_a_signed_in_person_joins_in_the_role_of_the_link(client: Client, world: World) -> None:
    secret = link(world, role="adjudicator")
    signed_in(client, world.stranger)
    shown = client.get(address(secret)).content.decode()
    assert world.project.name in shown
    assert "adjudicator" in shown
    assert not Membership.objects.filter(user=world.stranger).exists()  # looking is not joining
    assert client.post(address(secret)).status_code == 302
    assert world.member(world.stranger).role == Role.ADJUDICATOR
    assert AuditEvent.objects.filter(verb="joined by invitation", actor=world.stranger).exists()


def test_a_member_who_opens_a_link_is_told_so_and_uses_nothing_up(
    client: Client, world: World
) -> None:
    secret = link(world, role="lead")
    signed_in(client, world.ann1)
    for answer in (client.get(address(secret)), client.post(address(secret))):
        assert "You are in already" in answer.content.decode()
    assert world.member(world.ann1).role == Role.ANNOTATOR
    assert Invitation.objects.get().uses == 0
    with pytest.raises(Conflict, match="not used up"):
        invitations.join(world.ann1, secret)


def test_whoever_joined_may_open_the_used_up_link_again(client: Client, world: World) -> None:
    secret = link(world)
    invitations.join(world.stranger, secret)
    signed_in(client, world.stranger)
    assert "You are in already" in client.get(address(secret)).content.decode()


# ---- links that open nothing


def expire(_: World) -> None:
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))


def revoke(world: World) -> None:
    invitations.revoke(world.member(world.lead), pk=Invitation.objects.get().pk)


def use_up(world: World) -> None:
    Invitation.objects.update(uses=1)


@pytest.mark.parametrize("end", [expire, revoke, use_up])
def test_a_dead_link_says_what_to_do_in_the_same_words_as_a_guess(
    client: Client, world: World, end: "object"
) -> None:
    secret = link(world)
    end(world)  # type: ignore[operator]
    pages = []
    for who in (None, world.stranger):
        if who:
            signed_in(client, who)
        for tried in (secret, "a-guess", "a\x00guess", "x" * 3000):
            for answer in (client.get(address(tried)), client.post(address(tried), NEW)):
                assert answer.status_code == 404
                assert "Ask whoever sent it for a new link" in answer.content.decode()
                assert world.project.name not in answer.content.decode()
        pages.append(answer)
    assert not Membership.objects.filter(user=world.stranger).exists()
    assert not User.objects.filter(username="newcomer").exists()


def test_a_lead_revokes_a_link(client: Client, world: World) -> None:
    secret = link(world)
    signed_in(client, world.lead)
    pk = Invitation.objects.get().pk
    answer = client.post(reverse("invitation_revoke", args=[world.project.slug, pk]))
    assert answer.status_code == 302
    with pytest.raises(NotFound):
        invitations.find(secret)
    assert AuditEvent.objects.filter(verb="revoked invitation", actor=world.lead).exists()


@pytest.mark.django_db(transaction=True)
def test_the_last_use_lets_in_one_of_two_who_come_at_once(world: World) -> None:
    secret = link(world)
    people = [world.stranger, User.objects.create_user("other")]
    refused: list[NotFound] = []

    def come(number: int) -> None:
        try:
            invitations.join(people[number], secret)
        except NotFound as error:
            refused.append(error)

    in_threads(2, come)
    assert len(refused) == 1
    assert Membership.objects.filter(user__in=people).count() == 1
    assert Invitation.objects.get().uses == 1


# ---- joining with a new account


def test_a_visitor_makes_an_account_and_is_in_and_signed_in(client: Client, world: World) -> None:
    secret = link(world)
    answer = client.post(address(secret), NEW)
    assert answer.status_code == 302
    made = world.member(User.objects.get(username="newcomer"))
    assert made.role == Role.ANNOTATOR
    assert client.get(reverse("label", args=[world.project.slug])).status_code == 200
    assert User.objects.get(username="newcomer").check_password(NEW["password1"])


def test_a_visitor_with_an_account_is_sent_back_after_signing_in(
    client: Client, world: World
) -> None:
    secret = link(world)
    page = client.get(address(secret)).content.decode()
    assert f"/sign-in/?next=%2Finvite%2F{secret}%2F" in page


@pytest.mark.parametrize(
    "wrong",
    [{"password1": "password", "password2": "password"}, {"password2": "another"},
     {"username": "newcomer", "password1": "newcomer1", "password2": "newcomer1"},
     {"username": "ANN1"}, {"username": "bad name!"}, {"username": ""}],
)  # fmt: skip
def test_a_form_with_faults_is_sent_back_and_uses_nothing_up(
    client: Client, world: World, wrong: dict[str, str]
) -> None:
    secret, before = link(world), User.objects.count()
    assert client.post(address(secret), NEW | wrong).status_code == 422
    assert User.objects.count() == before
    assert Invitation.objects.get().uses == 0


def test_a_link_is_no_way_to_try_account_names(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    monkeypatch.setattr("annotations.views.invitations.MOST_REFUSED", 3)
    secret = link(world, uses=5)
    tried = [client.post(address(secret), NEW | {"username": "ann1"}) for _ in range(4)]
    assert [answer.status_code for answer in tried] == [422, 422, 422, 429]
    assert client.post(address(secret), NEW).status_code == 429
    assert not User.objects.filter(username="newcomer").exists()


def test_an_account_that_is_made_too_late_is_not_made(world: World) -> None:
    secret = link(world)
    invitations.join(world.stranger, secret)
    with pytest.raises(NotFound):
        invitations.sign_up(secret, username="late", password="a-paper-hat-9")
    assert not User.objects.filter(username="late").exists()


def test_a_post_without_the_pages_token_is_refused(world: World) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(address(link(world)), NEW).status_code == 403
    assert not User.objects.filter(username="newcomer").exists()
