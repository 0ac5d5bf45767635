"""The two tests of the miners: Fisher's exact and a permutation test.

Sources: Fisher 1922; Rao and Scott 1992, Biometrics 48:577 (clustered binary data: divide counts by
the design effect). Over many tests: `annotations.measurement.false_discovery`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, hypergeom

from campaigns.drafting.evidence import Mask

Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Excess:
    """k of n cases flagged inside a region and in the rest, with the one-sided exact p."""

    k_in: int
    n_in: int
    k_out: int
    n_out: int
    p_value: float

    @property
    def lift(self) -> float:
        """Rate inside over rate outside, with half a case added against division by nothing."""
        if not self.n_in or not self.n_out:
            return 0.0
        return (self.k_in / self.n_in) / max(self.k_out / self.n_out, 0.5 / self.n_out)


def excess(flagged: Mask, inside: Mask, families: Ints) -> Excess:
    """Are flags commoner inside than in the rest, variants of one seed not counted as independent?

    All three of shape (m,): the cases for which the flag is known. Symbols: k flagged of n, d the
    design effect of families (>= 1), p = P(X >= k/d) under the hypergeometric law.
    """
    k_in, n_in = int(flagged[inside].sum()), int(inside.sum())
    k_out, n_out = int(flagged[~inside].sum()), int((~inside).sum())
    d = _design_effect(flagged, inside, families)
    # Rounding flags inside down and the rest up only ever makes the claim harder.
    small_k_in, small_n_in = int(k_in / d), int(np.ceil(n_in / d))
    small_k_out, small_n_out = int(np.ceil(k_out / d)), int(n_out / d)
    small_k_out = min(small_k_out, small_n_out)
    p_value = hypergeom.sf(
        small_k_in - 1, small_n_in + small_n_out, small_k_in + small_k_out, small_n_in
    )
    return Excess(k_in, n_in, k_out, n_out, float(p_value))


def _design_effect(flagged: Mask, inside: Mask, families: Ints) -> float:
    """How many times the variance by families exceeds the binomial one, pooled over both sides."""
    clustered = binomial = 0.0
    for side in (inside, ~inside):
        if not side.any():
            continue
        rate = float(flagged[side].mean())
        totals = np.bincount(families[side], weights=flagged[side] - rate)
        m = np.unique(families[side]).size
        if m > 1:
            clustered += m / (m - 1) * float((totals**2).sum())
            binomial += int(side.sum()) * rate * (1 - rate)
    return max(1.0, clustered / binomial) if binomial > 0 else 1.0


def fewer_discordant(
    labels: Ints,
    pairs: Ints,
    *,
    rng: np.random.Generator,
    blocks: Ints | None = None,
    draws: int = 1999,
) -> float:
    """p that shuffled labels leave as few unlike pairs: small where texts do predict labels.

    labels (m,), pairs (e, 2) of positions. With `blocks` (m,) the labels are dealt in whole
    families, so that variants which share a label are not taken for independent evidence.
    """
    if len(pairs) == 0:
        return 1.0
    left, right = pairs[:, 0], pairs[:, 1]
    observed = int((labels[left] != labels[right]).sum())
    as_few = 0
    for _ in range(draws):
        dealt = labels[_shuffled_order(len(labels), blocks, rng)]
        as_few += int((dealt[left] != dealt[right]).sum()) <= observed
    return (1 + as_few) / (1 + draws)


def _shuffled_order(m: int, blocks: Ints | None, rng: np.random.Generator) -> Ints:
    """A random order of 0..m-1; with blocks, whole blocks in random order on both sides."""
    if blocks is None:
        return rng.permutation(m).astype(np.intp)
    places = rng.random(int(blocks.max()) + 1)[blocks]
    source = np.lexsort((np.arange(m), places)).astype(np.intp)
    target = np.argsort(blocks, kind="stable")
    order = np.empty(m, dtype=np.intp)
    order[target] = source
    return order


def wilson(k: int, n: int) -> tuple[float, float]:
    """The Wilson 95 % interval of k of n."""
    interval = binomtest(k, n).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)
