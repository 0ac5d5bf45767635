"""One more rater or not: a lead of votes stands for a posterior, and the cap is never passed."""

import pytest

from annotations.measurement.overlap import (
    LEAD,
    LEAD_WHEN_SEVERE,
    Labelled,
    by_lead,
    lead_of,
    posterior,
)


def labelled(*words: str, most: int = 5, severity: int | None = None) -> Labelled:
    return Labelled({"harm": words}, raters=len(words), most=most, severity=severity)


@pytest.mark.parametrize(
    ("words", "add"),
    [
        ((), True),
        (("yes",), True),
        (("yes", "yes"), False),
        (("yes", "no"), True),
        (("yes", "no", "yes"), True),
        (("yes", "no", "yes", "yes"), False),
        (("yes", "no", "yes", "no", "yes"), False),  # five is the most
        (("cant_tell", "cant_tell"), False),  # an adjudicator decides
    ],
)
def test_a_case_gets_raters_until_the_first_answer_leads_by_two(
    words: tuple[str, ...], add: bool
) -> None:
    assert by_lead(labelled(*words)).add is add


def test_a_severe_case_needs_a_lead_of_three() -> None:
    assert by_lead(labelled("yes", "yes", severity=2)).add is False
    assert by_lead(labelled("yes", "yes", severity=3)).add is True
    assert by_lead(labelled("yes", "yes", "yes", severity=4)).add is False


def test_every_question_must_be_clear() -> None:
    answers = {"harm": ("yes", "yes"), "kind": ("a", "b")}
    decision = by_lead(Labelled(answers, raters=2, most=5))
    assert (decision.add, decision.reason) == (True, "kind: the first answer leads by 0, not 2")


def test_answers_with_help_do_not_count_but_fill_the_cap() -> None:
    assert by_lead(Labelled({"harm": ("yes",)}, raters=3, most=5)).add is True
    assert by_lead(Labelled({"harm": ("yes",)}, raters=5, most=5)).add is False
    assert by_lead(Labelled({}, raters=1, most=1)).add is False


def test_a_lead_is_over_the_next_answer_not_over_all_the_others() -> None:
    assert lead_of(["a", "a", "a", "b", "c"]) == 2
    assert (lead_of([]), lead_of(["a"])) == (0, 1)


def test_the_marks_are_the_published_ones_at_the_skill_that_is_assumed() -> None:
    assert posterior(LEAD - 1) < 0.95 <= posterior(LEAD)
    assert posterior(LEAD_WHEN_SEVERE - 1) < 0.99 <= posterior(LEAD_WHEN_SEVERE)


def test_the_posterior_is_bayes_rule_whatever_the_number_of_votes() -> None:
    right, wrong = 0.8**5 * 0.2**2, 0.2**5 * 0.8**2  # five votes against two
    assert posterior(3, skill=0.8) == pytest.approx(right / (right + wrong))
    assert posterior(0) == 0.5
    with pytest.raises(ValueError, match="between 0 and 1"):
        posterior(2, skill=1.0)
