"""Scores for gold cases from judges that have not seen their family: what the ensemble learns from.

Families (all variants of one seed) stay together: a judge that saw one variant would know the
answer to the next. Folds are stratified by label (scikit-learn's StratifiedGroupKFold).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from campaigns.judging.errors import BadScores, CannotFit
from campaigns.judging.examples import Example, check_labels
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.members.base import CrossFits, Fitted, Judge

LEAST_FAMILIES = 2  # of each class
TRIES = 50

Folds = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CrossFitScores:
    """scores (N, M): P(positive) of case n by judge m that has not seen n's family; nan is none."""

    keys: tuple[str, ...]
    members: tuple[str, ...]
    scores: Floats
    folds: Folds
    failures: Mapping[str, str]  # judge -> why it gives no verdict, at least in one fold
    # The judges that cross-fitted themselves, ready for new cases: they need no fit on all gold.
    fitted: Mapping[str, Fitted] = field(default_factory=dict)


def cross_fit(
    members: Sequence[Judge],
    examples: Sequence[Example],
    y: Bools,
    *,
    folds: int = 5,
    seed: int,
) -> CrossFitScores:
    """Score every example by every judge, each time fitted on the other folds' families."""
    y = np.asarray(y, dtype=bool)
    check_labels(examples, y)
    fold = family_folds([one.family or one.key for one in examples], y, folds=folds, seed=seed)
    scores = np.full((len(examples), len(members)), np.nan)
    failures: dict[str, str] = {}
    fitted: dict[str, Fitted] = {}
    for column, member in enumerate(members):
        if isinstance(member, CrossFits):
            try:
                scores[:, column], fitted[member.name] = member.cross_fit(
                    examples, y, fold, seed=seed
                )
            except CannotFit as problem:
                failures[member.name] = str(problem)
            continue
        for held in np.unique(fold):
            try:
                scores[fold == held, column] = _score_held(member, examples, y, fold == held, seed)
            except CannotFit as problem:
                failures[member.name] = str(problem)
    names = tuple(member.name for member in members)
    keys = tuple(one.key for one in examples)
    return CrossFitScores(keys, names, scores, fold, failures, fitted)


def family_folds(families: Sequence[str], y: Bools, *, folds: int, seed: int) -> Folds:
    """The fold of each case, (N,): no family in two folds, both answers outside every fold."""
    count = min(folds, *(_check_families(families, y, answer) for answer in (True, False)))
    names = np.array(families)
    for attempt in range(TRIES):
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed + attempt)
        fold = np.zeros(len(names), dtype=np.int64)
        for index, (_, held) in enumerate(splitter.split(names, y, names)):
            fold[held] = index
        if all(y[fold != held].any() and not y[fold != held].all() for held in range(count)):
            return fold
    raise CannotFit(
        "The families cannot be split so that both answers are on each side: "
        "settle gold for cases of more families."
    )


def _score_held(
    member: Judge, examples: Sequence[Example], y: Bools, held: Bools, seed: int
) -> Floats:
    seen = [int(index) for index in np.flatnonzero(~held)]
    fitted = member.fit([examples[index] for index in seen], y[seen], seed=seed)
    return fitted.score([example for example, out in zip(examples, held, strict=True) if out])


def _check_families(families: Sequence[str], y: Bools, answer: bool) -> int:
    if len(families) != len(y):
        raise BadScores(f"{len(families)} families but {len(y)} labels: give one for each case.")
    count = len({name for name, label in zip(families, y, strict=True) if label == answer})
    if count < LEAST_FAMILIES:
        raise CannotFit(
            f"Cross-fitting needs {LEAST_FAMILIES} families with a "
            f"{'positive' if answer else 'negative'} gold answer and there "
            f"{'is only 1' if count == 1 else 'are none'}: settle gold for cases of other seeds."
        )
    return count
