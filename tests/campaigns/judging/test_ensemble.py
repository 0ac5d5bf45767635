"""The ensemble: calibrated, bounded, honest about judges that do not help, safe to store."""

import json
from dataclasses import asdict
from functools import cache

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import roc_auc_score
from small_gold import ENCODER, cooking_gold, encode, families_of

from campaigns.judging.crossfit import cross_fit
from campaigns.judging.ensemble import (
    Ensemble,
    cross_fit_ensemble,
    fit_ensemble,
)
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.members import make_members
from campaigns.judging.thresholds import threshold_by_bound, threshold_by_cost

NAMES = ("sharp", "dull", "verdict", "inverted", "noise")
FAMILIES = [f"family {index // 3}" for index in range(600)]


def five_judges(*, seed: int) -> tuple[Floats, Bools]:
    """600 cases: two that score, one with verdicts and gaps, one turned round, one that guesses."""
    rng = np.random.default_rng(seed)
    y = rng.random(600) < 0.4
    side = np.where(y, 1.0, -1.0)
    sharp, dull = (expit(gain * side + rng.normal(0, 1.5, 600)) for gain in (1.5, 0.6))
    verdict = (rng.random(600) < np.where(y, 0.8, 0.15)).astype(float)
    verdict[rng.random(600) < 0.3] = np.nan
    return np.column_stack([sharp, dull, verdict, 1 - sharp**2, rng.random(600)]), y


@cache
def fitted(*, seed: int = 0, **options: float) -> tuple[Ensemble, Floats, Bools]:
    scores, y = five_judges(seed=seed)
    return fit_ensemble(scores, y, FAMILIES, names=NAMES, seed=1, **options), scores, y  # type: ignore[arg-type]


def test_it_tells_better_than_its_best_judge() -> None:
    ensemble, scores, y = fitted()
    best = max(roc_auc_score(y, scores[:, column]) for column in range(2))
    assert ensemble.quality.auroc.value is not None
    assert ensemble.quality.auroc.value > best + 0.02


def test_inverted_and_useless_judges_are_left_out_with_the_reason() -> None:
    members = {member.name: member for member in fitted()[0].members}
    assert [name for name, member in members.items() if member.used] == ["sharp", "dull", "verdict"]
    assert members["inverted"].reason.startswith("inverted")
    assert members["noise"].reason.startswith("useless so far")
    assert members["verdict"].verdicts < 600


def test_the_weights_are_those_of_the_voting_judges_and_the_sharp_one_weighs_most() -> None:
    weights = fitted()[0].weights
    assert set(weights) == {"sharp", "dull", "verdict"}
    assert weights["sharp"] > weights["dull"] > 0


def test_what_a_left_out_judge_says_changes_nothing() -> None:
    ensemble, scores, _ = fitted()
    other = scores.copy()
    other[:, 3:] = 0.5
    np.testing.assert_array_equal(ensemble.predict(scores), ensemble.predict(other))


def test_its_probabilities_hold_on_new_cases() -> None:
    ensemble, _, _ = fitted()
    scores, y = five_judges(seed=99)
    p = ensemble.predict(scores)
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1)):
        chosen = (p >= low) & (p < high)
        noise = 3 * np.sqrt(0.25 / chosen.sum())
        assert y[chosen].mean() == pytest.approx(p[chosen].mean(), abs=noise)


def test_the_promised_bound_on_over_blocking_holds_on_new_cases() -> None:
    blocked = []
    for seed in range(8):
        ensemble, _, _ = fitted(seed=seed, bound_over_block=0.1)
        assert ensemble.threshold.promised
        scores, y = five_judges(seed=1_000 + seed)
        blocked.append(np.nanmean(ensemble.decide(scores)[~y]))
    assert np.mean(blocked) == pytest.approx(0.1, abs=0.025)


def test_dear_evasions_lower_the_threshold() -> None:
    dear, cheap = (fitted(cost=cost)[0] for cost in (9.0, 1.0))
    assert dear.threshold.value == pytest.approx(0.1)
    assert threshold_by_cost(1).value == pytest.approx(0.5)
    assert (dear.quality.evasion.value or 0) < (cheap.quality.evasion.value or 0)


def test_too_few_negatives_promise_nothing() -> None:
    p, y = np.linspace(0, 1, 30), np.arange(30) >= 18
    found = threshold_by_bound(p, y, bound=0.05)
    assert not found.promised
    assert "18 scored negative gold cases: a bound of 5% on over-blocking needs" in found.reason
    assert "at least 19" in found.reason
    assert (p[~y] < found.value).all()
    assert threshold_by_bound(p, np.arange(30) >= 19, bound=0.05).promised


def test_it_is_the_same_after_storage() -> None:
    ensemble, scores, _ = fitted()
    stored = json.dumps(ensemble.as_json(), allow_nan=False)
    again = Ensemble.from_json(json.loads(stored))
    assert again.revision == ensemble.revision
    assert asdict(again.quality) == asdict(ensemble.quality)
    np.testing.assert_array_equal(again.predict(scores), ensemble.predict(scores))


def test_an_ensemble_of_another_format_is_refused() -> None:
    with pytest.raises(BadScores, match="calibrate again"):
        Ensemble.from_json({**fitted()[0].as_json(), "format": 99})


def test_the_same_seed_gives_the_same_ensemble() -> None:
    again = fitted.__wrapped__()[0]
    assert fitted()[0].revision == again.revision
    assert fitted()[0].revision != fitted(seed=1_000)[0].revision


def test_one_case_scores_as_in_a_batch_and_none_without_verdicts() -> None:
    ensemble, scores, _ = fitted()
    assert ensemble.predict(scores[7:8])[0] == pytest.approx(ensemble.predict(scores)[7])
    nothing = np.full((1, 5), np.nan)
    assert np.isnan(ensemble.predict(nothing)[0])
    assert np.isnan(ensemble.decide(nothing)[0])


def test_cases_without_any_verdict_count_as_not_caught() -> None:
    scores, y = five_judges(seed=0)
    scores[:60] = np.nan
    quality = fit_ensemble(scores, y, FAMILIES, names=NAMES, cost=1e6, seed=0).quality
    assert quality.unscored == 60
    assert (quality.evasion.value or 0) >= y[:60].sum() / y.sum()
    assert quality.evasion.n == y.sum()


def test_judges_that_all_guess_make_no_ensemble() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CannotFit, match="No judge tells positive from negative on 600 gold cases"):
        fit_ensemble(
            rng.random((600, 2)), rng.random(600) < 0.5, FAMILIES, names=("a", "b"), seed=0
        )


def test_shuffled_labels_are_not_predicted_by_the_cross_fit() -> None:
    scores, y = five_judges(seed=0)
    rng = np.random.default_rng(8)
    areas = []
    for seed in range(5):
        shuffled = rng.permutation(y)
        p = cross_fit_ensemble(scores, shuffled, FAMILIES, names=NAMES, seed=seed)
        areas.append(roc_auc_score(shuffled, p))
    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)


def test_a_judge_listed_twice_votes_once() -> None:
    scores, y = five_judges(seed=0)
    twice = np.column_stack([scores[:, 0], scores[:, 0]])
    members = fit_ensemble(twice, y, FAMILIES, names=("one", "copy"), seed=0).members
    assert [member.used for member in members] == [True, False]
    assert members[1].reason == "gives the same scores as one"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"scores": np.full((600, 5), 1.5)}, "a probability from 0 to 1"),
        ({"scores": np.zeros((599, 5))}, "599 rows of scores"),
        ({"names": ("a",)}, "1 judges are named"),
        ({"names": ("a", "a", "b", "c", "d")}, "Two judges have one name"),
        ({"bound_over_block": 5}, "a share between 0 and 1"),
        ({"cost": 0.0}, "above 0"),
    ],
)
def test_bad_input_is_refused_in_words(change: dict[str, object], told: str) -> None:
    scores, y = five_judges(seed=0)
    request = {"scores": scores, "y": y, "families": FAMILIES, "names": NAMES, "seed": 0}
    with pytest.raises(BadScores, match=told):
        fit_ensemble(**{**request, **change})  # type: ignore[arg-type]


def test_the_local_judges_become_an_ensemble() -> None:
    examples, y = cooking_gold()
    found = cross_fit(make_members(encode, ENCODER), examples, y, seed=0)
    ensemble = fit_ensemble(found.scores, y, families_of(examples), names=found.members, seed=0)
    assert ensemble.quality.auroc.value == 1
    assert (ensemble.quality.n, ensemble.quality.families) == (60, 20)


def test_cases_that_were_sought_where_judges_err_teach_and_set_no_threshold() -> None:
    scores, y = five_judges(seed=0)
    more, answers = five_judges(seed=6)
    sought = more[~answers & (more[:, 0] > 0.5)]  # false alarms of the sharp judge
    both, labels = np.vstack([scores, sought]), np.append(y, np.zeros(len(sought), dtype=bool))
    families = [*FAMILIES, *(f"sought {n}" for n in range(len(sought)))]
    drawn = np.arange(len(labels)) < 600
    fair = fit_ensemble(both, labels, families, names=NAMES, drawn=drawn, seed=1)
    blind = fit_ensemble(both, labels, families, names=NAMES, seed=1)
    assert fair.quality.n == 600
    drawn_so = [five_judges(seed=seed) for seed in range(100, 106)]
    new, truth = (np.concatenate(part) for part in zip(*drawn_so, strict=True))
    blocked = [np.mean(one.decide(new)[~truth]) for one in (fair, blind)]
    assert abs(blocked[0] - 0.05) < 0.025  # the bound, on cases drawn as the 600 were
    assert blocked[1] < 0.75 * blocked[0]  # bought by a bound on cases that new ones are unlike
    caught = [np.mean(one.decide(new)[truth]) for one in (fair, blind)]
    assert caught[0] > caught[1] + 0.03
