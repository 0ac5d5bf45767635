"""Alpha while labels arrive is the alpha of all labels, and its interval that of the bootstrap."""

import numpy as np
import pytest

from annotations.measurement import live
from annotations.measurement.agreement import krippendorff_alpha
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.coefficients import alpha_statistic
from annotations.measurement.contributions import Scoring
from annotations.measurement.counts import AgreementError, count_values
from annotations.measurement.live import LiveAgreement
from annotations.measurement.weights import LEVELS, squared_distances

VALUES = (1, 2, 3)


def growing(level, **how):
    scoring = Scoring(squared_distances(VALUES, level), np.eye(3))
    return LiveAgreement(VALUES, scoring, alpha_statistic(scoring), **how)


def stream(n, seed=0):
    """Labels of random items by new raters, as they come."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(VALUES, 200)
    for rater in range(n):
        item = int(rng.integers(200))
        yield item, rater, int(truth[item] if rng.random() < 0.7 else rng.choice(VALUES))


@pytest.mark.parametrize("level", LEVELS)
def test_after_every_label_the_value_is_the_full_one(level, monkeypatch):
    monkeypatch.setattr(live, "REFRESH", 70)
    alive, seen = growing(level, bootstrap=Bootstrap(replicates=10)), []
    for k, (item, rater, label) in enumerate(stream(260)):
        alive.add(item, label)
        seen.append((item, rater, label))
        if k % 13 == 0 and k > 30:
            full = krippendorff_alpha(
                count_values(seen, values=VALUES), level=level, bootstrap=Bootstrap(replicates=10)
            )
            assert alive.estimate().value == pytest.approx(full.value, abs=1e-12)


@pytest.mark.parametrize("level", ["nominal", "ordinal"])
def test_the_interval_is_that_of_the_bootstrap(level):
    alive, seen = growing(level, bootstrap=Bootstrap(replicates=4_000)), list(stream(1_000))
    for item, _, label in seen:
        alive.add(item, label)
    full = krippendorff_alpha(
        count_values(seen, values=VALUES), level=level, bootstrap=Bootstrap(replicates=4_000)
    )

    found = alive.estimate()
    assert found.n == full.n
    assert found.low == pytest.approx(full.low, abs=0.01)
    assert found.high == pytest.approx(full.high, abs=0.01)


def test_a_label_taken_back_leaves_no_trace():
    alive = growing("ordinal")
    for item, _, label in stream(400):
        alive.add(item, label)
    before = alive.estimate()
    for label in (1, 2, 3):
        alive.add("another", label)
    assert alive.estimate().value != before.value
    for label in (1, 2, 3):
        alive.take("another", label)

    after = alive.estimate()
    assert after.value == pytest.approx(before.value, abs=1e-12)
    assert after.low == pytest.approx(before.low, abs=1e-6)


def test_few_items_have_no_interval_one_value_has_no_alpha_and_strange_labels_are_refused():
    alive = growing("nominal")
    assert alive.estimate().value is None
    for item in range(5):
        alive.add(item, 1)
        alive.add(item, 1)
    assert "nothing to compare yet" in alive.estimate().reason
    alive.add(0, 2)
    assert alive.estimate().value is not None
    assert "measure them in full" in alive.estimate().reason
    with pytest.raises(AgreementError, match="not on the scale"):
        alive.add(1, 9)
    with pytest.raises(AgreementError, match="no label 3 to take back"):
        alive.take(1, 3)
