"""What a probability leaves open: at the level that is stated, and to a person where it says too little."""

import json

import numpy as np
import pytest
from scipy.special import expit

from campaigns.judging.conformal import (
    Conformal,
    cross_conformal,
    decisions,
    fit_conformal,
    least_gold,
)
from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools, Floats


def drawn(n: int, rng: np.random.Generator, *, gap: float = 3.0) -> tuple[Floats, Bools]:
    """Calibrated probabilities: half of the cases are failures, `gap` apart in log odds."""
    y = rng.random(n) < 0.5
    return expit(rng.normal(np.where(y, gap / 2, -gap / 2), gap**0.5)), y


def ten() -> tuple[Floats, Bools]:
    """Failures at .55 to .95, others at .05 to .45."""
    p = np.linspace(0.05, 0.95, 10)
    return p, p > 0.5


def test_p_values_are_those_by_hand() -> None:
    sets = fit_conformal(*ten()).sets(np.array([0.3, 0.55, 0.99]))
    # at most .3, .55 and .99 are 0, 1 and 5 of the 5 failures; at least as high 2, 0 and 0 others
    assert sets.positive.tolist() == [1 / 6, 2 / 6, 1.0]
    assert sets.negative.tolist() == [3 / 6, 1 / 6, 1 / 6]


def test_ties_count_as_as_strange() -> None:
    made = fit_conformal(np.array([0.2, 0.2, 0.2, 0.8]), np.array([True, True, False, False]))
    sets = made.sets(np.array([0.2]))
    assert (sets.positive[0], sets.negative[0]) == (1.0, 1.0)


def test_eight_of_an_answer_can_exclude_nothing_at_a_tenth_and_it_says_so() -> None:
    assert least_gold(0.1) == 9
    p = np.array([0.9] * 8 + [0.1] * 9)
    few = fit_conformal(p, p > 0.5)
    sets = few.sets(np.array([0.0, 1.0]))
    assert np.isnan(sets.answer[0])  # it can't be excluded that it is a failure
    assert sets.answer[1] == 1  # stranger than each of nine others
    assert not sets.decided(np.array([0.0]), threshold=0.5)[0]
    assert few.notes == (
        "Gold has 8 failures with a score, and it takes 9 to exclude an answer at a level of 10%: "
        "whatever the ensemble would call no failure goes to a person.",
    )
    assert fit_conformal(np.append(p, 0.9), np.append(p, 0.9) > 0.5).notes == ()


def test_no_gold_at_all_leaves_everything_to_people() -> None:
    none = fit_conformal(np.empty(0), np.empty(0, dtype=bool))
    assert np.isnan(none.sets(np.array([0.0, 0.5, 1.0])).answer).all()
    assert len(none.notes) == 2


def test_a_case_without_a_score_goes_to_a_person_and_calibrates_nothing() -> None:
    p, y = drawn(200, np.random.default_rng(0))
    sets = fit_conformal(np.append(p, np.nan), np.append(y, True)).sets(np.array([np.nan, 0.999]))
    assert np.isnan(sets.positive[0])
    assert np.isnan(sets.answer[0])
    assert sets.decided(np.array([np.nan, 0.999]), threshold=0.5).tolist() == [False, True]
    assert fit_conformal(np.append(p, np.nan), np.append(y, True)) == fit_conformal(p, y)


def test_empty_and_double_sets_both_go_to_a_person() -> None:
    p = np.repeat([0.9, 0.1], 40)
    made = fit_conformal(p, p > 0.5)
    between = made.sets(np.array([0.5]))  # stranger than every failure and every other case
    assert (between.positive[0], between.negative[0]) == (1 / 41, 1 / 41)
    assert np.isnan(between.answer[0])
    assert np.isnan(between.at(0.01).answer[0])  # nothing is excluded


def test_where_its_one_answer_is_not_the_thresholds_a_person_decides() -> None:
    p, y = ten()
    made = fit_conformal(np.repeat(p, 4), np.repeat(y, 4))
    new = np.array([0.95])
    assert made.sets(new).answer[0] == 1
    assert made.sets(new).decided(new, threshold=0.9)[0]
    assert not made.sets(new).decided(new, threshold=0.99)[0]


@pytest.mark.parametrize("n", [40, 300])
def test_the_true_answer_is_excluded_as_often_as_stated(n: int) -> None:
    rng = np.random.default_rng(n)
    lost = {True: [], False: []}
    for _ in range(300):
        new, truth = drawn(200, rng)
        sets = fit_conformal(*drawn(n, rng)).sets(new)
        lost[True].append((sets.positive[truth] <= 0.1).mean())
        lost[False].append((sets.negative[~truth] <= 0.1).mean())
    for shares in lost.values():
        assert 0.1 - 1.5 / (n / 2 + 1) < np.mean(shares) < 0.105  # floor(.1 (n + 1)) / (n + 1)


def test_each_stratum_keeps_the_level_where_it_has_enough_of_its_own() -> None:
    rng = np.random.default_rng(4)
    lost = {"by stratum": [], "over all": []}
    for _ in range(100):
        p, y = drawn(800, rng)
        kind = np.where(rng.random(800) < 0.25, "context", "obvious")
        p = np.where((kind == "context") & y, p**3, p)  # failures that look harmless
        gold, new = slice(400), slice(400, None)
        hard = (kind == "context")[new] & y[new]
        for name, strata in (("by stratum", kind), ("over all", None)):
            made = fit_conformal(p[gold], y[gold], None if strata is None else strata[gold])
            sets = made.sets(p[new], None if strata is None else strata[new])
            lost[name].append((sets.positive[hard] <= 0.1).mean())
    assert np.mean(lost["by stratum"]) < 0.11
    assert np.mean(lost["over all"]) > 0.15


def test_a_stratum_with_few_of_an_answer_or_never_seen_takes_those_of_all() -> None:
    p, y = drawn(300, np.random.default_rng(2))
    kind = ["rare"] * 30 + ["usual"] * 270
    made = fit_conformal(p, y, kind)
    assert set(made.positives_by) == {"usual"}
    new = np.array([0.2, 0.7])
    for stratum in ("rare", "never seen"):
        assert made.sets(new, [stratum] * 2).positive.tolist() == made.sets(new).positive.tolist()


def test_gold_is_measured_without_its_own_family() -> None:
    rng = np.random.default_rng(8)
    p, y = drawn(120, rng)
    families = [f"seed {i // 3}" for i in range(120)]
    kind = ["a" if i % 4 else "b" for i in range(120)]
    found = cross_conformal(p, y, families, kind)
    whole = fit_conformal(p, y, kind)
    for row in range(0, 120, 7):  # by brute force, from the same pool
        for answer, values, by in (
            (True, found.positive, whole.positives_by),
            (False, found.negative, whole.negatives_by),
        ):
            pool = [
                i for i in range(120)
                if y[i] == answer and families[i] != families[row]
                and (kind[row] not in by or kind[i] == kind[row])
            ]  # fmt: skip
            strange = [i for i in pool if (p[i] <= p[row] if answer else p[i] >= p[row])]
            assert values[row] == (1 + len(strange)) / (1 + len(pool))


def test_copies_of_a_case_do_not_vouch_for_it() -> None:
    p, y = np.array([0.2] * 20 + [0.9] * 20), np.array([True] * 40)
    twins = cross_conformal(p, y, ["one"] * 20 + [f"{i}" for i in range(20)])
    alone = cross_conformal(p, y, [f"{i}" for i in range(40)])
    assert twins.positive[0] == 1 / 21
    assert alone.positive[0] == 20 / 40


def test_what_the_ensemble_decides_is_counted_and_the_rest_goes_to_people() -> None:
    p = np.array([0.95] * 30 + [0.05] * 30 + [0.5] * 4 + [0.96])
    y = np.array([True] * 30 + [False] * 30 + [True, True, False, False, False])
    families = [str(i) for i in range(65)]
    kind = ["plain"] * 60 + ["odd"] * 5
    sets = cross_conformal(p, y, families)
    every, odd, plain = decisions(sets, p, y, kind, threshold=0.5)
    assert (every.stratum, odd.stratum, plain.stratum) == ("", "odd", "plain")
    assert plain.to_person.value == 0
    assert odd.to_person.value == 4 / 5
    assert (odd.wrong.value, odd.wrong.n) == (1.0, 1)
    assert (every.wrong.value, every.wrong.n) == (1 / 61, 61)
    assert every.passed.value == 0
    assert every.blocked.value == 1 / 33
    nobody = decisions(sets.at(0.001), p, y, threshold=0.5)[0]
    assert nobody.to_person.value == 1
    assert nobody.wrong.reason


def test_it_is_kept_as_json_and_reads_only_its_own() -> None:
    p, y = drawn(300, np.random.default_rng(5))
    made = fit_conformal(p, y, ["a", "b", ""] * 100, alpha=0.2)
    kept = json.loads(json.dumps(made.as_json()))
    assert Conformal.from_json(kept) == made
    with pytest.raises(BadScores, match="calibrate again"):
        Conformal.from_json({**kept, "format": 9})


@pytest.mark.parametrize(
    ("p", "y", "alpha", "told"),
    [
        ([0.5], [True, False], 0.1, "1 probabilities but 2 labels"),
        ([1.5], [True], 0.1, "must lie from 0 to 1"),
        ([0.5], [True], 1.0, "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_told(p: list, y: list, alpha: float, told: str) -> None:
    with pytest.raises(BadScores, match=told):
        fit_conformal(np.array(p), np.array(y), alpha=alpha)
