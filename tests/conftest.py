"""What every test may use: the published data sets, cheap passwords, and the small world."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_django
from django.db import connection
from django.middleware import csrf
from pytest_django import Settings

from annotations import policies
from tests.world import World, make_world

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published data sets; it is not part of the project."""
    folder = Path(os.environ.get("EVALPLATFORM_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"the published data sets are not in {folder}: set EVALPLATFORM_DATA")
    return folder


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Settings) -> None:
    """Argon2 is slow on purpose; test users need no protection."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _no_rechecks(monkeypatch: pytest.MonkeyPatch) -> None:
    """No decision is drawn to be rechecked, unless a test says so: chance has no place here."""
    monkeypatch.setattr(policies, "RECHECK_SHARE", 0.0)


@pytest.fixture(autouse=True)
def _tokens_without_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tokens of forms are the same in every run: "R2 is not on the page" must not meet one by chance."""
    monkeypatch.setattr(csrf, "get_random_string", lambda length, allowed_chars: "x" * length)


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """Before the test database is dropped, end sessions that a browser's connection still holds."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def world(db: None) -> World:
    """A project with a lead, two annotators, an adjudicator, a viewer; and a stranger."""
    return make_world()
