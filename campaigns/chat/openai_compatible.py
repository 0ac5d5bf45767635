"""Any OpenAI-compatible endpoint over HTTP, with bounded retries that have one owner: this file."""

import math
import os
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property

import openai

from campaigns.chat.protocol import Completion, CompletionStatus, EndpointError, Message
from campaigns.chat.reading import read_completion

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
    """A `ChatClient`. `api_key_variable` names the environment variable; the key is never logged."""

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
        client = openai.OpenAI(
            api_key=self._key(),
            base_url=self.base_url,
            timeout=self.timeout_s,
            max_retries=0,
        )
        # The package reads these from OPENAI_* variables, which are no business of this endpoint.
        client.organization = client.project = None
        return client

    def _key(self) -> str:
        if not self.api_key_variable:
            return NO_KEY
        key = os.environ.get(self.api_key_variable, "").strip()
        if not key:
            raise EndpointError(
                f"The environment variable {self.api_key_variable} is not set for the worker: set it "
                "and start Evalplatform again, or leave the key variable empty.",
                retryable=False,
            )
        # HTTP would refuse such a header by an error that quotes it, and with it the key.
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(
                f"The environment variable {self.api_key_variable} holds characters that no key has "
                "(line breaks or letters outside ASCII): set it again and start Evalplatform again.",
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
                return self._try(
                    messages,
                    max_tokens=max_tokens,
                    temperature=temperature,
                    seed=seed,
                    started=started,
                )
            except _RETRYABLE as error:
                if attempt == self.attempts:
                    raise EndpointError(self._gave_up(error), retryable=True) from _cause(error)
                self.sleep(_wait(error, attempt))
            except openai.APIStatusError as error:
                if error.code == "content_filter":  # how Azure says that it filtered the prompt
                    return self._filtered(error, time.monotonic() - started)
                raise EndpointError(self._refused(error), retryable=False) from _cause(error)
        raise EndpointError("The number of attempts must be at least 1.", retryable=False)

    def _try(
        self, messages: Sequence[Message], *, max_tokens: int, temperature: float,
        seed: int | None, started: float,
    ) -> Completion:  # fmt: skip
        """One try. Raw, and read by `reading`: the client's own models let wrong types through."""
        answer = self._client.chat.completions.with_raw_response.create(
            model=self.model,
            messages=[{"role": m.role, "content": m.content} for m in messages],  # type: ignore[misc]  # roles are plain words here
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed if seed is not None else openai.omit,
        )
        return read_completion(
            answer.http_response.content,
            asked_model=self.model,
            seconds=time.monotonic() - started,
            request_id=answer.request_id or "",
        )

    def _filtered(self, error: openai.APIStatusError, seconds: float) -> Completion:
        return Completion(
            text="",
            status=CompletionStatus.REFUSED,
            model=self.model,
            input_tokens=None,
            output_tokens=None,
            latency_s=round(seconds, 3),
            request_id=error.request_id or "",
        )

    def _gave_up(self, error: openai.OpenAIError) -> str:
        return (
            f"{self.base_url} gave no answer in {self.attempts} tries (last: {_name(error)}). Check that "
            "it is running and not overloaded, then go on: what is answered stays answered."
        )

    def _refused(self, error: openai.APIStatusError) -> str:
        what = {
            401: "Check the key",
            403: "Check the key and what it may do",
            404: f"Check the address (it usually ends in /v1) and the model's name “{self.model}”",
        }.get(
            error.status_code,
            f"Check the model's name “{self.model}”, and that it takes max_tokens, temperature "
            "and seed",
        )
        return f"{self.base_url} refused the request ({_name(error)}). {what}, then go on."


def _name(error: openai.OpenAIError) -> str:
    """The kind of error and its status. Not its text: that may quote what was sent."""
    status = getattr(error, "status_code", None)
    return f"{type(error).__name__}, HTTP {status}" if status else type(error).__name__


def _cause(error: openai.OpenAIError) -> openai.OpenAIError | None:
    """What a traceback may show. Not an endpoint's own text: it may quote the key or the prompt."""
    return None if isinstance(error, openai.APIStatusError) else error


def _wait(error: openai.OpenAIError, attempt: int) -> float:
    """Seconds to wait: what the endpoint asks for, else exponential with jitter; bounded."""
    response = getattr(error, "response", None)
    asked = _asked_wait(response.headers.get("retry-after", "")) if response is not None else None
    if asked is not None:
        return min(asked, LONGEST_WAIT_S)
    grown = math.ldexp(FIRST_WAIT_S, attempt - 1)
    return min(grown * random.uniform(0.5, 1.5), LONGEST_WAIT_S)  # noqa: S311 - jitter, no secret


def _asked_wait(retry_after: str) -> float | None:
    """Retry-After, as seconds or as a date (RFC 9110, 10.2.3); None where it says nothing usable."""
    try:
        seconds = float(retry_after)
    except ValueError:
        seconds = _seconds_until(retry_after)
    return seconds if seconds >= 0 else None  # not a number is not, either


def _seconds_until(date: str) -> float:
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return math.nan
    now = datetime.now(UTC)
    return (when - now).total_seconds() if when.tzinfo else math.nan
