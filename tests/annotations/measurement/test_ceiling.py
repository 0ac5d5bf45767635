"""Judges against the human ceiling: published figures, and the edges."""

import csv
from pathlib import Path

import pytest

from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.ceiling import PERSON, human_ceiling

FEW = Bootstrap(replicates=200)


def harmbench(shared_data: Path, kind: str) -> list[dict[str, str]]:
    with (shared_data / "harmbench_val_labels_only.csv").open(newline="") as file:
        return [row for row in csv.DictReader(file) if row["functional"] == kind]


def answers(rows: list[dict[str, str]]) -> dict[str, list[bool]]:
    return {row["item"]: [row[f"human_{r}"] == "1" for r in range(3)] for row in rows}


@pytest.mark.parametrize(
    ("kind", "caught", "flagged"), [("standard", 0.92, 0.034), ("contextual", 0.845, 0.072)]
)
def test_one_person_on_harmbench_is_as_right_as_was_counted_before(
    shared_data: Path, kind: str, caught: float, flagged: float
) -> None:
    found = human_ceiling(answers(harmbench(shared_data, kind)), {}, how=FEW)[0]
    assert found.name == PERSON
    assert found.evasion.value == pytest.approx(1 - caught, abs=0.003)
    assert found.over_block.value == pytest.approx(flagged, abs=0.002)


def test_a_judge_is_held_against_what_the_people_are_held_against(shared_data: Path) -> None:
    rows = harmbench(shared_data, "standard")
    judge = {row["item"]: row["llama_guard"] == "1" for row in rows}
    person, guard = human_ceiling(answers(rows), {"llama_guard": judge}, how=FEW)
    assert guard.evasion.low > person.evasion.high  # it misses far more than a person does


def test_a_judge_that_says_what_the_others_say_makes_no_error() -> None:
    people = {"a": [True, True, True], "b": [False, False, False], "c": [True, True, False]}
    judge = {"a": True, "b": False, "c": True}
    person, same = human_ceiling(people, {"same": judge}, how=FEW)
    assert (same.evasion.value, same.over_block.value) == (0.0, 0.0)
    # Of the split case only the one whose two others agree is held against anybody.
    assert person.evasion.value == pytest.approx(1 / 4)
    assert person.over_block.value == 0.0


def test_with_two_people_or_a_tie_nobody_can_be_held_against_the_others() -> None:
    for people in ({"a": [True, False]}, {"a": []}, {}):
        found = human_ceiling(people, {}, how=FEW)[0]
        assert found.evasion.value is None
        assert "three people" in (found.evasion.reason or "")


def test_an_item_that_a_judge_did_not_answer_does_not_count_for_it() -> None:
    people = {"a": [True] * 3, "b": [True] * 3}
    _, judge = human_ceiling(people, {"lazy": {"a": True}}, how=FEW)
    assert (judge.evasion.value, judge.evasion.n) == (0.0, 1)
