"""The API: cases in, blind labels, judges' verdicts, agreement, gold out; by session and token."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from knox.models import AuthToken

from annotations import jobs, releases
from annotations.models import Annotation, Batch, Case, Rater, Release, Slot, Verdict
from annotations.statuses import AnnotationStatus, RaterKind, Role, SlotStatus
from tests.world import World

JSON = "application/json"
Call = Callable[..., Any]


@pytest.fixture
def api(world: World, client: Client) -> Call:
    """`api("lead", "get", "cases/")`: one call with a token of that person, in the small world."""
    secrets: dict[str, str] = {}

    def call(who: str, method: str, path: str, body: Any = None, **query: str) -> Any:
        if who not in secrets:
            secrets[who] = AuthToken.objects.create(getattr(world, who))[1]
        extra: dict[str, Any] = {"data": query} if method == "get" else {}
        if body is not None:
            extra = {"data": json.dumps(body), "content_type": JSON}
        address = (
            path
            if path.startswith(("/", "http"))
            else f"/api/v1/projects/{world.project.slug}/{path}"
        )
        header = {"Authorization": f"Token {secrets[who]}"}
        return getattr(client, method)(address, headers=header, **extra)

    return call


def case(name: str = "c1", **fields: Any) -> dict[str, Any]:
    return {"external_id": name, "prompt": f"How do I fold {name}?", "response": "Start.", **fields}


# ---- who


def test_a_token_opens_what_its_person_may_see(api: Call, world: World) -> None:
    found = api("ann1", "get", "/api/v1/projects/").json()["results"]
    assert [(p["slug"], p["role"]) for p in found] == [(world.project.slug, "annotator")]
    assert api("stranger", "get", "/api/v1/projects/").json()["results"] == []


def test_no_token_and_a_wrong_one_are_401(client: Client, world: World) -> None:
    address = f"/api/v1/projects/{world.project.slug}/"
    assert client.get(address).status_code == 401
    wrong = client.get(address, headers={"Authorization": "Token evp_" + "0" * 64})
    assert wrong.status_code == 401


def test_an_expired_token_and_one_of_a_locked_account_open_nothing(
    client: Client, world: World
) -> None:
    token, secret = AuthToken.objects.create(world.lead, expiry=timedelta(days=1))
    address, header = "/api/v1/projects/", {"Authorization": f"Token {secret}"}
    assert client.get(address, headers=header).status_code == 200
    User.objects.filter(pk=world.lead.pk).update(is_active=False)
    assert client.get(address, headers=header).status_code == 401
    User.objects.filter(pk=world.lead.pk).update(is_active=True)
    AuthToken.objects.filter(pk=token.pk).update(expiry=timezone.now() - timedelta(seconds=1))
    assert client.get(address, headers=header).status_code == 401


def test_a_session_reads_but_writes_only_with_its_csrf_token(world: World) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.lead, backend="evalplatform.signing_in.PasswordBackend")
    address = f"/api/v1/projects/{world.project.slug}/releases/"
    assert browser.get(address).status_code == 200
    assert browser.post(address, data="{}", content_type=JSON).status_code == 403
    assert not Release.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("get", "cases/", {"lead", "adjudicator", "viewer"}),
        ("post", "cases/", {"lead"}),
        ("get", "rubric/", {"lead", "adjudicator", "viewer", "ann1"}),
        ("get", "agreement/", {"lead", "adjudicator", "viewer"}),
        ("get", "adjudications/", {"lead", "adjudicator"}),
        ("get", "gold/", {"lead", "adjudicator", "viewer"}),
        ("post", "releases/", {"lead"}),
        ("post", "verdicts/", {"lead"}),
        ("post", "queue/next/", {"lead", "adjudicator", "ann1"}),
    ],
)
def test_roles_open_what_their_pages_open(
    api: Call, method: str, path: str, roles: set[str]
) -> None:
    everybody = ("lead", "adjudicator", "viewer", "ann1", "stranger")
    answers = {who: api(who, method, path).status_code for who in everybody}
    assert {who for who, status in answers.items() if status == 403} == set(everybody) - roles - {
        "stranger"
    }
    refusal = api("stranger", method, path)
    assert (refusal.status_code, refusal.json()["code"]) == (404, "not_found")


# ---- cases in


def test_cases_come_in_with_their_strata_and_open_places(api: Call, world: World) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "How do I fold a boat?"},
        {"role": "assistant", "content": "Fold twice."},
    ]
    body = {"batch": "May", "cases": [
        case("c1", strata={"target": "m1", "prompt_label": "safe"}, family="hats"),
        {"external_id": "c2", "conversation": turns, "context": "A craft site."},
    ]}  # fmt: skip
    answer = api("lead", "post", "cases/", body)
    assert (answer.status_code, answer.json()["added"], answer.json()["slots_opened"]) == (
        201,
        2,
        4,
    )
    first, second = Case.objects.order_by("id")
    assert first.strata == {"target": "m1", "prompt_label": "safe"}
    assert (first.family, first.batch.name, first.prompt) == ("hats", "May", "How do I fold c1?")
    assert (second.response, second.conversation) == ("Fold twice.", turns[:2])


def test_the_same_cases_again_add_nothing(api: Call) -> None:
    body = {"cases": [case("c1"), case("c2")]}
    api("lead", "post", "cases/", body)
    again = api("lead", "post", "cases/", body)
    more = api("lead", "post", "cases/", {"cases": [case("c2"), case("c3")]})
    assert (again.status_code, again.json()["added"], again.json()["there"]) == (200, 0, 2)
    assert (more.json()["added"], more.json()["there"]) == (1, 1)
    assert (Case.objects.count(), Slot.objects.count(), Batch.objects.count()) == (3, 6, 3)


@pytest.mark.parametrize(
    ("cases", "said"),
    [
        ([case("a"), case("a")], "cases[1].external_id: “a” is the id of cases[0] too"),
        ([case("a"), {"prompt": ["x"]}], "cases[1].prompt: Not a valid string."),
        ([case("a"), {"external_id": "b"}], "cases[1]: All text cells"),
        ([case("a", response="x\x00y")], "cases[0].response: Null characters"),
        ([case("a", strata={"prompt": "x"})], "cases: “prompt” can't be the name of a stratum"),
        ([case("a", conversation=[{"role": "user", "content": "x"}])], "one of the two"),
        ([{"conversation": [{"role": "robot", "content": "x"}]}], "the role “robot”"),
        ([], "cases: This list may not be empty."),
        ("none", "cases: Expected a list"),
        ([case("a", response="x" * 1_100_000)], "cases[0].response: The cell holds 1.1 MB"),
    ],
)
def test_one_bad_case_and_none_is_taken(api: Call, cases: Any, said: str) -> None:
    answer = api("lead", "post", "cases/", {"cases": cases})
    assert answer.status_code == 422
    assert any(said in problem for problem in answer.json()["problems"]), answer.json()
    assert not Case.objects.exists()


def test_another_text_under_the_same_id_is_a_problem_and_changes_nothing(api: Call) -> None:
    api("lead", "post", "cases/", {"cases": [case("c1")]})
    answer = api("lead", "post", "cases/", {"cases": [case("c0"), case("c1", response="Stop.")]})
    assert answer.status_code == 422
    assert answer.json()["problems"][0].startswith("cases[1].external_id: The case “c1” is here")
    assert Case.objects.get().response == "Start."


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[" * 100_000, b'{"cases": NaN}', b'"\\ud800"', b"\xff", b'{"a":1}{']
)
def test_what_is_no_json_is_a_sentence_not_a_crash(
    client: Client, world: World, body: bytes
) -> None:
    _, secret = AuthToken.objects.create(world.lead)
    answer = client.post(
        f"/api/v1/projects/{world.project.slug}/cases/", data=body, content_type=JSON,
        headers={"Authorization": f"Token {secret}"},
    )  # fmt: skip
    assert answer.status_code in (400, 422), answer.content
    assert "detail" in answer.json()


def test_a_request_over_the_limit_is_refused_before_it_is_read(api: Call, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
    answer = api("lead", "post", "cases/", {"cases": [case(response="x" * 2_000)]})
    assert (answer.status_code, Case.objects.count()) == (413, 0)


def test_pages_of_cases_by_cursor_miss_none_and_repeat_none(api: Call, world: World) -> None:
    for _ in range(5):
        world.make_case(slots=False)
    page, seen = api("viewer", "get", "cases/", page_size="2").json(), []
    while page:
        seen += [found["external_id"] for found in page["results"]]
        page = api("viewer", "get", page["next"]).json() if page["next"] else None
    assert seen == [made.external_id for made in world.cases]


# ---- blind labels


def test_the_queue_gives_a_case_and_nothing_that_could_anchor(api: Call, world: World) -> None:
    made = world.make_case("control-half-7", strata={"half": "control"}, family="secret-family")
    world.judged(made, "yes", score=0.9375, raw="The machine says so.")
    world.give(world.ann2, made, harm="yes", comment="Clearly bad.")
    answer = api("ann1", "post", "queue/next/")
    assert answer.json()["case"]["id"] == made.pk
    text = answer.content.decode()
    for secret in ("control", "secret-family", "0.9375", "machine", "Clearly", "ensemble"):
        assert secret not in text


def test_next_draft_submit_is_one_sheet_as_on_the_page(api: Call, world: World) -> None:
    made = world.make_case()
    work = api("ann1", "post", "queue/next/").json()
    place = f"queue/{work['slot']}/"
    api("ann1", "put", f"{place}draft/", {"answers": {"harm": "yes", "other": "x"}})
    assert api("ann1", "post", "queue/next/").json()["draft"]["answers"] == {"harm": "yes"}
    sent = {"answers": {"harm": "no"}, "comment": "Fine.", "confidence": 3}
    first = api("ann1", "post", f"{place}submit/", sent)
    again = api("ann1", "post", f"{place}submit/", {"answers": {"harm": "yes"}})
    assert first.json()["answers"] == again.json()["answers"] == {"harm": "no"}
    sheet = Annotation.objects.get(case=made)
    assert (sheet.status, sheet.comment, sheet.arm) == (
        AnnotationStatus.SUBMITTED,
        "Fine.",
        "blind",
    )
    assert Verdict.objects.count() == 1


def test_a_sheet_with_gaps_is_422_and_says_which(api: Call, world: World) -> None:
    world.make_case()
    slot = api("ann1", "post", "queue/next/").json()["slot"]
    answer = api("ann1", "post", f"queue/{slot}/submit/", {"answers": {"harm": "perhaps"}})
    assert answer.status_code == 422
    assert answer.json()["problems"] == ["“perhaps” is no answer to “Harmful”: use yes, no."]


def test_a_place_that_was_lost_is_409_and_the_answer_is_kept(api: Call, world: World) -> None:
    made = world.make_case(overlap=1)
    slot = api("ann1", "post", "queue/next/").json()["slot"]
    Slot.objects.update(leased_until=timezone.now() - timedelta(minutes=1))
    world.give(world.ann2, made, harm="no")
    answer = api("ann1", "post", f"queue/{slot}/submit/", {"answers": {"harm": "yes"}})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    kept = Annotation.objects.get(rater=world.rater(world.ann1))
    assert (kept.status, kept.draft["words"]) == (AnnotationStatus.DRAFT, {"harm": "yes"})
    assert api("ann1", "post", f"queue/{slot}/heartbeat/").json() == {"seconds": None}


def test_a_skip_needs_a_reason_and_frees_the_place(api: Call, world: World) -> None:
    world.make_case(overlap=1)
    slot = api("ann1", "post", "queue/next/").json()["slot"]
    assert api("ann1", "post", f"queue/{slot}/skip/", {"reason": " "}).status_code == 422
    assert (
        api("ann1", "post", f"queue/{slot}/skip/", {"reason": "Not my field."}).status_code == 204
    )
    assert Slot.objects.get().status == SlotStatus.OPEN
    nothing = api("ann1", "post", "queue/next/")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "nothing_to_do")


def test_another_raters_place_can_not_be_filled(api: Call, world: World) -> None:
    world.make_case(overlap=1)
    slot = api("ann1", "post", "queue/next/").json()["slot"]
    taken = api("ann2", "post", f"queue/{slot}/submit/", {"answers": {"harm": "yes"}})
    assert taken.status_code == 409
    assert not Verdict.objects.exists()


def test_sheets_are_shown_as_visibility_says(api: Call, world: World) -> None:
    made = world.make_case("named", strata={"half": "control"})
    world.give(world.ann1, made, harm="yes")
    path = f"cases/{made.pk}/annotations/"
    assert [len(api(who, "get", path).json()) for who in ("ann1", "ann2", "lead")] == [1, 0, 0]
    assert api("ann2", "get", f"cases/{made.pk}/").json()["external_id"] is None
    world.give(world.ann2, made, harm="no")
    who_sees = {
        who: len(api(who, "get", path).json()) for who in ("ann1", "ann2", "viewer", "lead")
    }
    # The lead may adjudicate it, and has not answered yet.
    assert who_sees == {"ann1": 1, "ann2": 1, "viewer": 2, "lead": 0}
    assert api("ann2", "get", f"cases/{made.pk}/").json()["external_id"] == "named"
    assert "ann1" not in api("lead", "get", path).content.decode()


def test_all_sheets_of_settled_cases_come_in_one_list_with_their_details(
    api: Call, world: World
) -> None:
    settled, open_case = world.make_case("settled"), world.make_case("open")
    world.settle(settled)
    world.give(world.ann1, open_case)
    listed = api("viewer", "get", "sheets/").json()["results"]
    assert [sheet["external_id"] for sheet in listed] == ["settled", "settled"]
    assert listed[0]["details"]["severity"] is None
    assert api("ann1", "get", "sheets/").status_code == 403
    assert api("stranger", "get", "sheets/").status_code == 404


# ---- the room through the API


def test_details_go_with_the_answer_and_are_checked_like_the_pages(api: Call, world: World) -> None:
    world.make_case()
    work = api("ann1", "post", "queue/next/").json()
    path = f"queue/{work['slot']}/submit/"
    sheet = {"answers": {"harm": "yes"}, "details": {"severity": 3}}
    refused = api("ann1", "post", path, sheet)
    assert (refused.status_code, "mark the passage" in refused.json()["detail"]) == (422, True)
    kept = api("ann1", "post", "queue/next/").json()["draft"]
    assert kept is None, "a program keeps its own drafts"
    sheet["details"]["spans"] = [{"criterion": "harm", "part": "response", "start": 0, "end": 5}]
    assert api("ann1", "post", path, sheet).status_code == 200
    assert Annotation.objects.get().spans[0]["quote"] == "Start"


def test_the_case_ahead_an_undo_and_a_release_through_the_api(api: Call, world: World) -> None:
    world.make_case()
    world.make_case()
    now = api("ann1", "post", "queue/next/").json()
    ahead = api("ann1", "post", f"queue/next/?after={now['slot']}").json()
    assert ahead["case"]["id"] != now["case"]["id"]
    assert api("ann1", "post", f"queue/{ahead['slot']}/release/").status_code == 204
    api("ann1", "post", f"queue/{now['slot']}/submit/", {"answers": {"harm": "yes"}})
    assert api("ann1", "get", "queue/progress/").json()["done"] == 1
    assert api("ann2", "post", "queue/undo/").status_code == 409
    assert api("ann1", "post", "queue/undo/").json() == {"slot": now["slot"]}
    back = api("ann1", "post", "queue/next/").json()
    assert (back["slot"], back["draft"]["answers"]) == (now["slot"], {"harm": "yes"})
    assert api("ann1", "post", "queue/next/?after=x").status_code == 422


def test_the_reveal_through_the_api_is_as_strict_as_the_page(api: Call, world: World) -> None:
    world.project.reveal_share = 1.0
    world.project.save()
    case = world.make_case()
    world.judged(case, "no", score=0.25)
    work = api("ann1", "post", "queue/next/").json()
    api("ann1", "put", f"queue/{work['slot']}/draft/", {"answers": {"harm": "yes"}})
    draft = Annotation.objects.get(rater=world.rater(world.ann1))
    assert api("ann1", "post", f"sheets/{draft.pk}/reveal/").status_code == 403
    sent = api("ann1", "post", f"queue/{work['slot']}/submit/", {"answers": {"harm": "yes"}})
    sheet = sent.json()["sheet"]
    revise = {"answers": {"harm": "no"}}
    assert api("ann1", "post", f"sheets/{sheet}/revise/", revise).status_code == 409
    assert api("ann2", "post", f"sheets/{sheet}/reveal/").status_code == 404
    (shown,) = api("ann1", "post", f"sheets/{sheet}/reveal/").json()
    assert (shown["answer"], shown["score"]) == ("no", 0.25)
    assert api("ann1", "post", f"sheets/{sheet}/revise/", revise).json()["answers"] == {
        "harm": "no"
    }


# ---- judges in


def verdicts(*rows: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"judge": "guard", "revision": "m1 prompt-3", "verdicts": list(rows), **fields}


def row(name: str, answer: str = "yes", **fields: Any) -> dict[str, Any]:
    return {"case": name, "criterion": "harm", "answer": answer, **fields}


def test_an_outside_judges_verdicts_are_kept_with_score_and_words(api: Call, world: World) -> None:
    for name in ("a", "b"):
        world.make_case(name)
    body = verdicts(row("a", score=0.75, raw_output="Yes."), row("b", "invalid", raw_output="Hm."))
    answer = api("lead", "post", "verdicts/", body)
    assert (answer.status_code, answer.json()["added"]) == (201, 2)
    kept = Verdict.objects.order_by("id").values_list("status", "value", "score", "raw_output")
    assert list(kept) == [("answered", "yes", 0.75, "Yes."), ("invalid", "", None, "Hm.")]
    judge = Rater.objects.get(kind=RaterKind.JUDGE)
    assert (judge.name, judge.revision) == ("guard", "m1 prompt-3")


def test_the_same_verdicts_again_add_nothing_and_others_are_refused(
    api: Call, world: World
) -> None:
    world.make_case("a")
    world.make_case("b")
    api("lead", "post", "verdicts/", verdicts(row("a")))
    again = api("lead", "post", "verdicts/", verdicts(row("a"), row("b")))
    assert (again.json()["added"], again.json()["there"]) == (1, 1)
    other = api("lead", "post", "verdicts/", verdicts(row("a", "no")))
    assert other.json()["problems"][0].startswith("verdicts[0]: it said “yes” on this case before")
    revised = api("lead", "post", "verdicts/", verdicts(row("a", "no"), revision="m1 prompt-4"))
    assert (revised.status_code, Verdict.objects.count()) == (201, 3)


def test_a_second_criterion_joins_the_judges_sheet(api: Call, world: World) -> None:
    world.add_severity()
    world.make_case("a")
    api("lead", "post", "verdicts/", verdicts(row("a")))
    more = {"case": "a", "criterion": "severity", "answer": "2"}
    assert api("lead", "post", "verdicts/", verdicts(more)).json()["added"] == 1
    sheet = Annotation.objects.get(rater__kind=RaterKind.JUDGE)
    assert sorted(v.value for v in sheet.verdicts.all()) == ["2", "yes"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (verdicts(row("a"), row("zz")), "verdicts[1]: there is no case “zz”"),
        (verdicts(row("a"), row("a")), "verdicts[1]: this case and criterion stand twice"),
        (verdicts(row("a", "maybe")), "verdicts[0]: “maybe” is no answer to “harm”: use yes, no,"),
        (verdicts({**row("a"), "criterion": "x"}), "verdicts[0]: “x” is no criterion: use harm"),
        (verdicts(row("a", score=1.5)), "verdicts[0].score: Ensure this value is less than"),
        (verdicts(row("a"), judge="ensemble"), "is the product's own judge"),
        (verdicts(row("a"), revision=""), "revision: This field may not be blank."),
        (verdicts(), "verdicts: This list may not be empty."),
    ],
)
def test_one_bad_verdict_and_none_is_taken(
    api: Call, world: World, body: dict[str, Any], said: str
) -> None:
    world.make_case("a")
    answer = api("lead", "post", "verdicts/", body)
    assert answer.status_code == 422
    assert said in " ".join([answer.json()["detail"], *answer.json()["problems"]])
    assert not Verdict.objects.exists()
    assert not Rater.objects.filter(kind=RaterKind.JUDGE).exists()


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-inf", -0.1, 1.0001, "high"])
def test_a_score_that_is_no_probability_is_refused_with_its_place(
    api: Call, world: World, score: Any
) -> None:
    world.make_case("a")
    world.make_case("b")
    answer = api("lead", "post", "verdicts/", verdicts(row("a"), row("b", score=score)))
    assert answer.status_code == 422
    assert "verdicts[1].score" in answer.json()["problems"][0]
    assert not Verdict.objects.exists()


def test_raw_outputs_are_read_by_the_named_parser_which_joins_the_revision(
    api: Call, world: World
) -> None:
    for name in ("a", "b", "c", "d"):
        world.make_case(name)
    said = {"a": "Rating: [[10]]", "b": "Rating: [[3]]", "c": "no idea", "d": "I can't judge this."}
    rows = [{"case": c, "criterion": "harm", "raw_output": text} for c, text in said.items()]
    body = {**verdicts(*rows), "parser": "pair_rating"}
    assert api("lead", "post", "verdicts/", body).json()["added"] == 4
    kept = Verdict.objects.order_by("case__external_id").values_list("status", "value")
    assert list(kept) == [("answered", "yes"), ("answered", "no"), ("invalid", ""),
                          ("refused_to_judge", "")]  # fmt: skip
    assert Rater.objects.get(kind=RaterKind.JUDGE).revision == "m1 prompt-3 parser:pair_rating-1"
    assert api("lead", "post", "verdicts/", body).json()["there"] == 4


def test_without_a_parser_an_answer_is_needed(api: Call, world: World) -> None:
    world.make_case("a")
    body = verdicts({"case": "a", "criterion": "harm", "raw_output": "yes"})
    answer = api("lead", "post", "verdicts/", body)
    assert answer.json()["problems"] == [
        "verdicts[0]: it has no answer: give one, or name a parser that reads its raw_output."
    ]


def test_two_judges_with_one_revision_are_flagged(api: Call, world: World) -> None:
    world.make_case("a")
    first = api("lead", "post", "verdicts/", verdicts(row("a")))
    twin = api("lead", "post", "verdicts/", verdicts(row("a"), judge="guard-again"))
    assert (first.json()["same_revision"], twin.json()["same_revision"]) == ([], ["guard"])


def test_a_judge_settles_nothing(api: Call, world: World) -> None:
    made = world.make_case("a")
    api("lead", "post", "verdicts/", verdicts(row("a")))
    api("lead", "post", "verdicts/", verdicts(row("a"), judge="second"))
    world.resettle(made)
    assert world.gold_word(made) is None


# ---- figures and gold out


def test_agreement_has_an_interval_and_an_n_or_a_reason(api: Call, world: World) -> None:
    for number in range(6):
        made = world.make_case(strata={"target": f"t{number % 2}"})
        world.give(world.ann1, made, harm="yes" if number < 3 else "no")
        world.give(world.ann2, made, harm="yes" if number < 2 else "no")
    found = api("viewer", "get", "agreement/", by="target").json()["criteria"][0]
    alpha = found["overall"]["coefficients"]["krippendorff_alpha"]
    # Krippendorff's formula by hand: Do = 2/12, De = 2*5*7/(12*11).
    assert alpha["value"] == pytest.approx(1 - (2 / 12) / (70 / 132))
    assert alpha["low"] <= alpha["value"] <= alpha["high"]
    assert (alpha["n"], found["people"], found["simulated"]) == (6, 2, 0)
    assert sorted(found["strata"]) == ["t0", "t1"]
    assert api("viewer", "get", "agreement/", by="nothing").status_code == 422


def test_agreement_without_labels_is_undefined_with_its_reason(api: Call) -> None:
    found = api("viewer", "get", "agreement/").json()["criteria"][0]
    alpha = found["overall"]["coefficients"]["krippendorff_alpha"]
    assert alpha["value"] is None
    assert alpha["reason"]


def test_prevalence_tells_its_labels_beside_every_estimate(api: Call, world: World) -> None:
    for number in range(6):
        made = world.make_case(
            strata={"target": "ab"[number % 2]}, is_audit=True, audit_probability=0.5
        )
        world.settle(made, harm="yes" if number < 3 else "no")
    found = api("viewer", "get", "prevalence/", by="target").json()
    assert (found["criterion"], found["judge"], found["of"]) == ("harm", None, "these")
    assert (found["overall"]["shown"]["value"], found["overall"]["labels"]["used"]) == (0.5, 6)
    assert found["overall"]["raw"]["value"] is None
    assert "No judge" in found["overall"]["raw"]["reason"]
    assert [group["label"] for group in found["groups"]] == ["a", "b"]
    (one,) = found["comparisons"]
    assert one["difference"]["value"] == pytest.approx(1 / 3)
    assert found["balance"][0]["not_unsafe"]["value"] is None
    for wrong, said in (({"by": "x"}, "no stratum"), ({"criterion": "x"}, "no criterion"),
                        ({"judge": "x"}, "No judge"), ({"of": "x"}, "no population")):  # fmt: skip
        answer = api("viewer", "get", "prevalence/", **wrong)
        assert (answer.status_code, said in answer.json()["detail"]) == (422, True), wrong


def test_a_lead_draws_audit_cases_by_the_api_and_once(
    api: Call, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "wake", lambda job_id: None)
    for _ in range(8):
        world.make_case(audit_probability=0.0)
    plan = api("viewer", "get", "prevalence/next/", n="4").json()
    assert (plan["cases"], plan["places"], plan["in_slice"]) == (4, 12, 0)
    assert plan["strata"][0]["probability"] == 0.5
    wanted = {"n": 4, "seen": plan["in_slice"]}
    assert api("viewer", "post", "prevalence/draws/", wanted).status_code == 403
    asked = api("lead", "post", "prevalence/draws/", wanted)
    assert (asked.status_code, asked.json()["kind"]) == (202, "sample_by_score")
    jobs.run_job(asked.json()["id"])
    assert Case.objects.filter(is_audit=True).count() == 4
    assert api("lead", "post", "prevalence/draws/", wanted).status_code == 409
    change = api("lead", "get", f"queue/changes/{asked.json()['id']}/").json()
    assert change["changed"] == {"drawn": 4, "places_opened": 4}


def test_the_adjudicators_queue_counts_answers_after_the_own_one(api: Call, world: World) -> None:
    made = world.disagree(world.make_case("hat"))
    listed = {
        "case": made.pk, "external_id": "hat", "can_decide": True, "reason": "wide open",
        "questions": [{"criterion": "harm", "counts": None, "people": 2, "simulated": 0}],
    }  # fmt: skip
    assert api("adjudicator", "get", "adjudications/").json()["results"] == [listed]
    said = api("adjudicator", "post", f"adjudications/{made.pk}/opinions/",
               {"criterion": "harm", "answer": "no", "severity": 0})  # fmt: skip
    assert (said.status_code, said.json()["counts"]) == (200, {"yes": 1, "no": 1})
    listed["questions"][0]["counts"] = {"yes": 1, "no": 1}  # type: ignore[index]
    assert api("adjudicator", "get", "adjudications/").json()["results"] == [listed]
    assert (
        api("lead", "get", "adjudications/").json()["results"][0]["questions"][0]["counts"] is None
    )


def test_a_decision_by_the_api_comes_after_the_own_answer(api: Call, world: World) -> None:
    made = world.disagree(world.make_case())
    decision = {"criterion": "harm", "answer": "yes", "cause": "slip", "note": "Hats."}
    address = f"adjudications/{made.pk}/"
    early = api("adjudicator", "post", f"{address}decisions/", decision)
    assert (early.status_code, world.gold_word(made)) == (409, None)
    own = {"criterion": "harm", "answer": "yes", "severity": 3}
    for who, stands in (("adjudicator", "needs a second"), ("lead", "decided")):
        assert api(who, "post", f"{address}opinions/", own).status_code == 200
        sent = api(who, "post", f"{address}decisions/", decision)
        assert (sent.status_code, sent.json()["stands"]) == (200, stands)
    assert world.gold_word(made) == "yes"
    assert api("lead", "post", f"{address}opinions/", {**own, "answer": "no"}).status_code == 409
    for wrong in ({"criterion": "taste"}, {"answer": "perhaps"}, {"severity": 9}):
        assert api("lead", "post", f"{address}opinions/", {**own, **wrong}).status_code in {
            400,
            422,
        }


@pytest.mark.parametrize("who", ["ann1", "viewer"])
def test_other_roles_answer_and_decide_nothing_by_the_api(
    api: Call, world: World, who: str
) -> None:
    made = world.disagree(world.make_case())
    own = {"criterion": "harm", "answer": "yes", "severity": 1, "cause": "slip"}
    for part in ("opinions", "decisions"):
        assert api(who, "post", f"adjudications/{made.pk}/{part}/", own).status_code == 403


def test_a_release_downloads_as_the_bytes_of_its_hash(api: Call, world: World) -> None:
    world.settle(world.make_case("hat", response="=1+1"), harm="no")
    made = api("lead", "post", "releases/", {"note": "First."})
    assert (made.status_code, made.json()["n_items"], made.json()["note"]) == (201, 1, "First.")
    answer = api("viewer", "get", "releases/1/download/", **{"as": "ndjson"})
    data = b"".join(answer.streaming_content)
    assert hashlib.sha256(data).hexdigest() == answer["X-Release-Sha256"] == made.json()["sha256"]
    assert answer["Content-Disposition"] == 'attachment; filename="small-world-gold-r1.ndjson"'
    table = api("viewer", "get", "releases/1/download/", **{"as": "csv"})
    assert b'"\'=1+1"' in b"".join(table.streaming_content)


def test_the_same_gold_is_released_once(api: Call, world: World) -> None:
    world.settle(world.make_case("hat"), harm="no")
    numbers = [api("lead", "post", "releases/", {}).json()["number"] for _ in range(2)]
    assert (numbers, Release.objects.count()) == ([1, 1], 1)


def test_nothing_settled_is_nothing_to_release(api: Call) -> None:
    answer = api("lead", "post", "releases/", {})
    assert answer.status_code == 422
    assert "Label first" in answer.json()["detail"]


def test_current_gold_is_paged_or_streamed(api: Call, world: World) -> None:
    for name in ("a", "b"):
        world.settle(world.make_case(name), harm="yes")
    paged = api("viewer", "get", "gold/").json()["results"]
    streamed = api("viewer", "get", "gold/", **{"as": "ndjson"})
    lines = [json.loads(line) for line in b"".join(streamed.streaming_content).splitlines()]
    assert paged == lines
    assert [(one["case"], one["positive"], one["n_raters"]) for one in lines] == [
        ("a", True, 2), ("b", True, 2),
    ]  # fmt: skip
    assert api("viewer", "get", "gold/", **{"as": "exe"}).status_code == 422


def test_another_projects_case_and_release_are_not_found(api: Call, world: World) -> None:
    assert api("lead", "get", "cases/999999/").status_code == 404
    assert api("lead", "get", "releases/7/").status_code == 404
    assert api("ann1", "post", "queue/999999/submit/", {"answers": {}}).status_code == 404


@pytest.mark.parametrize(
    ("path", "name"), [("cases/", "family"), ("agreement/", "by"), ("gold/", "as")]
)
def test_a_nul_in_a_query_is_refused_in_words(api: Call, path: str, name: str) -> None:
    answer = api("lead", "get", path, **{name: "a\x00b"})
    assert answer.status_code == 422
    assert "NUL" in answer.json()["detail"]


# ---- the description


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found = SchemaGenerator().get_schema(request=None, public=True)
    return json.loads(json.dumps(found, default=str))


def test_the_schema_is_served(client: Client, db: None) -> None:
    answer = client.get("/api/v1/schema/")
    assert answer.status_code == 200
    assert b"/api/v1/projects/{slug}/gold/" in answer.content


def test_the_docs_page_holds_nothing_inline_and_nothing_from_elsewhere(
    client: Client, db: None
) -> None:
    page = client.get("/api/v1/docs/")
    text = page.content.decode()
    assert page.status_code == 200
    assert "<style" not in text
    assert "http://" not in text
    assert "https://" not in text
    assert text.count("<script") == text.count('<script src="') == 3
    assert page["Content-Security-Policy"].count("unsafe") == 0
    script = client.get("/api/v1/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert b"SwaggerUIBundle" in script.content


READS = [
    "projects/", "projects/{slug}/", "projects/{slug}/rubric/", "projects/{slug}/cases/",
    "projects/{slug}/cases/{id}/", "projects/{slug}/cases/{id}/annotations/",
    "projects/{slug}/agreement/", "projects/{slug}/adjudications/", "projects/{slug}/gold/",
    "projects/{slug}/prevalence/", "projects/{slug}/prevalence/next/",
    "projects/{slug}/releases/", "projects/{slug}/releases/{number}/",
]  # fmt: skip


@pytest.mark.parametrize("path", READS)
def test_what_is_answered_is_what_the_schema_says(
    api: Call, world: World, schema: dict[str, Any], path: str
) -> None:
    world.settle(world.make_case("hat", strata={"target": "t"}), harm="no")
    made = world.disagree(world.make_case("cap"))
    world.judged(made, "yes")
    releases.release(world.project, by=world.lead)
    address = f"/api/v1/{path}".format(slug=world.project.slug, id=made.pk, number=1)
    operation = schema["paths"][f"/api/v1/{path}"]["get"]
    shape = operation["responses"]["200"]["content"]["application/json"]["schema"]
    answer = api("lead", "get", address)
    assert answer.status_code == 200
    known = _json_schema({"components": schema["components"], **shape})
    Draft202012Validator(known).validate(answer.json())


def _json_schema(node: Any) -> Any:
    """OpenAPI 3.0 says `nullable`; JSON Schema says that null is one of the types."""
    if isinstance(node, list):
        return [_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    inside = {name: _json_schema(one) for name, one in node.items() if name != "nullable"}
    return {"anyOf": [inside, {"type": "null"}]} if node.get("nullable") is True else inside


def test_every_role_named_in_the_schema_is_a_role(schema: dict[str, Any]) -> None:
    said = [
        role
        for path in schema["paths"].values()
        for operation in path.values()
        for role in operation.get("x-roles", [])
    ]
    assert set(said) == {str(role) for role in Role}
