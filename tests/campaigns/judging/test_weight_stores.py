"""Every store of large weights keeps the one contract: memory, a folder, the database."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from campaigns.judging.errors import BadScores
from campaigns.judging.weights import MemoryStore, WeightStore, pack_arrays, unpack_arrays
from campaigns.management.judging.folder import FolderWeights
from campaigns.models import WeightPart
from campaigns.weights import PART, DatabaseWeights

STORES: dict[str, Callable[[Path], WeightStore]] = {
    "memory": lambda folder: MemoryStore(),
    "folder": lambda folder: FolderWeights(folder / "weights"),
    "database": lambda folder: DatabaseWeights(),
}


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path, db: None) -> WeightStore:
    return STORES[request.param](tmp_path)


@pytest.mark.parametrize("data", [b"", b"dough", bytes(range(256)) * 9_000])
def test_what_is_put_comes_back_by_its_sha256(store: WeightStore, data: bytes) -> None:
    digest = store.put(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert store.put(data) == digest
    assert store.get(digest) == data


def test_what_was_never_put_is_a_key_error(store: WeightStore) -> None:
    for digest in ("0" * 64, "../secret"):
        with pytest.raises(KeyError):
            store.get(digest)


def test_damaged_weights_are_missing_weights(tmp_path: Path) -> None:
    store = FolderWeights(tmp_path)
    digest = store.put(b"dough")
    (tmp_path / digest).write_bytes(b"bread")
    with pytest.raises(KeyError):
        store.get(digest)


def test_no_row_is_huge_and_a_lost_one_is_noticed(db: None) -> None:
    store = DatabaseWeights()
    digest = store.put(b"x" * (2 * PART + 1))
    assert [len(row.data) for row in WeightPart.objects.order_by("number")] == [PART, PART, 1]
    WeightPart.objects.filter(number=1).delete()
    with pytest.raises(KeyError):
        store.get(digest)


def test_arrays_come_back_by_name_in_half_precision() -> None:
    rng = np.random.default_rng(0)
    arrays = {"a": rng.normal(size=(3, 5)), "b": np.array([0.5]), "none": np.zeros((0, 4))}
    data, layout = pack_arrays(arrays)
    found = dict(unpack_arrays(data, layout))
    assert len(data) == 2 * 16
    for name, array in arrays.items():
        np.testing.assert_allclose(found[name], array, atol=1e-3)
    with pytest.raises(BadScores, match="do not have the size"):
        list(unpack_arrays(data[:-2], layout))
