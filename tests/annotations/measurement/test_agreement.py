"""Agreement equals its references, says why it is undefined, and refuses what has no meaning."""

import json

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotations.measurement.agreement import (
    agreement_by,
    fleiss_kappa,
    gwet_ac1,
    krippendorff_alpha,
    measure_agreement,
    package_alpha,
    percent_agreement,
    specific_agreement,
)
from annotations.measurement.bootstrap import Bootstrap, items_of, values_of
from annotations.measurement.coefficients import alpha_statistic
from annotations.measurement.contributions import Layout, Scoring, collapse
from annotations.measurement.counts import AgreementError, count_values
from annotations.measurement.weights import LEVELS, agreement_weights, squared_distances

QUICK = Bootstrap(replicates=50)

# The example of Krippendorff (2011), section D: four observers, twelve units, labels missing.
KRIPPENDORFF_2011 = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
    [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
]


def labels_of(raters):
    return [(u, r, label) for r, row in enumerate(raters) for u, label in enumerate(row)]


@pytest.mark.parametrize(
    ("level", "published"),
    [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)],
)
def test_alpha_equals_krippendorffs_worked_example(level, published):
    counts = count_values(labels_of(KRIPPENDORFF_2011))

    assert krippendorff_alpha(counts, level=level).value == pytest.approx(published, abs=5e-4)


def test_kappa_ac1_and_percent_equal_gwets_worked_example_with_missing_labels():
    counts = count_values(labels_of(KRIPPENDORFF_2011))

    assert fleiss_kappa(counts).value == pytest.approx(0.76117, abs=5e-6)
    assert gwet_ac1(counts).value == pytest.approx(0.77544, abs=5e-6)
    assert percent_agreement(counts).value == pytest.approx(0.8181818, abs=5e-8)


@st.composite
def ratings_with_missing_labels(draw):
    n_raters, n_items = draw(st.integers(2, 5)), draw(st.integers(2, 12))
    label = st.sampled_from([None, None, 0, 1, 2, 5, 9.5])
    row = st.lists(label, min_size=n_items, max_size=n_items)
    return draw(st.lists(row, min_size=n_raters, max_size=n_raters))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(raters=ratings_with_missing_labels(), level=st.sampled_from(LEVELS))
def test_our_alpha_equals_the_package_whatever_is_missing(raters, level):
    counts = count_values(labels_of(raters))
    scoring = Scoring(squared_distances(counts.values, level), agreement_weights(counts.values))
    statistic = alpha_statistic(scoring)
    layout = Layout(statistic.needs, len(counts.values))
    items = items_of(collapse(counts), scoring, layout)
    ours = values_of(items.sums(items.whole()), {"alpha": statistic})["alpha"]
    data = np.array([[np.nan if x is None else x for x in row] for row in raters], dtype=float)
    used = {
        x for column in data.T if (~np.isnan(column)).sum() > 1 for x in column[~np.isnan(column)]
    }

    if len(used) < 2:
        assert np.isnan(ours[0])
    else:
        reference = krippendorff.alpha(reliability_data=data, level_of_measurement=level)
        assert ours[0] == pytest.approx(reference, abs=1e-10)
        assert package_alpha(counts, level=level) == pytest.approx(reference, abs=1e-10)


def test_positive_agreement_is_dices_index_for_two_raters():
    both, first_only, second_only, neither = 40, 9, 6, 45
    pairs = [(1, 1)] * both + [(1, 0)] * first_only + [(0, 1)] * second_only + [(0, 0)] * neither
    counts = count_values(labels_of(list(zip(*pairs, strict=True))))

    positive = specific_agreement(counts, value=1)
    assert positive.value == pytest.approx(2 * both / (2 * both + first_only + second_only))
    assert positive.low < positive.value < positive.high
    with pytest.raises(AgreementError, match="not on the scale"):
        specific_agreement(counts, value=2)


def test_rare_positives_ruin_kappa_but_not_ac1():
    # Feinstein and Cicchetti (1990): high agreement, low kappa.
    pairs = [(0, 0)] * 118 + [(1, 0)] * 5 + [(0, 1)] * 2
    report = measure_agreement(count_values(labels_of(list(zip(*pairs, strict=True)))))

    assert report.coefficients["percent_agreement"].value == pytest.approx(0.944)
    assert report.coefficients["fleiss_kappa"].value < 0
    assert report.coefficients["gwet_ac1"].value > 0.93
    assert report.coefficients["specific_agreement:1"].value == 0


def test_perfect_agreement_is_one_and_its_interval_is_not_claimed():
    counts = count_values(labels_of([["a", "b"] * 30, ["a", "b"] * 30]))

    for estimate in (krippendorff_alpha(counts), fleiss_kappa(counts), percent_agreement(counts)):
        assert estimate.value == 1
        assert estimate.low is None
        assert "up to 4.9% of such items could still be split" in estimate.reason


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([], "There are no labels"),
        ([(1, "ann", None), (2, "ben", float("nan"))], "There are no labels"),
        ([(1, "ann", "yes"), (2, "ann", "no")], "Only one rater"),
        ([(1, "ann", "yes"), (2, "ben", "no")], "No item has labels from two raters"),
        ([(1, "ann", "yes"), (1, "ben", "yes")], "Every label that can be compared is 'yes'"),
    ],
)
def test_undefined_is_said_with_its_reason(labels, reason):
    report = measure_agreement(count_values(labels), bootstrap=QUICK)

    alpha = report.coefficients["krippendorff_alpha"]
    assert (alpha.value, alpha.low, alpha.high) == (None, None, None)
    assert reason in alpha.reason
    json.dumps(report.as_json(), allow_nan=False)


def test_all_labels_equal_leaves_percent_agreement_defined():
    report = measure_agreement(count_values(labels_of([["safe"] * 20] * 2)), bootstrap=QUICK)

    assert report.coefficients["fleiss_kappa"].value is None
    assert report.coefficients["percent_agreement"].value == 1


def test_zero_is_a_label_and_a_missing_label_is_not():
    counts = count_values([("x", "ann", 0), ("x", "ben", 0), ("y", "ann", None), ("y", "ben", 1)])

    assert (counts.n_items, counts.n_paired, counts.n_labels) == (2, 1, 3)
    assert counts.values == (0, 1)


def test_a_rater_with_two_labels_on_an_item_is_refused():
    with pytest.raises(AgreementError, match="two labels for item 7"):
        count_values([(7, "ann", "yes"), (7, "ann", "no")])


def test_ordinal_needs_an_order_and_takes_a_given_one():
    labels = labels_of([["low", "high", "mid", "mid"], ["low", "high", "high", "mid"]])
    with pytest.raises(AgreementError, match="order of the values"):
        krippendorff_alpha(count_values(labels), level="ordinal")

    counts = count_values(labels, values=["low", "mid", "high"])
    same = count_values(labels_of([[1, 3, 2, 2], [1, 3, 3, 2]]))
    words, numbers = (krippendorff_alpha(c, level="ordinal").value for c in (counts, same))
    assert words == numbers


@pytest.mark.parametrize(
    ("labels", "level", "message"),
    [
        (["a", "b"], "interval", "needs numbers"),
        ([-1, 2], "ratio", "negative labels need the interval level"),
        (["a", "b"], "cardinal", "choose one of nominal"),
    ],
)
def test_a_level_that_does_not_fit_the_labels_is_refused(labels, level, message):
    counts = count_values(labels_of([labels, labels]))

    with pytest.raises(AgreementError, match=message):
        krippendorff_alpha(counts, level=level)


def test_a_label_off_the_scale_and_a_column_of_texts_are_refused():
    with pytest.raises(AgreementError, match="not on the scale: 'maybe'"):
        count_values([(1, "ann", "maybe")], values=["no", "yes"])
    with pytest.raises(AgreementError, match="not one with texts"):
        count_values((u, "ann", f"answer {u}") for u in range(1_001))


def test_strata_share_one_scale_and_keep_their_order():
    rows = [("b", u, r, "yes" if u % 2 else "no") for u in range(6) for r in ("ann", "ben")]
    rows += [("a", u, r, "maybe" if u == r else "no") for u in range(6) for r in (0, 1)]

    reports = agreement_by(rows, bootstrap=QUICK)

    assert list(reports) == ["b", "a"]
    assert reports["b"].coefficients["krippendorff_alpha"].value == 1
    assert reports["a"].coefficients["krippendorff_alpha"].value < 0
    assert reports["b"].coefficients["specific_agreement:maybe"].value is None


def test_the_report_as_json_has_its_four_keys():
    report = measure_agreement(count_values(labels_of(KRIPPENDORFF_2011)), bootstrap=QUICK)

    said = report.as_json()
    assert set(said) == {"n_items", "n_raters", "n_labels", "coefficients"}
    assert (said["n_items"], said["n_raters"], said["n_labels"]) == (12, 4, 41)
    alpha = said["coefficients"]["krippendorff_alpha"]
    assert alpha["low"] < alpha["value"] < alpha["high"]
    assert alpha["n"] == 11
