"""Two revisions of a target on the families that both were judged on."""

import numpy as np
import pytest

from campaigns.training.revisions import LEAST_FAMILIES, compare_revisions


def test_only_shared_families_count_and_each_counts_once() -> None:
    before = {
        "a": (2, 2),
        "b": (1, 2),
        "c": (4, 4),
        "d": (0, 1),
        "e": (1, 1),
        "only before": (9, 9),
    }
    after = {"a": (0, 1), "b": (1, 2), "c": (0, 4), "d": (1, 1), "e": (1, 1), "only after": (0, 9)}
    found = compare_revisions(before, after)
    assert found.families == 5
    assert found.before.value == pytest.approx(8 / 10)
    assert found.after.value == pytest.approx(3 / 9)
    assert found.difference.value == pytest.approx((-1 + 0 - 1 + 1 + 0) / 5)
    assert found.difference.n == 5


def test_a_few_families_have_no_difference_and_say_so() -> None:
    few = {f"f{n}": (1, 1) for n in range(LEAST_FAMILIES - 1)}
    found = compare_revisions(few, few)
    assert found.difference.value is None
    assert "4 families have gold of both revisions, 5 are needed" in (found.difference.reason or "")
    assert compare_revisions(few, {}).before.value is None


def test_where_all_families_changed_alike_the_interval_is_not_a_point() -> None:
    old, new = {f"f{n}": (1, 1) for n in range(20)}, {f"f{n}": (0, 1) for n in range(20)}
    d = compare_revisions(old, new).difference
    # Newcombe (1998), method 10, for 0/20 against 20/20: Wilson's ends are .161 and .839.
    assert d.value == -1
    assert d.low == pytest.approx(-1)
    assert d.high == pytest.approx(-1 + np.hypot(0.1611, 0.1611), abs=1e-3)


def test_the_interval_holds_the_true_difference_with_variants_of_few_seeds() -> None:
    rng, holds = np.random.default_rng(3), 0
    for _ in range(200):
        hard = rng.beta(1, 1, size=30)  # families differ in how often their variants fail
        old, new = (
            {f"f{n}": (int(rng.binomial(4, share * p)), 4) for n, p in enumerate(hard)}
            for share in (1.0, 0.6)
        )
        d = compare_revisions(old, new).difference
        assert d.low is not None
        assert d.high is not None
        holds += d.low <= -0.2 <= d.high  # .4 of a mean of .5
    assert holds >= 178  # of 200, for an interval of 95 % from 30 families
