"""How common a failure is, read from a project: which labels enter, which don't, and every estimate.

Only settled answers of the audit slice enter (they rest on blind labels alone), each with the
probability of its draw; a judge's scores, written for every case alike, make the interval narrower
and can't move what it is an interval for. A batch that came with people's labels on every case is a
census: each of its cases was drawn for certain.

Where a batch's drawn cases are not all decided yet, its labels stand for those that wait: their
probability is multiplied by the share that is decided. A batch without a label yet is left out.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from annotations import frame
from annotations.frame import BATCH, Bools, Floats, Frame, Judge
from annotations.measurement.prevalence import anytime
from annotations.measurement.prevalence.choice import Prevalence, human_only, raw_rate, shown
from annotations.measurement.prevalence.evidence import Evidence
from annotations.measurement.prevalence.mean import ppi_mean
from annotations.measurement.prevalence.rogan_gladen import rogan_gladen
from annotations.measurement.results import Estimate, undefined
from annotations.models import Batch, CriterionVersion, Project
from annotations.strata import NONE

# From this share of decided cases on, a batch's draw counts as done: the rest changes no weight.
DONE = 0.9
NO_POSITIVE = "No answer of this criterion counts as positive: choose one on the page of the gold."
NO_JUDGE = "No judge has scored these cases before people answered."
NOTHING_DRAWN = (
    "No case here was drawn: set the audit slice's share on the queue, or draw cases by score."
)
# The interval for repeated looks takes a step for every label.
MOST_LOOKS = 5_000
MANY_LOOKS = f"Not followed beyond {MOST_LOOKS:,} labels, where looking again changes little."
ONLY_WHOLE = "Followed for all cases together."
AT_ONCE = "All labels came at once with a file: there was nothing to look at again."
IN_ORDER = "The labels did not come in a random order (one target after the other, say)."


# ---- which labels enter, and which don't


@dataclass(frozen=True)
class Tally:
    """How many cases there are, how many of them count, and why the others don't."""

    cases: int  # of the population that the figure speaks of
    drawn: int
    used: int
    positives: int
    simulated: int  # of the used ones
    waiting: int  # drawn; raters are not done
    disputed: int  # drawn; an adjudicator is to decide
    cant_tell: int
    not_applicable: int
    earlier_wording: int
    rests_on_ai: int  # the AI's word counted when they were settled
    unasked: int  # drawn and settled, but this question has no gold there
    settled_undrawn: int  # settled, not in the slice: how they came to be labelled is not known
    no_chance: int  # were up for no draw
    no_label_yet: int  # in batches none of whose drawn cases is decided
    census: int


def tally(cases: Frame) -> Tally:
    """Count one group of cases."""
    here = covered(cases)
    drawn = cases.drawn & here
    nothing = drawn & (cases.answer == frame.NOTHING)
    over = (cases.status == frame.ADJUDICATION) | (cases.status == frame.SETTLED)

    def count(rows: Bools) -> int:
        return int(rows.sum())

    return Tally(
        cases=count(here),
        drawn=count(drawn),
        used=count(cases.used & here),
        positives=count(cases.used & here & (cases.answer == frame.POSITIVE)),
        simulated=count(cases.used & here & cases.simulated),
        waiting=count(nothing & ~over),
        disputed=count(nothing & (cases.status == frame.ADJUDICATION)),
        cant_tell=count(drawn & (cases.answer == frame.CANT_TELL)),
        not_applicable=count(drawn & (cases.answer == frame.NOT_APPLICABLE)),
        earlier_wording=count(drawn & (cases.answer == frame.EARLIER_WORDING)),
        rests_on_ai=count(drawn & (cases.answer == frame.RESTS_ON_AI)),
        unasked=count(nothing & (cases.status == frame.SETTLED)),
        settled_undrawn=count(~cases.drawn & cases.in_frame & (cases.answer != frame.NOTHING)),
        no_chance=count(~cases.in_frame),
        no_label_yet=count(cases.in_frame & ~here),
        census=count(cases.census & here),
    )


def covered(cases: Frame) -> Bools:
    """The rows of the frame in batches that have a label that is used; all, where none has."""
    if not cases.used.any():
        return cases.in_frame
    batches, place = np.unique(cases.batch, return_inverse=True)
    used = np.bincount(place, weights=cases.used, minlength=len(batches))
    return np.asarray(cases.in_frame & (used > 0)[place], dtype=np.bool_)


# ---- the evidence


def evidence_of(cases: Frame, *, endless: bool = False) -> Evidence:
    """What the estimates are made from: the labels first, in the order in which they were settled.

    `endless`: the cases are a sample of more like them, not all that is spoken of.
    """
    rows = cases.only(covered(cases))
    order = np.argsort(np.where(rows.used, rows.settled, np.iinfo(np.int64).max), kind="stable")
    probability = np.where(rows.used, rows.probability * _decided(rows), np.nan)
    return Evidence(
        scores=rows.filled_score[order], labels=rows.y[order], probabilities=probability[order],
        population="endless" if endless else "rows",
    )  # fmt: skip


def _decided(rows: Frame) -> Floats:
    """Of each row's batch, the share of drawn cases that are decided (N,); 1 where nearly all are."""
    batches, place = np.unique(rows.batch, return_inverse=True)
    waits = rows.drawn & (rows.answer == frame.NOTHING)
    drawn = np.bincount(place, weights=rows.drawn, minlength=len(batches))
    waiting = np.bincount(place, weights=waits, minlength=len(batches))
    share = 1 - waiting / np.maximum(drawn, 1)
    return np.asarray(np.where(share >= DONE, 1.0, share)[place], dtype=np.float64)


# ---- the estimates


@dataclass(frozen=True)
class Group:
    """One group of cases: every estimate, what it rests on, and which cases these are."""

    label: str
    tally: Tally
    figures: Prevalence
    # For the list of cases: {"batch": id} or {"stratum": (name, value)}.
    filters: Mapping[str, Any] = field(default_factory=dict)
    # Item -> failure, of the labels that can be paired with those of another group.
    items: Mapping[Hashable, bool] = field(default_factory=dict)

    @property
    def is_counted(self) -> bool:
        """Every case has a label, so that nothing is estimated."""
        return self.figures.n == self.figures.N


@dataclass(frozen=True)
class Report:
    """What the page and the API show of one criterion."""

    question: CriterionVersion
    judge: Judge | None
    has_scores: bool
    by: str
    whole: Group
    groups: tuple[Group, ...]
    helped: int
    endless: bool


def measure(
    project: Project, question: CriterionVersion, *, judge: Judge | None = None,
    batch: Batch | None = None, by: str = "", values: Sequence[str] = (), endless: bool = False,
) -> Report:  # fmt: skip
    """Every estimate of the whole, and of each value of the stratum (or batch) `by`."""
    strata = [(by, values)] if by and by != BATCH else []
    cases = frame.read(project, question, judge=judge, batch=batch, strata=strata)
    figures = figures_of(cases, question, endless=endless, looks="")
    whole = Group("All cases", tally(cases), figures)
    groups = tuple(
        Group(
            label, tally(part), figures_of(part, question, endless=endless), filters, by_item(part)
        )
        for label, filters, part in parts_of(project, cases, by)
    )
    return Report(
        question=question, judge=judge, has_scores=not bool(np.isnan(cases.score).all()), by=by,
        whole=whole, groups=groups, helped=frame.helped_sheets(project, batch=batch),
        endless=endless,
    )  # fmt: skip


def parts_of(
    project: Project, cases: Frame, by: str
) -> Iterator[tuple[str, dict[str, Any], Frame]]:
    """(label, filters of the list, cases) for each batch, or each value of the first stratum read."""
    if by == BATCH:
        names = dict(Batch.objects.filter(project=project).values_list("pk", "name"))
        for pk in np.unique(cases.batch).tolist():
            yield names.get(pk, str(pk)), {"batch": pk}, cases.only(cases.batch == pk)
    elif by:
        for code in np.unique(cases.groups[0]).tolist():
            value = cases.values[0][code - 1] if code else NONE
            yield value, {"stratum": (by, value)}, cases.only(cases.members(0, code))


def figures_of(
    cases: Frame, question: CriterionVersion, *, endless: bool = False, looks: str = ONLY_WHOLE
) -> Prevalence:
    """All methods on these cases; each is undefined with its reason where it can't be told.

    `looks`: why the interval for repeated looks is left out; empty to have it.
    """
    if not question.criterion.positive:
        return _nothing(NO_POSITIVE)
    if not cases.in_frame.any():
        return _nothing(NOTHING_DRAWN)
    evidence = evidence_of(cases, endless=endless)
    if cases.census[cases.used].all():
        looks = AT_ONCE
    looks = looks or (MANY_LOOKS if evidence.n > MOST_LOOKS else "")
    judged = not bool(np.isnan(cases.score).all())
    return Prevalence(
        n=evidence.n,
        N=len(evidence.scores),
        raw=raw_rate(evidence) if judged else _none(NO_JUDGE),
        human_only=human_only(evidence),
        ppi=ppi_mean(evidence) if judged else _none(NO_JUDGE),
        rogan_gladen=rogan_gladen(evidence) if judged else _none(NO_JUDGE),
        anytime=_none(looks, anytime.METHOD) if looks else _at_any_time(evidence),
        shown=shown(evidence),
    )


def _at_any_time(evidence: Evidence) -> Estimate:
    found = anytime.anytime(evidence)
    if found.low is not None and found.low == found.high and evidence.n < len(evidence.scores):
        return _none(IN_ORDER, anytime.METHOD)
    return found


def _none(reason: str, method: str = "none") -> Estimate:
    return undefined(reason, n=0, method=method)


def _nothing(reason: str) -> Prevalence:
    none = _none(reason)
    return Prevalence(0, 0, none, none, none, none, none, none)


def by_item(part: Frame) -> dict[Hashable, bool]:
    """Family -> failure, of the labels of families that were asked once, all drawn alike."""
    used = part.used
    if not used.any() or np.ptp(part.probability[used]) > 0:
        return {}
    families, first, asked = np.unique(part.family[used], return_index=True, return_counts=True)
    failed = part.answer[used][first] == frame.POSITIVE
    return dict(zip(families[asked == 1].tolist(), failed[asked == 1].tolist(), strict=True))
