"""Which texts are the same again, so that nobody labels a case twice: for the planner and imports.

Source: prefix filtering for exact set-similarity joins (Bayardo, Ma and Srikant 2007, "Scaling up all
pairs similarity search"; Xiao et al. 2008, PPJoin). Symbols: S = the set of a text's character
shingles, J(A, B) = |A & B| / |A | B| >= t. Two sets with J >= t share a shingle among the
|S| - ceil(t |S|) + 1 rarest ones of each, so only those are indexed: exact, and no parameters to tune.
"""

import hashlib
import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence

SHINGLE = 5  # characters
MOST_CHARACTERS = 20_000  # of one text; of a longer one the head counts and its hash


def fold_near_duplicates(texts: Sequence[str], *, threshold: float = 0.9) -> list[int | None]:
    """For each text the index of the earlier, kept text that it repeats; None where it is kept."""
    if not 0 < threshold <= 1:
        raise ValueError(f"The threshold is a similarity over 0 and up to 1, not {threshold}.")
    first: dict[str, int] = {}
    exact = [first.setdefault(content_hash(text), at) for at, text in enumerate(texts)]
    kept = [at for at, into in enumerate(exact) if at == into]
    near = _fold_sets({at: shingles(texts[at]) for at in kept}, threshold)
    return [_fold(at, into, near) for at, into in enumerate(exact)]


def content_hash(text: str) -> str:
    """sha256 of the text in one Unicode form, with runs of white space as one space."""
    return hashlib.sha256(_plain(text).encode("utf-8", "surrogatepass")).hexdigest()


def shingles(text: str) -> frozenset[str]:
    """The character shingles of a text; a text shorter than one shingle is its own."""
    plain = _plain(text)
    if len(plain) > MOST_CHARACTERS:  # two long texts with one head are told apart by their hash
        return shingles(plain[:MOST_CHARACTERS]) | _tail_marks(plain)
    last = max(1, len(plain) - SHINGLE + 1)
    return frozenset(plain[at : at + SHINGLE] for at in range(last))


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """|A & B| / |A | B|; two empty sets are equal."""
    common = len(a & b)
    union = len(a) + len(b) - common
    return common / union if union else 1.0


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _tail_marks(plain: str) -> frozenset[str]:
    """The shingles of equal steps of the tail, as hashes, each as heavy as its own text."""
    blocks = range(MOST_CHARACTERS, len(plain), MOST_CHARACTERS)
    return frozenset().union(*(shingles(plain[at : at + MOST_CHARACTERS]) for at in blocks))


def _fold(at: int, into: int, near: dict[int, int]) -> int | None:
    target = near.get(into, into)
    return None if target == at else target


def _fold_sets(sets: dict[int, frozenset[str]], threshold: float) -> dict[int, int]:
    """text -> the first kept text at least as similar as the threshold, in the order given."""
    count = Counter(shingle for one in sets.values() for shingle in one)
    index: defaultdict[str, list[int]] = defaultdict(list)
    folds: dict[int, int] = {}
    for at, one in sets.items():
        prefix = _rarest(one, count, threshold)
        near = _nearest(one, {k for shingle in prefix for k in index[shingle]}, sets, threshold)
        if near is not None:
            folds[at] = near
            continue
        for shingle in prefix:
            index[shingle].append(at)
    return folds


def _rarest(one: frozenset[str], count: Counter[str], threshold: float) -> list[str]:
    many = len(one) - math.ceil(threshold * len(one) - 1e-9) + 1
    return sorted(one, key=lambda shingle: (count[shingle], shingle))[:many]


def _nearest(
    one: frozenset[str], candidates: set[int], sets: dict[int, frozenset[str]], threshold: float
) -> int | None:
    for k in sorted(candidates):
        shorter, longer = sorted((len(one), len(sets[k])))
        if shorter >= threshold * longer - 1e-9 and jaccard(one, sets[k]) >= threshold:
            return k
    return None
