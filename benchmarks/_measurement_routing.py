"""Routing: labels used against a fixed five at equal accuracy, and whether what is claimed is right.

Every draw plays a whole project with the product's own rule: a random tenth of the cases is the audit
slice (three raters, whatever they say); its gold (all three agree, or else the adjudicator's answer,
which is the truth) teaches skills, base rates, the AI's standing and the temperature; the rest of the
cases is labelled by the rule. Claimed and true accuracy are compared on the rest alone, from which
nothing was learnt. Peers on the same answers: five raters and three by majority, the rule by lead.

On DICES-350 there is no truth but what people say: it is the majority of all 123 raters (`Unsure` is
an answer of its own); the experts' gold is told beside it, as they disagree with the majority.
"""

import argparse
import csv
import heapq
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from annotations.measurement.overlap import ByPosterior, Labelled, by_lead
from annotations.measurement.posterior import (
    Answers,
    Audited,
    Model,
    belief,
    learn_from_audit,
)
from benchmarks._figures import Figure, note, show

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
DATA = Path(
    os.environ.get("EVALPLATFORM_DATA", Path(__file__).resolve().parents[2] / "shared/data")
)
AUDIT_SHARE, AUDIT_RATERS, MOST = 0.10, 3, 5
GOAL_LABELS, GOAL_EXCESS = 55.0, 1.0
Q = "harm"
SHARES = np.arange(20, 101) / 100  # of the labels of a fixed five


@dataclass(frozen=True, eq=False)
class World:
    """Who would answer what: the first MOST places of n cases, and what is true."""

    answers: Answers
    truth: Ints  # (n,)
    rater: Ints  # (n, MOST) who has the place
    given: Ints  # (n, MOST) what that rater says
    audit: npt.NDArray[np.bool_]  # (n,)
    ai: Ints | None = None  # (n,)
    expert: Ints | None = None  # (n,) another opinion of the truth

    def word(self, code: int) -> str:
        return self.answers.words[code]

    def said(self, case: int, n: int) -> list[tuple[int, str]]:
        """The first n answers to a case, with who gave them."""
        return [(int(r), self.word(a)) for r, a in
                zip(self.rater[case, :n], self.given[case, :n], strict=True)]  # fmt: skip

    def ai_word(self, case: int) -> str | None:
        return None if self.ai is None else self.word(self.ai[case])


# ---- what the product learns from its audit slice


def audit_gold(world: World, case: int) -> int:
    """Unanimous, or what an adjudicator decides."""
    first = world.given[case, :AUDIT_RATERS]
    return int(first[0]) if len(set(first.tolist())) == 1 else int(world.truth[case])


def learnt(world: World, *, all_decided: bool = False) -> Model:
    """Skills, base rates, the AI and the temperature, from the audit slice alone."""
    audit = [
        Audited(
            said=tuple(world.said(int(case), AUDIT_RATERS)),
            truth=world.word(
                int(world.truth[case]) if all_decided else audit_gold(world, int(case))
            ),
            ai=world.ai_word(int(case)),
        )
        for case in np.flatnonzero(world.audit)
    ]
    return learn_from_audit(world.answers, audit).model


# ---- playing a project


@dataclass(frozen=True, eq=False)
class Played:
    """One project at its end, and how its accuracy grew with the labels."""

    labels: float  # used, as a share of five a case
    right: float  # share of all cases
    expert: float  # share that the experts say as well
    claimed: float  # of cases that the rule settled, outside the audit slice: the sum of p
    true: float  # how many of them were right
    settled: int
    curve: Floats  # (len(SHARES),) share right once so many of the fixed five's labels are used


def play(world: World, *, all_decided: bool = False) -> Played:
    """The rule by posterior: whoever is not sure enough waits, and the highest rate goes first.

    What a smaller budget would have bought is read off the curve: the order is the same.
    """
    model = learnt(world, all_decided=all_decided)
    rule = ByPosterior({Q: model})
    begin = 1 if model.ai is not None else 2
    n = np.where(world.audit, AUDIT_RATERS, begin)
    top = np.array([_top(world, model, case, k) for case, k in enumerate(n)])
    curve = np.full(len(SHARES), np.nan)
    queue: list[tuple[float, int]] = []
    for case in np.flatnonzero(~world.audit):
        _ask_on(queue, rule, world, int(case), n)
    used, right = int(n.sum()), int((top == world.truth).sum())
    _mark(curve, used, right, n)
    while queue:
        case = heapq.heappop(queue)[1]
        n[case] += 1
        used, right = used + 1, right - int(top[case] == world.truth[case])
        top[case] = _top(world, model, case, int(n[case]))
        right += int(top[case] == world.truth[case])
        _mark(curve, used, right, n)
        _ask_on(queue, rule, world, case, n)
    curve[used / (len(n) * MOST) < SHARES] = right / len(n)
    return _told(world, rule, n, top, curve)


def _top(world: World, model: Model, case: int, n: int) -> int:
    return int(belief(model, world.said(case, n), ai=world.ai_word(case)).argmax())


def _mark(curve: Floats, used: int, right: int, n: Ints) -> None:
    curve[np.abs(SHARES - used / (len(n) * MOST)) < 0.5 / (len(n) * MOST) + 1e-12] = right / len(n)


def _ask_on(
    queue: list[tuple[float, int]], rule: ByPosterior, world: World, case: int, n: Ints
) -> None:
    decision = rule(_labelled(world, case, int(n[case])))
    if decision.add:
        heapq.heappush(queue, (-(decision.rate or 0.0), case))


def _labelled(world: World, case: int, n: int) -> Labelled:
    said = world.said(case, n)
    ai = world.ai_word(case)
    return Labelled(
        answers={Q: [word for _, word in said]}, raters=n, most=MOST,
        by={Q: [rater for rater, _ in said]}, ai={} if ai is None else {Q: ai},
    )  # fmt: skip


def _told(world: World, rule: ByPosterior, n: Ints, top: Ints, curve: Floats) -> Played:
    claimed, ok = [], []
    for case in np.flatnonzero(~world.audit):
        decision = rule(_labelled(world, int(case), int(n[case])))
        if Q in decision.sure:
            claimed.append(decision.sure[Q].probability)
            ok.append(top[case] == world.truth[case])
    return Played(
        labels=float(n.mean() / MOST), right=_share(top, world.truth),
        expert=_share(top, world.expert), claimed=float(np.sum(claimed)), true=float(np.sum(ok)),
        settled=len(ok), curve=curve,
    )  # fmt: skip


def _share(top: Ints, truth: Ints | None) -> float:
    return np.nan if truth is None else float((top == truth).mean())


# ---- the peers


def by_votes(world: World, n: Ints, rng: np.random.Generator) -> Ints:
    """The most frequent of the first n answers to each case; ties are broken at random."""
    K = len(world.answers.words)
    counts = np.zeros((len(n), K))
    for place in range(MOST):
        counts[np.arange(len(n)), world.given[:, place]] += place < n
    return np.asarray((counts + rng.random(counts.shape) / 2).argmax(1))


def by_lead_labels(world: World) -> Ints:
    """How many answers the rule by lead asks for."""
    n = np.where(world.audit, AUDIT_RATERS, 2)
    for case in np.flatnonzero(~world.audit):
        while by_lead(_labelled(world, case, int(n[case]))).add:
            n[case] += 1
    return n


def five_weighed(world: World) -> Ints:
    """Five answers a case and the same model: what routing alone costs."""
    model = learnt(world)
    return np.array([belief(model, world.said(case, MOST), ai=world.ai_word(case)).argmax()
                     for case in range(len(world.truth))])  # fmt: skip


# ---- the worlds


@dataclass(frozen=True)
class Sim:
    """A world of simulated raters. Hard cases are hard for people and for the AI alike."""

    name: str
    base_rate: float = 0.3
    skills: tuple[float, float] = (
        0.72,
        0.97,
    )  # of the raters, spread evenly over cases that are not hard
    hard: float = 0.15  # share of cases
    right_when_hard: float = 0.6
    cant_tell: float = 0.03
    ai: float | None = None  # how often the AI is right, hard cases included


SIMS = (
    Sim("skill mix"),
    Sim("AI right 84 %", ai=0.84),
    Sim("AI useless", ai=0.5),
    Sim("AI inverted", ai=0.16),
    Sim("10 % base rate", base_rate=0.1),
)
BINARY = Answers(("no", "yes", "cant_tell"), 2)
TEAM = 12


def simulated(sim: Sim, *, n: int, rng: np.random.Generator) -> World:
    """A team of TEAM raters of these skills; sensitivity and specificity of each differ a little."""
    truth = (rng.random(n) < sim.base_rate).astype(np.int64)
    hard = rng.random(n) < sim.hard
    skill = np.linspace(*sim.skills, TEAM)
    by_truth = np.clip(skill[:, None] + rng.normal(0, 0.03, (TEAM, 2)), 0.55, 0.99)
    rater = np.argsort(rng.random((n, TEAM)), axis=1)[:, :MOST]
    right = np.where(hard[:, None], sim.right_when_hard, by_truth[rater, truth[:, None]])
    said = np.where(rng.random((n, MOST)) < right, truth[:, None], 1 - truth[:, None])
    given = np.where(rng.random((n, MOST)) < sim.cant_tell, 2, said)
    return World(
        BINARY, truth, rater, given, rng.random(n) < AUDIT_SHARE, _ai(sim, truth, hard, rng)
    )


def _ai(
    sim: Sim, truth: Ints, hard: npt.NDArray[np.bool_], rng: np.random.Generator
) -> Ints | None:
    if sim.ai is None:
        return None
    # As far from chance on hard cases as is left, so that the AI is right so often over all.
    when_hard = 0.5 + (sim.ai - 0.5) * 0.4
    easy = (sim.ai - sim.hard * when_hard) / (1 - sim.hard)
    right = rng.random(len(truth)) < np.where(hard, when_hard, easy)
    return np.where(right, truth, 1 - truth)


def dices(path: Path) -> Callable[[np.random.Generator], World]:
    """Draws of a team of ten of the 123 raters: five of them, in a random order, on each case."""
    words = ("No", "Yes", "Unsure")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    item = {name: k for k, name in enumerate(sorted({row["item"] for row in rows}))}
    person = {name: k for k, name in enumerate(sorted({row["rater"] for row in rows}))}
    labels = np.zeros((len(item), len(person)), dtype=np.int64)
    expert = np.zeros(len(item), dtype=np.int64)
    for row in rows:
        labels[item[row["item"]], person[row["rater"]]] = words.index(row["label"])
        expert[item[row["item"]]] = words.index(row["gold"])
    truth = np.stack([(labels == code).sum(1) for code in range(len(words))]).argmax(0)

    def draw(rng: np.random.Generator) -> World:
        team = rng.choice(len(person), 10, replace=False)
        who = np.argsort(rng.random((len(item), 10)), axis=1)[:, :MOST]
        given = np.take_along_axis(labels[:, team], who, 1)
        audit = rng.random(len(item)) < AUDIT_SHARE
        return World(BINARY, truth, team[who], given, audit, expert=expert)

    return draw


# ---- many draws


@dataclass(frozen=True, eq=False)
class Drawn:
    """One draw: the rule, and its peers on the same answers; shares right."""

    ours: Played
    five: float
    three: float
    lead: float
    lead_labels: float
    weighed: float  # five answers and the same model
    five_expert: float  # fixed five, as the experts see it


def draw(world: World, rng: np.random.Generator, *, all_decided: bool) -> Drawn:
    n = len(world.truth)
    lead, five = by_lead_labels(world), by_votes(world, np.full(n, 5), rng)
    return Drawn(
        ours=play(world, all_decided=all_decided),
        five=_share(five, world.truth), five_expert=_share(five, world.expert),
        three=_share(by_votes(world, np.full(n, 3), rng), world.truth),
        lead=_share(by_votes(world, lead, rng), world.truth),
        lead_labels=float(lead.mean() / MOST), weighed=_share(five_weighed(world), world.truth),
    )  # fmt: skip


def labels_at_equal_accuracy(drawn: Sequence[Drawn]) -> float:
    """% of a fixed five's labels from which on the mean curve is as right as the fixed five.

    The least that was looked at where it is right enough from the start; nan where it never is.
    """
    curves = np.array([one.ours.curve for one in drawn])
    known = ~np.isnan(curves).any(0)  # before, some project had not even begun on all its cases
    curve = np.where(known, np.nan_to_num(curves).mean(0), np.nan)
    five = np.mean([one.five for one in drawn])
    reached = np.flatnonzero(np.nan_to_num(curve, nan=-1.0) >= five)
    return float(100 * SHARES[reached[0]]) if len(reached) else float("nan")


def excess(drawn: Sequence[Drawn], rng: np.random.Generator) -> tuple[float, float]:
    """Claimed less true accuracy of all settled cases in points, and its standard error over draws."""
    rows = np.array([(one.ours.claimed, one.ours.true, one.ours.settled) for one in drawn])
    again = rows[rng.integers(len(rows), size=(500, len(rows)))].sum(1)
    points = 100 * (again[:, 0] - again[:, 1]) / np.maximum(again[:, 2], 1)
    claimed, true, settled = rows.sum(0)
    return float(100 * (claimed - true) / max(settled, 1)), float(points.std())


def figures_of(name: str, drawn: Sequence[Drawn], rng: np.random.Generator) -> dict[str, Figure]:
    """What one world shows, and a line for people with the spread over the draws."""
    right = 100 * np.array([[d.ours.right, d.five, d.three, d.lead, d.weighed] for d in drawn])
    ours, five, three, lead, weighed = right.mean(0)
    labels = 100 * np.array([[d.ours.labels, d.lead_labels] for d in drawn])
    over, se = excess(drawn, rng)
    settled = np.sum([d.ours.settled for d in drawn])
    true = 100 * np.sum([d.ours.true for d in drawn]) / max(settled, 1)
    note(
        f"{name}: {len(drawn)} draws; by posterior {ours:.1f} % right with {labels[:, 0].mean():.1f} % of "
        f"a fixed five's labels (sd over draws {right[:, 0].std():.1f} and {labels[:, 0].std():.1f}); fixed "
        f"five {five:.1f} % (sd {right[:, 1].std():.1f}), fixed three {three:.1f} %, by lead {lead:.1f} % "
        f"with {labels[:, 1].mean():.1f} %, five weighed by the same model {weighed:.1f} %; settled "
        f"{true:.1f} % right, claimed {over:+.1f} points (se {se:.1f})"
    )
    experts = 100 * np.array([[d.ours.expert, d.five_expert] for d in drawn]).mean(0)
    if not np.isnan(experts).any():
        note(
            f"{name}: the experts say the same on {experts[0]:.1f} %; of fixed five {experts[1]:.1f} %"
        )
    at = labels_at_equal_accuracy(drawn)
    there = float(np.nanmean([d.ours.curve[SHARES.searchsorted(0.55)] for d in drawn]))
    return {
        f"{name}: labels": Figure(
            at, "% of 5", GOAL_LABELS, "by lead (less right)", peer_value=float(labels[:, 1].mean())
        ),
        f"{name}: right with 55 %": Figure(
            100 * there, "%", None, "fixed five", at_least=True, peer_value=float(five)
        ),
        f"{name}: claimed - true": Figure(abs(over), "points", GOAL_EXCESS, "of settled cases"),
    }  # fmt: skip


def figures(options: argparse.Namespace) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    path = DATA / "dices350_long.csv"
    if path.exists():
        from_dices = dices(path)
        n = 20 if options.quick else 200
        for name, all_decided in (("dices", True), ("dices, audit by three", False)):
            found |= _many(name, from_dices, n, options.seed, all_decided=all_decided)
    else:
        note(f"DICES-350 is left out: {path} is not there (set EVALPLATFORM_DATA).")
    for sim in SIMS:
        n, cases = (2, 2_500) if options.quick else (12, 2_500)
        found |= _many(sim.name, partial(_simulated, sim, cases), n, options.seed)
    return found


def _simulated(sim: Sim, n: int, rng: np.random.Generator) -> World:
    return simulated(sim, n=n, rng=rng)


def _many(
    name: str, world: Callable[[np.random.Generator], World], n: int, seed: int, *,
    all_decided: bool = False,
) -> dict[str, Figure]:  # fmt: skip
    drawn = []
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        drawn.append(draw(world(rng), rng, all_decided=all_decided))
    return figures_of(name, drawn, np.random.default_rng([seed, n]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    show(figures(given), as_json=given.json)
