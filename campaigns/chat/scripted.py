"""A double for tests: says what it was told to say. It is no model and says so in its name."""

from collections.abc import Callable, Sequence

from campaigns.chat.protocol import Completion, CompletionStatus, Message

NAME = "scripted-double"


class ScriptedClient:
    """Answers by a function of the messages; keeps what it was asked."""

    def __init__(self, answer: Callable[[Sequence[Message]], str]) -> None:
        self.answer = answer
        self.asked: list[tuple[Message, ...]] = []

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int = 512, temperature: float = 0.0,
        seed: int | None = None,
    ) -> Completion:  # fmt: skip
        self.asked.append(tuple(messages))
        text = self.answer(messages)
        return Completion(text, CompletionStatus.OK, NAME, None, None, 0.0, "")
