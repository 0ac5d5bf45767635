"""Every page and every API operation refuses who has no business there; new ones are found here.

The pages come from the resolver, the operations from the OpenAPI schema: whoever adds one has it
tested, or must name it below with a reason. Each test goes through all of them and lists every
address that lets somebody in.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator

from annotations import jobs, members, releases
from annotations.models import Release
from annotations.permissions import membership_for
from annotations.statuses import Role
from tests.world import World, signed_in

PROJECT, API = "p/<slug:slug>/", "api/v1/"
# Open to everybody, since nothing of a project is in them.
OPEN = {
    "login": "signing in",
    "logout": "signing out",
    "healthz": "whether the server is up",
    "invitation": "whoever has the secret of a link; all others get the same 404",
    "schema": "the API's description, the same for everybody",
    "api_docs": "the same as a page",
}
# Open to every account; what they show is the account's own.
OWN = {
    "home": "the person's own projects",
    "tokens": "the person's own tokens",
    "token_revoke": "the person's own tokens",
    "password_change": "the own password",
    "password_change_done": "the own password",
    "create_project": "a new project of one's own",
}
BOTH = ("get", "post")
METHODS = ("get", "post", "put", "patch", "delete")
ALL_NUMBERS = 1_000


@dataclass(frozen=True)
class Page:
    """One address of the resolver."""

    route: str
    name: str
    view: Any

    @property
    def is_project_page(self) -> bool:
        return self.route.startswith(PROJECT)

    @property
    def roles(self) -> frozenset[Role]:
        return getattr(self.view, "roles", frozenset())


@dataclass(frozen=True)
class Operation:
    """One operation of the schema."""

    path: str
    method: str
    roles: tuple[str, ...]

    @property
    def has_number(self) -> bool:
        return "{" in self.path.replace("{slug}", "")


def pages(patterns: list[Any], before: str = "") -> Iterator[Page]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from pages(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield Page(route, pattern.name or "", pattern.callback)


def operations() -> Iterator[Operation]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    for path, methods in schema["paths"].items():
        for method, described in methods.items():
            if method in METHODS:
                yield Operation(path, method, tuple(described.get("x-roles", ())))


EVERY = list(pages(get_resolver().url_patterns))
PAGES = [page for page in EVERY if not page.route.startswith((API, "admin/"))]
PROJECT_PAGES = [page for page in PAGES if page.is_project_page]
OPERATIONS = list(operations())
PROJECT_OPERATIONS = [one for one in OPERATIONS if "/projects/{slug}/" in one.path]


@pytest.fixture
def furnished(world: World) -> World:
    """The small world with something real behind the addresses: cases, sheets, gold, a job."""
    world.settle(world.make_case("settled-secret", response="A secret response."), harm="no")
    world.disagree(world.make_case("disputed-secret"))
    world.claim(world.ann1, world.make_case("open-secret"))
    releases.release(world.project, by=world.lead)
    jobs.enqueue("import_cases", {"project": world.project.pk}, project=world.project)
    return world


def numbers() -> list[int]:
    """Every id that stands for something, whatever an address means by its number."""
    found = {1, *Release.objects.values_list("number", flat=True)}
    for app in ("annotations", "campaigns"):
        for model in apps.get_app_config(app).get_models():
            newest = model._default_manager.order_by("-pk").values_list("pk", flat=True)[:3]
            found.update(pk for pk in newest if isinstance(pk, int))
    return sorted(found)


def addresses(page: Page, slug: str, *, most: int = 1) -> list[str]:
    """The page's address in the project; for ids, `most` numbers that could be meant.

    One will do where the role is refused before anything is looked up.
    """
    choices: list[list[str]] = []
    for part in page.route.split("/"):
        if part == "<slug:slug>":
            choices.append([slug])
        elif part.startswith("<int:"):
            choices.append([str(number) for number in numbers()[-most:]])
        else:
            choices.append(["harm"] if part.startswith("<") else [part])
    return ["/" + "/".join(chosen) for chosen in product(*choices)]


def filled(one: Operation, slug: str, *, most: int = 1) -> list[str]:
    """The operation's address in the project; for ids, `most` numbers that could be meant."""
    path = one.path.replace("{slug}", slug)
    tried = numbers()[-most:] if one.has_number else [0]
    return [re.sub(r"{\w+}", str(number), path) for number in tried]


def call(client: Client, method: str, address: str) -> Any:
    if method == "get":
        return client.get(address)
    return getattr(client, method)(address, data="{}", content_type="application/json")


def tells(answer: Any, world: World) -> bool:
    """Whether something of the project is in the answer."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = content.decode()
    return any(word in text for word in ("-secret", "secret response", world.project.name))


# ---- what there is


def test_pages_and_operations_are_found() -> None:
    names = {page.name for page in PAGES}
    assert {"label", "adjudicate", "agreement", "gold", "members", "tokens", "import"} <= names
    assert len(PROJECT_OPERATIONS) >= 15


def test_every_exception_is_an_address_that_exists() -> None:
    assert {*OPEN, *OWN} <= {page.name for page in EVERY}


def test_every_page_is_a_projects_page_or_named_above() -> None:
    unknown = [page for page in PAGES if not page.is_project_page]
    assert [page for page in unknown if page.name not in {*OPEN, *OWN}] == []


def test_every_project_page_is_behind_the_one_door() -> None:
    assert [page.name for page in PROJECT_PAGES if not page.roles] == [], "use @member_page"


def test_every_operation_is_behind_the_one_door() -> None:
    roles = {str(role) for role in Role}
    no_door = [one for one in PROJECT_OPERATIONS if not one.roles or not set(one.roles) <= roles]
    assert no_door == [], "use annotations.api.doors.door"
    elsewhere = {one.path for one in OPERATIONS} - {one.path for one in PROJECT_OPERATIONS}
    assert elsewhere == {"/api/v1/projects/"}


def test_every_api_address_is_described_in_the_schema() -> None:
    described = {re.sub(r"{\w+}", "<>", one.path) for one in OPERATIONS}
    routes = [page.route for page in EVERY if page.route.startswith(API) and page.name not in OPEN]
    assert [r for r in routes if "/" + re.sub(r"<[^>]+>", "<>", r) not in described] == []


# ---- nobody


def test_a_visitor_is_sent_to_the_sign_in(client: Client, furnished: World) -> None:
    let_in = []
    for page in PAGES:
        if page.name in OPEN:
            continue
        for address, method in product(addresses(page, furnished.project.slug), BOTH):
            answer = call(client, method, address)
            to_sign_in = answer.headers.get("Location", "").startswith("/sign-in/")
            refused = to_sign_in if answer.status_code == 302 else answer.status_code in {403, 405}
            if not refused or tells(answer, furnished):
                let_in.append((method, address, answer.status_code))
    assert let_in == []


def test_what_is_open_to_a_visitor_tells_nothing(client: Client, furnished: World) -> None:
    for page in (page for page in EVERY if page.name in OPEN and "admin" not in page.route):
        (address,) = addresses(page, furnished.project.slug)
        answer = client.get(address)
        assert answer.status_code in {200, 404, 405}, address
        assert not tells(answer, furnished), address


def test_a_program_without_a_token_gets_401(client: Client, furnished: World) -> None:
    for one in OPERATIONS:
        (address,) = filled(one, furnished.project.slug)
        assert call(client, one.method, address).status_code == 401, (one.method, address)


# ---- the stranger


def test_a_stranger_can_not_tell_that_the_project_exists(client: Client, furnished: World) -> None:
    signed_in(client, furnished.stranger)
    let_in = []
    for page in PROJECT_PAGES:
        for address, method in product(addresses(page, furnished.project.slug), BOTH):
            answer = call(client, method, address)
            if answer.status_code not in {404, 405} or tells(answer, furnished):
                let_in.append((method, address, answer.status_code))
    assert let_in == []


def test_a_strangers_own_pages_hold_nothing_of_the_project(
    client: Client, furnished: World
) -> None:
    signed_in(client, furnished.stranger)
    for page in (page for page in PAGES if page.name in OWN):
        (address,) = addresses(page, furnished.project.slug)
        answer = client.get(address)
        assert answer.status_code in {200, 404, 405}, address
        assert not tells(answer, furnished), address


def test_a_stranger_gets_404_from_every_operation(client: Client, furnished: World) -> None:
    signed_in(client, furnished.stranger)
    for one in PROJECT_OPERATIONS:
        (address,) = filled(one, furnished.project.slug)
        answer = call(client, one.method, address)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), address
        assert not tells(answer, furnished), address
    assert client.get("/api/v1/projects/").json()["results"] == []


def test_the_admin_is_for_staff(client: Client, furnished: World) -> None:
    signed_in(client, furnished.lead)
    for page in (page for page in EVERY if page.route.startswith("admin/")):
        address = "/" + re.sub(r"<[^>]+>", "1", page.route).split("(")[0]
        answer = client.get(address)
        assert not tells(answer, furnished), address
        assert answer.status_code != 200 or page.name in {"login", "jsi18n"}, address


# ---- the annotator, who must not learn what others answered


def test_an_annotator_is_refused_by_the_pages_of_others(client: Client, furnished: World) -> None:
    signed_in(client, furnished.ann1)
    let_in = []
    for page in (page for page in PROJECT_PAGES if Role.ANNOTATOR not in page.roles):
        for address in addresses(page, furnished.project.slug):
            statuses = {call(client, method, address).status_code for method in BOTH}
            if 403 not in statuses or not statuses <= {403, 405}:
                let_in.append((address, statuses))
    assert let_in == []


def test_an_annotator_is_refused_by_the_operations_of_others(
    client: Client, furnished: World
) -> None:
    signed_in(client, furnished.ann1)
    for one in (one for one in PROJECT_OPERATIONS if "annotator" not in one.roles):
        (address,) = filled(one, furnished.project.slug)
        assert call(client, one.method, address).status_code == 403, (one.method, address)


def test_figures_and_gold_are_closed_to_annotators() -> None:
    closed = {page.name for page in PROJECT_PAGES if Role.ANNOTATOR not in page.roles}
    assert {"agreement", "gold", "judges", "import", "adjudicate", "gold_release"} <= closed
    shut = {one.path.split("{slug}/")[1] for one in PROJECT_OPERATIONS
            if one.method == "get" and "annotator" not in one.roles}  # fmt: skip
    assert {"agreement/", "gold/", "cases/", "releases/{number}/download/"} <= shut


# ---- those whom a page is for do get in, so that refusing is not all that a door does


def test_an_owner_is_not_refused_by_the_role(client: Client, furnished: World) -> None:
    signed_in(client, furnished.lead)
    for page in PROJECT_PAGES:
        assert membership_for(furnished.lead, furnished.project.slug, page.roles)
        if "<" not in page.route.removeprefix(PROJECT):
            (address,) = addresses(page, furnished.project.slug)
            # 405: a POST only; 409: the small world has not come that far.
            assert client.get(address).status_code in {200, 302, 405, 409}, address


# ---- the owner of another project, who tries this project's numbers under the own address


def test_no_page_reaches_into_another_project(client: Client, furnished: World) -> None:
    signed_in(client, furnished.stranger)
    own = members.create_project("Elsewhere", by=furnished.stranger)
    before, let_in = snapshot(furnished), []
    for page in (page for page in PROJECT_PAGES if "<int:" in page.route):
        for address, method in product(addresses(page, own.slug, most=ALL_NUMBERS), BOTH):
            if tells(call(client, method, address), furnished):
                let_in.append((method, address))
    assert let_in == []
    assert snapshot(furnished) == before


def test_no_operation_reaches_into_another_project(client: Client, furnished: World) -> None:
    signed_in(client, furnished.stranger)
    own = members.create_project("Elsewhere", by=furnished.stranger)
    before = snapshot(furnished)
    for one in (one for one in PROJECT_OPERATIONS if one.has_number):
        for address in filled(one, own.slug, most=ALL_NUMBERS):
            assert call(client, one.method, address).status_code == 404, (one.method, address)
    assert snapshot(furnished) == before


def snapshot(world: World) -> list[Any]:
    """What nobody from outside may change."""
    project = world.project
    return [
        list(project.slots.order_by("id").values_list("id", "status", "rater", "leased_until")),
        list(project.annotations.order_by("id").values_list("id", "status", "draft")),
        list(project.memberships.order_by("id").values_list("id", "role")),
        list(project.jobs.order_by("id").values_list("id", "cancel_requested", "status")),
        list(project.gold.order_by("id").values_list("id", "value", "superseded_at")),
        project.releases.count(),
    ]
