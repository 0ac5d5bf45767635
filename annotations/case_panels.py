"""What floors above have to say of a case, beside its text: a list that they add to at start-up.

A panel is an address that is fetched when the page shows it, so that the page waits for nothing.
Whoever adds one tells only members who may see it, and the address checks that again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from annotations.models import Case, Membership


@dataclass(frozen=True)
class Panel:
    """A title, and where its content is."""

    title: str
    href: str


PANELS: list[Callable[[Case, Membership], Panel | None]] = []


def panels_on(case: Case, membership: Membership) -> list[Panel]:
    """The panels that this member may open on the case now."""
    found = (source(case, membership) for source in PANELS)
    return [panel for panel in found if panel is not None]
