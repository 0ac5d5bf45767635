"""Intervals for other raters: the same sums in both forms, self-pairs left out, coverage simulated."""

import itertools

import numpy as np
import pytest

from annotations.measurement.agreement import measure_agreement
from annotations.measurement.bootstrap import Bootstrap, items_of, values_of
from annotations.measurement.coefficients import (
    alpha_statistic,
    fleiss_statistic,
    gwet_statistic,
    percent_statistic,
    specific_statistic,
)
from annotations.measurement.contributions import Layout, Scoring, Tally, collapse, union
from annotations.measurement.over_raters import JACKKNIFE, jackknife, over_raters
from annotations.measurement.rater_bootstrap import SUMS, Strip, replicate_over_raters
from annotations.measurement.ratings import counts_of, read_ratings
from annotations.measurement.weights import agreement_weights, squared_distances

VALUES = (1, 2, 3)


def scored(level="nominal"):
    return Scoring(squared_distances(VALUES, level), agreement_weights(VALUES, "linear"))


def every_statistic(scoring):
    return {
        "alpha": alpha_statistic(scoring),
        "fleiss": fleiss_statistic(scoring),
        "gwet": gwet_statistic(scoring),
        "percent": percent_statistic(scoring),
        "specific": specific_statistic(1),
    }


def noisy(*, items, raters, seed, missing=0.0, right=0.7):
    rng = np.random.default_rng(seed)
    truth = rng.choice(VALUES, items)
    labels = [
        (u, g, int(truth[u] if rng.random() < right else rng.choice(VALUES)))
        for u, g in itertools.product(range(items), range(raters))
        if rng.random() >= missing
    ]
    return read_ratings(labels, values=VALUES)


def value_of(ratings, scoring, statistics):
    layout = Layout(union([s.needs for s in statistics.values()]), len(VALUES))
    items = items_of(collapse(counts_of(ratings)), scoring, layout)
    return {name: v[0] for name, v in values_of(items.sums(items.whole()), statistics).items()}


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_sums_under_drawn_raters_are_the_columns_of_the_items_times_their_weights(level):
    rng = np.random.default_rng(1)
    scoring = scored(level)
    k = rng.multinomial(4, np.full(4, 1 / 4), size=2)  # two resamples of four raters
    said = rng.integers(0, 4, (6, 4))  # six items; 3 is no label
    n = np.array([[((said == v) * row).sum(axis=1) for v in range(3)] for row in k], np.float32)
    q = np.array([[((said == v) * row**2).sum(axis=1) for v in range(3)] for row in k], np.float32)
    w = rng.integers(0, 3, (2, 6)).astype(np.float32)
    layout = Layout(tuple(SUMS), len(VALUES))

    in_one = np.concatenate([SUMS[b](Strip(n, q, w), scoring) for b in layout.blocks], axis=1)
    for b in range(2):
        each = layout.of(Tally(n[b].astype(float), q[b].astype(float)), scoring)
        assert in_one[b] == pytest.approx(each @ w[b], abs=1e-5)


def test_a_rater_drawn_twice_agrees_with_nobody_more_often():
    # Two raters who never agree, each drawn three times: leaving self-pairs in would say .4.
    drawn = np.array([[[3.0], [3.0]]], np.float32)
    strip = Strip(drawn, drawn**2, np.ones((1, 1), np.float32))

    assert SUMS["agreeing"](strip, Scoring(None, np.eye(2)))[0, 0] == 0
    assert SUMS["totals"](strip, Scoring(None, np.eye(2)))[0] == pytest.approx([3, 3])


@pytest.mark.parametrize("missing", [0.2, 0.87])
def test_resamples_centre_on_the_value_and_the_same_seed_repeats_them(missing):
    ratings, scoring = noisy(items=1_500, raters=12, seed=2, missing=missing), scored()
    statistics = every_statistic(scoring)
    how = Bootstrap(replicates=120, seed=3)
    drawn = replicate_over_raters(ratings, scoring, statistics, how)
    again = replicate_over_raters(ratings, scoring, statistics, how)

    for name, value in value_of(ratings, scoring, statistics).items():
        assert np.nanmean(drawn[name]) == pytest.approx(value, abs=0.03)
        np.testing.assert_array_equal(drawn[name], again[name])


def test_the_jackknife_leaves_out_raters_items_and_labels_one_by_one():
    ratings, scoring = noisy(items=15, raters=4, seed=4, missing=0.15), scored("ordinal")
    statistics = every_statistic(scoring)
    found = jackknife(ratings, scoring, statistics)
    rows = list(zip(ratings.item, ratings.rater, ratings.value, strict=True))
    whole = value_of(ratings, scoring, statistics)

    def squares(left_out):
        total = dict.fromkeys(statistics, 0.0)
        for out in left_out:
            kept = [(u, g, VALUES[v]) for u, g, v in rows if not out(u, g)]
            without = value_of(read_ratings(kept, values=VALUES), scoring, statistics)
            for name in statistics:
                total[name] += (without[name] - whole[name]) ** 2
        return total

    raters = squares([lambda u, g, r=r: g == r for r in range(4)])
    items = squares([lambda u, g, i=i: u == i for i in range(15)])
    labels = squares([lambda u, g, a=u0, b=g0: (u, g) == (a, b) for u0, g0, _ in rows])
    for name, one in found.items():
        assert one.value == pytest.approx(whole[name], abs=1e-12)
        assert one.over_raters == pytest.approx(raters[name] * 3 / 4, rel=1e-8)
        assert one.over_items == pytest.approx(items[name] * 14 / 15, rel=1e-8)
        assert one.over_labels == pytest.approx(labels[name], rel=1e-8)


def test_few_labels_an_item_or_three_raters_take_the_jackknife_and_two_take_none():
    scoring = scored()
    asked, how = {"alpha": alpha_statistic(scoring)}, Bootstrap(replicates=50)

    def method(**kind):
        found = over_raters(noisy(items=60, seed=5, **kind), scoring, asked, how)
        return found["alpha"].method if found else None

    assert "bootstrap over items and raters, 50 resamples" in method(raters=6)
    assert method(raters=6, missing=0.7) == JACKKNIFE
    assert method(raters=3) == JACKKNIFE
    assert method(raters=2) is None


def test_a_report_says_both_intervals_and_whom_each_speaks_of():
    report = measure_agreement(noisy(items=80, raters=6, seed=6), bootstrap=Bootstrap(200))
    said = report.as_json()["coefficients"]["krippendorff_alpha"]

    assert "for these raters" in said["method"]
    assert "for other items and other raters like these" in said["over_raters"]["method"]
    assert said["over_raters"]["low"] < said["low"] < said["high"] < said["over_raters"]["high"]
    bare = measure_agreement(noisy(items=80, raters=6, seed=6), raters_too=False)
    assert "over_raters" not in bare.as_json()["coefficients"]["krippendorff_alpha"]


@pytest.mark.parametrize(("raters", "missing"), [(6, 0.0), (20, 0.85)])
def test_other_raters_intervals_cover_a_pool_of_raters_of_uneven_skill(raters, missing):
    # Rater g is right with c_g, uniform on (.3, 1); else any of three values. For two raters
    # P(same) = c c' + (1 - c c') / 3 on average over pairs: alpha = E[c]^2 = .4225.
    def covers(seed):
        rng = np.random.default_rng(seed)
        skill = rng.uniform(0.3, 1.0, raters)
        truth = rng.choice(VALUES, 120)
        labels = [
            (u, g, int(truth[u] if rng.random() < skill[g] else rng.choice(VALUES)))
            for u, g in itertools.product(range(120), range(raters))
            if rng.random() >= missing
        ]
        scoring = scored()
        asked = {"alpha": alpha_statistic(scoring)}
        ratings = read_ratings(labels, values=VALUES)
        found = over_raters(ratings, scoring, asked, Bootstrap(200, seed))["alpha"]
        return found.low <= 0.4225 <= found.high

    assert 0.90 <= np.mean([covers(seed) for seed in range(60)]) <= 1.0
