"""Whether the predictions of effects are better than the base rate, on families that they have not seen.

Log loss of the held-out distribution, model less base rate, a family at a time; the interval is
Student's t over families. Below 0 the model helps.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student

from annotations.measurement.results import Estimate, undefined
from campaigns.judging.effects.predicting import ANY, WORDS, EffectsModel, Record, fit_effects
from campaigns.judging.errors import CannotFit
from campaigns.judging.linear import Floats

METHOD = "log loss against the base rate, families held out"
FOLDS = 5
LEAST_FAMILIES = 8
FLOOR = 1e-6


def gain_over_base(records: Sequence[Record], rows: Floats, *, seed: int) -> dict[str, Estimate]:
    """part -> log loss of the model less that of the base rate, per case that told of the part."""
    families = sorted({one.family for one in records})
    fold_of = dict(
        zip(np.random.default_rng(seed).permutation(families), _cycle(len(families)), strict=True)
    )
    fold = np.array([fold_of[one.family] for one in records])
    losses: dict[str, dict[str, list[float]]] = {part: {} for part in WORDS}
    for held in range(FOLDS):
        seen, out = np.flatnonzero(fold != held), np.flatnonzero(fold == held)
        try:
            model = fit_effects([records[int(i)] for i in seen], rows[seen])
        except CannotFit:
            continue
        _add(losses, model, [records[int(i)] for i in out], rows[out])
    return {part: _estimate(found) for part, found in losses.items()}


def _cycle(n: int) -> list[int]:
    return [place % FOLDS for place in range(n)]


def _add(
    losses: dict[str, dict[str, list[float]]], model: EffectsModel, held: list[Record], rows: Floats
) -> None:
    for one, predicted in zip(held, model.predict([r.key for r in held], rows), strict=True):
        said = {ANY: {"no": 1 - predicted.any_effect, "yes": predicted.any_effect}}
        for part, words in WORDS.items():
            target = one.distribution(part)
            p = np.array([(said | dict(predicted.parts))[part][word] for word in words])
            if target.any():
                worse = target @ (np.log(model.base[part] + FLOOR) - np.log(p + FLOOR))
                losses[part].setdefault(one.family, []).append(float(worse))


def _estimate(found: dict[str, list[float]]) -> Estimate:
    means = np.array([float(np.mean(worse)) for worse in found.values()])
    if len(means) < LEAST_FAMILIES:
        reason = (
            f"It needs {LEAST_FAMILIES} families that were predicted without having been learnt from; "
            f"there are {len(means)}: people must tell of more cases."
        )
        return undefined(reason, n=len(means), method=METHOD)
    half = float(student.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means)))
    value = float(means.mean())
    return Estimate(value, value - half, value + half, len(means), method=METHOD)
