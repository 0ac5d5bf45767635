"""The client against a real HTTP server: answers, retries with a bound, and errors that say what to do."""

import traceback

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


def complete(*behaviors: str | bytes, **settings: object) -> tuple[Completion, Script]:
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


def test_what_a_filter_or_the_refusal_field_stopped_is_refused() -> None:
    blocked, script = complete("blocked")
    assert (blocked.status, blocked.text) == (CompletionStatus.REFUSED, "")
    assert len(script.requests) == 1
    refused, _ = complete("refused")
    assert (refused.status, refused.text) == (CompletionStatus.REFUSED, "I would rather not.")


@pytest.mark.parametrize(
    ("asked", "shortest", "longest"),
    [
        ("0", 0, 0),
        ("99999", 30, 30),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 30, 30),
        # None of these asks for a time to come: the first wait is half a second, give or take half.
        ("Fri, 01 Jan 2010 00:00:00 GMT", 0.25, 0.75),
        ("-5", 0.25, 0.75),
        ("nan", 0.25, 0.75),
        ("\xb2", 0.25, 0.75),
        ("soon", 0.25, 0.75),
    ],
)
def test_a_wait_asked_for_is_kept_and_bounded(asked: str, shortest: float, longest: float) -> None:
    with openai_server("rate_limited", "ok") as script:
        script.retry_after = asked
        client(script).complete(HELLO)
    assert shortest <= waits[0] <= longest


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


@pytest.mark.parametrize("behavior", ["unauthorized", "broken"])
def test_no_traceback_shows_the_key(monkeypatch: pytest.MonkeyPatch, behavior: str) -> None:
    monkeypatch.setenv("TINY_KEY", "k-123")
    with pytest.raises(EndpointError) as failure:
        complete(behavior, api_key_variable="TINY_KEY", attempts=1)
    assert "k-123" not in "".join(traceback.format_exception(failure.value))


@pytest.mark.parametrize("key", ["k-123\nX", "k-123é"])
def test_a_key_that_no_header_can_hold_is_named_but_not_shown(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("TINY_KEY", key)
    with pytest.raises(EndpointError, match="TINY_KEY holds characters") as failure:
        complete("ok", api_key_variable="TINY_KEY")
    assert "k-123" not in "".join(traceback.format_exception(failure.value))


def test_a_line_end_after_the_key_is_not_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINY_KEY", "k-123\r\n")
    assert complete("ok", api_key_variable="TINY_KEY")[1].keys == ["Bearer k-123"]


def test_an_endpoint_without_a_key_never_gets_one_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k-123")
    assert complete("ok")[1].keys == ["Bearer no-key"]


def test_an_endpoint_is_not_told_the_organization_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-ours")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-ours")
    sent = complete("ok")[1].headers[0]
    assert sent["authorization"] == "Bearer no-key"
    assert not any("of-ours" in value for value in sent.values())


def test_the_client_is_made_at_the_first_call() -> None:
    with openai_server("ok") as script:
        lazy = client(script)
        assert "_client" not in vars(lazy)
        lazy.complete(HELLO)
        assert "_client" in vars(lazy)


def test_the_double_says_that_it_is_one() -> None:
    double: ChatClient = ScriptedClient(lambda messages: messages[-1].content.upper())
    answer = double.complete(HELLO)
    assert (answer.text, answer.model) == ("HELLO THERE", NAME)
