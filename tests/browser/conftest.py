"""A real browser for the journeys: the system's Chromium, driven by Playwright."""

import os
from typing import Any

import pytest

from evalplatform.startup.checks import find_browser

# Playwright keeps an event loop in the main thread, where Django would refuse to use the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# A closed network refuses the browser's own errands, many at a time; root needs no sandbox.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test on a committed database."""
    for item in items:
        if "/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's path; without one its tests are skipped, and fail in CI."""
    if found := find_browser():
        return found
    reason = "no Chromium: install it (apt-get install chromium) or set EVALPLATFORM_CHROMIUM"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], chromium: str
) -> dict[str, Any]:
    """Playwright's own browser can't be downloaded everywhere; the system's is used."""
    return {**browser_type_launch_args, "executable_path": chromium, "args": ARGUMENTS}
