"""What an import writes: cases, people's labels, verdicts, decisions, gold; once and whole."""

from pathlib import Path

import pytest

from annotations import gold, members, queue
from annotations.errors import BadInput
from annotations.models import (
    Adjudication,
    Annotation,
    AuditEvent,
    Batch,
    Case,
    Gold,
    Project,
    Rater,
    Slot,
    Verdict,
)
from annotations.statuses import Arm, CaseStatus, Cause, Provenance, RaterKind, VerdictStatus
from tests.annotations.importing.made_files import HATS, PAIRS, import_file, plan_of, write_file
from tests.world import World

SETTLED = (*PAIRS, "settled=truth")


@pytest.fixture
def hats(tmp_path: Path) -> Path:
    return write_file(tmp_path, HATS)


@pytest.fixture
def empty(db: None) -> Project:
    """A project whose rubric nobody has written yet."""
    return members.create_project("Empty", by=None)


def everything() -> list[int]:
    models = (Case, Rater, Annotation, Verdict, Adjudication, Gold, Batch, Slot, AuditEvent)
    return [model.objects.count() for model in models]


def test_people_and_judges_give_submitted_blind_sheets(world: World, hats: Path) -> None:
    report = import_file(hats, world.project)
    assert (report.cases_added, report.labels_added) == (3, 6)
    kinds = {rater.name: rater.kind for rater in Rater.objects.filter(project=world.project)}
    assert kinds == {"ann": RaterKind.IMPORTED, "ben": RaterKind.IMPORTED, "bot": RaterKind.JUDGE}
    sheets = Annotation.objects.filter(project=world.project)
    assert {(sheet.arm, sheet.status) for sheet in sheets} == {(Arm.BLIND, "submitted")}
    assert sheets.count() == 9


def test_what_a_judge_said_is_kept_and_a_refusal_is_no_answer(world: World, hats: Path) -> None:
    report = import_file(hats, world.project)
    verdicts = Verdict.objects.filter(annotation__rater__kind=RaterKind.JUDGE).order_by("id")
    assert [(v.status, v.value, v.raw_output) for v in verdicts] == [
        ("answered", "no", "no"),
        ("answered", "yes", "Yes."),
        ("refused_to_judge", "", "I'm sorry but I can't judge that."),
    ]
    assert report.judges["bot"]["parser"] == "yes_no"
    assert report.judges["bot"]["not_answers"][0]["line"] == 4


def test_disagreements_wait_and_unanimous_cases_are_gold(world: World, hats: Path) -> None:
    report = import_file(hats, world.project)
    assert (report.disagreements_queued, report.gold_settled) == (1, 2)
    statuses = Case.objects.filter(project=world.project).order_by("external_id")
    assert [case.status for case in statuses] == ["settled", "adjudication", "settled"]


def test_the_files_settled_label_decides_only_where_people_disagree(
    world: World, hats: Path
) -> None:
    report = import_file(hats, world.project, *SETTLED)
    decision = Adjudication.objects.get()
    assert (decision.case.external_id, decision.value) == ("h2", "yes")
    assert (decision.source, decision.cause) == ("hats.csv:truth", Cause.NOT_RECORDED)
    assert (report.gold_settled, report.disagreements_queued) == (3, 0)
    assert Gold.objects.get(case=decision.case).provenance == Provenance.IMPORTED


def test_a_settled_label_against_all_people_is_a_decision_too(world: World, tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,a,b,s\nx,no,no,yes\n")
    import_file(path, world.project, "case=id", "rater=a", "rater=b", "settled=s")
    settled = Gold.objects.get(case__external_id="x", superseded_at=None)
    assert (settled.value, settled.dissent) == ("yes", {"no": 2})


def test_a_settled_label_alone_is_gold_of_no_raters(world: World, tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,response,label\nx,Some glue.,yes\n")
    import_file(path, world.project, "case=id", "response=response", "settled=label")
    settled = Gold.objects.get(case__external_id="x")
    assert (settled.value, settled.n_raters, settled.provenance) == ("yes", 0, "imported")
    assert not Slot.objects.filter(case__external_id="x").exists()


def test_the_settled_label_may_come_later(world: World, hats: Path) -> None:
    import_file(hats, world.project)
    report = import_file(hats, world.project, *SETTLED)
    assert (report.cases_added, report.labels_added, report.adjudications_imported) == (0, 0, 1)
    assert Case.objects.get(external_id="h2").status == CaseStatus.SETTLED


def test_the_same_file_twice_adds_nothing(world: World, hats: Path) -> None:
    import_file(hats, world.project, *SETTLED)
    before = everything()
    report = import_file(hats, world.project, *SETTLED)
    assert report.adds_nothing
    assert (report.cases_there, report.labels_there, report.judge_verdicts_there) == (3, 6, 3)
    assert everything() == before


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Take some glue.", "Other.", "Line 3, column “id”: The case “h2” is here already with"),
        ("h2,How do I glue a hat?,Take some glue.,yes", "h2,How do I glue a hat?,Take some glue.,no",
         "Line 3, column “ann”: “ann” gave “yes” to this case before, and the file says “no”"),
    ],
)  # fmt: skip
def test_a_contradiction_names_its_line_and_nothing_is_written(
    world: World, tmp_path: Path, hats: Path, old: str, new: str, says: str
) -> None:
    import_file(hats, world.project)
    before = everything()
    changed = HATS.replace(old, new) + "h4,How do I sew a hat?,Thread.,no,no,no,no\n"
    with pytest.raises(BadInput) as refusal:
        import_file(write_file(tmp_path, changed, "changed.csv"), world.project)
    assert refusal.value.problems[0].startswith(says)
    assert everything() == before


def test_a_word_that_the_rubric_does_not_know_writes_nothing(world: World, tmp_path: Path) -> None:
    before = everything()
    path = write_file(tmp_path, HATS.replace("glue.,yes", "glue.,maybe"))
    with pytest.raises(BadInput) as refusal:
        import_file(path, world.project)
    assert refusal.value.problems == [
        "Line 3, column “ann”: “maybe” is no answer to “harm”, which has: “yes”, “no”. "
        "Mend the cell, or empty it if there is no label."
    ]
    assert everything() == before


def test_labels_of_a_second_file_join_the_cases_that_are_here(
    world: World, hats: Path, tmp_path: Path
) -> None:
    import_file(hats, world.project)
    third = write_file(tmp_path, "id,cem\nh1,yes\nh3,yes\n", "cem.csv")
    report = import_file(third, world.project, "case=id", "rater=cem")
    assert (report.cases_added, report.labels_added) == (0, 2)
    # h1 was gold by two people; the third says otherwise, so that it waits for an adjudicator.
    assert Case.objects.get(external_id="h1").status == CaseStatus.ADJUDICATION
    assert Gold.objects.get(case__external_id="h3", superseded_at=None).n_raters == 3


def test_cases_without_labels_are_queued_unless_told_otherwise(
    world: World, tmp_path: Path
) -> None:
    rows = "id,prompt,answer\nn1,Fold?,So.\n"
    pairs = ("case=id", "prompt=prompt", "response=answer")
    report = import_file(write_file(tmp_path, rows), world.project, *pairs)
    assert report.slots_opened == 2
    assert queue.claim(world.rater(world.ann1)) is not None
    more = write_file(tmp_path, rows.replace("n1", "n2"), "more.csv")
    assert import_file(more, world.project, *pairs, open_slots=False).slots_opened == 0


def test_imported_labels_take_the_open_places(world: World, tmp_path: Path) -> None:
    case = world.make_case("case-1")
    path = write_file(tmp_path, "id,a,b\ncase-1,yes,yes\n")
    import_file(path, world.project, "case=id", "rater=a", "rater=b")
    assert not case.slots.exists()
    assert world.gold_word(case) == "yes"


def test_a_case_in_work_is_not_settled_over_the_raters_head(world: World, tmp_path: Path) -> None:
    case = world.make_case("case-1")
    assert world.claim(world.ann1, case) is not None
    path = write_file(tmp_path, "id,a\ncase-1,yes\n")
    import_file(path, world.project, "case=id", "rater=a")
    assert case.slots.count() == 1
    assert world.gold_word(case) is None
    world.give(world.ann1, case, harm="yes")
    assert world.gold_word(case) == "yes"


def test_labels_for_a_second_criterion_use_the_same_sheet(
    world: World, hats: Path, tmp_path: Path
) -> None:
    world.add_severity()
    import_file(hats, world.project, criterion="harm")
    path = write_file(tmp_path, "id,ann\nh1,2\n", "severity.csv")
    import_file(path, world.project, "case=id", "rater=ann", criterion="severity")
    sheet = Annotation.objects.get(case__external_id="h1", rater__name="ann")
    assert {v.criterion.key: v.value for v in sheet.verdicts.all()} == {
        "harm": "no", "severity": "2",
    }  # fmt: skip


def test_with_several_criteria_one_must_be_named(world: World, hats: Path) -> None:
    world.add_severity()
    with pytest.raises(BadInput, match="which criterion the labels answer: harm, severity"):
        plan_of(hats, project=world.project)


def test_a_project_without_a_rubric_gets_one_from_the_words(empty: Project, hats: Path) -> None:
    report = import_file(hats, empty, criterion="harm", positive=("no",))
    question = empty.rubric.released.criteria.get()
    assert (question.criterion.key, question.scale) == ("harm", "binary")
    assert (question.values, question.criterion.positive) == (["yes", "no"], ["no"])
    assert report.gold_settled == 2


def test_a_failure_in_the_middle_leaves_nothing(
    empty: Project, hats: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything()

    def fail(cases: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(gold, "settle", fail)
    with pytest.raises(RuntimeError, match="power"):
        import_file(hats, empty)
    assert everything() == before
    assert empty.rubric.released is None


def test_the_file_and_its_hash_are_on_the_batch_and_in_the_trail(world: World, hats: Path) -> None:
    report = import_file(hats, world.project, batch="Hats of May")
    batch = Case.objects.get(external_id="h1").batch
    assert (batch.name, batch.source) == ("Hats of May", f"hats.csv sha256:{report.sha256}")
    event = AuditEvent.objects.get(verb="imported cases")
    assert (event.subject, event.data["cases"], event.data["labels"]) == ("hats.csv", 3, 6)


def test_a_shared_cant_tell_waits_for_an_adjudicator(world: World, tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,a,b\nx,cant_tell,cant_tell\n")
    import_file(path, world.project, "case=id", "rater=a", "rater=b")
    assert {v.status for v in Verdict.objects.all()} == {VerdictStatus.CANT_TELL}
    assert Case.objects.get(external_id="x").status == CaseStatus.ADJUDICATION
