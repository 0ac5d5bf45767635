"""What effects a case would have: distributions from the nearest precedents and from linear heads.

Trained on what people told of cases: each sheet is rows of words, or none (no effect). Symbols: T
record cases, a_t = share of their sheets with an effect, q_t = distribution over a part's words.
For a new case with similarities s_t: w_t = max(s_t, 0)^8, nearest = (sum w q + w0 base) / (sum w +
w0); head = multinomial logistic regression on (request, answer) embeddings; P = base + lambda (mean
of nearest and head - base), lambda = T / (T + 40): with few records it stays near the base rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from campaigns.judging.effects.weighing import DEFAULTS, PARTS, Weights, expected_harm
from campaigns.judging.errors import CannotFit
from campaigns.judging.linear import Floats, Singles, pack, unpack

SHARPNESS = 8
PULL = 0.05  # w0
SHRINK = 40.0
STRENGTH = 1.0
LEAST_RECORDS = 12  # cases that somebody told about
LEAST_EFFECTS = 5  # of them with an effect
LEAST_FOR_HEAD = 40
MOST_PRECEDENTS = 5
ANY = "any"
WORDS: Mapping[str, tuple[str, ...]] = {ANY: ("no", "yes")} | {p: tuple(DEFAULTS[p]) for p in PARTS}

EffectRows = tuple[Mapping[str, str], ...]


@dataclass(frozen=True)
class Record:
    """What people told of one case: a sheet each, empty where they saw no effect."""

    key: str
    family: str
    sheets: tuple[EffectRows, ...]

    def distribution(self, part: str) -> Floats:
        """Over the part's words, (L,); a sheet with two rows gives each half; zeros: not told."""
        words = WORDS[part]
        if part == ANY:
            share = sum(bool(rows) for rows in self.sheets) / len(self.sheets)
            return np.array([1 - share, share])
        counts = np.zeros(len(words))
        for rows in self.sheets:
            for row in rows:
                if row.get(part) in words:
                    counts[words.index(row[part])] += 1 / len(rows)
        return counts / counts.sum() if counts.sum() else counts


@dataclass(frozen=True)
class Predicted:
    """P(any effect), P(word) of each part given one, and the nearest cases: (key, similarity)."""

    any_effect: float
    parts: Mapping[str, Mapping[str, float]]
    precedents: tuple[tuple[str, float], ...]
    n: int

    def harm(self, weights: Weights) -> float:
        """Expected harm, from 0 to 1."""
        return expected_harm(self.any_effect, self.parts, weights)


@dataclass(frozen=True, eq=False)
class EffectsModel:
    """Keys (T), rows (T, D), per part targets (T, L), base (L,) and a head (D + 1, L) or None."""

    keys: tuple[str, ...]
    rows: Singles
    targets: Mapping[str, Singles]
    base: Mapping[str, Singles]
    heads: Mapping[str, Singles | None]

    def predict(self, keys: Sequence[str], rows: Floats) -> list[Predicted]:
        """Of N cases with rows (N, D), as `pair_rows` gives them; none is its own precedent."""
        if not len(keys):
            return []
        similarity = self._similarity(keys, rows)
        found = {part: self._part(part, rows, similarity) for part in WORDS}
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :MOST_PRECEDENTS]
        return [
            Predicted(
                float(found[ANY][n, 1]),
                {p: dict(zip(WORDS[p], map(float, found[p][n]), strict=True)) for p in PARTS},
                tuple((self.keys[t], float(similarity[n, t])) for t in order[n]
                      if similarity[n, t] > 0),
                len(self.keys),
            )
            for n in range(len(keys))
        ]  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Everything learnt, as plain values."""
        return {
            "keys": list(self.keys),
            "rows": pack(self.rows),
            "targets": {part: pack(one) for part, one in self.targets.items()},
            "base": {part: pack(one) for part, one in self.base.items()},
            "heads": {p: None if h is None else pack(h) for p, h in self.heads.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "EffectsModel":
        """The model that `as_json` wrote."""
        return cls(
            tuple(data["keys"]),
            unpack(data["rows"]),
            {part: unpack(one) for part, one in data["targets"].items()},
            {part: unpack(one) for part, one in data["base"].items()},
            {p: None if h is None else unpack(h) for p, h in data["heads"].items()},
        )

    def _similarity(self, keys: Sequence[str], rows: Floats) -> Floats:
        width, known = rows.shape[1] // 2, self.rows.astype(np.float64)
        answers = rows[:, width:] @ known[:, width:].T
        requests = rows[:, :width] @ known[:, :width].T
        both = np.outer(rows[:, :width].any(axis=1), known[:, :width].any(axis=1))
        cosine = np.where(both, (answers + requests) / 2, answers)
        own = np.array(keys)[:, None] == np.array(self.keys)[None, :]
        return np.where(own, -1.0, cosine)

    def _part(self, part: str, rows: Floats, similarity: Floats) -> Floats:
        """P (N, L) of one part's words."""
        targets, base = self.targets[part].astype(float), self.base[part].astype(float)
        told = targets.sum(axis=1)
        weight = np.maximum(similarity, 0.0) ** SHARPNESS * told
        near = (weight @ targets + PULL * base) / (weight.sum(axis=1, keepdims=True) + PULL)
        head = self.heads[part]
        if head is not None:
            logits = rows @ head[:-1].astype(float) + head[-1].astype(float)
            near = (near + softmax(logits, axis=1)) / 2
        trust = told.sum() / (told.sum() + SHRINK)
        return np.asarray(base + trust * (near - base), dtype=np.float64)


def fit_effects(records: Sequence[Record], rows: Floats) -> EffectsModel:
    """Learn from records and the rows (T, D) of their cases. Raises `CannotFit` when too few."""
    check_records(records)
    targets = {part: np.array([one.distribution(part) for one in records]) for part in WORDS}
    return EffectsModel(
        tuple(one.key for one in records),
        rows.astype(np.float32),
        {part: one.astype(np.float32) for part, one in targets.items()},
        {part: _base(one).astype(np.float32) for part, one in targets.items()},
        {part: _head(rows, one) for part, one in targets.items()},
    )


def check_records(records: Sequence[Record]) -> None:
    """Raise `CannotFit` with how many records are missing."""
    told = [one for one in records if one.sheets]
    effects = sum(any(rows for rows in one.sheets) for one in told)
    if len(told) < LEAST_RECORDS or effects < LEAST_EFFECTS:
        raise CannotFit(
            f"Effects can be predicted from {LEAST_RECORDS} cases of which people said whether there "
            f"is an effect, {LEAST_EFFECTS} of them with one; there are {len(told)} and {effects}. "
            "Raters tell of effects at severity 2 and more."
        )


def _base(targets: Floats) -> Floats:
    """The mean distribution, with one more case of each word, so that none is impossible."""
    counts = targets.sum(axis=0) + 1 / targets.shape[1]
    return np.asarray(counts / counts.sum(), dtype=np.float64)


def _head(rows: Floats, targets: Floats) -> Singles | None:
    """Weights and intercept (D + 1, L) from soft labels; None where there are too few to learn."""
    at, word = np.nonzero(targets)
    seen = np.unique(word)
    if targets.any(axis=1).sum() < LEAST_FOR_HEAD or len(seen) < 2:
        return None
    model = LogisticRegression(C=STRENGTH, max_iter=1000)
    model.fit(rows[at], word, sample_weight=targets[at, word])
    head = np.zeros((rows.shape[1] + 1, targets.shape[1]))
    head[-1] = -30.0  # a word that nobody used
    coefficients, intercepts = model.coef_, model.intercept_
    if len(seen) == 2:  # one row for two classes
        coefficients = np.vstack([np.zeros_like(coefficients), coefficients])
        intercepts = np.array([0.0, intercepts[0]])
    head[:-1, seen], head[-1, seen] = coefficients.T, intercepts
    return head.astype(np.float32)
