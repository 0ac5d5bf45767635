"""A sequence classifier of Hugging Face's format, from a folder or a name, as a judge.

It is not among the judges that every calibration fits: a lead names its folder. What it learns from
gold is only which of its labels is the positive one, and a slope and intercept over that label's
log odds, so that few labels suffice. Nothing is downloaded unless it is asked for: the model is
looked for in the folder, then in the cache of the library.
"""

import hashlib
import importlib
import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from campaigns.judging.errors import CannotFit
from campaigns.judging.examples import Example
from campaigns.judging.linear import Bools, Floats, Linear, fit_linear, revision_of
from campaigns.judging.members.base import score_texts, with_text
from campaigns.judging.members.hub_labels import check_names, check_polarity

NAME = "classifier"
MOST_TOKENS = 512
BATCH = 16
STRENGTH = 1.0
EDGE = 1e-6  # probabilities are kept off 0 and 1, so that log odds are finite
WEIGHTS = (".safetensors", ".bin")

Classify = Callable[[Sequence[tuple[str, str]]], Floats]  # (prompt, answer) pairs -> (N, L)


@dataclass(frozen=True, eq=False)
class Classifier:
    """Labels (L,), what classifies pairs into probabilities (N, L), its revision and its faults.

    `where` is the folder or name that it came from: it is looked for there again.
    """

    labels: tuple[str, ...]
    classify: Classify
    revision: str
    notes: tuple[str, ...] = ()
    where: str = ""


@dataclass(frozen=True)
class HubClassifierJudge:
    """One label of somebody else's classifier, calibrated on gold; without one, to restore only."""

    classifier: Classifier | None = None
    name: str = field(default=NAME, init=False)
    needs_training: bool = field(default=True, init=False)

    def fit(self, examples: Sequence[Example], y: Bools, *, seed: int) -> "FittedHubClassifier":
        """Find the positive label by gold, then a slope and an intercept."""
        if self.classifier is None:
            raise CannotFit("Name the folder of a classifier first.")
        chosen, labels = with_text(examples, y)
        scores = self.classifier.classify(pairs_of(chosen))
        polarity = check_polarity(self.classifier.labels, scores, labels)
        x = log_odds(scores[:, polarity.positive])
        model = fit_linear(x, labels, strength=STRENGTH)
        notes = (*self.classifier.notes, *polarity.notes)
        return FittedHubClassifier(self.classifier, polarity.positive, model, notes)

    def restore(self, data: Mapping[str, Any]) -> "FittedHubClassifier":
        """The fitted judge that `as_json` wrote; the classifier is read from where it was."""
        try:
            classifier = self.classifier or load_classifier(data["where"])
        except CannotFit as problem:
            raise ValueError(str(problem)) from problem
        if data["classifier"] != classifier.revision:
            raise ValueError(
                f"It was fitted over the classifier {data['classifier'][:12]}, but this is "
                f"{classifier.revision[:12]}: name that folder, or calibrate again."
            )
        model = Linear.from_json(data["model"])
        return FittedHubClassifier(classifier, int(data["positive"]), model, tuple(data["notes"]))


@dataclass(frozen=True, eq=False)
class FittedHubClassifier:
    """The positive label's index, with slope and intercept over its log odds."""

    classifier: Classifier
    positive: int
    model: Linear
    notes: tuple[str, ...]
    name: str = field(default=NAME, init=False)

    @cached_property
    def revision(self) -> str:
        """sha256 over the classifier's files, the label and the weights."""
        return revision_of({k: v for k, v in self.as_json().items() if k != "where"})

    def score(self, examples: Sequence[Example]) -> Floats:
        """P(positive) by the calibrated label."""
        return score_texts(
            examples,
            lambda chosen: self.model.probability(
                log_odds(self.classifier.classify(pairs_of(chosen))[:, self.positive])
            ),
        )

    def explain(self, example: Example) -> list[str]:
        """The classifier's own labels, and what is wrong with them."""
        if not example.has_text:
            return []
        scores = self.classifier.classify(pairs_of([example]))[0]
        order = np.argsort(-scores, kind="stable")[:3]
        told = [f"“{self.classifier.labels[at][:60]}” with {scores[at]:.2f}" for at in order]
        return [*told, *(note[:190] for note in self.notes[:2])]

    def as_json(self) -> dict[str, Any]:
        """Which classifier, which label, and the weights, as plain values."""
        return {
            "name": NAME,
            "classifier": self.classifier.revision,
            "where": self.classifier.where,
            "positive": self.positive,
            "model": self.model.as_json(),
            "notes": list(self.notes),
        }


def pairs_of(examples: Sequence[Example]) -> list[tuple[str, str]]:
    """(prompt, answer) of each example."""
    return [(example.question, example.answer) for example in examples]


def log_odds(p: Floats) -> Floats:
    """Of probabilities (N,), as a column (N, 1)."""
    p = np.clip(p, EDGE, 1 - EDGE)
    return np.asarray(np.log(p / (1 - p)), dtype=np.float64)[:, None]


def load_classifier(where: str, *, allow_download: bool = False) -> Classifier:
    """A classifier from a folder or a name in the library's cache. Raises `CannotFit`.

    Without `allow_download` nothing is fetched. Code that comes with a model is never run.
    """
    if importlib.util.find_spec("transformers") is None:
        raise CannotFit("transformers is not installed: install the extra “embeddings” first.")
    library = importlib.import_module("transformers")
    options = {"local_files_only": not allow_download, "trust_remote_code": False}
    try:
        config = library.AutoConfig.from_pretrained(where, **options)
        tokenizer = library.AutoTokenizer.from_pretrained(where, **options)
        model, info = library.AutoModelForSequenceClassification.from_pretrained(
            where, config=config, output_loading_info=True, use_safetensors=True, **options
        )
    except (OSError, ValueError, RuntimeError, KeyError) as problem:
        raise CannotFit(
            f"“{where}” gives no sequence classifier here: {str(problem).splitlines()[0][:200]} "
            "Name a folder with config.json, model.safetensors and the tokenizer's files."
        ) from problem
    labels, notes = check_names(config.id2label, model.config.num_labels)
    head = sorted(info["missing_keys"])
    if head:
        raise CannotFit(
            f"The folder has no weights for {', '.join(head[:3])}: it is a base model, whose "
            "classes would be random. Fine-tune it, or name another."
        )
    model.eval()
    return Classifier(
        tuple(labels), _classify(model, tokenizer), _revision(where, model), tuple(notes), where
    )


def _classify(model: Any, tokenizer: Any) -> Classify:
    torch = importlib.import_module("torch")

    def classify(pairs: Sequence[tuple[str, str]]) -> Floats:
        rows = []
        for start in range(0, len(pairs), BATCH):
            part = pairs[start : start + BATCH]
            tokens = tokenizer(
                [prompt for prompt, _ in part], [answer for _, answer in part],
                truncation="longest_first", max_length=MOST_TOKENS, padding=True, return_tensors="pt",
            )  # fmt: skip
            with torch.inference_mode():
                logits = model(**tokens).logits.double()
            rows.append(
                (logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(dim=1)).numpy()
            )
        return np.concatenate(rows) if rows else np.zeros((0, model.config.num_labels))

    return classify


def _revision(where: str, model: Any) -> str:
    """sha256 of the weights' bytes in a folder; of the weights in memory for a name."""
    digest = hashlib.sha256()
    folder = Path(where)
    files = (
        sorted(p for p in folder.iterdir() if p.suffix in (*WEIGHTS, ".json"))
        if folder.is_dir()
        else []
    )
    for file in files:
        digest.update(file.name.encode())
        with file.open("rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    if not files:
        for name, weight in sorted(model.state_dict().items()):
            digest.update(name.encode() + weight.cpu().numpy().tobytes())
    return digest.hexdigest()
