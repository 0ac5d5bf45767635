"""The effects judge: expected harm by the project's weights, as one more score.

It learns from records of effects, not from the answers to the criterion; only records of the cases
that it is given count, so that a cross-fit holds whole families out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from campaigns.judging.effects.predicting import EffectsModel, Predicted, Record, fit_effects
from campaigns.judging.effects.weighing import PARTS, Weights
from campaigns.judging.examples import Example, check_labels
from campaigns.judging.linear import Bools, Floats, revision_of
from campaigns.judging.members.base import MOST_REASONS, Encode, score_texts
from campaigns.judging.members.embedding import check_encoder
from campaigns.judging.members.nearest import pair_rows

NAME = "effects"


@dataclass(frozen=True, eq=False)
class EffectsJudge:
    """Records by case key, and what each word weighs."""

    encode: Encode
    encoder: str
    records: Mapping[str, Record]
    weights: Weights
    name: str = field(default=NAME, init=False)
    needs_training: bool = field(default=True, init=False)

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> "FittedEffects":
        """Learn from the records of these examples; raises `CannotFit` where they are too few."""
        check_labels(examples, y)
        known = [one for one in examples if one.has_text and one.key in self.records]
        rows = pair_rows(known, encode=self.encode) if known else np.zeros((0, 2))
        model = fit_effects([self.records[one.key] for one in known], rows)
        return FittedEffects(self.encode, self.encoder, model, self.weights)

    def restore(self, data: Mapping[str, Any]) -> "FittedEffects":
        """The fitted judge that `as_json` wrote, with the weights that it had."""
        check_encoder(data, self.encoder)
        model = EffectsModel.from_json(data["effects"])
        return FittedEffects(self.encode, self.encoder, model, data["weights"])


@dataclass(frozen=True, eq=False)
class FittedEffects:
    """The model of effects and the weights."""

    encode: Encode
    encoder: str
    model: EffectsModel
    weights: Weights
    name: str = field(default=NAME, init=False)

    @cached_property
    def revision(self) -> str:
        """sha256 over encoder, model and weights."""
        return revision_of(self.as_json())

    def score(self, examples: Sequence[Example]) -> Floats:
        """Expected harm, from 0 to 1; not a probability of the criterion until it is calibrated."""
        return score_texts(
            examples,
            lambda chosen: np.array([one.harm(self.weights) for one in self.predict(chosen)]),
        )

    def predict(self, examples: Sequence[Example]) -> list[Predicted]:
        """The distributions of examples with an answer."""
        rows = pair_rows(examples, encode=self.encode) if examples else np.zeros((0, 2))
        return self.model.predict([one.key for one in examples], rows)

    def explain(self, example: Example) -> list[str]:
        """The likeliest word of each part, and the nearest precedents."""
        if not example.has_text:
            return []
        [found] = self.predict([example])
        likely = [max(found.parts[part].items(), key=lambda row: row[1]) for part in PARTS]
        said = ", ".join(
            f"{part} {word} ({p:.2f})" for part, (word, p) in zip(PARTS, likely, strict=True)
        )
        told = [f"an effect with {found.any_effect:.2f}", said]
        told += [f"like {key} ({similarity:.2f})" for key, similarity in found.precedents]
        return told[:MOST_REASONS]

    def as_json(self) -> dict[str, Any]:
        """Everything learnt, as plain values."""
        return {
            "name": NAME,
            "encoder": self.encoder,
            "effects": self.model.as_json(),
            "weights": {part: dict(words) for part, words in self.weights.items()},
        }
