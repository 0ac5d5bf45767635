"""The states of rounds and cases as a Mermaid diagram, made from the status tables (pure)."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from annotations.statuses import CASE_NEXT, CASE_OWNER, Owner
from campaigns.statuses import NEXT, OWNER

State = TypeVar("State", bound=StrEnum)
BLOCK = re.compile(r"(<!-- states:begin -->\n).*?(<!-- states:end -->)", re.DOTALL)


def diagram(
    title: str, moves: Mapping[State, frozenset[State]], owners: Mapping[State, Owner]
) -> str:
    """One state machine; each state says who owns the next move."""
    lines = [f"**{title}**", "", "```mermaid", "stateDiagram-v2"]
    lines += [f"    {state}: {state} ({owners[state]})" for state in moves]
    for state, following in moves.items():
        lines += [f"    {state} --> {other}" for other in sorted(following)]
    return "\n".join([*lines, "```", ""])


def with_diagram(text: str) -> str:
    """The page with what stands between the two markers made anew."""
    made = f"{diagram('A round', NEXT, OWNER)}\n{diagram('A case', CASE_NEXT, CASE_OWNER)}"
    return BLOCK.sub(lambda found: f"{found[1]}\n{made}\n{found[2]}", text)
