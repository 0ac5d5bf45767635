"""Adjudication: raters side by side, a decision with its cause, never over somebody's head."""

import contextlib

import pytest

from annotations import adjudication, gold, members, rubrics
from annotations.answers import CANT_TELL, Answer
from annotations.details import Span
from annotations.errors import BadInput, Conflict, DomainError, NotAllowed, NotFound
from annotations.models import (
    Adjudication,
    Annotation,
    AuditEvent,
    Case,
    CriterionVersion,
    Gold,
    Membership,
    Opinion,
)
from annotations.statuses import CaseStatus, Cause, Role, VerdictStatus
from tests.world import World


def answer(
    world: World, case: Case, word: str = "yes", *, by: Membership | None = None,
    severity: int | None = 1, question: CriterionVersion | None = None,
) -> Opinion:  # fmt: skip
    return adjudication.answer_blind(
        case, question=question or world.harm, by=by or world.member(world.adjudicator),
        answer=Answer.parse(word), severity=severity,
    )  # fmt: skip


def decide(
    world: World, case: Case, word: str = "yes", *, by: Membership | None = None,
    cause: str = "slip", seen: int | None = None, question: CriterionVersion | None = None,
    severity: int | None = None,
) -> Adjudication:  # fmt: skip
    """The own answer first, if there is none yet, and then the decision."""
    by, question = by or world.member(world.adjudicator), question or world.harm
    if adjudication.own_answer(case, question=question, by=by) is None:
        with contextlib.suppress(DomainError):  # refused here, it is refused again below
            answer(world, case, question.values[0], by=by, question=question)
    return adjudication.decide(
        case, question=question, by=by, answer=Answer.parse(word), cause=cause, seen=seen,
        severity=severity,
    )  # fmt: skip


# ---- the queue


def test_disagreements_and_shared_doubts_wait_and_agreement_does_not(world: World) -> None:
    split = world.disagree(world.make_case())
    doubt = world.settle(world.make_case(), harm="cant_tell")
    world.settle(world.make_case(), harm="no")
    world.give(world.ann1, world.make_case())
    assert list(adjudication.waiting(world.project)) == [split, doubt]


def test_judges_do_not_make_a_disagreement(world: World) -> None:
    case = world.make_case()
    world.judged(case, "no")
    world.settle(case, harm="yes")
    assert not adjudication.waiting(world.project).exists()


def test_who_labelled_a_case_is_not_offered_it_while_there_are_others(world: World) -> None:
    case = world.make_case()
    world.give(world.adjudicator, case, harm="yes")
    world.give(world.ann2, case, harm="no")
    assert list(adjudication.waiting_for(world.member(world.adjudicator))) == []
    assert list(adjudication.waiting_for(world.member(world.lead))) == [case]


def test_the_only_adjudicator_may_decide_an_own_case(world: World) -> None:
    world.member(world.adjudicator).delete()
    case = world.make_case()
    world.give(world.lead, case, harm="yes")
    world.give(world.ann2, case, harm="no")
    alone = world.member(world.lead)
    assert list(adjudication.waiting_for(alone)) == [case]
    assert decide(world, case, by=alone).value == "yes"


def test_the_list_counts_the_final_answers_of_people_on_what_is_open(world: World) -> None:
    severity = world.add_severity()
    case = world.make_case()
    world.give(world.ann1, case, harm="yes", severity="2")
    world.give(world.ann2, case, harm="no", severity="2")
    world.judged(case, "no")
    by = world.member(world.adjudicator)
    answer(world, case, by=by)
    (found,) = adjudication.open_questions([case], by=by)[case.pk]
    assert found.question.criterion == world.harm.criterion
    assert (found.counts, found.people, found.simulated) == ({"yes": 1, "no": 1}, 2, 0)
    assert severity.criterion_id not in {q.criterion_id for q in gold.open_criteria(case)}


def test_the_list_tells_no_answer_before_the_own_one(world: World) -> None:
    case = world.disagree(world.make_case())
    answer(world, case)
    (theirs,) = adjudication.open_questions([case], by=world.member(world.lead))[case.pk]
    assert (theirs.counts, theirs.people) == (None, 2)


# ---- the own answer first


def test_the_own_answer_comes_before_anything_of_others(world: World) -> None:
    case = world.disagree(world.make_case())
    by = world.member(world.adjudicator)
    with pytest.raises(NotAllowed, match="Answer for yourself first"):
        adjudication.side_by_side(case, question=world.harm, by=by)
    with pytest.raises(Conflict, match="Answer for yourself first"):
        adjudication.decide(case, question=world.harm, by=by, answer=Answer.of("yes"), cause="slip")
    answer(world, case)
    assert len(adjudication.side_by_side(case, question=world.harm, by=by)) == 2
    with pytest.raises(NotAllowed):
        adjudication.side_by_side(case, question=world.harm, by=world.member(world.lead))


def test_the_own_answer_to_one_question_does_not_open_another(world: World) -> None:
    severity = world.add_severity()
    case = world.make_case()
    world.give(world.ann1, case, harm="yes", severity="2")
    world.give(world.ann2, case, harm="no", severity="0")
    answer(world, case)
    with pytest.raises(NotAllowed):
        adjudication.side_by_side(case, question=severity, by=world.member(world.adjudicator))


def test_an_own_answer_stays_and_twice_is_once(world: World) -> None:
    case = world.disagree(world.make_case())
    assert answer(world, case, "no", severity=0) == answer(world, case, "no", severity=0)
    with pytest.raises(Conflict, match="a first answer stays"):
        answer(world, case, "yes", severity=0)
    assert Opinion.objects.get().value == "no"


@pytest.mark.parametrize("severity", [None, 5, -1])
def test_an_own_answer_has_a_severity(world: World, severity: int | None) -> None:
    with pytest.raises(BadInput, match="severity from 0"):
        answer(world, world.disagree(world.make_case()), severity=severity)


def test_who_may_not_adjudicate_may_not_answer_either(world: World) -> None:
    case = world.disagree(world.make_case())
    for name in ("ann1", "ann2", "viewer"):
        with pytest.raises(NotAllowed):
            answer(world, case, by=world.member(getattr(world, name)))
    with pytest.raises(Conflict, match="still being labelled"):
        answer(world, world.make_case())


# ---- side by side


def opened(world: World, case: Case) -> list[adjudication.SideBySide]:
    answer(world, case)
    by = world.member(world.adjudicator)
    return adjudication.side_by_side(case, question=world.harm, by=by)


def test_a_column_has_what_the_sheet_says_on_this_question(world: World) -> None:
    case = world.disagree(world.make_case())
    span = Span("harm", "response", 0, 5, case.response[:5])
    other = Span("other", "response", 6, 9, case.response[6:9])
    Annotation.objects.filter(case=case, comment="A plain violation.").update(
        severity=2, spans=[span.__dict__, other.__dict__], gap=True, gap_note="Hats?",
        effects=[{"who": "public"}], arm="evidence",
    )  # fmt: skip
    (column,) = [one for one in opened(world, case) if one.had_ai_help]
    assert (column.details.severity, column.details.gap_note) == (2, "Hats?")
    assert column.spans == [span]
    assert column.details.effects == [{"who": "public"}]


def test_people_come_first_and_judges_last_with_what_they_said(world: World) -> None:
    case = world.disagree(world.make_case())
    world.judged(case, status=VerdictStatus.REFUSED_TO_JUDGE, score=None, raw="I cannot judge.")
    columns = opened(world, case)
    assert [column.is_judge for column in columns] == [False, False, True]
    assert columns[2].final.word == "refused_to_judge"
    assert {(c.name, c.final.word, c.confidence, c.comment) for c in columns[:2]} == {
        ("R2", "yes", 3, "A plain violation."), ("R3", "no", 1, ""),
    }  # fmt: skip


def test_names_of_accounts_are_not_among_the_columns(world: World) -> None:
    case = world.disagree(world.make_case())
    columns = opened(world, case)
    assert not {"ann1", "ann2"} & {column.name for column in columns}


def test_the_order_of_people_is_fixed_for_a_case_and_differs_between_cases(world: World) -> None:
    by = world.member(world.adjudicator)
    cases = [world.disagree(world.make_case()) for _ in range(12)]
    for case in cases:
        answer(world, case)

    def order(case: Case) -> tuple[str, ...]:
        return tuple(c.name for c in adjudication.side_by_side(case, question=world.harm, by=by))

    assert [order(case) for case in cases] == [order(case) for case in cases]
    assert len({order(case) for case in cases}) == 2


# ---- deciding


def test_a_decision_makes_gold_and_leaves_the_verdicts(world: World) -> None:
    case = world.disagree(world.make_case())
    made = decide(world, case, "no", cause="guideline_gap")
    case.refresh_from_db()
    current = Gold.objects.get(case=case)
    assert (case.status, current.value, current.provenance) == ("settled", "no", "adjudicated")
    assert (current.adjudication, current.n_raters) == (made, 2)
    assert current.dissent == {"yes": 1, "no": 1}
    assert sorted(case.verdicts.values_list("value", flat=True)) == ["no", "yes"]
    assert AuditEvent.objects.get(verb="adjudicated").data == {
        "answer": "no", "cause": "guideline_gap", "stands": "decided", "is_alone": False,
    }  # fmt: skip


def test_cant_tell_can_be_the_decision(world: World) -> None:
    case = world.disagree(world.make_case())
    decide(world, case, CANT_TELL.word)
    assert world.gold_word(case) == "cant_tell"


@pytest.mark.parametrize("cause", ["", "because", "not_recorded"])
def test_a_decision_needs_a_cause_of_the_list(world: World, cause: str) -> None:
    case = world.disagree(world.make_case())
    with pytest.raises(BadInput, match="Choose the cause"):
        decide(world, case, cause=cause)
    assert not Adjudication.objects.exists()


def test_an_unknown_answer_is_refused(world: World) -> None:
    case = world.disagree(world.make_case())
    with pytest.raises(BadInput, match="is no answer to"):
        decide(world, case, "perhaps")


def test_with_two_open_questions_the_case_waits_until_both_are_decided(world: World) -> None:
    severity = world.add_severity()
    case = world.make_case()
    world.give(world.ann1, case, harm="yes", severity="2")
    world.give(world.ann2, case, harm="no", severity="0")
    assert [q.criterion.key for q in gold.open_criteria(case)] == ["harm", "severity"]
    decide(world, case, "yes")
    case.refresh_from_db()
    assert case.status == CaseStatus.ADJUDICATION
    decide(world, case, "1", question=severity)
    case.refresh_from_db()
    assert case.status == CaseStatus.SETTLED


def test_a_question_that_nobody_answered_cannot_be_decided(world: World) -> None:
    case = world.disagree(world.make_case())
    severity = world.add_severity()
    with pytest.raises(BadInput, match="Nobody has answered"):
        decide(world, case, "1", question=severity)


def test_a_descriptive_question_keeps_its_distribution_and_nobody_decides_it(
    world: World,
) -> None:
    draft = rubrics.draft(world.project, by=world.lead)
    rubrics.write_criterion(draft, key="tone", name="Rude", by=world.lead, definition="Rude?",
                            is_descriptive=True)  # fmt: skip
    world.rubric = rubrics.release(draft, by=world.lead)
    case = world.make_case()
    world.give(world.ann1, case, harm="no", tone="yes")
    world.give(world.ann2, case, harm="no", tone="no")
    assert case.status == CaseStatus.SETTLED
    assert [row.criterion.key for row in Gold.objects.filter(case=case)] == ["harm"]
    assert gold.open_criteria(case) == []
    with pytest.raises(BadInput, match="several readings are right"):
        decide(world, case, question=world.rubric.criteria.get(criterion__key="tone"))


# ---- who is first


def test_a_decision_made_meanwhile_is_not_overwritten(world: World) -> None:
    case = world.disagree(world.make_case())
    first = decide(world, case, "yes", seen=0)
    with pytest.raises(Conflict, match="decided while you looked"):
        decide(world, case, "no", by=world.member(world.lead), seen=0)
    assert world.gold_word(case) == "yes"
    decide(world, case, "no", by=world.member(world.lead), seen=first.pk)
    assert world.gold_word(case) == "no"


def test_the_same_decision_sent_twice_is_one(world: World) -> None:
    case = world.disagree(world.make_case())
    assert decide(world, case, "yes", seen=0) == decide(world, case, "yes", seen=0)
    assert Adjudication.objects.count() == 1


def test_a_second_decision_supersedes_the_gold_and_keeps_the_history(world: World) -> None:
    case = world.disagree(world.make_case())
    first, second = decide(world, case, "yes"), decide(world, case, "no", cause="ambiguous_case")
    assert list(adjudication.history(case)) == [second, first]
    assert world.gold_word(case) == "no"
    assert Gold.objects.filter(case=case, superseded_at__isnull=False).get().value == "yes"
    assert adjudication.causes_decided(world.project) == {Cause.AMBIGUOUS_CASE: 1, Cause.SLIP: 1}


# ---- who must not


@pytest.mark.parametrize("name", ["ann1", "ann2", "viewer"])
def test_other_roles_must_not_decide(world: World, name: str) -> None:
    case = world.disagree(world.make_case())
    with pytest.raises(NotAllowed, match="for adjudicators"):
        decide(world, case, by=world.member(getattr(world, name)))


def test_nobody_decides_an_own_case_while_there_are_others(world: World) -> None:
    case = world.make_case()
    world.give(world.adjudicator, case, harm="yes")
    world.give(world.ann1, case, harm="no")
    with pytest.raises(NotAllowed, match="labelled this case yourself"):
        decide(world, case)


def test_nobody_decides_a_case_that_is_still_labelled(world: World) -> None:
    case = world.make_case()
    world.give(world.ann1, case)
    with pytest.raises(Conflict, match="still being labelled"):
        decide(world, case)


def test_an_adjudicator_of_another_project_must_not_decide(world: World) -> None:
    case = world.disagree(world.make_case())
    other = members.create_project("Other", by=world.stranger)
    outsider = members.add_member(
        other, user=world.adjudicator, role=Role.ADJUDICATOR, by=world.stranger
    )
    with pytest.raises(NotFound):
        decide(world, case, by=outsider)
