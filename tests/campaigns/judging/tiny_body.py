"""A transformer of two narrow layers with random weights, and a tokeniser that hashes words."""

import zlib
from typing import Any

import pytest

from campaigns.judging.pairs.body import PairBody

WORDS = 500


class HashedWords:
    """Ids by the hash of a word; 1 begins a pair, 2 ends a text."""

    cls_token_id = 1
    sep_token_id = 2

    def __call__(self, texts: list[str], **options: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [[self._id(word) for word in text.split()] for text in texts]}

    def _id(self, word: str) -> int:
        return 3 + zlib.crc32(word.encode("utf-8", "replace")) % (WORDS - 3)


def tiny_body() -> PairBody:
    """The body; the test that asks is skipped where torch is not installed."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")

    def load() -> tuple[Any, Any, Any]:
        torch.set_num_threads(1)
        config = transformers.BertConfig(
            vocab_size=WORDS, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64, max_position_embeddings=128,
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return torch, HashedWords(), transformers.BertModel(config)

    return PairBody(load, "tiny-body-for-tests", frozen=1, taught=1)
