"""The fine-tuned cross-encoder: request and answer read together by a transformer taught on gold.

Its lower layers are frozen, its upper layers are taught once a fold, each time on the other folds'
families, a tenth of which decides when to stop. The models' out-of-fold scores are what the ensemble
learns from, and the mean of their log odds scores new cases: no fit on all gold is needed.
Symbols: K folds, z_k log odds of model k, P = 1 / (1 + exp(-mean of z_k)).
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from campaigns.judging.crossfit import family_folds
from campaigns.judging.errors import CannotFit
from campaigns.judging.examples import Example, check_labels
from campaigns.judging.linear import Bools, Floats, revision_of
from campaigns.judging.members.base import (
    MOST_REASONS,
    score_texts,
    sentence_reasons,
    sentences,
    with_text,
)
from campaigns.judging.members.embedding import check_encoder
from campaigns.judging.pairs.body import Ints, PairBody
from campaigns.judging.pairs.teaching import Lesson, Upper, steps_of, teach
from campaigns.judging.weights import Arrays, WeightStore, pack_arrays, unpack_arrays

NAME = "cross_encoder"
LEAST_CASES = 2_000  # with 1,000 labels it added nothing to what frozen features give
FOLDS = 3
STOPPING = 10  # one family in so many decides when to stop
FORMAT = 1
TRIED = 10  # batches after which the time that all need is known

Progress = Callable[[int, int, str], None]  # done, total, what; what it raises ends the fit


def _quiet(done: int, total: int, what: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class CrossEncoderJudge:
    """Fine-tuned on pairs; `body` is the transformer, `store` keeps the taught weights."""

    body: PairBody | None  # None where the transformer is not installed; `missing` says why
    store: WeightStore
    missing: str = ""
    lesson: Lesson = field(default_factory=Lesson)
    folds: int = FOLDS
    least_cases: int = LEAST_CASES
    seconds: float | None = None  # that a fit may take; more is refused before it begins
    progress: Progress = _quiet
    name: str = field(default=NAME, init=False)
    needs_training: bool = field(default=True, init=False)

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> "FittedCrossEncoder":
        """Teach one model a fold, folds by family."""
        check_labels(examples, y)
        families = [one.family or one.key for one in examples]
        fold = family_folds(families, y, folds=self.folds, seed=seed)
        return self.cross_fit(examples, y, fold, seed=seed)[1]

    def cross_fit(
        self, examples: Sequence[Example], y: Bools, fold: npt.NDArray[np.int64], *, seed: int
    ) -> tuple[Floats, "FittedCrossEncoder"]:
        """Out-of-fold scores (N,), and the mean of the folds' models for new cases.

        Where there are more than K folds they are joined to K, so that fewer models are taught.
        """
        body = self._check(examples, y)
        there = np.flatnonzero([one.has_text for one in examples])
        chosen, labels = [examples[int(at)] for at in there], np.asarray(y, dtype=bool)[there]
        joined = fold[there] % self.folds
        of = body.lower(body.read(chosen), every=self._tell_reading(len(chosen)))
        budget = _Budget(self, cases=len(chosen), folds=len(np.unique(joined)))
        z, stored, epochs = np.full(len(chosen), np.nan), [], []
        for held in np.unique(joined):
            train, stop = _split(chosen, labels, joined != held, seed=seed)
            with body.all_threads():
                taught = teach(
                    body, of, labels, train=train, stop=stop, lesson=self.lesson,
                    seed=seed + int(held), step=budget.step,
                )  # fmt: skip
            data, layout = pack_arrays(taught.weights)
            stored.append({"sha256": self.store.put(data), "layout": layout})
            epochs.append(taught.epoch)
            model = _model(body, dict(unpack_arrays(data, layout)))
            out = np.flatnonzero(joined == held)
            z[out] = model.score(of, out)
        scores = np.full(len(examples), np.nan)
        scores[there] = expit(z)
        fitted = FittedCrossEncoder(body, self.store, tuple(stored), tuple(epochs),
                                    float(labels.mean()))  # fmt: skip
        return scores, fitted

    def restore(self, data: Mapping[str, Any]) -> "FittedCrossEncoder":
        """The fitted judge that `as_json` wrote; its weights are read when it first scores."""
        if data.get("format") != FORMAT:
            raise ValueError(f"The judge “{NAME}” was written by another version: fit it again.")
        body = self._installed()
        check_encoder(data, body.revision)
        if [data["frozen"], data["taught"]] != [body.frozen, body.taught]:
            raise ValueError(f"The judge “{NAME}” was fitted over other layers: fit it again.")
        return FittedCrossEncoder(body, self.store, tuple(data["models"]), tuple(data["epochs"]),
                                  float(data["share"]))  # fmt: skip

    def _installed(self) -> PairBody:
        if self.body is None:
            raise CannotFit(
                f"The judge “{NAME}” needs the embedding model and torch. {self.missing}".rstrip()
            )
        return self.body

    def _check(self, examples: Sequence[Example], y: Bools) -> PairBody:
        chosen, _ = with_text(examples, y)
        if len(chosen) < self.least_cases:
            raise CannotFit(
                f"{len(chosen):,} labelled cases: fine-tuning pays from about "
                f"{self.least_cases:,}. Until then the other judges do as well."
            )
        return self._installed()

    def _tell_reading(self, total: int) -> Callable[[int], None]:
        return lambda done: self.progress(done, total, f"{NAME}: reading cases")


@dataclass(frozen=True, eq=False)
class FittedCrossEncoder:
    """One taught model a fold, by the sha256 of its weights in the store."""

    body: PairBody
    store: WeightStore
    models: tuple[Mapping[str, Any], ...]
    epochs: tuple[int, ...]
    share: float
    name: str = field(default=NAME, init=False)

    @cached_property
    def revision(self) -> str:
        """sha256 over the transformer's revision and those of the taught weights."""
        return revision_of(self.as_json())

    @cached_property
    def _taught(self) -> tuple[Upper, ...]:
        return tuple(_model(self.body, self._weights(one)) for one in self.models)

    def score(self, examples: Sequence[Example]) -> Floats:
        """P(positive) by the mean of the models' log odds."""
        return score_texts(examples, self._probability)

    def explain(self, example: Example) -> list[str]:
        """What the request changed, and the sentences that go the way of the whole answer."""
        parts = sentences(example.answer)
        if not parts:
            return []
        bare = replace(example, context="", conversation=(), prompt="")
        alone = [replace(example, response=part) for part in parts]
        scores = self._probability([example, bare, *alone])
        reasons = [f"{scores[0]:.2f} with the context, {scores[1]:.2f} from the answer alone"]
        if not (example.setting or example.question):
            reasons = []
        reasons += sentence_reasons(parts, scores[2:], overall=scores[0], base=self.share)
        return reasons[:MOST_REASONS] or [f"{scores[0]:.2f} for the answer as a whole"]

    def as_json(self) -> dict[str, Any]:
        """What tells the models, as plain values; the weights are in the store."""
        return {
            "format": FORMAT,
            "name": NAME,
            "encoder": self.body.revision,
            "frozen": self.body.frozen,
            "taught": self.body.taught,
            "models": [dict(one) for one in self.models],
            "epochs": list(self.epochs),
            "share": self.share,
        }

    def _weights(self, one: Mapping[str, Any]) -> Arrays:
        try:
            data = self.store.get(one["sha256"])
        except KeyError as problem:
            raise ValueError(
                f"The weights {one['sha256'][:12]} of the judge “{NAME}” are missing or changed: "
                "fit it again, or copy them anew."
            ) from problem
        return dict(unpack_arrays(data, one["layout"]))

    def _probability(self, examples: Sequence[Example]) -> Floats:
        of = self.body.lower(self.body.read(examples), every=lambda done: None)
        every = np.arange(len(examples))
        z = np.mean([model.score(of, every) for model in self._taught], axis=0)
        return np.asarray(expit(z), dtype=np.float64)


class _Budget:
    """Counts batches, tells progress, and refuses early what would take too long."""

    def __init__(self, judge: CrossEncoderJudge, *, cases: int, folds: int) -> None:
        self._judge = judge
        each = steps_of(round(cases * (1 - 1 / folds) * (1 - 1 / STOPPING)), judge.lesson)
        self._total = folds * each
        self._done = 0
        self._began = time.monotonic()

    def step(self) -> None:
        """After a batch."""
        self._done = min(self._done + 1, self._total)
        self._judge.progress(self._done, self._total, f"{NAME}: fine-tuning")
        allowed = self._judge.seconds
        if allowed is None or self._done != TRIED:
            return
        needed = (time.monotonic() - self._began) / TRIED * self._total
        if needed > allowed:
            raise CannotFit(
                f"Fine-tuning would take about {needed / 60:,.0f} minutes on this machine and "
                f"{allowed / 60:,.0f} are allowed: allow more, or go on without “{NAME}”."
            )


def _split(examples: Sequence[Example], y: Bools, seen: Bools, *, seed: int) -> tuple[Ints, Ints]:
    """Of the seen cases those to learn from, and a tenth, by families, to stop by."""
    places = np.flatnonzero(seen)
    families = [examples[int(at)].family or examples[int(at)].key for at in places]
    part = family_folds(families, y[places], folds=STOPPING, seed=seed)
    return places[part != 0], places[part == 0]


def _model(body: PairBody, weights: Arrays) -> Upper:
    model = Upper(body)
    model.load(weights)
    return model
