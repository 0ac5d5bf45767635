"""A real browser for the journeys: the system's Chromium, driven by Playwright."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.signals import request_finished, request_started
from playwright.sync_api import expect

from evalplatform.startup.checks import find_browser

# Playwright keeps an event loop in the main thread, where Django would refuse to use the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

# What a page should show is waited for: how fast the machine is decides nothing.
expect.set_options(timeout=60_000)

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


class InFlight:
    """Counts the requests that the live server is at work on."""

    def __init__(self) -> None:
        self.count = 0
        self.changed = threading.Condition()

    def started(self, **_: object) -> None:
        with self.changed:
            self.count += 1

    def finished(self, **_: object) -> None:
        with self.changed:
            self.count -= 1
            self.changed.notify_all()

    def wait_for_none(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self.count <= 0, timeout=30)


@pytest.fixture(autouse=True)
def _server_at_rest() -> Iterator[None]:
    """After the page is closed and before the tables are emptied: let the last requests end.

    The room fetches the next case ahead; a request that runs while tables are emptied deadlocks.
    """
    requests = InFlight()
    request_started.connect(requests.started)
    request_finished.connect(requests.finished)
    yield
    requests.wait_for_none()
    request_started.disconnect(requests.started)
    request_finished.disconnect(requests.finished)
