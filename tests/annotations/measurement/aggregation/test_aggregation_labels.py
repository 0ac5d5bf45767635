"""Labels as arrays: missing ones are absent, repeats are refused or the latest counts."""

import numpy as np
import pytest

from annotations.measurement.aggregation.labels import (
    AggregationError,
    code_labels,
    labels_from_arrays,
)


def test_triples_become_numbers_and_missing_labels_no_rows():
    found = code_labels([("b", "ann", 1), ("a", "ben", None), ("a", "ann", 0), ("b", "ben", 0.0)])

    assert (list(found.items), list(found.raters), list(found.values)) == (
        ["b", "a"],
        ["ann", "ben"],
        [0, 1],
    )
    assert (found.item.tolist(), found.rater.tolist(), found.value.tolist()) == (
        [0, 0, 1],
        [0, 1, 0],
        [1, 0, 0],
    )
    assert found.ordered
    assert found.labels_of_items.tolist() == [2, 1]


def test_words_have_no_order_until_a_scale_gives_them_one():
    labels = [(1, "ann", "low"), (1, "ben", "high")]

    assert not code_labels(labels).ordered
    scaled = code_labels(labels, values=["low", "middle", "high"])
    assert scaled.ordered
    assert scaled.value.tolist() == [0, 2]


def test_a_second_label_is_refused_by_name_or_takes_the_firsts_place():
    labels = [("x", "ann", "no"), ("x", "ben", "no"), ("x", "ann", "yes")]

    with pytest.raises(AggregationError, match=r"'x' by 'ann'.*latest"):
        code_labels(labels)
    latest = code_labels(labels, repeats="latest")
    assert [latest.values[v] for v in latest.value] == ["yes", "no"]
    assert code_labels(labels, repeats="keep").n_labels == 3


def test_arrays_in_any_order_make_the_same_labels():
    rng = np.random.default_rng(1)
    item, rater = np.divmod(np.arange(60), 6)
    value = rng.integers(0, 3, 60)
    order = rng.permutation(60)

    one = labels_from_arrays(item, rater, value)
    other = labels_from_arrays(item[order], rater[order], value[order])

    assert (one.incidence() != other.incidence()).nnz == 0
    assert one.incidence().sum() == 60


@pytest.mark.parametrize(
    ("item", "rater", "value", "says"),
    [
        ([0, 1], [0], [0, 0], "one length"),
        ([0], [0], [3], "value array"),
        ([-1], [0], [0], "item array"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(item, rater, value, says):
    with pytest.raises(AggregationError, match=says):
        labels_from_arrays(item, rater, value, items=["a"] * 2, raters=["r"], values=["x", "y"])


def test_a_table_of_texts_is_refused_before_it_fills_the_memory():
    with pytest.raises(AggregationError, match="choose the column with the answers"):
        labels_from_arrays(range(3000), range(3000), range(3000))


def test_labels_off_the_scale_and_judges_without_labels_are_refused():
    with pytest.raises(AggregationError, match="not on the scale: 'maybe'"):
        code_labels([(1, "ann", "maybe")], values=["no", "yes"])
    with pytest.raises(AggregationError, match="'gpt'"):
        code_labels([(1, "ann", "no")], judges=["gpt"])
