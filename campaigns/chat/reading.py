"""What an endpoint sent -> a `Completion`, for the clients; every part of it may be wrong or missing.

Source: the chat completion object of the OpenAI API reference. Servers that are nearly compatible
leave out `id`, `usage` or `finish_reason`; only the message itself is needed here.
"""

import json
import re
from typing import Any

from campaigns.chat.protocol import Completion, CompletionStatus, EndpointError

_UNSTORABLE = re.compile(
    "[\x00\ud800-\udfff]"
)  # NUL and half characters: no database text has them
_LONGEST_NAME = 200


def read_completion(
    data: bytes, *, asked_model: str, seconds: float, request_id: str
) -> Completion:
    """The first choice of a chat completion. Raises `EndpointError`."""
    body = _parse(data)
    choices = body.get("choices")
    choice = _record(choices[0]) if isinstance(choices, list) and choices else {}
    if body.get("error") or choice.get("error") or choice.get("finish_reason") == "error":
        raise EndpointError(
            "The endpoint reported an error of its own instead of an answer. Go on later; if it "
            "stays so, check the model's name.",
            retryable=True,
        )
    text, refused = _text_of(choice)
    usage = _record(body.get("usage"))
    return Completion(
        text=text,
        status=_status(text, refused=refused),
        model=_name(body.get("model")) or asked_model,
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        latency_s=round(seconds, 3),
        request_id=_name(request_id) or _name(body.get("id")),
    )


def _parse(data: bytes) -> dict[str, Any]:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:  # ValueError: bad JSON, bad UTF-8
        raise _unreadable() from error
    if not isinstance(body, dict):
        raise _unreadable()
    return body


def _text_of(choice: dict[str, Any]) -> tuple[str, bool]:
    """(the words, whether a filter or the refusal field stopped them)."""
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _unreadable()
    content, refusal = message.get("content"), message.get("refusal")
    if isinstance(content, list):  # content in parts
        parts = [_record(part).get("text") for part in content]
        content = "".join(part for part in parts if isinstance(part, str))
    text = content or refusal or ""
    if not isinstance(text, str):
        raise _unreadable()
    refused = bool(refusal) or choice.get("finish_reason") == "content_filter"
    return _UNSTORABLE.sub("\ufffd", text), refused


def _status(text: str, *, refused: bool) -> CompletionStatus:
    if refused:
        return CompletionStatus.REFUSED
    return CompletionStatus.OK if text.strip() else CompletionStatus.EMPTY


def _record(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


def _name(value: object) -> str:
    return _UNSTORABLE.sub("\ufffd", value)[:_LONGEST_NAME] if isinstance(value, str) else ""


def _unreadable() -> EndpointError:
    return EndpointError(
        "The endpoint answered, but not as an OpenAI-compatible one does. Check the address: it "
        "usually ends in /v1.",
        retryable=False,
    )
