"""The person's own API tokens: make, see once, revoke."""

from typing import cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotations import tokens
from annotations.errors import BadInput


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def tokens_page(request: HttpRequest) -> HttpResponse:
    """The tokens; a POST makes one and shows its secret in the answer, and never again."""
    user, secret, error = cast(User, request.user), "", ""
    if request.method == "POST":
        try:
            _, secret = tokens.make(user, expiry=request.POST.get("expiry", ""))
        except BadInput as refusal:
            error = str(refusal)
    context = {
        "tokens": tokens.tokens_of(user),
        "secret": secret,
        "error": error,
        "expiries": [(days, name) for days, (name, _) in tokens.EXPIRIES.items()],
        "default": "30",
        "host": request.get_host(),
        "scheme": request.scheme,
    }
    status = 422 if error else 201 if secret else 200
    return render(request, "annotations/tokens.html", context, status=status)


@login_required
@require_POST
def revoke(request: HttpRequest, key: str) -> HttpResponse:
    """End one of the person's own tokens."""
    tokens.revoke(cast(User, request.user), key=key)
    messages.success(request, f"The token {key}… opens nothing any more.")
    return redirect("tokens")
