"""Probabilities mean what they say, and what they lack is measured without bias."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn import metrics

from campaigns.judging.calibration import (
    WAYS,
    brier,
    calibration_error,
    calibrator_from_json,
    choose_way,
    fit_beta,
    fit_calibrator,
    fit_isotonic,
    fit_platt,
    log_loss,
    reliability,
)
from campaigns.judging.errors import BadScores, CannotFit


def test_platt_recovers_the_slope_and_offset_that_made_the_labels() -> None:
    rng = np.random.default_rng(1)
    s = rng.normal(0, 2, 40_000)
    y = rng.random(len(s)) < expit(0.5 * s - 1)
    found = fit_platt(s, y)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.offset == pytest.approx(-1, abs=0.05)


def test_platt_never_gets_certain_from_few_cases() -> None:
    s, y = np.array([-9.0, -8, 8, 9]), np.array([False, False, True, True])
    # Platt's targets for two and two cases are 1/4 and 3/4.
    np.testing.assert_allclose(fit_platt(s, y).apply(s), [0.25, 0.25, 0.75, 0.75], atol=0.04)


def test_scores_that_point_the_wrong_way_give_the_base_rate() -> None:
    s, y = np.arange(8.0), np.arange(8) < 2
    np.testing.assert_allclose(fit_platt(s, y).apply(s), 0.25)


def test_isotonic_pools_what_does_not_rise() -> None:
    s, y = np.array([1.0, 2, 3, 4]), np.array([False, True, False, True])
    np.testing.assert_allclose(fit_isotonic(s, y).apply(s), [0, 0.5, 0.5, 1], atol=1e-3)


def test_beta_recovers_the_two_weights_that_made_the_labels() -> None:
    rng = np.random.default_rng(4)
    s = rng.normal(0, 2, 40_000)
    q = expit(s)
    y = rng.random(len(s)) < expit(0.4 * np.log(q) - 1.5 * np.log1p(-q) + 0.3)
    found = fit_beta(s, y)
    assert (found.a, found.b, found.c) == pytest.approx((0.4, 1.5, 0.3), abs=0.08)


def test_beta_of_scores_that_point_the_wrong_way_is_the_base_rate() -> None:
    s, y = np.arange(-4.0, 4.0), np.arange(8) < 2
    np.testing.assert_allclose(fit_beta(s, y).apply(s), 0.25)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_is_the_same_after_storage_and_knows_no_missing_score(way: str) -> None:
    s = np.linspace(-2, 2, 300)
    found = WAYS[way](s, np.arange(300) % 3 == 0)
    np.testing.assert_array_equal(calibrator_from_json(found.as_json()).apply(s), found.apply(s))
    assert np.isnan(found.apply(np.array([np.nan]))[0])
    assert (np.diff(found.apply(s)) >= -1e-12).all()


def test_the_way_is_chosen_by_held_out_labels() -> None:
    rng = np.random.default_rng(5)
    s = rng.uniform(-4, 4, 3_000)
    line = rng.random(3_000) < expit(s)
    steps = rng.random(3_000) < np.where(s > 0, 0.7, 0.3)
    lopsided = rng.random(3_000) < expit(0.2 * np.log(expit(s)) + 2.5 * np.logaddexp(0, s) - 2)
    assert choose_way(s, line) == "platt"
    assert choose_way(s, steps) == "isotonic"
    assert choose_way(s, lopsided) == "beta"


def test_few_labels_are_not_chosen_by() -> None:
    rng = np.random.default_rng(5)
    s = rng.uniform(-4, 4, 99)
    assert choose_way(s, rng.random(99) < np.where(s > 0, 0.99, 0.01)) == "platt"


def test_one_class_cannot_be_calibrated() -> None:
    with pytest.raises(CannotFit, match="positive and negative gold"):
        fit_calibrator(np.zeros(5), np.ones(5, bool))


def test_the_scores_of_probabilities_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    p, y = rng.random(500), rng.random(500) < 0.4
    assert brier(p, y) == pytest.approx(metrics.brier_score_loss(y, p))
    assert log_loss(p, y) == pytest.approx(metrics.log_loss(y, p))


def test_the_error_of_a_perfect_model_is_zero_on_average_although_its_bare_error_is_not() -> None:
    rng = np.random.default_rng(3)
    debiased, bare = [], []
    for _ in range(40):
        p = rng.random(200)
        y = rng.random(200) < p
        bins = reliability(p, y, bins=15)
        bare.append(np.mean([abs(one.said - (one.found.value or 0)) for one in bins]))
        debiased.append(calibration_error(p, y, seed=0).value)
    assert np.mean(bare) == pytest.approx(
        0.087, abs=0.015
    )  # the noise floor of the project's study
    assert np.median(debiased) < 0.04


def test_a_sure_model_that_is_often_wrong_shows_its_error_and_fails_the_test() -> None:
    rng = np.random.default_rng(4)
    p = np.full(5_000, 0.9)
    found = calibration_error(p, rng.random(5_000) < 0.7, seed=0)
    assert found.value == pytest.approx(0.2, abs=0.02)
    assert found.p_value is not None
    assert found.p_value < 0.01


def test_the_test_rejects_a_perfect_model_as_rarely_as_it_says() -> None:
    rng = np.random.default_rng(5)
    rejected = 0
    for seed in range(100):
        p = expit(rng.normal(0, 1.5, 300))
        p_value = calibration_error(p, rng.random(300) < p, seed=seed).p_value
        rejected += p_value is not None and p_value <= 0.05
    assert rejected <= 11  # 99.5 % point of a binomial of 100 at .05


def test_too_few_cases_have_no_calibration_error_but_a_reason() -> None:
    found = calibration_error(np.full(9, 0.5), np.arange(9) > 4, seed=0)
    assert (found.value, found.p_value) == (None, None)
    assert found.reason == "9 cases: at least 10 are needed."


def test_reliability_bins_hold_every_case_once() -> None:
    p = expit(np.linspace(-3, 3, 95))
    bins = reliability(p, logit(p) > 0)
    assert sum(one.found.n for one in bins) == 95
    assert [one.found.value for one in (bins[0], bins[-1])] == [0, 1]
    assert reliability(p[:0], p[:0] > 0) == ()


@pytest.mark.parametrize("p", [[0.5, np.nan], [0.5, 1.2], [0.5]])
def test_what_is_no_probability_is_refused(p: list[float]) -> None:
    with pytest.raises(BadScores):
        brier(np.array(p), np.array([True, False]))
