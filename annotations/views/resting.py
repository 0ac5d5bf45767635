"""Caps and breaks on the pages of adjudicators: whoever reads cases is spared like any rater."""

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from annotations import members, sittings
from annotations.models import Membership
from annotations.views.doors import show
from annotations.views.sheets import is_htmx


def rest_first(request: HttpRequest, membership: Membership, *, active: str) -> HttpResponse | None:
    """The page that says so where a cap or a break is due; else None, and the clock starts."""
    sitting, now = sittings.current(members.rater_for(membership)), timezone.now()
    due = sittings.due(sitting, membership.project, now)
    if due is None or not due.stops:
        sittings.start_case(sitting, now=now)
        return None
    part = "#work" if is_htmx(request) else ""
    return show(request, membership, f"annotations/rest.html{part}", active=active, due=due)


def count_case(membership: Membership, *, is_done: bool, severity: int | None = None) -> None:
    """The time since the case came in sight counts; with the decision (`is_done`) so does the case."""
    sitting, now = sittings.current(members.rater_for(membership)), timezone.now()
    seconds = sittings.seconds_on_case(sitting, since=None, now=now)
    if is_done:
        sittings.note_answer(sitting, seconds=seconds, severity=severity, now=now)
    else:
        sittings.note_skip(sitting, seconds=seconds, now=now)
