"""`manage.py measure agreement`: the figures of published files, plain sentences for bad input."""

import gzip
import json

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from django.core.management import CommandError, call_command

XSTEST = ["--item", "id,model", "--rater-columns", "annotation_1,annotation_2"]
HARMBENCH = ["--item", "item,model,method", "--rater-columns", "human_0,human_1,human_2"]


@pytest.fixture
def measure(capsys):
    def run(file, *options):
        call_command("measure", "agreement", str(file), *options)
        return capsys.readouterr().out

    return run


@pytest.fixture
def file_of(tmp_path):
    def write(text, name="labels.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_xstest_has_its_alpha_and_the_kappas_of_its_models(measure, shared_data):
    file = shared_data / "xstest_annotated.csv"
    said = json.loads(measure(file, *XSTEST, "--level", "nominal", "--json", "--by", "model"))

    alpha = said["coefficients"]["krippendorff_alpha"]
    assert alpha["value"] == pytest.approx(0.9365, abs=5e-5)
    assert alpha["low"] < alpha["value"] < alpha["high"]
    assert (said["n_items"], said["n_raters"], said["n_labels"]) == (2250, 2, 4500)
    kappas = {
        m: round(r["coefficients"]["fleiss_kappa"]["value"], 4) for m, r in said["by"].items()
    }
    assert kappas == {
        "llama2orig": 0.9293,
        "llama2new": 0.9258,
        "mistralinstruct": 0.9195,
        "mistralguard": 0.8923,
        "gpt4": 0.9701,
    }


def test_harmbench_has_its_alpha_and_six_rows_without_a_kind(measure, shared_data):
    file = shared_data / "harmbench_val_labels_only.csv"
    said = json.loads(measure(file, *HARMBENCH, "--json", "--by", "functional"))

    def alpha(report):
        return round(report["coefficients"]["krippendorff_alpha"]["value"], 4)

    assert alpha(said) == 0.7437
    assert alpha(said["by"]["standard"]) == 0.7997
    assert alpha(said["by"]["contextual"]) == 0.6368
    assert said["by"]["(missing)"]["n_items"] == 6


def test_one_row_a_label_is_measured_like_one_column_a_rater(measure, file_of):
    wide = file_of("id,ann,ben\n1,yes,yes\n2,no,yes\n3,no,no\n4,yes,\n", "wide.csv")
    long = file_of(
        "id,who,label\n1,ann,yes\n1,ben,yes\n2,ann,no\n2,ben,yes\n3,ann,no\n3,ben,no\n4,ann,yes\n"
    )

    by_columns = measure(wide, "--item", "id", "--rater-columns", "ann,ben", "--json")
    by_rows = measure(long, "--item", "id", "--rater", "who", "--label", "label", "--json")
    assert json.loads(by_columns) == json.loads(by_rows)


def test_the_json_has_exactly_the_keys_of_a_report(measure, file_of):
    file = file_of("id,ann,ben\n1,yes,yes\n2,no,yes\n")
    said = json.loads(measure(file, "--item", "id", "--rater-columns", "ann,ben", "--json"))

    assert set(said) == {"n_items", "n_raters", "n_labels", "coefficients"}
    assert set(said["coefficients"]["krippendorff_alpha"]) >= {"value", "low", "high", "n"}


def test_the_same_seed_says_the_same_and_another_does_not(measure, file_of):
    rows = "\n".join(f"{u},{u % 3},{(u * u) % 3}" for u in range(40))
    question = [file_of(f"id,ann,ben\n{rows}\n"), "--item", "id", "--rater-columns", "ann,ben"]

    assert measure(*question, "--seed", "1") == measure(*question, "--seed", "1")
    assert measure(*question, "--seed", "1") != measure(*question, "--seed", "2")


def test_the_table_for_people_has_n_intervals_and_reasons(measure, file_of):
    rows = "\n".join(f"{u},{u % 2},{u % 2 if u % 5 else 1}" for u in range(40))
    said = measure(file_of(f"id,ann,ben\n{rows}\n"), "--item", "id", "--rater-columns", "ann,ben")
    assert "40 items, 2 raters, 80 labels" in said
    assert "95 % interval" in said
    assert " to " in said

    same = file_of("id,ann,ben\n1,yes,yes\n2,yes,yes\n", "same.csv")
    said = measure(same, "--item", "id", "--rater-columns", "ann,ben")
    assert "undefined (n = 2): Every label that can be compared is 'yes'" in said


def test_numbers_are_numbers_however_they_are_written(measure, file_of):
    file = file_of("id,ann,ben\n1,1,1.0\n2,0,0.0\n3,1,\n")
    said = json.loads(measure(file, "--item", "id", "--rater-columns", "ann,ben", "--json"))

    assert said["coefficients"]["percent_agreement"]["value"] == 1


def test_words_for_no_label_are_no_labels(measure, file_of):
    file = file_of("id,ann,ben\n1,a,a\n2,b,.\n3,NA,b\n4,b,b\n")
    asked = [file, "--item", "id", "--rater-columns", "ann,ben", "--json"]

    assert json.loads(measure(*asked))["n_labels"] == 8
    assert json.loads(measure(*asked, "--missing", "NA,."))["n_labels"] == 6


def test_the_ordinal_level_takes_the_order_of_the_words(measure, file_of):
    file = file_of("id,ann,ben\n1,low,low\n2,high,mid\n3,mid,mid\n4,high,high\n")
    asked = [file, "--item", "id", "--rater-columns", "ann,ben", "--level", "ordinal", "--json"]
    numbers = file_of("id,ann,ben\n1,1,1\n2,3,2\n3,2,2\n4,3,3\n", "numbers.csv")

    with pytest.raises(CommandError, match=r"order of the values.*--values"):
        measure(*asked)
    said = json.loads(measure(*asked, "--values", "low,mid,high"))["coefficients"]
    same = json.loads(measure(numbers, *asked[1:]))["coefficients"]
    assert said["krippendorff_alpha"]["value"] == same["krippendorff_alpha"]["value"]


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("id,a,b\n1,x,y\n2,x,x\n1,y,y\n", [], "Line 4: Rater “a” has a second label for item “1”"),
        ("id,a,c\n1,x,y\n", [], "Column “b”: The file has no such column. Its columns are: “id”"),
        ("id,a,b\n1,1,2\n2,1,two\n", ["--level", "interval"], "Line 3: “two” is not a number"),
        ("id,a,b\n1,x,y\n2,x,z\n", ["--values", "x,y"], "Line 3: “z” is not on the scale"),
        ("id,a,b\n1,-1,2\n", ["--level", "ratio"], "negative labels need the interval level"),
        ("id,a,b\n,x,y\n", [], "Line 2, column “id”: The cell that names the item is empty"),
        ("", [], "The file is empty"),
        ("id,a,b\n1,x\n", [], "Line 2: The row has 2 fields where the header has 3"),
        ("id,a,b\n1,x,y\n", ["--rater-columns", "a,a"], "“a” is named twice"),
        ("id,a,b\n1,x,y\n", ["--rater", "a", "--label", "b"], "Say where the labels are"),
        ("id,a,b\n1,x,y\n", ["--replicates", "0"], "--replicates is a number from 1"),
    ],
)
def test_bad_input_is_refused_in_plain_sentences(measure, file_of, text, options, words):
    with pytest.raises(CommandError) as caught:
        measure(file_of(text), "--item", "id", "--rater-columns", "a,b", *options)

    assert words in str(caught.value)


def test_a_repeat_in_a_file_of_one_line_is_found_too(measure, file_of):
    rows = [{"id": 1, "who": "ann", "label": word} for word in ("yes", "no")]
    file = file_of(json.dumps(rows), "labels.json")

    with pytest.raises(CommandError, match="second label for item “1”"):
        measure(file, "--item", "id", "--rater", "who", "--label", "label")


def test_a_label_that_would_move_the_cursor_is_written_out(measure, file_of):
    file = file_of("id,ann,ben\n1,\x1b[2Jx,y\n2,y,y\n")

    assert "\x1b" not in measure(file, "--item", "id", "--rater-columns", "ann,ben")


WIDE = ["--item", "id", "--rater-columns", "ann,ben"]
LONG = ["--item", "id", "--rater", "who", "--label", "label"]


def test_every_coefficient_is_there_with_its_value_and_interval(measure, file_of):
    rows = "\n".join(f"{u},{u % 3},{u % 3 if u % 4 else 1}" for u in range(60))
    said = json.loads(measure(file_of(f"id,ann,ben\n{rows}\n"), *WIDE, "--json"))["coefficients"]

    for name in (
        "krippendorff_alpha", "fleiss_kappa", "cohen_kappa", "conger_kappa", "gwet_ac1",
        "brennan_prediger", "percent_agreement", "specific_agreement:1",
    ):  # fmt: skip
        assert said[name]["low"] < said[name]["value"] < said[name]["high"]


def test_a_second_label_is_kept_by_choice_and_refused_without(measure, file_of):
    file = file_of("id,who,label\n1,ann,no\n1,ben,yes\n2,ann,no\n2,ben,no\n1,ann,yes\n")

    with pytest.raises(CommandError, match="Line 6: Rater “ann” has a second label for item “1”"):
        measure(file, *LONG)
    percent = {
        keep: json.loads(measure(file, *LONG, "--duplicates", keep, "--json"))["coefficients"][
            "percent_agreement"
        ]["value"]
        for keep in ("first", "latest")
    }
    assert percent == {"first": 0.5, "latest": 1.0}


def test_a_table_of_distances_is_the_users_own_alpha(measure, file_of):
    rows = "\n".join(f"{u},{'abc'[u % 3]},{'abc'[(u * u) % 3]}" for u in range(30))
    file = file_of(f"id,ann,ben\n{rows}\n")
    nominal = file_of("label,a,b,c\na,0,1,1\nb,1,0,1\nc,1,1,0\n", "nominal.csv")
    broken = file_of("label,a,b\na,0,1\nb,1,0\n", "broken.csv")

    def alpha(*options):
        said = json.loads(measure(file, *WIDE, "--json", *options))
        return said["coefficients"]["krippendorff_alpha"]

    assert alpha("--distances", str(nominal))["value"] == pytest.approx(alpha()["value"])
    assert alpha("--distances", str(nominal))["method"].startswith("own distances")
    with pytest.raises(CommandError, match="no distances for the label 'c'"):
        measure(file, *WIDE, "--distances", str(broken))


def test_weights_need_an_order_and_say_how_to_give_it(measure, file_of):
    file = file_of("id,ann,ben\n1,low,low\n2,high,mid\n3,mid,mid\n4,high,high\n")

    with pytest.raises(CommandError, match=r"--values LOW,\.\.\.,HIGH"):
        measure(file, *WIDE, "--weights", "quadratic")
    said = json.loads(
        measure(file, *WIDE, "--weights", "quadratic", "--values", "low,mid,high", "--json")
    )
    assert said["coefficients"]["gwet_ac2"]["method"].startswith("quadratic weights")


def test_the_population_names_whom_the_interval_speaks_of(measure, file_of):
    rows = "\n".join(
        f"{u}," + ",".join(str((u + g * (u % 4 == g)) % 3) for g in range(5)) for u in range(40)
    )
    file = file_of(f"id,a,b,c,d,e\n{rows}\n")
    asked = [file, "--item", "id", "--rater-columns", "a,b,c,d,e", "--json"]

    def alpha(population):
        said = json.loads(measure(*asked, "--population", population))
        return said["coefficients"]["krippendorff_alpha"]

    both, items, raters = alpha("both"), alpha("items"), alpha("raters")
    assert "for these raters" in items["method"]
    assert "over_raters" not in items
    assert "other raters" in raters["method"]
    assert (raters["low"], raters["high"]) == (
        both["over_raters"]["low"],
        both["over_raters"]["high"],
    )
    assert raters["low"] < items["low"]
    assert "other raters too" in measure(*asked[:-1])


def test_two_raters_say_nothing_about_other_raters(measure, file_of):
    rows = "\n".join(f"{u},{u % 2},{u % 2 if u % 5 else 1}" for u in range(40))
    file = file_of(f"id,ann,ben\n{rows}\n")
    said = json.loads(measure(file, *WIDE, "--population", "raters", "--json"))["coefficients"]

    assert said["krippendorff_alpha"]["low"] is None
    assert "nothing about other raters" in said["krippendorff_alpha"]["reason"]


@pytest.fixture
def read_in_batches(monkeypatch):
    monkeypatch.setattr("annotations.tables.numbered.LARGE", 0)
    monkeypatch.setattr("annotations.tables.numbered.BATCH_BYTES", 400)


SMALL_FILES = {
    "wide": ("id,model,ann,ben\n", "{u},m{m},{x},{y}\n", ["--rater-columns", "ann,ben"]),
    "long": (
        "id,model,who,label\n",
        "{u},m{m},ann,{x}\n{u},m{m},ben,{y}\n",
        ["--rater", "who", "--label", "label"],
    ),
}


@pytest.mark.parametrize("shape", SMALL_FILES)
@pytest.mark.parametrize("name", ["labels.csv", "labels.csv.gz", "labels.parquet"])
def test_a_large_file_says_what_a_small_one_says(measure, tmp_path, monkeypatch, shape, name):
    head, line, columns = SMALL_FILES[shape]
    lines = [
        line.format(
            u=u // 2, m=u % 2, x=u % 3, y="" if u % 7 == 0 else f"{u % 3 if u % 4 else 0}.0"
        )
        for u in range(300)
    ]
    text = (head + "".join(lines)).encode()
    path = tmp_path / name
    if name.endswith("parquet"):
        table = pyarrow.csv.read_csv(pyarrow.BufferReader(text))
        pyarrow.parquet.write_table(table, path)
    else:
        path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    asked = [path, "--item", "id,model", *columns, "--by", "model", "--json", "--level", "interval"]

    small = measure(*asked)
    monkeypatch.setattr("annotations.tables.numbered.LARGE", 0)
    monkeypatch.setattr("annotations.tables.numbered.BATCH_BYTES", 400)
    assert json.loads(measure(*asked)) == json.loads(small)


@pytest.mark.usefixtures("read_in_batches")
@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("id,ann,ben\n1,x,y\n2,x,x\n1,y,y\n", [], "Line 4: Rater “ann” has a second label"),
        ("id,ann,cem\n1,x,y\n", [], "Column “ben”: The file has no such column"),
        ("id,ann,ben\n1,1,2\n2,1,two\n", ["--level", "interval"], "Line 3: “two” is not a number"),
        ("id,ann,ben\n1,x,y\n2,x,z\n", ["--values", "x,y"], "Line 3: “z” is not on the scale"),
        ("id,ann,ben\n,x,y\n", [], "Line 2, column “id”: The cell that names the item is empty"),
        ("id,ann,ben\n1,x\n", [], "the file cannot be read"),
    ],
)
def test_bad_input_in_a_large_file_is_refused_in_plain_sentences(
    measure, file_of, text, options, words
):
    with pytest.raises(CommandError) as caught:
        measure(file_of(text), *WIDE, *options)

    assert words in str(caught.value)


@pytest.mark.usefixtures("read_in_batches")
def test_more_labels_than_the_limit_are_refused_while_reading(measure, file_of, monkeypatch):
    monkeypatch.setattr("annotations.tables.numbered.MAX_LABELS", 100)
    rows = "\n".join(f"{u},1,2" for u in range(400))

    with pytest.raises(CommandError, match="more than 100 labels: split it"):
        measure(file_of(f"id,ann,ben\n{rows}\n"), *WIDE)
