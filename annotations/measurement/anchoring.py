"""What AI help does to agreement and to a rater's own answer (pure; shares and times are in crossed.py).

Alpha within an arm has only pairs of labels that were both given in it. Its difference to blind is
    d = alpha_arm - alpha_blind,
with alpha = 1 - D_o / D_e in pair form: for counts n_uv of raters' weights W_r, n_u = sum_v n_uv,
    D_o = sum_u n_u (n_u^2 - sum_v n_uv^2) / (n_u^2 - sum_r W_r^2) / sum_u n_u        (r who labelled u),
    D_e = (n^2 - sum_v n_v^2) / (n (n - 1)),
so that a rater drawn twice makes no pair with itself. The variance is V = V_items + V_raters, each by a
bootstrap that keeps the other as it is and draws once for the two arms: an item's difficulty and a
rater's leaning are in both. The noise of single answers is in both parts, so V is rather too large than
too small; resampling both at once would count it three times (Owen), which in arms with hardly two labels
an item is most of it. The interval is d -+ z sqrt(V), cut at the ends of the scale.
Sources: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011); A. B. Owen, "The pigeonhole
bootstrap", Annals of Applied Statistics 1 (2007) 386-411.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from annotations.measurement.bootstrap import MAX_UNDEFINED_SHARE, Bootstrap
from annotations.measurement.crossed import MIN_CLUSTERS
from annotations.measurement.results import Estimate, undefined

Floats = NDArray[np.float64]
Labelled = tuple[Hashable, Hashable, str]  # rater, item, word

REPLICATES = 400
NO_SPREAD = 1e-12
MIN_ITEMS = 5
CROSSED = "bootstrap over items plus bootstrap over raters"
ITEMS_ONLY = "bootstrap over items for these raters"


@dataclass(frozen=True)
class Revisions:
    """First answers against last words, where the right answer is known: counts of answers."""

    right_kept: int = 0
    right_to_wrong: int = 0
    wrong_to_right: int = 0
    wrong_kept: int = 0

    @property
    def n(self) -> int:
        return self.right_kept + self.right_to_wrong + self.wrong_to_right + self.wrong_kept

    @property
    def net(self) -> int:
        """Answers that became right, less those that became wrong."""
        return self.wrong_to_right - self.right_to_wrong


def revisions(rows: Iterable[tuple[bool, bool]]) -> Revisions:
    """Rows (first answer right, last word right)."""
    counts = {(True, True): 0, (True, False): 0, (False, True): 0, (False, False): 0}
    for row in rows:
        counts[row] += 1
    return Revisions(
        counts[True, True], counts[True, False], counts[False, True], counts[False, False]
    )


@dataclass(frozen=True, eq=False)
class _Arm:
    """The labels of one arm over the items (U) and raters (G) of both.

    by_value: for each word a 0/1 matrix (U, G); anybody: their sum.
    """

    by_value: tuple[csr_array, ...]
    anybody: csr_array


def alpha_within(rows: Sequence[Labelled], *, how: Bootstrap | None = None) -> Estimate:
    """Nominal alpha of the labels of one arm, with its interval."""
    return _alpha_estimate(rows, (), how or Bootstrap(replicates=REPLICATES))


def difference_of_alphas(
    arm: Sequence[Labelled], blind: Sequence[Labelled], *, how: Bootstrap | None = None
) -> Estimate:
    """Alpha of the arm minus alpha of blind."""
    return _alpha_estimate(arm, blind, how or Bootstrap(replicates=REPLICATES), is_difference=True)


def _alpha_estimate(
    arm: Sequence[Labelled], blind: Sequence[Labelled], how: Bootstrap, *,
    is_difference: bool = False,
) -> Estimate:  # fmt: skip
    samples = (arm, blind) if is_difference else (arm,)
    n = min(_paired_items(rows) for rows in samples)
    raters = list(dict.fromkeys(g for rows in samples for g, _, _ in rows))
    method = CROSSED if len(raters) >= MIN_CLUSTERS else ITEMS_ONLY
    if n < MIN_ITEMS:
        place = "each arm" if is_difference else "this arm"
        reason = f"Fewer than {MIN_ITEMS} questions have two answers in {place}: {n}."
        return undefined(reason, n=n, method=method, level=how.level)
    arms, n_items = _indexed(samples, raters)
    one = np.ones((1, n_items)), np.ones((1, len(raters)))
    alphas = [_alphas(found, *one)[0] for found in arms]
    point = float(alphas[0] - alphas[1] if is_difference else alphas[0])
    if np.isnan(point):
        return undefined(
            "Every answer that can be compared is the same: agreement can't be told from chance.",
            n=n, method=method, level=how.level,
        )  # fmt: skip
    spread = [
        _spread([_alphas(arm, *weights) for arm in arms])
        for weights in _weights(n_items, len(raters), how)
    ]
    return _with_interval(point, sum(spread), n, how, method, widest=2.0 if is_difference else 1.0)


def _with_interval(
    point: float, variance: float, n: int, how: Bootstrap, method: str, *, widest: float
) -> Estimate:
    if not variance > NO_SPREAD:  # also where too many resamples are undefined
        reason = "Resamples show no spread, or too many are undefined: too few answers that differ."
        return Estimate(point, None, None, n, level=how.level, method=method, reason=reason)
    half = NormalDist().inv_cdf((1 + how.level) / 2) * sqrt(variance)
    low, high = max(point - half, -widest), min(point + half, widest)
    return Estimate(point, low, high, n, level=how.level, method=method)


def _spread(values: Sequence[Floats]) -> float:
    """The variance of the resamples of an alpha, or of the difference of two; NaN if many have none."""
    replicates = values[0] - values[1] if len(values) > 1 else values[0]
    defined = replicates[np.isfinite(replicates)]
    if len(defined) < (1 - MAX_UNDEFINED_SHARE) * len(replicates):
        return float("nan")
    return float(np.var(defined))


def _weights(n_items: int, n_raters: int, how: Bootstrap) -> list[tuple[Floats, Floats]]:
    """Weights of items (R, U) and raters (R, G): items drawn, then raters if they are a sample."""
    rng = np.random.default_rng(how.seed)
    items = rng.multinomial(n_items, np.full(n_items, 1 / n_items), how.replicates)
    drawn = [(items.astype(np.float64), np.ones((1, n_raters)))]
    if n_raters >= MIN_CLUSTERS:
        raters = rng.multinomial(n_raters, np.full(n_raters, 1 / n_raters), how.replicates)
        drawn.append((np.ones((1, n_items)), raters.astype(np.float64)))
    return drawn


def _alphas(arm: _Arm, items: Floats, raters: Floats) -> Floats:
    """Alpha (R,) for weights of items (R, U) and raters (R, G), one of them (1, .); NaN if undefined."""
    counts = [matrix @ raters.T for matrix in arm.by_value]  # V times (U, R)
    labels = np.sum(counts, axis=0)
    pairs = labels**2 - arm.anybody @ (raters**2).T
    paired = pairs > 0
    apart = labels**2 - np.sum([one**2 for one in counts], axis=0)
    weight = items.T * paired
    n = (weight * labels).sum(axis=0)  # (R,)
    observed = (weight * labels * apart / np.where(paired, pairs, 1.0)).sum(axis=0)
    totals = np.array([(weight * one).sum(axis=0) for one in counts])  # (V, R)
    expected = n**2 - (totals**2).sum(axis=0)
    ratio = np.full(len(n), np.nan)
    np.divide((n - 1) * observed, expected, out=ratio, where=expected > 1e-12)
    return 1 - ratio


def _indexed(
    samples: Sequence[Sequence[Labelled]], raters: Sequence[Hashable]
) -> tuple[list[_Arm], int]:
    rater_at = {g: place for place, g in enumerate(raters)}
    names = dict.fromkeys(i for rows in samples for _, i, _ in rows)
    item_at = {i: place for place, i in enumerate(names)}
    words = list(dict.fromkeys(word for rows in samples for _, _, word in rows))
    shape = (len(item_at), len(raters))
    arms = []
    for rows in samples:
        by_value = []
        for word in words:
            at = [(item_at[i], rater_at[g]) for g, i, said in rows if said == word]
            y, x = zip(*at, strict=True) if at else ((), ())
            by_value.append(csr_array((np.ones(len(at)), (y, x)), shape=shape))
        arms.append(_Arm(tuple(by_value), csr_array(sum(by_value[1:], by_value[0]))))
    return arms, len(item_at)


def _paired_items(rows: Sequence[Labelled]) -> int:
    counts: dict[Hashable, int] = {}
    for _, item, _ in rows:
        counts[item] = counts.get(item, 0) + 1
    return sum(n > 1 for n in counts.values())
