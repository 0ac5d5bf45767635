"""In how many cases at least t judges of every set fire: the counts that all of evasion rests on.

Symbols: k judges; a set S of them and the judges that fire on a case are bit masks; h[g, m] cases of
group g (gold positive or negative, in a stratum) with the fire mask m; A[t, S] cases in which exactly
t judges of S fire. Method: one pass for h, then a ranked zeta transform, judge by judge: not in S:
A_0 + A_1; in S: A_0 + x A_1, where x shifts t by one. k 2^k (k + 1) additions give any, all, majority
and every t-of-n of every set at once. A judge that weighs w shifts t by w: weighted votes are the
same sum with a longer axis. Source: A. Bjorklund, T. Husfeldt, P. Kaski, M. Koivisto (2007), "Fourier
meets Mobius: fast subset convolution", STOC, section 3.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from campaigns.judging.errors import BadScores
from campaigns.judging.linear import Bools

ANY, ALL, MAJORITY, WEIGHTED = "any", "all", "majority", "weighted"
RULES = (ANY, ALL, MAJORITY)
OF_N = "-of-n"
MOST_JUDGES = 16
MOST_WEIGHT = 64  # of all judges together: the longer axis of weighted votes

Counts = npt.NDArray[np.int64]
Whole = npt.NDArray[np.unsignedinteger]
Masks = npt.NDArray[np.uint32]


def fire_masks(fired: Bools) -> Masks:
    """The judges that fire on each case as one number, (N,): bit j is column j of (N, k)."""
    packed = np.packbits(fired, axis=1, bitorder="little")
    masks = np.zeros(len(fired), dtype=np.uint32)
    for byte in range(packed.shape[1]):
        masks |= packed[:, byte].astype(np.uint32) << np.uint32(8 * byte)
    return masks


def histograms(masks: Masks, groups: npt.NDArray[np.intp], *, k: int, n_groups: int) -> Counts:
    """h (G, 2^k): how many cases of each group have each fire mask."""
    cells = (groups.astype(np.int64) << k) | masks
    return np.bincount(cells, minlength=n_groups << k).reshape(n_groups, 1 << k)


def at_least(histogram: Counts, weights: Sequence[int]) -> Whole:
    """(W + 1, 2^k, G): in how many cases of a group judges of S that weigh t or more fire.

    With all weights 1, t is a number of judges. The axes are halved and turned in between, so that
    every addition runs over neighbours in memory.
    """
    groups, sets = histogram.shape
    k = sets.bit_length() - 1
    low = k // 2
    most = int(histogram.sum(axis=1).max(initial=0))
    h = histogram.astype(whole_type(most)).reshape(groups, 1 << (k - low), 1 << low)
    table = add_judges(h.transpose(1, 0, 2).reshape(1, 1 << (k - low), -1), weights[low:])
    ranks = len(table)
    turned = table.reshape(ranks, 1 << (k - low), groups, 1 << low).transpose(0, 3, 2, 1)
    table = add_judges(turned.reshape(ranks, 1 << low, -1), weights[:low])
    from_the_top(table)
    shaped = table.reshape(len(table), 1 << low, groups, 1 << (k - low))
    return shaped.transpose(0, 3, 1, 2).reshape(len(table), sets, groups)


def add_judges(table: Whole, weights: Sequence[int]) -> Whole:
    """(t, 2^m, R) with m judges added by their weights, lowest bit first: (t + sum, 2^m, R)."""
    for bit, weight in enumerate(weights):
        table = add_judge(table, bit, weight)
    return table


def add_judge(table: Whole, bit: int, weight: int) -> Whole:
    """One judge more, which stands at `bit` of the sets: (t, 2^m, R) becomes (t + w, 2^m, R)."""
    ranks, sets, width = table.shape
    old = table.reshape(ranks, sets >> (bit + 1), 2, width << bit)
    new = np.empty((ranks + weight, *old.shape[1:]), dtype=table.dtype)
    np.add(old[:, :, 0], old[:, :, 1], out=new[:ranks, :, 0])
    new[ranks:, :, 0] = 0
    put_shifted(old[:, :, 0], old[:, :, 1], weight, out=new[:, :, 1])
    return new.reshape(ranks + weight, sets, width)


def put_shifted(silent: Whole, fires: Whole, weight: int, *, out: Whole) -> None:
    """out = A_0 + x^w A_1 along the first axis, which is w longer than theirs."""
    ranks = len(silent)
    if weight >= ranks:
        out[:ranks], out[ranks:weight], out[weight:] = silent, 0, fires
        return
    out[:weight] = silent[:weight]
    np.add(silent[weight:], fires[: ranks - weight], out=out[weight:ranks])
    out[ranks:] = fires[ranks - weight :]


def from_the_top(table: Whole) -> None:
    """Exactly t becomes at least t, in place."""
    for t in range(len(table) - 2, -1, -1):
        table[t] += table[t + 1]


def whole_type(most: int) -> npt.DTypeLike:
    """The narrowest unsigned type that holds `most`: narrow numbers are added faster."""
    return np.uint16 if most < 1 << 16 else np.uint32 if most < 1 << 32 else np.uint64


def sizes(k: int) -> Counts:
    """|S| of every set, (2^k,)."""
    return np.bitwise_count(np.arange(1 << k, dtype=np.uint32)).astype(np.int64)


def weights_of_sets(weights: Sequence[int]) -> Counts:
    """The sum of the weights in every set, (2^k,)."""
    total = np.zeros(1, dtype=np.int64)
    for weight in weights:
        total = np.concatenate([total, total + weight])
    return total


def needed(rule: str, k: int, *, weights: Sequence[int] | None = None) -> Counts:
    """From which t on each set catches under the rule, (2^k,); 0 where the rule is none for the set.

    any: 1; all: |S|; majority: more than half; "3-of-n": 3, of sets of three or more; weighted: more
    than half of the weights in S, which are what t counts there.
    """
    size = sizes(k)
    if rule == WEIGHTED:
        total = weights_of_sets(checked_weights(weights, k))
        return np.where(total > 0, total // 2 + 1, 0)
    if rule == ANY:
        return np.minimum(size, 1)
    if rule == ALL:
        return size
    if rule == MAJORITY:
        return np.where(size > 0, size // 2 + 1, 0)
    t = t_of(rule)
    return np.where(size >= t, t, 0)


def t_of(rule: str) -> int:
    """3 of "3-of-n". Raises `BadScores` for what is no rule."""
    word = rule.removesuffix(OF_N)
    if word == rule or not word.isdecimal() or not 1 <= int(word) <= MOST_JUDGES:
        raise BadScores(
            f"Unknown rule {rule}: use {', '.join(RULES)}, {WEIGHTED}, or a number such as 2{OF_N}."
        )
    return int(word)


def checked_weights(weights: Sequence[int] | None, k: int) -> tuple[int, ...]:
    """The weights. Raises `BadScores` unless there is a whole one for each judge, not too large."""
    if weights is None or len(weights) != k:
        raise BadScores(f"The rule {WEIGHTED} needs a weight for each of the {k} judges.")
    if any(w != int(w) or w < 0 for w in weights) or not 0 < sum(weights) <= MOST_WEIGHT:
        raise BadScores(
            f"Weights are whole numbers from 0 on that add up to at most {MOST_WEIGHT}: round them."
        )
    return tuple(int(w) for w in weights)


def check_rules(rules: Sequence[str]) -> None:
    """Raises `BadScores` where one is no rule."""
    for rule in rules:
        if rule not in (*RULES, WEIGHTED):
            t_of(rule)
