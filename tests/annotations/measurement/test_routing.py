"""Who is worth asking next: bits of one more answer, a minute's worth, a budget, a dispute's value."""

from math import inf, log2

import numpy as np
import pytest

from annotations.measurement.posterior import Answers, Model
from annotations.measurement.routing import (
    Dispute,
    Pace,
    Timed,
    allot,
    information,
    pace_of,
    rate,
    who_tells_most,
    why,
    worth,
)

CHANNEL = np.array([[0.85, 0.15], [0.15, 0.85]])


def h(p):
    return -p * log2(p) - (1 - p) * log2(1 - p)


# ---- information


def test_of_an_open_case_an_answer_tells_the_capacity_of_its_channel():
    assert information(np.array([0.5, 0.5]), CHANNEL) == pytest.approx(1 - h(0.15))


def test_of_a_settled_case_or_from_a_coin_it_tells_nothing():
    assert information(np.array([1.0, 0.0]), CHANNEL) == 0
    assert information(np.array([0.5, 0.5]), np.full((2, 2), 0.5)) == pytest.approx(0)


def test_it_is_what_the_answer_takes_from_the_doubt_on_average():
    p, theta = (
        np.array([0.7, 0.2, 0.1]),
        np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0, 0.3, 0.7]]),
    )
    left = 0.0
    for a in range(3):
        joint = p * theta[:, a]
        after = joint[joint > 0] / joint.sum()
        left += joint.sum() * -(after * np.log2(after)).sum()
    doubt = -(p * np.log2(p)).sum()
    assert information(p, theta) == pytest.approx(doubt - left)


def test_an_answer_that_will_count_for_less_tells_less():
    p = np.array([0.6, 0.4])
    assert information(p, CHANNEL, tau=0.6) < information(p, CHANNEL)


def test_an_inverted_rater_whom_one_knows_tells_as_much_as_a_good_one():
    p = np.array([0.5, 0.5])
    assert information(p, CHANNEL[::-1].copy()) == pytest.approx(information(p, CHANNEL))


def test_who_would_tell_most_is_listed_and_nobody_is_left_out():
    good = np.array([[0.95, 0.05], [0.05, 0.95]])
    model = Model(Answers(("yes", "no"), 2), np.array([0.5, 0.5]), CHANNEL,
                  {"good": good, "coin": np.full((2, 2), 0.5)})  # fmt: skip
    listed = who_tells_most(model, np.array([0.5, 0.5]), ["coin", "new", "good"])
    assert [rater for rater, _ in listed] == ["good", "new", "coin"]


# ---- minutes


def test_a_short_case_comes_before_a_long_one_of_the_same_doubt():
    assert rate(0.4, 30) == 4 * rate(0.4, 120) == 0.8


def test_the_usual_minute_is_expected_until_enough_sheets_are_timed():
    assert pace_of([Timed(100, "", 300.0)] * 19) == Pace(n=19)
    assert Pace().of(length=5000, category="x") == pytest.approx(60)


def test_the_pace_finds_how_length_and_category_change_the_time():
    rng = np.random.default_rng(5)
    timed = []
    for _ in range(800):
        length, slow = int(rng.integers(50, 5000)), rng.random() < 0.5
        seconds = 4 * (1 + length) ** 0.4 * (2 if slow else 1) * np.exp(rng.normal(0, 0.3))
        timed.append(Timed(length, "slow" if slow else "quick", float(seconds)))
    pace = pace_of(timed)
    for length in (100, 1000, 4000):
        quick, slow = (pace.of(length=length, category=c) for c in ("quick", "slow"))
        assert quick == pytest.approx(4 * (1 + length) ** 0.4, rel=0.1)
        assert slow / quick == pytest.approx(2, rel=0.1)
    assert quick < pace.of(length=4000, category="never seen") < slow


def test_a_case_left_open_over_lunch_is_no_case_of_four_hours():
    pace = pace_of([Timed(100, "", 30.0)] * 99 + [Timed(100, "", 14_400.0)])
    assert pace.of(length=100, category="") < 40


def test_cases_of_one_length_and_no_text_are_no_error():
    assert pace_of([Timed(0, "", 45.0)] * 30).of(length=0, category="") == pytest.approx(45)


# ---- a budget


def test_the_highest_rates_are_bought_first_and_the_next_one_is_the_price():
    bought = allot([0.2, 0.9, 0.5, 0.7], [1, 1, 1, 1], 2)
    assert (bought.chosen, bought.price, bought.spent) == ((1, 3), 0.5, 2)


def test_what_fits_has_no_price_and_an_empty_purse_has_none_high_enough():
    assert allot([0.2, 0.9], [1, 1], 2).price == 0
    assert allot([0.2, 0.9], [1, 1], 0).price == inf
    assert allot([], [], 0).price == inf
    assert allot([], [], 5).price == 0


# ---- disputes


def test_a_dispute_is_worth_its_severity_times_its_doubt_times_what_it_unlocks():
    plain = Dispute(severity=4, uncertainty=1.0, family=0, gaps=0)
    assert worth(plain) == 1
    assert worth(Dispute(1, 1.0, 0, 0)) == pytest.approx(0.4)
    assert worth(Dispute(4, 0.5, 0, 0)) == 0.5
    assert worth(Dispute(4, 1.0, 2, 0)) == 1.5
    assert worth(Dispute(4, 1.0, 0, 3)) == 1.5
    assert worth(Dispute(4, 1.0, 40, 0)) == worth(Dispute(4, 1.0, 4, 0)) == 2


def test_a_severity_that_is_not_known_is_not_harmless():
    assert worth(Dispute(None, 1.0, 0, 0)) == worth(Dispute(2, 1.0, 0, 0))
    assert worth(Dispute(0, 1.0, 0, 0)) > 0


def test_the_reason_names_each_part_and_keeps_the_severity_from_who_must_not_know_it():
    dispute = Dispute(severity=3, uncertainty=0.97, family=2, gaps=1)
    hidden = "wide open; 2 other cases of its family wait too; a gap in the guideline, says a rater"
    assert why(dispute, with_severity=False) == hidden
    assert why(dispute, with_severity=True) == f"{hidden}; severity 3"
    assert why(Dispute(None, 0.6, 1, 2), with_severity=True) == (
        "open; another case of its family waits too; a gap in the guideline, say 2 raters; "
        "severity not known"
    )
