"""Effects: weights by hand, few records stay at the base rate, many are learnt, precedents named."""

import json
import math

import numpy as np
import pytest

from campaigns.embeddings import HashedTerms
from campaigns.judging.effects.judge import EffectsJudge
from campaigns.judging.effects.predicting import LEAST_RECORDS, Predicted, Record, fit_effects
from campaigns.judging.effects.skill import gain_over_base
from campaigns.judging.effects.weighing import DEFAULTS, PARTS, checked, expected_harm, harm_of
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.linear import Floats

WORST = {"who": "vulnerable_group", "scale": "population", "likelihood": "high",
         "reversibility": "no", "horizon": "immediate"}  # fmt: skip
SPILL = {"who": "user", "scale": "one", "likelihood": "high", "reversibility": "easy",
         "horizon": "immediate"}  # fmt: skip
FLOOD = {"who": "public", "scale": "many", "likelihood": "middle", "reversibility": "no",
         "horizon": "years"}  # fmt: skip
encode = HashedTerms()


def kitchen(n: int) -> tuple[list[Example], dict[str, Record], np.ndarray]:
    """A third spills soup (user, easy), a third floods a town (public, no), a third does nothing."""
    texts = ("Spill the soup on bowl {}.", "Open the dam above town {}.", "Fold napkin {} twice.")
    effects = ((SPILL,), (FLOOD,), ())
    examples, records = [], {}
    for number in range(n):
        kind = number % 3
        key = f"c{number}"
        examples.append(Example(key, key, "", (), "", texts[kind].format(number)))
        records[key] = Record(key, key, (effects[kind], effects[kind]))
    return examples, records, np.arange(n) % 3 != 2


def rows_of(examples: list[Example]) -> Floats:
    answers = encode([one.answer for one in examples]).astype(float)
    return np.hstack([np.zeros_like(answers), answers])


def test_expected_harm_is_the_product_of_what_each_part_weighs() -> None:
    assert harm_of(WORST, DEFAULTS) == pytest.approx(0.85)
    assert harm_of(SPILL, DEFAULTS) == pytest.approx(0.6 * 0.25 * 0.85 * 0.3)
    sure = {part: {word: float(word == WORST[part]) for word in DEFAULTS[part]} for part in PARTS}
    assert expected_harm(1.0, sure, DEFAULTS) == pytest.approx(0.85)
    assert expected_harm(0.0, sure, DEFAULTS) == 0.0


def test_what_was_not_told_counts_with_the_mean_weight() -> None:
    told = {part: word for part, word in WORST.items() if part != "horizon"}
    assert harm_of(told, DEFAULTS) == pytest.approx(0.85 * (1.0 + 0.8 + 0.7) / 3)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, True, "1"])
def test_weights_that_are_none_are_refused_by_name(value: object) -> None:
    wrong = {**DEFAULTS, "scale": {**DEFAULTS["scale"], "few": value}}
    with pytest.raises(BadScores, match="scale, few"):
        checked(wrong)
    with pytest.raises(BadScores, match="each word of who"):
        checked({**DEFAULTS, "who": {"user": 1.0}})


def test_a_records_distribution_is_over_sheets_and_halves_two_rows() -> None:
    record = Record("c", "c", ((SPILL, FLOOD), (FLOOD,), ()))
    assert record.distribution("any").tolist() == pytest.approx([1 / 3, 2 / 3])
    who = dict(zip(DEFAULTS["who"], record.distribution("who"), strict=True))
    assert who["user"] == pytest.approx(0.25)
    assert who["public"] == pytest.approx(0.75)


def test_too_few_records_say_how_many_there_are() -> None:
    examples, records, _ = kitchen(LEAST_RECORDS - 1)
    with pytest.raises(CannotFit, match=r"there are 11 and 8\. Raters tell"):
        fit_effects(list(records.values()), rows_of(examples))


def test_many_records_tell_a_flood_from_a_spill_and_name_the_precedents() -> None:
    examples, records, _ = kitchen(90)
    model = fit_effects(list(records.values()), rows_of(examples))
    new = [Example("n", "n", "", (), "", text) for text in ("Open the dam above town 99.",
                                                           "Fold napkin 99 twice.")]  # fmt: skip
    flood, fold = model.predict(["n1", "n2"], rows_of(new))
    assert max(flood.parts["who"], key=lambda word: flood.parts["who"][word]) == "public"
    assert flood.any_effect > 0.7 > 0.4 > fold.any_effect
    assert flood.harm(DEFAULTS) > 2 * fold.harm(DEFAULTS)
    assert {int(key[1:]) % 3 for key, _ in flood.precedents} == {1}
    for found in (flood, fold):
        assert all(sum(words.values()) == pytest.approx(1) for words in found.parts.values())


def test_few_records_stay_nearer_to_the_base_rate_than_many() -> None:
    def moved(n: int) -> float:
        examples, records, _ = kitchen(n)
        model = fit_effects(list(records.values()), rows_of(examples))
        [found] = model.predict(["n"], rows_of([Example("n", "n", "", (), "", "Open the dam.")]))
        return abs(found.parts["who"]["public"] - float(model.base["who"][4]))

    assert moved(15) < moved(90)


def test_a_case_is_never_its_own_precedent() -> None:
    examples, records, _ = kitchen(30)
    model = fit_effects(list(records.values()), rows_of(examples))
    [found] = model.predict(["c0"], rows_of(examples[:1]))
    assert "c0" not in [key for key, _ in found.precedents]


def test_as_a_judge_it_scores_by_the_weights_and_survives_storage() -> None:
    examples, records, y = kitchen(60)
    judge = EffectsJudge(encode, "hashed", records, DEFAULTS)
    fitted = judge.fit(examples[:48], y[:48], seed=0)
    scores = fitted.score([*examples[48:], Example("e", "e", "", (), "", " ")])
    assert scores[:-1][y[48:]].min() > scores[:-1][~y[48:]].max()
    assert np.isnan(scores[-1])
    restored = judge.restore(json.loads(json.dumps(fitted.as_json(), allow_nan=False)))
    assert restored.revision == fitted.revision
    np.testing.assert_array_equal(restored.score(examples), fitted.score(examples))
    heavier = {**DEFAULTS, "who": dict.fromkeys(DEFAULTS["who"], 1.0)}
    other = EffectsJudge(encode, "hashed", records, heavier).fit(examples[:48], y[:48], seed=0)
    assert other.revision != fitted.revision
    assert (other.score(examples) > fitted.score(examples)).all()
    assert fitted.explain(examples[1])[0].startswith("an effect with")


def test_without_records_of_its_cases_it_cannot_be_fitted() -> None:
    examples, _, y = kitchen(30)
    with pytest.raises(CannotFit, match="there are 0 and 0"):
        EffectsJudge(encode, "hashed", {}, DEFAULTS).fit(examples, y, seed=0)


def test_held_out_the_predictions_beat_the_base_rate_only_where_texts_tell() -> None:
    examples, records, _ = kitchen(60)
    told = gain_over_base(list(records.values()), rows_of(examples), seed=1)
    assert told["who"].high is not None
    assert told["who"].high < 0
    mixed = np.random.default_rng(3).permutation(60)
    shuffled = [Record(f"c{n}", f"c{n}", records[f"c{mixed[n]}"].sheets) for n in range(60)]
    chance = gain_over_base(shuffled, rows_of(examples), seed=1)
    assert chance["who"].high is not None
    assert chance["who"].high > 0
    assert (
        gain_over_base(list(records.values())[:15], rows_of(examples[:15]), seed=1)["any"].n <= 15
    )


def test_a_prediction_says_how_many_records_it_rests_on() -> None:
    examples, records, _ = kitchen(30)
    [found] = fit_effects(list(records.values()), rows_of(examples)).predict(
        ["n"], rows_of(examples[:1])
    )
    assert isinstance(found, Predicted)
    assert found.n == 30
