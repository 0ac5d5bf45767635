"""All combinations of sixteen judges on 100,000 cases: how fast, how large, and whether they are right.

Two strata, gold positive and negative: four groups of cases in one pass. Rules: every t-of-n (so any,
all and majority too) and a weighted vote. Times are seconds of this process's CPU; the naive loop goes
set by set over all cases, and is timed on an even share of the sets.
"""

import argparse
import resource
import time

import numpy as np
import numpy.typing as npt

from benchmarks._figures import Figure, note
from campaigns.judging.evasion.counting import (
    WEIGHTED,
    at_least,
    fire_masks,
    histograms,
    needed,
    sizes,
)
from campaigns.judging.evasion.resampling import REPLICATES, Draws, draw, spread

CASES, JUDGES, GROUPS = 100_000, 16, 4
WEIGHTS = (1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3, 2)
TIMED_SETS = 512
REPEATS = 5
LIMITS = {"seconds": 10.0, "megabytes": 1_000.0}


def figures(options: argparse.Namespace) -> dict[str, Figure]:
    """Point values beside a loop, mismatches with brute force, then all intervals."""
    cases = 20_000 if options.quick else CASES
    fired, groups = made_up(cases, JUDGES, seed=options.seed)
    point = min(timed_points(fired, groups) for _ in range(REPEATS))
    naive = timed_loop(fired, groups)
    k = 8 if options.quick else 12
    wrong = mismatches(*made_up(4_000, k, seed=options.seed + 1))
    note(f"evasion: {cases:,} cases; the loop was timed on {TIMED_SETS} of {1 << JUDGES:,} sets")
    seconds = timed_intervals(fired, groups, seed=options.seed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000
    return {
        "all_sets_with_intervals": Figure(seconds, "CPU s", LIMITS["seconds"], ""),
        "peak_memory": Figure(peak, "MB", LIMITS["megabytes"], ""),
        "point_values": Figure(point, "CPU s", None, ""),
        "faster_than_a_loop": Figure(naive / point, "times", 1_000, "", at_least=True),
        f"mismatches_with_brute_force_k{k}": Figure(wrong, "values", 0, ""),
    }  # fmt: skip


def made_up(n: int, k: int, *, seed: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """Judges with a shared weakness, and four groups: two strata times gold."""
    rng = np.random.default_rng(seed)
    y, hard = rng.random(n) < 0.4, rng.normal(size=(n, 1))
    fired = hard * 0.8 + rng.normal(size=(n, k)) + y[:, None] * 1.5 > 0.7
    return fired, rng.integers(0, GROUPS // 2, n) * 2 + y


def timed_points(fired: npt.NDArray[np.bool_], groups: npt.NDArray[np.intp]) -> float:
    """Every t-of-n of every set, counted from the verdicts on."""
    k = fired.shape[1]
    began = time.process_time()
    at_least(histograms(fire_masks(fired), groups, k=k, n_groups=GROUPS), (1,) * k)
    return time.process_time() - began


def timed_loop(fired: npt.NDArray[np.bool_], groups: npt.NDArray[np.intp]) -> float:
    """What a loop over all sets would take for the same counts."""
    k = fired.shape[1]
    masks = np.linspace(1, (1 << k) - 1, TIMED_SETS).astype(int)
    began = time.process_time()
    for mask in masks:
        by_loop(fired, groups, [j for j in range(k) if mask >> j & 1], (1,) * k)
    return (time.process_time() - began) * (1 << k) / TIMED_SETS


def by_loop(
    fired: npt.NDArray[np.bool_], groups: npt.NDArray[np.intp], inside: list[int],
    weights: tuple[int, ...],
) -> npt.NDArray[np.int64]:  # fmt: skip
    """At least t of one set in each group, (t, G), counted case by case."""
    votes = fired[:, inside] @ np.array([weights[j] for j in inside], dtype=np.int64)
    ranks = sum(weights) + 1
    exact = np.bincount(votes * GROUPS + groups, minlength=ranks * GROUPS).reshape(ranks, GROUPS)
    return exact[::-1].cumsum(axis=0)[::-1]


def mismatches(fired: npt.NDArray[np.bool_], groups: npt.NDArray[np.intp]) -> int:
    """Values of any set, rule and group that differ from the loop's, with weights 1 and with others."""
    k = fired.shape[1]
    h = histograms(fire_masks(fired), groups, k=k, n_groups=GROUPS)
    wrong = 0
    for weights in ((1,) * k, WEIGHTS[:k]):
        found = at_least(h, weights)
        for mask in range(1 << k):
            inside = [j for j in range(k) if mask >> j & 1]
            wrong += int((found[:, mask] != by_loop(fired, groups, inside, weights)).sum())
    return wrong


def timed_intervals(
    fired: npt.NDArray[np.bool_], groups: npt.NDArray[np.intp], *, seed: int
) -> float:
    """Draws, and the ends of the interval of every share: every t-of-n, then weighted votes."""
    k = fired.shape[1]
    began = time.process_time()
    masks = fire_masks(fired)
    h = histograms(masks, groups, k=k, n_groups=GROUPS)
    draws = draw(masks, groups, k=k, n_groups=GROUPS, replicates=REPLICATES, seed=seed)
    for weights, wanted in ((((1,) * k), every(k)), (WEIGHTS, weighted(k))):
        at_least(h, weights)
        for stratum in range(0, GROUPS, 2):  # two groups at a time bound the memory
            ends(draws[stratum : stratum + 2], weights, wanted)
    return time.process_time() - began


def ends(draws: tuple[Draws, ...], weights: tuple[int, ...], wanted: npt.NDArray[np.bool_]) -> None:
    spread(draws, weights, wanted, deviations=False)


def every(k: int) -> npt.NDArray[np.bool_]:
    """Each t from 1 to the number of judges in the set."""
    t = np.arange(k + 1)[:, None]
    return (t >= 1) & (t <= sizes(k))


def weighted(k: int) -> npt.NDArray[np.bool_]:
    """More than half of the weights in the set."""
    need = needed(WEIGHTED, k, weights=WEIGHTS)
    wanted = np.zeros((sum(WEIGHTS) + 1, 1 << k), dtype=bool)
    wanted[need, np.arange(1 << k)] = need > 0
    return wanted
