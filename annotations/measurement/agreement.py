"""How far raters agree, each coefficient with its interval; for pages, exports and commands.

Formulas and sources are in `coefficients.py`, `own_shares.py` (Cohen, Conger) and `weights.py`, the
resampling in `bootstrap.py`, intervals for other raters in `over_raters.py`. No kappa stands alone: a
report has alpha, the kappas, AC1, percent agreement and the agreement on each value.
Symbols: n = the items with at least two labels, on which agreement rests.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

import krippendorff
import numpy as np
from numpy.typing import ArrayLike

from annotations.measurement.bootstrap import (
    Bootstrap,
    Statistic,
    items_of,
    percentile_interval,
    replicate,
    values_of,
)
from annotations.measurement.coefficients import (
    alpha_statistic,
    brennan_prediger_statistic,
    fleiss_statistic,
    gwet_statistic,
    percent_statistic,
    specific_statistic,
)
from annotations.measurement.contributions import (
    Floats,
    Layout,
    Patterns,
    Scoring,
    collapse,
    union,
)
from annotations.measurement.counts import AgreementError, Label, ValueCounts
from annotations.measurement.over_raters import MAX_WORK, Beyond, over_raters
from annotations.measurement.own_shares import (
    own_share_estimates,
)
from annotations.measurement.ratings import Ratings, counts_of, read_ratings
from annotations.measurement.results import AgreementReport, Estimate, undefined
from annotations.measurement.weights import (
    Family,
    Level,
    agreement_weights,
    check_distances,
    check_level,
    check_weights,
    squared_distances,
)

KRIPPENDORFF_ALPHA = "krippendorff_alpha"
FLEISS_KAPPA = "fleiss_kappa"
PERCENT_AGREEMENT = "percent_agreement"
GWET_AC1 = "gwet_ac1"
GWET_AC2 = "gwet_ac2"
BRENNAN_PREDIGER = "brennan_prediger"
SPECIFIC_AGREEMENT = "specific_agreement"

# The package builds an N x V x V array: above this many entries (16 MB) our form gives the value.
MAX_PACKAGE_ENTRIES = 2_000_000
# A report lists the agreement on each value of a short scale only.
MAX_SPECIFIC_VALUES = 12

DEFAULT_BOOTSTRAP = Bootstrap()


@dataclass(frozen=True)
class Question:
    """What is asked of the labels: alpha's level or own distances, the kappas' weights."""

    level: Level = "nominal"
    distances: ArrayLike | None = None
    weights: Family | Sequence[Sequence[float]] = "identity"

    def scoring(self, counts: ValueCounts) -> Scoring:
        """d and w for the values of these labels, or why they do not fit."""
        if self.distances is None:
            check_level(counts, self.level)
            d = squared_distances(counts.values, self.level)
        else:
            d = check_distances(self.distances, counts.values)
        if isinstance(self.weights, str):
            return Scoring(
                d, agreement_weights(counts.values, self.weights, ordered=counts.ordered)
            )
        return Scoring(d, check_weights(self.weights, counts.values))

    @property
    def plain(self) -> bool:
        """Whether only equal labels agree."""
        return self.weights == "identity"

    @property
    def alpha_name(self) -> str:
        """What distances alpha has, in words."""
        return f"{self.level} level" if self.distances is None else "own distances"

    @property
    def kappa_name(self) -> str:
        """What weights the kappas have, in words; nothing for none."""
        if self.plain:
            return ""
        return f"{self.weights} weights" if isinstance(self.weights, str) else "own weights"


def measure_agreement(
    labels: ValueCounts | Ratings,
    *,
    level: Level = "nominal",
    distances: ArrayLike | None = None,
    weights: Family | Sequence[Sequence[float]] = "identity",
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    raters_too: bool = True,
    max_work: int = MAX_WORK,
) -> AgreementReport:
    """Every coefficient of these labels, all on the same resamples.

    Labels that know their raters also have Cohen's or Conger's kappa and, with `raters_too`, for
    each coefficient the interval that speaks of other raters; `max_work` limits how many labels times
    resamples that may take before it is the jackknife's.
    """
    question = Question(level, distances, weights)
    counts = counts_of(labels) if isinstance(labels, Ratings) else labels
    measurement = _measurement(counts, question, bootstrap)
    statistics = _all_statistics(counts, measurement.scoring, question)
    coefficients = measurement.estimates(statistics)
    beyond: dict[str, Estimate] = {}
    if isinstance(labels, Ratings):
        coefficients |= own_share_estimates(labels, measurement.scoring, bootstrap)
        if raters_too:
            beyond = measurement.over_raters(labels, statistics, max_work)
    return AgreementReport(
        counts.n_items, counts.n_raters, counts.n_labels, coefficients, over_raters=beyond
    )


def agreement_by(
    rows: Iterable[tuple[Hashable, Hashable, Hashable, Label | None]],
    *,
    level: Level = "nominal",
    values: Sequence[Label] | None = None,
    distances: ArrayLike | None = None,
    weights: Family | Sequence[Sequence[float]] = "identity",
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    raters_too: bool = True,
    max_work: int = MAX_WORK,
) -> dict[Hashable, AgreementReport]:
    """A report for each stratum of (stratum, item, rater, label), in order of appearance.

    All strata share one scale (`values`, or what is seen in all of them), so that they compare.
    """
    strata: dict[Hashable, list[tuple[Hashable, Hashable, Label | None]]] = {}
    for stratum, item, rater, label in rows:
        strata.setdefault(stratum, []).append((item, rater, label))
    overall = read_ratings(
        (
            ((stratum, item), rater, label)
            for stratum, labels in strata.items()
            for item, rater, label in labels
        ),
        values=values,
    )
    Question(level, distances, weights).scoring(counts_of(overall))
    return {
        stratum: measure_agreement(
            read_ratings(labels, values=overall.values), level=level, distances=distances,
            weights=weights, bootstrap=bootstrap, raters_too=raters_too, max_work=max_work,
        )
        for stratum, labels in strata.items()
    }  # fmt: skip


def krippendorff_alpha(
    counts: ValueCounts,
    *,
    level: Level = "nominal",
    distances: ArrayLike | None = None,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
) -> Estimate:
    """Krippendorff's alpha at a level of measurement, or with a user's squared distances."""
    measurement = _measurement(counts, Question(level, distances), bootstrap)
    return measurement.estimate(KRIPPENDORFF_ALPHA, alpha_statistic(measurement.scoring))


def fleiss_kappa(counts: ValueCounts, *, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Estimate:
    """Fleiss' kappa, in Gwet's form for missing labels."""
    measurement = _measurement(counts, Question(), bootstrap)
    return measurement.estimate(FLEISS_KAPPA, fleiss_statistic(measurement.scoring))


def percent_agreement(counts: ValueCounts, *, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Estimate:
    """The share of agreeing pairs of raters, averaged over items."""
    measurement = _measurement(counts, Question(), bootstrap)
    return measurement.estimate(PERCENT_AGREEMENT, percent_statistic(measurement.scoring))


def gwet_ac1(counts: ValueCounts, *, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP) -> Estimate:
    """Gwet's AC1, which stays usable where nearly all labels are the same."""
    measurement = _measurement(counts, Question(), bootstrap)
    return measurement.estimate(GWET_AC1, gwet_statistic(measurement.scoring))


def specific_agreement(
    counts: ValueCounts, *, value: Label, bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
) -> Estimate:
    """Where one rater says `value`, how often another does (positive agreement for a positive)."""
    if value not in counts.values:
        scale = ", ".join(repr(known) for known in counts.values)
        raise AgreementError(f"{value!r} is not on the scale: choose one of {scale}.")
    statistic = specific_statistic(counts.values.index(value))
    return _measurement(counts, Question(), bootstrap).estimate(
        specific_agreement_name(value), statistic
    )


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
    scoring: Scoring
    question: Question
    bootstrap: Bootstrap
    reason: str | None = field(default=None)

    def estimate(self, name: str, statistic: Statistic) -> Estimate:
        return self.estimates({name: statistic})[name]

    def estimates(self, statistics: dict[str, Statistic]) -> dict[str, Estimate]:
        if self.reason is not None:
            return {name: self._undefined(name, self.reason) for name in statistics}
        layout = Layout(union([s.needs for s in statistics.values()]), len(self.counts.values))
        items = items_of(self.patterns, self.scoring, layout)
        points = values_of(items.sums(items.whole()), statistics)
        replicates = replicate(items, statistics, self.bootstrap)
        return {
            name: self._estimate(name, float(points[name][0]), replicates[name])
            for name in statistics
        }

    def over_raters(
        self, ratings: Ratings, statistics: dict[str, Statistic], max_work: int
    ) -> dict[str, Estimate]:
        """The same coefficients, with intervals for other raters."""
        if self.reason is not None:
            return {}
        found = over_raters(ratings, self.scoring, statistics, self.bootstrap, max_work=max_work)
        return {name: self._beyond(name, one) for name, one in found.items()}

    def _beyond(self, name: str, found: Beyond) -> Estimate:
        n, level = self.counts.n_paired, self.bootstrap.level
        method = self._method(name, found.method)
        if np.isnan(found.value):
            return undefined(_why_nan(name, self.counts), n=n, method=method, level=level)
        return Estimate(
            found.value, found.low, found.high, n, level=level, method=method, reason=found.reason
        )

    def _estimate(self, name: str, point: float, replicates: Floats) -> Estimate:
        if np.isnan(point):
            return self._undefined(name, _why_nan(name, self.counts))
        if name == KRIPPENDORFF_ALPHA and self._suits_package():
            point = package_alpha(self.counts, level=self.question.level)
        n, confidence = self.counts.n_paired, self.bootstrap.level
        found = percentile_interval(replicates, point=point, n=n, level=confidence)
        return Estimate(
            point,
            found.low,
            found.high,
            n,
            level=confidence,
            method=self._method(name, self._resampled()),
            reason=found.reason,
        )

    def _undefined(self, name: str, reason: str) -> Estimate:
        return undefined(
            reason,
            n=self.counts.n_paired,
            method=self._method(name, self._resampled()),
            level=self.bootstrap.level,
        )

    def _suits_package(self) -> bool:
        n_items, n_values = self.counts.matrix.shape
        weighed = self.counts.weights is not None or self.question.distances is not None
        return not weighed and bool(n_items * n_values**2 <= MAX_PACKAGE_ENTRIES)

    def _resampled(self) -> str:
        resamples = f"{self.bootstrap.replicates:,} resamples"
        return f"percentile bootstrap over items for these raters, {resamples}"

    def _method(self, name: str, interval: str) -> str:
        scored = self.question.kappa_name
        if name == KRIPPENDORFF_ALPHA:
            scored = self.question.alpha_name
        elif name.startswith(SPECIFIC_AGREEMENT):
            scored = ""
        weighed = "" if self.counts.weights is None else "weighted items"
        return "; ".join(part for part in (scored, weighed, interval) if part)


def _measurement(counts: ValueCounts, question: Question, bootstrap: Bootstrap) -> _Measurement:
    scoring = question.scoring(counts)
    reason = _why_unpaired(counts)
    return _Measurement(counts, collapse(counts), scoring, question, bootstrap, reason)


def _all_statistics(
    counts: ValueCounts, scoring: Scoring, question: Question
) -> dict[str, Statistic]:
    statistics = {
        KRIPPENDORFF_ALPHA: alpha_statistic(scoring),
        FLEISS_KAPPA: fleiss_statistic(scoring),
        PERCENT_AGREEMENT: percent_statistic(scoring),
        GWET_AC1 if question.plain else GWET_AC2: gwet_statistic(scoring),
        BRENNAN_PREDIGER: brennan_prediger_statistic(scoring),
    }
    if len(counts.values) <= MAX_SPECIFIC_VALUES:
        for index, value in enumerate(counts.values):
            statistics[specific_agreement_name(value)] = specific_statistic(index)
    return statistics


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
