"""Which answers may be compared: no selection may make help look better or worse than it is."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from annotations.measurement.exposure import (
    Decided,
    Given,
    adopted,
    ai_errors,
    departing,
    drawn_to_ai,
    in_order,
    split,
    wrong,
)

START = datetime(2026, 1, 1)
Q = (1, "harm")


def given(
    rater: int, arm: str, word: str, *, first: str = "", case: int = 1, minute: int = 0
) -> Given:
    return Given(rater, (case, "harm"), arm, first or word, word, START + timedelta(minutes=minute))


def decided(
    word: str = "yes", *, minute: int = 60, came_along: bool = False
) -> dict[tuple[int, str], Decided]:
    return {Q: Decided(word, START + timedelta(minutes=minute), came_along)}


def test_an_exposed_arm_is_compared_only_where_its_rater_did_not_bring_the_decision_about() -> None:
    two = [given(1, "blind", "yes"), given(2, "blind", "no"), given(3, "evidence", "no")]
    helped, blind = split(wrong(two, decided(), "evidence"))
    assert [row[0] for row in helped] == [3]
    assert blind == []  # each of the two blind ones is a side of the disagreement
    three = [*two, given(4, "blind", "yes")]
    helped, blind = split(wrong(three, decided(), "evidence"))
    # Without rater 2 the others agree: only the raters who said yes leave a disagreement behind.
    assert [row[0] for row in blind] == [1, 4]


def test_a_decision_that_came_with_the_file_compares_everybody() -> None:
    rows = [given(1, "blind", "yes"), given(3, "evidence", "no")]
    helped, blind = split(wrong(rows, decided(came_along=True), "evidence"))
    assert (helped, blind) == ([(3, 1, 1.0)], [(1, 1, 0.0)])


def test_the_arm_reveal_takes_part_in_the_disagreement_and_is_compared_on_all() -> None:
    rows = [given(1, "blind", "yes"), given(2, "reveal", "yes", first="no")]
    helped, blind = split(wrong(rows, decided(), "reveal"))
    assert (helped, blind) == ([(2, 1, 0.0)], [(1, 1, 0.0)])


def test_adoption_counts_only_where_the_ai_was_wrong() -> None:
    rows = [given(1, "blind", "yes"), given(2, "reveal", "no", first="yes")]
    assert [one.y for one in adopted(rows, decided("yes"), {Q: "no"}, "reveal")] == [False, True]
    assert adopted(rows, decided("yes"), {Q: "yes"}, "reveal") == []
    assert adopted(rows, decided("yes"), {}, "reveal") == []


def test_a_peer_is_another_persons_first_blind_answer() -> None:
    rows = [given(1, "reveal", "no", first="yes"), given(2, "evidence", "yes")]
    (only,) = departing(rows, "evidence")
    assert (only.rater, only.helped, only.y) == (2, True, False)
    assert departing([given(1, "blind", "yes")], "evidence") == []
    assert departing([given(1, "shown", "yes"), given(2, "shown", "no")], "shown") == []


def test_drawn_to_the_ai_is_asked_where_it_contradicts_the_peer() -> None:
    rows = [given(1, "blind", "yes"), given(2, "evidence", "no")]
    (only,) = drawn_to_ai(rows, {Q: "no"}, "evidence")
    assert (only.rater, only.y) == (2, True)
    assert drawn_to_ai(rows, {Q: "yes"}, "evidence") == []
    assert ai_errors(rows, {Q: "no"}, {Q: "yes"}) == (1, 1)
    assert ai_errors(rows, {Q: "no"}, {}) == (0, 0)


def test_what_came_before_the_arm_went_on_does_not_count() -> None:
    rows = [given(1, "blind", "yes"), given(2, "reveal", "yes")]
    compared = wrong(rows, decided(minute=60), "reveal")
    assert len(in_order(compared)) == 2
    assert in_order(compared, since=START + timedelta(minutes=60)) == []


def test_an_arm_without_an_effect_looks_like_none_although_cases_are_decided_by_disagreement() -> (
    None
):
    """As they stand, answers of the exposed arm are right some thirty points oftener than blind ones."""
    rng = np.random.default_rng(6)
    rows, gold = [], {}
    for case in range(4_000):
        p = 0.95 if rng.random() < 0.7 else 0.7
        words = ["yes" if rng.random() < p else "no" for _ in range(4)]
        here = [given(n, "blind", words[n], case=case) for n in range(3)]
        here.append(given(3, "evidence", words[3], case=case))
        rows += here
        if len(set(words[:3])) > 1:
            gold[case, "harm"] = Decided("yes", START)
    naive = {"blind": [], "evidence": []}
    for one in rows:
        if one.question in gold:
            naive[one.arm].append(one.final == "yes")
    assert np.mean(naive["evidence"]) - np.mean(naive["blind"]) > 0.1
    helped, blind = split(wrong(rows, gold, "evidence"))
    fair = np.mean([x for _, _, x in helped]) - np.mean([x for _, _, x in blind])
    assert fair == pytest.approx(0.0, abs=0.04)
    helped, blind = split(departing(rows, "evidence"))
    assert np.mean([x for _, _, x in helped]) == pytest.approx(
        np.mean([x for _, _, x in blind]), abs=0.02
    )
