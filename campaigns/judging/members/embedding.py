"""The embedding judge: the meaning of the answer, weighed by gold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, Floats, Linear, fit_linear, revision_of
from campaigns.judging.members.base import (
    Encode,
    score_texts,
    sentence_reasons,
    sentences,
    with_text,
)

NAME = "embedding"
STRENGTH = 3.0


@dataclass(frozen=True)
class EmbeddingJudge:
    """Embedding of the answer and a linear model; `encoder` is the revision of what encodes."""

    encode: Encode
    encoder: str
    name: str = field(default=NAME, init=False)
    needs_training: bool = field(default=True, init=False)

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> "FittedEmbedding":
        """Learn weights from gold."""
        chosen, labels = with_text(examples, y)
        rows = encode_rows(self.encode, [example.answer for example in chosen])
        return FittedEmbedding(
            self.encode,
            self.encoder,
            fit_linear(rows, labels, strength=STRENGTH),
            share=float(labels.mean()),
        )

    def restore(self, data: Mapping[str, Any]) -> "FittedEmbedding":
        """The fitted judge that `as_json` wrote."""
        check_encoder(data, self.encoder)
        model = Linear.from_json(data["model"])
        return FittedEmbedding(self.encode, self.encoder, model, float(data["share"]))


@dataclass(frozen=True, eq=False)
class FittedEmbedding:
    """Weights over the embedding; `share` is the share of positives that it learnt from."""

    encode: Encode
    encoder: str
    model: Linear
    share: float
    name: str = field(default=NAME, init=False)

    @cached_property
    def revision(self) -> str:
        """sha256 over encoder and weights."""
        return revision_of(self.as_json())

    def score(self, examples: Sequence[Example]) -> Floats:
        """P(positive) from the meaning of the answer."""
        return score_texts(
            examples, lambda chosen: self._probability([example.answer for example in chosen])
        )

    def explain(self, example: Example) -> list[str]:
        """The sentences that, read alone, go the way of the whole answer."""
        parts = sentences(example.answer)
        if not parts:
            return []
        scores = self._probability([example.answer, *parts])
        return sentence_reasons(parts, scores[1:], overall=scores[0], base=self.share)

    def as_json(self) -> dict[str, Any]:
        """Encoder's revision and weights as plain values."""
        return {
            "name": NAME,
            "encoder": self.encoder,
            "model": self.model.as_json(),
            "share": self.share,
        }

    def _probability(self, texts: Sequence[str]) -> Floats:
        return self.model.probability(encode_rows(self.encode, texts))


def encode_rows(encode: Encode, texts: Sequence[str]) -> Floats:
    """Embeddings (N, D) in double precision."""
    return np.asarray(encode(texts), dtype=np.float64)


def check_encoder(data: Mapping[str, Any], encoder: str) -> None:
    """Raise `ValueError` where weights were learnt over another encoder's embeddings."""
    if data["encoder"] != encoder:
        raise ValueError(
            f"The judge “{data['name']}” was fitted with the encoder {data['encoder'][:12]}, but "
            f"{encoder[:12]} is installed: install that encoder, or calibrate again."
        )
