"""Marks: what an adjudicator makes of a decided case, and who may not."""

import pytest
from django.test import Client
from django.urls import reverse

from annotations import adjudication, marks
from annotations.answers import Answer
from annotations.errors import BadInput, Conflict, NotAllowed
from annotations.models import AuditEvent, Mark
from annotations.statuses import MarkKind
from tests.world import World, signed_in


def test_a_decided_case_is_marked_once_a_kind(world: World) -> None:
    case = world.disagree(world.make_case())
    world.decide(world.adjudicator, case, "yes")
    by = world.member(world.adjudicator)
    for note in (" Hats. ", "Later."):
        marks.mark(case, question=world.harm, kind="exemplar", by=by, note=note)
    (found,) = marks.marked(world.project, MarkKind.EXEMPLAR)
    assert (found.case, found.note, found.by) == (case, "Hats.", world.adjudicator)
    assert AuditEvent.objects.filter(verb="marked case").count() == 1
    assert not marks.marked(world.project, MarkKind.SEED).exists()


def test_a_mark_can_be_taken_off(world: World) -> None:
    case = world.disagree(world.make_case())
    world.decide(world.adjudicator, case, "yes")
    by = world.member(world.adjudicator)
    marks.mark(case, question=world.harm, kind="seed", by=by)
    for _ in range(2):
        marks.unmark(case, criterion=world.harm.criterion, kind="seed", by=by)
    assert not Mark.objects.exists()
    assert AuditEvent.objects.filter(verb="unmarked case").count() == 1


def test_what_waits_for_a_second_can_be_marked_and_counts_once_it_is_gold(world: World) -> None:
    case = world.disagree(world.make_case())
    world.decide(world.adjudicator, case, "yes", severity=4)
    marks.mark(case, question=world.harm, kind="seed", by=world.member(world.adjudicator))
    assert not marks.marked(world.project, MarkKind.SEED).exists()
    world.decide(world.lead, case, "yes", severity=4)
    assert marks.marked(world.project, MarkKind.SEED).count() == 1


def test_an_undecided_case_and_an_unknown_kind_are_refused(world: World) -> None:
    case = world.disagree(world.make_case())
    by = world.member(world.adjudicator)
    adjudication.answer_blind(case, question=world.harm, by=by, answer=Answer.of("no"), severity=0)
    with pytest.raises(Conflict, match="Decide the case first"):
        marks.mark(case, question=world.harm, kind="seed", by=by)
    with pytest.raises(BadInput, match="is no mark"):
        marks.mark(case, question=world.harm, kind="trophy", by=by)
    with pytest.raises(BadInput, match="shorten"):
        marks.mark(case, question=world.harm, kind="seed", by=by, note="x" * 2001)


@pytest.mark.parametrize("name", ["ann1", "ann2", "viewer"])
def test_other_roles_must_not_mark(world: World, name: str) -> None:
    case = world.disagree(world.make_case())
    world.decide(world.adjudicator, case, "yes")
    by = world.member(getattr(world, name))
    with pytest.raises(NotAllowed):
        marks.mark(case, question=world.harm, kind="seed", by=by)
    with pytest.raises(NotAllowed):
        marks.unmark(case, criterion=world.harm.criterion, kind="seed", by=by)
    assert not Mark.objects.exists()
    assert not marks.listed(by, MarkKind).exists()


def test_the_rubric_page_lists_proposals_until_somebody_is_done_with_them(
    client: Client, world: World
) -> None:
    case = world.disagree(world.make_case("hat-1"))
    world.decide(world.adjudicator, case, "yes")
    by = world.member(world.adjudicator)
    marks.mark(case, question=world.harm, kind="proposal", by=by, note="Name <i>hats</i>.")
    rubric = reverse("rubric", args=[world.project.slug])
    signed_in(client, world.lead)
    page = client.get(rubric).content.decode()
    assert "Name &lt;i&gt;hats&lt;/i&gt;." in page
    annotator = signed_in(Client(), world.ann1).get(rubric).content.decode()
    assert "hats" not in annotator
    done = reverse("unmark", args=[world.project.slug, case.pk])
    client.post(done, {"criterion": "harm", "kind": "proposal"})
    assert "Marked by adjudicators" not in client.get(rubric).content.decode()
    assert client.post(done, {"criterion": "taste", "kind": "proposal"}).status_code == 404
