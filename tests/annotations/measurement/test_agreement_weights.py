"""Weights and distances of pairs of labels; kappas by each rater's own shares; who is refused."""

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from annotations.measurement.agreement import krippendorff_alpha, measure_agreement
from annotations.measurement.analytic import conger_error, fleiss_error
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.contributions import Scoring
from annotations.measurement.counts import AgreementError, count_values, counts_from_matrix
from annotations.measurement.ratings import counts_of, read_ratings
from annotations.measurement.weights import agreement_weights, check_distances

QUICK = Bootstrap(replicates=60)


def pairs(seed=0, n=90, values=(1, 2, 3, 4)):
    rng = np.random.default_rng(seed)
    first = rng.choice(values, n)
    second = np.where(rng.random(n) < 0.6, first, rng.choice(values, n))
    return first, second


def two(first, second):
    labels = [(u, "ann", int(x)) for u, x in enumerate(first)]
    return labels + [(u, "ben", int(x)) for u, x in enumerate(second)]


@pytest.mark.parametrize(
    ("family", "theirs"), [("identity", None), ("linear", "linear"), ("quadratic", "quadratic")]
)
def test_cohens_kappa_equals_scikit_learns(family, theirs):
    first, second = pairs()
    report = measure_agreement(read_ratings(two(first, second)), weights=family, bootstrap=QUICK)

    found = report.coefficients["cohen_kappa"]
    assert found.value == pytest.approx(cohen_kappa_score(first, second, weights=theirs))
    assert found.low < found.value < found.high


def test_cohens_kappa_takes_the_items_that_both_have_labelled():
    first, second = pairs()
    alone = [(1_000 + u, "ann", 1) for u in range(40)]
    report = measure_agreement(read_ratings(two(first, second) + alone), bootstrap=QUICK)

    assert report.coefficients["cohen_kappa"].value == pytest.approx(
        cohen_kappa_score(first, second)
    )
    assert report.coefficients["cohen_kappa"].n == 90
    assert report.coefficients["conger_kappa"].value != report.coefficients["cohen_kappa"].value


def test_more_than_two_raters_have_congers_kappa_and_not_cohens():
    first, second = pairs()
    labels = two(first, second) + [(u, "cem", int(x)) for u, x in enumerate(first)]
    found = measure_agreement(read_ratings(labels), bootstrap=QUICK).coefficients

    assert found["cohen_kappa"].value is None
    assert "there are 3: Conger's" in found["cohen_kappa"].reason
    assert found["conger_kappa"].low < found["conger_kappa"].value < found["conger_kappa"].high


def test_the_bootstrap_of_conger_and_fleiss_is_as_wide_as_gwets_standard_error_says():
    first, second = pairs(n=400)
    ratings = read_ratings(two(first, second))
    found = measure_agreement(ratings, bootstrap=Bootstrap(replicates=2_000)).coefficients
    scoring = Scoring(None, np.eye(4))

    for name, error in (
        ("conger_kappa", conger_error(ratings, scoring)),
        ("fleiss_kappa", fleiss_error(counts_of(ratings), scoring)),
    ):
        low, high = error.interval()
        assert found[name].value == pytest.approx(error.value)
        assert found[name].high - found[name].low == pytest.approx(high - low, rel=0.1)


def test_congers_interval_is_analytic_where_resampling_is_dear(monkeypatch):
    monkeypatch.setattr("annotations.measurement.own_shares.MAX_CELLS", 10)
    found = measure_agreement(read_ratings(two(*pairs())), bootstrap=QUICK).coefficients

    assert "Gwet's standard error" in found["conger_kappa"].method


def test_quadratic_weights_are_the_interval_level_and_own_distances_are_taken_as_they_are():
    matrix = np.random.default_rng(1).multinomial(4, [0.4, 0.3, 0.2, 0.1], size=60)
    counts = counts_from_matrix(matrix, values=[1, 2, 3, 4])
    x = np.arange(1, 5.0)
    squares = (x[:, None] - x) ** 2

    own = krippendorff_alpha(counts, distances=squares, bootstrap=QUICK)
    level = krippendorff_alpha(counts, level="interval", bootstrap=QUICK)
    quadratic = 1 - agreement_weights([1, 2, 3, 4], "quadratic")
    weighted = krippendorff_alpha(counts, distances=quadratic, bootstrap=QUICK)
    assert own.value == pytest.approx(level.value, abs=1e-12)
    assert weighted.value == pytest.approx(level.value, abs=1e-12)
    assert (own.low, own.high) == pytest.approx((level.low, level.high), abs=1e-12)
    assert own.method.startswith("own distances; ")


def test_weighted_coefficients_are_named_ac2_and_say_their_weights():
    found = measure_agreement(read_ratings(two(*pairs())), weights="linear", bootstrap=QUICK)

    assert "gwet_ac1" not in found.coefficients
    assert found.coefficients["gwet_ac2"].method.startswith("linear weights; ")
    assert found.coefficients["krippendorff_alpha"].method.startswith("nominal level; ")


@pytest.mark.parametrize(
    ("distances", "words"),
    [
        ([[0, 1], [1, 0]], "a row and a column for each of the 4 values"),
        (np.ones((4, 4)), "zero to itself"),
        (np.triu(np.ones((4, 4)), 1), "symmetric"),
        (np.eye(4) * 0 - (1 - np.eye(4)), "zero or a positive number"),
    ],
)
def test_a_table_that_is_no_distance_is_refused(distances, words):
    with pytest.raises(AgreementError, match=words):
        check_distances(distances, [1, 2, 3, 4])


def test_weights_need_an_order_and_ratio_weights_a_zero():
    words = count_values([(1, "a", "x"), (1, "b", "y")])
    with pytest.raises(AgreementError, match="order of the values"):
        measure_agreement(words, weights="linear")
    with pytest.raises(AgreementError, match="values above zero"):
        agreement_weights([0, 1, 2], "ratio")
    with pytest.raises(AgreementError, match="choose one of identity"):
        agreement_weights([1, 2], "cubic")


def test_an_item_has_one_positive_weight():
    with pytest.raises(AgreementError, match="one positive number for each item"):
        counts_from_matrix([[1, 1]], values=["a", "b"], weights=[0])
    with pytest.raises(AgreementError, match="Item 2 has no weight"):
        read_ratings([(1, "a", "x"), (2, "a", "x")], weights={1: 2.0})


def test_labels_with_raters_of_weighted_items_count_like_repeated_items():
    first, second = pairs(n=40)
    weighed = read_ratings(two(first, second), weights={u: 1 + u % 2 for u in range(40)})
    again = [(u + 100 * k, g, x) for u, g, x in two(first, second) for k in range(1 + u % 2)]
    repeated = read_ratings(again)

    ours, theirs = (
        measure_agreement(r, level="interval", bootstrap=QUICK, raters_too=False).coefficients
        for r in (weighed, repeated)
    )
    for name, estimate in ours.items():
        assert estimate.value == pytest.approx(theirs[name].value, abs=1e-12)
    assert "weighted items" in ours["fleiss_kappa"].method


def test_a_constant_rater_and_one_category_are_measured_or_undefined_with_reason():
    first, _ = pairs()
    constant = measure_agreement(read_ratings(two(first, np.ones(90))), bootstrap=QUICK)
    same = measure_agreement(read_ratings(two(np.ones(90), np.ones(90))), bootstrap=QUICK)

    assert constant.coefficients["cohen_kappa"].value == pytest.approx(0, abs=1e-12)
    assert constant.coefficients["krippendorff_alpha"].value < 0
    for name in ("krippendorff_alpha", "fleiss_kappa", "cohen_kappa", "conger_kappa", "gwet_ac1"):
        assert same.coefficients[name].value is None
        assert same.coefficients[name].reason
