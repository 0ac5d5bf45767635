"""Whether raters give the same answer again, after days: percent same, alpha and AC1 (pure).

Symbols: one repeat = a rater's first word and the word given again on the same case; percent same is
k / n. Corrected for chance, the two occasions are two coders of the same items (Krippendorff calls it
stability): alpha and AC1 over n x 2 labels. Pooled over raters, each (rater, case) is an item of its own, and
the interval of percent same counts that repeats of one rater are alike.
Sources: K. Krippendorff, "Content Analysis" (4th ed., 2018), section 12.1.1 (stability); K. Gwet,
"Handbook of Inter-Rater Reliability" (4th ed., 2014), chapter 8 (intra-rater); intervals in crossed.py
and bootstrap.py.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from annotations.measurement.agreement import GWET_AC1, KRIPPENDORFF_ALPHA, measure_agreement
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.counts import count_values
from annotations.measurement.crossed import share
from annotations.measurement.results import Estimate

NOTHING = "No repeat was answered yet."


@dataclass(frozen=True)
class Repeat:
    """One case answered twice by one rater."""

    rater: Hashable
    item: Hashable
    first: str
    again: str

    @property
    def is_same(self) -> bool:
        return self.first == self.again


@dataclass(frozen=True)
class Stability:
    """Of one rater, or of all together."""

    same: Estimate
    alpha: Estimate
    ac1: Estimate


def stability(repeats: Sequence[Repeat], *, how: Bootstrap | None = None) -> Stability:
    """What these repeats say; words that are no answer (can't tell) are answers of their own here."""
    labels = [
        ((repeat.rater, repeat.item), occasion, word)
        for repeat in repeats
        for occasion, word in ((1, repeat.first), (2, repeat.again))
    ]
    report = measure_agreement(count_values(labels), bootstrap=how or Bootstrap(replicates=500))
    same = share([(repeat.rater, repeat.item, float(repeat.is_same)) for repeat in repeats])
    return Stability(same, report.coefficients[KRIPPENDORFF_ALPHA], report.coefficients[GWET_AC1])


def by_rater(
    repeats: Iterable[Repeat], *, how: Bootstrap | None = None
) -> dict[Hashable, Stability]:
    """rater -> stability, for those who answered a repeat; in no order of merit."""
    found: dict[Hashable, list[Repeat]] = {}
    for repeat in repeats:
        found.setdefault(repeat.rater, []).append(repeat)
    return {rater: stability(own, how=how) for rater, own in found.items()}
