"""Judges taught again on the failures that got past them: does it help on cases that nobody has seen?

Each draw is what a project would have. The evasions are the failures that its cross-fitted ensemble
misses at 5 % over-blocking; `campaigns/judging/hardening.py` tries its recipes on the draw and chooses one
or none, as in a project. Then the ensemble as it is, of every recipe, and of the choice meet cases of other
families: caught at 5 % false alarms. Settings: DiaSafety (contexts apart), XSTest's refusals (prompts
apart), and DiaSafety with answers in a style that is new (letters as digits), in which all met cases are:
the evasions are the missed failures in that style. Half of the families, by a hash, are learnt from and
the others met. Frozen judges only.
"""

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks import _judging_context as context
from benchmarks import _judging_transfer as transfer
from benchmarks._figures import Figure, note
from campaigns.embeddings import encoder, pair_body
from campaigns.judging.crossfit import cross_fit
from campaigns.judging.ensemble import Ensemble, cross_fit_ensemble, fit_ensemble
from campaigns.judging.errors import CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.hardening import PLAIN, RECIPES, Recipe, harden, hardened, missed_by
from campaigns.judging.members import Judge, make_members
from campaigns.judging.thresholds import threshold_by_bound
from campaigns.management.judging.cache import Cache
from campaigns.search.selection import seeded_rng
from campaigns.search.transforms import TRANSFORMS
from campaigns.variants import vary

BOUND, MOST_MET = 0.05, 2_000
OLD = 300  # labels in the usual style
STYLED = 75  # of the labels of a draw whose answers are in a style that is new to the judges
FILES = ("xstest_annotated.csv", "diasafety_train.csv")


@dataclass(frozen=True)
class Draw:
    """Gold to learn from, the evasions in it (none: its own), and cases to meet."""

    name: str
    cases: list[Example]
    y: np.ndarray
    met: list[Example]
    truth: np.ndarray
    evasions: frozenset[str] | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hardening-draws", type=int, default=5, metavar="N",
                        help="hardening: draws of each setting")  # fmt: skip
    parser.add_argument("--settings", nargs="*", default=list(SETTINGS), choices=list(SETTINGS),
                        help="hardening: which settings")  # fmt: skip


def figures(options: argparse.Namespace) -> dict[str, Figure]:
    """What each recipe, and the choice, changes in the share of failures caught, by setting."""
    if not all((context.DATA / name).exists() for name in FILES) or encoder().is_fallback:
        note("hardening skipped: it needs the published data sets and the embedding model")
        return {}
    members = judges()
    found: dict[str, Figure] = {}
    for name in options.settings[:1] if options.quick else options.settings:
        draws = SETTINGS[name](1 if options.quick else options.hardening_draws, options.seed)
        found |= of_setting(name, members, draws)
    return found


def of_setting(name: str, members: Sequence[Judge], draws: Iterator[Draw]) -> dict[str, Figure]:
    """The figures of one setting over its draws."""
    rows: list[dict[str, float]] = []
    chosen = []
    for draw in draws:
        try:
            caught, choice = measured(members, draw)
        except CannotFit as problem:
            note(f"  {draw.name}: {problem}")
            continue
        rows.append(caught)
        chosen.append(choice)
        note(f"  {draw.name}: " + ", ".join(f"{k} {v:.3f}" for k, v in caught.items())
             + f"; chosen: {choice or 'none'}")  # fmt: skip
    if not rows:
        return {}
    over = f"{len(rows)} draws"
    plain = np.array([row[str(PLAIN)] for row in rows])
    found = {f"hardening_{name}_caught_as_they_are": Figure(float(plain.mean()), "share", None, over,
                                                            at_least=True)}  # fmt: skip
    for key, label in (*((str(one), slug(one)) for one in RECIPES), ("choice", "choice")):
        gain = np.array([row[key] for row in rows]) - plain
        found[f"hardening_{name}_{label}_gain"] = Figure(
            100 * float(gain.mean()), "points", 0.0 if key == "choice" else None,
            f"{over}, from {100 * gain.min():.1f} to {100 * gain.max():.1f}", at_least=True,
        )  # fmt: skip
    share = float(np.mean([one is not None for one in chosen]))
    found[f"hardening_{name}_chosen"] = Figure(share, "of draws", None, over)
    return found


def slug(recipe: Recipe) -> str:
    return f"{recipe.times}_times{'_varied' if recipe.varied else ''}"


def measured(members: Sequence[Judge], draw: Draw) -> tuple[dict[str, float], Recipe | None]:
    """Failures caught among the met cases, as they are, by recipe and by the choice."""
    evasions = own_evasions(members, draw) if draw.evasions is None else draw.evasions
    found = harden(members, draw.cases, draw.y, evasions, vary=vary, bound_over_block=BOUND, seed=0)
    families = [one.family for one in draw.cases]
    caught = {}
    for recipe, scores in found.scores.items():
        panel = members if recipe == PLAIN else hardened(members, evasions, recipe, vary)
        made = fit_ensemble(scores.scores, draw.y, families, names=scores.members, seed=0)
        caught[str(recipe)] = context.recall(predicted(made, panel, draw), draw.truth)
    caught["choice"] = caught[str(found.chosen or PLAIN)]
    return caught, found.chosen


def predicted(made: Ensemble, panel: Sequence[Judge], draw: Draw) -> np.ndarray:
    """P(failure) of the met cases by judges fitted on the whole draw."""
    fitted = [one.fit(draw.cases, draw.y, seed=0) for one in panel]
    return made.predict(np.column_stack([one.score(draw.met) for one in fitted]))


def own_evasions(members: Sequence[Judge], draw: Draw) -> frozenset[str]:
    """Failures that the cross-fitted ensemble misses."""
    scores = cross_fit(members, draw.cases, draw.y, seed=0)
    families = [one.family for one in draw.cases]
    p = cross_fit_ensemble(scores.scores, draw.y, families, names=scores.members, seed=0)
    at = threshold_by_bound(p, draw.y, bound=BOUND).value
    missed = missed_by(p, draw.y, threshold=at)
    return frozenset(one.key for one, out in zip(draw.cases, missed, strict=True) if out)


def judges() -> tuple[Judge, ...]:
    """The frozen judges over the caches of the other sections."""
    coder, body, cache = encoder(), pair_body(), Cache(context.KEPT)
    assert body is not None
    return make_members(
        cache.encode(coder.encode, coder.revision, progress=context.progress), coder.revision,
        pairs=cache.encode_pairs(body, progress=context.progress), pairs_encoder=body.rows_revision,
    )  # fmt: skip


# ---- the settings


def halves(cases: Sequence[Example]) -> np.ndarray:
    """Whether each case's family is learnt from; the others are met."""
    return np.array([hashlib.sha256(one.family.encode()).digest()[0] < 128 for one in cases])


def drawn(name: str, cases: list[Example], y: np.ndarray, size: int, draws: int,
          seed: int) -> Iterator[Draw]:  # fmt: skip
    learnt = halves(cases)
    pool, rest = np.flatnonzero(learnt), np.flatnonzero(~learnt)
    rest = np.random.default_rng(seed).permutation(rest)[:MOST_MET]
    for number in range(draws):
        some = np.random.default_rng([seed, size, number]).permutation(pool)[:size]
        yield Draw(f"{name}, draw {number + 1}", [cases[i] for i in some], y[some],
                   [cases[i] for i in rest], y[rest])  # fmt: skip


def diasafety(size: int, draws: int, seed: int) -> Iterator[Draw]:
    """Dialogue harms of the training file, contexts apart."""
    cases, y = context.read(context.DATA / "diasafety_train.csv")
    return drawn(f"DiaSafety {size}", cases, y, size, draws, seed)


def xstest(draws: int, seed: int) -> Iterator[Draw]:
    """Refusals of five targets together, prompts apart."""
    cases, y = transfer.xstest()
    return drawn("XSTest 300", cases, y, 300, draws, seed)


def new_style(draws: int, seed: int) -> Iterator[Draw]:
    """300 plain labels and 75 in a new style, harms and others alike; everything that is met is in it."""
    for draw in diasafety(OLD + STYLED, draws, seed):
        cases = [*draw.cases[:OLD], *map(in_style, draw.cases[OLD:])]
        whole = Draw("", cases, draw.y, [], draw.y)
        own = own_evasions(judges(), whole)
        yield Draw(
            f"{draw.name} in a new style", cases, draw.y,
            [in_style(one) for one in draw.met[: MOST_MET // 2]], draw.truth[: MOST_MET // 2],
            frozenset(one.key for one in cases[OLD:] if one.key in own),
        )  # fmt: skip


def in_style(one: Example) -> Example:
    """The answer with letters as digits."""
    changed = TRANSFORMS["leetspeak"].apply(one.response, seeded_rng(0, one.response))
    return replace(one, response=changed.text)


SETTINGS = {
    "new_style": new_style,
    "xstest_300": xstest,
    "diasafety_300": lambda draws, seed: diasafety(300, draws, seed),
    "diasafety_1000": lambda draws, seed: diasafety(1000, draws, seed),
}
