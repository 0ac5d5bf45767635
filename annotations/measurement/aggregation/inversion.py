"""Raters whose answers mean something else: inverted scales, and one answer to everything (pure).

Symbols: n_r (K, K) = expected counts of rater r saying v where k is true, with each label's true
value judged *without that label* (q_-l is proportional to q_i / P(r says v | k)); judges are
compared with what the people say, where there are both. right = sum of n_rkk; chance = the sum over
k of n_r(k, .) n_r(., k) / n_r, what a rater with the same habits gets by luck. Turned round: the
one-to-one renaming of the rater's values that makes most labels right (the assignment problem; with
two values, the swap). A rater is flagged as inverted when right is below chance, and right after
the renaming above the chance of the renamed, both by a one-sided test at 5 % divided by the number
of raters (Bonferroni): z = (right - chance) / sqrt(chance (1 - chance) n).
Source: H. W. Kuhn, "The Hungarian Method for the Assignment Problem" (1955); the chance term is that
of J. Cohen's kappa (1960).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm

from annotations.measurement.aggregation.em import Fit
from annotations.measurement.aggregation.judges import only_people
from annotations.measurement.aggregation.labels import Floats, SparseLabels
from annotations.measurement.counts import Label

ALPHA = 0.05
INVERTED = "inverted"
CONSTANT = "always the same answer"
# One answer to everything is odd where so many of the items deserved another one.
FEWEST_OTHERS = 3.0
FEWEST_CONSTANT = 10
CHUNK = 1_000_000
TINY = 1e-12


@dataclass(frozen=True)
class FlaggedRater:
    """A rater to look at: the share of their labels that is right, by luck, and once renamed."""

    rater: Any
    flag: str
    n: int
    right: float
    chance: float
    right_renamed: float
    renaming: dict[Label, Label]

    def as_json(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        return {
            "rater": str(self.rater),
            "flag": self.flag,
            "n": self.n,
            "right": self.right,
            "right_by_chance": self.chance,
            "right_renamed": self.right_renamed,
            "renaming": {str(said): str(meant) for said, meant in self.renaming.items()},
        }


def flag_raters(labels: SparseLabels, people: Fit) -> tuple[FlaggedRater, ...]:
    """The raters that are inverted, or answer the same to items that deserved another answer.

    `people` is a fit to `only_people(labels)`.
    """
    if labels.n_values < 2 or not labels.n_labels:
        return ()
    n = counts_without_own(labels, people)
    looks = (_look(labels, r, n[r]) for r in range(labels.n_raters) if n[r].sum() > 0)
    return tuple(flagged for flagged in looks if flagged is not None)


def counts_without_own(labels: SparseLabels, people: Fit) -> Floats:
    """n (R, K, K), each label against what the (other) people said of its item, if any did."""
    K = labels.n_values
    own = only_people(labels)
    n = np.zeros(labels.n_raters * K * K)
    others = np.bincount(own.item, minlength=labels.n_items)
    for start in range(0, labels.n_labels, CHUNK):
        part = slice(start, start + CHUNK)
        item, rater, value = labels.item[part], labels.rater[part], labels.value[part]
        is_own = (
            ~labels.is_judge[rater] if labels.has_people_and_judges else np.ones(len(item), bool)
        )
        rest = np.maximum(people.posterior[item], TINY)
        said = np.maximum(people.says(item, rater, value), TINY)
        rest = np.where(is_own[:, None], rest / said, rest)
        rest /= rest.sum(axis=1, keepdims=True)
        rest[others[item] - is_own < 1] = 0
        for k in range(K):
            cell = (rater.astype(np.int64) * K + k) * K + value
            n += np.bincount(cell, rest[:, k], minlength=len(n))
    return n.reshape(labels.n_raters, K, K)


def _look(labels: SparseLabels, rater: int, n: Floats) -> FlaggedRater | None:
    total = n.sum()
    meant, said = linear_sum_assignment(-n)
    renamed = n[:, said]  # column k = the value that is renamed to k
    right, chance = _right_and_chance(n)
    turned, turned_chance = _right_and_chance(renamed)
    limit = norm.isf(ALPHA / labels.n_raters)
    below = _z(right, chance, total) < -limit
    above = _z(turned, turned_chance, total) > limit
    same = np.count_nonzero(n.sum(axis=0)) == 1 and total >= FEWEST_CONSTANT
    is_constant = same and total * (1 - right) >= FEWEST_OTHERS
    if not is_constant and not (below and above and (said != meant).any()):
        return None
    names = labels.values
    return FlaggedRater(
        labels.raters[rater],
        CONSTANT if is_constant else INVERTED,
        round(total),
        right,
        chance,
        right if is_constant else turned,
        {}
        if is_constant
        else {names[s]: names[m] for m, s in zip(meant, said, strict=True) if s != m},
    )


def _right_and_chance(n: Floats) -> tuple[float, float]:
    total = float(n.sum())
    chance = float((n.sum(axis=1) * n.sum(axis=0)).sum()) / total**2
    return float(np.trace(n)) / total, chance


def _z(right: float, chance: float, total: float) -> float:
    spread = float(np.sqrt(max(chance * (1 - chance), TINY) / total))
    return (right - chance) / spread
