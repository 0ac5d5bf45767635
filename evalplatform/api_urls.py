"""All addresses of the API, and its schema."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from annotations.api.docs import Docs

urlpatterns = [
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", Docs.as_view(), name="api_docs"),
    path("", include("annotations.api.urls")),
    path("", include("campaigns.api.urls")),
]
