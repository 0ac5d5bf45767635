"""The bootstrap is exact: the package in a loop over the same resamples gives the same numbers."""

import itertools

import krippendorff
import numpy as np
import pytest

from annotations.measurement import bootstrap as subject
from annotations.measurement.agreement import krippendorff_alpha
from annotations.measurement.bootstrap import Bootstrap, collapse, percentile_interval, resample
from annotations.measurement.coefficients import LEVELS, alpha_statistic, fleiss_statistic
from annotations.measurement.counts import count_values


def noisy_labels(*, items, raters, seed, values=(1, 2, 3, 4), missing=0.2):
    rng = np.random.default_rng(seed)
    truth = rng.choice(values, items)
    return [
        (u, r, int(truth[u] if rng.random() < 0.7 else rng.choice(values)))
        for u, r in itertools.product(range(items), range(raters))
        if rng.random() > missing
    ]


@pytest.mark.parametrize("level", LEVELS)
def test_each_replicate_equals_the_package_on_the_same_resample(level):
    counts = count_values(noisy_labels(items=60, raters=4, seed=1))
    patterns = collapse(counts)
    statistic = alpha_statistic(counts, patterns, level=level)

    for weights in resample(patterns, Bootstrap(replicates=25, seed=2)):
        ours = statistic(weights)
        for row, value in zip(weights.astype(int), ours, strict=True):
            rows = np.repeat(patterns.counts.astype(int), row, axis=0)
            reference = krippendorff.alpha(
                value_counts=rows, value_domain=list(counts.values), level_of_measurement=level
            )
            assert value == pytest.approx(reference, abs=1e-10)


def test_every_resample_has_as_many_items_as_the_data():
    patterns = collapse(count_values(noisy_labels(items=37, raters=3, seed=3)))

    weights = np.concatenate(list(resample(patterns, Bootstrap(replicates=20))))
    assert weights.shape == (20, len(patterns.counts))
    assert (weights.sum(axis=1) == patterns.multiplicity.sum()).all()


def test_patterns_stand_for_rows_drawn_one_by_one():
    counts = count_values(noisy_labels(items=80, raters=3, seed=4))
    found = krippendorff_alpha(counts, bootstrap=Bootstrap(replicates=2_000, seed=5))
    rng = np.random.default_rng(6)
    drawn = [
        krippendorff.alpha(
            value_counts=counts.matrix[rng.integers(0, len(counts.matrix), len(counts.matrix))],
            level_of_measurement="nominal",
        )
        for _ in range(2_000)
    ]

    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)


def test_the_same_seed_gives_the_same_interval_in_chunks_of_any_size(monkeypatch):
    counts = count_values(noisy_labels(items=50, raters=3, seed=7))
    whole = krippendorff_alpha(counts, level="ordinal")
    monkeypatch.setattr(subject, "CHUNK", 100)
    in_pieces = krippendorff_alpha(counts, level="ordinal")

    assert in_pieces.low == pytest.approx(whole.low, abs=1e-12)
    assert in_pieces.high == pytest.approx(whole.high, abs=1e-12)
    assert krippendorff_alpha(counts, bootstrap=Bootstrap(seed=8)).low != whole.low


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # Two values, each rater right with .8: alpha of the population is (2 * .8 - 1)^2 = .36.
    def covers(seed):
        labels = noisy_binary(items=120, raters=2, right=0.8, seed=seed)
        found = krippendorff_alpha(count_values(labels), bootstrap=Bootstrap(replicates=300))
        return found.low <= 0.36 <= found.high

    assert 0.90 <= np.mean([covers(seed) for seed in range(200)]) <= 0.99


def noisy_binary(*, items, raters, right, seed):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, items)
    return [
        (u, r, int(truth[u] if rng.random() < right else 1 - truth[u]))
        for u, r in itertools.product(range(items), range(raters))
    ]


def test_too_many_undefined_resamples_leave_no_interval():
    labels = [(u, r, 1 if u == 0 else 0) for u in range(3) for r in range(2)]

    found = krippendorff_alpha(count_values(labels))
    assert found.value == 1
    assert found.low is None
    assert "the coefficient is undefined: too few items" in found.reason


def test_the_percentiles_are_those_of_the_replicates():
    found = percentile_interval(np.arange(1001) / 1000, point=0.5, n=10, level=0.9)

    assert (found.low, found.high, found.reason) == (pytest.approx(0.05), pytest.approx(0.95), None)


def test_weights_of_one_each_are_the_data_themselves():
    patterns = collapse(count_values(noisy_labels(items=40, raters=3, seed=9, missing=0)))
    one_by_one = subject.Patterns(
        np.repeat(patterns.counts, patterns.multiplicity, axis=0),
        np.ones(patterns.multiplicity.sum(), dtype=np.int64),
    )

    collapsed = fleiss_statistic(patterns)(patterns.multiplicity[None, :].astype(float))
    assert fleiss_statistic(one_by_one)(np.ones((1, 40)))[0] == pytest.approx(
        collapsed[0], abs=1e-12
    )
