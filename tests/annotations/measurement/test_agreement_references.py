"""The literature's worked examples: 159 coefficients of irrCAC, and errors where references differ."""

import csv
import json

import numpy as np
import pytest

from annotations.measurement import analytic, two_raters
from annotations.measurement.agreement import krippendorff_alpha, measure_agreement
from annotations.measurement.contributions import Scoring
from annotations.measurement.ratings import counts_of, ratings_from_codes, read_ratings
from annotations.measurement.weights import agreement_weights

FILES = {
    "raw_4raters": "cac.raw4raters",
    "raw_5observers": "cac.raw5obser",
    "raw_g1g2": "cac.raw.g1g2",
    "raw_gender": "cac.raw.gender",
    "raw_ben_gerry": "cac.ben.gerry",
    "table_cont3x3abstractors": "cont3x3abstractors",
    "table_cont4x4diagnosis": "cont4x4diagnosis",
}
# The weights that irrCAC's own tests call custom; they have a direction.
CUSTOM = {
    5: [
        [1.00, 0.75, 0.50, 0.25, 0.00],
        [0.00, 1.00, 0.75, 0.50, 0.25],
        [0.25, 0.00, 1.00, 0.75, 0.50],
        [0.50, 0.25, 0.00, 1.00, 0.75],
        [0.75, 0.50, 0.25, 0.00, 1.00],
    ],
    4: [
        [1.00, 0.67, 0.33, 0.00],
        [0.00, 1.00, 0.67, 0.33],
        [0.00, 0.00, 1.00, 0.67],
        [0.33, 0.00, 0.00, 1.00],
    ],
    3: [[1.00, 0.50, 0.00], [0.00, 1.00, 0.50], [0.50, 0.00, 1.00]],
}
# For weights with a direction irrCAC in Python sums w over the wrong rater in three errors; R and
# Fleiss, Cohen and Everitt (1969) do as we do. Only these errors, and intervals of them, differ.
WRONG_SIDE = {
    "test_cohen_cont4x4diagnosis_custom_weights",
    "test_krippendorff_cont4x4diagnosis_custom_weights",
    "test_scott_cont4x4diagnosis_custom_weights",
}
ERRORS = {"se", "confidence_interval.0", "confidence_interval.1", "p_value"}
RAW = {
    "bp": analytic.brennan_prediger_error,
    "gwet": analytic.gwet_error,
    "fleiss": analytic.fleiss_error,
    "krippendorff": analytic.alpha_error,
}
TABLE = {
    "bp": two_raters.brennan_prediger_of,
    "gwet": two_raters.gwet_of,
    "scott": two_raters.scott_of,
    "krippendorff": two_raters.alpha_of,
    "pa2": two_raters.percent_of,
    "cohen": two_raters.cohen_of,
}


def rows_of(folder, name):
    with (folder / "irr_golden" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def raw(folder, data):
    rows = rows_of(folder, FILES[data])
    raters = [name for name in rows[0] if name not in ("Unit", "Units", "Group")]
    numbers = data in ("raw_4raters", "raw_5observers")

    def label(text):
        return None if not text.strip() else int(text) if numbers else text.strip()

    labels = [(u, rater, label(row[rater])) for u, row in enumerate(rows) for rater in raters]
    return read_ratings(labels)


def table(folder, data):
    counts = [[int(x) for x in list(row.values())[1:]] for row in rows_of(folder, FILES[data])]
    # irrCAC in Python has this table with rows and columns changed over.
    return np.transpose(counts) if data == "table_cont4x4diagnosis" else np.array(counts)


def measured(folder, case):
    def weights(values):
        own = case["weights"] == "weights"
        return np.array(CUSTOM[len(values)]) if own else agreement_weights(values, case["weights"])

    if case["kind"] == "table":
        counts = table(folder, case["data"])
        values = range(1, len(counts) + 1)
        return TABLE[case["coefficient"]](two_raters.two_raters(counts, weights(values)))
    ratings = raw(folder, case["data"])
    w = np.asarray(weights(ratings.values))
    scoring = Scoring(1 - w, w)
    if case["coefficient"] == "conger":
        return analytic.conger_error(ratings, scoring)
    return RAW[case["coefficient"]](counts_of(ratings), scoring)


def said(case, found):
    low, high = found.interval()
    # irrCAC gives this one p-value one-sided.
    one_sided = case["kind"] == "raw" and case["coefficient"] == "bp"
    return {
        "coefficient_value": found.value,
        "pa": found.agreement,
        "pe": found.chance,
        "se": found.error,
        "confidence_interval.0": low,
        "confidence_interval.1": high,
        "p_value": found.p_value / 2 if one_sided else found.p_value,
    }


def test_every_coefficient_of_irrcac_is_ours_to_the_printed_digits(shared_data):
    cases = json.loads((shared_data / "irr_golden" / "irrcac_py_expected.json").read_text())
    different = []
    for case in cases:
        ours = said(case, measured(shared_data, case))
        for key, expected in case["expected"].items():
            digits = expected["round"] or (5 if key == "p_value" else case["digits"])
            if abs(ours[key] - expected["value"]) > 0.5 * 10**-digits + 1e-9:
                different.append((case["test"], key))

    assert len(cases) == 159
    assert {test for test, _ in different} == WRONG_SIDE
    assert {key for _, key in different} <= ERRORS


@pytest.mark.parametrize("of", [two_raters.cohen_of, two_raters.scott_of, two_raters.alpha_of])
def test_errors_with_directed_weights_are_those_of_the_delta_method(of):
    # Where irrCAC sums over the wrong side: the derivative of the coefficient by each cell decides.
    counts = np.array([[40, 6, 4, 15], [4, 25, 1, 5], [4, 2, 21, 9], [17, 13, 12, 45.0]])
    w, n, step = np.array(CUSTOM[4]), counts.sum(), 1e-4
    slopes = np.zeros_like(counts)
    for cell in np.ndindex(counts.shape):
        values = []
        for sign in (1, -1):
            moved = counts / n
            moved[cell] += sign * step / 2
            pair = two_raters.TwoRaters(moved / moved.sum(), w, int(n))
            values.append(of(pair).value)
        slopes[cell] = (values[0] - values[1]) / step
    p = counts / n
    delta = np.sqrt(((p * slopes**2).sum() - (p * slopes).sum() ** 2) / n)

    tolerance = 5e-3 if of is two_raters.alpha_of else 1e-5  # alpha's is that of Scott's pi
    assert of(two_raters.two_raters(counts, w)).error == pytest.approx(delta, rel=tolerance)


def test_the_published_coefficients_of_the_expected_file_are_ours(shared_data):
    expected = json.loads((shared_data / "expected.json").read_text())["irr_golden"]
    four = raw(shared_data, "raw_4raters")
    found = measure_agreement(four, level="nominal").coefficients
    published = expected["raw4raters"]

    for ours, theirs in (
        ("krippendorff_alpha", "krippendorff_nominal"), ("fleiss_kappa", "fleiss"),
        ("conger_kappa", "conger"), ("gwet_ac1", "AC1"), ("brennan_prediger", "BP"),
        ("percent_agreement", "pa"),
    ):  # fmt: skip
        assert found[ours].value == pytest.approx(published[theirs][0], abs=5e-4)
    scoring = Scoring(1 - np.eye(5), np.eye(5))
    error = analytic.alpha_error(counts_of(four), scoring)
    # R centres on p_a before its small-sample correction: .14548 where Python and we have .14557.
    assert error.error == pytest.approx(published["alpha_se"][0], abs=1e-4)
    # R takes 12 items for the degrees of freedom (.423), Python and we the 11 that can be compared.
    assert error.interval()[0] == pytest.approx(published["alpha_ci_py"][0][0], abs=5e-4)
    gwets = Scoring(1 - agreement_weights(range(1, 6), "ordinal"), np.eye(5))
    assert analytic.alpha_error(counts_of(four), gwets).value == pytest.approx(
        published['irrCAC "ordinal" weights'][0], abs=5e-4
    )


def test_two_abstractors_have_their_published_coefficients(shared_data):
    pair = two_raters.two_raters(table(shared_data, "table_cont3x3abstractors"))
    published = {
        two_raters.cohen_of: 0.7964094, two_raters.scott_of: 0.7962397,
        two_raters.gwet_of: 0.8493305, two_raters.brennan_prediger_of: 0.835,
        two_raters.alpha_of: 0.7972585, two_raters.percent_of: 0.89,
    }  # fmt: skip

    for coefficient, value in published.items():
        assert coefficient(pair).value == pytest.approx(value, abs=5e-8)


def test_ratings_of_anesthesia_have_their_alpha(shared_data):
    rows = rows_of(shared_data, "anesthesia_dawid_skene_1979")
    # A rater rated some items three times: each repeat is a label of its own.
    labels = [(row["item"], n, int(row["rating"])) for n, row in enumerate(rows)]
    counts = counts_of(read_ratings(labels))

    assert krippendorff_alpha(counts).value == pytest.approx(0.5858, abs=5e-5)
    assert krippendorff_alpha(counts, level="ordinal").value == pytest.approx(0.7987, abs=5e-5)


def test_labels_of_one_table_or_one_by_one_give_cohens_kappa(shared_data):
    counts = table(shared_data, "table_cont3x3abstractors")
    rows, columns = np.repeat(np.indices(counts.shape).reshape(2, -1), counts.ravel(), axis=1)
    n = len(rows)
    ratings = ratings_from_codes(
        np.tile(np.arange(n, dtype=np.int32), 2), np.repeat([0, 1], n).astype(np.int32),
        np.concatenate([rows, columns]).astype(np.int32), items=range(n), raters=["a", "b"],
        values=["x", "y", "z"], ordered=True,
    )  # fmt: skip
    found = measure_agreement(ratings).coefficients

    assert found["cohen_kappa"].value == pytest.approx(0.7964094, abs=5e-8)
    assert found["conger_kappa"].value == pytest.approx(found["cohen_kappa"].value)
    assert found["fleiss_kappa"].value == pytest.approx(0.7962397, abs=5e-8)
