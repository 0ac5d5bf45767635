"""Kappas whose chance is each rater's own use of the values: Cohen's (two raters), Conger's (more).

Both speak of these very raters: there is no interval for others.
Symbols: G raters, V values, w (V, V) agreement weights, p_gv = the share of value v among the labels
of rater g; p_a as for Fleiss' kappa. Chance is the mean over pairs of different raters:
p_e = (sum_g p_g)' w (sum_g p_g) - sum_g p_g' w p_g, over G (G - 1). For two raters who label all
items this is Cohen's p_e; Cohen's kappa is Conger's on the items that both have labelled.
Sources: J. Cohen (1960, weighted 1968); A. J. Conger, "Integration and generalization of kappas for
multiple raters" (1980); missing labels: K. Gwet (2014), chapter 2.
"""

import numpy as np

from annotations.measurement.analytic import METHOD, conger_error
from annotations.measurement.bootstrap import (
    Bootstrap,
    Items,
    Statistic,
    percentile_interval,
    replicate,
    values_of,
)
from annotations.measurement.coefficients import NO_ROOM, ratio
from annotations.measurement.contributions import (
    Floats,
    Layout,
    Scoring,
    Sums,
    groups,
    tally,
    worth_collapsing,
)
from annotations.measurement.ratings import Ratings, counts_of, ratings_from_codes
from annotations.measurement.results import Estimate, undefined

COHEN_KAPPA = "cohen_kappa"
CONGER_KAPPA = "conger_kappa"
# N x G x V above this makes a resample dear: the interval is then Gwet's standard error.
MAX_CELLS = 20_000_000
SHARED = ("agreeing", "paired")
ONE_VALUE = "With one value in use, agreement cannot be told from chance."


def own_share_estimates(ratings: Ratings, scoring: Scoring, how: Bootstrap) -> dict[str, Estimate]:
    """Conger's kappa, and Cohen's where there are two raters, by name."""
    both = _both(ratings)
    return {
        CONGER_KAPPA: _estimate(ratings, scoring, how),
        COHEN_KAPPA: _not_two(ratings, how) if both is None else _estimate(both, scoring, how),
    }


def conger_statistic(scoring: Scoring, n_raters: int) -> Statistic:
    """Conger's kappa from the sums "agreeing", "paired" and "given" (R, G V)."""
    w = scoring.weights

    def kappa(sums: Sums) -> Floats:
        given = sums["given"].reshape(-1, n_raters, len(w))
        labels = given.sum(axis=2, keepdims=True)
        shares = np.divide(given, labels, out=np.zeros_like(given), where=labels > 0)
        g = (labels[:, :, 0] > 0).sum(axis=1)  # raters with a label in the resample
        all_ = shares.sum(axis=1)
        every = ((all_ @ w) * all_).sum(axis=1)
        own = ((shares @ w) * shares).sum(axis=(1, 2))
        expected = ratio(every - own, (g * (g - 1)).astype(np.float64))
        room = 1 - expected
        agreed = ratio(sums["agreeing"][:, 0], sums["paired"][:, 0])
        return ratio(agreed - expected, np.where(room < NO_ROOM, 0.0, room))

    return Statistic((*SHARED, "given"), kappa)


def rater_items(ratings: Ratings, scoring: Scoring) -> Items:
    """Items with what each adds to the shares of each rater; equal rows of labels are one pattern."""
    n_raters, n_values = len(ratings.raters), len(ratings.values)
    said = np.zeros((len(ratings.items), n_raters), dtype=np.int64)  # 0 is no label
    said[ratings.item, ratings.rater] = ratings.value + 1
    used = said.any(axis=1)
    said, weight = said[used], ratings.item_weights[used]
    first, _, multiplicity = groups(said, weight)
    if worth_collapsing(len(first), len(said)):
        said, weight = said[first], weight[first]
    else:
        multiplicity = np.ones(len(said), dtype=np.int64)
    layout = Layout(SHARED, n_values)

    def columns(start: int, stop: int) -> Floats:
        labels = said[start:stop, :, None] == np.arange(1, n_values + 1)  # (items, G, V)
        shared = layout.of(tally(labels.sum(axis=1).astype(np.float64)), scoring)
        given = labels.reshape(stop - start, n_raters * n_values)
        return np.concatenate([shared.T, given], axis=1) * weight[start:stop, None]

    def sums(totals: Floats) -> Sums:
        return {**layout.sums(totals[:, : layout.columns]), "given": totals[:, layout.columns :]}

    return Items(multiplicity, layout.columns + n_raters * n_values, columns, sums)


def _estimate(ratings: Ratings, scoring: Scoring, how: Bootstrap) -> Estimate:
    counts = counts_of(ratings)
    n, method = counts.n_paired, f"percentile bootstrap over items, {how.replicates:,} resamples"
    if n == 0 or counts.n_raters < 2:
        reason = "No item has labels from two raters."
        return undefined(reason, n=n, method=method, level=how.level)
    if len(ratings.items) * len(ratings.raters) * len(ratings.values) > MAX_CELLS:
        return _analytic(ratings, scoring, n=n, level=how.level)
    items = rater_items(ratings, scoring)
    statistic = {CONGER_KAPPA: conger_statistic(scoring, len(ratings.raters))}
    point = float(values_of(items.sums(items.whole()), statistic)[CONGER_KAPPA][0])
    if np.isnan(point):
        return undefined(ONE_VALUE, n=n, method=method, level=how.level)
    found = percentile_interval(
        replicate(items, statistic, how)[CONGER_KAPPA], point=point, n=n, level=how.level
    )
    return Estimate(
        point, found.low, found.high, n, level=how.level, method=method, reason=found.reason
    )


def _analytic(ratings: Ratings, scoring: Scoring, *, n: int, level: float) -> Estimate:
    """By Gwet's standard error; it knows no weights of items."""
    if ratings.weights is not None:
        reason = "With weights of items this many labels are too many: leave the weights out."
        return undefined(reason, n=n, method=METHOD, level=level)
    found = conger_error(ratings, scoring)
    if 1 - found.chance < NO_ROOM:
        return undefined(ONE_VALUE, n=n, method=METHOD, level=level)
    return found.estimate(n=n, level=level)


def _both(ratings: Ratings) -> Ratings | None:
    """The labels of items that both raters labelled; None where there are not two raters."""
    if len(np.unique(ratings.rater)) != 2:
        return None
    both = np.bincount(ratings.item, minlength=len(ratings.items)) == 2
    kept = both[ratings.item]
    return ratings_from_codes(
        ratings.item[kept], ratings.rater[kept], ratings.value[kept], items=ratings.items,
        raters=ratings.raters, values=ratings.values, ordered=ratings.ordered,
        weights=ratings.weights,
    )  # fmt: skip


def _not_two(ratings: Ratings, how: Bootstrap) -> Estimate:
    raters = len(np.unique(ratings.rater))
    return undefined(
        f"Cohen's kappa is for two raters, and there are {raters:,}: Conger's is its form for more.",
        n=0, method="for two raters", level=how.level,
    )  # fmt: skip
