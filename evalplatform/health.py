"""Tells a second `./run`, or a load balancer, that this is Evalplatform, on which data, and well."""

import hashlib

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse


def healthz(request: HttpRequest) -> JsonResponse:
    """{"app", "data", "version"} once the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    data = hashlib.sha256(str(settings.VAR_DIR).encode()).hexdigest()[:16]
    return JsonResponse({"app": "evalplatform", "data": data})
