"""Which cases people should label next, so that few labels tell the prevalence: sampling by score.

Symbols: N_h rows of stratum h, s_h the mean of sqrt(p (1 - p)) in it (`strata.spread`), n labels to
give. Neyman's allocation n_h = n N_h s_h / sum(N s) gives the least variance; each stratum gets at
least FLOOR labels and at most its rows. pi_h = n_h / N_h is stored with every label.
Sources: J. Neyman (1934), JRSS 97: 558-625; Fisch et al. (2024), arXiv 2406.04291.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotations.measurement.prevalence.evidence import Evidence, Floats, Ints, PrevalenceError
from annotations.measurement.prevalence.strata import cut, spread, strata_to_draw, tally

FLOOR = 5


@dataclass(frozen=True, eq=False)
class SamplingPlan:
    """Stratum (M,) of every row; sizes N, shares s and labels to give n of each stratum, (H,)."""

    stratum: Ints
    sizes: Ints
    spreads: Floats
    labels: Ints

    @property
    def probabilities(self) -> Floats:
        """pi of every row, (M,): to be stored with each label."""
        return np.asarray((self.labels / self.sizes)[self.stratum], dtype=np.float64)


def plan_by_score(scores: Floats, n: int, *, parts: int | None = None) -> SamplingPlan:
    """Strata and labels for each, from the judge's scores (M,) of all rows."""
    M = len(scores)
    if not 0 < n <= M:
        raise PrevalenceError(f"Between 1 and {M:,} of {M:,} cases can be labelled, not {n:,}.")
    values, place = np.unique(scores, return_inverse=True)
    rows = np.bincount(place).astype(np.float64)[None, :]
    parts = parts or strata_to_draw(n)
    by_value = cut(values, rows, n, parts)
    sizes, mass = tally(by_value, parts, rows, rows * spread(values, n))
    used = sizes[0] > 0
    renumber = np.cumsum(used) - 1
    N, s = sizes[0][used], mass[0][used] / sizes[0][used]
    labels = allocate(N[None, :], s[None, :], n)[0]
    return SamplingPlan(renumber[by_value[0]][place], N.astype(np.int64), s, labels)


def allocate(sizes: Floats, spreads: Floats, n: int, *, floor: int = FLOOR) -> Ints:
    """Neyman's n_h (R, H), whole numbers that add to n: from the floor, one label at a time.

    Each label goes where it lowers the variance most: to the greatest N_h s_h / sqrt(n_h (n_h + 1)).
    Source: T. Wright (2012), "The equivalence of Neyman optimum allocation for sampling and equal
    proportions for apportioning the U.S. House", The American Statistician 66: 217-224.
    """
    R, H = sizes.shape
    base = min(floor, n // H)
    given = np.minimum(sizes, base).astype(np.int64)
    ideal = n * (sizes * spreads) / np.maximum((sizes * spreads).sum(axis=1, keepdims=True), 1e-300)
    given = np.maximum(given, np.minimum(sizes, np.floor(ideal * 0.9 - base)).astype(np.int64))
    rows = np.arange(R)
    for _ in range(int(n - given.sum(axis=1).min())):
        gain = np.where(
            given < sizes,
            sizes * np.maximum(spreads, 1e-12) / np.sqrt(given * (given + 1.0) + 1e-9),
            -1.0,
        )
        best = gain.argmax(axis=1)
        given[rows, best] += given.sum(axis=1) < np.minimum(n, sizes.sum(axis=1))
    return np.asarray(given, dtype=np.int64)


def gain_of_plan(plan: SamplingPlan, evidence: Evidence) -> float | None:
    """How wide an interval drawn by this plan would be beside a plain draw of as many labels.

    From labels that exist (of a plain draw, say a random slice), which tell each stratum's share
    (k_h + 1/2) / (n_h + 1): sqrt(sum of W_h^2 p_h (1 - p_h) / n_h) over sqrt(p (1 - p) / n). Above 1 the
    judge tells too little, and its scores would spread labels badly: draw plainly. None without labels.
    """
    if evidence.n == 0 or evidence.is_weighted:
        return None
    H = len(plan.sizes)
    at = plan.stratum[evidence.is_labelled]
    n = np.bincount(at, minlength=H)
    p = (np.bincount(at, weights=evidence.y, minlength=H) + 0.5) / (n + 1)
    W, labels = plan.sizes / plan.sizes.sum(), plan.labels
    overall = float((W * p).sum())
    planned = float((W * W * p * (1 - p) / np.maximum(labels, 1)).sum())
    return float(np.sqrt(planned / (overall * (1 - overall) / labels.sum())))


def draw(plan: SamplingPlan, rng: np.random.Generator) -> Ints:
    """The rows to label, rising: n_h of each stratum, without replacement."""
    picks = [
        rng.choice(np.flatnonzero(plan.stratum == h), size=n_h, replace=False)
        for h, n_h in enumerate(plan.labels)
    ]
    return np.sort(np.concatenate(picks)).astype(np.int64)


def draw_by_key(plan: SamplingPlan, keys: Sequence[str], secret: str) -> Ints:
    """The same by a keyed hash of each row's key: whoever holds the secret can repeat the draw.

    A row's place does not depend on which other rows there are, so a grown set keeps its old picks
    as far as the numbers of labels allow.
    """
    if len(keys) != len(plan.stratum):
        raise PrevalenceError("Every row needs a key.")
    rank = np.array([_number(key, secret) for key in keys])
    picks = []
    for h, n_h in enumerate(plan.labels):
        rows = np.flatnonzero(plan.stratum == h)
        picks.append(rows[np.argsort(rank[rows], kind="stable")[:n_h]])
    return np.sort(np.concatenate(picks)).astype(np.int64)


def _number(key: str, secret: str) -> int:
    digest = hashlib.blake2b(key.encode(), key=secret.encode()[:64], digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
