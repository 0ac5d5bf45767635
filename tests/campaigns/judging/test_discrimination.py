"""How well a score tells positive from negative."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from campaigns.judging.discrimination import auroc


def test_the_area_agrees_with_scikit_learn_with_ties_and_gaps() -> None:
    rng = np.random.default_rng(0)
    y = rng.random(300) < 0.3
    scores = np.round(rng.random(300) + 0.3 * y, 1)
    scores[:20] = np.nan
    found = auroc(scores, y)
    assert found.value == pytest.approx(roc_auc_score(y[20:], scores[20:]))
    assert found.n == 280


def test_a_perfect_score_of_few_cases_is_not_certain() -> None:
    found = auroc(np.arange(6.0), np.arange(6) > 2)
    assert (found.value, found.high) == (1, 1)
    assert found.low is not None
    assert 0.4 < found.low < 0.8


def test_turning_the_scores_round_mirrors_the_interval() -> None:
    rng = np.random.default_rng(1)
    y = rng.random(80) < 0.5
    scores = rng.random(80) + 0.2 * y
    one, other = auroc(scores, y), auroc(-scores, y)
    assert one.low is not None
    assert other.high == pytest.approx(1 - one.low)


def test_the_interval_covers_the_true_area_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    true = 0.7602  # of normal scores one standard deviation apart: Phi(1 / sqrt 2)
    y = np.arange(60) < 20
    found = [auroc(rng.normal(y.astype(float), 1), y) for _ in range(400)]
    covered = np.mean([(e.low or 0) <= true <= (e.high or 0) for e in found])
    assert 0.93 <= covered <= 0.98


def test_one_answer_only_has_no_area_but_a_reason() -> None:
    found = auroc(np.arange(3.0), np.ones(3, bool))
    assert found.value is None
    assert "positive and with a negative" in str(found.reason)
