"""`manage.py judges combinations`: every combination of the judges of a file, and what is odd in it."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

HARMBENCH = {  # accuracy, evasion, over-blocking against the majority of three people
    "cls": (0.909, 0.033, 0.140),
    "cls_mistral": (0.905, 0.037, 0.143),
    "gpt-4-0613": (0.910, 0.033, 0.137),
    "gpt-4-1106-preview": (0.884, 0.179, 0.064),
    "PAIR_gpt-4-0613": (0.880, 0.158, 0.088),
    "mixtral": (0.847, 0.245, 0.076),
    "GPTFuzz": (0.738, 0.374, 0.170),
    "advbench": (0.679, 0.209, 0.413),
    "llama_guard": (0.673, 0.667, 0.046),
    "gpt-3.5-turbo-0613": (0.678, 0.678, 0.027),
    "chatglm": (0.663, 0.410, 0.277),
}


def run(
    file: Path, *more: str, human: str = "h0,h1,h2", judge: str = "a,b,c", positive: str = "1"
) -> str:
    out = StringIO()
    call_command(
        "judges", "combinations", str(file), "--human", human, "--judge", judge, "--positive", positive,
        *more, stdout=out,
    )  # fmt: skip
    return out.getvalue()


def found(file: Path, *more: str, **options: str) -> dict[str, Any]:
    return json.loads(run(file, "--json", *more, **options))


def write(path: Path, columns: dict[str, list[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return path


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Ten rows: one tie, one without a label; judges with ratings, blanks and prose."""
    return write(
        tmp_path / "mixed.csv",
        {
            "h0": [1, 1, 1, 1, 0, 0, 0, 0, 1, ""],
            "h1": [1, 1, 0, 1, 0, 0, 1, 0, 0, ""],
            "h2": [1, 1, 1, 1, 0, 0, 0, 0, "", ""],
            "a": ["yes", "no", "yes", "", "no", "no", "yes", "no", "no", "yes"],
            "b": ["Rating: [[10]]", "Rating: [[7]]", "", "[[10]]", "[[1]]", "[[2]]", "[[9]]", "[[10]]",
                  "[[1]]", "[[10]]"],
            "c": ["true", "Well, I think so.", "1", "0", "0", "NaN", "false", "0", "1", "1"],
            "kind": ["x", "x", "y", "y", "x", "x", "y", "y", "x", ""],
        },
    )  # fmt: skip


def test_harmbenchs_judges_come_out_as_published(shared_data: Path) -> None:
    file = shared_data / "harmbench_val_labels_only.csv"
    said = found(file, human="human_0,human_1,human_2", judge=",".join(HARMBENCH))
    assert (said["gold"]["n"], said["gold"]["positive"], said["gold"]["split"]) == (602, 273, 114)
    table = {
        name: tuple(round(row[key], 3) for key in ("accuracy", "evasion", "over_block"))
        for name, row in said["judges"].items()
    }
    assert table == HARMBENCH
    assert round(said["judges"]["cls"]["unanimous"]["value"], 3) == 0.959
    pair = next(
        one for one in said["combinations"]
        if set(one["judges"]) == {"cls", "gpt-4-0613"} and one["rule"] == "any"
    )  # fmt: skip
    assert (round(pair["evasion"]["value"], 3), round(pair["over_block"]["value"], 3)) == (
        0.007,
        0.176,
    )
    sibling = next(
        p for p in said["joint"]["evasion"]["pairs"]
        if (p["first"], p["second"]) == ("cls", "cls_mistral")
    )  # fmt: skip
    assert (sibling["both"], sibling["share"]["value"]) == (9, 1.0)


def test_mixed_cells_are_read_and_what_is_no_verdict_never_catches(mixed: Path) -> None:
    said = found(mixed)
    assert said["gold"] == {"n": 8, "positive": 4, "ties": 1, "unlabelled": 1, "split": 3}
    a, b, c = (said["judges"][name] for name in "abc")
    assert (a["evasion"], a["over_block"], a["missing"]) == (0.5, 0.25, 1)
    assert (b["evasion"], b["over_block"], b["missing"]) == (0.5, 0.25, 1)
    assert (c["evasion"], c["over_block"], c["missing"]) == (0.5, 0.0, 2)
    everyone = next(one for one in said["combinations"] if len(one["judges"]) == 3)
    assert everyone["missing"] == 4
    warnings = " ".join(said["warnings"])
    assert "line 3 “Well, I think so.”" in warnings
    assert "catches from 10 on" in warnings
    assert "lines 10" in warnings
    assert "--family" in warnings


def test_a_threshold_for_one_judge_changes_that_judge(mixed: Path) -> None:
    assert found(mixed, "--threshold", "b=7")["judges"]["b"]["evasion"] == 0.25


def test_rules_strata_costs_and_the_csv(mixed: Path, tmp_path: Path) -> None:
    out = tmp_path / "all.csv"
    said = found(
        mixed, "--rule", "every", "--rule", "weighted", "--weight", "a=3", "--stratum", "kind",
        "--cost", "a=0.5", "--family", "kind", "--out", str(out),
    )  # fmt: skip
    assert said["weights"] == {"a": 3, "b": 1, "c": 1}
    assert len(said["combinations"]) == 7 + 4 + 1 + 7  # 1, 2 and 3 of n, weighted
    assert set(said["strata"]) == {"x", "y"}
    assert said["strata"]["x"]["gold"] == {"n": 4, "positive": 2}
    assert next(one["cost"] for one in said["combinations"] if one["judges"] == ["a", "b"]) == 1.5
    rows = list(csv.DictReader(StringIO(out.read_text(encoding="utf-8"))))
    assert len(rows) == 19 * 3
    assert {row["stratum"] for row in rows} == {"", "x", "y"}


def test_what_one_judge_alone_catches_is_told_by_line(tmp_path: Path) -> None:
    n = 20
    file = write(
        tmp_path / "alone.csv",
        {
            "h0": [1] * n + [0] * n,
            "a": [1] * (n - 1) + [0] + [0] * n,
            "b": [0] * (n - 1) + [1] + [0] * n,
        },
    )
    said = found(file, human="h0", judge="a,b")
    added = {one["judge"]: one for one in said["added"]}
    assert added["b"]["only_catches"] == [n + 1]
    assert added["a"]["evasion"]["value"] < -0.8
    assert said["success_rates"]["a"]["harmbench@1"]["corrected"]["value"] == pytest.approx(0.5)


def test_odd_judges_are_flagged(tmp_path: Path) -> None:
    n = 30
    file = write(
        tmp_path / "odd.csv",
        {
            "h0": [1] * n + [0] * n,
            "good": [1] * n + [0] * n,
            "twin": [1] * n + [0] * n,
            "inverted": [0] * n + [1] * n,
            "useless": [0, 1] * n,
            "silent": ["?"] * 2 * n,
        },
    )
    said = " ".join(found(file, human="h0", judge="good,twin,inverted,useless,silent")["warnings"])
    assert "inverted looks inverted" in said
    assert "good and twin say the same" in said
    assert "useless is not told from chance" in said
    assert "silent gave no verdict at all" in said


def test_one_class_and_twelve_rows_are_told(tmp_path: Path) -> None:
    one = found(
        write(tmp_path / "one.csv", {"h0": [1] * 5, "a": [1, 0, 1, 1, 0]}), human="h0", judge="a"
    )
    assert one["judges"]["a"]["over_block"] is None
    assert "over-blocking is undefined" in " ".join(one["warnings"])
    few = write(tmp_path / "few.csv", {"h0": [1, 0] * 6, "a": [1, 0, 1, 1] * 3})
    assert "Only 6 positive and 6 negative" in run(few, human="h0", judge="a")


def test_more_than_sixteen_judges_are_refused_or_the_best_are_kept(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {"h0": [1, 0] * 10}
    columns |= {f"j{i}": [int(row % 2 == 0 and row >= i) for row in range(20)] for i in range(17)}
    file, names = write(tmp_path / "many.csv", columns), ",".join(f"j{i}" for i in range(17))
    with pytest.raises(CommandError, match="--best 16"):
        run(file, human="h0", judge=names)
    said = found(file, "--best", "3", human="h0", judge=names)
    assert list(said["judges"]) == ["j0", "j1", "j2"]
    assert any("Left out" in line for line in said["warnings"])


@pytest.mark.parametrize(
    ("more", "options", "told"),
    [
        ((), {"judge": "a,nobody"}, "no such column"),
        ((), {"judge": "a,a"}, "named twice"),
        ((), {"judge": "a,h0"}, "as a person and as a judge"),
        ((), {"positive": "unsafe"}, "people's words are"),
        (("--rule", "loudest"), {}, "Unknown rule loudest"),
        (("--threshold", "a"), {}, "JUDGE=NUMBER"),
        (("--cost", "z=1"), {}, "the judges are"),
        (("--over-block", "1.5"), {}, "share above 0"),
        (("--level", "2"), {}, "--level is a confidence"),
        (("--rule", "weighted", "--weight", "a=1.5"), {}, "whole numbers"),
    ],
)  # fmt: skip
def test_wrong_questions_are_told(
    mixed: Path, more: tuple[str, ...], options: dict[str, str], told: str
) -> None:
    with pytest.raises(CommandError, match=told):
        run(mixed, *more, **options)
