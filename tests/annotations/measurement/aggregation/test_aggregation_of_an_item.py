"""The labels of an item together: unanimity, majority with its share, ties that settle nothing."""

import pytest

from annotations.measurement.aggregation import aggregate, consensus


def test_unanimous_raters_agree_on_a_value():
    found = consensus(["safe", "safe", "safe"])

    assert (found.unanimous, found.majority, found.majority_share) == ("safe", "safe", 1)
    assert not found.is_split


def test_a_majority_has_its_share_and_is_not_unanimous():
    found = consensus(["safe", "unsafe", "safe"])

    assert (found.majority, found.unanimous, found.n) == ("safe", None, 3)
    assert found.majority_share == pytest.approx(2 / 3)
    assert found.shares == {"safe": pytest.approx(2 / 3), "unsafe": pytest.approx(1 / 3)}
    assert found.is_split


def test_a_tie_settles_nothing():
    found = consensus(["safe", "unsafe"])

    assert found.is_tie
    assert (found.majority, found.unanimous, found.majority_share) == (None, None, None)


def test_missing_labels_are_not_counted_and_zero_is_a_label():
    found = consensus([0, None, 0, float("nan"), 1])

    assert (found.majority, found.n) == (0, 3)


def test_no_label_is_neither_a_tie_nor_unanimous():
    found = consensus([None])

    assert (found.n, found.majority, found.unanimous, found.is_tie) == (0, None, None, False)


def test_items_keep_their_order_and_their_own_labels():
    found = aggregate([("b", 1, "x"), ("a", 1, "y"), ("b", 2, "x"), ("a", 2, None)])

    assert {item: c.majority for item, c in found.items()} == {"b": "x", "a": "y"}
    assert [c.n for c in found.values()] == [2, 1]
