"""All addresses of the product."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("evalplatform.api_urls")),
    path("", include("campaigns.urls")),
    path("", include("annotations.urls")),
]
