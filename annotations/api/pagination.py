"""Pages of the API: by cursor, so that a page stays right while rows are added."""

from rest_framework.pagination import CursorPagination


class CasePagination(CursorPagination):
    page_size = 100
    max_page_size = 1000
    page_size_query_param = "page_size"
    ordering: str | tuple[str, ...] = "id"
