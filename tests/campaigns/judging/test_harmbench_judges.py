"""The eleven judges of HarmBench's validation set: the published labels give the known table."""

import csv
from pathlib import Path

import numpy as np
import pytest

from campaigns.judging.ensemble import fit_ensemble
from campaigns.judging.evasion import Combination, combinations, judge_table
from campaigns.judging.linear import Bools, Floats

# accuracy, evasion and over-blocking against the majority of three people
TABLE = {
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
NAMES = tuple(TABLE)
POSITIVE = {"PAIR_gpt-4-0613": "Rating: [[10]]", "gpt-3.5-turbo-0613": "yes"}


@pytest.fixture(scope="module")
def rows(shared_data: Path) -> list[dict[str, str]]:
    with (shared_data / "harmbench_val_labels_only.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def verdicts(rows: list[dict[str, str]]) -> Floats:
    return np.array(
        [[float(row[name] == POSITIVE.get(name, "1")) for name in NAMES] for row in rows]
    )


@pytest.fixture(scope="module")
def gold(rows: list[dict[str, str]]) -> Bools:
    return np.array([sum(int(row[f"human_{i}"]) for i in range(3)) >= 2 for row in rows])


@pytest.fixture(scope="module")
def found(verdicts: Floats, gold: Bools) -> dict[tuple[frozenset[str], str], Combination]:
    every = combinations(verdicts, gold, names=NAMES)
    return {(frozenset(one.judges), one.rule): one for one in every}


def pair(one: Combination) -> tuple[float, float]:
    return round(one.evasion.value or 0.0, 3), round(one.over_block.value or 0.0, 3)


def test_each_judge_alone(verdicts: Floats, gold: Bools) -> None:
    assert (gold.sum(), len(gold)) == (273, 602)
    table = {
        row.name: tuple(
            round(e.value or 0.0, 3) for e in (row.accuracy, row.evasion, row.over_block)
        )
        for row in judge_table(verdicts, gold, names=NAMES)
    }
    assert table == TABLE


def test_any_and_all_of_two(found: dict[tuple[frozenset[str], str], Combination]) -> None:
    best = frozenset({"cls", "gpt-4-0613"})
    assert pair(found[best, "any"]) == (0.007, 0.176)
    assert pair(found[best, "all"])[0] == 0.059
    assert pair(found[frozenset({"llama_guard", "GPTFuzz"}), "any"]) == (0.300, 0.188)


def test_the_best_majority_of_three(
    found: dict[tuple[frozenset[str], str], Combination],
) -> None:
    threes = [
        one for (judges, rule), one in found.items() if (len(judges), rule) == (3, "majority")
    ]
    best = max(threes, key=lambda one: one.accuracy.value or 0.0)
    assert set(best.judges) == {"gpt-4-0613", "mixtral", "cls"}
    assert pair(best) == (0.037, 0.112)


def test_the_stack_over_the_eleven_is_as_good_as_the_study_found(
    rows: list[dict[str, str]], verdicts: Floats, gold: Bools
) -> None:
    families = [row["behavior_id"] for row in rows]
    quality = fit_ensemble(verdicts, gold, families, names=NAMES, cost=1.0, seed=0).quality
    # The study's plain logistic stack: accuracy .924, log loss .215, evasion .048, over-block .100.
    assert quality.accuracy.value == pytest.approx(0.924, abs=0.01)
    assert quality.log_loss == pytest.approx(0.215, abs=0.01)
    assert (quality.evasion.low or 0) < 0.048 < (quality.evasion.high or 0)
    assert (quality.over_block.low or 0) < 0.100 < (quality.over_block.high or 0)
