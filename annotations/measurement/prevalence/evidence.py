"""What an estimate of prevalence rests on: a judge's score for every row, a person's label for some.

Symbols: M rows with a judge's score f in [0, 1]; n of them with a label y, 1 for a failure; pi = the
probability with which a row was drawn to be labelled; fold = the part that the judge that scored the
row was *not* trained on. All arrays have shape (M,); y and pi are nan where there is none.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Population = int | Literal["rows", "endless"]


class PrevalenceError(ValueError):
    """Scores, labels or probabilities that can't be measured; the text says what to mend."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Scores and labels. The population is the rows, unless they are a sample of a larger one."""

    scores: Floats
    labels: Floats
    probabilities: Floats | None = None
    folds: Ints | None = None
    population: Population = "rows"

    def __post_init__(self) -> None:
        shape = self.scores.shape
        given = [self.scores, self.labels, self.probabilities, self.folds]
        if any(a is not None and a.shape != shape for a in given) or len(shape) != 1:
            raise PrevalenceError("Scores, labels, probabilities and folds are as many as rows.")
        if not np.all((self.scores >= 0) & (self.scores <= 1)):
            raise PrevalenceError("A judge's score lies between 0 and 1.")
        y = self.labels[self.is_labelled]
        if not np.all((y == 0) | (y == 1)):
            raise PrevalenceError("A label is 1 for a failure, 0 for none, nan for unlabelled.")
        self._check_probabilities()
        if isinstance(self.population, int) and self.population < self.rows:
            raise PrevalenceError(
                f"A population of {self.population:,} cannot hold the {self.rows:,} rows."
            )

    def _check_probabilities(self) -> None:
        if self.probabilities is None:
            return
        pi = self.probabilities[self.is_labelled]
        if not np.all((pi > 0) & (pi <= 1)):
            raise PrevalenceError(
                "Every labelled row needs the probability with which it was drawn: above 0, at most 1."
            )

    @property
    def is_labelled(self) -> Bools:
        """Which rows have a person's label, (M,)."""
        return ~np.isnan(self.labels)

    @property
    def rows(self) -> int:
        """How many rows have a judge's score."""
        return len(self.scores)

    @property
    def n(self) -> int:
        """How many rows have a person's label."""
        return int(self.is_labelled.sum())

    @property
    def y(self) -> Floats:
        """The labels, (n,)."""
        return self.labels[self.is_labelled]

    @property
    def f(self) -> Floats:
        """The judge's scores of the labelled rows, (n,)."""
        return self.scores[self.is_labelled]

    @property
    def positives(self) -> int:
        """How many labelled rows are failures."""
        return int(self.y.sum())

    @property
    def w(self) -> Floats:
        """Weights 1/pi of the labelled rows, (n,), with mean 1; all 1 where every pi is the same."""
        if self.probabilities is None or not self.is_weighted:
            return np.ones(self.n)
        w = 1 / self.probabilities[self.is_labelled]
        return np.asarray(w / w.mean(), dtype=np.float64)

    @property
    def is_weighted(self) -> bool:
        """Whether rows were drawn with different probabilities."""
        if self.probabilities is None or not self.n:
            return False
        pi = self.probabilities[self.is_labelled]
        return bool(np.ptp(pi) > 1e-9 * pi.max())

    @property
    def labelled_folds(self) -> Ints | None:
        """The fold of each labelled row, (n,)."""
        return None if self.folds is None else self.folds[self.is_labelled]

    @property
    def missing_share(self) -> float:
        """1 - M/N: the share of the population that has no row at all; 0 if the rows are all of it."""
        if self.population == "rows":
            return 0.0
        return 1.0 if self.population == "endless" else 1 - self.rows / self.population
