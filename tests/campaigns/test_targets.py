"""Asking a target: an endpoint over real HTTP, and what is kept of the exchange."""

import pytest

from campaigns import launch, targets
from campaigns.chat.protocol import EndpointError
from campaigns.forms import TargetForm
from campaigns.models import Candidate, Target
from campaigns.statuses import TargetKind
from tests.openai_server import openai_server
from tests.world import World


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


def test_a_filtered_prompt_has_no_answer_to_judge_and_says_why() -> None:
    with openai_server("blocked") as script:
        target = Target(kind=TargetKind.OPENAI, base_url=script.base_url, model="tiny", name="tiny")
        client = targets.client_for(target)
        with pytest.raises(EndpointError, match=r"tiny gave no text \(refused\)"):
            targets.ask(target, Candidate(prompt="Hello"), client=client, seed=1)


@pytest.mark.parametrize("name", ["EVALPLATFORM_SECRET_KEY", "DATABASE_URL", "PATH", "my_api_key"])
def test_a_target_can_be_sent_no_other_secret_than_an_api_key(world: World, name: str) -> None:
    form = TargetForm({"kind": "openai", "base_url": "http://127.0.0.1/v1", "model": "tiny",
                       "api_key_variable": name},
                      campaign=launch.start_campaign(world.project, by=world.lead))  # fmt: skip
    assert "_API_KEY" in str(form.errors["api_key_variable"])


def test_the_sandbox_needs_no_client() -> None:
    assert targets.client_for(Target(kind=TargetKind.SANDBOX)) is None
