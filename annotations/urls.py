"""Addresses of the annotations pages."""

from django.urls import URLPattern, URLResolver, path

from annotations.views import adjudication, cases, importing, labelling

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<slug:slug>/label/", labelling.label, name="label"),
    path("p/<slug:slug>/label/<int:pk>/", labelling.submit, name="label_submit"),
    path("p/<slug:slug>/label/<int:pk>/draft/", labelling.draft, name="label_draft"),
    path("p/<slug:slug>/label/<int:pk>/heartbeat/", labelling.heartbeat, name="label_heartbeat"),
    path("p/<slug:slug>/label/<int:pk>/skip/", labelling.skip, name="label_skip"),
    path("p/<slug:slug>/label/sheets/<int:pk>/", labelling.reveal, name="label_reveal"),
    path("p/<slug:slug>/adjudicate/", adjudication.waiting, name="adjudicate"),
    path("p/<slug:slug>/adjudicate/<int:pk>/", adjudication.case, name="adjudicate_case"),
    path("p/<slug:slug>/cases/<int:pk>/", cases.case, name="case"),
    path("p/<slug:slug>/import/", importing.upload, name="import"),
    path("p/<slug:slug>/import/jobs/<int:pk>/", importing.job, name="import_job"),
    path("p/<slug:slug>/import/<str:sha256>/", importing.preview, name="import_preview"),
]
