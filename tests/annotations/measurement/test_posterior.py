"""The belief after each answer: who said it, how often they err, what the AI adds, how sure to be."""

import csv
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import dirichlet_multinomial

from annotations.measurement.posterior import (
    AI_NEEDS,
    TAU,
    Answers,
    Audited,
    Model,
    Repeats,
    Taught,
    ai_standing,
    base_rates,
    belief,
    best_kappa,
    best_nu,
    counts_of,
    guessed,
    honesty,
    learn,
    learn_from_audit,
)

BINARY = Answers(("yes", "no"), 2)
FULL = Answers(("yes", "no", "cant_tell", "not_applicable"), 2)
LEVELS = Answers(("0", "1", "2", "3"), 4, is_ordinal=True)
ONE_COIN = np.array([[0.85, 0.15], [0.15, 0.85]])


def plain(**more):
    return Model(BINARY, np.array([0.5, 0.5]), ONE_COIN, **{"tau": 1.0, **more})


def answers(*words):
    return [(f"rater {n}", word) for n, word in enumerate(words)]


def top(model, *words, ai=None):
    return float(belief(model, answers(*words), ai=ai).max())


# ---- the belief


@pytest.mark.parametrize(("lead", "sure"), [(1, 0.85), (2, 0.970), (3, 0.995)])
def test_with_equal_raters_and_no_base_rate_it_is_walds_posterior(lead, sure):
    assert top(plain(), *["yes"] * lead) == pytest.approx(sure, abs=5e-4)
    assert top(plain(), "no", *["yes"] * (lead + 1)) == pytest.approx(sure, abs=5e-4)


def test_it_is_bayes_rule_with_each_raters_own_matrix():
    strict = np.array([[0.99, 0.01], [0.40, 0.60]])
    model = replace(plain(theta={"strict": strict}), pi=np.array([0.1, 0.9]))
    p = belief(model, [("strict", "yes"), ("somebody", "yes")])
    yes, no = 0.1 * 0.99 * 0.85, 0.9 * 0.40 * 0.15
    assert p[0] == pytest.approx(yes / (yes + no))


def test_nobodys_answer_leaves_the_base_rates():
    model = replace(plain(), pi=np.array([0.1, 0.9]), tau=0.5)
    assert belief(model, []) == pytest.approx([0.1, 0.9])


def test_a_rater_known_to_be_poor_counts_less_and_an_inverted_one_against():
    poor, inverted = np.full((2, 2), 0.5), ONE_COIN[::-1]
    model = plain(theta={"poor": poor, "inverted": inverted})
    assert belief(model, [("poor", "yes")])[0] == pytest.approx(0.5)
    assert belief(model, [("inverted", "yes")])[0] == pytest.approx(0.15)


def test_a_word_of_another_version_of_the_question_says_nothing():
    assert belief(plain(), [("a", "maybe")]) == pytest.approx([0.5, 0.5])
    assert belief(plain(), [("a", "yes")], ai="maybe")[0] == pytest.approx(0.85)


def test_cant_tell_and_not_applicable_are_answers_of_their_own():
    model = learn(FULL, {})
    assert belief(model, answers("cant_tell", "cant_tell", "cant_tell")).argmax() == 2
    assert belief(model, answers("not_applicable", "not_applicable")).argmax() == 3
    # They are no vote for either of the others.
    p = belief(model, answers("yes", "cant_tell"))
    assert p[0] > 0.5 > p[1]
    assert belief(model, answers("cant_tell"))[:2] == pytest.approx(
        belief(model, answers("cant_tell"))[1::-1]
    )


def test_a_temperature_under_one_is_less_sure_of_the_same_answer():
    assert 0.85 < top(plain(tau=TAU), "yes", "yes") < top(plain(), "yes", "yes")


def test_raters_who_err_together_tell_less_as_the_dirichlet_multinomial_says():
    model = plain(nu=8.0)
    p = belief(model, answers("yes", "yes", "yes", "no"))
    likelihood = [dirichlet_multinomial([8 * m for m in row], 4).pmf([3, 1]) for row in ONE_COIN]
    assert p[0] == pytest.approx(likelihood[0] / sum(likelihood))
    assert top(model, "yes", "yes", "yes") < top(plain(), "yes", "yes", "yes")
    assert top(model, "yes") == pytest.approx(top(plain(), "yes"))


def test_the_order_of_the_answers_does_not_matter():
    model = plain(nu=4.0, theta={"a": np.array([[0.9, 0.1], [0.3, 0.7]])})
    said = [("a", "yes"), ("b", "no"), ("c", "yes")]
    assert belief(model, said) == pytest.approx(belief(model, said[::-1]))


# ---- what is taken for granted


def test_the_guess_is_right_85_times_and_errs_to_the_nearest_level():
    for kind in (BINARY, FULL, LEVELS):
        assert guessed(kind).sum(1) == pytest.approx(1)
        assert np.diag(guessed(kind)) == pytest.approx(0.85)
    first = guessed(LEVELS)[0]
    assert first[1] == pytest.approx(2 * first[2]) == pytest.approx(4 * first[3])
    nominal = guessed(Answers(("a", "b", "c"), 3))[0]
    assert nominal[1] == nominal[2]


def test_a_question_needs_two_different_answers():
    for words, on in ((("yes",), 1), (("yes", "yes"), 2), (("yes", "no"), 3)):
        with pytest.raises(ValueError, match="two or more answers"):
            Answers(words, on)


# ---- skill


def test_known_answers_move_a_rater_from_the_typical_one():
    known = {
        "good": [("yes", "yes"), ("no", "no")] * 40,
        "poor": [("yes", "no"), ("no", "no")] * 40,
    }
    model = learn(BINARY, known)
    assert model.of("good")[0, 0] > model.M[0, 0] > model.of("poor")[0, 0]
    assert model.of("nobody knows") is model.M
    assert model.of("poor")[1, 1] > 0.8


def test_a_skill_is_the_mean_of_its_dirichlet_rows():
    known = {"a": [("yes", "yes")] * 3 + [("yes", "no")]}
    model = learn(BINARY, known)
    typical = (4 * 0.85 + 3) / (4 + 4)
    assert model.M[0, 0] == pytest.approx(typical)
    assert model.of("a")[0, 0] == pytest.approx((10 * typical + 3) / (10 + 4))


def test_raters_who_differ_are_pooled_less_than_raters_who_do_not():
    typical, rng = ONE_COIN, np.random.default_rng(3)
    alike = [np.array([rng.multinomial(50, row) for row in typical]) for _ in range(10)]
    apart = [np.array([[50 * k, 50 * (1 - k)]] * 2) for k in (0.0, 0.1, 0.5, 0.9, 1.0)]
    assert best_kappa(alike, typical) > best_kappa(apart, typical)


def test_who_answers_the_own_cases_otherwise_is_less_right_than_who_repeats_them():
    again = {"steady": Repeats(20, 0), "unsteady": Repeats(11, 9)}
    model = learn(BINARY, {}, repeats=again)
    assert model.of("unsteady")[0, 0] < 0.8 < 0.85 < model.of("steady")[0, 0]
    assert model.of("steady").sum(1) == pytest.approx(1)


def test_base_rates_are_equal_until_cases_are_known_and_a_few_do_not_make_them_extreme():
    assert base_rates([], BINARY) == pytest.approx([0.5, 0.5])
    assert base_rates(["no"] * 20, BINARY) == pytest.approx([0.25, 0.75])
    assert base_rates(["no"] * 2000, BINARY)[0] < 0.01
    assert base_rates([], FULL)[2] < base_rates([], FULL)[0]


def test_counts_leave_out_words_of_another_version():
    assert counts_of([("yes", "no"), ("old", "no"), ("yes", "old")], BINARY).sum() == 1


# ---- the AI


def ai_that_is(right, n=400, seed=1):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.3
    said = np.where(rng.random(n) < right, truth, ~truth)
    word = {True: "yes", False: "no"}
    return [(word[bool(t)], word[bool(a)]) for t, a in zip(truth, said, strict=True)]


def test_the_ai_counts_once_200_blind_gold_labels_say_that_it_tells_the_answers_apart():
    known = ai_that_is(0.84)
    assert ai_standing(known[:AI_NEEDS], BINARY).counts
    few = ai_standing(known[: AI_NEEDS - 1], BINARY)
    assert (few.counts, few.reason) == (
        False, "the AI has 199 of 200 blind gold labels to be measured by",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("right", "why"), [(0.16, "inverted"), (0.5, "tells nothing that chance would not")]
)
def test_an_inverted_or_useless_ai_does_not_count(right, why):
    standing = ai_standing(ai_that_is(right), BINARY)
    assert not standing.counts
    assert why in standing.reason
    model = learn(BINARY, {}, ai=ai_that_is(right))
    assert belief(model, answers("yes"), ai="no") == pytest.approx(belief(model, answers("yes")))


def test_an_ai_that_always_says_the_same_does_not_count():
    always = [(true, "no") for true, _ in ai_that_is(0.9)]
    assert not ai_standing(always, BINARY).counts
    assert not ai_standing([("no", "no")] * 300, BINARY).counts


def test_informedness_is_youdens_j():
    known = (
        [("yes", "yes")] * 80 + [("yes", "no")] * 20 + [("no", "no")] * 90 + [("no", "yes")] * 10
    )
    assert ai_standing(known, BINARY).informedness == pytest.approx(0.8 + 0.9 - 1, abs=0.01)


def test_however_good_the_ai_says_no_more_than_one_person():
    nearly_perfect = np.array([[0.999, 0.001], [0.001, 0.999]])
    model = plain(ai=nearly_perfect)
    assert belief(model, [], ai="yes")[0] == pytest.approx(0.85)
    assert belief(model, answers("no", "no"), ai="yes")[1] == pytest.approx(0.85)
    weak = np.array([[0.6, 0.4], [0.4, 0.6]])
    assert belief(plain(ai=weak), [], ai="yes")[0] == pytest.approx(0.6)


# ---- the audit slice


def audit_of(n, *, right=0.85, together=0.0, seed=0, raters=12):
    """Cases with three answers each; a share is so hard that all of them guess."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n):
        truth = rng.random() < 0.3
        chance = 0.5 if rng.random() < together else right
        who = rng.choice(raters, 3, replace=False)
        said = [truth if rng.random() < chance else not truth for _ in who]
        words = tuple((int(r), "yes" if s else "no") for r, s in zip(who, said, strict=True))
        found.append(Audited(words, "yes" if truth else "no"))
    return found


def test_without_an_audit_the_temperature_is_the_default_under_one():
    assert learn_from_audit(BINARY, []).model.tau == TAU < 1


def test_the_default_turns_what_was_claimed_into_what_was_right():
    odds = 0.988 / 0.012
    assert odds**TAU / (1 + odds**TAU) == pytest.approx(0.967, abs=0.001)


def test_independent_raters_are_believed_as_they_are_once_there_is_audit_enough():
    model = learn_from_audit(BINARY, audit_of(900)).model
    assert 0.85 < model.tau <= 1.1
    assert model.M[0, 0] == pytest.approx(0.85, abs=0.03)
    assert model.pi[0] == pytest.approx(0.3, abs=0.04)


def test_raters_who_err_together_are_found_out():
    alone, together = audit_of(600), audit_of(600, right=0.95, together=0.5)
    assert best_nu(together, BINARY, learn_from_audit(BINARY, together).model.M) < 16
    assert best_nu(alone, BINARY, learn_from_audit(BINARY, alone).model.M) >= 16


def test_a_small_audit_leaves_one_less_sure_than_a_large_one():
    taus = [learn_from_audit(BINARY, audit_of(n)).model.tau for n in (20, 200, 900)]
    assert taus == sorted(taus)


def test_the_same_audit_gives_the_same_model_and_an_odd_one_no_error():
    audit = audit_of(30)
    assert learn_from_audit(BINARY, audit).model.tau == learn_from_audit(BINARY, audit).model.tau
    odd = [Audited((), "yes"), Audited(((1, "yes"),), "gone"), *audit[:3]]
    assert 0 < learn_from_audit(BINARY, odd).model.tau <= 2


def test_what_checks_taught_is_there_before_any_audit():
    taught = Taught(known={"a": [("yes", "yes"), ("no", "no")] * 30}, ai=ai_that_is(0.84))
    model = learn_from_audit(BINARY, [], taught=taught).model
    assert model.of("a")[0, 0] > 0.9
    assert model.ai is not None


# ---- claimed and true


def test_honesty_sets_what_was_claimed_beside_what_was_right():
    found = honesty([(0.96, True)] * 18 + [(0.98, False)] * 2)
    assert found.claimed == pytest.approx(0.962)
    assert found.right.value == 0.9
    assert found.excess == pytest.approx(0.062)
    assert honesty([]).excess is None


def test_on_dices_the_belief_is_what_the_whole_pool_says_so_often(shared_data):
    """Against the exact chance: all draws of so many of a conversation's 123 raters."""
    with (shared_data / "dices350_long.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    words = {"No": 0, "Yes": 1, "Unsure": 2}
    items = {name: n for n, name in enumerate(sorted({row["item"] for row in rows}))}
    C = np.zeros((len(items), 3))
    for row in rows:
        C[items[row["item"]], words[row["label"]]] += 1
    truth = C.argmax(1)
    M = np.array(
        [C[truth == t].sum(0) / C[truth == t].sum() for t in (0, 1)] + [[0.03, 0.03, 0.94]]
    )
    pi = np.array([(truth == t).mean() for t in (0, 1)] + [1e-6])
    model = Model(Answers(("no", "yes", "cant_tell"), 2), pi / pi.sum(), M, tau=1.0, nu=16.0)
    for said in (["no"] * 2, ["no"] * 4, ["yes"] * 3, ["no", "no", "yes"], ["yes"] * 4 + ["no"]):
        n = [said.count(word) for word in model.answers.words]
        chance = np.prod((C / C.sum(1, keepdims=True)) ** n, axis=1)
        exact = chance[truth == 0].sum() / chance.sum()
        assert belief(model, answers(*said))[0] == pytest.approx(exact, abs=0.01), said


def test_the_audit_says_what_its_model_would_have_claimed_and_how_often_it_was_right():
    learnt = learn_from_audit(BINARY, audit_of(600))
    assert learnt.n_audit == 600
    assert learnt.honesty.right.n > 200
    assert abs(learnt.honesty.excess) < 0.02
    assert learn_from_audit(BINARY, audit_of(3)).honesty.right.value is None
