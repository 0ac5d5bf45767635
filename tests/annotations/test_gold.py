"""Gold: what settles by itself, what never does, and what stays on it."""

from typing import Any

import pytest

from annotations import gold, labelling, queue, releases, rubrics
from annotations.answers import Answer, parse_sheet
from annotations.errors import BadInput
from annotations.models import (
    Adjudication,
    Annotation,
    Case,
    CriterionVersion,
    Gold,
    Rater,
    Verdict,
)
from annotations.statuses import AnnotationStatus, Arm, CaseStatus, RaterKind
from tests.world import World


def test_agreement_settles_with_the_last_sheet_and_not_before(world: World) -> None:
    case = world.make_case()
    world.give(world.ann1, case, harm="no")
    assert world.gold_word(case) is None
    world.give(world.ann2, case, harm="no")
    current = Gold.objects.get(case=case)
    assert (current.value, current.provenance, current.n_raters) == ("no", "unanimous", 2)
    assert current.dissent == {"no": 2}
    assert case.status == CaseStatus.SETTLED


def test_one_rater_agrees_with_nobody(world: World) -> None:
    case = world.make_case(overlap=1)
    world.give(world.ann1, case)
    assert case.status == CaseStatus.LABELLING
    assert gold.settle([case]) == gold.SettleReport(settled=0, to_adjudicate=0, single=1)
    assert not Gold.objects.exists()


def test_three_raters_with_one_dissent_are_no_majority_vote(world: World) -> None:
    case = world.make_case(overlap=3)
    for user, word in ((world.ann1, "yes"), (world.ann2, "yes"), (world.lead, "no")):
        world.give(user, case, harm=word)
    assert case.status == CaseStatus.ADJUDICATION
    assert world.gold_word(case) is None


def test_a_shared_cant_tell_is_no_gold(world: World) -> None:
    case = world.settle(world.make_case(), harm="cant_tell")
    assert case.status == CaseStatus.ADJUDICATION
    assert not Gold.objects.exists()


def test_a_shared_not_applicable_is_gold(world: World) -> None:
    severity = world.add_severity()
    case = world.settle(world.make_case(), harm="no", severity="not_applicable")
    found = Gold.objects.get(case=case, criterion=severity.criterion)
    assert (found.status, found.value) == ("not_applicable", "")


def test_judges_never_settle_anything(world: World) -> None:
    case = world.make_case()
    for name in ("rules", "linear", "ensemble"):
        world.judged(case, "yes", name=name)
    report = world.resettle(case)
    assert (report.settled, report.single) == (0, 1)
    assert not Gold.objects.exists()


def test_sheets_that_were_given_with_the_ais_answer_in_view_never_settle(world: World) -> None:
    case = world.make_case(slots=False)
    for name in ("A", "B"):
        rater = Rater.objects.create(project=world.project, kind=RaterKind.IMPORTED, name=name)
        sheet = labelling.record_sheet(
            case, rater=rater, rubric_version=world.rubric, answers=parse_sheet({"harm": "yes"})
        )
        type(sheet).objects.filter(pk=sheet.pk).update(arm=Arm.SHOWN)
    assert world.resettle(case).settled == 0
    assert gold.open_criteria(case) == []


WORDS = ("yes", "no", "cant_tell", "not_applicable")
CROWDS = [
    *([(Arm.BLIND, RaterKind.IMPORTED, one), (Arm.REVEAL, RaterKind.IMPORTED, other)]
      for one in WORDS for other in WORDS),
    [(Arm.BLIND, RaterKind.SIMULATED, "yes"), (Arm.BLIND, RaterKind.IMPORTED, "yes")],
    [(Arm.BLIND, RaterKind.IMPORTED, "yes"), (Arm.EVIDENCE, RaterKind.IMPORTED, "no")],
    [(Arm.EVIDENCE, RaterKind.IMPORTED, "yes"), (Arm.SHOWN, RaterKind.IMPORTED, "yes")],
    [(Arm.BLIND, RaterKind.IMPORTED, "yes"), (Arm.BLIND, RaterKind.JUDGE, "yes")],
    [(Arm.BLIND, RaterKind.IMPORTED, "no")] * 3,
    [],
]  # fmt: skip


@pytest.mark.parametrize("crowd", CROWDS)
@pytest.mark.parametrize("before", ["nothing", "a decision", "gold", "a descriptive question"])
def test_the_one_statement_of_a_submit_settles_as_settling_does(
    world: World, crowd: list[tuple[Arm, RaterKind, str]], before: str
) -> None:
    if before == "a descriptive question":
        world.harm = described(world)
    fast, slow = (answered(world, crowd, before) for _ in range(2))
    gold.settle_new(fast.pk, project_id=world.project.pk)
    gold.settle([slow])
    assert outcome(fast) == outcome(slow)


def described(world: World) -> CriterionVersion:
    draft = rubrics.draft(world.project, by=world.lead)
    CriterionVersion.objects.filter(version=draft).update(is_descriptive=True)
    world.rubric = rubrics.release(draft, by=world.lead)
    return world.rubric.criteria.get()


def answered(world: World, crowd: list[tuple[Arm, RaterKind, str]], before: str) -> Case:
    """A case with these sheets, and what stood on it before."""
    case = world.make_case(slots=False, status=CaseStatus.LABELLING)
    for number, (arm, kind, word) in enumerate(crowd):
        rater, _ = Rater.objects.get_or_create(
            project=world.project, kind=kind, name=f"{kind} {number}",
            revision="1" if kind == RaterKind.JUDGE else "",
        )  # fmt: skip
        sheet = Annotation.objects.create(
            project=world.project, case=case, rater=rater, rubric_version=world.rubric, arm=arm,
            status=AnnotationStatus.SUBMITTED, submitted_at=case.created_at,
        )  # fmt: skip
        answer = Answer.parse(word)
        Verdict.objects.create(
            annotation=sheet, case=case, criterion=world.harm.criterion,
            criterion_version=world.harm, status=answer.status, value=answer.value,
        )  # fmt: skip
    row = {"case": case, "criterion": world.harm.criterion, "criterion_version": world.harm,
           "status": "answered", "value": "no"}  # fmt: skip
    if before == "a decision":
        Adjudication.objects.create(**row, cause="not_recorded", source="a file")
    if before == "gold":
        Gold.objects.create(**row, project=world.project, provenance="unanimous", n_raters=2)
    return case


def outcome(case: Case) -> list[Any]:
    fields = ("criterion_id", "criterion_version_id", "status", "value", "provenance", "n_raters",
              "dissent", "is_simulated", "superseded_at")  # fmt: skip
    case.refresh_from_db()
    return [case.status, *case.gold.order_by("id").values_list(*fields)]


def test_settling_twice_writes_once(world: World) -> None:
    case = world.settle(world.make_case())
    world.resettle(case)
    assert Gold.objects.count() == 1


def test_gold_of_simulated_raters_says_so(world: World) -> None:
    case = world.make_case()
    world.give(world.ann1, case, harm="yes")
    robot = Rater.objects.create(project=world.project, kind=RaterKind.SIMULATED, name="simulated")
    slot = queue.claim(robot)
    assert slot is not None
    labelling.submit(slot, rater=robot, answers=parse_sheet({"harm": "yes"}))
    assert Gold.objects.get().is_simulated
    world.settle(world.make_case())
    assert Gold.objects.filter(is_simulated=False).count() == 1


def test_an_imported_decision_is_called_imported(world: World) -> None:
    case = world.disagree(world.make_case())
    decision = Adjudication.objects.create(
        case=case, criterion=world.harm.criterion, criterion_version=world.harm,
        status="answered", value="yes", cause="not_recorded", source="labels.csv: settled",
    )  # fmt: skip
    gold.settle_by_decision(decision)
    assert Gold.objects.get().provenance == "imported"


def test_under_two_wordings_the_latest_is_the_one_that_is_decided(world: World) -> None:
    case = world.make_case()
    world.give(world.ann1, case, harm="yes")
    world.add_severity()
    case.slots.filter(status="open").update(rubric_version=world.rubric)
    world.give(world.ann2, case, harm="no", severity="0")
    assert [(q.criterion.key, q.version.number) for q in gold.open_criteria(case)] == [
        ("harm", 2), ("severity", 2),
    ]  # fmt: skip


# ---- releases


def test_a_release_freezes_gold_and_the_same_gold_is_the_same_release(world: World) -> None:
    world.settle(world.make_case(), harm="yes")
    first = releases.release(world.project, by=world.lead)
    assert releases.release(world.project, by=world.lead) == first
    world.settle(world.make_case(), harm="no")
    second = releases.release(world.project, by=world.lead)
    assert (first.number, first.n_items, second.number, second.n_items) == (1, 1, 2, 2)
    assert second.items.get(position=2).record["answer"] == "no"


def test_nothing_settled_is_nothing_to_release(world: World) -> None:
    with pytest.raises(BadInput, match="no gold to release"):
        releases.release(world.project, by=world.lead)
