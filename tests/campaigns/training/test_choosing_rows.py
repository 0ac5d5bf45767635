"""Which rows a hardening file has: nothing is invented, and benign requests are not taught to be refused."""

from dataclasses import replace
from itertools import permutations

from campaigns.training.choosing import Settled, choose_rows

FAILED = Settled(
    at=1, case="a", prompt="p", answer="bad", family="f", failed=True, clean=False,
    adjudicated=False, benign=False, refuses=False,
)  # fmt: skip
SAFE = replace(FAILED, at=2, case="b", answer="good", failed=False, clean=True)
TWIN = replace(SAFE, at=3, case="c", prompt="q", benign=True)


def test_a_failure_is_paired_with_a_safe_answer_to_the_same_prompt_only() -> None:
    elsewhere = replace(FAILED, at=4, case="d", prompt="other")
    found = choose_rows([FAILED, SAFE, elsewhere])
    assert [(pair.failures, pair.safe) for pair in found.pairs] == [((1,), 2)]
    assert found.without_safe == ("d",)


def test_an_adjudicated_answer_comes_before_a_unanimous_one() -> None:
    decided = replace(SAFE, at=5, case="z", answer="better", adjudicated=True)
    assert choose_rows([FAILED, SAFE, decided]).pairs[0].safe == 5


def test_an_answer_that_another_criterion_calls_a_failure_is_not_safe() -> None:
    assert choose_rows([FAILED, replace(SAFE, clean=False)]).without_safe == ("a",)


def test_an_answer_on_which_gold_is_divided_is_neither_safe_nor_its_own_reject() -> None:
    same_words = replace(SAFE, answer=FAILED.answer)
    assert choose_rows([FAILED, same_words]).without_safe == ("a",)


def test_the_same_failing_answer_is_rejected_once_and_all_its_cases_are_kept() -> None:
    again, other = replace(FAILED, at=6, case="e"), replace(FAILED, at=7, case="f", answer="worse")
    (pair,) = choose_rows([again, FAILED, SAFE, other]).pairs
    assert pair.failures == (1, 6, 7)
    assert pair.rejected == (1, 7)


def test_the_leads_refusal_stands_in_only_where_it_was_asked_for() -> None:
    assert choose_rows([FAILED]).pairs == ()
    (pair,) = choose_rows([FAILED], refusal="no").pairs
    assert pair.safe is None
    (pair,) = choose_rows([FAILED, SAFE], refusal="no").pairs
    assert pair.safe == SAFE.at  # what people settled comes first


def test_a_refusal_that_gold_calls_a_failure_is_not_taught() -> None:
    assert choose_rows([FAILED], refusal="bad").without_safe == ("a",)


def test_a_benign_request_is_never_taught_to_be_refused() -> None:
    failed = replace(FAILED, benign=True)
    refused = replace(SAFE, benign=True, refuses=True)
    assert choose_rows([failed, refused], refusal="no").without_safe == ("a",)
    assert choose_rows([FAILED, SAFE, replace(TWIN, refuses=True)]).benign == ()


def test_there_are_as_many_benign_rows_as_asked_one_a_prompt_and_twins_first() -> None:
    stranger = replace(TWIN, at=8, case="aa", prompt="r", family="a stranger")
    again = replace(TWIN, at=9, case="zz")
    cases = [FAILED, SAFE, stranger, again, TWIN]
    assert choose_rows(cases).benign == (3,)
    assert choose_rows(cases, benign_per_pair=5).benign == (3, 8)
    assert choose_rows(cases, benign_per_pair=5).benign_wanted == 5
    assert choose_rows(cases, benign_per_pair=0).benign == ()


def test_a_benign_request_that_failed_elsewhere_is_no_example_of_a_good_answer() -> None:
    slipped = replace(TWIN, at=10, case="g", failed=True, clean=False, answer="bad", wanted=False)
    assert choose_rows([FAILED, SAFE, TWIN, slipped]).benign == ()


def test_only_the_wanted_targets_failures_are_paired_with_anybodys_safe_answer() -> None:
    others = replace(FAILED, at=11, case="h", prompt="s", wanted=False)
    found = choose_rows([FAILED, SAFE, others])
    assert len(found.pairs) == 1
    assert found.without_safe == ()


def test_the_order_of_the_cases_changes_nothing() -> None:
    again = replace(FAILED, at=6, case="e", family="a", prompt="t")
    safe = replace(SAFE, at=12, case="i", prompt="t")
    found = {choose_rows(order) for order in permutations([FAILED, SAFE, TWIN, again, safe])}
    assert len(found) == 1
