"""TF-IDF terms that can be shipped as JSON: for every judge that reads words.

Source: scikit-learn's TfidfVectorizer (sublinear term frequency, smoothed idf, L2 rows); words and
word pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from campaigns.judging.linear import Features, Singles, pack, unpack

MOST_TERMS = 20_000
RARE_FROM = 200  # texts; below it a word seen once is kept


@dataclass(frozen=True, eq=False)
class Terms:
    """A vocabulary (V,) and its idf weights (V,)."""

    vocabulary: tuple[str, ...]
    idf: Singles

    @cached_property
    def _vectorizer(self) -> Any:
        vectorizer = _new_vectorizer(vocabulary=list(self.vocabulary))
        vectorizer.idf_ = self.idf.astype(np.float64)
        return vectorizer

    def features(self, texts: Sequence[str]) -> Features:
        """TF-IDF rows, sparse (N, V)."""
        if not self.vocabulary or not texts:
            return sparse.csr_matrix((len(texts), len(self.vocabulary)), dtype=np.float64)
        return self._vectorizer.transform(texts)

    def as_json(self) -> dict[str, Any]:
        """Vocabulary and weights as plain values."""
        return {"vocabulary": list(self.vocabulary), "idf": pack(self.idf)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Terms":
        """The terms that `as_json` wrote."""
        return cls(tuple(data["vocabulary"]), unpack(data["idf"]))


def fit_terms(texts: Sequence[str]) -> Terms:
    """Learn the terms of some texts; texts without a single word give no terms."""
    vectorizer = _new_vectorizer(min_df=2 if len(texts) >= RARE_FROM else 1)
    analyze = vectorizer.build_analyzer()
    if not any(analyze(text) for text in texts):
        return Terms((), np.zeros(0, np.float32))
    try:
        vectorizer.fit(texts)
    except ValueError:  # every word occurs once only, so that pruning leaves none
        vectorizer = _new_vectorizer(min_df=1).fit(texts)
    return Terms(
        tuple(str(term) for term in vectorizer.get_feature_names_out()),
        vectorizer.idf_.astype(np.float32),
    )


def _new_vectorizer(**options: Any) -> Any:
    return TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        max_features=MOST_TERMS,
        strip_accents=None,
        **options,
    )
