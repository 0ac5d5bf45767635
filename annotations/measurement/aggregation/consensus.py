"""What the labels of one item say together: unanimous or majority, with shares; a tie is None.

Symbols: n = labels of the item, share = the part of them that a value has. Majority is the single
most frequent value (a plurality: its share says whether it is over one half).
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from annotations.measurement.counts import Label, is_missing


@dataclass(frozen=True)
class Consensus:
    """The labels of one item taken together."""

    n: int
    shares: Mapping[Label, float]
    majority: Label | None  # None for a tie or no label
    unanimous: (
        Label | None
    )  # None unless all labels are equal; one label alone is unanimous with n = 1

    @property
    def is_tie(self) -> bool:
        """Whether two or more values share the first place."""
        return self.n > 0 and self.majority is None

    @property
    def is_split(self) -> bool:
        """Whether the raters gave different labels."""
        return len(self.shares) > 1

    @property
    def majority_share(self) -> float | None:
        """The part of the labels that the majority has; None without one."""
        return None if self.majority is None else self.shares[self.majority]


def consensus(labels: Iterable[Label | None]) -> Consensus:
    """The consensus of one item's labels; missing ones (None, NaN) are not counted."""
    tally = Counter(label for label in labels if label is not None and not is_missing(label))
    n = tally.total()
    ranked = tally.most_common()
    first = [value for value, times in ranked if times == ranked[0][1]]
    return Consensus(
        n=n,
        shares={value: times / n for value, times in ranked},
        majority=first[0] if len(first) == 1 else None,
        unanimous=first[0] if len(ranked) == 1 else None,
    )


def aggregate(
    labels: Iterable[tuple[Hashable, Hashable, Label | None]],
) -> dict[Hashable, Consensus]:
    """The consensus of each item of (item, rater, label), in order of appearance."""
    by_item: dict[Hashable, list[Label | None]] = {}
    for item, _, label in labels:
        by_item.setdefault(item, []).append(label)
    return {item: consensus(given) for item, given in by_item.items()}
