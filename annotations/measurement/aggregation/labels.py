"""Labels of many items as three integer arrays, what every aggregation method reads (pure).

Symbols: L labels, N items, R raters, K values; label l says that rater `rater[l]` gave item
`item[l]` the value `value[l]`. A missing label is absent: it is no row and never a zero.
A (N x RK) has one row an item and a one where the item has value v from rater r, in column rK + v:
sums over labels are products with A, which cost one pass over the labels.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

from annotations.measurement.counts import Label, is_missing

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Repeats = Literal["refuse", "latest", "keep"]

# The rater models hold R K K numbers, some of them twice: 40 million are 320 MB.
MAX_TABLE = 40_000_000
MAX_REPEATS_SHOWN = 5


class AggregationError(ValueError):
    """The labels cannot be brought together as asked; the text says what to do."""


@dataclass(frozen=True, eq=False)
class SparseLabels:
    """Labels sorted by item, then rater; `item`, `rater` and `value` are (L,), `is_judge` is (R,).

    items, raters, values: what the numbers stand for; `ordered` tells whether the values have an
    order that a method may use.
    """

    item: Ints
    rater: Ints
    value: Ints
    items: Sequence[Hashable]
    raters: Sequence[Hashable]
    values: Sequence[Label]
    is_judge: Bools
    ordered: bool

    @property
    def n_labels(self) -> int:
        """L."""
        return len(self.item)

    @property
    def n_items(self) -> int:
        """N."""
        return len(self.items)

    @property
    def n_raters(self) -> int:
        """R."""
        return len(self.raters)

    @property
    def n_values(self) -> int:
        """K."""
        return len(self.values)

    @property
    def labels_of_items(self) -> NDArray[np.int64]:
        """How many labels each item has, (N,)."""
        return np.bincount(self.item, minlength=self.n_items)

    @property
    def labels_of_raters(self) -> NDArray[np.int64]:
        """How many labels each rater gave, (R,)."""
        return np.bincount(self.rater, minlength=self.n_raters)

    @property
    def has_people_and_judges(self) -> bool:
        """Whether both gave labels: only then is there somebody to be outvoted."""
        judged = self.is_judge[self.rater]
        return bool(judged.any() and not judged.all())

    def keep(self, chosen: Bools) -> "SparseLabels":
        """The labels where `chosen` (L,) is true; items, raters and values stay what they are."""
        return replace(
            self, item=self.item[chosen], rater=self.rater[chosen], value=self.value[chosen]
        )

    def incidence(self) -> Any:
        """A (N x RK)."""
        ends = np.cumsum(self.labels_of_items, dtype=np.int32)
        column = self.rater * np.int32(self.n_values) + self.value
        return csr_array(
            (np.ones(self.n_labels), column, np.concatenate([np.zeros(1, np.int32), ends])),
            shape=(self.n_items, self.n_raters * self.n_values),
        )


def code_labels(
    labels: Iterable[tuple[Hashable, Hashable, Label | None]],
    *,
    values: Sequence[Label] | None = None,
    judges: Iterable[Hashable] = (),
    repeats: Repeats = "refuse",
) -> SparseLabels:
    """Coded labels of (item, rater, label) triples, in order of time; None and NaN are missing.

    `values` is the scale in its order. An item whose labels are all missing has no row here.
    """
    given = [(i, r, x) for i, r, x in labels if x is not None and not is_missing(x)]
    scale, ordered = _scale([x for _, _, x in given], values)
    items = list(dict.fromkeys(i for i, _, _ in given))
    raters = list(dict.fromkeys(r for _, r, _ in given))
    item_code, rater_code, value_code = (
        {name: code for code, name in enumerate(names)} for names in (items, raters, scale)
    )
    return labels_from_arrays(
        np.fromiter((item_code[i] for i, _, _ in given), np.int32, len(given)),
        np.fromiter((rater_code[r] for _, r, _ in given), np.int32, len(given)),
        np.fromiter((value_code[x] for _, _, x in given), np.int32, len(given)),
        items=items,
        raters=raters,
        values=scale,
        is_judge=_judges(raters, judges),
        ordered=ordered,
        repeats=repeats,
    )


def labels_from_arrays(
    item: ArrayLike,
    rater: ArrayLike,
    value: ArrayLike,
    *,
    items: Sequence[Hashable] | None = None,
    raters: Sequence[Hashable] | None = None,
    values: Sequence[Label] | None = None,
    is_judge: ArrayLike | None = None,
    ordered: bool = False,
    repeats: Repeats = "refuse",
) -> SparseLabels:
    """Labels that are coded already, (L,) each, in order of time; without names, the numbers."""
    codes: list[Ints] = [np.asarray(a).astype(np.int32, copy=False) for a in (item, rater, value)]
    if len({len(code) for code in codes}) > 1:
        raise AggregationError("Items, raters and values are three arrays of one length.")
    names: list[Sequence[Any]] = [
        range(int(code.max(initial=-1)) + 1) if given is None else given
        for code, given in zip(codes, (items, raters, values), strict=True)
    ]
    _check_codes(codes, names)
    judged = np.zeros(len(names[1]), bool) if is_judge is None else np.asarray(is_judge, bool)
    found = SparseLabels(
        codes[0], codes[1], codes[2], names[0], names[1], names[2], judged, ordered
    )
    if found.n_raters * found.n_values**2 > MAX_TABLE:
        raise AggregationError(
            f"{found.n_raters:,} raters and {found.n_values:,} values make tables of more than "
            f"{MAX_TABLE:,} numbers: choose the column with the answers, or fewer values."
        )
    return _without_repeats(_sorted(found), repeats)


def _sorted(labels: SparseLabels) -> SparseLabels:
    """By item, then rater, then time."""
    key = labels.item.astype(np.int64) * max(labels.n_raters, 1) + labels.rater
    if (np.diff(key) >= 0).all():
        return labels
    order = np.argsort(key, kind="stable")
    return replace(
        labels, item=labels.item[order], rater=labels.rater[order], value=labels.value[order]
    )


def _without_repeats(labels: SparseLabels, repeats: Repeats) -> SparseLabels:
    again = (np.diff(labels.item) == 0) & (np.diff(labels.rater) == 0)
    if repeats == "keep" or not again.any():
        return labels
    if repeats == "latest":
        return labels.keep(np.concatenate([~again, np.ones(1, bool)]))
    first = np.flatnonzero(again)[:MAX_REPEATS_SHOWN]
    pairs = ", ".join(
        f"{labels.items[labels.item[at]]!r} by {labels.raters[labels.rater[at]]!r}" for at in first
    )
    raise AggregationError(
        f"{int(again.sum()):,} labels repeat an item and a rater ({pairs}): keep one of each, or "
        "say that the latest counts."
    )


def _check_codes(codes: Sequence[Ints], names: Sequence[Sequence[Any]]) -> None:
    for what, code, of in zip(("item", "rater", "value"), codes, names, strict=True):
        if len(code) and not (code.min() >= 0 and code.max() < len(of)):
            raise AggregationError(f"A number of the {what} array names none of the {len(of):,}.")


def _judges(raters: Sequence[Hashable], judges: Iterable[Hashable]) -> Bools:
    named = set(judges)
    unknown = named - set(raters)
    if unknown:
        raise AggregationError(
            f"These judges gave no label: {', '.join(sorted(map(repr, unknown)))}."
        )
    return np.array([rater in named for rater in raters], bool)


def _scale(seen: Sequence[Label], values: Sequence[Label] | None) -> tuple[list[Label], bool]:
    distinct = dict.fromkeys(seen)
    if values is not None:
        unknown = [label for label in distinct if label not in set(values)]
        if unknown:
            raise AggregationError(
                f"Labels that are not on the scale: {', '.join(map(repr, unknown[:10]))}. "
                f"The scale is {', '.join(map(repr, values))}."
            )
        return list(values), True
    if not any(isinstance(label, str) for label in distinct):
        return sorted(distinct, key=float), True
    return sorted(distinct, key=str), False
