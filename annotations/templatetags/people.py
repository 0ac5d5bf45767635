"""How pages call people: by pseudonym, never by account."""

from collections.abc import Mapping

from django import template

from annotations.members import FORMER

register = template.Library()


@register.filter
def called(names: Mapping[int, str], account: int | None) -> str:
    """The pseudonym of an account among `names` (`members.names_in`)."""
    return "the system" if account is None else names.get(account, FORMER)
