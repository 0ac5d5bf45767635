"""Does the interval of prevalence cover, and how narrow is it? `./run bench measurement --only prevalence`.

Cells: prevalence x labels x judge x population x way of drawing. In each, R populations with a judge
of known AUROC are made, labels drawn, and the interval compared with the share that is true in that
population (or, endless, with the prevalence itself). The code under test is the product's: cutting,
merging, allocating, inverting, run on many data sets at once; `one_by_one` (in the tests) sends
some through the door for one file. A judge of AUROC .5 says what one of .9 would, of other cases.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import sqrt
from pathlib import Path

import numpy as np
from scipy.special import expit, ndtr
from scipy.stats import binom, hypergeom, norm

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
sys.path.insert(0, str(Path(__file__).parent))

from _figures import Figure, note, show  # noqa: E402 - the paths above come first

from annotations.measurement.inference import exact_proportion  # noqa: E402
from annotations.measurement.prevalence.anytime import confidence_sequence  # noqa: E402
from annotations.measurement.prevalence.choice import leaves_judge_out  # noqa: E402
from annotations.measurement.prevalence.evidence import Evidence  # noqa: E402
from annotations.measurement.prevalence.mean import ppi_mean  # noqa: E402
from annotations.measurement.prevalence.sampling import allocate  # noqa: E402
from annotations.measurement.prevalence.strata import (  # noqa: E402
    Strata,
    cut,
    merge_small,
    spread,
    strata_for,
    strata_to_draw,
    tally,
)
from annotations.measurement.prevalence.stratified import (  # noqa: E402
    clip_to_counted,
    stratified_mean,
    sum_over_strata,
)

ISSUE = "limit of the issue"
PREVALENCES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
LABELS = (50, 100, 200, 500, 1_000)
JUDGES = (0.5, 0.7, 0.9, 0.98, 0.995)
MULTIPLES = (2, 5, 0)  # rows = multiple x labels; 0 is an endless population
DRAWS = ("random", "by score")
LOWEST, HIGHEST = 0.935, 0.97
RUNS, CLOSER, BATCH = 2_000, 5, 2_000
FOLDS = 5
FEATURES = 5
LOGITS = np.arange(-9.0, 9.05, 0.1)
# The score's law as a fine grid, so that a million rows are some hundred counts.
EDGES = np.linspace(-5.0, 9.0, 281)
ENDLESS = 1e9
CLOSE = 1e-9


@dataclass(frozen=True)
class Cell:
    """One line of the table."""

    prevalence: float
    n: int
    auroc: float
    multiple: int
    draw: str  # random, by score, cross-fitted

    @property
    def rows(self) -> int:
        return self.n * self.multiple

    @property
    def seed(self) -> list[int]:
        ways = (*DRAWS, "cross-fitted")
        return [self.n, int(self.prevalence * 1000), int(self.auroc * 1000), self.multiple,
                ways.index(self.draw)]  # fmt: skip


@dataclass(frozen=True)
class Result:
    """Coverage and mean width, beside the width of the labels alone at the same n."""

    coverage: float
    width: float
    human_width: float

    @property
    def ratio(self) -> float:
        return self.width / self.human_width


@dataclass(frozen=True)
class Law:
    """Chances of each score (2, B) for other cases and for failures, and the scores (B,)."""

    chances: np.ndarray
    scores: np.ndarray


def law_of(prevalence: float, auroc: float) -> Law:
    """A calibrated judge with normal scores; one of .5 has the scores of .9 without their meaning."""
    shift = sqrt(2) * norm.ppf(auroc if auroc > 0.5 else 0.9)
    other, failure = (np.diff(norm.cdf(EDGES - d)) for d in (0.0, shift))
    other, failure = other / other.sum(), failure / failure.sum()
    both = (1 - prevalence) * other + prevalence * failure
    scores = np.clip(prevalence * failure / np.maximum(both, 1e-300), 1e-6, 1 - 1e-6)
    return Law(np.array([both, both] if auroc <= 0.5 else [other, failure]), scores)


# --- drawing ---------------------------------------------------------------------------------


def random_draw(cell: Cell, runs: int, rng: np.random.Generator) -> tuple[Strata, np.ndarray]:
    """n labels of a plain random draw, grouped by score: strata (runs, H) and the truth (runs,)."""
    law = law_of(cell.prevalence, cell.auroc)
    bins = len(law.scores)
    joint = joint_law(law, cell)
    labelled = rng.multinomial(cell.n, joint / joint.sum(), size=runs).astype(float)
    k = labelled[:, bins:]
    n = labelled[:, :bins] + k
    rest, rest_failures = unlabelled(law, cell, runs, rng)
    rows = rest + (n if cell.multiple else 0)
    truth = (
        (k.sum(axis=1) + rest_failures) / cell.rows
        if cell.multiple
        else np.full(runs, cell.prevalence)
    )
    return by_score(law.scores, rows, n, k, cell.n), truth


def joint_law(law: Law, cell: Cell) -> np.ndarray:
    """Chances of (other case, score) and then (failure, score): (2 B,)."""
    return np.concatenate(
        [(1 - cell.prevalence) * law.chances[0], cell.prevalence * law.chances[1]]
    )


def counts_of(place: np.ndarray, y: np.ndarray, bins: int) -> list[np.ndarray]:
    """Labels and failures at each score, (runs, bins)."""
    runs = len(place)
    flat = (place + np.arange(runs)[:, None] * bins).ravel()
    return [
        np.bincount(flat, weights=w, minlength=runs * bins).reshape(runs, bins).astype(float)
        for w in (np.ones(flat.size), y.ravel().astype(float))
    ]


def unlabelled(law: Law, cell: Cell, runs: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Rows at each score (runs, B) that nobody labels, and the failures among them (runs,)."""
    joint, bins = joint_law(law, cell), len(law.scores)
    if not cell.multiple:
        endless = ENDLESS * (joint[:bins] + joint[bins:])
        return np.broadcast_to(endless, (runs, bins)), np.zeros(runs)
    drawn = rng.multinomial(cell.rows - cell.n, joint / joint.sum(), size=runs)
    return (drawn[:, :bins] + drawn[:, bins:]).astype(float), drawn[:, bins:].sum(axis=1)


def by_score(
    scores: np.ndarray, rows: np.ndarray, n: np.ndarray, k: np.ndarray, labels: int
) -> Strata:
    H = strata_for(labels)
    return merge_small(Strata(*tally(cut(scores, rows, labels, H), H, rows, n, k)))


def draw_by_score(cell: Cell, runs: int, rng: np.random.Generator) -> tuple[Strata, np.ndarray]:
    """n labels drawn from score strata by Neyman's allocation."""
    law = law_of(cell.prevalence, cell.auroc)
    H, bins, joint = strata_to_draw(cell.n), len(law.scores), joint_law(law, cell)
    if cell.multiple:
        drawn = rng.multinomial(cell.rows, joint / joint.sum(), size=runs).astype(float)
    else:
        drawn = ENDLESS * joint[None, :]
    bad = drawn[:, bins:]
    rows = drawn[:, :bins] + bad
    stratum = cut(law.scores, rows, cell.n, H)
    N, K, mass = tally(stratum, H, rows, bad, rows * spread(law.scores, cell.n))
    n = allocate(N, mass / np.maximum(N, 1e-300), cell.n)
    if cell.multiple:
        k = rng.hypergeometric(K.astype(int), (N - K).astype(int), n)
        truth = bad.sum(axis=1) / cell.rows
    else:
        N, n = (np.repeat(a, runs, axis=0) for a in (N, n))
        k = rng.binomial(n, np.clip(K / np.maximum(N, 1e-300), 0, 1))
        truth = np.full(runs, cell.prevalence)
    return Strata(N, n.astype(float), k.astype(float)), truth


# --- a judge that learnt from the same labels --------------------------------------------------


def cross_fitted(
    cell: Cell, runs: int, rng: np.random.Generator, *, crossed: bool = True
) -> tuple[Strata, np.ndarray]:
    """Every row is scored by a judge that learnt from the labels of the other folds.

    Cases have FEATURES normal features, one of which tells; the judge weighs them by the difference
    of the class means (a learner that overfits few labels) and turns its sum into a chance. Rows that
    nobody labels are in folds too: what their judge says has a known law, from which their counts at
    LOGITS are drawn. With `crossed` False every row's judge has seen all labels, its own too.
    """
    d = sqrt(2) * norm.ppf(cell.auroc)
    y = rng.random((runs, cell.n)) < cell.prevalence
    x = rng.standard_normal((runs, cell.n, FEATURES))
    x[:, :, 0] += d * y
    fold, bins = np.arange(cell.n) % FOLDS, len(LOGITS) + 1
    place = np.zeros((runs, cell.n), dtype=np.int64)
    rows, failures = np.zeros((runs, bins)), np.zeros(runs)
    for j in range(FOLDS):
        weights, offset = learn(x, y, fold != j if crossed else np.ones(cell.n, dtype=bool))
        own = fold == j
        said = np.einsum("rnd,rd->rn", x[:, own], weights) + offset[:, None]
        place[:, own] = np.searchsorted(LOGITS, said)
        more, bad = rest_of_fold(cell, d, weights, offset, rng)
        rows, failures = rows + more, failures + bad
    n, k = counts_of(place, y, bins)
    scores = expit(np.concatenate([LOGITS, LOGITS[-1:] + 0.1]) - 0.05)
    if not cell.multiple:
        return by_score(scores, rows, n, k, cell.n), np.full(runs, cell.prevalence)
    truth = (y.sum(axis=1) + failures) / cell.rows
    return by_score(scores, rows + n, n, k, cell.n), truth


def rest_of_fold(
    cell: Cell, d: float, weights: np.ndarray, offset: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Unlabelled rows of one fold: their counts at each score (runs, bins), and failures (runs,)."""
    spreads = np.maximum(np.linalg.norm(weights, axis=1), 1e-9)[:, None]
    laws = []
    for share, centre in ((1 - cell.prevalence, 0.0), (cell.prevalence, d)):
        edges = ndtr((LOGITS - offset[:, None] - centre * weights[:, [0]]) / spreads)
        full = np.pad(edges, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
        laws.append(share * np.diff(full, axis=1))
    if not cell.multiple:
        return ENDLESS / FOLDS * (laws[0] + laws[1]), np.zeros(len(offset))
    joint = np.concatenate(laws, axis=1)
    size = (cell.rows - cell.n) // FOLDS
    drawn = rng.multinomial(size, joint / joint.sum(axis=1, keepdims=True)).astype(float)
    bins = len(LOGITS) + 1
    return drawn[:, :bins] + drawn[:, bins:], drawn[:, bins:].sum(axis=1)


def learn(x: np.ndarray, y: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (runs, D) and offset (runs,): the difference of means, shrunk where failures are few."""
    x, y = x[:, seen], y[:, seen].astype(float)
    n1 = y.sum(axis=1)
    n0 = y.shape[1] - n1
    mean1 = np.einsum("rn,rnd->rd", y, x) / np.maximum(n1, 1)[:, None]
    mean0 = np.einsum("rn,rnd->rd", 1 - y, x) / np.maximum(n0, 1)[:, None]
    weights = (mean1 - mean0) * (n1 / (n1 + 2))[:, None] * (n0 / (n0 + 2))[:, None]
    share = (n1 + 0.5) / (n1 + n0 + 1)
    middle = (weights * (mean0 + mean1)).sum(axis=1) / 2
    return weights, np.log(share / (1 - share)) - middle


# --- measuring -------------------------------------------------------------------------------


def measure(cell: Cell, runs: int, *, crossed: bool = True) -> Result:
    """Coverage and width of what the product shows in so many data sets of one cell."""
    parts = [one_batch(cell, min(BATCH, runs - first), first, crossed=crossed)
             for first in range(0, runs, BATCH)]  # fmt: skip
    return Result(*np.concatenate(parts, axis=1).mean(axis=1).tolist())


def one_batch(cell: Cell, runs: int, first: int, *, crossed: bool) -> np.ndarray:
    """Covered or not, width, and width of the labels alone: (3, runs)."""
    rng = np.random.default_rng([*cell.seed, first])
    if cell.draw == "random":
        strata, truth = random_draw(cell, runs, rng)
    elif cell.draw == "by score":
        strata, truth = draw_by_score(cell, runs, rng)
    else:
        strata, truth = cross_fitted(cell, runs, rng, crossed=crossed)
    rows, k, is_drawn = cell.rows, strata.k.sum(axis=1), cell.draw == "by score"
    sums = sum_over_strata(strata, is_drawn=is_drawn)
    if rows:
        sums = clip_to_counted(sums, k, np.full(runs, float(cell.n)), rows)
    low, high = sums.low, sums.high
    plain = rng.binomial(cell.n, truth) if is_drawn else k
    alone_low, alone_high = labels_alone(cell, plain, rows)
    if rows and not is_drawn:
        alone = leaves_judge_out(strata, cell.n, rows)
        low, high = np.where(alone, alone_low, low), np.where(alone, alone_high, high)
    covered = (low <= truth + CLOSE) & (truth <= high + CLOSE)
    return np.stack([covered.astype(float), high - low, alone_high - alone_low])


def labels_alone(cell: Cell, k: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """The interval of the labels alone for each count."""
    values, place = np.unique(k.astype(int), return_inverse=True)
    ends = [exact_ends(int(value), cell.n, rows) for value in values]
    low, high = np.array(ends).T
    return low[place], high[place]


@cache
def exact_ends(k: int, n: int, rows: int) -> tuple[float, float]:
    found = exact_proportion(k, n, population=rows or None)
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def one_by_one(cell: Cell, runs: int) -> tuple[list[float], list[float]]:
    """The ends of some data sets by the road of the table, and by the product's for one file each."""
    rng = np.random.default_rng(cell.seed)
    law = law_of(cell.prevalence, cell.auroc)
    many: list[float] = []
    one: list[float] = []
    for _ in range(runs):
        y = rng.random(cell.rows) < cell.prevalence
        place = np.where(
            y, *(rng.choice(len(law.scores), cell.rows, p=law.chances[c]) for c in (1, 0))
        )
        n, k = counts_of(place[None, : cell.n], y[None, : cell.n], len(law.scores))
        rows, _ = counts_of(place[None, :], y[None, :], len(law.scores))
        found = sum_over_strata(by_score(law.scores, rows, n, k, cell.n))
        labels = np.where(np.arange(cell.rows) < cell.n, y, np.nan)
        e = stratified_mean(Evidence(law.scores[place], labels))
        many += [float(found.value[0]), float(found.low[0]), float(found.high[0])]
        one += [e.value, e.low, e.high]
    return many, one


def cells(draws: tuple[str, ...], labels: tuple[int, ...] = LABELS) -> Iterator[Cell]:
    """Every cell of the table, in its order."""
    for draw in draws:
        for multiple in MULTIPLES:
            for n in labels:
                for prevalence in PREVALENCES:
                    for auroc in JUDGES:
                        yield Cell(prevalence, n, auroc, multiple, draw)


def least_of_labels(cell: Cell) -> float:
    """The least coverage in a cell of any interval of the labels alone that keeps LOWEST everywhere.

    An interval covers a truth for the counts k of some window, so in one population its coverage is one
    of finitely many; the least from LOWEST up is the nearest to the level that it can come without
    throwing dice. Over populations that are drawn themselves the windows of growing truths move up with
    them (more failures seen never lower an end), and the least mean is found by going through the truths
    in order, keeping the best for every window so far.
    """
    if not cell.multiple:
        mass = binom.pmf(np.arange(cell.n + 1), cell.n, cell.prevalence)
        return float(windows(mass).min())
    chances = binom.pmf(np.arange(cell.rows + 1), cell.rows, cell.prevalence)
    likely = np.flatnonzero(chances > 1e-6)
    most = int(min(cell.n, likely[-1])) + 1
    best = np.zeros((most, most))
    for held in likely:
        mass = hypergeom.pmf(np.arange(most), cell.rows, int(held), cell.n)
        best = chances[held] * windows(mass) + best
        best = np.minimum.accumulate(np.minimum.accumulate(best, axis=0), axis=1)
    return float(best.min() / chances[likely].sum())


def windows(mass: np.ndarray) -> np.ndarray:
    """Coverage of every window of counts from a to b, (counts, counts); infinite under LOWEST."""
    sums = np.concatenate([[0.0], np.cumsum(mass)])
    inside = sums[None, 1:] - sums[:-1, None]
    return np.where(inside >= LOWEST - 1e-12, inside, np.inf)


@dataclass(frozen=True)
class Line:
    """A cell with what was found and what the labels alone can reach."""

    cell: Cell
    result: Result
    least: float | None

    @property
    def is_inside(self) -> bool:
        return LOWEST <= self.result.coverage <= HIGHEST

    @property
    def is_whole_counts(self) -> bool:
        """Above the band, where whole counts keep every interval of a plain draw's labels above it."""
        if self.cell.draw == "by score":
            return False
        return self.result.coverage > HIGHEST and (self.least or 0.0) > HIGHEST


def table(draws: tuple[str, ...], labels: tuple[int, ...], runs: int) -> list[Line]:
    """All cells measured, those near an edge of the band CLOSER times as often.

    What labels can reach is asked only where the band is left upwards.
    """
    lines = []
    for cell in cells(draws, labels):
        result = measure(cell, runs)
        if runs >= RUNS and is_near_an_edge(result.coverage, runs):
            result = measure(cell, CLOSER * runs)
        least = least_of_labels(cell) if result.coverage > HIGHEST else None
        lines.append(Line(cell, result, least))
        if cell.prevalence == PREVALENCES[-1] and cell.auroc == JUDGES[-1]:
            outside = sum(not line.is_inside for line in lines)
            note(
                f"{cell.draw}, {cell.n} labels of {cell.rows or 'endless'}: {outside} outside so far"
            )
    return lines


def is_near_an_edge(coverage: float, runs: int) -> bool:
    """Whether chance alone (three standard errors) could have put a cell on its side of an edge."""
    error = 3 * sqrt(0.95 * 0.05 / runs)
    return min(abs(coverage - LOWEST), abs(coverage - HIGHEST)) < error


# --- figures ---------------------------------------------------------------------------------


def figures(options: argparse.Namespace) -> dict[str, Figure]:
    """Coverage over the cells, widths at n = 200, and looks after every label."""
    quick = bool(getattr(options, "quick", False))
    draws = (*DRAWS, "cross-fitted")
    lines = table(draws, (50, 200) if quick else LABELS, 400 if quick else RUNS)
    return {
        **coverage_figures(lines, LOWEST - (0.02 if quick else 0)),
        **width_figures(lines, 300 if quick else RUNS),
        **anytime_figures(30 if quick else 200),
    }


def coverage_figures(lines: list[Line], lowest: float) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    for draw in (*DRAWS, "cross-fitted"):
        own = [line for line in lines if line.cell.draw == draw]
        outside = [line for line in own if not line.is_inside]
        whole = [line for line in outside if line.is_whole_counts]
        least = min(line.result.coverage for line in own)
        found |= {
            f"{draw}: cells": Figure(len(own), "cells", None, ""),
            f"{draw}: outside .935-.97": Figure(len(outside), "cells", 0, ISSUE),
            f"{draw}: of these by whole counts": Figure(len(whole), "cells", None, ""),
            f"{draw}: lowest coverage": Figure(least * 100, "%", lowest * 100, ISSUE, at_least=True),
            f"{draw}: highest, whole counts apart": Figure(
                max(x.result.coverage for x in own if not x.is_whole_counts) * 100, "%",
                HIGHEST * 100, ISSUE,
            ),
        }  # fmt: skip
    return found


def width_figures(lines: list[Line], runs: int) -> dict[str, Figure]:
    """Widths over that of the labels alone; draws by score against a plain draw of as many."""
    found = {}
    for prevalence in (0.1, 0.2, 0.5):
        for multiple, rows in ((5, "1,000 cases"), (10, "2,000 cases"), (0, "endless")):
            cell = Cell(prevalence, 200, 0.98, multiple, "by score")
            found[f"width by score, {prevalence:.0%}, {rows}"] = Figure(
                measure(cell, runs).ratio, "of labels", 0.40, ISSUE
            )
        found[f"width of PPI++, {prevalence:.0%}, 2,000 cases"] = Figure(
            ppi_ratio(Cell(prevalence, 200, 0.98, 10, "random"), min(runs, 400)), "of labels",
            0.60, ISSUE,
        )  # fmt: skip
    for draw in (*DRAWS, "cross-fitted"):
        widest = max(line.result.ratio for line in lines if line.cell.draw == draw)
        found[f"{draw}: widest"] = Figure(widest, "of labels", 1.03, ISSUE)
    return found


def ppi_ratio(cell: Cell, runs: int) -> float:
    """Mean width of PPI++'s own interval over that of the labels alone."""
    rng, law = np.random.default_rng(cell.seed), law_of(cell.prevalence, cell.auroc)
    widths = np.zeros(2)
    for _ in range(runs):
        y = rng.random(cell.rows) < cell.prevalence
        place = np.where(
            y, *(rng.choice(len(law.scores), cell.rows, p=law.chances[c]) for c in (1, 0))
        )
        labels = np.where(np.arange(cell.rows) < cell.n, y, np.nan)
        ppi = ppi_mean(Evidence(law.scores[place], labels))
        low, high = exact_ends(int(y[: cell.n].sum()), cell.n, cell.rows)
        widths += ppi.high - ppi.low, high - low
    return float(widths[0] / widths[1])


def anytime_figures(runs: int) -> dict[str, Figure]:
    """The share of runs in which the interval missed at least once in 300 looks."""
    rng, missed = np.random.default_rng(5), 0
    for _ in range(runs):
        y = (rng.random(1_000) < 0.1).astype(float)
        f = np.where(rng.random(1_000) < 0.9, y, 1 - y)
        order = rng.permutation(1_000)[:300]
        found = confidence_sequence(y[order], f[order], rows=1_000, mean_score=float(f.mean()))
        missed += bool(((found.low > y.mean()) | (found.high < y.mean())).any())
    return {"missed at any of 300 looks": Figure(100 * missed / runs, "%", 5.0, "1 - level")}


# --- the page --------------------------------------------------------------------------------

HEAD = """# Does the interval of prevalence cover?

Made by `python benchmarks/_measurement_prevalence.py --write docs/measurement/coverage.md` with {runs:,} runs a
cell and fixed seeds: how often the interval that is shown holds the true share, in %, and how wide it is
beside that of the labels alone. See [prevalence](prevalence.md) for the methods. A coverage is known to about
{error:.1f} points (two standard errors of {runs:,} runs); cells within three standard errors of an edge, on
either side of it, were measured with {closer} times as many.

*Random*: any n of the rows, grouped by the judge's score. *By score*: drawn from score strata, more where the
judge is unsure; beside a random draw of as many. *Cross-fitted*: random, and the judge learnt from the same
labels in {folds} folds. Judges are named by their AUROC; one of .5 says what one of .9 would, of other cases.
Where rows are finite the truth is the share among these rows, and every run has a new population; endless, it
is the prevalence itself.

**Bold**: outside 93.5 to 97 %. A star: above it, where whole counts alone explain it: no interval of the labels
of a random draw that keeps 93.5 % in every such population, and throws no dice, comes below 97 % in this cell
(`least_of_labels` finds the least that there is). Drawn by score no such count was made: where half of all
rows are labelled, and those the judge suspects first, the failures left are one or two or none, and an interval
that allows for one more is often right always.

{summary}
"""


def page(lines: list[Line], runs: int) -> str:
    """The table as Markdown."""
    parts = [HEAD.format(runs=runs, error=200 * sqrt(0.95 * 0.05 / runs), folds=FOLDS, closer=CLOSER,
                         summary=summary(lines))]  # fmt: skip
    for draw in (*DRAWS, "cross-fitted"):
        for multiple in MULTIPLES:
            own = [x for x in lines if (x.cell.draw, x.cell.multiple) == (draw, multiple)]
            if own:
                parts.append(one_table(own, draw, multiple))
    return "\n".join(parts)


def summary(lines: list[Line]) -> str:
    rows = ["| draw | cells | inside | starred | below 93.5 % | above 97 % | lowest | highest, no star |",
            "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for draw in (*DRAWS, "cross-fitted"):
        own = [x for x in lines if x.cell.draw == draw]
        if not own:
            continue
        stars = sum(x.is_whole_counts for x in own)
        below = sum(x.result.coverage < LOWEST for x in own)
        inside = sum(x.is_inside for x in own)
        rest = [x.result.coverage for x in own if not x.is_whole_counts]
        rows.append(
            f"| {draw} | {len(own)} | {inside} | {stars} | {below} | "
            f"{len(own) - inside - stars - below} | {min(rest):.1%} | {max(rest):.1%} |"
        )
    return "\n".join(rows)


def one_table(own: list[Line], draw: str, multiple: int) -> str:
    rows = "endless" if not multiple else f"{multiple} times the labels"
    head = f"## {draw.capitalize()}, rows: {rows}\n\n| labels | share | " + " | ".join(
        f"AUROC {a}" for a in JUDGES
    )
    text = [head + " |", "|---|---|" + "---|" * len(JUDGES)]
    for n in dict.fromkeys(x.cell.n for x in own):
        for p in PREVALENCES:
            at = {x.cell.auroc: x for x in own if (x.cell.n, x.cell.prevalence) == (n, p)}
            text.append(f"| {n} | {p:.0%} | " + " | ".join(as_cell(at[a]) for a in JUDGES) + " |")
    return "\n".join(text) + "\n"


def as_cell(line: Line) -> str:
    coverage = f"{line.result.coverage * 100:.1f}"
    if not line.is_inside:
        coverage = f"**{coverage}**" + ("\\*" if line.is_whole_counts else "")
    return f"{coverage} / {line.result.ratio:.2f}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What only this part asks."""
    parser.add_argument("--write", help="also write the table to this page")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=0, help="not used: every cell has its own")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.write:
        lines = table((*DRAWS, "cross-fitted"), LABELS, options.runs)
        Path(options.write).write_text(page(lines, options.runs), encoding="utf-8")
        return
    show(figures(options), as_json=options.json)


if __name__ == "__main__":
    main()
