"""Domain errors as API answers: a code, a sentence, and the problems one by one."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler

from annotations.errors import BadInput, DomainError
from annotations.middleware import status_of


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's own errors as they are; ours as {"code", "detail", "problems"}."""
    if not isinstance(error, DomainError):
        return exception_handler(error, context)
    body: dict[str, Any] = {"code": error.code, "detail": str(error)}
    if isinstance(error, BadInput):
        body["problems"] = error.problems
    return Response(body, status=status_of(error))
