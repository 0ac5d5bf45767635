"""Skill from checks: the Beta posterior against its closed forms and its limits."""

import pytest

from annotations.measurement.skill import posterior


def test_the_mean_is_laplaces_rule_of_succession() -> None:
    assert posterior(7, 10).value == pytest.approx(8 / 12)


@pytest.mark.parametrize("n", [1, 5, 40])
def test_all_right_has_the_closed_form_interval(n: int) -> None:
    # Beta(n + 1, 1) has the distribution function x^(n+1).
    found = posterior(n, n)
    assert found.low == pytest.approx(0.025 ** (1 / (n + 1)))
    assert found.high == pytest.approx(0.975 ** (1 / (n + 1)))


def test_right_and_wrong_are_mirror_images() -> None:
    good, bad = posterior(9, 12), posterior(3, 12)
    assert good.low is not None
    assert bad.high is not None
    assert good.low == pytest.approx(1 - bad.high)


def test_before_the_first_check_nothing_is_claimed() -> None:
    found = posterior(0, 0)
    assert (found.value, found.n) == (None, 0)
    assert found.reason == "No check was answered yet."


def test_more_right_than_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="3 of 2"):
        posterior(3, 2)
