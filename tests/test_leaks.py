"""Nothing that could sway a rater reaches anybody who still owes an answer, through any door.

A case is planted with strings that stand nowhere else: what the AI said, its score, its judge, other
raters' words, gold and its note, where the case comes from. Then every page and every operation that
there is (new ones too) is asked, with every number that could be meant, and all that comes back is
searched: content and headers.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from annotations.models import (
    Adjudication,
    Annotation,
    Case,
    Check,
    Gold,
    Mark,
    Post,
    Slot,
    Verdict,
)
from annotations.statuses import Arm, Cause, Provenance, SlotPurpose, SlotStatus, VerdictStatus
from tests.test_every_door import PROJECT_OPERATIONS, PROJECT_PAGES, Operation, Page
from tests.world import World, signed_in

# What the AI said. The quoted words stand in the case, so that there is evidence to show.
AI = ("raw-of-the-ai-qq", "0.7731", "0.773", "77.3", "7731", "rev-of-the-ai-qq", "outside-judge-qq")
OTHERS = ("comment-of-another-qq", "fact-of-another-qq", "gap-of-another-qq", "talk-of-another-qq")
SETTLED = ("note-on-the-gold-qq", "note-on-the-mark-qq")
ORIGIN = ("external-id-qq", "family-qq", "control-half-qq")
PURPOSES = ("known_gold", "sentinel", "planted")
# Acts that would end the state under test; each has tests of its own.
NOT_ASKED = {"label_skip", "label_release", "label_pause", "member_remove", "queue_skip"}
ROOM = ("label", "queue", "cases")


@dataclass
class Planted:
    """A case full of secrets that `user` still has to answer, and every number about it."""

    world: World
    case: Case
    slot: Slot
    numbers: list[int]


@pytest.fixture
def planted(world: World) -> Planted:
    """ann2 has answered, the AI and another judge too, and an earlier gold is still on record."""
    case = world.make_case(
        "external-id-qq", family="family-qq", strata={"half": "control-half-qq"}, overlap=5,
        response="Fold the left corner of the sheet.",
    )  # fmt: skip
    sheet = world.give(world.ann2, case, harm="no", comment="comment-of-another-qq")
    Annotation.objects.filter(pk=sheet.pk).update(
        deciding_fact="fact-of-another-qq", gap=True, gap_note="gap-of-another-qq"
    )
    raw = "raw-of-the-ai-qq: “Fold the left corner” (0.7731)"
    judged = [
        world.judged(case, "yes", revision="rev-of-the-ai-qq", score=0.7731, raw=raw),
        world.judged(case, "yes", name="outside-judge-qq", score=0.7731, raw=raw),
    ]
    decision = settle_early(world, case)
    Mark.objects.create(
        case=case, criterion=world.harm.criterion, kind="training", note="note-on-the-mark-qq",
        by=world.adjudicator,
    )  # fmt: skip
    Post.objects.create(case=case, author=world.ann2, pseudonym="R9", body="talk-of-another-qq")
    slot = world.claim(world.ann1, case)
    assert slot is not None
    numbers = [case.pk, slot.pk, sheet.pk, decision.pk, 1, *(v.annotation_id for v in judged)]
    return Planted(world, case, slot, sorted(set(numbers)))


def settle_early(world: World, case: Case) -> Adjudication:
    decision = Adjudication.objects.create(
        case=case, criterion=world.harm.criterion, criterion_version=world.harm,
        status=VerdictStatus.ANSWERED, value="yes", cause=Cause.SLIP, note="note-on-the-gold-qq",
        adjudicator=world.adjudicator,
    )  # fmt: skip
    Gold.objects.create(
        project=world.project, case=case, criterion=world.harm.criterion, adjudication=decision,
        criterion_version=world.harm, status=VerdictStatus.ANSWERED, value="yes",
        provenance=Provenance.ADJUDICATED, n_raters=2,
    )  # fmt: skip
    return decision


def put_into(planted: Planted, arm: Arm) -> None:
    Slot.objects.filter(pk=planted.slot.pk).update(arm=arm)


# ---- asking everything


def page_addresses(page: Page, slug: str, numbers: Iterable[int]) -> Iterator[str]:
    choices: list[list[str]] = []
    for part in page.route.split("/"):
        if part == "<slug:slug>":
            choices.append([slug])
        elif part.startswith("<int:"):
            choices.append([str(number) for number in numbers])
        else:
            choices.append(["harm"] if part.startswith("<") else [part])
    yield from ("/" + "/".join(chosen) for chosen in product(*choices))


def operation_addresses(one: Operation, slug: str, numbers: Iterable[int]) -> Iterator[str]:
    path = one.path.replace("{slug}", slug)
    if "{" not in path:
        yield path
        return
    before, _, rest = path.partition("{")
    after = rest.partition("}")[2]
    yield from (f"{before}{number}{after}" for number in numbers)


def asked(client: Client, planted: Planted, *, within: tuple[str, ...] = ("",)) -> Iterator[Any]:
    """(what was asked, the answer) for every door; `within` narrows it to names that start so."""
    slug, numbers = planted.world.project.slug, planted.numbers
    for page in PROJECT_PAGES:
        if page.name not in NOT_ASKED and page.name.startswith(within):
            for address in page_addresses(page, slug, numbers):
                yield from asked_page(client, page, address)
    for one in PROJECT_OPERATIONS:
        rest = one.path.split("{slug}/")[1]
        if rest.startswith(within) and not rest.endswith("skip/"):
            for address in operation_addresses(one, slug, numbers):
                yield from asked_operation(client, one.method, address)


def asked_page(client: Client, page: Page, address: str) -> Iterator[Any]:
    yield f"GET {address}", client.get(address)
    yield f"GET {address} as a part", client.get(address, HTTP_HX_REQUEST="true")
    if page.name.startswith("label"):
        yield f"POST {address}", client.post(address, {"act": "keep"})


def asked_operation(client: Client, method: str, address: str) -> Iterator[Any]:
    if method == "get":
        yield f"GET {address}", client.get(address)
    elif "/queue/" in address:
        call = getattr(client, method)
        sent = call(address, data='{"answers": {}}', content_type="application/json")
        yield f"{method} {address}", sent


def said(answer: Any) -> str:
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    return f"{headers}\n{content.decode()}"


def leaks(client: Client, planted: Planted, secrets: Iterable[str], **how: Any) -> list[str]:
    secrets = tuple(secrets)
    return [
        f"{what}: {secret}"
        for what, answer in asked(client, planted, **how)
        for text in [said(answer)]
        for secret in secrets
        if secret in text
    ]


# ---- who must not learn what


def test_the_walk_reaches_the_room_the_case_and_the_queue(client: Client, planted: Planted) -> None:
    signed_in(client, planted.world.ann1)
    seen = {what for what, answer in asked(client, planted) if answer.status_code == 200}
    slug, case = planted.world.project.slug, planted.case.pk
    assert f"GET /p/{slug}/label/" in seen
    assert f"GET /p/{slug}/cases/{case}/" in seen
    assert any(what.startswith("post") and what.endswith("queue/next/") for what in seen)


def test_an_annotator_who_owes_an_answer_learns_nothing_anywhere(
    client: Client, planted: Planted
) -> None:
    signed_in(client, planted.world.ann1)
    assert leaks(client, planted, (*AI, *OTHERS, *SETTLED, *ORIGIN, *PURPOSES)) == []


@pytest.mark.parametrize("arm", Arm)
def test_in_every_arm_the_room_keeps_the_ais_words_score_and_name(
    client: Client, planted: Planted, arm: Arm
) -> None:
    """The arm evidence points at words of the case, shown fills an answer in: that is all."""
    put_into(planted, arm)
    signed_in(client, planted.world.ann1)
    secrets = (*AI, *OTHERS, *SETTLED, *ORIGIN, *PURPOSES)
    assert leaks(client, planted, secrets, within=ROOM) == []


@pytest.mark.parametrize("who", ["lead", "adjudicator", "viewer"])
def test_while_a_case_is_labelled_its_readers_learn_no_answers_either(
    client: Client, planted: Planted, who: str
) -> None:
    """Gold and origin are theirs to see; what raters and judges said of an open case is not."""
    planted.case.gold.all().delete()
    signed_in(client, getattr(planted.world, who))
    hidden = (*OTHERS, "raw-of-the-ai-qq", "0.7731")
    assert leaks(client, planted, hidden) == []


@pytest.mark.parametrize("arm", [Arm.BLIND, Arm.REVEAL, Arm.EVIDENCE])
def test_no_answer_is_filled_in_unless_the_arm_is_shown(
    client: Client, planted: Planted, arm: Arm
) -> None:
    put_into(planted, arm)
    text = room_of(client, planted.world.ann1, planted)
    assert "checked" not in text
    assert "task-prefilled" not in text
    assert ("Fold the left corner</q>" in text) == (arm == Arm.EVIDENCE)


def room_of(client: Client, user: User, planted: Planted) -> str:
    return signed_in(client, user).get(f"/p/{planted.world.project.slug}/label/").content.decode()


def test_blind_and_reveal_look_the_same_before_the_answer(client: Client, planted: Planted) -> None:
    pages = set()
    for arm in (Arm.BLIND, Arm.REVEAL, ""):
        put_into(planted, arm)  # type: ignore[arg-type]
        answer = signed_in(client, planted.world.ann1).get(
            f"/p/{planted.world.project.slug}/label/next/"
        )
        csrf = answer.context["csrf_token"] if answer.context else ""
        pages.add((answer.content.decode().replace(str(csrf), ""), *sorted(answer.headers)))
    assert len({page[1:] for page in pages}) == 1
    assert len({without_tokens(page[0]) for page in pages}) == 1


def without_tokens(text: str) -> str:
    """The part without what is new in every request: the session's masked token, and the clock."""
    lines = [line for line in text.splitlines() if "csrfmiddlewaretoken" not in line]
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "", "\n".join(lines))


# ---- checks look like any case


@pytest.mark.parametrize(
    "purpose", [SlotPurpose.KNOWN_GOLD, SlotPurpose.SENTINEL, SlotPurpose.REPEAT]
)
def test_a_check_looks_like_any_case(
    client: Client, planted: Planted, purpose: SlotPurpose
) -> None:
    world = planted.world
    rater = world.rater(world.ann1)
    as_label = shape(client, planted)
    Slot.objects.filter(pk=planted.slot.pk).update(purpose=purpose, assigned_to=rater)
    Check.objects.create(
        slot=planted.slot, project=world.project, case=planted.case, rater=rater,
        rubric_version=world.rubric, purpose=purpose, expected={"harm": "yes"},
        planted={"harm": {"word": "no", "score": 0.7731}},
    )  # fmt: skip
    assert shape(client, planted) == as_label


def shape(client: Client, planted: Planted) -> list[Any]:
    """What a browser can tell of the slot's case before the answer, on every door of the room."""
    signed_in(client, planted.world.ann1)
    slug, pk = planted.world.project.slug, planted.slot.pk
    answers = [
        client.get(f"/p/{slug}/label/next/"),
        client.post(f"/p/{slug}/label/{pk}/heartbeat/"),
        client.post(f"/p/{slug}/label/{pk}/", {}, HTTP_HX_REQUEST="true"),
        client.post(f"/api/v1/projects/{slug}/queue/next/"),
    ]
    return [
        (answer.status_code, sorted(answer.headers), without_tokens(answer.content.decode()))
        for answer in answers
    ]


@pytest.mark.parametrize("purpose", [SlotPurpose.KNOWN_GOLD, SlotPurpose.REPEAT])
def test_the_answer_to_a_check_is_taken_like_any(
    client: Client, planted: Planted, purpose: SlotPurpose
) -> None:
    """Status, headers and the event are those of a label; only its number is another."""
    world = planted.world
    label = client_answer(client, planted)
    other = world.make_case("another", overlap=2)
    rater = world.rater(world.ann1)
    slot = Slot.objects.create(
        project=world.project, case=other, rubric_version=world.rubric, number=2, purpose=purpose,
        assigned_to=rater, rater=rater, status=SlotStatus.LEASED, leased_at=timezone.now(),
        leased_until=timezone.now() + timedelta(minutes=5),
    )  # fmt: skip
    Check.objects.create(
        slot=slot, project=world.project, case=other, rater=rater, purpose=purpose,
        rubric_version=world.rubric, expected={"harm": "no"},
    )  # fmt: skip
    planted.slot = slot
    assert client_answer(client, planted) == label


def client_answer(client: Client, planted: Planted) -> Any:
    signed_in(client, planted.world.ann1)
    answer = client.post(
        f"/p/{planted.world.project.slug}/label/{planted.slot.pk}/", {"answer-harm": "yes"},
        HTTP_HX_REQUEST="true",
    )  # fmt: skip
    event = answer.headers["HX-Trigger"].replace(str(planted.slot.pk), "#")
    return answer.status_code, sorted(answer.headers), "".join(c for c in event if not c.isdigit())


# ---- and once the answer is given


def test_after_the_answer_the_arm_reveal_shows_the_ai_and_no_other_arm_does(
    client: Client, planted: Planted
) -> None:
    put_into(planted, Arm.REVEAL)
    signed_in(client, planted.world.ann1)
    done = client.post(
        f"/p/{planted.world.project.slug}/label/{planted.slot.pk}/", {"answer-harm": "no"}
    )
    assert "raw-of-the-ai-qq" in client.get(done.headers["Location"]).content.decode()
    assert Verdict.objects.filter(
        annotation__rater=planted.world.rater(planted.world.ann1)
    ).exists()
