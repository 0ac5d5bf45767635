"""Talk: who has answered reads and writes it, who has not sees nothing; votes are kept apart."""

import pytest
from django.test import Client
from django.urls import reverse

from annotations import talk
from annotations.answers import Answer
from annotations.errors import BadInput, NotAllowed
from annotations.models import Annotation, Case, Post, Slot, TalkVote, Verdict
from tests.world import World, signed_in

SECRET = "It is the third fold that hurts."


@pytest.fixture
def begun(world: World) -> Case:
    """ann1 has answered and spoken; ann2 is yet to answer."""
    case = world.make_case()
    world.give(world.ann1, case)
    talk.post(case, by=world.member(world.ann1), body=SECRET)
    return case


def page(world: World, name: str, case: Case) -> str:
    client = signed_in(Client(), getattr(world, name))
    address = reverse("case", args=[world.project.slug, case.pk])
    return client.get(address).content.decode()


def test_the_talk_opens_with_the_own_answer(world: World, begun: Case) -> None:
    assert SECRET in page(world, "ann1", begun)
    assert SECRET not in page(world, "ann2", begun)
    world.give(world.ann2, begun)
    assert SECRET in page(world, "ann2", begun)


@pytest.mark.parametrize("name", ["ann2", "lead", "adjudicator", "viewer"])
def test_who_has_not_answered_reads_and_writes_nothing(
    world: World, begun: Case, name: str
) -> None:
    by = world.member(getattr(world, name))
    with pytest.raises(NotAllowed):
        talk.thread(begun, by=by)
    with pytest.raises(NotAllowed):
        talk.votes(begun, by=by)
    with pytest.raises(NotAllowed):
        talk.post(begun, by=by, body="Me too.")
    with pytest.raises(NotAllowed):
        talk.vote(begun, question=world.harm, by=by, answer=Answer.of("no"))
    assert (Post.objects.count(), TalkVote.objects.count()) == (1, 0)


def test_an_adjudicator_joins_after_the_own_answer(world: World, begun: Case) -> None:
    world.give(world.ann2, begun, harm="no")
    by = world.member(world.adjudicator)
    assert not talk.can_talk(by, begun)
    world.decide(world.adjudicator, begun, "no")
    assert [post.body for post in talk.thread(begun, by=by)] == [SECRET]


def test_who_is_given_the_case_again_must_not_read_it_meanwhile(world: World, begun: Case) -> None:
    by = world.member(world.ann1)
    Slot.objects.create(
        project=world.project, case=begun, rubric_version=world.rubric, number=1, purpose="repeat",
        assigned_to=world.rater(world.ann1),
    )  # fmt: skip
    assert not talk.can_talk(by, begun)


def test_having_read_others_ends_the_undo_of_the_own_answer(world: World, begun: Case) -> None:
    sheet = world.give(world.ann2, begun)
    list(talk.thread(begun, by=world.member(world.ann2)))
    assert Annotation.objects.get(pk=sheet.pk).looked_at is not None


def test_posts_carry_pseudonyms_and_no_accounts(world: World, begun: Case) -> None:
    shown = page(world, "ann1", begun)
    assert world.member(world.ann1).pseudonym in shown
    assert Post.objects.get().pseudonym == world.member(world.ann1).pseudonym


def test_the_same_post_sent_twice_is_one(world: World, begun: Case) -> None:
    talk.post(begun, by=world.member(world.ann1), body=f" {SECRET}\r\n")
    assert Post.objects.count() == 1


@pytest.mark.parametrize("body", ["", "  \x00 ", "x" * (talk.BODY_MAX + 1)])
def test_empty_and_endless_posts_are_refused(world: World, begun: Case, body: str) -> None:
    with pytest.raises(BadInput):
        talk.post(begun, by=world.member(world.ann1), body=body)


def test_votes_after_the_talk_are_no_verdicts(world: World, begun: Case) -> None:
    by = world.member(world.ann1)
    before = list(Verdict.objects.values_list("pk", "value"))
    for word in ("no", "yes"):
        talk.vote(begun, question=world.harm, by=by, answer=Answer.of(word))
    assert talk.votes(begun, by=by) == {world.harm.criterion_id: {"yes": 1}}
    assert list(Verdict.objects.values_list("pk", "value")) == before
    with pytest.raises(BadInput):
        talk.vote(begun, question=world.harm, by=by, answer=Answer.of("perhaps"))


def test_posting_and_voting_on_the_page(world: World, begun: Case) -> None:
    client = signed_in(Client(), world.ann1)
    address = reverse("talk", args=[world.project.slug, begun.pk])
    part = client.post(address, {"body": "<i>And</i> the fourth."}, headers={"HX-Request": "true"})
    assert "&lt;i&gt;And&lt;/i&gt; the fourth." in part.content.decode()
    assert "<html" not in part.content.decode()
    assert client.post(address, {"vote": "harm", "answer": "no"}).status_code == 302
    assert "<b>1</b> Does not violate" in page(world, "ann1", begun)
    for sent in ({"body": " "}, {"vote": "taste", "answer": "no"}):
        assert client.post(address, sent, headers={"HX-Request": "true"}).status_code == 422


@pytest.mark.parametrize(
    ("name", "status"), [("ann2", 403), ("adjudicator", 403), ("viewer", 403), ("stranger", 404)]
)
def test_who_must_not_post_is_refused_at_the_door(
    world: World, begun: Case, name: str, status: int
) -> None:
    client = signed_in(Client(), getattr(world, name))
    answer = client.post(reverse("talk", args=[world.project.slug, begun.pk]), {"body": "Hello."})
    assert answer.status_code == status
    assert SECRET not in answer.content.decode()
    assert Post.objects.count() == 1
