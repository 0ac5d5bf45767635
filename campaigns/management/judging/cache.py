"""What was computed once: embeddings by encoder and text, scores by judge and case; in one file.

SQLite, so that several processes may use it and an interrupted one loses nothing. A cache can be
deleted at any time.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from campaigns.judging.examples import Example
from campaigns.judging.linear import Floats
from campaigns.judging.members import Encode, EncodePairs, Fitted
from campaigns.judging.pairs.body import PairBody, pair_text

FILE = "cache.sqlite3"
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS embedding (encoder TEXT, text BLOB, vector BLOB, "
    "PRIMARY KEY (encoder, text)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS score (judge TEXT, example TEXT, p REAL, "
    "PRIMARY KEY (judge, example)) WITHOUT ROWID",
)
WAIT = 60  # seconds for another process's writing
CHUNK = 512  # texts that are embedded, and kept, at a time

Progress = Callable[[int, int], None]  # texts embedded, texts to embed


class Cache:
    """A cache in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / FILE
        with closing(self._open()) as data, data:
            for statement in SCHEMA:
                data.execute(statement)

    def encode(self, encode: Encode, revision: str, *, progress: Progress) -> Encode:
        """`encode` with this memory: a text is embedded once an encoder's revision."""

        def remembered(texts: Sequence[str]) -> npt.NDArray[np.float32]:
            keys = [hashlib.sha256(t.encode("utf-8", "surrogatepass")).digest() for t in texts]
            known = self._vectors(revision, keys)
            new = {k: t for k, t in zip(keys, texts, strict=True) if k not in known}
            order = sorted(new, key=lambda key: len(new[key]))  # alike in length: little padding
            for start in range(0, len(order), CHUNK):
                part = order[start : start + CHUNK]
                rows = np.asarray(encode([new[key] for key in part]), dtype=np.float32)
                known |= dict(zip(part, rows, strict=True))
                self._keep_vectors(revision, part, rows)
                progress(min(start + CHUNK, len(order)), len(order))
            width = next(iter(known.values())).shape[0] if known else 0
            return np.stack([known[k] for k in keys]) if keys else np.empty((0, width), np.float32)

        return remembered

    def encode_pairs(self, body: PairBody, *, progress: Progress) -> EncodePairs:
        """`body.rows` with this memory."""

        def remembered(examples: Sequence[Example]) -> npt.NDArray[np.float32]:
            by_text = {pair_text(one): one for one in examples}
            rows = self.encode(
                lambda texts: body.rows([by_text[text] for text in texts]),
                body.rows_revision,
                progress=progress,
            )
            return np.asarray(rows([pair_text(one) for one in examples]), dtype=np.float32)

        return remembered

    def score(self, judge: Fitted, examples: Sequence[Example]) -> Floats:
        """The judge's scores, (N,), computed only where they are not known; nan is no verdict."""
        known = self._scores(judge.revision, [one.key for one in examples])
        new = list({one.key: one for one in examples if one.key not in known}.values())
        if new:
            found = judge.score(new)
            rows = [
                (judge.revision, one.key, None if np.isnan(p) else float(p))
                for one, p in zip(new, found, strict=True)
            ]
            with closing(self._open()) as data, data:
                data.executemany("INSERT OR REPLACE INTO score VALUES (?, ?, ?)", rows)
            known |= {one.key: float(p) for one, p in zip(new, found, strict=True)}
        return np.array([known[one.key] for one in examples], dtype=np.float64)

    def _vectors(
        self, revision: str, keys: Sequence[bytes]
    ) -> dict[bytes, npt.NDArray[np.float32]]:
        with closing(self._open()) as data:
            rows = _look_up(data, "SELECT text, vector FROM embedding WHERE encoder = ? AND text",
                            revision, keys)  # fmt: skip
            return {key: np.frombuffer(vector, dtype="<f4") for key, vector in rows}

    def _keep_vectors(
        self, revision: str, keys: Sequence[bytes], rows: npt.NDArray[np.float32]
    ) -> None:
        with closing(self._open()) as data, data:
            data.executemany(
                "INSERT OR REPLACE INTO embedding VALUES (?, ?, ?)",
                [(revision, k, r.astype("<f4").tobytes()) for k, r in zip(keys, rows, strict=True)],
            )

    def _scores(self, revision: str, keys: Sequence[str]) -> dict[str, float]:
        with closing(self._open()) as data:
            rows = _look_up(data, "SELECT example, p FROM score WHERE judge = ? AND example",
                            revision, keys)  # fmt: skip
            return {key: float("nan") if p is None else p for key, p in rows}

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=WAIT)


def _look_up(
    data: sqlite3.Connection, query: str, first: str, keys: Sequence[bytes] | Sequence[str]
) -> Iterator[tuple[Any, Any]]:
    unique = list(dict.fromkeys(keys))
    for start in range(0, len(unique), CHUNK):
        part = unique[start : start + CHUNK]
        marks = ", ".join("?" * len(part))
        yield from data.execute(f"{query} IN ({marks})", [first, *part])
