"""The list of cases: what the filters leave, and whose answers it keeps to itself."""

from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from annotations import adjudication, case_list, known, policies, visibility
from annotations.answers import Answer
from annotations.case_list import Filters
from annotations.models import Batch, Case
from annotations.statuses import CaseStatus, SlotPurpose
from tests.world import World, signed_in


def listed(world: World, who: str = "viewer", **wanted: object) -> list[str]:
    """The ids of the cases that the named person is given."""
    member = world.member(getattr(world, who))
    found = case_list.cases_of(member, world.harm, Filters(**wanted))  # type: ignore[arg-type]
    return sorted(found.values_list("external_id", flat=True))


def page(
    client: Client, world: World, who: str = "viewer", *pairs: tuple[str, str], **query: str
) -> str:
    signed_in(client, getattr(world, who))
    address = reverse("cases", args=[world.project.slug])
    answer = client.get(f"{address}?{urlencode([*query.items(), *pairs])}")
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.fixture
def few(world: World) -> World:
    """One settled each way, one with can't tell, one in dispute, one being labelled."""
    world.settle(world.make_case("bad", strata={"target": "a"}, is_audit=True), harm="yes")
    world.settle(world.make_case("good", strata={"target": "b"}), harm="no")
    unsure = world.disagree(world.make_case("unsure"))
    world.decide(world.adjudicator, unsure, "cant_tell")
    world.disagree(world.make_case("disputed"))
    world.make_case("open", strata={"target": "a"})
    return world


@pytest.mark.parametrize(
    ("answer", "cases"),
    [
        ("positive", ["bad"]),
        ("negative", ["good"]),
        ("answered", ["bad", "good"]),
        ("yes", ["bad"]),
        ("cant_tell", ["unsure"]),
        ("unsettled", ["disputed", "open"]),
        ("no such answer", []),
    ],
)
def test_an_answer_leaves_the_cases_that_were_settled_so(
    few: World, answer: str, cases: list[str]
) -> None:
    assert listed(few, answer=answer) == cases


def test_filters_hold_together(few: World) -> None:
    assert listed(few, audit=True) == ["bad"]
    assert listed(few, status=CaseStatus.LABELLING) == ["open"]
    assert listed(few, strata=(("target", "a"),)) == ["bad", "open"]
    assert listed(few, strata=(("target", "a"),), answer="positive") == ["bad"]
    assert listed(few, strata=(("target", "none"),)) == ["disputed", "unsure"]
    assert listed(few, text="oo") == ["good"]
    few.batch = Batch.objects.create(project=few.project, name="Second", source="second")
    few.make_case("later")
    assert listed(few, batch=few.batch.pk) == ["later"]
    assert listed(few, helped=True) == []


def test_what_is_to_be_answered_blind_is_listed_as_not_settled(
    few: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recheck for the lead; known gold in work for the lead; for the viewer all is plain."""
    monkeypatch.setattr(policies, "RECHECK_SHARE", 1.0)
    few.decide(few.adjudicator, Case.objects.get(external_id="disputed"), "yes")
    good = Case.objects.get(external_id="good")
    known.make(few.rater(few.lead), good, few.rubric, SlotPurpose.KNOWN_GOLD, {"harm": "no"})
    assert listed(few, answer="positive") == ["bad", "disputed"]
    assert listed(few, "lead", answer="positive") == ["bad"]
    assert listed(few, "lead", answer="negative") == []
    assert listed(few, "lead", answer="unsettled") == ["disputed", "good", "open"]


def test_a_check_in_work_is_listed_as_being_labelled_to_its_rater_alone(few: World) -> None:
    good = Case.objects.get(external_id="good")
    known.make(few.rater(few.lead), good, few.rubric, SlotPurpose.KNOWN_GOLD, {"harm": "no"})
    assert listed(few, "lead", status=CaseStatus.LABELLING) == ["good", "open"]
    assert "good" not in listed(few, "lead", status=CaseStatus.SETTLED)
    assert "good" in listed(few, status=CaseStatus.SETTLED)


@pytest.mark.parametrize("who", ["lead", "adjudicator", "viewer"])
def test_the_list_tells_what_the_page_of_the_case_would_tell(
    few: World, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "RECHECK_SHARE", 1.0)
    few.decide(few.adjudicator, few.disagree(few.make_case("rechecked")), "no")
    answered = few.disagree(few.make_case("answered"))
    adjudication.answer_blind(
        answered, question=few.harm, by=few.member(few.adjudicator), answer=Answer.of("no"),
        severity=0,
    )  # fmt: skip
    member = few.member(getattr(few, who))
    over = Case.objects.exclude(status=CaseStatus.LABELLING)
    alone = {case.pk for case in over if visibility.can_see_gold(member, case)}
    together = visibility.cases_with_answers_for(member)
    assert set(together.values_list("pk", flat=True)) == alone


def test_a_page_shows_answers_and_links_to_each_case(client: Client, few: World) -> None:
    text = page(client, few, answer="positive")
    bad = Case.objects.get(external_id="bad")
    assert reverse("case", args=[few.project.slug, bad.pk]) in text
    assert "Violates" in text
    assert "1 shown of 1" in text
    assert "10.0%" in text  # with which probability it was drawn


def test_an_answer_of_a_case_in_work_is_not_on_the_page(client: Client, world: World) -> None:
    case = world.make_case("half")
    world.give(world.ann1, case, harm="yes")
    text = page(client, world)
    assert "not shown yet" in text
    assert ">Violates<" not in text.split("<tbody>")[1]


def test_two_strata_at_once_stand_in_the_form_again(client: Client, few: World) -> None:
    pairs = [("stratum", "target"), ("value", "a"), ("stratum", "<b>x"), ("value", "y")]
    text = page(client, few, "viewer", *pairs)
    assert "No case is left by these filters" in text
    assert 'value="target"' in text
    assert "<b>x" not in text


def test_the_next_page_goes_on_where_this_one_ends(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("annotations.views.case_list.PAGE", 2)
    for _ in range(3):
        world.make_case()
    first = page(client, world)
    assert "2 shown of 3" in first
    after = str(world.cases[1].pk)
    assert f"after={after}" in first
    assert "case-3" in page(client, world, after=after)


@pytest.mark.parametrize("cases", [2, 20])
def test_the_page_asks_the_database_the_same_whatever_is_listed(
    client: Client, world: World, cases: int, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(cases):
        world.settle(world.make_case(), harm="yes")
    signed_in(client, world.viewer)
    with django_assert_max_num_queries(22):
        client.get(reverse("cases", args=[world.project.slug]))


def test_hand_typed_nonsense_is_no_filter(client: Client, few: World) -> None:
    text = page(client, few, batch="x", status="x", audit="x", after="x", stratum="a\x00")
    assert "5 shown of 5" in text


@pytest.mark.parametrize(("who", "status"), [("ann1", 403), ("stranger", 404), ("viewer", 200)])
def test_only_readers_see_it(client: Client, world: World, who: str, status: int) -> None:
    signed_in(client, getattr(world, who))
    assert client.get(reverse("cases", args=[world.project.slug])).status_code == status
