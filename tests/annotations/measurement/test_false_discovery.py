"""q values are those of scipy, and keep the order they were asked in."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from annotations.measurement.false_discovery import benjamini_hochberg


def test_q_values_are_those_of_scipy():
    p = np.random.default_rng(2).uniform(size=40) ** 3
    assert benjamini_hochberg(p.tolist()) == pytest.approx(false_discovery_control(p))


def test_nothing_tested_has_no_q_values_and_one_test_is_its_own():
    assert benjamini_hochberg([]) == ()
    assert benjamini_hochberg([0.03]) == (0.03,)
