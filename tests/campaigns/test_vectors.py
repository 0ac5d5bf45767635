"""The memory of vectors: what is stored is used, and no page waits for a model."""

import hashlib

import numpy as np
import pytest

from campaigns import vectors
from campaigns.embeddings import Encoder
from campaigns.models import Embedding


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.django_db
def test_nearness_is_told_from_stored_vectors_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(texts: object) -> np.ndarray:
        raise AssertionError("nothing is to be embedded here")

    coder = Encoder("test", "rev-1", refuse, is_fallback=False, note="")  # type: ignore[arg-type]
    monkeypatch.setattr(vectors, "encoder", lambda: coder)
    for text, row in (("newts", [1, 0]), ("toads", [0.6, 0.8])):
        stored = np.asarray(row, dtype=np.float32).tobytes()
        Embedding.objects.create(encoder="rev-1", text_hash=sha256(text), vector=stored)
    others = [sha256("toads"), sha256("hats")]
    assert vectors.nearness(sha256("newts"), others) == [pytest.approx(0.6), None]
    assert vectors.nearness(sha256("hats"), others) is None
