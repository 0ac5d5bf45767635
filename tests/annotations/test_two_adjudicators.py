"""From severity 3 on a decision takes two; one in ten is answered again by somebody who is not told."""

import pytest
from pytest_django import Settings

from annotations import adjudication, gold, members, policies, standing
from annotations.answers import Answer
from annotations.errors import Conflict, NotAllowed
from annotations.models import Adjudication, Annotation, Case, Gold, Membership, Opinion
from annotations.standing import Stand
from annotations.statuses import CaseStatus, Role
from tests.world import World


@pytest.fixture
def split(world: World) -> Case:
    return world.disagree(world.make_case())


def third(world: World) -> Membership:
    return members.add_member(
        world.project, user=world.stranger, role=Role.ADJUDICATOR, by=world.lead
    )


def stand(world: World, case: Case) -> Stand:
    return standing.of(case, world.harm.criterion_id).stand


# ---- severity 3 or more


def test_a_mild_decision_takes_one(world: World, split: Case) -> None:
    world.decide(world.adjudicator, split, "yes", severity=2)
    assert world.gold_word(split) == "yes"


def test_a_severe_decision_waits_for_a_second_who_decides_the_same(
    world: World, split: Case
) -> None:
    world.decide(world.adjudicator, split, "yes", severity=3)
    assert (world.gold_word(split), split.status) == (None, CaseStatus.ADJUDICATION)
    second = world.decide(world.lead, split, "yes", severity=2)
    current = Gold.objects.get(case=split)
    assert (split.status, current.adjudication) == (CaseStatus.SETTLED, second)
    assert current.dissent == {"yes": 1, "no": 1}


def test_a_raters_severity_counts_as_well(world: World, split: Case) -> None:
    Annotation.objects.filter(case=split, comment="").update(severity=4)
    world.decide(world.adjudicator, split, "no", severity=0)
    assert world.gold_word(split) is None


def test_two_who_differ_leave_it_to_a_third(world: World, split: Case) -> None:
    other = third(world)
    world.decide(world.adjudicator, split, "yes", severity=3)
    world.decide(world.stranger, split, "no", severity=0)
    assert (world.gold_word(split), stand(world, split)) == (None, Stand.DISPUTED)
    for side in (world.member(world.adjudicator), other):
        with pytest.raises(NotAllowed, match="a third adjudicator or an owner decides"):
            adjudication.decide(
                split, question=world.harm, by=side, answer=Answer.of("yes"), cause="slip"
            )
    world.decide(world.lead, split, "no")
    assert world.gold_word(split) == "no"


def test_an_owner_who_is_a_side_decides_the_dispute(world: World, split: Case) -> None:
    world.decide(world.adjudicator, split, "yes", severity=3)
    world.decide(world.lead, split, "no", severity=0)
    assert stand(world, split) == Stand.DISPUTED
    adjudication.decide(
        split, question=world.harm, by=world.member(world.lead), answer=Answer.of("yes"),
        cause="slip",
    )  # fmt: skip
    assert world.gold_word(split) == "yes"


def test_nobody_seconds_the_own_decision(world: World, split: Case) -> None:
    world.decide(world.adjudicator, split, "yes", severity=3)
    with pytest.raises(Conflict, match="it takes two"):
        adjudication.decide(
            split, question=world.harm, by=world.member(world.adjudicator),
            answer=Answer.of("yes"), cause="slip",
        )  # fmt: skip
    assert Adjudication.objects.count() == 1


def test_where_nobody_else_may_decide_one_is_enough_and_the_record_says_so(
    world: World, split: Case
) -> None:
    world.member(world.adjudicator).delete()
    world.decide(world.lead, split, "yes", severity=4)
    assert world.gold_word(split) == "yes"
    assert standing.of(split, world.harm.criterion_id).is_alone


def test_an_adjudicator_who_rated_the_case_is_no_second(world: World) -> None:
    case = world.make_case()
    world.give(world.lead, case, harm="yes")
    world.give(world.ann1, case, harm="no")
    world.decide(world.adjudicator, case, "yes", severity=4)
    assert world.gold_word(case) == "yes"


def test_a_second_thought_on_severe_gold_opens_it_again(world: World, split: Case) -> None:
    other = third(world)
    world.decide(world.adjudicator, split, "yes", severity=3)
    world.decide(world.stranger, split, "yes", severity=3)
    adjudication.decide(split, question=world.harm, by=other, answer=Answer.of("no"), cause="slip")
    split.refresh_from_db()
    assert (world.gold_word(split), split.status) == (None, CaseStatus.ADJUDICATION)


def test_settling_again_does_not_forestall_the_second(world: World, split: Case) -> None:
    world.decide(world.adjudicator, split, "yes", severity=3)
    world.resettle(split)
    assert world.gold_word(split) is None


def test_a_simulated_decision_counts_at_once(world: World, split: Case) -> None:
    Annotation.objects.filter(case=split).update(severity=4)
    made = Adjudication.objects.create(
        case=split, criterion=world.harm.criterion, criterion_version=world.harm,
        status="answered", value="yes", cause="slip", source="simulated", is_simulated=True,
    )  # fmt: skip
    gold.settle_by_decision(made)
    assert world.gold_word(split) == "yes"


# ---- whose turn it is


def queue_of(world: World, name: str) -> list[Case]:
    return list(adjudication.waiting_for(world.member(getattr(world, name))))


def test_what_waits_for_a_second_is_offered_to_others_only(world: World, split: Case) -> None:
    world.decide(world.adjudicator, split, "yes", severity=3)
    assert queue_of(world, "adjudicator") == []
    assert queue_of(world, "lead") == [split]


def test_the_second_can_not_read_the_first_decision_before_the_own(
    world: World, split: Case
) -> None:
    made = world.decide(world.adjudicator, split, "yes", severity=3)
    lead = world.member(world.lead)
    adjudication.answer_blind(
        split, question=world.harm, by=lead, answer=Answer.of("no"), severity=3
    )
    assert adjudication.history_for(split, lead) == []
    assert adjudication.history_for(split, world.member(world.adjudicator)) == [made]


def test_a_first_decision_made_meanwhile_is_no_conflict_for_the_second(
    world: World, split: Case
) -> None:
    lead = world.member(world.lead)
    adjudication.answer_blind(
        split, question=world.harm, by=lead, answer=Answer.of("yes"), severity=3
    )
    world.decide(world.adjudicator, split, "yes", severity=3)
    for _ in range(2):  # the second time is a double click
        adjudication.decide(
            split, question=world.harm, by=lead, answer=Answer.of("yes"), cause="slip", seen=0
        )
    assert (world.gold_word(split), Adjudication.objects.count()) == ("yes", 2)


def test_a_dispute_is_offered_to_the_owner_even_on_an_own_case(world: World) -> None:
    third(world)
    case = world.make_case()
    world.give(world.lead, case, harm="yes")
    world.give(world.ann1, case, harm="no")
    assert queue_of(world, "lead") == []
    world.decide(world.adjudicator, case, "yes", severity=3)
    world.decide(world.stranger, case, "no", severity=3)
    assert (queue_of(world, "lead"), queue_of(world, "adjudicator")) == ([case], [])


# ---- one in ten again


@pytest.fixture
def _all_are_rechecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "RECHECK_SHARE", 1.0)


def test_one_in_ten_decisions_is_marked_by_a_keyed_hash(
    world: World, split: Case, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(policies, "RECHECK_SHARE", 0.1)
    settings.SECRET_KEY = "the same in every run"
    split.pk = 1
    drawn = [policies.wants_recheck(split, criterion_id=1, number=n) for n in range(2000)]
    assert 0.07 < sum(drawn) / 2000 < 0.13
    assert drawn == [policies.wants_recheck(split, criterion_id=1, number=n) for n in range(2000)]


@pytest.mark.usefixtures("_all_are_rechecked")
def test_a_marked_decision_comes_to_another_adjudicator_once(world: World, split: Case) -> None:
    other = third(world)
    world.decide(world.adjudicator, split, "yes")
    assert [queue_of(world, name) for name in ("adjudicator", "lead")] == [[], [split]]
    made = adjudication.answer_blind(
        split, question=world.harm, by=world.member(world.lead), answer=Answer.of("no"), severity=0
    )
    assert made.kind == "recheck"
    assert list(adjudication.waiting_for(other)) == []
    assert world.gold_word(split) == "yes"


@pytest.mark.usefixtures("_all_are_rechecked")
def test_who_rated_a_case_does_not_recheck_it(world: World) -> None:
    case = world.make_case()
    world.give(world.lead, case, harm="yes")
    world.give(world.ann1, case, harm="no")
    world.decide(world.adjudicator, case, "yes")
    assert queue_of(world, "lead") == []


@pytest.mark.usefixtures("_all_are_rechecked")
def test_the_list_does_not_tell_a_recheck_from_a_disagreement(world: World, split: Case) -> None:
    other = world.disagree(world.make_case())
    world.decide(world.adjudicator, split, "yes")
    lead = world.member(world.lead)
    assert list(adjudication.listed(lead)) == [split, other]
    rows = adjudication.open_questions([split, other], by=lead)
    (one,), (two,) = rows[split.pk], rows[other.pk]
    assert (one.counts, one.people, one.is_mine, one.stands) == (
        two.counts, two.people, two.is_mine, two.stands,
    )  # fmt: skip


@pytest.mark.usefixtures("_all_are_rechecked")
def test_the_agreement_of_rechecks_has_an_interval_and_is_with_what_was_gold_then(
    world: World,
) -> None:
    assert adjudication.recheck_agreement(world.project).value is None
    lead = world.member(world.lead)
    for word in ("yes", "yes", "no"):
        case = world.disagree(world.make_case())
        world.decide(world.adjudicator, case, "yes")
        adjudication.answer_blind(
            case, question=world.harm, by=lead, answer=Answer.of(word), severity=1
        )
    found = adjudication.recheck_agreement(world.project)
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)
    assert found.low is not None
    # The owner decides again, and so the gold is what the recheck said: that changes no figure.
    adjudication.decide(case, question=world.harm, by=lead, answer=Answer.of("no"), cause="slip")
    assert adjudication.recheck_agreement(world.project).value == pytest.approx(2 / 3)


def test_a_simulated_decision_is_not_rechecked(world: World, split: Case) -> None:
    gold.settle_by_decision(
        Adjudication.objects.create(
            case=split, criterion=world.harm.criterion, criterion_version=world.harm,
            status="answered", value="yes", cause="slip", source="simulated", is_simulated=True,
        )
    )  # fmt: skip
    assert not standing.rechecks_for(world.member(world.lead)).exists()


# ---- a submit is taken back


def test_an_undone_submit_unsettles_what_settled_by_itself(world: World) -> None:
    case = world.settle(world.make_case())
    gold.unsettle(case)
    assert (case.status, world.gold_word(case)) == (CaseStatus.LABELLING, None)
    assert Gold.objects.filter(case=case, superseded_at__isnull=False).count() == 1


def test_nothing_is_undone_once_an_adjudicator_has_begun(world: World, split: Case) -> None:
    adjudication.answer_blind(
        split, question=world.harm, by=world.member(world.adjudicator), answer=Answer.of("no"),
        severity=0,
    )  # fmt: skip
    with pytest.raises(Conflict, match="An adjudicator has begun"):
        gold.unsettle(split)
    assert Opinion.objects.exists()
    split.refresh_from_db()
    assert split.status == CaseStatus.ADJUDICATION
