"""What every test may use: the published data sets, cheap passwords, and the small world."""

import os
from pathlib import Path

import pytest
from pytest_django import Settings

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


@pytest.fixture
def world(db: None) -> World:
    """A project with a lead, two annotators, an adjudicator, a viewer; and a stranger."""
    return make_world()
