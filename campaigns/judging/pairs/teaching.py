"""The upper layers taught on labelled pairs, with early stopping: for the cross-encoder.

Source: fine-tuning with AdamW (Loshchilov and Hutter 2019), a linear warm-up and decay, and the head
taught at a higher rate than the body. The lower layers are frozen, so that their activations are
computed once (Lee et al. 2019, "What would ELMo do?"): an epoch costs a fraction of one through the
whole model. The layers on top, which were trained to forget wording, are left out: on DiaSafety's
training set two layers taught above two frozen ones told more (area under the curve .83 from 2,000
labels) than two above three (.82) or the two uppermost above four (.72 after one epoch). Symbols:
f = [h_CLS, mean of the request's h_t, mean of the answer's h_t] (3 D,), normalised; logit = w f + b.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from campaigns.judging.linear import Bools, Floats
from campaigns.judging.pairs.body import (
    Activations,
    Ints,
    PairBody,
    attention_mask,
    batches,
    through,
)
from campaigns.judging.weights import Arrays

READ_BATCH = 64
BUCKET = 16  # batches whose pairs are sorted by length together

Step = Callable[[], None]  # called after each batch; what it raises ends the teaching


@dataclass(frozen=True)
class Lesson:
    """How the layers are taught."""

    epochs: int = 3  # at most
    batch: int = 16
    rate: float = 2e-4
    head_rate: float = 2e-3
    decay: float = 0.01
    dropout: float = 0.1
    warm_up: float = 0.1  # of all steps
    most_norm: float = 1.0  # of a gradient


class Upper:
    """The layers above the frozen ones and a head: gives log odds."""

    def __init__(self, body: PairBody, *, dropout: float = 0.0) -> None:
        torch = body.torch
        self.body = body
        self.layers = copy.deepcopy(body.upper).to(body.device)
        self.head = torch.nn.Linear(3 * body.width, 1).to(body.device)
        self.dropout = torch.nn.Dropout(dropout)
        torch.nn.init.zeros_(self.head.weight)
        torch.nn.init.zeros_(self.head.bias)

    def parts(self) -> Any:
        """All that has weights, as one module."""
        return self.body.torch.nn.ModuleDict({"layers": self.layers, "head": self.head})

    def train(self, mode: bool) -> None:
        """Dropout on or off."""
        for part in (self.layers, self.head, self.dropout):
            part.train(mode)

    def logits(self, of: Activations, part: Ints) -> Any:
        """Log odds of some pairs, a tensor (B,)."""
        torch, device = self.body.torch, self.body.device
        lengths = torch.from_numpy(of.lengths[part]).to(device)
        longest = int(of.lengths[part].max())
        hidden = np.zeros((len(part), longest, self.body.width), dtype=np.float32)
        for place, at in enumerate(part):
            hidden[place, : of.lengths[at]] = of.rows[of.start[at] : of.start[at + 1]]
        state, mask = torch.from_numpy(hidden).to(device), attention_mask(torch, lengths, longest)
        for layer in self.layers:
            state = through(layer, state, mask)
        second = torch.from_numpy(of.second[part]).to(device)
        return self.head(self.dropout(_pooled(torch, state, lengths, second)))[:, 0]

    def score(self, of: Activations, which: Ints) -> Floats:
        """Log odds of these pairs, (N,)."""
        self.train(False)
        found = np.zeros(len(which))
        with self.body.torch.inference_mode():
            for part in batches(of.lengths[which], READ_BATCH):
                found[part] = self.logits(of, which[part]).cpu().numpy()
        return found

    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """All weights by name."""
        state = self.parts().state_dict()
        return {name: one.detach().cpu().numpy() for name, one in state.items()}

    def load(self, weights: Arrays) -> None:
        """Take these weights."""
        torch = self.body.torch
        given = {name: torch.from_numpy(np.array(one)) for name, one in weights.items()}
        self.parts().load_state_dict(given)


@dataclass(frozen=True, eq=False)
class Taught:
    """Weights at the best epoch, which it was, and the held-out log loss after each."""

    weights: dict[str, npt.NDArray[Any]]
    epoch: int
    losses: tuple[float, ...]


def teach(
    body: PairBody, of: Activations, y: Bools, *, train: Ints, stop: Ints, lesson: Lesson,
    seed: int, step: Step,
) -> Taught:  # fmt: skip
    """Teach on `train`, keep the epoch whose log loss on `stop` is least; deterministic by seed."""
    torch = body.torch
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        upper = Upper(body, dropout=lesson.dropout)
        optimizer, schedule = _optimizer(torch, upper, lesson, steps=steps_of(len(train), lesson))
        rng = np.random.default_rng(seed)
        best, losses = upper.weights(), []
        for _ in range(lesson.epochs):
            upper.train(True)
            for part in _shuffled(train, of.lengths, lesson.batch, rng):
                _learn(torch, upper, of, y, part, optimizer, lesson)
                schedule.step()
                step()
            losses.append(_log_loss(upper.score(of, stop), y[stop]))
            if losses[-1] > min(losses):
                break
            best = upper.weights()
    return Taught(best, int(np.argmin(losses)) + 1, tuple(losses))


def steps_of(cases: int, lesson: Lesson) -> int:
    """Batches in all epochs."""
    return lesson.epochs * -(-cases // lesson.batch)


def _optimizer(torch: Any, upper: Upper, lesson: Lesson, *, steps: int) -> tuple[Any, Any]:
    groups = [
        {"params": list(upper.layers.parameters()), "lr": lesson.rate},
        {"params": list(upper.head.parameters()), "lr": lesson.head_rate},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=lesson.decay)
    warm = max(1.0, lesson.warm_up * steps)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda at: min((at + 1) / warm, max(0.02, 1 - at / steps))
    )
    return optimizer, schedule


def _learn(
    torch: Any, upper: Upper, of: Activations, y: Bools, part: Ints, optimizer: Any, lesson: Lesson
) -> None:
    target = torch.from_numpy(y[part].astype(np.float32)).to(upper.body.device)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(upper.logits(of, part), target)
    optimizer.zero_grad()
    loss.backward()
    both = [*upper.layers.parameters(), *upper.head.parameters()]
    torch.nn.utils.clip_grad_norm_(both, lesson.most_norm)
    optimizer.step()


def _shuffled(train: Ints, lengths: Ints, size: int, rng: np.random.Generator) -> Iterator[Ints]:
    """Batches of pairs alike in length, in random order: buckets are drawn at random."""
    drawn = rng.permutation(train)
    made = []
    for first in range(0, len(drawn), size * BUCKET):
        bucket = drawn[first : first + size * BUCKET]
        made += [bucket[part] for part in batches(lengths[bucket], size)]
    for at in rng.permutation(len(made)):
        yield made[at]


def _pooled(torch: Any, state: Any, lengths: Any, second: Any) -> Any:
    """f, (B, 3 D), each row with mean 0 and variance 1."""
    place = torch.arange(state.shape[1], device=state.device)[None]
    first = (place >= 1) & (place < second[:, None])
    answer = (place >= second[:, None]) & (place < lengths[:, None])
    means = [
        torch.einsum("bt,btd->bd", there / there.sum(1, keepdim=True).clamp(min=1), state)
        for there in (first.to(state.dtype), answer.to(state.dtype))
    ]
    joined = torch.cat([state[:, 0], *means], dim=1)
    return torch.nn.functional.layer_norm(joined, joined.shape[1:])


def _log_loss(logits: Floats, y: Bools) -> float:
    """Mean of log(1 + exp(-z)) with z = the logit towards the label."""
    return float(np.mean(np.logaddexp(0.0, np.where(y, -logits, logits))))
