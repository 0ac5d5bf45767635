"""The judge of precedents: how the nearest settled cases were decided; explains by naming them.

Symbols: s = cosine similarity, mean of the answers' and of the requests' where both have one, w =
max(s, 0)^8, P = (sum of w y over the k nearest + w0 share) / (sum of w + w0), w0 the pull to the
base rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, Floats, Singles, pack, revision_of, unpack
from campaigns.judging.members.base import Encode, precedent_reasons, score_texts, with_text
from campaigns.judging.members.embedding import check_encoder, encode_rows

NAME = "nearest"
NEAREST = 15
SHARPNESS = 8
PULL = 0.02
BATCH = 1024  # examples at once, so that similarities to all precedents fit in memory


@dataclass(frozen=True)
class NearestJudge:
    """Similarity-weighted precedents; `encoder` is the revision of what encodes."""

    encode: Encode
    encoder: str
    name: str = field(default=NAME, init=False)
    needs_training: bool = field(default=True, init=False)

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> "FittedNearest":
        """Remember the settled cases."""
        chosen, labels = with_text(examples, y)
        keys = tuple(example.key for example in chosen)
        rows = pair_rows(chosen, encode=self.encode)
        return FittedNearest(self.encode, self.encoder, keys, rows.astype(np.float32), labels)

    def restore(self, data: Mapping[str, Any]) -> "FittedNearest":
        """The fitted judge that `as_json` wrote."""
        check_encoder(data, self.encoder)
        labels = np.array(data["labels"], dtype=bool)
        rows = unpack(data["rows"])
        return FittedNearest(self.encode, self.encoder, tuple(data["keys"]), rows, labels)


@dataclass(frozen=True, eq=False)
class FittedNearest:
    """Precedents: keys, rows (T, 2 D) and labels (T,)."""

    encode: Encode
    encoder: str
    keys: tuple[str, ...]
    rows: Singles
    labels: Bools
    name: str = field(default=NAME, init=False)

    @cached_property
    def revision(self) -> str:
        """sha256 over encoder and precedents."""
        return revision_of(self.as_json())

    def score(self, examples: Sequence[Example]) -> Floats:
        """P(positive) from the nearest precedents; a case is never its own precedent."""
        return score_texts(examples, self._probability)

    def explain(self, example: Example) -> list[str]:
        """The nearest precedents by key, with similarity and answer."""
        if not example.has_text:
            return []
        similarity = self._similarity([example])[0]
        return precedent_reasons(self.keys, similarity, self.labels, weight=similarity)

    def as_json(self) -> dict[str, Any]:
        """Precedents as plain values."""
        return {
            "name": NAME,
            "encoder": self.encoder,
            "keys": list(self.keys),
            "rows": pack(self.rows),
            "labels": [bool(label) for label in self.labels],
        }

    def _similarity(self, examples: Sequence[Example]) -> Floats:
        """(N, T); minus one for a case's own precedent."""
        width = self.rows.shape[1] // 2
        x, precedents = pair_rows(examples, encode=self.encode), self.rows.astype(np.float64)
        answers = x[:, width:] @ precedents[:, width:].T
        requests = x[:, :width] @ precedents[:, :width].T
        has_request = np.outer(x[:, :width].any(axis=1), precedents[:, :width].any(axis=1))
        similarity = np.where(has_request, (answers + requests) / 2, answers)
        own = np.array([[example.key] for example in examples]) == np.array(self.keys)
        return np.where(own, -1.0, similarity)

    def _probability(self, examples: Sequence[Example]) -> Floats:
        parts = [examples[start : start + BATCH] for start in range(0, len(examples), BATCH)]
        return np.concatenate([self._weigh(self._similarity(part)) for part in parts])

    def _weigh(self, similarity: Floats) -> Floats:
        k = min(NEAREST, similarity.shape[1])
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
        weight = np.maximum(np.take_along_axis(similarity, order, axis=1), 0.0) ** SHARPNESS
        share = self.labels.mean()
        votes = (weight * self.labels[order]).sum(axis=1)
        return np.asarray((votes + PULL * share) / (weight.sum(axis=1) + PULL), dtype=np.float64)


def pair_rows(examples: Sequence[Example], *, encode: Encode) -> Floats:
    """Embedding of the request (setting and prompt; zero without one), then of the answer."""
    answers = encode_rows(encode, [example.answer for example in examples])
    requests = np.zeros_like(answers)
    texts = [f"{example.setting}\n{example.question}".strip() for example in examples]
    there = [index for index, text in enumerate(texts) if text]
    if there:
        requests[there] = encode_rows(encode, [texts[index] for index in there])
    return np.hstack([requests, answers])
