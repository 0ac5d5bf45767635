"""Which texts are the same again, so that nobody labels a case twice: for the planner and imports.

Source: prefix filtering for exact set-similarity joins (Bayardo, Ma and Srikant 2007; Xiao et al. 2008,
PPJoin) with its l-prefix form (Wang, Li and Feng 2012, "Can we beat the prefix filtering?"). Symbols:
S = the sorted ranks of a text's character shingles, the rarest first; J(A, B) = |A & B| / |A | B| >= t.
Two sets with J >= t share at least l of the |S| - ceil(t |S|) + l rarest shingles of each, so only these
are indexed: exact, and nothing to tune.
"""

import hashlib
import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

SHINGLE = 5  # characters
PREFIX_PART = 10  # l is 1 + |S| // PREFIX_PART: a longer prefix is read for far fewer comparisons
ROUNDING = 1e-9  # .9 * 10 is not to be more than 9
BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so that powers of it keep all 64 bits
MIX = np.uint64(0xBF58476D1CE4E5B9)

Ranks = npt.NDArray[np.int64]


def fold_near_duplicates(texts: Sequence[str], *, threshold: float = 0.9) -> list[int | None]:
    """For each text the index of the earlier, kept text that it repeats; None where it is kept."""
    if not 0 < threshold <= 1:
        raise ValueError(f"The threshold is a similarity over 0 and up to 1, not {threshold}.")
    plain = [_plain(text) for text in texts]
    first: dict[str, int] = {}
    exact = [first.setdefault(_hash(text), at) for at, text in enumerate(plain)]
    kept = [at for at, into in enumerate(exact) if at == into]
    near = _fold_sets(_rank([plain[at] for at in kept]), threshold)
    folded = {kept[a]: kept[b] for a, b in near.items()}
    targets = [folded.get(into, into) for into in exact]
    return [None if target == at else target for at, target in enumerate(targets)]


def content_hash(text: str) -> str:
    """sha256 of the text in one Unicode form, with runs of white space as one space."""
    return _hash(_plain(text))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _hash(plain: str) -> str:
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()


def _shingles(plain: str) -> npt.NDArray[np.uint64]:
    """A 64-bit number for each distinct shingle; a text shorter than one shingle is its own."""
    codes = np.frombuffer(plain.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    codes = codes.astype(np.uint64) + np.uint64(1)  # no character counts nothing
    if not len(codes):
        return codes
    width = min(SHINGLE, len(codes))
    many = len(codes) - width + 1
    number = np.zeros(many, dtype=np.uint64)
    for at in range(width):  # arithmetic modulo 2^64
        number = (number + codes[at : at + many]) * BASE
    number ^= number >> np.uint64(29)
    return np.unique(number * MIX)


def _rank(texts: Sequence[str]) -> list[Ranks]:
    """Each text's shingles as sorted ranks, of which the lowest is the rarest in all texts."""
    sets = [_shingles(text) for text in texts]
    if not sets:
        return []
    _, inverse, count = np.unique(np.concatenate(sets), return_inverse=True, return_counts=True)
    rank = np.empty(len(count), dtype=np.int64)
    rank[np.argsort(count, kind="stable")] = np.arange(len(count))
    ends = np.cumsum([len(one) for one in sets])[:-1]
    return [np.sort(one) for one in np.split(rank[inverse], ends)]


def _fold_sets(sets: Sequence[Ranks], threshold: float) -> dict[int, int]:
    """text -> the first kept text at least as similar as the threshold, in the order given."""
    index: defaultdict[int, list[int]] = defaultdict(list)
    folds: dict[int, int] = {}
    for at, one in enumerate(sets):
        prefix = one[: _prefix_length(len(one), threshold)].tolist()
        shared = Counter(chain.from_iterable(index[rank] for rank in prefix))
        near = _nearest(one, shared, sets, threshold)
        if near is not None:
            folds[at] = near
            continue
        for rank in prefix:
            index[rank].append(at)
    return folds


def _least_shared(size: int, threshold: float) -> int:
    """l for a set of this size; never more than what the threshold asks it to share at all."""
    return min(1 + size // PREFIX_PART, math.ceil(threshold * size - ROUNDING))


def _prefix_length(size: int, threshold: float) -> int:
    return size - math.ceil(threshold * size - ROUNDING) + _least_shared(size, threshold)


def _nearest(
    one: Ranks, shared: Counter[int], sets: Sequence[Ranks], threshold: float
) -> int | None:
    smallest = math.ceil(threshold * len(one) - ROUNDING)  # a smaller set cannot be near enough
    least = _least_shared(smallest, threshold)
    for k in sorted(k for k, many in shared.items() if many >= least):
        if smallest <= len(sets[k]) and _jaccard(one, sets[k]) >= threshold - ROUNDING:
            return k
    return None


def _jaccard(a: Ranks, b: Ranks) -> float:
    """|A & B| / |A | B| of two sorted sets that are not empty."""
    found = np.searchsorted(b, a)
    common = int(np.count_nonzero(b[np.minimum(found, len(b) - 1)] == a))
    return common / (len(a) + len(b) - common)
