"""Judges fitted on gold and combined, in one go: for files, where no project keeps the steps apart.

Each judge is scored on families that it has not seen (`crossfit`), the scores are stacked and
calibrated (`ensemble`), and each judge is then fitted on all gold, unless it cross-fitted itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from campaigns.judging.conformal import (
    Conformal,
    Decisions,
    cross_conformal,
    decisions,
    fit_conformal,
)
from campaigns.judging.crossfit import cross_fit
from campaigns.judging.ensemble import Ensemble, cross_fit_ensemble, fit_ensemble
from campaigns.judging.errors import CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.members.base import Fitted, Judge

Tell = Callable[[str], None]  # a line of progress; what it raises ends the fit


@dataclass(frozen=True, eq=False)
class Panel:
    """Fitted judges and the ensemble over them; `failures` says why a judge is missing."""

    fitted: Mapping[str, Fitted]
    ensemble: Ensemble
    failures: Mapping[str, str]
    conformal: Conformal | None = None  # what goes to a person; an older folder doesn't say
    decisions: Decisions | None = None  # how that went on gold, families apart

    def scores(self, examples: Sequence[Example]) -> Floats:
        """Each judge's P(positive), (N, M) in the order of the ensemble; nan is no verdict."""
        columns = [self.fitted[name].score(examples) for name in self.ensemble.names]
        return np.column_stack(columns) if columns else np.empty((len(examples), 0))


def fit_panel(
    members: Sequence[Judge],
    examples: Sequence[Example],
    y: Bools,
    *,
    bound_over_block: float = 0.05,
    folds: int = 5,
    seed: int,
    tell: Tell = lambda line: None,
) -> Panel:
    """Cross-fit, combine, fit on all. Raises `CannotFit` with what is missing.

    A judge that cannot be fitted is left out and told in `failures`.
    """
    columns, fitted, failures = [], {}, {}
    for member in members:
        tell(f"{member.name}: scores on families that it has not seen")
        found = cross_fit([member], examples, y, folds=folds, seed=seed)
        try:
            fitted[member.name] = found.fitted.get(member.name) or member.fit(
                examples, y, seed=seed
            )
        except CannotFit as problem:
            failures[member.name] = str(problem)
            continue
        failures |= found.failures
        columns.append(found.scores[:, 0])
    if not fitted:
        told = "; ".join(f"{name}: {reason}" for name, reason in failures.items())
        raise CannotFit(f"No judge could be fitted. {told}")
    tell("Combining and calibrating")
    scores, y = np.column_stack(columns), np.asarray(y, dtype=bool)
    families = [one.family or one.key for one in examples]
    ensemble = fit_ensemble(
        scores, y, families, names=tuple(fitted), bound_over_block=bound_over_block, seed=seed
    )
    p = cross_fit_ensemble(scores, y, families, names=tuple(fitted), seed=seed)
    decided = decisions(cross_conformal(p, y, families), p, y, threshold=ensemble.threshold.value)[
        0
    ]
    return Panel(fitted, ensemble, failures, fit_conformal(p, y), decided)
