"""API tokens: shown once, kept as a hash, revoked by their owner alone."""

import re

from django.test import Client
from django.urls import reverse
from knox.models import AuthToken

from annotations import tokens
from tests.world import World, signed_in

PAGE = reverse("tokens")


def make(client: Client, expiry: str = "30") -> str:
    """The secret that the page shows once."""
    answer = client.post(PAGE, {"expiry": expiry})
    assert answer.status_code == 201
    found = re.search(r'id="secret" readonly value="(evp_\w+)"', answer.content.decode())
    assert found is not None
    return found[1]


def opens(client: Client, secret: str) -> bool:
    answer = client.get("/api/v1/projects/", headers={"Authorization": f"Token {secret}"})
    return answer.status_code == 200


def test_a_token_is_shown_once_and_kept_as_a_hash(client: Client, world: World) -> None:
    signed_in(client, world.ann1)
    secret = make(client)
    assert opens(Client(), secret)
    assert secret not in client.get(PAGE).content.decode()
    kept = AuthToken.objects.get()
    assert secret not in (kept.digest, kept.token_key)


def test_the_page_with_the_secret_is_kept_by_no_cache(client: Client, world: World) -> None:
    signed_in(client, world.ann1)
    answer = client.post(PAGE, {"expiry": "1"})
    assert "no-store" in answer["Cache-Control"]


def test_a_revoked_token_opens_nothing_at_once(client: Client, world: World) -> None:
    signed_in(client, world.ann1)
    secret = make(client)
    key = AuthToken.objects.get().token_key
    assert client.post(reverse("token_revoke", args=[key])).status_code == 302
    assert not opens(Client(), secret)


def test_nobody_revokes_anothers_token(client: Client, world: World) -> None:
    signed_in(client, world.ann1)
    secret = make(client)
    key = AuthToken.objects.get().token_key
    signed_in(client, world.lead)
    assert client.post(reverse("token_revoke", args=[key])).status_code == 404
    assert key not in client.get(PAGE).content.decode()
    assert opens(Client(), secret)


def test_the_expiry_is_chosen_from_a_list(client: Client, world: World) -> None:
    signed_in(client, world.ann1)
    make(client, "7")
    lifetime = AuthToken.objects.get().expiry - AuthToken.objects.get().created
    assert 6.9 < lifetime.total_seconds() / 86_400 < 7.1
    make(client, "never")
    assert AuthToken.objects.filter(expiry=None).count() == 1
    assert client.post(PAGE, {"expiry": "1000000"}).status_code == 422


def test_there_is_a_limit_and_it_says_what_to_do(client: Client, world: World) -> None:
    signed_in(client, world.ann1)
    for _ in range(tokens.MAX_TOKENS):
        AuthToken.objects.create(world.ann1)
    answer = client.post(PAGE, {"expiry": "1"})
    assert answer.status_code == 422
    assert b"revoke one" in answer.content


def test_signed_out_there_is_nothing_to_see(client: Client, db: None) -> None:
    assert client.get(PAGE).status_code == 302
    assert client.post(PAGE, {"expiry": "1"}).status_code == 302
    assert not AuthToken.objects.exists()
