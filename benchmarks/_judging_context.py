"""Harms that depend on the context (DiaSafety), learnt from few labels: recall at 5 % false positives.

Judges learn from draws of the training file only; everything about them was chosen by holding out
contexts of that file. The validation file is used for the last measurement and nothing else. Families
are contexts. What each judge said is kept in var/benchmarks by draw and by the judge's source, so that
a long run can be stopped and continued: `--draws` says how many draws of each size are wanted,
`--sizes` which, `--no-fine-tuning` leaves out the judge that takes minutes a draw.
"""

import argparse
import csv
import hashlib
import inspect
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks._figures import Figure, note
from campaigns.embeddings import encoder, pair_body
from campaigns.judging.calibration import calibration_error
from campaigns.judging.crossfit import cross_fit
from campaigns.judging.discrimination import auroc
from campaigns.judging.ensemble import fit_ensemble
from campaigns.judging.errors import CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.members import Judge, make_members
from campaigns.judging.members.cross_encoder import CrossEncoderJudge
from campaigns.judging.pairs.body import PairBody
from campaigns.judging.weights import MemoryStore
from campaigns.management.judging.cache import Cache
from campaigns.management.judging.rows import content_key

DATA = Path(
    os.environ.get("EVALPLATFORM_DATA", Path(__file__).resolve().parents[2] / "shared/data")
)
KEPT = Path(__file__).resolve().parents[1] / "var/benchmarks/context"
FILES = ("diasafety_train.csv", "diasafety_val.csv")
GOALS = {300: 0.28, 1000: 0.40, 3000: 0.48, 0: 0.56}  # 0: all of them
PROTOTYPE = {300: 0.23, 1000: 0.32, 3000: 0.40, 0: 0.54}  # on the test set, which is held back
FALSE_POSITIVES = 0.05
CALIBRATION_GOAL = 0.03
FOLDS = 3  # of the cross-fit: the fine-tuned judge teaches a model for each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--draws", type=int, default=5, help="context: draws of each size")
    parser.add_argument("--sizes", type=int, nargs="*", default=list(GOALS),
                        help="context: numbers of labels, 0 for all")  # fmt: skip
    parser.add_argument("--speed-cases", type=int, default=10_000, metavar="N",
                        help="context: cases that are scored for the time; 0 leaves it out")  # fmt: skip
    parser.add_argument("--no-fine-tuning", action="store_true", help="context: frozen judges only")


def figures(options: argparse.Namespace) -> dict[str, Figure]:
    """Recall, its spread over draws, and calibration, by the number of labels."""
    if not all((DATA / name).exists() for name in FILES):
        note(f"context skipped: {', '.join(FILES)} are not in {DATA} (set EVALPLATFORM_DATA)")
        return {}
    if encoder().is_fallback:
        note("context skipped: the embedding model is not installed")
        return {}
    KEPT.mkdir(parents=True, exist_ok=True)
    (train, y), (new, gold) = (read(DATA / name) for name in FILES)
    found = speed((train, y), cases=1_000 if options.quick else options.speed_cases)
    for size in options.sizes[:1] if options.quick else options.sizes:
        found |= of_size(size, (train, y), (new, gold), options)
    return found


def speed(train: tuple[list[Example], np.ndarray], *, cases: int) -> dict[str, Figure]:
    """Scoring by every frozen judge from an empty cache: the embedding's share; and a second time."""
    if not cases:
        return {}
    coder, body = encoder(), pair_body()
    assert body is not None
    watch = Stopwatch()
    with TemporaryDirectory() as folder:
        cache = Cache(Path(folder))
        made = make_members(
            cache.encode(watch(coder.encode), coder.revision, progress=progress), coder.revision,
            pairs=cache.encode_pairs(Watched(body, watch), progress=progress),
            pairs_encoder=body.rows_revision,
        )  # fmt: skip
        fitted = [one.fit(train[0][:300], train[1][:300], seed=0) for one in made]
        new = (train[0][300:] * 2)[:cases]
        watch.seconds, began = 0.0, time.process_time()
        for one in fitted:
            cache.score(one, new)
        first, again = time.process_time() - began, time.process_time()
        for one in fitted:
            cache.score(one, new)
        second = time.process_time() - again
    told = f"{cases:,} cases, {len(fitted)} judges"
    return {
        "scoring_embedding_share": Figure(watch.seconds / first, "of the CPU", 0.80, told,
                                          at_least=True),
        "scoring_cpu_seconds": Figure(first, "s", None, told),
        "second_scoring_share": Figure(second / first, "of the first", 0.01, told),
    }  # fmt: skip


class Stopwatch:
    """Adds up the processor's seconds within the functions that it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any) -> Any:
            began = time.process_time()
            try:
                return function(*given)
            finally:
                self.seconds += time.process_time() - began

        return timed


class Watched(PairBody):
    """A body whose rows are timed."""

    def __init__(self, body: PairBody, watch: Stopwatch) -> None:
        super().__init__(lambda: body._parts, body.revision)
        self.rows = watch(super().rows)  # type: ignore[method-assign]


def read(path: Path) -> tuple[list[Example], np.ndarray]:
    """Cases, families by context, and whether the answer is unsafe."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    examples = [
        Example(content_key(row["context"], "", row["response"]), row["context"], row["context"], (),
                "", row["response"])
        for row in rows
    ]  # fmt: skip
    return examples, np.array([row["label"] == "Unsafe" for row in rows])


def of_size(
    size: int, train: tuple[list[Example], np.ndarray], new: tuple[list[Example], np.ndarray],
    options: argparse.Namespace,
) -> dict[str, Figure]:  # fmt: skip
    """The figures of one number of labels, over as many draws as could be had."""
    tuned, bare, errors, alone, fresh = [], [], [], [], []
    for draw in range(1 if options.quick else options.draws):
        rng = np.random.default_rng([options.seed, size, draw])
        chosen = rng.permutation(len(train[1]))[: size or None]
        cases, y = [train[0][at] for at in chosen], train[1][chosen]
        fine = size != 300 and not options.no_fine_tuning and not options.quick
        p = combined(cases, y, new[0], f"{size}-{draw}", seed=draw, fine_tuned=fine)
        tuned.append(recall(p, new[1]))
        errors.append(calibration_error(p, new[1], seed=0).value or 0.0)
        seen = {one.context for one in cases}
        unseen = np.array([one.context not in seen for one in new[0]])
        fresh.append(recall(p[unseen], new[1][unseen]))
        blind, blind_new = without_context(cases), without_context(new[0])
        bare.append(recall(combined(blind, y, blind_new, f"bare-{size}-{draw}", seed=draw,
                                    fine_tuned=False), new[1]))  # fmt: skip
        frozen = combined(cases, y, new[0], f"{size}-{draw}", seed=draw, fine_tuned=False)
        alone.append(recall(frozen, new[1]))
        note(f"  {size or 'all'} labels, draw {draw + 1}: {tuned[-1]:.3f}, frozen {alone[-1]:.3f}, "
             f"answer only {bare[-1]:.3f}, calibration error {errors[-1]:.3f}")  # fmt: skip
    name = f"context_{size or 'all'}"
    draws = f"draws ({len(tuned)})"
    return {
        f"{name}_recall": Figure(float(np.mean(tuned)), "share", GOALS[size], "prototype",
                                 at_least=True, peer_value=PROTOTYPE[size]),
        f"{name}_recall_spread": Figure(float(np.std(tuned)), "share", None, draws),
        f"{name}_recall_new_contexts": Figure(float(np.mean(fresh)), "share", None, draws,
                                              at_least=True),
        f"{name}_recall_frozen": Figure(float(np.mean(alone)), "share", None, draws, at_least=True),
        f"{name}_recall_answer_only": Figure(float(np.mean(bare)), "share", None, draws,
                                             at_least=True),
        f"{name}_calibration_error": Figure(float(np.mean(errors)), "share", CALIBRATION_GOAL,
                                            draws),
    }  # fmt: skip


def combined(
    cases: Sequence[Example], y: np.ndarray, new: Sequence[Example], tag: str, *, seed: int,
    fine_tuned: bool,
) -> np.ndarray:  # fmt: skip
    """P(unsafe) of the new cases by the calibrated ensemble of the judges."""
    columns, fresh, names = [], [], []
    for judge in judges(fine_tuned):
        try:
            out, scores = both(judge, cases, y, new, tag, seed=seed)
        except CannotFit as problem:
            note(f"  {judge.name}: {problem}")
            continue
        columns.append(out)
        fresh.append(scores)
        names.append(judge.name)
    families = [one.family for one in cases]
    made = fit_ensemble(np.column_stack(columns), y, families, names=tuple(names), seed=seed)
    return made.predict(np.column_stack(fresh))


def judges(fine_tuned: bool) -> list[Judge]:
    """All local judges over one cache of embeddings."""
    coder, body, cache = encoder(), pair_body(), Cache(KEPT)
    assert body is not None
    made: list[Judge] = list(
        make_members(
            cache.encode(coder.encode, coder.revision, progress=progress),
            coder.revision,
            pairs=cache.encode_pairs(body, progress=progress),
            pairs_encoder=body.rows_revision,
        )
    )
    if fine_tuned:
        made.append(CrossEncoderJudge(body, MemoryStore(), folds=FOLDS, progress=tell))
    return made


def both(
    judge: Judge, cases: Sequence[Example], y: np.ndarray, new: Sequence[Example], tag: str, *,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Out-of-fold scores and those of the new cases; kept on disk by draw and the judge's source."""
    source = hashlib.sha256(inspect.getsource(inspect.getmodule(type(judge))).encode()).hexdigest()
    path = KEPT / f"{tag}-{judge.name}-{source[:8]}.npz"
    if not path.exists():
        began = time.monotonic()
        found = cross_fit([judge], cases, y, folds=FOLDS, seed=seed)
        if found.failures:
            raise CannotFit(next(iter(found.failures.values())))
        fitted = found.fitted.get(judge.name) or judge.fit(cases, y, seed=seed)
        out, scores = found.scores[:, 0], fitted.score(new)
        part = path.with_suffix(".part.npz")
        np.savez(part, out=out, new=scores)
        part.replace(path)
        area = auroc(out, y).value
        note(f"  {tag} {judge.name}: area {area:.3f}, {time.monotonic() - began:.0f} s")
    with np.load(path) as kept:
        return kept["out"], kept["new"]


def without_context(examples: Sequence[Example]) -> list[Example]:
    """The answers alone; families stay."""
    return [replace(one, context="") for one in examples]


def recall(p: np.ndarray, y: np.ndarray) -> float:
    """The share of positives above all but 5 % of the negatives."""
    return float(np.mean(p[y] > np.quantile(p[~y], 1 - FALSE_POSITIVES, method="higher")))


def progress(done: int, total: int) -> None:
    """How far the embedding is."""
    if total > 2000 and done % 2048 == 0:
        note(f"  embedded {done:,} of {total:,}")


def tell(done: int, total: int, what: str) -> None:
    """How far the fine-tuning is."""
    if done == total or done % 500 == 0:
        note(f"  {what} {done:,} of {total:,}")
