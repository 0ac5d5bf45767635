"""Addresses of the annotations pages."""

from django.urls import URLPattern, URLResolver, path

from annotations.views import importing

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<slug:slug>/import/", importing.upload, name="import"),
    path("p/<slug:slug>/import/jobs/<int:pk>/", importing.job, name="import_job"),
    path("p/<slug:slug>/import/<str:sha256>/", importing.preview, name="import_preview"),
]
