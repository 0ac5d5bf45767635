"""Blindness: phase by phase, person by person, and above all who must not see what."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotations import adjudication, known, labelling, policies, talk, visibility
from annotations.answers import Answer
from annotations.errors import NotAllowed
from annotations.models import Annotation, Case, Check
from annotations.statuses import Arm, CaseStatus, SlotPurpose
from tests.world import World


def seen(world: World, name: str, case: Case) -> set[str]:
    """The raters whose sheets the named person may see: by user name, or the judge's name."""
    case.refresh_from_db()
    sheets = visibility.sheets_visible_to(world.member(getattr(world, name)), case)
    return {s.rater.user.username if s.rater.user else s.rater.name for s in sheets}


EVERYBODY = ("lead", "ann1", "ann2", "adjudicator", "viewer")


def test_while_a_case_is_labelled_each_sees_only_the_own_sheet(world: World) -> None:
    case = world.make_case()
    world.judged(case)
    world.give(world.ann1, case)
    assert {name: seen(world, name, case) for name in EVERYBODY} == {
        "lead": set(), "ann1": {"ann1"}, "ann2": set(), "adjudicator": set(), "viewer": set(),
    }  # fmt: skip


def test_in_adjudication_annotators_still_see_only_their_own(world: World) -> None:
    case = world.disagree(world.make_case())
    world.judged(case)
    assert seen(world, "ann1", case) == {"ann1"}
    assert seen(world, "ann2", case) == {"ann2"}
    assert seen(world, "viewer", case) == {"ann1", "ann2", "ensemble"}


def test_an_adjudicator_sees_others_sheets_only_after_the_own_answer(world: World) -> None:
    case = world.disagree(world.make_case())
    world.judged(case)
    assert seen(world, "lead", case) == seen(world, "adjudicator", case) == set()
    adjudication.answer_blind(
        case, question=world.harm, by=world.member(world.adjudicator), answer=Answer.of("no"),
        severity=0,
    )  # fmt: skip
    assert seen(world, "adjudicator", case) == {"ann1", "ann2", "ensemble"}
    assert seen(world, "lead", case) == set()


def test_an_adjudicator_who_rated_the_case_has_answered_it(world: World) -> None:
    case = world.make_case()
    world.give(world.lead, case, harm="yes")
    world.give(world.ann1, case, harm="no")
    assert seen(world, "lead", case) == {"lead", "ann1"}


def test_a_decision_to_be_rechecked_is_kept_from_who_may_recheck_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "RECHECK_SHARE", 1.0)
    case = world.disagree(world.make_case())
    world.decide(world.adjudicator, case, "yes")
    lead, viewer = world.member(world.lead), world.member(world.viewer)
    assert (seen(world, "lead", case), visibility.can_see_gold(lead, case)) == (set(), False)
    assert visibility.can_see_gold(viewer, case)


def test_once_settled_annotators_see_people_but_never_judges(world: World) -> None:
    case = world.settle(world.make_case(), harm="yes")
    world.judged(case)
    assert seen(world, "ann1", case) == {"ann1", "ann2"}
    assert seen(world, "viewer", case) == {"ann1", "ann2", "ensemble"}


def test_an_annotator_who_did_not_label_a_settled_case_sees_nothing(world: World) -> None:
    case = world.make_case()
    world.give(world.ann1, case)
    world.give(world.lead, case)
    assert seen(world, "ann2", case) == set()


def test_nobody_sees_a_draft(world: World) -> None:
    case = world.disagree(world.make_case())
    Annotation.objects.create(
        project=world.project, case=case, rater=world.rater(world.lead),
        rubric_version=world.rubric, draft={"words": {"harm": "yes"}},
    )  # fmt: skip
    assert all("lead" not in seen(world, name, case) for name in EVERYBODY)


def test_a_sheet_of_one_case_is_not_seen_on_another(world: World) -> None:
    first, second = world.make_case(), world.make_case()
    world.settle(first)
    assert seen(world, "lead", second) == set()


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (CaseStatus.NEW, set()),
        (CaseStatus.LABELLING, set()),
        (CaseStatus.ADJUDICATION, {"lead", "adjudicator"}),
        (CaseStatus.SETTLED, {"lead", "adjudicator"}),
    ],
)
def test_side_by_side_is_for_adjudicators_after_the_labelling(
    world: World, status: CaseStatus, allowed: set[str]
) -> None:
    case = world.make_case(slots=False, status=status)
    able = {
        name for name in EVERYBODY
        if visibility.can_see_side_by_side(world.member(getattr(world, name)), case)
    }  # fmt: skip
    assert able == allowed


@pytest.mark.parametrize("name", ["ann1", "ann2", "viewer"])
def test_side_by_side_refuses_everybody_else(world: World, name: str) -> None:
    case = world.disagree(world.make_case())
    with pytest.raises(NotAllowed):
        adjudication.side_by_side(case, question=world.harm, by=world.member(getattr(world, name)))


# ---- the AI's answer


def own_sheet(world: World, *, arm: Arm, submitted: bool = True) -> Annotation:
    case = world.make_case()
    world.judged(case)
    return Annotation.objects.create(
        project=world.project, case=case, rater=world.rater(world.ann1), arm=arm,
        rubric_version=world.rubric, status="submitted" if submitted else "draft",
        submitted_at=timezone.now() - timedelta(seconds=5) if submitted else None,
    )  # fmt: skip


def test_the_ais_answer_is_shown_to_the_rater_after_the_answer_in_the_arm_reveal(
    world: World,
) -> None:
    sheet = own_sheet(world, arm=Arm.REVEAL)
    (shown,) = labelling.reveal(sheet, rater=world.rater(world.ann1))
    assert shown.answer == Answer.of("yes")


@pytest.mark.parametrize("arm", [Arm.BLIND, Arm.EVIDENCE, Arm.SHOWN])
def test_the_ais_answer_is_shown_in_no_other_arm(world: World, arm: Arm) -> None:
    with pytest.raises(NotAllowed):
        labelling.reveal(own_sheet(world, arm=arm), rater=world.rater(world.ann1))


def test_the_ais_answer_is_not_shown_before_the_own_answer(world: World) -> None:
    sheet = own_sheet(world, arm=Arm.REVEAL, submitted=False)
    with pytest.raises(NotAllowed):
        labelling.reveal(sheet, rater=world.rater(world.ann1))


@pytest.mark.parametrize("name", ["ann2", "lead", "adjudicator"])
def test_the_ais_answer_is_not_shown_to_another_rater(world: World, name: str) -> None:
    sheet = own_sheet(world, arm=Arm.REVEAL)
    with pytest.raises(NotAllowed):
        labelling.reveal(sheet, rater=world.rater(getattr(world, name)))


# ---- who may yet be asked


def test_a_member_owes_an_answer_until_the_own_sheet_is_given(world: World) -> None:
    case = world.make_case()
    assert visibility.still_owes_an_answer(case, world.member(world.ann1))
    world.give(world.ann1, case)
    assert not visibility.still_owes_an_answer(case, world.member(world.ann1))
    assert visibility.still_owes_an_answer(case, world.member(world.lead))
    world.give(world.ann2, case)
    assert not visibility.still_owes_an_answer(case, world.member(world.lead))


def test_a_viewer_never_owes_an_answer(world: World) -> None:
    assert not visibility.still_owes_an_answer(world.make_case(), world.member(world.viewer))


def test_what_a_case_was_made_for_is_hidden_from_raters_until_they_answered(world: World) -> None:
    case = world.make_case()
    ann1, ann2 = world.member(world.ann1), world.member(world.ann2)
    assert not visibility.can_see_origin(ann1, case)
    assert visibility.can_see_origin(world.member(world.viewer), case)
    world.give(world.ann1, case)
    assert visibility.can_see_origin(ann1, case)
    assert not visibility.can_see_origin(ann2, case)


def test_gold_is_hidden_from_raters_who_did_not_answer(world: World) -> None:
    case = world.make_case()
    world.give(world.ann1, case)
    assert not visibility.can_see_gold(world.member(world.ann1), case)
    world.give(world.lead, case)
    allowed = {
        name for name in EVERYBODY
        if visibility.can_see_gold(world.member(getattr(world, name)), case)
    }  # fmt: skip
    assert allowed == {"lead", "ann1", "adjudicator", "viewer"}


# ---- checks: a settled case in work looks like any case in work


def as_check(world: World, case: Case, purpose: SlotPurpose) -> Check:
    slot = known.make(
        world.rater(world.ann1), case, world.rubric, purpose, expected={"harm": "yes"}
    )
    return Check.objects.get(slot=slot)


def test_known_gold_in_work_shows_no_trace_of_being_settled(world: World) -> None:
    case = world.make_case()
    world.give(world.ann2, case)
    world.give(world.lead, case)
    as_check(world, case, SlotPurpose.KNOWN_GOLD)
    ann1 = world.member(world.ann1)
    assert visibility.status_shown(case, ann1) == CaseStatus.LABELLING
    assert visibility.still_owes_an_answer(case, ann1)
    assert not visibility.can_see_origin(ann1, case)
    assert visibility.status_shown(case, world.member(world.ann2)) == CaseStatus.SETTLED


def test_a_repeat_in_work_hides_the_own_answer_and_the_gold_until_it_is_answered(
    world: World,
) -> None:
    case = world.settle(world.make_case())
    check = as_check(world, case, SlotPurpose.REPEAT)
    ann1 = world.member(world.ann1)
    assert seen(world, "ann1", case) == set()
    assert not visibility.can_see_gold(ann1, case)
    assert not talk.can_talk(ann1, case)
    Check.objects.filter(pk=check.pk).update(answered_at=timezone.now())
    assert seen(world, "ann1", case) == {"ann1", "ann2"}
    assert visibility.can_see_gold(ann1, case)


def test_a_lead_with_a_check_in_work_does_not_see_its_gold_either(world: World) -> None:
    case = world.settle(world.make_case())
    known.make(world.rater(world.lead), case, world.rubric, SlotPurpose.KNOWN_GOLD, {"harm": "yes"})
    lead = world.member(world.lead)
    assert not visibility.can_see_gold(lead, case)
    assert seen(world, "lead", case) == set()
