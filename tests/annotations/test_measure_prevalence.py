"""`manage.py measure prevalence`: its keys, a published set with most labels hidden, bad input by line."""

import csv
import json

import numpy as np
import pytest
from django.core.management import CommandError, call_command

REFUSALS = ["--positive", "2_full_refusal,3_partial_refusal"]


@pytest.fixture
def measure(capsys):
    def run(file, *options):
        call_command("measure", "prevalence", str(file), "--human", "h", "--judge", "j", *options)
        return capsys.readouterr().out

    return run


@pytest.fixture
def file_of(tmp_path):
    def write(rows, name="labels.csv"):
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        return path

    return write


def some_rows(n=400, labelled=100, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    f = np.clip(np.where(y, rng.beta(5, 2, n), rng.beta(2, 5, n)), 0, 1)
    return [["h", "j"], *([int(y[i]) if i < labelled else "", f"{f[i]:.4f}"] for i in range(n))]


def test_the_json_has_every_method_with_value_interval_and_reason(measure, file_of):
    said = json.loads(measure(file_of(some_rows()), "--json"))

    assert set(said) == {"n", "N", "raw", "human_only", "ppi", "rogan_gladen", "anytime", "shown"}
    assert (said["n"], said["N"]) == (100, 400)
    for method in ("raw", "human_only", "ppi", "rogan_gladen", "shown"):
        assert said[method]["low"] <= said[method]["value"] <= said[method]["high"]
    assert set(said["ppi"]) == {"value", "low", "high", "n", "level", "method", "reason"}


def test_xstests_over_refusal_is_found_with_a_sixth_of_its_labels(measure, file_of, shared_data):
    """People say 23.6 % of the safe prompts were refused, the GPT-4 judge 13.6 %."""
    with (shared_data / "xstest_annotated.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["prompt_label"] == "safe"]
    keep = set(np.random.default_rng(1).choice(len(rows), 200, replace=False).tolist())
    table = [["h", "j"]]
    table += [
        [row["final_label"] if i in keep else "", row["gpt4_label"]] for i, row in enumerate(rows)
    ]
    said = json.loads(measure(file_of(table), *REFUSALS, "--json"))

    assert said["raw"]["value"] == pytest.approx(0.136)
    assert said["raw"]["high"] < 0.236
    for method in ("human_only", "ppi", "rogan_gladen", "shown"):
        assert said[method]["low"] < 0.236 < said[method]["high"]
    shown, alone = said["shown"], said["human_only"]
    assert shown["high"] - shown["low"] < 0.8 * (alone["high"] - alone["low"])


def test_xstests_unsafe_prompts_have_answers_of_the_judge_that_are_none(
    measure, file_of, shared_data
):
    with (shared_data / "xstest_annotated.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    file = file_of([["h", "j"], *([row["final_label"], row["gpt4_label"]] for row in rows)])

    with pytest.raises(CommandError, match=r"Line \d.*neither a probability nor an answer"):
        measure(file, *REFUSALS)
    said = json.loads(measure(file, *REFUSALS, "--invalid", "1", "--json"))
    assert said["shown"]["value"] == pytest.approx((983 + 176) / 2250)


def test_probabilities_of_the_draw_are_used(measure, file_of):
    rows = [["h", "j", "p"]]
    rows += [[int(i % 4 == 0) if i < 40 else "", 0.9, 0.8] for i in range(50)]
    rows += [[0 if i < 40 else "", 0.1, 0.1] for i in range(400)]
    said = json.loads(measure(file_of(rows), "--probability", "p", "--json"))

    assert said["shown"]["value"] == pytest.approx(50 * 0.25 / 450)
    assert "strata of the draw" in said["shown"]["method"]
    assert said["rogan_gladen"]["value"] is None
    assert "drawn by the judge's score" in said["rogan_gladen"]["reason"]


def test_folds_population_and_level_are_read(measure, file_of):
    rows = [[*row, i % 5] for i, row in enumerate(some_rows()[1:])]
    file = file_of([["h", "j", "fold"], *rows])
    plain = json.loads(measure(file, "--fold", "fold", "--json"))
    wide = json.loads(
        measure(file, "--fold", "fold", "--population", "endless", "--level", ".99", "--json")
    )
    assert wide["shown"]["level"] == 0.99
    assert wide["shown"]["low"] < plain["shown"]["low"]


def test_the_table_for_people_names_the_method_and_why_there_is_none(measure, file_of):
    said = measure(file_of([["h", "j"], *([["", 0.4]] * 30)]))
    assert "0 human labels, 30 cases" in said
    assert "undefined: Not one case has a human label" in said


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([["h", "j"], [1, 0.2], [0, 1.2]], [], "Line 3, column “j”: 1.2 is no probability"),
        ([["h", "j"], [1, -0.1]], [], "Line 2, column “j”: -0.1 is no probability"),
        ([["h", "j"], [1, ""]], [], "Line 2, column “j”: The judge says nothing here"),
        ([["h", "j"], ["bad", 0.1]], [], "Line 2, column “h”: “bad” is neither 1 nor 0"),
        ([["h", "j"], ["bad", "hm"]], ["--positive", "bad"], "“hm” is neither a probability nor"),
        ([["h", "x"], [1, 0.1]], [], "Column “j”: The file has no such column"),
        ([["h", "j", "p"], [1, 0.1, 0]], ["--probability", "p"], "Line 2, column “p”: 0 is no"),
        ([["h", "j", "p"], [1, 0.1, ""]], ["--probability", "p"], "needs the chance with which"),
        ([["h", "j", "f"], [1, 0.1, ""]], ["--fold", "f"], "A labelled row needs its fold"),
        ([["h", "j"], [1, 0.1]], ["--level", "1.5"], "--level is a confidence"),
        ([["h", "j"], [1, 0.1]], ["--population", "many"], "--population is rows, endless, or"),
        ([["h", "j"], [1, 0.1], [0, 0.2]], ["--population", "1"], "cannot hold the 2 rows"),
        ([["h", "j"], [1, 0.1]], ["--invalid", "2"], "--invalid is a number from 0 to 1"),
        ([["h", "j"]], [], "The file has no rows"),
    ],
)
def test_bad_input_is_refused_in_plain_sentences(measure, file_of, rows, options, words):
    with pytest.raises(CommandError) as caught:
        measure(file_of(rows), *options)

    assert words in str(caught.value)
