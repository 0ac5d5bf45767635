"""The client against a real HTTP server: answers, retries with a bound, and errors that say what to do."""

import pytest

from campaigns.chat.openai_compatible import OpenAICompatibleClient
from campaigns.chat.protocol import ChatClient, Completion, CompletionStatus, EndpointError, Message
from campaigns.chat.scripted import NAME, ScriptedClient
from tests.openai_server import Script, openai_server

HELLO = [Message("system", "Be brief."), Message("user", "Hello there")]
waits: list[float] = []


@pytest.fixture(autouse=True)
def _no_waits() -> None:
    waits.clear()


def client(script: Script, **settings: object) -> OpenAICompatibleClient:
    return OpenAICompatibleClient(
        base_url=script.base_url,
        model="tiny",
        sleep=waits.append,
        **settings,  # type: ignore[arg-type]
    )


def complete(*behaviors: str, **settings: object) -> tuple[Completion, Script]:
    with openai_server(*behaviors) as script:
        return client(script, **settings).complete(HELLO, seed=7), script


def test_an_answer_comes_with_what_it_took() -> None:
    answer, script = complete("ok")
    assert answer.text == "You said: Hello there"
    assert (answer.model, answer.input_tokens, answer.output_tokens) == ("tiny", 5, 3)
    assert script.requests[0]["seed"] == 7
    assert [m["role"] for m in script.requests[0]["messages"]] == ["system", "user"]


def test_a_busy_endpoint_is_asked_again_when_it_says() -> None:
    answer, script = complete("rate_limited", "broken", "ok")
    assert answer.status == CompletionStatus.OK
    assert len(script.requests) == 3
    assert waits[0] == 7
    assert 0.5 <= waits[1] <= 1.5


def test_tries_are_bounded_and_the_error_says_what_to_do() -> None:
    with openai_server("broken") as script:
        with pytest.raises(EndpointError, match=r"in 3 tries .*HTTP 500.* Check that") as failure:
            client(script, attempts=3).complete(HELLO)
        assert failure.value.retryable
        assert len(script.requests) == 3


def test_a_refused_key_is_not_tried_again() -> None:
    with openai_server("unauthorized") as script:
        with pytest.raises(EndpointError, match="the key") as failure:
            client(script).complete(HELLO)
        assert not failure.value.retryable
        assert len(script.requests) == 1


def test_an_address_that_is_no_endpoint_is_said_to_be_none() -> None:
    with pytest.raises(EndpointError, match="usually ends in /v1"):
        complete("not_json")


def test_a_filtered_answer_is_a_refusal_and_an_empty_one_is_empty() -> None:
    assert complete("filtered")[0].status == CompletionStatus.REFUSED
    assert complete("empty")[0].status == CompletionStatus.EMPTY


def test_a_slow_endpoint_times_out() -> None:
    with pytest.raises(EndpointError, match="APITimeoutError"):
        complete("slow", timeout_s=0.2, attempts=1)


def test_nobody_at_the_address() -> None:
    gone = OpenAICompatibleClient(
        base_url="http://127.0.0.1:9/v1", model="tiny", attempts=2, sleep=waits.append
    )
    with pytest.raises(EndpointError, match="APIConnectionError"):
        gone.complete(HELLO)


def test_the_key_comes_from_the_named_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", "k-123")
    _, script = complete("ok", api_key_variable="TINY_KEY")
    assert script.keys == ["Bearer k-123"]
    monkeypatch.delenv("TINY_KEY")
    with pytest.raises(EndpointError, match="TINY_KEY is not set"):
        complete("ok", api_key_variable="TINY_KEY")


def test_the_double_says_that_it_is_one() -> None:
    double: ChatClient = ScriptedClient(lambda messages: messages[-1].content.upper())
    answer = double.complete(HELLO)
    assert (answer.text, answer.model) == ("HELLO THERE", NAME)
