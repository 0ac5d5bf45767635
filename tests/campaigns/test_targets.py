"""Asking a target: an endpoint over real HTTP, and what is kept of the exchange."""

from campaigns import targets
from campaigns.models import Candidate, Target
from campaigns.statuses import TargetKind
from tests.openai_server import openai_server


def test_an_endpoint_gets_the_system_prompt_the_context_and_the_prompt() -> None:
    candidate = Candidate(prompt="What is a kettle?", context="A shop's help desk.")
    with openai_server("ok") as script:
        target = Target(
            kind=TargetKind.OPENAI, base_url=script.base_url, model="tiny", system_prompt="Be kind."
        )
        client = targets.client_for(target)
        answer = targets.ask(target, candidate, client=client, seed=11)
    sent = script.requests[0]
    assert [(m["role"], m["content"]) for m in sent["messages"]] == [
        ("system", "Be kind."),
        ("system", "A shop's help desk."),
        ("user", "What is a kettle?"),
    ]
    assert (sent["model"], sent["seed"], sent["temperature"]) == ("tiny", 11, 0.0)
    assert answer.text == "You said: What is a kettle?"
    assert (answer.exchange["model"], answer.exchange["status"]) == ("tiny", "ok")


def test_a_filtered_prompt_is_kept_as_a_refusal_not_as_a_failure() -> None:
    with openai_server("blocked") as script:
        target = Target(kind=TargetKind.OPENAI, base_url=script.base_url, model="tiny")
        client = targets.client_for(target)
        answer = targets.ask(target, Candidate(prompt="Hello"), client=client, seed=1)
    assert (answer.text, answer.exchange["status"]) == ("", "refused")


def test_the_sandbox_needs_no_client() -> None:
    assert targets.client_for(Target(kind=TargetKind.SANDBOX)) is None
