"""The TF-IDF judge: the words of the answer, weighed by gold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from campaigns.judging.errors import CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, Floats, Linear, fit_linear, revision_of
from campaigns.judging.members.base import (
    MOST_REASONS,
    score_texts,
    sentence_reasons,
    sentences,
    with_text,
)
from campaigns.judging.terms import Terms, fit_terms

NAME = "tfidf"
STRENGTH = 3.0


@dataclass(frozen=True)
class TfidfJudge:
    """TF-IDF of the answer and a linear model."""

    name: str = field(default=NAME, init=False)
    needs_training: bool = field(default=True, init=False)

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> "FittedTfidf":
        """Learn terms and weights from gold."""
        chosen, labels = with_text(examples, y)
        texts = [example.answer for example in chosen]
        terms = fit_terms(texts)
        if not terms.vocabulary:
            raise CannotFit("No answer has a word in it, so that there are no terms to weigh.")
        return FittedTfidf(terms, fit_linear(terms.features(texts), labels, strength=STRENGTH))

    def restore(self, data: Mapping[str, Any]) -> "FittedTfidf":
        """The fitted judge that `as_json` wrote."""
        return FittedTfidf(Terms.from_json(data["terms"]), Linear.from_json(data["model"]))


@dataclass(frozen=True, eq=False)
class FittedTfidf:
    """Terms and their weights."""

    terms: Terms
    model: Linear
    name: str = field(default=NAME, init=False)

    @cached_property
    def revision(self) -> str:
        """sha256 over terms and weights."""
        return revision_of(self.as_json())

    def score(self, examples: Sequence[Example]) -> Floats:
        """P(positive) from the words of the answer."""
        return score_texts(examples, lambda chosen: self.model.probability(self._features(chosen)))

    def explain(self, example: Example) -> list[str]:
        """The passage that counts most, where there are several, and the terms that do."""
        if not example.has_text:
            return []
        parts = sentences(example.answer)
        passage: list[str] = []
        if len(parts) > 1:
            x = self.terms.features(["", example.answer, *parts])
            base, overall, *alone = self.model.probability(x)
            passage = sentence_reasons(parts, np.array(alone), overall=overall, base=base)[:1]
        words = term_reasons(self.terms, self.model.weights, example.answer)
        return (passage + words)[:MOST_REASONS]

    def as_json(self) -> dict[str, Any]:
        """Terms and weights as plain values."""
        return {"name": NAME, "terms": self.terms.as_json(), "model": self.model.as_json()}

    def _features(self, examples: Sequence[Example]) -> Any:
        return self.terms.features([example.answer for example in examples])


def term_reasons(terms: Terms, weights: Any, text: str, *, where: str = "") -> list[str]:
    """The terms of one text by the size of what they add to the log odds."""
    row = terms.features([text]).toarray()[0] * weights
    order = np.argsort(-np.abs(row), kind="stable")[:MOST_REASONS]
    return [
        f"{'raises' if row[index] > 0 else 'lowers'} it: “{terms.vocabulary[index]}”{where}"
        for index in order
        if row[index]
    ]
