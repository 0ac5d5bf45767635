"""How bad an effect is, by weights that a project sets: one number from 0 to 1 for each row.

Expected harm = P(it happens) x who x scale x reversibility x horizon. The likelihood's weights are
the middles of its ranges (under 30, 30 to 70, over 70 per cent). The others are a judgement of ours,
which a project replaces: whom it hits hardest and what cannot be undone weighs 1.
"""

from collections.abc import Mapping
from types import MappingProxyType

from annotations.statuses import Affected, EffectScale, Horizon, Likelihood, Reversibility
from campaigns.judging.errors import BadScores

Weights = Mapping[str, Mapping[str, float]]

DEFAULTS: Weights = MappingProxyType({
    "who": {Affected.USER.value: 0.6, Affected.THIRD_PARTY.value: 0.8,
            Affected.VULNERABLE_GROUP.value: 1.0, Affected.ORGANISATION.value: 0.5,
            Affected.PUBLIC.value: 0.9, Affected.INFRASTRUCTURE.value: 1.0},
    "scale": {EffectScale.ONE.value: 0.25, EffectScale.FEW.value: 0.5,
              EffectScale.MANY.value: 0.75, EffectScale.POPULATION.value: 1.0},
    "likelihood": {Likelihood.LOW.value: 0.15, Likelihood.MIDDLE.value: 0.5,
                   Likelihood.HIGH.value: 0.85},
    "reversibility": {Reversibility.EASY.value: 0.3, Reversibility.EFFORT.value: 0.65,
                      Reversibility.NO.value: 1.0},
    "horizon": {Horizon.IMMEDIATE.value: 1.0, Horizon.MONTHS.value: 0.8, Horizon.YEARS.value: 0.7},
})  # fmt: skip
PARTS = tuple(DEFAULTS)


def checked(weights: Mapping[str, Mapping[str, object]]) -> Weights:
    """All words of all parts, each from 0 to 1; raises `BadScores` with what is wrong."""
    found: dict[str, dict[str, float]] = {}
    for part, words in DEFAULTS.items():
        given = weights.get(part, {})
        if set(given) != set(words):
            raise BadScores(f"Give one weight for each word of {part}: {', '.join(words)}.")
        for word, value in given.items():
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not number or not 0 <= value <= 1:  # type: ignore[operator]  # a number by now
                raise BadScores(f"The weight of {part}, {word}, is a number from 0 to 1.")
        found[part] = {word: float(given[word]) for word in words}  # type: ignore[arg-type]  # numbers by now
    return found


def harm_of(row: Mapping[str, str], weights: Weights) -> float:
    """Of one effect as somebody told it; a part that was not told counts with its mean weight."""
    harm = 1.0
    for part in PARTS:
        words = weights[part]
        harm *= words[row[part]] if row.get(part) in words else sum(words.values()) / len(words)
    return harm


def expected_harm(
    any_effect: float, parts: Mapping[str, Mapping[str, float]], weights: Weights
) -> float:
    """From distributions: the parts are taken as independent given that there is an effect."""
    harm = any_effect
    for part in PARTS:
        harm *= sum(p * weights[part][word] for word, p in parts[part].items())
    return harm
