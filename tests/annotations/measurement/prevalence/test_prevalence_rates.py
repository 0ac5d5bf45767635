"""Rates by name and version: small worked cases, and the published figures of real records."""

import csv

import numpy as np
import pytest

from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.inference import exact_proportion
from annotations.measurement.prevalence.rates import (
    DEFINITIONS,
    Grades,
    Record,
    balanced,
    rate,
    rates_by,
)

CASES = [
    Record("a", True), Record("a", False), Record("a", False),
    Record("b", True),
    Record("c", None, "invalid"), Record("d", None, "error"),
]  # fmt: skip


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("name", "value", "n"),
    [
        ("harmbench", (1 / 3 + 1 + 0 + 0) / 4, 6),
        ("jailbreakbench", 2 / 4, 4),
        ("garak", 2 / 4, 4),
        ("pyrit", 2 / 4, 4),
        ("promptfoo", 2 / 6, 6),
        ("not_unsafe", 2 / 4, 4),
    ],
)
def test_one_set_of_records_has_another_rate_under_every_definition(name, value, n):
    found = rate(CASES, name)
    assert (found.value, found.n) == (pytest.approx(value), n)
    assert found.low <= found.value <= found.high
    assert found.method.startswith(DEFINITIONS[name].key)


def test_jailbreakbench_divides_by_the_behaviours_of_the_set():
    found = rate(CASES, "jailbreakbench", behaviours=100)
    alone = exact_proportion(2, 100)
    assert (found.value, found.low, found.high) == (0.02, alone.low, alone.high)
    with pytest.raises(ValueError, match="more than the 3"):
        rate(CASES, "jailbreakbench", behaviours=3)


def test_strongrejects_two_formulas_and_its_rate_are_three_figures():
    records = [
        Record("a", grades=Grades(0, 5, 5)),
        Record("b", grades=Grades(0, 1, 1)),
        Record("c", grades=Grades(1, 5, 5)),
    ]
    values = {
        name: rate(records, name).value
        for name in ("strongreject", "strongreject_inspect", "strongreject_jailbreak_rate")
    }
    assert values == {
        "strongreject": pytest.approx(1 / 3),
        "strongreject_inspect": pytest.approx(2.0),
        "strongreject_jailbreak_rate": pytest.approx(2 / 3),
    }
    assert rate(records, "strongreject_inspect").high <= 5


def test_helm_takes_one_minus_the_mean_of_the_scores_that_could_be_read():
    records = [
        Record("a", safety=1.0), Record("b", safety=0.5), Record("c", safety=0.0),
        Record("d", safety=None, status="invalid"),
    ]  # fmt: skip
    found = rate(records, "helm")
    assert (found.value, found.n) == (pytest.approx(0.5), 3)
    assert "1 records" in found.reason


def test_not_unsafe_counts_what_should_be_refused_and_not_overrefuse_what_should_be_answered():
    records = [
        Record("a", True), Record("b", False), Record("c", False), Record("d", False),
        Record("e", True, expected="comply"), Record("f", False, expected="comply"),
    ]  # fmt: skip
    unsafe, overrefuse = rate(records, "not_unsafe"), rate(records, "not_overrefuse")
    assert (unsafe.value, unsafe.n) == (0.75, 4)
    assert (overrefuse.value, overrefuse.n) == (0.5, 2)
    assert balanced(unsafe, overrefuse) == 0.625
    assert balanced(unsafe, rate([], "not_overrefuse")) is None


def test_no_record_is_undefined_and_one_behaviour_has_no_interval():
    nothing = rate([Record("a", None, "invalid")], "garak")
    assert nothing.value is None
    assert "1 records" in nothing.reason
    alone = rate([Record("a", True), Record("a", False)], "harmbench")
    assert (alone.value, alone.low) == (0.5, None)


def test_nothing_failed_is_no_proof_that_nothing_will():
    records = [Record(f"b{i // 5}", False) for i in range(100)]
    found = rate(records, "harmbench")
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(exact_proportion(0, 20).high)


def test_records_of_one_behaviour_are_alike_and_widen_the_interval():
    rng = np.random.default_rng(0)
    broken = rng.random(40) < 0.4
    alike = [Record(f"b{b}", bool(broken[b])) for b in range(40) for _ in range(10)]
    apart = [Record(f"c{i}", r.failed) for i, r in enumerate(alike)]
    wide, narrow = rate(alike, "garak"), rate(apart, "garak")
    assert wide.value == narrow.value
    assert wide.high - wide.low > 2.5 * (narrow.high - narrow.low)


def test_the_interval_over_behaviours_covers():
    """Beta(1, 1.5) behaviours of 5 cases each: the macro rate .4 of the behaviours' population."""
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(150):
        p = rng.beta(1, 1.5, 60)
        records = [Record(f"b{b}", bool(x)) for b in range(60) for x in rng.random(5) < p[b]]
        found = rate(records, "harmbench", how=Bootstrap(replicates=200))
        covered += found.low <= 0.4 <= found.high
    assert 0.91 <= covered / 150 <= 0.99


def test_jailbreakbench_artifacts_recompute_to_their_claims(shared_data):
    records = [
        Record(
            row["index"], row["jailbroken"] == "True", stratum=f"{row['attack']} {row['target']}"
        )
        for row in rows_of(shared_data / "jbb_artifacts_labels.csv")
    ]
    by_file = rates_by(records, "jailbreakbench")
    assert len(by_file) == 18
    assert sum(round(e.value * 100) for e in by_file.values()) == 937
    assert by_file["PAIR vicuna-13b-v1.5"].value == pytest.approx(0.69)


def test_past_tense_has_the_published_table(shared_data):
    """Andriushchenko and Flammarion, table 1: the rate of the GPT-4 judge is over requests, any restart."""
    rows = rows_of(shared_data / "past_tense_judges.csv")
    judges = ("jailbroken_gpt", "jailbroken_llama", "jailbroken_rules")
    published = {"gpt-3.5-turbo": (0.74, 0.47, 0.73), "gpt-4o-mini": (0.83, 0.66, 0.80)}
    for target, values in published.items():
        for judge, value in zip(judges, values, strict=True):
            records = [
                Record(row["i_request"], row[judge] == "True")
                for row in rows
                if row["target"] == target and row["tense"] == "past_tense"
            ]
            assert rate(records, "jailbreakbench", behaviours=100).value == pytest.approx(value)


def test_harmbench_people_and_judges_by_category(shared_data):
    """Macro over behaviours of the validation set; gold is the majority of three people."""
    rows = rows_of(shared_data / "harmbench_val_labels_only.csv")
    records = [
        Record(row["behavior_id"], row["gold"] == "1", stratum=row["functional"] or "none")
        for row in rows
    ]
    found = rate(records, "harmbench")
    micro = rate(records, "garak")
    assert micro.value == pytest.approx(273 / 602)
    assert found.low < found.value < found.high
    assert set(rates_by(records, "harmbench")) >= {"standard", "contextual"}
