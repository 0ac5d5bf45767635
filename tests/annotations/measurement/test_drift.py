"""CUSUMs: the stated run lengths by simulation, changes found, and no alarm at another case mix."""

import numpy as np
import pytest
from scipy.special import expit

from annotations.measurement.drift import (
    BASELINE_CHECKS,
    BASELINE_LABELS,
    fit_logistic,
    limit,
    run_length,
    watch,
    watch_rate,
    watch_share,
)


@pytest.mark.parametrize("p", [0.05, 0.3])
def test_the_chain_gives_the_run_length_that_a_simulation_gives(p: float) -> None:
    h = limit((p,), 2.0, 200.0, False)
    rng, lengths = np.random.default_rng(3), []
    for _ in range(500):
        steps = np.log(2) * (rng.random(4_000) < p) - np.log1p(p)
        s = 0.0
        for t, step in enumerate(steps):
            s = max(0.0, s + step)
            if s >= h:
                lengths.append(t + 1)
                break
    assert run_length((p,), 2.0, h) == pytest.approx(200, rel=0.05)
    assert np.mean(lengths) == pytest.approx(200, rel=0.15)


def test_a_doubled_rate_is_found_many_times_sooner_than_a_false_alarm_comes() -> None:
    h = limit((0.1,), 2.0, 500.0, False)
    assert run_length((0.1,), 2.0, h, shift=2.0) < 500 / 6


def test_two_sides_share_the_false_alarms() -> None:
    mix = (0.2, 0.4)
    h = limit(mix, 2.0, 300.0, True)
    rate = 1 / run_length(mix, 2.0, h) + 1 / run_length(mix, 0.5, h)
    assert 1 / rate == pytest.approx(300, rel=0.05)


def test_the_sum_is_pages_and_the_change_is_dated_after_the_last_zero() -> None:
    """A long quiet time, then errors only: each adds log 2 - log(1 + p)."""
    x, p = np.array([0.0] * 50 + [1.0] * 20), np.full(70, 0.1)
    found = watch(x, p, arl=500.0)
    first = found.alarms[0]
    step = np.log(2) - np.log1p(0.1)
    assert (first.began, first.is_rise) == (50, True)
    assert first.at == 50 + int(np.ceil(found.limit / step)) - 1
    assert found.rise[first.at + 1] == pytest.approx(step)  # it starts again


def test_raters_who_stay_as_they_are_raise_few_alarms_even_with_a_lucky_start() -> None:
    rng = np.random.default_rng(2)
    charts = [watch_share(list(rng.random(240) < 0.1)) for _ in range(100)]
    alarms = sum(len(chart.alarms) for chart in charts)
    assert alarms / (100 * 200) < 1 / 350


def test_other_cases_alone_raise_no_alarm_but_another_answer_at_the_same_score_does() -> None:
    rng = np.random.default_rng(5)
    false, found = 0, 0
    for _ in range(15):
        z = rng.normal(-1, 1.5, 900)
        z[500:] += 1.5  # from here on cases are far more often positive
        u = rng.random(900)
        same, moved = (
            expit(0.8 * z + 0.2),
            expit(0.8 * z + 0.2 - np.log(3) * (np.arange(900) >= 500)),
        )
        false += len(watch_rate(list(u < same), list(expit(z))).alarms)
        late = [one for one in watch_rate(list(u < moved), list(expit(z))).alarms if one.at >= 300]
        found += any(not one.is_rise for one in late)
    assert false <= 5
    assert found >= 13


def test_too_few_answers_are_not_watched_and_the_reason_says_so() -> None:
    short = watch_share([False] * BASELINE_CHECKS)
    assert not short.is_monitored
    assert f"the first {BASELINE_CHECKS} make the baseline" in (short.reason or "")
    alike = watch_rate([False] * (BASELINE_LABELS + 50), [0.1] * (BASELINE_LABELS + 50))
    assert "nearly all alike" in (alike.reason or "")
    assert watch_rate([], []).alarms == ()


def test_the_regression_is_that_of_scikit_learn() -> None:
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = (rng.random(300) < expit(0.5 + x)).astype(float)
    known = linear_model.LogisticRegression(C=1e9, tol=1e-10).fit(x[:, None], y)
    weights, covariance = fit_logistic(np.column_stack([np.ones(300), x]), y)
    assert weights == pytest.approx([known.intercept_[0], known.coef_[0, 0]], abs=1e-3)
    assert covariance.shape == (2, 2)


def test_separable_answers_end_too() -> None:
    x = np.linspace(-1, 1, 40)
    weights, _ = fit_logistic(np.column_stack([np.ones(40), x]), (x > 0).astype(float))
    assert np.isfinite(weights).all()
