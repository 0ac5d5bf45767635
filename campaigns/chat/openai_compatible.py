"""Any OpenAI-compatible endpoint over HTTP, with bounded retries that have one owner: this file."""

import json
import os
import random
import time
from collections.abc import Callable, Sequence
from functools import cached_property

import openai
from openai.types.chat import ChatCompletion

from campaigns.chat.protocol import Completion, CompletionStatus, EndpointError, Message

ATTEMPTS = 4
TIMEOUT_S = 60.0
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
NO_KEY = "no-key"  # the client insists on one; endpoints without keys ignore it

_RETRYABLE = (
    openai.APITimeoutError,
    openai.APIConnectionError,
    openai.RateLimitError,
    openai.InternalServerError,
)


class OpenAICompatibleClient:
    """A `ChatClient`. `api_key_variable` names the environment variable; the key is never kept."""

    def __init__(
        self, *, base_url: str, model: str, api_key_variable: str = "",
        timeout_s: float = TIMEOUT_S, attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self.base_url, self.model, self.api_key_variable = base_url, model, api_key_variable
        self.timeout_s, self.attempts, self.sleep = timeout_s, attempts, sleep

    @cached_property
    def _client(self) -> openai.OpenAI:
        """Made at the first call: after a worker's fork, never before it."""
        return openai.OpenAI(
            api_key=self._key(),
            base_url=self.base_url,
            timeout=self.timeout_s,
            max_retries=0,
        )

    def _key(self) -> str:
        if not self.api_key_variable:
            return NO_KEY
        key = os.environ.get(self.api_key_variable, "")
        if not key:
            raise EndpointError(
                f"The environment variable {self.api_key_variable} is not set for the worker: set it "
                "and start Evalplatform again, or leave the key variable empty.",
                retryable=False,
            )
        return key

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int = 512, temperature: float = 0.0,
        seed: int | None = None,
    ) -> Completion:  # fmt: skip
        """One answer, after at most `attempts` tries. Raises `EndpointError`."""
        for attempt in range(1, self.attempts + 1):
            started = time.monotonic()
            try:
                answer = self._client.chat.completions.create(
                    model=self.model,
                    messages=[{"role": m.role, "content": m.content} for m in messages],  # type: ignore[misc]  # roles are plain words here
                    max_tokens=max_tokens,
                    temperature=temperature,
                    seed=seed if seed is not None else openai.omit,
                )
            except _RETRYABLE as error:
                if attempt == self.attempts:
                    raise EndpointError(self._gave_up(error), retryable=True) from error
                self.sleep(_wait(error, attempt))
            except (openai.APIStatusError, openai.APIResponseValidationError) as error:
                raise EndpointError(self._refused(error), retryable=False) from error
            except (openai.OpenAIError, json.JSONDecodeError) as error:
                raise EndpointError(self._unreadable(), retryable=False) from error
            else:
                return self._completion(answer, time.monotonic() - started)
        raise EndpointError("The number of attempts must be at least 1.", retryable=False)

    def _completion(self, answer: ChatCompletion, seconds: float) -> Completion:
        # An endpoint that answers something else than JSON gives a string here, not an error.
        choices = getattr(answer, "choices", None)
        if not choices or getattr(choices[0], "message", None) is None:
            raise EndpointError(self._unreadable(), retryable=False)
        message = choices[0].message
        refusal = getattr(message, "refusal", None)
        text = message.content or refusal or ""
        filtered = choices[0].finish_reason == "content_filter" or bool(refusal)
        status = CompletionStatus.OK if text.strip() else CompletionStatus.EMPTY
        usage = answer.usage
        return Completion(
            text=text,
            status=CompletionStatus.REFUSED if filtered else status,
            model=answer.model or self.model,
            input_tokens=usage.prompt_tokens if usage else None,
            output_tokens=usage.completion_tokens if usage else None,
            latency_s=round(seconds, 3),
            request_id=getattr(answer, "_request_id", None) or answer.id or "",
        )

    def _gave_up(self, error: openai.OpenAIError) -> str:
        return (
            f"{self.base_url} gave no answer in {self.attempts} tries (last: {_name(error)}). Check that "
            "it is running and not overloaded, then go on: what is answered stays answered."
        )

    def _refused(self, error: openai.APIError) -> str:
        return (
            f"{self.base_url} refused the request ({_name(error)}). Check the model's name "
            f"“{self.model}” and the key, then go on."
        )

    def _unreadable(self) -> str:
        return (
            f"{self.base_url} answered, but not as an OpenAI-compatible endpoint does. Check the "
            "address: it usually ends in /v1."
        )


def _name(error: openai.OpenAIError) -> str:
    """The kind of error and its status. Not its text: that may quote what was sent."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__}, HTTP {status}" if status else type(error).__name__


def _wait(error: openai.OpenAIError, attempt: int) -> float:
    """Seconds to wait: what the endpoint asks for, else exponential with jitter; bounded."""
    response = getattr(error, "response", None)
    asked = response.headers.get("retry-after", "") if response is not None else ""
    if asked.replace(".", "", 1).isdigit():
        return min(float(asked), LONGEST_WAIT_S)
    grown = FIRST_WAIT_S * 2 ** (attempt - 1)
    return min(grown * random.uniform(0.5, 1.5), LONGEST_WAIT_S)  # noqa: S311 - jitter, no secret
