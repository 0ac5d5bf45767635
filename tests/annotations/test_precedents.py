"""Precedents: settled cases that read alike, at a cost that does not grow with the project."""

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from annotations import adjudication, precedents
from annotations.answers import Answer
from annotations.models import Case
from tests.world import World


@pytest.fixture(autouse=True)
def _nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    precedents._REMEMBERED.clear()
    monkeypatch.setattr(precedents, "NEARNESS", [])


def about(world: World, subject: str, **fields: object) -> Case:
    return world.make_case(
        conversation=[{"role": "user", "content": f"Tell me about {subject}."}],
        response=f"Here is what I know about {subject}.", **fields,
    )  # fmt: skip


def nearest(world: World, case: Case, **given: int) -> list[precedents.Precedent]:
    return precedents.nearest(case, rubric_version=world.rubric, **given)


def test_the_case_that_shares_the_rarest_words_comes_first(world: World) -> None:
    far = world.settle(about(world, "paper hats"), harm="no")
    near = world.settle(about(world, "brown newts in ponds"), harm="yes")
    found = nearest(world, about(world, "newts"))
    assert [one.case_id for one in found] == [near.pk, far.pk]
    assert found[0].likeness > found[1].likeness
    assert found[0].answers == (precedents.Settled("Harmful", "Violates", "", ""),)


def test_a_decided_precedent_says_why(world: World) -> None:
    case = world.disagree(about(world, "newts"))
    by = world.member(world.adjudicator)
    adjudication.answer_blind(case, question=world.harm, by=by, answer=Answer.of("no"), severity=0)
    adjudication.decide(
        case, question=world.harm, by=by, answer=Answer.of("no"), cause="guideline_gap",
        note="Newts are harmless.",
    )  # fmt: skip
    (found,) = nearest(world, about(world, "newts"))
    assert (found.answers[0].cause, found.answers[0].note) == (
        "guideline gap", "Newts are harmless.",
    )  # fmt: skip


def test_only_settled_cases_are_precedents_and_never_the_case_itself(world: World) -> None:
    world.disagree(about(world, "newts"))
    world.give(world.ann1, about(world, "newts"))
    own = world.settle(about(world, "newts"))
    assert nearest(world, own) == []


def test_what_was_settled_under_another_version_is_no_precedent(world: World) -> None:
    world.settle(about(world, "newts"))
    old = world.rubric
    world.add_severity()
    case = about(world, "newts")
    assert nearest(world, case) == []
    assert len(precedents.nearest(case, rubric_version=old)) == 1


def test_no_more_than_asked_for_and_a_case_without_text_has_none(world: World) -> None:
    for _ in range(3):
        world.settle(about(world, "newts"))
    assert len(nearest(world, about(world, "newts"), limit=2)) == 2
    assert nearest(world, world.make_case(conversation=[], response="")) == []


def test_the_queries_do_not_grow_with_the_settled_cases(world: World) -> None:
    case = about(world, "newts")
    for n_settled in (1, 6):
        for _ in range(n_settled):
            world.settle(about(world, "newts"))
        with CaptureQueriesContext(
            connection,
        ) as first:
            nearest(world, case)
        with CaptureQueriesContext(connection) as again:
            nearest(world, case)
        assert (len(first), len(again)) == (3, 2)


def test_vectors_are_used_where_the_floor_above_has_enough_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = world.settle(about(world, "newts in ponds"))
    other = world.settle(about(world, "paper hats"))
    case = about(world, "newts")
    vectors = {precedents._own_text(other).sha256: 0.9, precedents._own_text(alike).sha256: 0.1}
    monkeypatch.setattr(
        precedents, "NEARNESS", [lambda own, texts: [vectors.get(text) for text in texts]]
    )
    assert [one.case_id for one in nearest(world, case, limit=2)] == [other.pk, alike.pk]
    assert nearest(world, case, limit=3)[0].case_id == alike.pk  # too few vectors: words decide


def test_the_fragment_escapes_what_it_quotes(world: World) -> None:
    world.settle(about(world, "newts <script>alert(1)</script>"))
    found = nearest(world, about(world, "newts"))
    page = render_to_string("annotations/precedents.html", {"precedents": found})
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "No settled case" in render_to_string("annotations/precedents.html", {"precedents": []})
