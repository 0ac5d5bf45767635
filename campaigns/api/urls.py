"""Addresses of the campaigns API, under /api/v1/."""

from django.urls import path

from campaigns.api import ensembles, hardening

P = "projects/<slug:slug>/"

urlpatterns = [
    path(f"{P}ensembles/", ensembles.Ensembles.as_view(), name="api_ensembles"),
    path(f"{P}ensembles/<int:number>/", ensembles.EnsembleDetail.as_view(), name="api_ensemble"),
    path(f"{P}hardening/", hardening.HardeningExport.as_view(), name="api_hardening"),
]
