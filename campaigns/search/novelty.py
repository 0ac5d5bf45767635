"""Near-duplicates: what is the same again is folded, so that nobody reads it twice (pure).

Source: Broder 1997, resemblance of shingle sets. Symbols: S(a) = the character 5-grams of a text in
lower case with white space folded; resemblance = |S(a) n S(b)| / |S(a) u S(b)|. Exact, by a sparse
product over the texts of similar size, not by sketches: a round has thousands of texts, not millions.
"""

from collections.abc import Sequence

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

SHINGLE = 5
BLOCK = 500


def fold_near_duplicates(texts: Sequence[str], *, threshold: float = 0.9) -> list[int | None]:
    """For each text the index of the earlier text that it repeats, or None; never a chain.

    A text repeats another when their resemblance is at least `threshold`.
    """
    if not 0 < threshold <= 1:
        raise ValueError("The threshold is a share above 0, such as 0.9.")
    if not texts:
        return []
    shingles = _shingles(texts)
    sizes = np.asarray(shingles.sum(axis=1)).ravel()
    into: list[int | None] = [None] * len(texts)
    for start in range(0, len(texts), BLOCK):
        block = (shingles[start : start + BLOCK] @ shingles.T).tocsr()
        for row in range(block.shape[0]):
            index = start + row
            others, shared = (
                block.indices[block.indptr[row] : block.indptr[row + 1]],
                block.data[block.indptr[row] : block.indptr[row + 1]],
            )
            union = sizes[index] + sizes[others] - shared
            alike = others[(others < index) & (shared >= threshold * union)]
            kept = [int(other) for other in np.sort(alike) if into[int(other)] is None]
            into[index] = kept[0] if kept else None
    return into


def _shingles(texts: Sequence[str]) -> sparse.csr_matrix:
    """(N, S) of 0 and 1; a text shorter than a shingle is its own one, an empty text the empty one."""
    vectorizer = CountVectorizer(analyzer=_split, binary=True, dtype=np.int32)
    return sparse.csr_matrix(vectorizer.fit_transform(texts))


def _split(text: str) -> list[str]:
    folded = " ".join(text.lower().split())
    if len(folded) <= SHINGLE:
        return [f"={folded}"]
    return [folded[i : i + SHINGLE] for i in range(len(folded) - SHINGLE + 1)]
