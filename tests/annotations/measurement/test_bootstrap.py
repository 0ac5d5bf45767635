"""The bootstrap is exact: the package in a loop over the same resamples gives the same numbers."""

import itertools

import krippendorff
import numpy as np
import pytest
from scipy import stats

from annotations.measurement import bootstrap as subject
from annotations.measurement.agreement import krippendorff_alpha
from annotations.measurement.bootstrap import (
    Bootstrap,
    draw,
    draw_items,
    items_of,
    percentile_interval,
    replicate,
    values_of,
)
from annotations.measurement.coefficients import alpha_statistic, fleiss_statistic
from annotations.measurement.contributions import Layout, Patterns, Scoring, collapse
from annotations.measurement.counts import count_values, counts_from_matrix
from annotations.measurement.weights import LEVELS, agreement_weights, squared_distances


def noisy_labels(*, items, raters, seed, values=(1, 2, 3, 4), missing=0.2):
    rng = np.random.default_rng(seed)
    truth = rng.choice(values, items)
    return [
        (u, r, int(truth[u] if rng.random() < 0.7 else rng.choice(values)))
        for u, r in itertools.product(range(items), range(raters))
        if rng.random() > missing
    ]


def scored(counts, *, level="nominal", statistic=alpha_statistic):
    """The items of these labels and the one statistic that is asked of them."""
    scoring = Scoring(squared_distances(counts.values, level), agreement_weights(counts.values))
    asked = {"asked": statistic(scoring)}
    layout = Layout(asked["asked"].needs, len(counts.values))
    return items_of(collapse(counts), scoring, layout), asked


@pytest.mark.parametrize("level", LEVELS)
def test_each_replicate_equals_the_package_on_the_same_resample(level):
    counts = count_values(noisy_labels(items=60, raters=4, seed=1))
    items, asked = scored(counts, level=level)
    patterns = collapse(counts)
    weights = draw(items.multiplicity, 25, np.random.default_rng(2))
    ours = values_of(items.sums(weights @ items.columns(0, len(weights[0]))), asked)["asked"]

    for row, value in zip(weights, ours, strict=True):
        rows = np.repeat(patterns.counts.astype(int), row, axis=0)
        reference = krippendorff.alpha(
            value_counts=rows, value_domain=list(counts.values), level_of_measurement=level
        )
        assert value == pytest.approx(reference, abs=1e-10)


def test_every_resample_has_as_many_items_as_the_data():
    patterns = collapse(count_values(noisy_labels(items=37, raters=3, seed=3)))
    few = draw(patterns.multiplicity, 20, np.random.default_rng(0))
    many = draw_items(1_001, 40, np.random.default_rng(0))

    assert few.shape == (20, len(patterns.counts))
    assert (few.sum(axis=1) == patterns.n_items).all()
    assert many.shape == (40, 1_001)
    assert (many.sum(axis=1, dtype=int) == 1_001).all()


def test_items_drawn_as_topped_up_poisson_counts_are_multinomial():
    n, size = 601, 4_000
    drawn = draw_items(n, size, np.random.default_rng(4)).astype(int)

    # Of one item: binomial(n, 1/n); of two: covariance -1/n; none is drawn more often than another.
    seen = np.bincount(drawn.ravel(), minlength=8)[:8]
    expected = stats.binom.pmf(np.arange(8), n, 1 / n) * n * size
    assert (np.abs(seen - expected) < 5 * np.sqrt(expected)).all()
    of_items = drawn.sum(axis=0)
    spread = ((of_items - size) ** 2 / (size * (1 - 1 / n))).sum()
    assert stats.chi2.sf(spread, n - 1) > 1e-3
    halves = drawn[:, : n // 2].sum(axis=1)
    share = (n // 2) / n
    assert halves.mean() == pytest.approx(n * share, abs=5 * np.sqrt(n * share / 2 / size))
    assert halves.var() == pytest.approx(n * share * (1 - share), rel=0.1)


def test_rows_as_they_are_and_patterns_give_the_same_interval(monkeypatch):
    counts = count_values(noisy_labels(items=700, raters=3, seed=11))
    how = Bootstrap(replicates=6_000)  # an end is then known to .0012, one standard error
    collapsed = krippendorff_alpha(counts, level="ordinal", bootstrap=how)
    monkeypatch.setattr("annotations.measurement.contributions.FEW", 0)
    monkeypatch.setattr("annotations.measurement.contributions.WORTH_COLLAPSING", 1_000)
    one_by_one = krippendorff_alpha(counts, level="ordinal", bootstrap=how)

    assert one_by_one.value == collapsed.value
    assert one_by_one.low == pytest.approx(collapsed.low, abs=0.006)
    assert one_by_one.high == pytest.approx(collapsed.high, abs=0.006)


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


def test_the_same_seed_gives_the_same_interval_in_strips_and_threads_of_any_number(monkeypatch):
    counts = count_values(noisy_labels(items=700, raters=5, seed=7, values=range(6)))
    whole = krippendorff_alpha(counts, level="ordinal")
    monkeypatch.setattr(subject, "STRIP", 100)
    monkeypatch.setattr(subject, "CHUNK", 100)
    in_pieces = krippendorff_alpha(counts, level="ordinal")
    monkeypatch.setattr(subject, "WORTH_THREADS", 0)
    in_threads = krippendorff_alpha(counts, level="ordinal")

    assert in_pieces.low == pytest.approx(whole.low, abs=1e-12)
    assert in_pieces.high == pytest.approx(whole.high, abs=1e-12)
    assert in_threads.low == pytest.approx(whole.low, abs=1e-6)  # in single precision
    assert in_threads.high == pytest.approx(whole.high, abs=1e-6)
    assert krippendorff_alpha(counts, level="ordinal", bootstrap=Bootstrap(seed=8)).low != whole.low


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


def test_an_item_of_weight_two_counts_like_two_items():
    matrix = [[3, 0, 1], [1, 2, 1], [0, 4, 0], [2, 0, 2], [0, 1, 3]]
    weights = [1, 2, 1, 3, 1]
    weighed = counts_from_matrix(matrix, values=[1, 2, 3], weights=weights)
    repeated = counts_from_matrix(np.repeat(matrix, weights, axis=0), values=[1, 2, 3])

    for level in LEVELS:
        ours, package = (krippendorff_alpha(c, level=level).value for c in (weighed, repeated))
        assert ours == pytest.approx(package, abs=1e-12)


def test_one_by_one_or_as_patterns_the_data_have_the_same_sums():
    counts = count_values(noisy_labels(items=40, raters=3, seed=9, missing=0))
    items, asked = scored(counts, statistic=fleiss_statistic)
    patterns = collapse(counts)
    one_by_one = Patterns(
        np.repeat(patterns.counts, patterns.multiplicity, axis=0),
        np.ones(patterns.n_items, dtype=np.int64),
        np.ones(patterns.n_items),
        np.arange(patterns.n_items),
    )
    scoring = Scoring(None, agreement_weights(counts.values))
    rows = items_of(one_by_one, scoring, Layout(asked["asked"].needs, len(counts.values)))

    assert rows.whole() == pytest.approx(items.whole(), abs=1e-12)
    assert len(replicate(rows, asked, Bootstrap(replicates=7))["asked"]) == 7
