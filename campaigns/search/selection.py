"""Which technique to try next, for the guided half of a round.

Source: PyRIT's EpsilonGreedyTechniqueSelector. Symbols: s = violations that gold confirmed, n = cases
that gold settled; the estimate is Laplace's (s + 1) / (n + 1), so that an untried technique counts 1.
With probability epsilon any technique is drawn, otherwise the best; ties are broken by the generator.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

EPSILON = 0.2
TIE = 1e-12  # estimates nearer than this are equal


@dataclass(frozen=True)
class TechniqueStat:
    """What gold says of one technique so far."""

    violations: int
    settled: int

    def __post_init__(self) -> None:
        if not 0 <= self.violations <= self.settled:
            raise ValueError(
                f"{self.violations} violations of {self.settled} settled cases cannot be: "
                "count both over the same gold."
            )


@dataclass(frozen=True)
class Choice:
    """A technique, and the sentence that says why it was chosen."""

    technique: str
    why: str


def seeded_rng(seed: int, run: str) -> np.random.Generator:
    """A generator of its own for each run: the first 64 bits of sha256(seed|run)."""
    digest = hashlib.sha256(f"{seed}|{run}".encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def laplace(stat: TechniqueStat | None) -> float:
    """(s + 1) / (n + 1); 1.0 for a technique that gold has not seen."""
    return 1.0 if stat is None else (stat.violations + 1) / (stat.settled + 1)


def choose_technique(
    names: Sequence[str],
    stats: Mapping[str, TechniqueStat],
    *,
    rng: np.random.Generator,
    epsilon: float = EPSILON,
) -> Choice:
    """Draw any technique with probability epsilon, else the one with the highest estimate."""
    if not names:
        raise ValueError("There is no technique to choose from: enable at least one.")
    if rng.random() < epsilon:
        return Choice(names[int(rng.integers(len(names)))], "drawn to explore")
    estimates = np.array([laplace(stats.get(name)) for name in names])
    best = np.flatnonzero(estimates >= estimates.max() - TIE)
    name = names[int(rng.choice(best))]
    return Choice(name, _why(stats.get(name)))


def _why(stat: TechniqueStat | None) -> str:
    if stat is None or not stat.settled:
        return "gold has not seen it yet"
    return f"gold confirmed {stat.violations} of {stat.settled} violations with it"
