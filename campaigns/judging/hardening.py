"""Judges taught again on the failures that got past them: does it help, and with what weight?

Adversarial retraining (Goodfellow, Shlens and Szegedy 2015) with evasions that were found, not made
up: a judge learns with each evasion repeated, and its repetitions changed by the product's own
transforms. Families stay apart as in `crossfit`, and changed texts are learnt from, never scored.
Which failures are evasions is found anew for each fold, by judges that know neither the case nor the
fold that is scored: with evasions found by all labels, a fold's own labels would choose what is learnt
against them, and no recipe would seem to help. Each recipe is held against the judges as they are, case
by case, at the same bound on over-blocking, and none is chosen whose gain could be chance. Symbols:
y (N,), p (N,) cross-fitted probabilities, G and L failures that only the hardened judges catch, or that
only the plain ones caught.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from campaigns.judging.calibration import log_loss
from campaigns.judging.crossfit import CrossFitScores, Folds, cross_fit
from campaigns.judging.ensemble import cross_fit_ensemble
from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.members.base import CrossFits, Fitted, Judge
from campaigns.judging.thresholds import threshold_by_bound

LEAST_EVASIONS = 10  # with fewer, what they teach is chance
MOST_TIMES = 20
SURE = 1.0  # standard errors of G - L that a gain must exceed (the rule of one standard error)

Vary = Callable[[Example, int], Sequence[Example]]  # an evasion, how many -> changed copies of it
Tell = Callable[[str], None]  # a line of progress; what it raises ends the work


@dataclass(frozen=True)
class Recipe:
    """Each evasion is learnt `times` times; with `varied`, from the second time on in other words."""

    times: int
    varied: bool = False

    def __str__(self) -> str:
        words = ", reworded from the second on" if self.varied else ""
        return f"each evasion {self.times} times{words}"


PLAIN = Recipe(1)  # the judges as they are
RECIPES = (Recipe(2), Recipe(4), Recipe(3, varied=True))


@dataclass(frozen=True)
class Hardened:
    """A judge that learns evasions `times` times; it scores, explains and is kept like the judge.

    `evasions` are keys of examples. Judges that cross-fit themselves are not wrapped.
    """

    judge: Judge
    evasions: frozenset[str]
    recipe: Recipe
    vary: Vary = field(compare=False)

    @property
    def name(self) -> str:
        """The judge's own name: hardened, it takes the judge's place."""
        return self.judge.name

    @property
    def needs_training(self) -> bool:
        return self.judge.needs_training

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> Fitted:
        """Fit the judge on the examples and the repetitions of the evasions among them."""
        again = [
            (copy, bool(label))
            for one, label in zip(examples, y, strict=True)
            if one.key in self.evasions
            for copy in self._copies(one)
        ]
        labels = np.concatenate(
            [np.asarray(y, dtype=bool), np.array([label for _, label in again], bool)]
        )
        return self.judge.fit([*examples, *(one for one, _ in again)], labels, seed=seed)

    def restore(self, data: Mapping[str, Any]) -> Fitted:
        """What is fitted is a judge as any other."""
        return self.judge.restore(data)

    def _copies(self, one: Example) -> list[Example]:
        """`times` - 1 copies of one family; where no transform changes the text, as it is."""
        count = self.recipe.times - 1
        changed = list(self.vary(one, count))[:count] if self.recipe.varied else []
        copies = [*changed, *[one] * (count - len(changed))]
        return [replace(copy, key=one.key, family=one.family or one.key) for copy in copies]


@dataclass(frozen=True)
class Trial:
    """What a recipe changes, cross-fitted: the failures are `positives`, the evasions `found`."""

    recipe: Recipe
    evasion: Estimate
    over_block: Estimate
    gained: int  # G
    lost: int  # L
    recovered: int  # of the evasions that were found
    log_loss: float

    @property
    def is_sure(self) -> bool:
        """Whether G - L exceeds its standard error under no change, sqrt(G + L)."""
        return self.gained - self.lost > SURE * float(np.sqrt(self.gained + self.lost))


@dataclass(frozen=True, eq=False)
class Hardening:
    """The trials and the one that is chosen; none where no recipe helps, which is a result."""

    n: int
    positives: int
    found: int
    plain: Trial
    trials: tuple[Trial, ...]
    chosen: Recipe | None
    scores: Mapping[Recipe, CrossFitScores]  # cross-fitted, by recipe; `PLAIN` is there as well

    @property
    def told(self) -> str:
        """The outcome in a sentence."""
        if self.chosen is None:
            return (
                f"No help: of {len(self.trials)} ways to teach {self.found} found evasions again, none "
                "catches more failures of families that the judges have not seen than chance may."
            )
        best = next(one for one in self.trials if one.recipe == self.chosen)
        return (
            f"Cross-fitted, {self.chosen} catches {best.gained} failures more and "
            f"{best.lost} fewer, out of {self.positives}."
        )


def missed_by(p: Floats, y: Bools, *, threshold: float) -> Bools:
    """Failures under the threshold, (N,); one without any score has got past as well."""
    return np.asarray(np.asarray(y, dtype=bool) & ~(np.nan_to_num(p, nan=-1.0) >= threshold))


def harden(
    members: Sequence[Judge],
    examples: Sequence[Example],
    y: Bools,
    evasions: Collection[str],
    *,
    vary: Vary,
    elsewhere: Collection[str] = (),
    recipes: Sequence[Recipe] = RECIPES,
    beside: Mapping[str, Floats] | None = None,
    strata: Sequence[str] | None = None,
    bound_over_block: float = 0.05,
    folds: int = 5,
    seed: int,
    tell: Tell = lambda line: None,
) -> Hardening:
    """Try the recipes by cross-fitting and choose one, or none.

    `evasions` are keys of failures among the examples that got past the judges, for the judges that are
    fitted in the end; those of them that were found without these labels, such as by what pre-labelled
    the cases, are in `elsewhere` and are learnt in the trials too. `beside` are the
    columns (N,) of judges that are not fitted here, which are combined with these; `strata` as in
    `fit_ensemble`. Raises `BadScores` for keys that are no failures, `CannotFit` for too few.
    """
    y = np.asarray(y, dtype=bool)
    _check(examples, y, evasions, recipes)
    found = np.array([one.key in evasions for one in examples], dtype=bool)
    apart, fixed = [one.family or one.key for one in examples], dict(beside or {})

    def tried(scores: CrossFitScores) -> tuple[Floats, Bools]:
        columns = np.column_stack([scores.scores, *fixed.values()])
        names = (*scores.members, *fixed)
        p = cross_fit_ensemble(columns, y, apart, names=names, strata=strata, seed=seed)
        return p, _fires(p, y, bound_over_block)

    tell("the judges as they are")
    plainly = cross_fit(members, examples, y, folds=folds, seed=seed)
    p, before = tried(plainly)
    tell("what gets past judges that do not know a fold")
    missed = _missed_apart(members, examples, y, plainly.folds, fixed, bound_over_block, seed)
    known = {held: keys | frozenset(elsewhere) for held, keys in missed.items()}
    plain = _trial(PLAIN, p, before, before, y, found)
    trials, made = [], {PLAIN: plainly}
    for recipe in recipes:
        tell(str(recipe))
        made[recipe] = _cross_fitted(members, examples, y, plainly, known, recipe, vary, seed)
        p, fires = tried(made[recipe])
        trials.append(_trial(recipe, p, fires, before, y, found))
    return Hardening(
        len(y), int(y.sum()), int(found.sum()), plain, tuple(trials), choose(trials), made
    )


def hardened(
    members: Sequence[Judge], evasions: Collection[str], recipe: Recipe, vary: Vary
) -> tuple[Judge, ...]:
    """The judges by a recipe; those that cross-fit themselves stay as they are."""
    keys = frozenset(evasions)
    return tuple(
        one if isinstance(one, CrossFits) else Hardened(one, keys, recipe, vary) for one in members
    )


def choose(trials: Sequence[Trial]) -> Recipe | None:
    """The recipe of most net gain among those whose gain is more than one standard error; or none."""
    sure = [one for one in trials if one.is_sure]
    if not sure:
        return None
    return max(sure, key=lambda one: (one.gained - one.lost, -one.recipe.times)).recipe


def _missed_apart(
    members: Sequence[Judge],
    examples: Sequence[Example],
    y: Bools,
    fold: Folds,
    fixed: Mapping[str, Floats],
    bound: float,
    seed: int,
) -> dict[int, frozenset[str]]:
    """For each fold, the failures outside it that judges miss which know neither them nor the fold.

    A judge fitted without two folds scores both: each for when the other is held.
    """
    count = int(fold.max()) + 1
    scores = {held: np.full((len(y), len(members)), np.nan) for held in range(count)}
    for a, b in combinations(range(count), 2):
        for column, member in enumerate(members):
            if isinstance(member, CrossFits):
                continue
            try:
                fitted = _fit(member, examples, y, (fold != a) & (fold != b), seed)
            except CannotFit:
                continue
            scores[b][fold == a, column] = fitted.score(_some(examples, fold == a))
            scores[a][fold == b, column] = fitted.score(_some(examples, fold == b))
    names = tuple(member.name for member in members if not isinstance(member, CrossFits))
    kept = [n for n, member in enumerate(members) if not isinstance(member, CrossFits)]
    found = {}
    for held, own in scores.items():
        seen = fold != held
        columns = np.column_stack([own[:, kept], *fixed.values()])[seen]
        families = [one.family or one.key for one in _some(examples, seen)]
        p = cross_fit_ensemble(columns, y[seen], families, names=(*names, *fixed), seed=seed)
        missed = y[seen] & ~_fires(p, y[seen], bound)
        found[held] = frozenset(one.key for one in _some(_some(examples, seen), missed))
    return found


def _cross_fitted(
    members: Sequence[Judge],
    examples: Sequence[Example],
    y: Bools,
    plain: CrossFitScores,
    evasions: Mapping[int, frozenset[str]],
    recipe: Recipe,
    vary: Vary,
    seed: int,
) -> CrossFitScores:
    """As `crossfit.cross_fit`, each fold by judges that were hardened on evasions found without it."""
    scores, failures = plain.scores.copy(), {}
    for held, keys in evasions.items():
        out = plain.folds == held
        for column, member in enumerate(hardened(members, keys, recipe, vary)):
            if isinstance(member, CrossFits):
                continue
            try:
                fitted = _fit(member, examples, y, ~out, seed)
            except CannotFit as problem:
                failures[member.name] = str(problem)
                scores[out, column] = np.nan
                continue
            scores[out, column] = fitted.score(_some(examples, out))
    return replace(plain, scores=scores, failures=failures)


def _fit(member: Judge, examples: Sequence[Example], y: Bools, seen: Bools, seed: int) -> Fitted:
    return member.fit(_some(examples, seen), y[seen], seed=seed)


def _some(examples: Sequence[Example], chosen: Bools) -> list[Example]:
    return [one for one, keep in zip(examples, chosen, strict=True) if keep]


def _fires(p: Floats, y: Bools, bound: float) -> Bools:
    """At its own threshold for the bound; a case without a score is not caught."""
    return np.asarray(np.nan_to_num(p, nan=-1.0) >= threshold_by_bound(p, y, bound=bound).value)


def _trial(recipe: Recipe, p: Floats, fires: Bools, before: Bools, y: Bools, found: Bools) -> Trial:
    scored = ~np.isnan(p)
    return Trial(
        recipe,
        evasion=proportion(int((y & ~fires).sum()), int(y.sum())),
        over_block=proportion(int((fires & ~y).sum()), int((~y).sum())),
        gained=int((y & fires & ~before).sum()),
        lost=int((y & before & ~fires).sum()),
        recovered=int((found & fires).sum()),
        log_loss=log_loss(p[scored], y[scored]),
    )


def _check(
    examples: Sequence[Example], y: Bools, evasions: Collection[str], recipes: Sequence[Recipe]
) -> None:
    if len(examples) != len(y):
        raise BadScores(f"{len(examples)} cases but {len(y)} labels: give one label for each case.")
    failures = {one.key for one, label in zip(examples, y, strict=True) if label}
    strangers = len(set(evasions) - failures)
    if strangers:
        raise BadScores(
            f"{strangers} of {len(set(evasions))} evasions are no failures among these cases: give "
            "the keys of cases that gold settled as failures."
        )
    if not recipes or not all(2 <= one.times <= MOST_TIMES for one in recipes):
        raise BadScores(f"A recipe repeats evasions 2 to {MOST_TIMES} times; give at least one.")
    if len(set(evasions)) < LEAST_EVASIONS:
        raise CannotFit(
            f"{len(set(evasions))} failures got past the judges so far; from {LEAST_EVASIONS} on they "
            "teach something. Settle more cases, or let a round hunt for more."
        )
