"""How far raters agree, each coefficient with its interval; for pages, exports and commands.

Formulas and sources are in `coefficients.py`, the resampling in `bootstrap.py`. No kappa stands
alone: a report has alpha, Fleiss' kappa, AC1, percent agreement and the agreement on each value.
Symbols: n = the items with at least two labels, on which agreement rests.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import krippendorff
import numpy as np

from annotations.measurement.bootstrap import (
    Bootstrap,
    Floats,
    Patterns,
    Statistic,
    collapse,
    percentile_interval,
    replicate,
)
from annotations.measurement.coefficients import (
    Level,
    ac1_statistic,
    alpha_statistic,
    check_level,
    fleiss_statistic,
    percent_statistic,
    specific_statistic,
)
from annotations.measurement.counts import AgreementError, Label, ValueCounts, count_values
from annotations.measurement.results import AgreementReport, Estimate, undefined

KRIPPENDORFF_ALPHA = "krippendorff_alpha"
FLEISS_KAPPA = "fleiss_kappa"
PERCENT_AGREEMENT = "percent_agreement"
GWET_AC1 = "gwet_ac1"
SPECIFIC_AGREEMENT = "specific_agreement"

# The package builds an N x V x V array: above this many entries (400 MB) our form gives the value.
MAX_PACKAGE_ENTRIES = 50_000_000
# A report lists the agreement on each value of a short scale only.
MAX_SPECIFIC_VALUES = 12

DEFAULT_BOOTSTRAP = Bootstrap()


def measure_agreement(
    counts: ValueCounts, *, level: Level = "nominal", bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> AgreementReport:
    """Every coefficient of these labels, all on the same resamples."""
    patterns = collapse(counts)
    statistics = {
        KRIPPENDORFF_ALPHA: alpha_statistic(counts, patterns, level=level),
        FLEISS_KAPPA: fleiss_statistic(patterns),
        PERCENT_AGREEMENT: percent_statistic(patterns),
        GWET_AC1: ac1_statistic(patterns),
    }
    if len(counts.values) <= MAX_SPECIFIC_VALUES:
        for index, value in enumerate(counts.values):
            statistics[specific_agreement_name(value)] = specific_statistic(patterns, index)
    coefficients = _Measurement(counts, patterns, level, bootstrap).estimates(statistics)
    return AgreementReport(counts.n_items, counts.n_raters, counts.n_labels, coefficients)


def agreement_by(
    rows: Iterable[tuple[Hashable, Hashable, Hashable, Label | None]],
    *,
    level: Level = "nominal",
    values: Sequence[Label] | None = None,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> dict[Hashable, AgreementReport]:
    """A report for each stratum of (stratum, item, rater, label), in order of appearance.

    All strata share one scale (`values`, or what is seen in all of them), so that they compare.
    """
    strata: dict[Hashable, list[tuple[Hashable, Hashable, Label | None]]] = {}
    for stratum, item, rater, label in rows:
        strata.setdefault(stratum, []).append((item, rater, label))
    overall = count_values(
        (
            ((stratum, item), rater, label)
            for stratum, labels in strata.items()
            for item, rater, label in labels
        ),
        values=values,
    )
    check_level(overall, level)
    return {
        stratum: measure_agreement(
            count_values(labels, values=overall.values), level=level, bootstrap=bootstrap
        )
        for stratum, labels in strata.items()
    }


def krippendorff_alpha(
    counts: ValueCounts, *, level: Level = "nominal", bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Estimate:
    """Krippendorff's alpha at a level of measurement."""
    patterns = collapse(counts)
    statistic = alpha_statistic(counts, patterns, level=level)
    return _Measurement(counts, patterns, level, bootstrap).estimate(KRIPPENDORFF_ALPHA, statistic)


def fleiss_kappa(counts: ValueCounts, *, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Estimate:
    """Fleiss' kappa, in Gwet's form for missing labels."""
    patterns = collapse(counts)
    statistic = fleiss_statistic(patterns)
    return _Measurement(counts, patterns, "nominal", bootstrap).estimate(FLEISS_KAPPA, statistic)


def percent_agreement(counts: ValueCounts, *, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Estimate:
    """The share of agreeing pairs of raters, averaged over items."""
    patterns = collapse(counts)
    statistic = percent_statistic(patterns)
    measurement = _Measurement(counts, patterns, "nominal", bootstrap)
    return measurement.estimate(PERCENT_AGREEMENT, statistic)


def gwet_ac1(counts: ValueCounts, *, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Estimate:
    """Gwet's AC1, which stays usable where nearly all labels are the same."""
    patterns = collapse(counts)
    statistic = ac1_statistic(patterns)
    return _Measurement(counts, patterns, "nominal", bootstrap).estimate(GWET_AC1, statistic)


def specific_agreement(
    counts: ValueCounts, *, value: Label, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Estimate:
    """Where one rater says `value`, how often another does (positive agreement for a positive)."""
    if value not in counts.values:
        scale = ", ".join(repr(known) for known in counts.values)
        raise AgreementError(f"{value!r} is not on the scale: choose one of {scale}.")
    patterns = collapse(counts)
    statistic = specific_statistic(patterns, counts.values.index(value))
    measurement = _Measurement(counts, patterns, "nominal", bootstrap)
    return measurement.estimate(specific_agreement_name(value), statistic)


def specific_agreement_name(value: Label) -> str:
    """The name that the agreement on one value has in a report."""
    return f"{SPECIFIC_AGREEMENT}:{value}"


def package_alpha(counts: ValueCounts, *, level: Level) -> float:
    """The point value as the `krippendorff` package gives it; ours equals it (under test)."""
    numeric = level in ("interval", "ratio")
    domain = [float(value) if numeric else v for v, value in enumerate(counts.values)]
    return float(
        krippendorff.alpha(
            value_counts=counts.matrix, value_domain=domain, level_of_measurement=level
        )
    )


@dataclass(frozen=True, eq=False)
class _Measurement:
    """One set of labels under one question: from statistics to estimates."""

    counts: ValueCounts
    patterns: Patterns
    level: Level
    bootstrap: Bootstrap

    def estimate(self, name: str, statistic: Statistic) -> Estimate:
        return self.estimates({name: statistic})[name]

    def estimates(self, statistics: dict[str, Statistic]) -> dict[str, Estimate]:
        reason = _why_unpaired(self.counts)
        if reason is not None:
            return {name: self._undefined(name, reason) for name in statistics}
        replicates = replicate(self.patterns, statistics, self.bootstrap)
        return {
            name: self._estimate(name, statistic, replicates[name])
            for name, statistic in statistics.items()
        }

    def _estimate(self, name: str, statistic: Statistic, replicates: Floats) -> Estimate:
        point = float(statistic(self.patterns.multiplicity.astype(np.float64)[None, :])[0])
        if np.isnan(point):
            return self._undefined(name, _why_nan(name, self.counts))
        if name == KRIPPENDORFF_ALPHA and self._suits_package():
            point = package_alpha(self.counts, level=self.level)
        n, confidence = self.counts.n_paired, self.bootstrap.level
        found = percentile_interval(replicates, point=point, n=n, level=confidence)
        return Estimate(
            point,
            found.low,
            found.high,
            n,
            level=confidence,
            method=self._method(name),
            reason=found.reason,
        )

    def _undefined(self, name: str, reason: str) -> Estimate:
        return undefined(
            reason, n=self.counts.n_paired, method=self._method(name), level=self.bootstrap.level
        )

    def _suits_package(self) -> bool:
        n_items, n_values = self.counts.matrix.shape
        return bool(n_items * n_values**2 <= MAX_PACKAGE_ENTRIES)

    def _method(self, name: str) -> str:
        level = f"{self.level} level; " if name == KRIPPENDORFF_ALPHA else ""
        resamples = f"{self.bootstrap.replicates:,} resamples"
        return f"{level}percentile bootstrap over items for these raters, {resamples}"


def _why_unpaired(counts: ValueCounts) -> str | None:
    if counts.n_labels == 0:
        return "There are no labels."
    if counts.n_raters < 2:
        return "Only one rater: agreement needs at least two."
    if counts.n_paired == 0:
        return "No item has labels from two raters."
    return None


def _why_nan(name: str, counts: ValueCounts) -> str:
    if name.startswith(SPECIFIC_AGREEMENT):
        return "No rater gave this value on an item with two labels."
    paired = counts.matrix[counts.matrix.sum(axis=1) > 1]
    used = counts.values[int(paired.sum(axis=0).argmax())]
    return (
        f"Every label that can be compared is {used!r}: with one value in use, "
        "agreement cannot be told from chance."
    )
