"""Where a case comes from, told by those who made it: a list that floors above add to at start-up."""

from collections.abc import Callable
from dataclasses import dataclass

from annotations.models import Case


@dataclass(frozen=True)
class OriginLine:
    """One sentence on how a case came to be, with a link to the case it was made from, if any."""

    text: str
    case_id: int | None = None
    link: str = ""


ORIGIN_SOURCES: list[Callable[[Case], list[OriginLine]]] = []


def origins_of(case: Case) -> list[OriginLine]:
    """Everything that is known of the case's making; who may read it is `visibility`'s."""
    return [line for source in ORIGIN_SOURCES for line in source(case)]
