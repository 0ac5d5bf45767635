"""`manage.py measure consensus`: its keys, its file, and plain sentences for bad input."""

import csv
import json

import pytest
from django.core.management import CommandError, call_command

LONG = ["--item", "id", "--rater", "who", "--label", "says"]
ASKED = ["--gold", "true", "--method", "hierarchical", "--json"]


@pytest.fixture
def consensus(capsys):
    def run(file, *options):
        call_command("measure", "consensus", str(file), *options)
        return capsys.readouterr().out

    return run


@pytest.fixture
def file_of(tmp_path):
    def write(text, name="labels.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def long_file(labels, gold=None):
    rows = [f"{i},{r},{v},{(gold or {}).get(i, '')}" for i, r, v in labels]
    return "\n".join(["id,who,says,true", *rows]) + "\n"


def crowd(n=30):
    """Ann and Ben are right, Cy is wrong in every fifth, Judge always the other way round."""
    other = {"no": "yes", "yes": "no"}
    truth = {f"i{k}": ("yes", "no", "no")[k % 3] for k in range(n)}
    labels = []
    for k, (item, true) in enumerate(truth.items()):
        labels += [(item, "ann", true), (item, "ben", true)]
        labels += [(item, "cy", other[true] if k % 5 == 0 else true), (item, "judge", other[true])]
    return labels, truth


def test_the_json_has_its_keys_and_the_errors_their_intervals(consensus, file_of):
    labels, truth = crowd()
    said = json.loads(
        consensus(file_of(long_file(labels, truth)), *LONG, "--gold", "true", "--json")
    )

    assert set(said) == {
        "chosen", "reason", "n_items", "n_raters", "n_labels", "error", "methods", "raters",
        "calibration",
    }  # fmt: skip
    assert (said["n_items"], said["n_raters"], said["n_labels"]) == (30, 4, 120)
    assert set(said["error"]) == {"majority", "dawid_skene", "chosen"}
    chosen = said["error"]["chosen"]
    assert chosen["low"] <= chosen["value"] <= chosen["high"]
    assert chosen["value"] == 0
    assert "held_out_log_likelihood" in said["methods"]["hierarchical"]


def test_an_inverted_judge_is_told_with_what_its_answers_mean(consensus, file_of):
    labels, _ = crowd()
    file = file_of(long_file(labels))
    said = json.loads(consensus(file, *LONG, "--judge-raters", "judge", "--json"))

    assert said["error"] == {}
    (flagged,) = said["raters"]
    assert (flagged["rater"], flagged["flag"]) == ("judge", "inverted")
    assert flagged["renaming"] == {"no": "yes", "yes": "no"}
    told = consensus(file, *LONG, "--judge-raters", "judge", "--method", "majority")
    assert "rater judge: inverted" in told


def test_one_column_a_rater_is_read_like_one_row_a_label(consensus, file_of):
    labels, truth = crowd()
    by = {(i, r): v for i, r, v in labels}
    raters = ["ann", "ben", "cy", "judge"]
    wide = [",".join([i, *(by[i, r] for r in raters), truth[i]]) for i in truth]
    file = file_of("\n".join(["id,ann,ben,cy,judge,true", *wide]) + "\n", "wide.csv")

    from_wide = consensus(file, "--item", "id", "--rater-columns", ",".join(raters), *ASKED)
    from_long = consensus(file_of(long_file(labels, truth)), *LONG, *ASKED)
    assert json.loads(from_wide)["error"] == json.loads(from_long)["error"]
    assert json.loads(from_wide)["chosen"] == json.loads(from_long)["chosen"]


def test_the_file_has_each_item_its_label_and_harmless_cells(consensus, file_of, tmp_path):
    text = "id,who,says\n=1+1,ann,@bad\n=1+1,ben,@bad\nx,ann,good\nx,ben,@bad\n"
    out = tmp_path / "out.csv"
    consensus(file_of(text), *LONG, "--method", "majority", "--out", str(out), "--soft")
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert [(r["item"], r["label"], r["n_labels"]) for r in rows] == [
        ("'=1+1", "'@bad", "2"),
        ("x", "", "2"),
    ]
    assert float(rows[0]["posterior"]) > 0.5
    assert float(rows[1]["posterior of good"]) == pytest.approx(0.5)


def test_a_tie_is_drawn_by_seed_where_that_is_asked(consensus, file_of, tmp_path):
    rows = [f"{i},{who},{says}" for i in range(40) for who, says in (("ann", "a"), ("ben", "b"))]
    file, out = file_of("\n".join(["id,who,says", *rows]) + "\n"), tmp_path / "out.csv"

    drawn = []
    for _ in range(2):
        consensus(
            file, *LONG, "--method", "majority", "--ties", "draw", "--seed", "3", "--out", str(out)
        )
        drawn.append(out.read_text())
    assert drawn[0] == drawn[1]
    assert {line.split(",")[1] for line in drawn[0].splitlines()[1:]} == {"a", "b"}


def test_numbers_and_gold_written_otherwise_agree(consensus, file_of):
    text = "id,who,says,true\n1,ann,3,3.0\n1,ben,3.0,3.0\n2,ann,1,1.0\n2,ben,1,1.0\n"
    said = json.loads(consensus(file_of(text), *LONG, "--gold", "true", "--json"))

    assert said["error"]["chosen"]["value"] == 0


def test_a_second_label_is_refused_with_its_lines_or_the_latest_counts(consensus, file_of):
    file = file_of("id,who,says\n1,ann,no\n1,ben,yes\n1,ann,yes\n2,ann,no\n2,ben,no\n")

    with pytest.raises(CommandError, match=r"(?s)Line 4.*another is in line 2|line 2"):
        consensus(file, *LONG)
    said = json.loads(consensus(file, *LONG, "--duplicates", "latest", "--json"))
    assert said["n_labels"] == 4


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("id,who,says\n1,ann,\n2,ben,\n", (), "all cells missing"),
        ("id,who,says\n1,ann,no\n", ("--judge-raters", "gpt"), "No rater is called “gpt”"),
        ("id,who,says\n1,ann,no\n", ("--judge-weight", "-1"), "number of persons"),
        ("id,who,says\n1,ann,no\n", ("--choose-by", "gold"), "needs --gold"),
        ("id,who,says\n1,ann,no\n", ("--seed", "-1"), "--seed"),
        ("id,who,says\n1,ann,no\n", ("--values", "yes,maybe"), "not on the scale"),
        ("id,who,says\n1,ann,no\n", ("--gold", "true"), "no such column"),
        ("id,who,says\n1,ann,no\n", ("--method", "ordinal"), "low to high"),
        ("id,who,says,true\n1,ann,no,no\n1,ben,no,yes\n", ("--gold", "true"), "two different gold"),
    ],
)
def test_bad_input_is_told_in_a_sentence(consensus, file_of, text, options, says):
    with pytest.raises(CommandError, match=says):
        consensus(file_of(text), *LONG, *options)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id,who,says\n1,ann,no\n2,ann,yes\n", "one rater"),
        ("id,who,says\n1,ann,no\n1,ben,no\n2,ann,no\n", "same value"),
        ("id,who,says\n1,ann,no\n1,ben,yes\n", ""),
    ],
)
def test_one_rater_one_value_and_one_item_have_an_answer_and_no_error(
    consensus, file_of, text, reason
):
    said = json.loads(consensus(file_of(text), *LONG, "--json"))

    assert reason in said["reason"]
    assert said["n_labels"] >= 2


def test_an_output_that_cannot_be_written_is_told(consensus, file_of, tmp_path):
    file = file_of("id,who,says\n1,ann,no\n2,ann,yes\n")
    with pytest.raises(CommandError, match="cannot be written"):
        consensus(file, *LONG, "--out", str(tmp_path / "nowhere" / "out.csv"))
