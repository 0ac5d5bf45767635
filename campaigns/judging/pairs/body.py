"""The transformer that reads (request, answer) pairs: its tokens and its frozen lower layers.

[CLS] request [SEP] answer [SEP], at most `MOST_TOKENS` tokens: the answer has `ANSWER_TOKENS` of
them, the request what is left; of a text that is too long the head and the tail are kept. Symbols:
t a token's place, h_t (D,) its activation after the frozen layers, s the place where the answer
begins, n the length.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from campaigns.judging.examples import Example

MOST_TOKENS = 128
ANSWER_TOKENS = 64
MOST_CHARACTERS = 4_000  # of each text; more would be tokenised only to be cut
BATCH = 32
ROWS_LAYER = 3  # of six; on DiaSafety's training set it told more than the layers above it

Ints = npt.NDArray[np.int64]
Halves = npt.NDArray[np.float16]
Load = Callable[[], tuple[Any, Any, Any]]  # torch, the tokeniser, the model; imported when called


@dataclass(frozen=True)
class Tokens:
    """One pair as token ids (n,), and s."""

    ids: Ints
    second: int


@dataclass(frozen=True, eq=False)
class Activations:
    """Frozen activations of many pairs, end to end: rows (sum of n, D), `start` (N + 1,), s (N,)."""

    rows: Halves
    start: Ints
    second: Ints

    @property
    def lengths(self) -> Ints:
        """n of each pair, (N,)."""
        return np.diff(self.start)


class PairBody:
    """A BERT-like model by its revision; loaded by the first pair that it reads."""

    def __init__(self, load: Load, revision: str, *, frozen: int = 2, taught: int = 2) -> None:
        self._load = load
        self.revision = revision
        self.frozen = frozen  # layers, from below, that never learn
        self.taught = taught  # layers above them that do; those on top are left out
        self.threads = 1  # while teaching; a worker is one of as many processes as cores

    @cached_property
    def _parts(self) -> tuple[Any, Any, Any]:
        return self._load()

    @property
    def torch(self) -> Any:
        """The library, imported."""
        return self._parts[0]

    @property
    def model(self) -> Any:
        """The whole model with its published weights."""
        return self._parts[2]

    @property
    def width(self) -> int:
        """D."""
        return int(self.model.config.hidden_size)

    @property
    def upper(self) -> Any:
        """The layers that may learn, with their published weights: copy them before teaching."""
        return self.model.encoder.layer[self.frozen : self.frozen + self.taught]

    @cached_property
    def device(self) -> Any:
        """A graphics processor where there is one."""
        return self.torch.device("cuda" if self.torch.cuda.is_available() else "cpu")

    @contextmanager
    def all_threads(self) -> Iterator[None]:
        """As many threads as are allowed; what scores afterwards has one again."""
        before = self.torch.get_num_threads()
        self.torch.set_num_threads(self.threads)
        try:
            yield
        finally:
            self.torch.set_num_threads(before)

    def read(self, examples: Sequence[Example]) -> list[Tokens]:
        """The tokens of each case."""
        requests = self._ids([f"{one.setting}\n{one.question}".strip() for one in examples])
        answers = self._ids([one.answer for one in examples])
        return [self._joined(a, b) for a, b in zip(requests, answers, strict=True)]

    def lower(self, tokens: Sequence[Tokens], *, every: Callable[[int], None]) -> Activations:
        """What the frozen layers make of the pairs; `every` is told how many are done."""
        lengths = np.array([len(one.ids) for one in tokens], dtype=np.int64)
        start = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.zeros((int(start[-1]), self.width), dtype=np.float16)
        done = 0
        for part in batches(lengths, BATCH):
            hidden = self._frozen([tokens[at] for at in part])
            for place, at in enumerate(part):
                rows[start[at] : start[at + 1]] = hidden[place, : lengths[at]]
            done += len(part)
            every(done)
        return Activations(rows, start, np.array([one.second for one in tokens], dtype=np.int64))

    def rows(self, examples: Sequence[Example]) -> npt.NDArray[np.float32]:
        """Mean activations after layer `ROWS_LAYER` of request and answer, (N, 2 D).

        A lower layer, which still knows the wording; the request's half is 0 where there is none.
        """
        tokens = self.read(examples)
        lengths = np.array([len(one.ids) for one in tokens], dtype=np.int64)
        found = np.zeros((len(tokens), 2, self.width), dtype=np.float32)
        for part in batches(lengths, BATCH):
            hidden = self._frozen([tokens[at] for at in part], layers=ROWS_LAYER)
            for place, at in enumerate(part):
                second = tokens[at].second
                if second > 2:
                    found[at, 0] = hidden[place, 1:second].mean(axis=0)
                found[at, 1] = hidden[place, second : lengths[at]].mean(axis=0)
        return found.reshape(len(tokens), 2 * self.width)

    @property
    def rows_revision(self) -> str:
        """What `rows` gives depends on."""
        return f"{self.revision}-pairs{ROWS_LAYER}"

    def _frozen(
        self, tokens: Sequence[Tokens], *, layers: int | None = None
    ) -> npt.NDArray[np.float32]:
        torch = self.torch
        longest = max(len(one.ids) for one in tokens)
        ids = np.zeros((len(tokens), longest), dtype=np.int64)
        for place, one in enumerate(tokens):
            ids[place, : len(one.ids)] = one.ids
        lengths = torch.tensor([len(one.ids) for one in tokens], device=self.device)
        model = self.model.to(self.device).eval()
        with torch.inference_mode():
            hidden = model.embeddings(input_ids=torch.from_numpy(ids).to(self.device))
            mask = attention_mask(torch, lengths, longest)
            for layer in model.encoder.layer[: self.frozen if layers is None else layers]:
                hidden = through(layer, hidden, mask)
        return np.asarray(hidden.cpu().numpy(), dtype=np.float32)

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        cut = [text[: MOST_CHARACTERS // 2] + text[MOST_CHARACTERS // 2 :][-MOST_CHARACTERS // 2 :]
               for text in texts]  # fmt: skip
        found = self._parts[1](cut, add_special_tokens=False, verbose=False)["input_ids"]
        return [list(ids) for ids in found]

    def _joined(self, request: list[int], answer: list[int]) -> Tokens:
        tokenizer = self._parts[1]
        answer = head_and_tail(answer, ANSWER_TOKENS)
        request = head_and_tail(request, MOST_TOKENS - 3 - len(answer))
        first = [tokenizer.cls_token_id, *request, tokenizer.sep_token_id]
        ids = [*first, *answer, tokenizer.sep_token_id]
        return Tokens(np.array(ids, dtype=np.int64), len(first))


def pair_text(example: Example) -> str:
    """Request and answer as one text that tells them apart: what a memory of rows goes by."""
    return json.dumps([example.setting, example.question, example.answer])


def head_and_tail(ids: list[int], most: int) -> list[int]:
    """The ids, or as many from both ends as there may be."""
    if len(ids) <= most:
        return ids
    tail = most // 2
    return ids[: most - tail] + ids[len(ids) - tail :]


def batches(lengths: Ints, size: int) -> Iterator[Ints]:
    """Places of pairs that are alike in length, shortest first, so that little is padded."""
    order = np.argsort(lengths, kind="stable")
    for first in range(0, len(order), size):
        yield order[first : first + size]


def attention_mask(torch: Any, lengths: Any, longest: int) -> Any:
    """0 for a token, and for padding a number that attention's softmax takes for minus infinity."""
    there = torch.arange(longest, device=lengths.device)[None] < lengths[:, None]
    mask = torch.zeros(len(lengths), 1, 1, longest, device=lengths.device)
    return mask.masked_fill(~there[:, None, None], -1e9)


def through(layer: Any, hidden: Any, mask: Any) -> Any:
    """A layer's output; older versions of the library wrap it in a tuple."""
    found = layer(hidden, mask)
    return found[0] if isinstance(found, tuple) else found
