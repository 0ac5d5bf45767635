"""Rows into cases: ids, families, conversations, strata, and every bad input with its line."""

import gzip
import json
from pathlib import Path

import pytest

from annotations.errors import BadInput
from annotations.importing import importer
from annotations.importing.turns import TurnsError, parse_turns, split_response
from tests.annotations.importing.made_files import HATS, choice, plan_of, problems_of, write_file


def test_cases_with_the_same_prompt_are_one_family(tmp_path: Path) -> None:
    rows = "id,p,r\n1,Fold  a HAT,a\n2,fold a hat,b\n3,Paint a hat,c\n"
    cases = plan_of(write_file(tmp_path, rows), "case=id", "prompt=p", "response=r").new
    assert cases[0].family == cases[1].family != cases[2].family


def test_without_texts_the_first_case_column_is_the_family(tmp_path: Path) -> None:
    path = write_file(tmp_path, "item,run,x\nhat,1,0\nhat,2,1\n")
    cases = plan_of(path, "case=item", "case=run", "rater=x").new
    assert [(case.external_id, case.family) for case in cases] == [
        ("hat · 1", "hat"), ("hat · 2", "hat"),
    ]  # fmt: skip


def test_a_case_without_an_id_is_known_by_its_content(tmp_path: Path) -> None:
    path = write_file(tmp_path, "p,r\nFold?,Yes\nGlue?,No\n")
    cases = plan_of(path, "prompt=p", "response=r").new
    assert [case.external_id for case in cases] == [case.content_hash[:32] for case in cases]


def test_texts_are_kept_to_the_last_space(tmp_path: Path) -> None:
    path = write_file(tmp_path, 'id,r\n1," =SUM(A1) <script>x</script>\n"\n')
    plan = plan_of(path, "case=id", "response=r")
    assert plan.new[0].response == " =SUM(A1) <script>x</script>\n"
    assert plan.problems == []
    notes = " ".join(str(note) for note in plan.notes)
    assert "Line 2, column “r”: begins like a spreadsheet formula" in notes
    assert "Line 2, column “r”: holds a script tag" in notes


def test_control_characters_are_kept_and_noted(tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,r\n1,bell\x07\n")
    plan = plan_of(path, "case=id", "response=r")
    assert plan.new[0].response == "bell\x07"
    assert "Line 2, column “r”: holds control" in str(plan.notes[0])


def test_an_empty_label_is_missing_and_never_zero(tmp_path: Path) -> None:
    plan = plan_of(write_file(tmp_path, "id,a,b\n1,0,\n2,1,1\n"), "case=id", "rater=a", "rater=b")
    assert set(plan.new[0].labels) == {"a"}
    assert plan.people_labels == 3
    assert any("1 cells are empty" in str(note) for note in plan.notes)


def test_the_target_tells_repeated_ids_apart(tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,m,a\n1,big,0\n1,small,1\n")
    plan = plan_of(path, "case=id", "target=m", "rater=a")
    assert [case.external_id for case in plan.new] == ["1 · big", "1 · small"]
    assert plan.new[0].strata == {"target": "big"}


def test_repeated_ids_name_their_lines_and_the_column_that_helps(tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,run,a\n1,x,0\n2,x,1\n1,y,1\n")
    (problem,) = problems_of(path, "case=id", "rater=a")
    assert problem.startswith("Line 4, column “id”: 2 rows have the id “1”: lines 2, 4.")
    assert "add --map case=run" in problem


def test_repeated_ids_that_no_column_tells_apart(tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,a\n1,0\n1,0\n2,1\n")
    assert "remove the repeated rows" in problems_of(path, "case=id", "rater=a")[0]


def test_a_binary_scale_must_have_two_words(tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,a\n1,yes\n2,no\n3,perhaps\n")
    (problem,) = problems_of(path, "case=id", "rater=a", scale="binary")
    assert problem.startswith("Column “a”: A binary scale has two answers; here are 3: “no”")


def test_a_column_of_prose_is_no_scale(tmp_path: Path) -> None:
    rows = "id,a\n" + "".join(f"{n},opinion {n}\n" for n in range(1, 25))
    (problem,) = problems_of(write_file(tmp_path, rows), "case=id", "rater=a")
    assert problem.startswith("Line 22, column “a”: “opinion 21” makes more than 20")


def test_a_judge_without_one_answer_is_no_judge(tmp_path: Path) -> None:
    rows = "id,a,j\n1,x,maybe\n2,y,dunno\n"
    (problem,) = problems_of(write_file(tmp_path, rows), "case=id", "rater=a", "judge=j")
    assert "column “j”: No cell of this judge is an answer (“x”, “y”)" in problem


def test_the_parser_of_a_judge_can_be_chosen(tmp_path: Path) -> None:
    path = write_file(tmp_path, "id,a,j\n1,1,1\n2,0,1\n")
    plan = plan_of(path, "case=id", "rater=a", "judge=j", parsers={"j": "zero_one"})
    assert plan.proposal.judges["j"].revision == "import:zero_one-1"
    said = problems_of(path, "case=id", "rater=a", "judge=j", parsers={"j": "magic"})
    assert "There is no parser “magic”" in said[0]


def test_every_problem_is_told_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = "id,p\n" + "".join(f"{n or ''},{'' if n % 2 else 'x'}\n" for n in range(60))
    found = plan_of(write_file(tmp_path, rows), "case=id", "prompt=p").problems
    assert [problem.line for problem in found] == sorted(p.line or 0 for p in found)
    with pytest.raises(BadInput) as refusal:
        importer.check(plan_of(write_file(tmp_path, "id,p\n" + ",x\n" * 60), "case=id", "prompt=p"))
    assert len(refusal.value.problems) == 51
    assert refusal.value.problems[-1] == "And 10 more problems."


BIG = "id,r\n1," + "a" * 5_000_000 + "\n"


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "a.csv", "The file is empty"),
        (b"id,r\n1,caf\xe9\n", "a.csv", "Line 2: The file is not UTF-8"),
        ('id,r\n1,"cut', "a.csv", "Line 2: A double quote opens in this record and never closes"),
        ('{"id": 1}\n{"id": 2, "r', "a.jsonl", "Line 2: The record is incomplete"),
        (gzip.compress(HATS.encode(), mtime=0)[:-12], "a.csv.gz", "The gzip file is cut off"),
        ("id,r\n1\n", "a.csv", "Line 2: The row has 1 fields where the header has 2"),
        ("id,id\n1,2\n", "a.csv", "Line 1, column “id”: Columns 1, 2 are all called “id”"),
        ("id,r\n1,a\x00b\n", "a.csv", "Line 2, column “r”: The cell holds a NUL byte"),
        (BIG, "a.csv", "Line 2, column “r”: The cell holds 5.0 MB"),
    ],
)
def test_a_file_that_can_not_be_read_says_where(
    tmp_path: Path, content: str | bytes, name: str, says: str
) -> None:
    path = write_file(tmp_path, content, name)
    with pytest.raises(BadInput) as refusal:
        importer.open_table(path, name)
    assert refusal.value.problems[0].startswith(says)
    assert str(refusal.value).startswith("Nothing was written.")


def test_a_conversation_is_read_and_its_last_answer_is_the_response(tmp_path: Path) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Fold a hat"}]},
        {"role": "assistant", "content": "Done."},
    ]
    path = write_file(tmp_path, json.dumps({"id": "c", "messages": turns}) + "\n", "a.jsonl")
    (case,) = plan_of(path, "case=id", "conversation=messages").new
    assert case.conversation[-1] == {"role": "user", "content": "Fold a hat"}
    assert case.response == "Done."


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("[{", "not JSON"),
        ("{}", "JSON list"),
        ('[{"role": "narrator", "content": "x"}]', "role “narrator”"),
        ('[{"role": "user", "content": [{"type": "image_url"}]}]', "other than text"),
        ('[{"role": "user"}]', "no content"),
        ('["hello"]', "no object"),
    ],
)
def test_a_broken_conversation_says_which_turn(cell: str, says: str) -> None:
    with pytest.raises(TurnsError, match=says):
        parse_turns(cell)


def test_a_conversation_must_not_contradict_the_response_column() -> None:
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert split_response(turns, "b") == (turns[:1], "b")
    with pytest.raises(TurnsError, match="leave one of them out"):
        split_response(turns, "c")


def test_what_was_expected_of_the_target_is_read_into_two_words(tmp_path: Path) -> None:
    words = ("refuse", "Unsafe", "harmful", "comply", "safe", " Benign", "")
    rows = "".join(f"{number},{word}\n" for number, word in enumerate(words))
    path = write_file(tmp_path, "id,prompt_label\n" + rows)
    plan = plan_of(path, "case=id", "expected=prompt_label")
    assert [case.strata.get("expected") for case in plan.new] == [
        *["refuse"] * 3,
        *["comply"] * 3,
        None,
    ]
    path = write_file(tmp_path, "id,prompt_label\n1,maybe\n")
    (said,) = problems_of(path, "case=id", "expected=prompt_label")
    assert "Line 2, column “prompt_label”" in said
    assert "write refuse (or harmful, unsafe) or comply (or benign, safe)" in said


def test_a_choice_survives_its_way_through_a_job() -> None:
    chosen = choice("case=id", "judge=j", parsers={"j": "exact"}, positive=("1",), batch="b")
    assert importer.Choice.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen
