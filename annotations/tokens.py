"""API tokens: made once, shown once, kept only as a hash, revoked by their owner."""

from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone
from knox.models import AuthToken

from annotations import audit
from annotations.errors import BadInput, NotFound

# What a person chooses from; none: until it is revoked.
EXPIRIES: dict[str, tuple[str, timedelta | None]] = {
    "1": ("1 day", timedelta(days=1)),
    "7": ("1 week", timedelta(days=7)),
    "30": ("30 days", timedelta(days=30)),
    "90": ("90 days", timedelta(days=90)),
    "365": ("1 year", timedelta(days=365)),
    "never": ("never", None),
}
MAX_TOKENS = 20


def tokens_of(user: User) -> QuerySet[AuthToken]:
    """The person's tokens that still open something, the newest first."""
    valid = Q(expiry__isnull=True) | Q(expiry__gt=timezone.now())
    return AuthToken.objects.filter(valid, user=user).order_by("-created")


def make(user: User, *, expiry: str) -> tuple[AuthToken, str]:
    """A token and its secret, which can't be shown a second time."""
    if expiry not in EXPIRIES:
        raise BadInput(f"Choose when the token expires: {', '.join(EXPIRIES)} (days).")
    if tokens_of(user).count() >= MAX_TOKENS:
        raise BadInput(f"You have {MAX_TOKENS} tokens already: revoke one that you don't use.")
    token, secret = AuthToken.objects.create(user, expiry=EXPIRIES[expiry][1])
    audit.record("made API token", token.token_key, project=None, by=user, expiry=expiry)
    return token, secret


def revoke(user: User, *, key: str) -> None:
    """End a token of one's own, at once."""
    deleted, _ = AuthToken.objects.filter(user=user, token_key=key).delete()
    if not deleted:
        raise NotFound("You have no such token: it has expired or was revoked already.")
    audit.record("revoked API token", key, project=None, by=user)
