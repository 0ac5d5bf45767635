"""Addresses of the campaigns pages."""

from django.urls import path

from campaigns.views import campaign

urlpatterns = [
    path("", campaign.home, name="home"),
    path("p/<slug:slug>/", campaign.project, name="project"),
]
