"""Asking a target: the sandbox simulator, or any OpenAI-compatible endpoint over real HTTP."""

from dataclasses import dataclass
from typing import Any

from campaigns import sandbox
from campaigns.chat.openai_compatible import OpenAICompatibleClient
from campaigns.chat.protocol import ChatClient, EndpointError, Message
from campaigns.models import Candidate, Target
from campaigns.statuses import Intent, TargetKind

MAX_TOKENS = 512


@dataclass(frozen=True)
class TargetAnswer:
    """What the target said; `exchange` is kept with the candidate."""

    text: str
    exchange: dict[str, Any]


def ask(
    target: Target, candidate: Candidate, *, client: ChatClient | None, seed: int
) -> TargetAnswer:
    """One answer; without a client (the sandbox has none) the simulator gives it.

    Raises `EndpointError` when an endpoint gives none after bounded retries.
    """
    if client is None:
        return _ask_sandbox(candidate, seed=seed)
    messages = [
        Message("system", part) for part in (target.system_prompt, candidate.context) if part
    ]
    completion = client.complete(
        [*messages, Message("user", candidate.prompt)],
        max_tokens=MAX_TOKENS,
        temperature=0.0,
        seed=seed,
    )
    exchange = {
        "model": completion.model,
        "status": str(completion.status),
        "input_tokens": completion.input_tokens,
        "output_tokens": completion.output_tokens,
        "latency_s": completion.latency_s,
        "request_id": completion.request_id,
    }
    if not completion.text.strip():
        raise EndpointError(
            f"{target} gave no text ({completion.status}): there is nothing to judge.",
            retryable=False,
        )
    return TargetAnswer(completion.text, exchange)


def client_for(target: Target) -> ChatClient | None:
    """The client of an endpoint target; None for the sandbox, which needs none."""
    if target.kind == TargetKind.SANDBOX:
        return None
    return OpenAICompatibleClient(
        base_url=target.base_url, model=target.model, api_key_variable=target.api_key_variable
    )


def _ask_sandbox(candidate: Candidate, *, seed: int) -> TargetAnswer:
    behavior = candidate.behavior
    answer = sandbox.respond(
        candidate.prompt,
        intent=behavior.intent if behavior else Intent.BENIGN,
        category=behavior.category if behavior else "",
        context_dependent=behavior.context_dependent if behavior else False,
        techniques=candidate.techniques,
        seed=seed,
        key=candidate.key,
        about=behavior.text if behavior else "",
    )
    return TargetAnswer(answer.text, {"model": "sandbox", "planted": answer.planted})
