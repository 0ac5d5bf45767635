"""Which method to believe, chosen by the labels alone or by gold (pure).

The rule. In each of F folds some labels of each item are hidden, each item keeping at least one; a
method sees the rest, and is scored by how well it foretells the hidden labels,

    s = mean over hidden labels l of log(sum over k of q_ik(T) P(rater r_l says v_l | k)),

with the posteriors q tempered at the T that is best for the method: sureness can be mended
afterwards, a wrong order of values cannot. Three principles go with the score.
1. Rounds. EM is scored along its way. It runs until it stands still, unless an earlier round
   foretells better by more than one standard error (early stopping): then raters have too few
   labels, or items are not alike enough, for the model's own maximum.
2. Simplicity. Among methods within one standard error of the best, the simplest is taken (L. Breiman
   et al., "Classification and Regression Trees", 1984, section 3.4.3). Standard errors are paired
   and by item, since the labels of an item share its posterior.
3. Names. A method whose value k is used, but whose telling raters mostly say another value where it
   sees k, has found a group of items that is not what k is called (a "mixed" group, say). It foretells well
   and answers wrongly: it is passed over.
With gold of `FEWEST_GOLD` items or more, s may be the log likelihood of gold in place of labels.

The score speaks of labels, not of truth: where raters share a mistake, no rule without gold sees it.
Source: A. Vehtari, J. Lampinen, "Bayesian model assessment and comparison using cross-validation
predictive densities", Neural Computation 14 (2002), for the score; S. Paun et al., "Comparing
Bayesian Models of Annotation", TACL 6 (2018), for its use on raters.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from annotations.measurement.aggregation.answers import NO_GOLD, answers
from annotations.measurement.aggregation.em import Fit, Stop, run
from annotations.measurement.aggregation.judges import ONE_PERSON, hear_judges, only_people
from annotations.measurement.aggregation.labels import (
    AggregationError,
    Bools,
    Floats,
    SparseLabels,
)
from annotations.measurement.aggregation.majority import NAME as MAJORITY
from annotations.measurement.aggregation.methods import METHODS, suitable
from annotations.measurement.aggregation.tempering import (
    FEWEST_GOLD,
    Temperature,
    temperature_on_gold,
    tempered,
)

FOLDS = 5
# EM is looked at after so many rounds; the last is where it ends.
ROUNDS = (1, 2, 3, 5, 8, 12, 20, 40, 80)
TEMPERATURES = 2.0 ** np.arange(0.0, 5.5, 0.5)
# No label is foretold as impossible: one in a hundred is a slip of the hand.
SLIP = 0.01
# More labels than this are scored by one fold that hides a part of so many.
MANY = 100_000
MANY_HIDDEN = 50_000
NOT_HIDDEN = -1
TINY = 1e-300


@dataclass(frozen=True)
class Candidate:
    """How a method does: its score (mean log likelihood) after `rounds`, and where its T lies.

    behind, se: how far behind the best, with the standard error of the difference; lost_names:
    whether its values are no longer what they are called (None: not looked at).
    """

    method: str
    score: float
    behind: float
    se: float
    rounds: int
    temperature: float
    lost_names: bool | None

    def as_json(self) -> dict[str, Any]:
        """The figures as plain values, for JSON."""
        return {
            "held_out_log_likelihood": self.score,
            "behind_best": self.behind,
            "standard_error": self.se,
            "rounds": self.rounds,
            "temperature": self.temperature,
            "lost_names": self.lost_names,
        }


@dataclass(frozen=True, eq=False)
class Choice:
    """The chosen fit to all labels, its temperature, and how all candidates did."""

    fit: Fit
    temperature: Temperature
    candidates: tuple[Candidate, ...]
    reason: str

    @property
    def posterior(self) -> Floats:
        """The tempered posteriors (N, K)."""
        return tempered(self.fit.posterior, self.temperature.value)


@dataclass(frozen=True, eq=False)
class _Score:
    """A method's best place on its way: log likelihood of each hidden label, or gold, (L,)."""

    method: str
    each: Floats
    rounds: int
    temperature: float


def choose(
    labels: SparseLabels,
    *,
    rng: np.random.Generator,
    methods: Sequence[str] | None = None,
    gold: NDArray[np.int64] | None = None,
    judge_weight: float = ONE_PERSON,
) -> Choice:
    """The method that the rule above takes; with `gold` (N,), -1 for none, chosen by gold.

    Beside people, judges have no say in the choice; they are heard after it (`judges`).
    """
    if not labels.n_labels:
        raise AggregationError("There is no label to bring together: are all cells missing?")
    own = only_people(labels)
    found = _choose_for_people(own, rng, suitable(own) if methods is None else list(methods), gold)
    return replace(found, fit=hear_judges(labels, found.fit, weight=judge_weight))


def _choose_for_people(
    labels: SparseLabels,
    rng: np.random.Generator,
    names: Sequence[str],
    gold: NDArray[np.int64] | None,
) -> Choice:
    why_not = _nothing_to_choose(labels, names)
    if why_not:
        only = names[0] if len(names) == 1 else MAJORITY
        return Choice(_fit(labels, only, ROUNDS[-1]), Temperature(1.0, "none", 0), (), why_not)
    if gold is not None:
        return _choose_by_gold(labels, names, gold)
    fold = assign_folds(labels, rng)
    scores = [_score_on_labels(labels, fold, name) for name in names]
    return _take(labels, scores, labels.item[_in_folds(fold)], "held-out labels")


def assign_folds(labels: SparseLabels, rng: np.random.Generator) -> NDArray[np.int64]:
    """Which fold hides each label, (L,), or -1: in turn within an item, from a random start.

    An item of one label keeps it. With many labels there is one fold.
    """
    at = np.flatnonzero(labels.labels_of_items[labels.item] > 1)
    at = at[np.lexsort((rng.random(len(at)), labels.item[at]))]
    size = np.bincount(labels.item[at], minlength=labels.n_items)
    rank = np.arange(len(at)) - (np.cumsum(size) - size)[labels.item[at]]
    fold = np.full(labels.n_labels, NOT_HIDDEN)
    fold[at] = (rank + rng.integers(0, FOLDS, labels.n_items)[labels.item[at]]) % FOLDS
    if labels.n_labels > MANY:
        first = np.flatnonzero(fold == 0)
        fold[:] = NOT_HIDDEN
        fold[rng.choice(first, min(MANY_HIDDEN, len(first)), replace=False)] = 0
    return fold


def lost_names(labels: SparseLabels, fit: Fit) -> bool:
    """Whether raters mostly say another value where a value is the answer (principle 3).

    A rater's words count by what they tell, the mutual information of value said and true value,
    I_r = sum over k, v of p_k pi_rkv log(pi_rkv / sum of p_k' pi_rk'v): who always says the same
    gives no name to anything.
    """
    K, q = labels.n_values, fit.posterior
    told = information(fit)[labels.rater]
    said = np.zeros((K, K))
    for v in range(K):
        here = labels.value == v
        said[:, v] = told[here] @ q[labels.item[here]]
    used = np.bincount(answers(q, ties="first"), minlength=K) > 0
    return bool((said.argmax(axis=1) != np.arange(K))[used].any())


def information(fit: Fit) -> Floats:
    """I_r (R,) in nats."""
    pi = np.maximum(fit.confusion, TINY)
    marginal = np.einsum("k,rkv->rv", fit.prior, pi)
    ratio = np.log(pi / np.maximum(marginal, TINY)[:, None, :])
    return np.asarray(np.einsum("k,rkv,rkv->r", fit.prior, pi, ratio), dtype=np.float64)


def _nothing_to_choose(labels: SparseLabels, names: Sequence[str]) -> str:
    if len(names) == 1:
        return "The method was given."
    if len(np.unique(labels.value)) < 2:
        return "All labels are the same value."
    if len(np.unique(labels.rater)) < 2:
        return "Only one rater gave labels: they stand as they are."
    if labels.labels_of_items.max() < 2:
        return "No item has a second label."
    return ""


def _used(fold: NDArray[np.int64]) -> list[int]:
    return [int(f) for f in np.unique(fold) if f != NOT_HIDDEN]


def _looks(rounds: Iterator[Fit]) -> Iterator[Fit | None]:
    """The fit at each of ROUNDS; once it stands still, None: as before."""
    standing = False
    for look in ROUNDS:
        fit = None
        while not standing and (fit is None or fit.iterations < look):
            fit = next(rounds)
            standing = fit.change < Stop().tol
        yield fit


def _score_on_labels(labels: SparseLabels, fold: NDArray[np.int64], method: str) -> _Score:
    """Log likelihood of hidden labels for each look and temperature, folds one after another."""
    parts = []
    for f in _used(fold):
        hidden = fold == f
        ahead = METHODS[method](labels.keep(~hidden))
        of_looks: list[Floats] = []
        for fit in _looks(ahead):
            of_looks.append(of_looks[-1] if fit is None else _foretold(fit, labels, hidden))
        parts.append(np.stack(of_looks))
    return _best_place(method, np.concatenate(parts, axis=2), labels.item[_in_folds(fold)])


def _in_folds(fold: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.flatnonzero(fold == f) for f in _used(fold)])


def _foretold(fit: Fit, labels: SparseLabels, hidden: Bools) -> Floats:
    """log P of the hidden labels for each temperature, (temperatures, L)."""
    item = labels.item[hidden]
    says = fit.says(item, labels.rater[hidden], labels.value[hidden])
    rows, back = np.unique(item, return_inverse=True)
    q = fit.posterior[rows]
    foretold = np.stack([(tempered(q, t)[back] * says).sum(axis=1) for t in TEMPERATURES])
    return np.log((1 - SLIP) * foretold + SLIP / labels.n_values)


def _best_place(method: str, each: Floats, group: NDArray[Any]) -> _Score:
    """The latest look that is within one standard error of the best look; each (looks, T, L)."""
    warmth = each.mean(axis=2).argmax(axis=1)
    at_best = each[np.arange(len(each)), warmth]
    best = int(at_best.mean(axis=1).argmax())
    look = next(
        at for at in range(len(ROUNDS) - 1, best - 1, -1)
        if at == best or _behind(at_best[best], at_best[at], group)[0]
        <= _behind(at_best[best], at_best[at], group)[1]
    )  # fmt: skip
    return _Score(method, at_best[look], ROUNDS[look], float(TEMPERATURES[warmth[look]]))


def _behind(best: Floats, other: Floats, group: NDArray[Any]) -> tuple[float, float]:
    """How far behind on average, with the standard error, by groups of labels of one item."""
    difference = best - other
    mean = float(difference.mean())
    sums = np.bincount(group, difference - mean)
    return mean, float(np.sqrt((sums**2).sum()) / len(difference))


def _choose_by_gold(labels: SparseLabels, names: Sequence[str], gold: NDArray[np.int64]) -> Choice:
    known = np.flatnonzero((gold != NO_GOLD) & (gold < labels.n_values))
    if len(known) < FEWEST_GOLD:
        raise AggregationError(
            f"Only {len(known)} items have gold, and a choice by gold needs {FEWEST_GOLD}: choose by "
            "labels."
        )
    scores = []
    for method in names:
        of_looks: list[Floats] = []
        for fit in _looks(METHODS[method](labels)):
            of_looks.append(of_looks[-1] if fit is None else _gold_found(fit, known, gold[known]))
        scores.append(_best_place(method, np.stack(of_looks), np.arange(len(known))))
    found = _take(labels, scores, np.arange(len(known)), "gold")
    return replace(found, temperature=temperature_on_gold(found.fit.posterior, gold))


def _gold_found(fit: Fit, known: NDArray[np.int64], gold: NDArray[np.int64]) -> Floats:
    """log of the tempered posteriors of gold, for each temperature, (temperatures, items)."""
    q = fit.posterior[known]
    given = np.stack([tempered(q, t)[np.arange(len(q)), gold] for t in TEMPERATURES])
    return np.asarray(np.log((1 - SLIP) * given + SLIP / q.shape[1]), dtype=np.float64)


def _take(
    labels: SparseLabels,
    scores: Sequence[_Score],
    group: NDArray[Any],
    by: str,
) -> Choice:
    """Principles 2 and 3 over the methods' scores, which stand from the simplest on."""
    lost: dict[str, bool] = {}
    for s in sorted(scores, key=lambda s: -float(s.each.mean())):
        best, fit = s, _fit(labels, s.method, s.rounds)
        lost[s.method] = lost_names(labels, fit)
        if not lost[s.method]:
            break
    for s in scores:
        behind, se = _behind(best.each, s.each, group)
        if s is not best and behind <= se and not lost.get(s.method, False):
            simpler = _fit(labels, s.method, s.rounds)
            lost[s.method] = lost_names(labels, simpler)
            if not lost[s.method]:
                fit = simpler
        if s is best or fit.method == s.method:
            break
    chosen = next(s for s in scores if s.method == fit.method)
    return Choice(
        fit,
        Temperature(chosen.temperature, by, len(group)),
        tuple(_candidate(s, best, group, lost.get(s.method)) for s in scores),
        f"Chosen by {by}.",
    )


def _candidate(s: _Score, best: _Score, group: NDArray[Any], lost: bool | None) -> Candidate:
    behind, se = _behind(best.each, s.each, group)
    return Candidate(
        s.method, float(s.each.mean()), behind, se, s.rounds, s.temperature, lost_names=lost
    )


def _fit(labels: SparseLabels, method: str, rounds: int) -> Fit:
    stop = Stop(max_iter=rounds) if rounds < ROUNDS[-1] else Stop()
    return run(METHODS[method](labels), stop)
