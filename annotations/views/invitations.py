"""The page that an invitation link opens: join, after signing in or making an account."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import UserCreationForm
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotations import invitations
from annotations.models import Invitation, Membership

# A link can't be used to try account names: after so many refused forms it rests for an hour.
MOST_REFUSED, REST = 30, 3600


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Who invites to what; a POST joins. A link that opens nothing is a 404 that says what to do."""
    if isinstance(request.user, User):
        member = invitations.already_in(request.user, secret)
        if member is not None:
            return _page(request, secret, member=member, link=None)
        link = invitations.find(secret)
        if request.method == "POST":
            return _welcome(invitations.join(request.user, secret))
        return _page(request, secret, link=link)
    link = invitations.find(secret)
    if request.method == "POST":
        return _sign_up(request, secret, link)
    return _page(request, secret, link=link, form=_form())


def _sign_up(request: HttpRequest, secret: str, link: Invitation) -> HttpResponse:
    """A new account, signed in and joined in one go."""
    refused = f"invitation-refused:{link.pk}"
    if cache.get(refused, 0) >= MOST_REFUSED:
        return _page(request, secret, link=link, form=_form(), rests=True, status=429)
    form = _form(request.POST)
    if not form.is_valid():
        cache.add(refused, 0, REST)
        cache.incr(refused)
        return _page(request, secret, link=link, form=form, status=422)
    member = invitations.sign_up(
        secret, username=form.cleaned_data["username"], password=form.cleaned_data["password1"]
    )
    login(request, member.user, backend=settings.AUTHENTICATION_BACKENDS[-1])
    return _welcome(member)


def _form(data: Any = None) -> UserCreationForm:
    """Django's own form: its validators check the name and the password."""
    form: UserCreationForm[User] = UserCreationForm(data)
    form.fields["username"].help_text = "What you sign in with. Raters never see it of each other."
    form.fields["password1"].help_text = "At least 8 characters, and no common password."
    form.fields["password2"].help_text = ""
    return form


def _welcome(member: Membership) -> HttpResponse:
    return redirect("project", member.project.slug)


def _page(
    request: HttpRequest, secret: str, *, link: Invitation | None, status: int = 200, **more: Any
) -> HttpResponse:
    context = {"link": link, "secret": secret, **more}
    return render(request, "annotations/invitation.html", context, status=status)
