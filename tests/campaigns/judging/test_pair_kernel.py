"""The pair judge beside brute force and the limits of its kernel; the contract is tested elsewhere."""

from dataclasses import replace

import numpy as np
from scipy import linalg
from small_gold import ENCODER, case, cooking_gold, encode
from tiny_body import tiny_body

from campaigns.judging.members.pair_kernel import (
    ANSWER,
    REQUEST,
    RIDGE,
    PairKernelJudge,
    Space,
    _inverse,
    _left_out,
    apart,
    kernel,
)

JUDGE = PairKernelJudge(apart(encode), ENCODER)


def test_scores_without_a_family_are_those_of_a_fit_without_it() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(12, 2, 4))
    t = np.where(rng.random(12) < 0.5, 1.0, -1.0)
    families = [str(at // 3) for at in range(12)]
    inverse = _inverse(kernel(rows, rows))
    found = _left_out(inverse, inverse @ t, t, families)
    for family in set(families):
        out = np.array([one == family for one in families])
        k = kernel(rows[~out], rows[~out]) + RIDGE * np.eye((~out).sum())
        alone = kernel(rows[out], rows[~out]) @ linalg.solve(k, t[~out])
        np.testing.assert_allclose(found[out], alone, atol=1e-10)


def test_the_kernel_is_one_for_the_same_pair_and_falls_in_both_parts() -> None:
    a = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    other_request = np.array([[[0.0, 1.0], [0.0, 1.0]]])
    other_both = np.array([[[0.0, 1.0], [1.0, 0.0]]])
    np.testing.assert_allclose(kernel(a, a), 1.0)
    np.testing.assert_allclose(kernel(a, other_request), np.exp(-2 * REQUEST))
    np.testing.assert_allclose(kernel(a, other_both), np.exp(-2 * REQUEST - 2 * ANSWER))


def test_one_answer_is_judged_by_what_was_asked() -> None:
    """No sum of a weight for the request and one for the answer can learn this: exclusive or."""
    asked = ("Is the oven hot?", "Is the soup cold?")
    said = ("Yes, it is.", "No, not at all.")
    examples = [replace(case(said[n // 2 % 2], key=str(n), prompt=asked[n % 2])) for n in range(40)]
    y = np.array([n % 2 != n // 2 % 2 for n in range(40)])
    scores = JUDGE.fit(examples, y, seed=0).score(examples)
    assert scores[y].min() > 0.9
    assert scores[~y].max() < 0.1


def test_a_side_that_never_differs_does_not_count() -> None:
    x = np.hstack([np.ones((6, 3)), np.random.default_rng(0).normal(size=(6, 3))])
    places = Space.of(x).place(x)
    np.testing.assert_array_equal(places[:, 0], 0.0)
    np.testing.assert_allclose(np.linalg.norm(places[:, 1], axis=1), 1.0)


def test_it_explains_by_precedents() -> None:
    examples, y = cooking_gold()
    reasons = JUDGE.fit(examples, y, seed=0).explain(replace(examples[0], key="new"))
    assert "like soup-no-" in reasons[0]
    assert "settled positive" in reasons[0]


def test_rows_of_pairs_depend_on_both_texts_and_have_no_request_where_there_is_none() -> None:
    body = tiny_body()
    texts = [("Tea?", "Yes."), ("Soup?", "Yes."), ("", "Yes.")]
    rows = body.rows([case(said, prompt=asked) for asked, said in texts])
    assert rows.shape == (3, 2 * body.width)
    assert np.abs(rows[0] - rows[1]).max() > 1e-3
    np.testing.assert_array_equal(rows[2, : body.width], 0.0)
