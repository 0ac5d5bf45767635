"""What every judge offers: the contract that the cross-fit, the ensemble and the pages rely on."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from campaigns.judging.examples import Example, check_labels
from campaigns.judging.linear import Bools, Floats

Encode = Callable[[Sequence[str]], npt.NDArray[Any]]  # texts -> (N, D), rows of length one
EncodePairs = Callable[[Sequence[Example]], npt.NDArray[Any]]  # cases -> (N, 2 W): request, answer
Reader = Callable[[Sequence[Example]], Floats]

MOST_REASONS = 5
MOST_SENTENCES = 12
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


class Fitted(Protocol):
    """A judge that has learnt: gives scores, reasons and its exact revision."""

    @property
    def name(self) -> str:
        """The judge's name, as in the registry."""

    @property
    def revision(self) -> str:
        """sha256 over name, parameters and learnt weights."""

    def score(self, examples: Sequence[Example]) -> Floats:
        """P(positive) of each example, (N,); nan where there is no verdict, such as no text."""

    def explain(self, example: Example) -> list[str]:
        """A few short reasons. They may quote the case: hostile text, to be shown as text only."""

    def as_json(self) -> dict[str, Any]:
        """Everything learnt, as plain values that `Judge.restore` reads."""


class Judge(Protocol):
    """A way to judge that can be fitted to gold."""

    @property
    def name(self) -> str:
        """The judge's name, as in the registry."""

    @property
    def needs_training(self) -> bool:
        """Whether it says anything before there is gold."""

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> Fitted:
        """Learn from gold; raises `CannotFit` with what is missing."""

    def restore(self, data: Mapping[str, Any]) -> Fitted:
        """The fitted judge that `Fitted.as_json` wrote."""


@runtime_checkable
class CrossFits(Protocol):
    """A judge whose fit is dear, so that its models of the folds serve for new cases as well."""

    def cross_fit(
        self, examples: Sequence[Example], y: Bools, fold: npt.NDArray[np.int64], *, seed: int
    ) -> tuple[Floats, Fitted]:
        """Out-of-fold P(positive), (N,), and the fitted judge; raises `CannotFit`.

        `fold` (N,) is the fold of each example; no model may learn from the fold that it scores.
        """


def with_text(examples: Sequence[Example], y: Bools) -> tuple[list[Example], Bools]:
    """The examples with an answer, and their labels; raises `CannotFit` where they are too few."""
    check_labels(examples, y)
    kept = np.array([example.has_text for example in examples], dtype=bool)
    chosen = [example for example, keep in zip(examples, kept, strict=True) if keep]
    check_labels(chosen, y[kept])
    return chosen, y[kept]


def score_texts(examples: Sequence[Example], read: Reader) -> Floats:
    """Scores of the examples that have an answer by `read`, nan for the others."""
    scores = np.full(len(examples), np.nan)
    kept = [index for index, example in enumerate(examples) if example.has_text]
    if kept:
        scores[kept] = read([examples[index] for index in kept])
    return scores


def precedent_reasons(
    keys: Sequence[str], likeness: Floats, labels: Bools, *, weight: Floats
) -> list[str]:
    """The precedents of most weight, with how alike they are and how they were settled; all (T,)."""
    order = np.argsort(-weight, kind="stable")[:MOST_REASONS]
    return [
        f"like {keys[at]} ({likeness[at]:.2f}), settled {'positive' if labels[at] else 'negative'}"
        for at in order
    ]


def sentences(text: str) -> list[str]:
    """The sentences of an answer, at most `MOST_SENTENCES`."""
    parts = [part.strip() for part in SENTENCE_END.split(text)]
    return [part for part in parts if part][:MOST_SENTENCES]


def quote(text: str, *, most: int = 80) -> str:
    """A short quotation on one line."""
    line = " ".join(text.split())
    return f"“{line if len(line) <= most else line[: most - 1] + '…'}”"


def sentence_reasons(
    texts: Sequence[str], alone: Floats, *, overall: float, base: float
) -> list[str]:
    """The sentences whose own score goes the way of the whole answer, strongest first."""
    way = 1.0 if overall >= base else -1.0
    order = np.argsort(-way * alone, kind="stable")
    told = "raises" if way > 0 else "lowers"
    chosen = [index for index in order if way * (alone[index] - base) > 0][:MOST_REASONS]
    return [f"{told} it: {quote(texts[index])} ({alone[index]:.2f} alone)" for index in chosen]
