"""Reading what an endpoint sent: nearly compatible is enough, anything else is an error that says so."""

import json
from typing import Any

import pytest

from campaigns.chat.openai_compatible import OpenAICompatibleClient
from campaigns.chat.protocol import Completion, CompletionStatus, EndpointError, Message
from tests.openai_server import openai_server


def answer_to(sent: bytes | dict[str, Any]) -> Completion:
    """What the client makes of these bytes, over real HTTP."""
    body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    with openai_server(body) as script:
        client = OpenAICompatibleClient(base_url=script.base_url, model="tiny", attempts=1)
        return client.complete([Message("user", "Hello")])


def with_message(**message: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "stop"}]}


def test_the_words_alone_are_enough() -> None:
    answer = answer_to({"choices": [{"message": {"content": "Yes."}}]})
    assert (answer.text, answer.status) == ("Yes.", CompletionStatus.OK)
    assert (answer.model, answer.request_id) == ("tiny", "")
    assert (answer.input_tokens, answer.output_tokens) == (None, None)


@pytest.mark.parametrize(
    "usage", ["five", {"total_tokens": 3}, {"prompt_tokens": "5", "completion_tokens": -1}]
)
def test_a_count_that_is_none_is_not_kept(usage: object) -> None:
    answer = answer_to({**with_message(content="Yes."), "usage": usage, "model": 3, "id": ["x"]})
    assert (answer.input_tokens, answer.output_tokens) == (None, None)
    assert (answer.model, answer.request_id) == ("tiny", "")


def test_content_in_parts_is_put_together() -> None:
    parts = [{"type": "text", "text": "Yes, "}, {"type": "image"}, {"type": "text", "text": "so."}]
    assert answer_to(with_message(content=parts)).text == "Yes, so."


def test_characters_that_no_database_can_hold_are_replaced() -> None:
    assert answer_to(with_message(content="a\x00b\ud800c")).text == "a\ufffdb\ufffdc"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b'{"choices": [',
        b'{"id": "\xff"}',
        b"[" * 200_000,
        b"[1]",
        b"null",
        b'{"choices": {"0": 1}}',
        b'{"choices": ["Yes."]}',
        b'{"choices": [{"message": "Yes."}]}',
        b'{"choices": [{"message": {"content": 3}}]}',
    ],
)
def test_what_is_no_completion_is_an_error_that_says_what_to_check(sent: bytes) -> None:
    with pytest.raises(EndpointError, match="usually ends in /v1") as failure:
        answer_to(sent)
    assert not failure.value.retryable


@pytest.mark.parametrize(
    "sent",
    [
        {"error": {"message": "upstream is down", "code": 502}},
        {"choices": [{"message": {"content": "Ye"}, "finish_reason": "error"}]},
    ],
)
def test_an_error_under_a_good_status_is_an_error(sent: dict[str, Any]) -> None:
    with pytest.raises(EndpointError, match="Go on later") as failure:
        answer_to(sent)
    assert failure.value.retryable
    assert "upstream" not in str(failure.value)
