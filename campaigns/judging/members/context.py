"""The context judge: the answer in the light of context, conversation and prompt, weighed by gold.

Symbols: c = unit mean of the embeddings of setting and prompt, r = embedding of the answer.
Features: [c, r, sqrt(D) c*r, |c - r|] and TF-IDF of setting, prompt, answer, deployment and asker, each
with a vocabulary of its own (as good as prefixing the words with the field's name). From 1,000 labels of
DiaSafety it caught .26 of its validation set's harms at 5 % false positives, the answer alone .23.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, Features, Floats, Linear, fit_linear, revision_of
from campaigns.judging.members.base import (
    MOST_REASONS,
    Encode,
    score_texts,
    sentence_reasons,
    sentences,
    with_text,
)
from campaigns.judging.members.embedding import check_encoder, encode_rows
from campaigns.judging.members.tfidf import term_reasons
from campaigns.judging.terms import Terms, fit_terms

NAME = "context"
STRENGTH = 0.5
FIELDS = ("setting", "question", "answer", "deployment", "asker")
FIELD_WORDS = (
    " in the context", " in the prompt", " in the answer", " as the deployment", " as the asker",
)  # fmt: skip


@dataclass(frozen=True)
class ContextJudge:
    """Context, prompt and answer jointly; `encoder` is the revision of what encodes."""

    encode: Encode
    encoder: str
    name: str = field(default=NAME, init=False)
    needs_training: bool = field(default=True, init=False)

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> "FittedContext":
        """Learn terms and weights from gold."""
        chosen, labels = with_text(examples, y)
        terms = tuple(fit_terms([getattr(one, name) for one in chosen]) for name in FIELDS)
        x = joint_features(chosen, encode=self.encode, terms=terms)
        model = fit_linear(x, labels, strength=STRENGTH)
        return FittedContext(self.encode, self.encoder, terms, model, float(labels.mean()))

    def restore(self, data: Mapping[str, Any]) -> "FittedContext":
        """The fitted judge that `as_json` wrote."""
        check_encoder(data, self.encoder)
        terms = tuple(Terms.from_json(one) for one in data["terms"])
        model = Linear.from_json(data["model"])
        return FittedContext(self.encode, self.encoder, terms, model, float(data["share"]))


@dataclass(frozen=True, eq=False)
class FittedContext:
    """Weights over embeddings, their interactions and the terms of three fields."""

    encode: Encode
    encoder: str
    terms: tuple[Terms, ...]
    model: Linear
    share: float
    name: str = field(default=NAME, init=False)

    @cached_property
    def revision(self) -> str:
        """sha256 over encoder, terms and weights."""
        return revision_of(self.as_json())

    def score(self, examples: Sequence[Example]) -> Floats:
        """P(positive) from all fields together."""
        return score_texts(examples, self._probability)

    def explain(self, example: Example) -> list[str]:
        """What the context changed, then sentences and terms."""
        parts = sentences(example.answer)
        if not parts:
            return []
        bare = replace(example, context="", conversation=(), prompt="")
        alone = [replace(example, response=part) for part in parts]
        scores = self._probability([example, bare, *alone])
        reasons = [f"{scores[0]:.2f} with the context, {scores[1]:.2f} from the answer alone"]
        if not (example.setting or example.question):
            reasons = []
        reasons += sentence_reasons(parts, scores[2:], overall=scores[0], base=self.share)[:2]
        return (reasons + self._term_reasons(example))[:MOST_REASONS]

    def as_json(self) -> dict[str, Any]:
        """Encoder's revision, terms and weights as plain values."""
        return {
            "name": NAME,
            "encoder": self.encoder,
            "terms": [one.as_json() for one in self.terms],
            "model": self.model.as_json(),
            "share": self.share,
        }

    def _probability(self, examples: Sequence[Example]) -> Floats:
        x = joint_features(examples, encode=self.encode, terms=self.terms)
        return self.model.probability(x)

    def _term_reasons(self, example: Example) -> list[str]:
        sizes = [len(one.vocabulary) for one in self.terms]
        start = len(self.model.weights) - sum(sizes)
        bounds = np.cumsum([start, *sizes])
        reasons: list[str] = []
        for index, name in enumerate(FIELDS[: len(self.terms)]):
            weights = self.model.weights[bounds[index] : bounds[index + 1]]
            text = getattr(example, name)
            reasons += term_reasons(self.terms[index], weights, text, where=FIELD_WORDS[index])[:1]
        return reasons


def joint_features(
    examples: Sequence[Example], *, encode: Encode, terms: Sequence[Terms]
) -> Features:
    """Dense interactions and sparse terms side by side, (N, 4 D + V)."""
    r = encode_rows(encode, [example.answer for example in examples])
    c = _context_rows(examples, encode, width=r.shape[1])
    dense = np.hstack([c, r, np.sqrt(r.shape[1]) * c * r, np.abs(c - r)])
    words = [
        one.features([getattr(example, name) for example in examples])
        for one, name in zip(terms, FIELDS, strict=False)  # older ones know the first three
    ]
    return sparse.hstack([sparse.csr_matrix(dense), *words], format="csr")


def _context_rows(examples: Sequence[Example], encode: Encode, *, width: int) -> Floats:
    """c: zero where there is neither context nor prompt."""
    total = np.zeros((len(examples), width))
    for name in ("setting", "question"):
        texts = [getattr(example, name) for example in examples]
        there = [index for index, text in enumerate(texts) if text.strip()]
        if there:
            total[there] += encode_rows(encode, [texts[index] for index in there])
    length = np.linalg.norm(total, axis=1, keepdims=True)
    np.divide(total, length, out=total, where=length > 0)
    return total
