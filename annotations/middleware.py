"""Domain errors become HTTP answers here, in one place, for pages and htmx fragments."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from annotations.errors import BadInput, Conflict, DomainError, NotAllowed, NotFound, NothingToDo

STATUS: dict[type[DomainError], int] = {
    NotAllowed: 403,
    NotFound: 404,
    Conflict: 409,
    BadInput: 422,
    NothingToDo: 404,
}


def status_of(error: DomainError) -> int:
    """The HTTP status that says what kind of refusal this is."""
    return next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)


class DomainErrorMiddleware:
    """Renders a `DomainError` that a view did not handle as a page that says what to do."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError):
            return None
        status = status_of(error)
        context = {"error": error, "status": status}
        return render(request, "errors/domain.html", context, status=status)
