"""What a chat client takes and gives, whoever is behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True)
class Message:
    """One turn: role is system, user or assistant."""

    role: str
    content: str


class CompletionStatus(StrEnum):
    OK = "ok"
    REFUSED = "refused"  # the endpoint's own filter or refusal field, not the model's words
    EMPTY = "empty"  # an answer without a word


@dataclass(frozen=True)
class Completion:
    """One answer, and what it took: tokens as counted by the endpoint, seconds as seen from here."""

    text: str
    status: CompletionStatus
    model: str
    input_tokens: int | None
    output_tokens: int | None
    latency_s: float
    request_id: str


class EndpointError(Exception):
    """No answer after bounded tries; the text says what to do. `retryable`: it may work later."""

    def __init__(self, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.retryable = retryable


class ChatClient(Protocol):
    """Anything that completes a conversation. It has no tools and no rights to write anything."""

    def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int = 512,
        temperature: float = 0.0,
        seed: int | None = None,
    ) -> Completion:
        """One answer. Raises `EndpointError`."""
