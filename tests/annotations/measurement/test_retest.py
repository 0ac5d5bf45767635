"""The same answer again: what two occasions say, corrected for chance, of one rater and of all."""

import pytest

from annotations.measurement.agreement import KRIPPENDORFF_ALPHA, measure_agreement
from annotations.measurement.counts import count_values
from annotations.measurement.inference import proportion
from annotations.measurement.retest import Repeat, by_rater, stability


def repeats(pairs: list[tuple[str, str]], *, rater: int = 1) -> list[Repeat]:
    return [Repeat(rater, item, first, again) for item, (first, again) in enumerate(pairs)]


PAIRS = (
    [("yes", "yes")] * 12 + [("no", "no")] * 20 + [("yes", "no")] * 5 + [("no", "cant_tell")] * 3
)


def test_percent_same_and_the_coefficients_of_two_occasions() -> None:
    found = stability(repeats(PAIRS))
    labels = [(i, o, word) for i, pair in enumerate(PAIRS) for o, word in enumerate(pair)]
    known = measure_agreement(count_values(labels)).coefficients[KRIPPENDORFF_ALPHA]
    assert found.same.value == 32 / 40
    assert found.alpha.value == pytest.approx(known.value)
    assert found.ac1.has_interval


def test_one_raters_interval_is_near_wilsons() -> None:
    found, plain = stability(repeats(PAIRS)).same, proportion(32, 40)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=0.03)


def test_all_raters_together_are_wider_where_raters_differ() -> None:
    good = [one for g in range(5) for one in repeats([("yes", "yes"), ("no", "no")] * 20, rater=g)]
    bad = [
        one for g in range(5, 10) for one in repeats([("yes", "no"), ("no", "no")] * 20, rater=g)
    ]
    mixed = stability([*good, *bad]).same
    plain = proportion(300, 400)
    assert mixed.value == 0.75
    assert None not in (mixed.low, plain.low)
    assert mixed.low < plain.low  # type: ignore[operator]


def test_always_the_same_word_is_all_the_same_and_no_alpha() -> None:
    found = stability(repeats([("no", "no")] * 10))
    assert found.same.value == 1.0
    assert found.alpha.value is None
    assert "agreement cannot be told from chance" in (found.alpha.reason or "")


def test_nothing_is_undefined_and_raters_stand_apart() -> None:
    assert stability([]).same.value is None
    assert stability([]).alpha.value is None
    assert set(by_rater([*repeats(PAIRS), *repeats(PAIRS[:3], rater=2)])) == {1, 2}
