"""The shape of a row: messages for supervised fine-tuning, or prompt, chosen and rejected.

Shapes: the conversational forms that TRL's SFT and DPO trainers read ("messages"; "prompt", "chosen",
"rejected"), each with "metadata", whose keys and types are the same in every row so that table readers
take the file.
"""

from collections.abc import Mapping, Sequence
from typing import Any

SFT, PREFERENCE = "sft", "preference"
FORMATS: Mapping[str, str] = {
    SFT: "messages, for supervised fine-tuning",
    PREFERENCE: "prompt, chosen and rejected, for preference training (DPO)",
}
FORMAT = "evalplatform-hardening/1"
SYSTEM, USER, ASSISTANT = "system", "user", "assistant"
HARDENING, BENIGN = "hardening", "benign"
NOT_ADJUDICATED = "standard refusal, not adjudicated"

Message = dict[str, str]


class Unusable(ValueError):
    """Why a conversation can be no prompt of a training file."""


def prompt_messages(
    system: str, context: str, conversation: Sequence[Mapping[str, Any]]
) -> list[Message]:
    """What the target was told and asked: one system message at most, and the user's turn last.

    The target's system prompt, the case's context and opening turns of a system or developer are
    one message, since most chat templates take no more. Raises `Unusable`.
    """
    told = [system, context]
    turns: list[Message] = []
    for turn in conversation:
        role, content = str(turn.get("role", "")), str(turn.get("content", ""))
        if role in (SYSTEM, "developer") and not turns:
            told.append(content)
        elif role not in (USER, ASSISTANT):
            raise Unusable("a turn that is neither the user's nor the assistant's")
        elif not content.strip():
            raise Unusable("an empty turn")
        else:
            turns.append({"role": role, "content": content})
    if not turns:
        raise Unusable("no prompt")
    if turns[-1]["role"] != USER:
        raise Unusable("a conversation that does not end with the user's turn")
    head = "\n\n".join(part for part in told if part.strip())
    return [{"role": SYSTEM, "content": head}, *turns] if head else turns


def sft_row(prompt: Sequence[Message], answer: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """The conversation with the answer that is to be learnt."""
    return {"messages": [*prompt, _said(answer)], "metadata": metadata}


def preference_row(
    prompt: Sequence[Message], chosen: str, rejected: str, metadata: dict[str, Any]
) -> dict[str, Any]:
    """Two answers to one prompt: the safe one and the failure."""
    return {
        "prompt": list(prompt),
        "chosen": [_said(chosen)],
        "rejected": [_said(rejected)],
        "metadata": metadata,
    }


def _said(answer: str) -> Message:
    return {"role": ASSISTANT, "content": answer}
