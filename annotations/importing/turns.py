"""A conversation as files write it (OpenAI chat turns), into the turns that a case keeps (pure)."""

import json
from typing import Any

from annotations.tables.problems import shown

ROLES = ("system", "developer", "user", "assistant", "tool")
Turn = dict[str, str]


class TurnsError(ValueError):
    """The cell is no conversation; the text says what to mend."""


def parse_turns(cell: Any) -> list[Turn]:
    """The turns of a JSON list of {role, content}. Raises `TurnsError` saying what to mend."""
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError) as error:
            raise TurnsError(f"The conversation is not JSON: {error}") from error
    if not isinstance(cell, list) or not cell:
        raise TurnsError('Write the conversation as a JSON list of {"role": …, "content": …}.')
    return [_turn(turn, number) for number, turn in enumerate(cell, start=1)]


def _turn(turn: Any, number: int) -> Turn:
    if not isinstance(turn, dict):
        raise TurnsError(f'Turn {number} is no object: write {{"role": …, "content": …}}.')
    role = str(turn.get("role") or turn.get("from") or "")
    if role not in ROLES:
        raise TurnsError(f"Turn {number} has the role {shown(role)}: use {', '.join(ROLES)}.")
    content = turn.get("content")
    if content is None and turn.get("tool_calls"):
        content = json.dumps(turn["tool_calls"], ensure_ascii=False)
    return {"role": role, "content": _content(content, number)}


def _content(content: Any, number: int) -> str:
    """One text; the parts of a multi-part message one after another."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        if len(texts) == len(content) and all(isinstance(text, str) for text in texts):
            return "\n".join(str(text) for text in texts)
        raise TurnsError(f"Turn {number} holds something other than text, which can't be judged.")
    raise TurnsError(f"Turn {number} has no content.")


def split_response(turns: list[Turn], response: str) -> tuple[list[Turn], str]:
    """(conversation that ends with the prompt, response): a last assistant turn is the response."""
    if turns and turns[-1]["role"] == "assistant":
        last = turns[-1]["content"]
        if response and response != last:
            raise TurnsError(
                "The conversation ends with an assistant's turn and the response column says "
                "something else: leave one of them out."
            )
        return turns[:-1], last
    return turns, response
