"""Tells a second `./run`, or a load balancer, that this is Evalplatform, on which data, and well."""

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse

from evalplatform.startup.places import data_mark


def healthz(request: HttpRequest) -> JsonResponse:
    """{"app", "data"} once the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"app": "evalplatform", "data": data_mark(settings.VAR_DIR)})
