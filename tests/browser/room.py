"""What the journeys of the labelling room share: who opens it, and what is read back from it."""

import json
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations.models import Annotation
from tests.world import World, signed_in


def enter(
    page: Page, live_server: LiveServer, world: World, name: str = "ann1", path: str = "label/"
) -> None:
    """Open a page of the project as the named person, without the sign-in page."""
    client = signed_in(Client(), getattr(world, name))
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    page.goto(f"{live_server.url}/p/{world.project.slug}/{path}")


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def marked(page: Page) -> list[dict[str, Any]]:
    """The passages that the form would send."""
    sent = page.locator("[name=spans]").input_value()
    found: list[dict[str, Any]] = json.loads(sent) if sent else []
    return found


def given(world: World) -> list[str]:
    """People's answers in the order of their sheets, the last revision of each."""
    sheets = Annotation.objects.filter(
        project=world.project, status="submitted", rater__kind="person"
    ).order_by("id")
    return [verdict.value or verdict.status for sheet in sheets for verdict in sheet.verdicts.all()]


def expect_case(page: Page, text: str) -> None:
    expect(page.locator("[data-case]").get_by_text(text)).to_be_visible()
