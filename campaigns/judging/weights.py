"""Where large weights are kept: bytes by their sha256, outside of what a judge writes as JSON."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from campaigns.judging.errors import BadScores

Arrays = Mapping[str, npt.NDArray[Any]]


class WeightStore(Protocol):
    """A store by content: what is put under a sha256 never changes."""

    def put(self, data: bytes) -> str:
        """Keep the bytes; their sha256. Putting the same bytes again changes nothing."""

    def get(self, digest: str) -> bytes:
        """The bytes of this sha256; raises `KeyError` where they are missing or damaged."""


class MemoryStore:
    """A store of this process, for fits that are not kept."""

    def __init__(self) -> None:
        self._held: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keep the bytes; their sha256."""
        digest = hashlib.sha256(data).hexdigest()
        self._held[digest] = data
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of this sha256; raises `KeyError`."""
        return self._held[digest]


def pack_arrays(arrays: Arrays) -> tuple[bytes, list[dict[str, Any]]]:
    """Arrays as little-endian float16, one after another, and where each is: name and shape."""
    parts, layout = [], []
    for name, array in arrays.items():
        parts.append(np.ascontiguousarray(array, dtype="<f2").tobytes())
        layout.append({"name": name, "shape": list(array.shape)})
    return b"".join(parts), layout


def unpack_arrays(
    data: bytes, layout: list[dict[str, Any]]
) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
    """The arrays that `pack_arrays` wrote, in single precision; raises `BadScores` on a misfit."""
    flat = np.frombuffer(data, dtype="<f2").astype(np.float32)
    sizes = [int(np.prod(one["shape"])) for one in layout]
    if sum(sizes) != len(flat):
        raise BadScores("Stored weights do not have the size that their judge names: fit it again.")
    start = 0
    for one, size in zip(layout, sizes, strict=True):
        yield one["name"], flat[start : start + size].reshape(one["shape"])
        start += size
