"""One thing to judge, as the judges see it: text in, nothing of the database."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from campaigns.judging.errors import BadScores, CannotFit

MOST_CHARACTERS = 20_000  # of one field; a cell of 5 MB must not stall the judges


@dataclass(frozen=True)
class Example:
    """A case for the judges: `family` groups a seed's variants, `conversation` is (role, text).

    `deployment` and `asker` say where the target runs and who asks, in the project's own words.
    """

    key: str
    family: str
    context: str
    conversation: tuple[tuple[str, str], ...]
    prompt: str
    response: str
    stratum: str = ""
    deployment: str = ""
    asker: str = ""

    @property
    def has_text(self) -> bool:
        """Whether there is an answer to judge."""
        return bool(self.response.strip())

    @property
    def answer(self) -> str:
        """The response, cut to what the judges read."""
        return clip(self.response)

    @property
    def question(self) -> str:
        """The prompt, cut to what the judges read."""
        return clip(self.prompt)

    @property
    def setting(self) -> str:
        """Context and the conversation before the prompt, as one text."""
        turns = [f"{role}: {text}" for role, text in self.conversation]
        return clip("\n".join(part for part in (self.context, *turns) if part.strip()))


def clip(text: str) -> str:
    """The head and the tail of a text that is too long (answers turn at their end), as valid text.

    Half a surrogate pair, which JSON can smuggle in, becomes a question mark: no encoder takes it.
    """
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        text = f"{text[:half]}\n{text[-half:]}"
    return text.encode("utf-8", "replace").decode("utf-8")


def check_labels(examples: Sequence[Example], y: npt.NDArray[np.bool_]) -> None:
    """Raise `BadScores` unless each example has a label, `CannotFit` unless both answers occur."""
    if len(examples) != len(y):
        raise BadScores(f"{len(examples)} cases but {len(y)} labels: give one label for each case.")
    if not len(y):
        raise CannotFit("There are no labelled cases yet: settle gold for some first.")
    if y.all() or not y.any():
        there, missing = ("positive", "negative") if y.all() else ("negative", "positive")
        raise CannotFit(
            f"All {len(y)} labelled cases are {there}: settle gold for some {missing} ones as well."
        )
