"""What an answer would tell: bounded, highest for what judges contradict each other about."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations.measurement.priority import (
    NOVELTY,
    SEVERITY,
    SPREAD,
    UNCERTAINTY,
    Question,
    entropy,
    priority,
    priority_told,
    spread,
    uncertainty,
)

shares = st.floats(min_value=0, max_value=1)


def test_entropy_has_its_published_values_and_limits() -> None:
    assert (entropy(0.0), entropy(1.0), entropy(0.5)) == (0, 0, 1)
    assert entropy(0.11) == pytest.approx(0.49992, abs=1e-5)  # Cover and Thomas, table of H(p)


def test_spread_is_what_the_judges_contradict_each_other_about() -> None:
    assert spread(Question((0.5, 0.5, 0.5))) == 0  # all unsure together: no contradiction
    assert spread(Question((0.0, 1.0))) == 1
    assert spread(Question((0.9,))) == 0
    # I = H(.5) - H(.1), the entropy of a binary channel with 10 % noise taken from one bit.
    assert spread(Question((0.1, 0.9))) == pytest.approx(1 - 0.46900, abs=1e-5)


def test_the_ensemble_speaks_before_the_mean_of_its_judges() -> None:
    assert uncertainty(Question((0.5, 0.5), combined=1.0)) == 0
    assert uncertainty(Question((0.0, 1.0))) == 1
    assert uncertainty(Question()) == 1


def test_the_weights_are_a_whole_and_the_ends_are_reached() -> None:
    assert pytest.approx(1) == UNCERTAINTY + SPREAD + SEVERITY + NOVELTY
    assert priority([Question((1.0,))], severity=0) == 0
    most = Question((0.0, 1.0))
    assert priority([most], severity=4, is_new_cluster=True) == pytest.approx(1)


def test_a_case_of_which_nothing_is_known_is_not_taken_to_be_harmless() -> None:
    assert priority([]) == UNCERTAINTY + SEVERITY / 2
    assert priority([], severity=0) < priority([]) < priority([], severity=4)


def test_the_most_open_question_speaks_for_the_case() -> None:
    sure, unsure = Question((0.99,)), Question((0.5,))
    assert priority([sure, unsure]) == priority([unsure]) > priority([sure])


def test_a_new_cluster_comes_before_a_repetition() -> None:
    assert priority([], is_new_cluster=True) > priority([])


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault
@given(st.lists(st.lists(shares, max_size=5), max_size=3), shares, st.integers(-9, 99))
def test_whatever_is_said_the_priority_stays_between_0_and_1(
    judges: list[list[float]], combined: float, severity: int
) -> None:
    questions = [Question(tuple(said), combined) for said in judges]
    questions += [Question(tuple(said)) for said in judges]
    assert 0 <= priority(questions, severity=severity, is_new_cluster=True) <= 1 + 1e-12


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Question((1.2,))


def test_once_there_are_answers_what_one_more_tells_takes_the_place_of_what_judges_say() -> None:
    assert priority_told(1.0, severity=4) == pytest.approx(UNCERTAINTY + SPREAD + SEVERITY)
    assert priority_told(0.0, severity=0) == 0
    assert priority_told(0.5) < priority_told(0.6)
    assert priority_told(0.5, severity=1) < priority_told(0.5) < priority_told(0.5, severity=3)
    with pytest.raises(ValueError, match="between 0 and 1"):
        priority_told(1.1)
