"""What would more labels buy? How well an ensemble does, by how many labels it learnt from.

Families are dealt into K folds. Each fold is held out once; judges and ensemble are made from scratch
from a growing, nested share of the other families and decide the held cases, so that every case is
decided once at each size by judges that have not seen its family. Projection: E(n) = a + b / sqrt(n),
b >= 0, by least squares over the sizes (the rate at which parametric estimates settle); what 100 more
labels change is b (1 / sqrt(n + 100) - 1 / sqrt(n)), with percentiles over draws of families as its
interval. Symbols: n labels learnt from, E evasion.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from annotations.measurement.results import Estimate, undefined
from campaigns.judging.crossfit import Folds, cross_fit, family_folds
from campaigns.judging.discrimination import auroc
from campaigns.judging.ensemble import fit_ensemble
from campaigns.judging.errors import CannotFit
from campaigns.judging.evasion.intervals import share_over_families
from campaigns.judging.evasion.resampling import percentiles
from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, Floats
from campaigns.judging.members.base import Judge

SHARES = (0.25, 0.5, 1.0)
FOLDS = 3
INNER = 3  # folds of the cross-fit within
NEXT = 100  # labels more
REPLICATES = 1_000
METHOD = "a + b / sqrt(n) over the sizes, percentiles of draws of families"


@dataclass(frozen=True)
class Point:
    """Judges and ensemble from `n` labels (mean over folds), or why that could not be done."""

    n: int
    auroc: Estimate
    evasion: Estimate
    over_block: Estimate
    reason: str = ""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Point":
        """What `asdict` made."""
        rates = {name: Estimate(**data[name]) for name in ("auroc", "evasion", "over_block")}
        return cls(n=data["n"], reason=data["reason"], **rates)


@dataclass(frozen=True)
class LearningCurve:
    """Points by size, smallest first, and what `NEXT` more labels would change in evasion."""

    points: tuple[Point, ...]
    gain: Estimate

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"points": [asdict(one) for one in self.points], "gain": asdict(self.gain)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "LearningCurve":
        """What `as_json` wrote."""
        points = tuple(Point.from_json(one) for one in data["points"])
        return cls(points, Estimate(**data["gain"]))


@dataclass(frozen=True, eq=False)
class Gold:
    """What is learnt from: N cases, and what M outside judges said of them, (N, M)."""

    examples: Sequence[Example]
    y: Bools
    outside: Floats
    outside_names: tuple[str, ...] = ()

    def some(self, rows: npt.NDArray[np.intp]) -> "Gold":
        """The cases of these rows."""
        chosen = [self.examples[int(row)] for row in rows]
        return Gold(chosen, self.y[rows], self.outside[rows], self.outside_names)

    @property
    def families(self) -> list[str]:
        return [one.family or one.key for one in self.examples]

    @property
    def strata(self) -> list[str]:
        return [one.stratum for one in self.examples]


def learning_curve(
    members: Sequence[Judge], gold: Gold, *, bound: float, seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LearningCurve:  # fmt: skip
    """Raises `CannotFit` where the gold is too small to be held out at all."""
    families = np.array(gold.families, dtype=object).astype(str)
    folds = family_folds(gold.families, gold.y, folds=FOLDS, seed=seed)
    rng = np.random.default_rng(seed)
    order = {
        int(fold): _dealt(families[folds != fold], gold.y[folds != fold], rng)
        for fold in np.unique(folds)
    }
    n_folds, points, decided = len(order), [], {}
    for step, share in enumerate(SHARES):

        def tell(done: int, before: int = step * n_folds) -> None:
            progress(before + done, len(SHARES) * n_folds)

        found = _at(share, members, gold, folds, order, bound=bound, seed=seed, progress=tell)
        points.append(found[0])
        if found[1] is not None:
            decided[found[0].n] = found[1]
    return LearningCurve(
        tuple(points), projected_gain(decided, gold.y, families, n=len(gold.y), seed=seed)
    )


def _dealt(
    families: npt.NDArray[Any], y: Bools, rng: np.random.Generator
) -> list[npt.NDArray[Any]]:
    """Families with a failure and those without, each shuffled: a share takes its part of both."""
    failing = np.unique(families[y])
    others = np.setdiff1d(families, failing)
    return [rng.permutation(failing), rng.permutation(others)]


def _at(
    share: float, members: Sequence[Judge], gold: Gold, folds: Folds,
    order: dict[int, list[npt.NDArray[Any]]], *, bound: float, seed: int, progress: Callable[[int], None],
) -> tuple[Point, Bools | None]:  # fmt: skip
    """The point at one share, and which cases were called positive, (N,)."""
    p, fired, sizes = np.full(len(gold.y), np.nan), np.zeros(len(gold.y), dtype=bool), []
    families = np.array(gold.families, dtype=object).astype(str)
    for done, (fold, kinds) in enumerate(order.items(), start=1):
        names = np.concatenate([kind[: max(1, round(share * len(kind)))] for kind in kinds])
        taught = np.isin(families, names) & (folds != fold)
        held = np.flatnonzero(folds == fold)
        sizes.append(int(taught.sum()))
        try:
            p[held], threshold = _taught(
                members, gold.some(np.flatnonzero(taught)), gold.some(held), bound=bound, seed=seed
            )
        except CannotFit as problem:
            return _nothing(int(np.mean(sizes)), str(problem)), None
        fired[held] = np.where(np.isnan(p[held]), -1.0, p[held]) >= threshold
        progress(done)
    n = round(float(np.mean(sizes)))
    return Point(
        n, auroc(p, gold.y), _rate(~fired, gold.y, families), _rate(fired, ~gold.y, families)
    ), fired


def _taught(
    members: Sequence[Judge], seen: Gold, held: Gold, *, bound: float, seed: int
) -> tuple[Floats, float]:
    """P(positive) of the held cases by an ensemble that learnt from the seen ones; its threshold."""
    found = cross_fit(members, seen.examples, seen.y, folds=INNER, seed=seed)
    columns, new, names = [], [], []
    for column, member in enumerate(members):
        if member.name in found.failures:
            continue
        fitted = found.fitted.get(member.name) or member.fit(seen.examples, seen.y, seed=seed)
        columns.append(found.scores[:, column])
        new.append(fitted.score(held.examples))
        names.append(member.name)
    scores = np.column_stack([*columns, seen.outside])
    made = fit_ensemble(
        scores, seen.y, seen.families, names=(*names, *seen.outside_names), strata=seen.strata,
        bound_over_block=bound, seed=seed,
    )  # fmt: skip
    return made.predict(np.column_stack([*new, held.outside]), held.strata), made.threshold.value


def _rate(wrong: Bools, among: Bools, families: npt.NDArray[Any]) -> Estimate:
    of = np.unique(families[among], return_inverse=True)[1]
    return share_over_families(wrong[among], of)


def _nothing(n: int, reason: str) -> Point:
    none = undefined(reason, n=n, method=METHOD)
    return Point(n, none, none, none, reason)


def projected_gain(
    decided: dict[int, Bools], y: Bools, families: npt.NDArray[Any], *, n: int, seed: int
) -> Estimate:
    """The change in evasion from n to n + `NEXT` labels; below 0 is better."""
    positives = int(y.sum())
    if len(decided) < 2:
        reason = "A curve needs two sizes from which judges could be made: settle more cases."
        return undefined(reason, n=positives, method=METHOD)
    sizes = np.array(list(decided), dtype=np.float64)
    missed = np.array([~fired[y] for fired in decided.values()], dtype=np.float64)  # (S, P)
    _, of = np.unique(families[y], return_inverse=True)
    sums = np.stack([np.bincount(of, weights=row) for row in missed])  # (S, F)
    counts = np.bincount(of).astype(np.float64)
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), size=REPLICATES)
    drawn = (times @ sums.T) / (times @ counts)[:, None]  # (R, S)
    value = float(projected(missed.mean(axis=1)[None], sizes, n)[0])
    ends = percentiles(projected(drawn, sizes, n), level=0.95) or (value, value)
    return Estimate(value, min(ends[0], value), max(ends[1], value), positives, method=METHOD)


def projected(evasion: Floats, sizes: Floats, n: int) -> Floats:
    """b (1 / sqrt(n + NEXT) - 1 / sqrt(n)) of evasion (R, S) at sizes (S,), (R,)."""
    x = 1 / np.sqrt(sizes)
    centred = x - x.mean()
    b = np.maximum(evasion @ centred / (centred @ centred), 0.0)
    return np.asarray(b * (1 / np.sqrt(n + NEXT) - 1 / np.sqrt(n)))
