"""PPI++, score strata, Rogan-Gladen and what is shown: published figures, limits, plain identities."""

import numpy as np
import pytest

from annotations.measurement.inference import INVERSION, proportion
from annotations.measurement.prevalence.choice import (
    NO_HELP,
    SAME_SCORE,
    TOO_FEW,
    human_only,
    measure_prevalence,
    raw_rate,
    shown,
)
from annotations.measurement.prevalence.evidence import Evidence, PrevalenceError
from annotations.measurement.prevalence.inversion import interval_of_sum
from annotations.measurement.prevalence.mean import ppi_mean, trust_in_judge
from annotations.measurement.prevalence.rogan_gladen import (
    BY_SCORE,
    CHANCE,
    ONE_KIND,
    Errors,
    corrected,
    rogan_gladen,
)
from annotations.measurement.prevalence.sampling import draw, plan_by_score
from annotations.measurement.prevalence.stratified import (
    BY_DRAW,
    METHOD,
    horvitz_thompson,
    strata_of_score,
    stratified_mean,
    stratified_ppi,
    sum_over_strata,
)


def world(seed=0, rows=2_000, share=0.2, shift=2.9):
    """Truth and calibrated scores of a judge; shift 2.9 is AUROC .98."""
    rng = np.random.default_rng(seed)
    y = rng.random(rows) < share
    x = rng.standard_normal(rows) + shift * y
    return y, 1 / (1 + np.exp(-(shift * x - shift**2 / 2 + np.log(share / (1 - share))))), rng


def labelled(y, rows):
    labels = np.full(len(y), np.nan)
    labels[rows] = y[rows]
    return labels


def random_evidence(n=200, seed=0, **options):
    y, f, rng = world(seed, **options)
    return Evidence(f, labelled(y, rng.choice(len(y), n, replace=False))), y.mean()


def width(e):
    return e.high - e.low


def test_one_stratum_at_pearsons_exponent_is_wilsons_interval():
    for k, n in ((3, 50), (0, 20), (10, 50), (20, 20)):
        low, high = interval_of_sum(
            np.array([[float(k)]]), np.array([[float(n)]]), np.ones((1, 1)),
            a=np.ones(1), labels=np.array([float(n)]), level=0.95,
        )  # fmt: skip
        wilson = proportion(k, n)
        assert (low[0], high[0]) == pytest.approx((wilson.low, wilson.high), abs=1e-9)


def test_a_stratum_split_in_two_alike_halves_says_nearly_the_same():
    one = interval_of_sum(np.array([[12.0]]), np.array([[60.0]]), np.ones((1, 1)),
                          a=np.full(1, 2 / 3), labels=np.array([60.0]), level=0.95)  # fmt: skip
    two = interval_of_sum(np.array([[6.0, 6.0]]), np.full((1, 2), 30.0), np.full((1, 2), 0.5),
                          a=np.full(1, 2 / 3), labels=np.array([60.0]), level=0.95)  # fmt: skip
    assert np.ravel(two) == pytest.approx(np.ravel(one), abs=1e-9)


def test_ppi_equals_the_formula_of_the_paper_with_the_unlabelled_apart():
    evidence, _ = random_evidence()
    y, f, rest = evidence.y, evidence.f, evidence.scores[~evidence.is_labelled]
    n, N = len(y), len(rest)
    lam = np.cov(y, f, ddof=0)[0, 1] / (f.var() * (1 + n / N))
    theirs = lam * rest.mean() + (y - lam * f).mean()

    assert ppi_mean(evidence).value == pytest.approx(theirs, abs=1e-12)


def test_ppi_without_trust_is_the_mean_of_the_labels():
    evidence, _ = random_evidence()
    assert ppi_mean(evidence, lam=0.0).value == pytest.approx(evidence.y.mean())
    assert width(ppi_mean(evidence)) < width(ppi_mean(evidence, lam=0.0))


def test_a_judge_that_says_always_the_same_is_not_trusted_and_labels_alone_are_shown():
    evidence, _ = random_evidence()
    evidence = Evidence(np.full(evidence.rows, 0.4), evidence.labels)
    found = shown(evidence)

    assert trust_in_judge(evidence) == 0
    assert found.reason == SAME_SCORE
    assert (found.low, found.high) == (human_only(evidence).low, human_only(evidence).high)


def test_an_inverted_judge_is_not_trusted_by_ppi_and_does_not_mislead_the_strata():
    evidence, truth = random_evidence()
    inverted = Evidence(1 - evidence.scores, evidence.labels)

    assert trust_in_judge(inverted) == 0
    assert shown(inverted).low <= truth <= shown(inverted).high


def test_all_labelled_is_a_count():
    y, f, _ = world(rows=300)
    found = shown(Evidence(f, y.astype(float)))
    assert (found.value, found.low, found.high) == pytest.approx((y.mean(),) * 3)


def test_without_a_human_label_nothing_is_claimed():
    _, f, _ = world(rows=50)
    found = measure_prevalence(Evidence(f, np.full(50, np.nan)))

    for e in (found.shown, found.ppi, found.rogan_gladen, found.human_only, found.anytime):
        assert e.value is None
        assert e.reason
    assert found.raw.value == pytest.approx(f.mean())


def test_no_row_at_all_is_undefined_everywhere():
    found = measure_prevalence(Evidence(np.zeros(0), np.zeros(0)))
    assert all(
        e["value"] is None and e["reason"] for k, e in found.as_json().items() if k not in "nN"
    )


def test_few_labels_are_used_alone():
    evidence, _ = random_evidence(n=12)
    assert shown(evidence).reason == TOO_FEW


def test_few_failures_in_a_small_population_go_to_the_exact_test_and_it_is_said():
    evidence, _ = random_evidence(n=100, rows=200, share=0.02)
    found = shown(evidence)
    assert found.method == INVERSION
    assert "small population" in found.reason


def test_a_judge_that_tells_nothing_is_left_out_where_most_of_a_small_population_is_labelled():
    y, _, rng = world(rows=300)
    noise = rng.random(300)
    found = shown(Evidence(noise, labelled(y, rng.choice(300, 150, replace=False))))
    evidence, _ = random_evidence(n=150, rows=300)

    assert found.reason == NO_HELP
    assert shown(evidence).method == METHOD


def test_labels_drawn_by_score_are_narrower_and_keep_their_probabilities():
    y, f, rng = world()
    plan = plan_by_score(f, 200)
    rows = draw(plan, rng)
    evidence = Evidence(f, labelled(y, rows), probabilities=plan.probabilities)
    plain, _ = random_evidence()

    assert shown(evidence).method == BY_DRAW
    assert width(shown(evidence)) < 0.5 * width(human_only(plain))
    assert horvitz_thompson(evidence) == pytest.approx(shown(evidence).value)
    assert stratified_ppi(evidence, plan.stratum).value == pytest.approx(y.mean(), abs=0.03)


def test_draws_pooled_over_time_are_weighted():
    y, f, rng = world(rows=4_000)
    pi = np.where(np.arange(4_000) % 2 == 0, 0.02, 0.1) * rng.uniform(0.5, 1, 4_000)
    evidence = Evidence(f, labelled(y, np.flatnonzero(rng.random(4_000) < pi)), probabilities=pi)
    found = shown(evidence)

    assert found.method == METHOD
    assert found.low <= y.mean() <= found.high
    assert width(found) < width(human_only(evidence))


def test_strata_hold_every_row_and_label_once():
    evidence, _ = random_evidence()
    strata = strata_of_score(evidence)
    assert strata.N.sum() == evidence.rows
    assert strata.n.sum() == evidence.n
    assert strata.k.sum() == evidence.positives
    sums = sum_over_strata(strata)
    assert stratified_mean(evidence).value == pytest.approx(sums.value[0])


def test_rows_that_are_a_sample_make_the_interval_wider_than_rows_that_are_everything():
    evidence, _ = random_evidence(n=400, rows=800)
    widths = [
        [width(e) for e in (measure_prevalence(Evidence(evidence.scores, evidence.labels,
                                                       population=population)).shown,
                            ppi_mean(Evidence(evidence.scores, evidence.labels,
                                              population=population)))]
        for population in ("rows", 1_600, "endless")
    ]  # fmt: skip
    assert widths[0] < widths[1] < widths[2]
    assert [w[1] for w in widths] == sorted(w[1] for w in widths)


def test_rogan_and_gladen_undo_the_errors_of_the_seeds_judge():
    """90 % sensitive, 85 % specific, 20 % prevalence: the raw rate is .30, ten points off."""
    found = corrected(0.30, Errors(90, 100, 340, 400), sampled=0.0)
    assert found.value == pytest.approx(0.2)
    assert found.low < 0.2 < found.high


def test_rogan_gladen_refuses_a_judge_that_may_be_no_better_than_chance():
    found = corrected(0.5, Errors(6, 10, 20, 40), sampled=0.0)
    assert found.value is None
    assert found.reason == CHANCE


def test_rogan_gladen_refuses_labels_of_one_kind_and_draws_by_score():
    y, f, rng = world()
    plan = plan_by_score(f, 200)
    drawn = Evidence(f, labelled(y, draw(plan, rng)), probabilities=plan.probabilities)
    assert rogan_gladen(drawn).reason == BY_SCORE
    assert corrected(0.2, Errors(0, 0, 9, 10), sampled=0.0).reason == ONE_KIND


def test_the_raw_rate_is_the_judges_own():
    verdicts = Evidence(np.array([1.0, 0, 0, 1, 0]), np.full(5, np.nan))
    assert raw_rate(verdicts).value == pytest.approx(0.4)
    assert raw_rate(verdicts).low == pytest.approx(proportion(2, 5).low)


@pytest.mark.parametrize(
    ("scores", "labels", "probabilities", "words"),
    [
        ([0.2, 1.2], [1, np.nan], None, "between 0 and 1"),
        ([0.2, np.nan], [1, np.nan], None, "between 0 and 1"),
        ([0.2, 0.3], [2, np.nan], None, "A label is 1"),
        ([0.2, 0.3], [1, np.nan], [0.0, 0.5], "above 0, at most 1"),
        ([0.2, 0.3], [1, np.nan], [np.nan, 0.5], "above 0, at most 1"),
    ],
)
def test_bad_numbers_are_refused(scores, labels, probabilities, words):
    with pytest.raises(PrevalenceError, match=words):
        Evidence(
            np.array(scores, dtype=float), np.array(labels, dtype=float),
            probabilities=None if probabilities is None else np.array(probabilities),
        )  # fmt: skip
