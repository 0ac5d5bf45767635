"""The campaigns of a person, and the campaign page: the loop as a picture, and who moves next."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from annotations.models import Membership
from annotations.views.doors import member_page, show


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Every project that the person is a member of."""
    memberships = Membership.objects.filter(user=request.user).select_related("project")
    return render(request, "campaigns/home.html", {"memberships": memberships})


@member_page()
def project(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Where the campaign stands."""
    return show(request, membership, "campaigns/campaign.html", active="Campaign")
