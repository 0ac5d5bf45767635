"""What a transform is: a named, versioned, seeded change of a text, for the planner and the screen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

Parameter = str | int | float
MOST_GROWTH = 6  # no transform returns more than MOST_GROWTH * len(text) + MOST_ADDED characters
MOST_ADDED = 600
NO_TEXT = "There is no text to change."
SAME_TEXT = "The text holds nothing that this technique changes."


class Kind(StrEnum):
    """In the order in which the parts of a chain are applied: from the wording outwards."""

    REWORDING = "rewording"
    FRAMING = "framing"
    NOISE = "noise"
    ENCODING = "encoding"


@dataclass(frozen=True)
class Transformed:
    """A changed text, with what was drawn; `unchanged` says why the text is the same as before."""

    text: str
    params: Mapping[str, Parameter]
    unchanged: str = ""


Change = Callable[[str, np.random.Generator], tuple[str, dict[str, Parameter]]]


@dataclass(frozen=True)
class Transform:
    """One technique. `describe` is its line on the screen; a new version is a new technique for gold."""

    name: str
    version: int
    kind: Kind
    describe: str
    change: Change

    def apply(self, text: str, rng: np.random.Generator) -> Transformed:
        """The changed text; the same seed gives the same text."""
        if not text.strip():
            return Transformed(text, {}, NO_TEXT)
        changed, params = self.change(text, rng)
        return Transformed(changed, params, SAME_TEXT if changed == text else "")


def draw(rng: np.random.Generator, choices: tuple[str, ...]) -> tuple[int, str]:
    """One of the choices, with its number (from 1) for the parameters."""
    at = int(rng.integers(len(choices)))
    return at + 1, choices[at]
