"""One more rater or not: a lead of votes stands for a posterior, and the cap is never passed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from annotations.measurement.overlap import (
    LEAD,
    LEAD_WHEN_SEVERE,
    ByPosterior,
    Labelled,
    by_lead,
    lead_of,
    posterior,
)
from annotations.measurement.posterior import Answers, learn


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


# ---- by posterior

YES_NO = Answers(("yes", "no", "cant_tell"), 2)


def rule(*, ai: bool = False, tau: float = 1.0, **more: Any) -> ByPosterior:
    known = [("yes", "yes"), ("no", "no")] * 40 + [("yes", "no"), ("no", "yes")] * 8
    model = replace(learn(YES_NO, {}, ai=known * 3 if ai else ()), tau=tau)
    return ByPosterior({"harm": model}, **more)


def test_the_posterior_asks_on_until_it_is_sure_enough() -> None:
    decide = rule()
    assert decide(labelled("yes")).add is True
    assert decide(labelled("yes", "no")).add is True
    sure = decide(labelled("yes", "yes"))
    assert (sure.add, sure.sure["harm"].answer) == (False, "yes")
    assert sure.sure["harm"].probability >= 0.95
    assert sure.reason.startswith("harm: yes at 0.9")


def test_the_bar_is_higher_where_somebody_saw_severity_three() -> None:
    decide = rule()
    assert decide(labelled("yes", "yes", severity=2)).add is False
    severe = decide(labelled("yes", "yes", severity=3))
    assert severe.add is True
    assert "under 0.99" in severe.reason
    assert decide(labelled("yes", "yes", "yes", severity=3)).add is False


def test_two_people_are_the_fewest_however_sure_one_would_make_it() -> None:
    decide = rule()
    certain = replace(decide.models["harm"], pi=np.array([0.001, 0.998, 0.001]))
    alone = ByPosterior({"harm": certain})(labelled("no"))
    assert (alone.add, alone.sure) == (True, {})
    assert "1 of at least 2 blind answers" in alone.reason


def test_one_person_is_enough_beside_an_ai_that_is_measured_and_says_the_same() -> None:
    case = replace(labelled("no"), ai={"harm": "no"})
    assert rule(ai=True)(case).sure["harm"].answer == "no"
    assert rule(ai=False)(case).add is True, "it is not measured"
    assert rule(ai=True)(labelled("no")).add is True, "it says nothing here"
    assert rule(ai=True)(replace(labelled("no"), ai={"harm": "yes"})).add is True
    assert rule(ai=True)(replace(labelled(), ai={"harm": "no"})).add is True, "nobody has answered"


def test_five_are_the_most_and_what_is_not_sure_then_is_not_settled() -> None:
    split = rule(tau=0.5)(labelled("yes", "no", "yes", "no", "cant_tell"))
    assert (split.add, split.sure) == (False, {})
    assert split.reason.startswith("5 of at most 5 raters have answered; harm: ")


def test_a_question_that_is_clear_is_settled_though_another_is_not() -> None:
    models = {name: rule().models["harm"] for name in ("a", "b")}
    case = Labelled({"a": ["yes"] * 5, "b": ["yes", "no"] * 2 + ["cant_tell"]}, raters=5, most=5)
    assert set(ByPosterior(models)(case).sure) == {"a"}


def test_who_answered_counts() -> None:
    poor = learn(YES_NO, {"poor": [("yes", "no"), ("no", "yes")] * 30 + [("yes", "yes")] * 20,
                          "good": [("yes", "yes"), ("no", "no")] * 60})  # fmt: skip
    decide = ByPosterior({"harm": replace(poor, tau=1.0)})
    by_good = replace(labelled("yes", "yes"), by={"harm": ["good", "good too"]})
    by_poor = replace(labelled("yes", "yes"), by={"harm": ["poor", "poor too"]})
    assert decide.beliefs(by_good)["harm"][0] > decide.beliefs(by_poor)["harm"][0]


def test_a_descriptive_question_is_kept_as_answered_by_two() -> None:
    nothing = ByPosterior({})
    assert nothing(labelled("yes")).add is True
    assert nothing(labelled("yes", "no")).add is False
    assert nothing(Labelled({}, raters=0, most=5)).add is True


def test_what_costs_more_than_the_budget_has_for_waits() -> None:
    dear = rule(price=10.0)(labelled("yes", "no"))
    assert (dear.add, dear.waits) == (False, True)
    assert dear.reason.endswith("less than the budget has for")
    assert rule(price=0.01)(labelled("yes", "no")).add is True
    assert rule(price=float("inf"))(labelled("yes", "yes")).waits is False, "it is settled"


def test_an_open_case_has_a_higher_rate_than_a_nearly_clear_one_and_a_long_one_a_lower() -> None:
    even, leaning = rule()(labelled("yes", "no")), rule(tau=0.6)(labelled("yes", "yes"))
    assert even.rate is not None
    assert leaning.rate is not None
    assert even.rate > leaning.rate
    long = rule(seconds=600)(labelled("yes", "no"))
    assert long.rate == pytest.approx(even.rate / 10)
