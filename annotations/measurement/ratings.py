"""Labels that know their rater: what coefficients by rater and other raters' intervals need.

Symbols: N items, G raters, V values, L labels; label l was given to item u_l by rater g_l and is
value v_l: three arrays (L,), so that 10 million labels take 120 MB however sparse they are.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from annotations.measurement.counts import (
    AgreementError,
    Label,
    ValueCounts,
    are_numbers,
    check_item_weights,
    check_one_label_each,
    is_missing,
    scale_of,
)

Codes = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Ratings:
    """Labels with their raters, sorted by item; item, rater, value (L,) number the names.

    `ordered` tells whether `values` stand in their order; weights (N,): what an item counts.
    """

    items: Sequence[Hashable]
    raters: Sequence[Hashable]
    values: tuple[Label, ...]
    item: Codes
    rater: Codes
    value: Codes
    ordered: bool
    weights: NDArray[np.float64] | None = None

    @property
    def n_labels(self) -> int:
        """L."""
        return len(self.item)

    @property
    def item_weights(self) -> NDArray[np.float64]:
        """What each item counts (N,)."""
        return np.ones(len(self.items)) if self.weights is None else self.weights


def read_ratings(
    labels: Iterable[tuple[Hashable, Hashable, Label | None]],
    *,
    values: Sequence[Label] | None = None,
    weights: Mapping[Hashable, float] | None = None,
) -> Ratings:
    """Ratings of (item, rater, label) triples; None and NaN are missing.

    `values` is the scale in its order; without it, the values seen, sorted as numbers or as words.
    """
    given = [(u, g, x) for u, g, x in labels if x is not None and not is_missing(x)]
    check_one_label_each(given)
    scale = scale_of([x for _, _, x in given], values)
    items, item = _numbered(u for u, _, _ in given)
    raters, rater = _numbered(g for _, g, _ in given)
    place = {value: v for v, value in enumerate(scale)}
    value = np.fromiter((place[x] for _, _, x in given), np.int32, len(given))
    weighed = None if weights is None else _weights_of(items, weights)
    ordered = values is not None or are_numbers(scale)
    return ratings_from_codes(
        item, rater, value, items=items, raters=raters, values=scale, ordered=ordered,
        weights=weighed,
    )  # fmt: skip


def ratings_from_codes(
    item: Codes, rater: Codes, value: Codes, *, items: Sequence[Hashable],
    raters: Sequence[Hashable], values: Sequence[Label], ordered: bool,
    weights: NDArray[np.float64] | None = None,
) -> Ratings:  # fmt: skip
    """Ratings from numbered labels (L,), each (item, rater) once."""
    by_item = np.argsort(item, kind="stable")
    given = None if weights is None else check_item_weights(weights, len(items))
    return Ratings(
        items, raters, tuple(values), item[by_item], rater[by_item], value[by_item], ordered, given
    )


def counts_of(ratings: Ratings) -> ValueCounts:
    """How often each item got each value."""
    n_values = max(len(ratings.values), 1)
    cells = ratings.item.astype(np.int64) * n_values + ratings.value
    matrix = np.bincount(cells, minlength=len(ratings.items) * n_values)
    return ValueCounts(
        items=ratings.items,
        values=ratings.values,
        matrix=matrix.astype(np.int64).reshape(-1, n_values)[:, : len(ratings.values)],
        n_raters=len(np.unique(ratings.rater)),
        ordered=ratings.ordered,
        weights=ratings.weights,
    )


def subset(ratings: Ratings, which: NDArray[np.bool_]) -> Ratings:
    """Some of the labels (L,), with only the items and raters that have any, on the same scale."""
    items, item = np.unique(ratings.item[which], return_inverse=True)
    raters, rater = np.unique(ratings.rater[which], return_inverse=True)
    return Ratings(
        [ratings.items[u] for u in items], [ratings.raters[g] for g in raters], ratings.values,
        item.astype(np.int32), rater.astype(np.int32), ratings.value[which], ratings.ordered,
        None if ratings.weights is None else ratings.weights[items],
    )  # fmt: skip


def _numbered(names: Iterable[Hashable]) -> tuple[tuple[Hashable, ...], Codes]:
    """The different names in order of appearance, and the number of each (L,)."""
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int32)
    return tuple(numbers), codes


def _weights_of(
    items: Sequence[Hashable], weights: Mapping[Hashable, float]
) -> NDArray[np.float64]:
    unknown = [item for item in items if item not in weights]
    if unknown:
        raise AgreementError(f"Item {unknown[0]!r} has no weight: give each item one.")
    return check_item_weights([weights[item] for item in items], len(items))
