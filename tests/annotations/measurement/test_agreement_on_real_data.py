"""The agreement that published data sets are known to have; skipped where the data are absent."""

import csv

import krippendorff
import numpy as np
import pytest

from annotations.measurement.aggregation import aggregate
from annotations.measurement.agreement import agreement_by, krippendorff_alpha, measure_agreement
from annotations.measurement.bootstrap import items_of, values_of
from annotations.measurement.coefficients import alpha_statistic
from annotations.measurement.contributions import Layout, Scoring, collapse
from annotations.measurement.counts import count_values, counts_from_matrix
from annotations.measurement.weights import squared_distances


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_harmbench(folder):
    for row in rows_of(folder / "harmbench_val_labels_only.csv"):
        for rater in ("human_0", "human_1", "human_2"):
            yield (row["item"], row["model"], row["method"]), rater, row[rater]


def read_xstest(folder):
    for row in rows_of(folder / "xstest_annotated.csv"):
        for rater in ("annotation_1", "annotation_2"):
            yield (row["id"], row["model"]), rater, row[rater]


def read_dices(folder):
    for row in rows_of(folder / "dices350_long.csv"):
        yield row["item"], row["rater"], row["label"]


@pytest.mark.parametrize("level", ["nominal", "ordinal"])
@pytest.mark.parametrize("read", [read_harmbench, read_xstest, read_dices])
def test_our_own_alpha_is_the_packages_on_published_data(shared_data, read, level):
    labels = list(read(shared_data))
    counts = count_values(labels, values=sorted({label for _, _, label in labels if label}))
    scoring = Scoring(squared_distances(counts.values, level), np.eye(len(counts.values)))
    statistic = alpha_statistic(scoring)
    items = items_of(collapse(counts), scoring, Layout(statistic.needs, len(counts.values)))
    ours = values_of(items.sums(items.whole()), {"alpha": statistic})["alpha"][0]

    package = krippendorff.alpha(
        value_counts=counts.matrix,
        value_domain=list(range(len(counts.values))),
        level_of_measurement=level,
    )
    assert ours == pytest.approx(package, abs=1e-10)


def test_xstest_has_its_alpha_and_the_published_kappa_of_each_model(shared_data):
    rows = rows_of(shared_data / "xstest_annotated.csv")
    labels = [
        (row["model"], (row["id"], row["model"]), rater, row[rater])
        for row in rows
        for rater in ("annotation_1", "annotation_2")
    ]
    overall = krippendorff_alpha(count_values(label[1:] for label in labels))
    by_model = agreement_by(labels)

    assert overall.value == pytest.approx(0.9365, abs=5e-5)
    assert overall.n == 2250
    kappas = {m: round(r.coefficients["fleiss_kappa"].value, 4) for m, r in by_model.items()}
    assert kappas == {
        "llama2orig": 0.9293,
        "llama2new": 0.9258,
        "mistralinstruct": 0.9195,
        "mistralguard": 0.8923,
        "gpt4": 0.9701,
    }


def test_harmbench_people_agree_more_on_standard_than_on_contextual_behaviours(shared_data):
    rows = rows_of(shared_data / "harmbench_val_labels_only.csv")
    labels = [
        (row["functional"], (row["item"], row["model"], row["method"]), rater, row[rater])
        for row in rows
        for rater in ("human_0", "human_1", "human_2")
    ]
    by_kind = agreement_by(labels)

    overall = krippendorff_alpha(count_values(label[1:] for label in labels))
    assert overall.value == pytest.approx(0.7437, abs=5e-5)
    assert by_kind["standard"].coefficients["krippendorff_alpha"].value == pytest.approx(
        0.7997, abs=5e-5
    )
    assert by_kind["contextual"].coefficients["krippendorff_alpha"].value == pytest.approx(
        0.6368, abs=5e-5
    )


def test_dices_has_its_published_alpha_majorities_and_ties(shared_data):
    labels = [
        (row["item"], row["rater"], row["label"])
        for row in rows_of(shared_data / "dices350_long.csv")
    ]
    counts = count_values(labels, values=["No", "Unsure", "Yes"])
    majorities = [found.majority for found in aggregate(labels).values()]

    assert krippendorff_alpha(counts).value == pytest.approx(0.16086021565770392, abs=1e-12)
    assert krippendorff_alpha(counts, level="ordinal").value == pytest.approx(0.191, abs=5e-4)
    assert {w: majorities.count(w) for w in ("No", "Yes", None)} == {"No": 269, "Yes": 79, None: 2}


@pytest.mark.parametrize(
    ("level", "expected"), [("nominal", 0.743), ("ordinal", 0.8154), ("ratio", 0.797)]
)
def test_gwets_four_raters_have_their_published_coefficients(shared_data, level, expected):
    rows = rows_of(shared_data / "irr_golden" / "cac.raw4raters.csv")
    labels = [
        (row["Units"], rater, int(row[rater]) if row[rater] else None)
        for row in rows
        for rater in ("Rater1", "Rater2", "Rater3", "Rater4")
    ]
    found = measure_agreement(count_values(labels), level=level).coefficients

    assert found["krippendorff_alpha"].value == pytest.approx(expected, abs=5e-4)
    assert found["fleiss_kappa"].value == pytest.approx(0.76117, abs=5e-6)
    assert found["gwet_ac1"].value == pytest.approx(0.77544, abs=5e-6)


@pytest.mark.parametrize(
    ("file", "kappa", "ac1", "alpha"),
    [("cac.raw5obser", 0.458, 0.497, 0.481), ("cac.raw.gender", 0.129, 0.208, 0.143)],
)
def test_other_worked_examples_equal_irrcac(shared_data, file, kappa, ac1, alpha):
    rows = rows_of(shared_data / "irr_golden" / f"{file}.csv")
    raters = [name for name in rows[0] if name not in ("Unit", "Group")]
    labels = [(u, rater, row[rater] or None) for u, row in enumerate(rows) for rater in raters]
    found = measure_agreement(count_values(labels)).coefficients

    assert found["fleiss_kappa"].value == pytest.approx(kappa, abs=5e-4)
    assert found["gwet_ac1"].value == pytest.approx(ac1, abs=5e-4)
    assert found["krippendorff_alpha"].value == pytest.approx(alpha, abs=5e-4)


def test_six_raters_on_a_table_of_counts_have_their_published_coefficients(shared_data):
    rows = rows_of(shared_data / "irr_golden" / "distrib.6raters.csv")
    values = list(rows[0])[1:]
    matrix = [[int(row[value]) for value in values] for row in rows]
    found = measure_agreement(counts_from_matrix(matrix, values=values)).coefficients

    assert found["gwet_ac1"].value == pytest.approx(0.4448007, abs=5e-8)
    assert found["fleiss_kappa"].value == pytest.approx(0.4139265, abs=5e-8)
    assert found["krippendorff_alpha"].value == pytest.approx(0.4204384, abs=5e-8)
