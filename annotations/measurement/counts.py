"""Labels as value counts, the only form that the agreement coefficients need.

Symbols: N items, V values, n_uv = how often item u got value v (the matrix, N x V), m_u = the sum
of n_uv over v. A missing label is no label: it is counted nowhere and is never a zero.
Source: K. Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
"""

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Label = str | int | float

# A scale has few values. More is a column of texts, whose N x V matrix would fill the memory.
MAX_VALUES = 1_000


class AgreementError(ValueError):
    """The labels cannot be measured as asked; the text says what to do."""


@dataclass(frozen=True, eq=False)
class ValueCounts:
    """How often each item got each value.

    matrix: (N, V) integers; `ordered` tells whether `values` stand in their order (given,
    or numbers), which the ordinal level needs; weights (N,): what an item counts, 1 if None.
    """

    items: Sequence[Hashable]
    values: tuple[Label, ...]
    matrix: NDArray[np.int64]
    n_raters: int
    ordered: bool
    weights: NDArray[np.float64] | None = None

    @property
    def n_items(self) -> int:
        """Items with at least one label."""
        return int((self.matrix.sum(axis=1) > 0).sum())

    @property
    def n_paired(self) -> int:
        """Items with at least two labels: what agreement rests on."""
        return int((self.matrix.sum(axis=1) > 1).sum())

    @property
    def n_labels(self) -> int:
        """Labels in all."""
        return int(self.matrix.sum())


def count_values(
    labels: Iterable[tuple[Hashable, Hashable, Label | None]],
    *,
    values: Sequence[Label] | None = None,
) -> ValueCounts:
    """Value counts of (item, rater, label) triples; None and NaN are missing.

    `values` is the scale in its order; without it, the values seen, sorted as numbers or as words.
    """
    given = [(item, rater, label) for item, rater, label in labels if not is_missing(label)]
    check_one_label_each(given)
    scale = scale_of([label for _, _, label in given if label is not None], values)
    item_index = {item: u for u, item in enumerate(dict.fromkeys(item for item, _, _ in given))}
    value_index = {value: v for v, value in enumerate(scale)}
    cells = np.fromiter(
        (item_index[i] * len(scale) + value_index[x] for i, _, x in given if x is not None),
        np.int64,
        len(given),
    )
    matrix = np.bincount(cells, minlength=len(item_index) * len(scale)).reshape(
        len(item_index), len(scale)
    )
    return ValueCounts(
        items=tuple(item_index),
        values=scale,
        matrix=matrix.astype(np.int64),
        n_raters=len({rater for _, rater, _ in given}),
        ordered=values is not None or are_numbers(scale),
    )


def counts_from_matrix(
    matrix: ArrayLike,
    *,
    values: Sequence[Label],
    n_raters: int | None = None,
    weights: ArrayLike | None = None,
) -> ValueCounts:
    """Value counts from an (N, V) table; without `n_raters`, the most labels of any item."""
    table = np.asarray(matrix, dtype=np.int64)
    if table.ndim != 2 or table.shape[1] != len(values):
        raise AgreementError(
            f"A table of counts has one column for each of the {len(values)} values."
        )
    if (table < 0).any():
        raise AgreementError("Counts of labels cannot be negative.")
    raters = int(table.sum(axis=1).max(initial=0)) if n_raters is None else n_raters
    given = None if weights is None else check_item_weights(weights, len(table))
    return ValueCounts(range(len(table)), tuple(values), table, raters, ordered=True, weights=given)


def check_item_weights(weights: ArrayLike, n_items: int) -> NDArray[np.float64]:
    """What each item counts (N,): positive numbers; 2 counts like two equal items."""
    given = np.asarray(weights, dtype=np.float64)
    if given.shape != (n_items,) or not np.isfinite(given).all() or (given <= 0).any():
        raise AgreementError(
            "Weights are one positive number for each item: leave out what counts nothing."
        )
    return given


def is_missing(label: Label | None) -> bool:
    """Whether there is no label: None or NaN (zero is a label)."""
    return label is None or (isinstance(label, float) and math.isnan(label))


def check_one_label_each(labels: Sequence[tuple[Hashable, Hashable, Label | None]]) -> None:
    seen: set[tuple[Hashable, Hashable]] = set()
    for item, rater, _ in labels:
        if (item, rater) in seen:
            raise AgreementError(
                f"Rater {rater!r} has two labels for item {item!r}: "
                "keep one of them, or give the repeat an item of its own."
            )
        seen.add((item, rater))


def scale_of(seen: Sequence[Label], values: Sequence[Label] | None) -> tuple[Label, ...]:
    distinct = list(dict.fromkeys(seen))
    if values is not None:
        return _given_scale(distinct, values)
    if len(distinct) > MAX_VALUES:
        raise AgreementError(
            f"{len(distinct):,} different labels: agreement needs a scale of at most "
            f"{MAX_VALUES:,} values. Choose the column with the answers, not one with texts."
        )
    if are_numbers(distinct):
        return tuple(sorted(distinct, key=float))
    return tuple(sorted(distinct, key=str))


def _given_scale(distinct: Sequence[Label], values: Sequence[Label]) -> tuple[Label, ...]:
    if len(set(values)) != len(values):
        raise AgreementError("A value stands twice in the scale: name each value once.")
    unknown = [label for label in distinct if label not in set(values)]
    if unknown:
        raise AgreementError(
            f"Labels that are not on the scale: {', '.join(map(repr, unknown[:10]))}. "
            f"The scale is {', '.join(map(repr, values))}."
        )
    return tuple(values)


def are_numbers(values: Sequence[Label]) -> bool:
    return bool(values) and not any(isinstance(value, str) for value in values)
