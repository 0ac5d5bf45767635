"""The encoder with a memory in the database: a text is embedded once an encoder revision."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from campaigns.embeddings import Encode, Encoder, encoder
from campaigns.judging.examples import Example
from campaigns.judging.members import EncodePairs
from campaigns.judging.pairs.body import PairBody, pair_text
from campaigns.models import Embedding

LOOK_UP = 2000


def stored_encode(coder: Encoder) -> Encode:
    """`coder.encode`, but vectors come from, and go to, the `Embedding` rows: (N, D) float32."""

    def encode(texts: Sequence[str]) -> npt.NDArray[np.float32]:
        hashes = [hashlib.sha256(t.encode("utf-8", "surrogatepass")).hexdigest() for t in texts]
        known = _known(coder.revision, hashes)
        new = {h: t for h, t in zip(hashes, texts, strict=True) if h not in known}
        if new:
            rows = np.asarray(coder.encode(list(new.values())), dtype=np.float32)
            known |= dict(zip(new, rows, strict=True))
            Embedding.objects.bulk_create(
                (
                    Embedding(encoder=coder.revision, text_hash=h, vector=row.tobytes())
                    for h, row in zip(new, rows, strict=True)
                ),
                ignore_conflicts=True,
                batch_size=500,
            )
        return np.stack([known[h] for h in hashes]) if hashes else np.empty((0, 384), np.float32)

    return encode


def stored_pairs(body: PairBody) -> EncodePairs:
    """`body.rows` with the same memory, by the hash of request and answer."""

    def encode(examples: Sequence[Example]) -> npt.NDArray[np.float32]:
        place = {pair_text(one): one for one in examples}
        rows = stored_encode(
            replace(
                encoder(),
                revision=body.rows_revision,
                encode=lambda texts: body.rows([place[text] for text in texts]),
            )
        )
        return rows([pair_text(one) for one in examples])

    return encode


def nearness(own: str, others: Sequence[str]) -> list[float | None] | None:
    """How alike a text is to each of others, all given by their sha256, from stored vectors alone.

    For the precedents of the floor below. None for a text without a vector; nothing is embedded
    here, so that no page waits for a model.
    """
    known = _known(encoder().revision, [own, *others])
    if own not in known:
        return None
    return [float(known[own] @ known[other]) if other in known else None for other in others]


def _known(revision: str, hashes: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
    unique = list(dict.fromkeys(hashes))
    found: dict[str, npt.NDArray[np.float32]] = {}
    for start in range(0, len(unique), LOOK_UP):
        rows = Embedding.objects.filter(
            encoder=revision, text_hash__in=unique[start : start + LOOK_UP]
        ).values_list("text_hash", "vector")
        found |= {h: np.frombuffer(bytes(vector), dtype=np.float32) for h, vector in rows}
    return found
