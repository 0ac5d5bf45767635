"""Published crowds: errors that the literature has, and the choice beside them; skipped where absent.

The limits are the best of majority, Dawid-Skene, GLAD and MACE for each set plus half a point:
`expected.json`, the table of crowd-kit's paper, and crowd-kit 1.4.1 run beside ours.
"""

import csv

import numpy as np
import pytest

from annotations.measurement.aggregation.answers import code_gold, error
from annotations.measurement.aggregation.choice import choose
from annotations.measurement.aggregation.dawid_skene import dawid_skene
from annotations.measurement.aggregation.labels import code_labels
from annotations.measurement.aggregation.majority import majority

ANESTHESIA_PRIOR = [0.40, 0.42, 0.11, 0.07]


def crowd(path):
    """Labels and gold (N,) of a file of item, rater, label, gold."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = code_labels((row["item"], row["rater"], row["label"]) for row in rows)
    gold = {row["item"]: row["gold"].removesuffix(".0") for row in rows if row["gold"]}
    return labels, code_gold(labels, gold)


@pytest.mark.parametrize(
    ("name", "by_votes", "by_tables"),
    [
        ("bluebird", 24.07, 10.19),
        ("rte", 10.31, 7.25),
        ("dog", 17.78, 15.74),
        ("d_product", 10.34, 6.03),
    ],
)
def test_majority_and_dawid_skene_err_as_they_are_known_to(shared_data, name, by_votes, by_tables):
    labels, gold = crowd(shared_data / "crowd" / f"{name}.csv")

    assert 100 * error(majority(labels).posterior, gold).value == pytest.approx(by_votes, abs=0.01)
    assert 100 * error(dawid_skene(labels).posterior, gold).value == pytest.approx(
        by_tables, abs=0.05
    )


@pytest.mark.parametrize(("name", "limit"), [("bluebird", 10.19 + 0.5), ("rte", 7.25 + 0.5)])
def test_the_choice_without_gold_errs_no_more_than_the_best(shared_data, name, limit):
    labels, gold = crowd(shared_data / "crowd" / f"{name}.csv")
    found = choose(
        labels, rng=np.random.default_rng(0), methods=["majority", "mace", "hierarchical"]
    )

    assert 100 * error(found.fit.posterior, gold).value <= limit


def test_on_dices_the_methods_that_lost_the_names_of_values_are_passed_over(shared_data):
    labels, gold = crowd(shared_data / "dices350_long.csv")
    found = choose(
        labels, rng=np.random.default_rng(0), methods=["majority", "hierarchical", "dawid_skene"]
    )
    lost = {c.method for c in found.candidates if c.lost_names}

    assert lost == {"dawid_skene"}
    assert error(found.fit.posterior, gold).value < 0.3457 + 0.005


def test_the_anesthesia_data_have_dawid_and_skenes_class_shares(shared_data):
    with (shared_data / "irr_golden" / "anesthesia_dawid_skene_1979.csv").open() as file:
        rows = list(csv.DictReader(file))
    labels = code_labels(((r["item"], r["rater"], int(r["rating"])) for r in rows), repeats="keep")
    found = dawid_skene(labels)

    assert (labels.n_items, labels.n_raters, labels.n_labels) == (45, 5, 315)
    assert found.prior == pytest.approx(ANESTHESIA_PRIOR, abs=0.006)
