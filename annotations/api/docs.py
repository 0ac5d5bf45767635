"""The API's description for people, under the site's own content security policy."""

from drf_spectacular.views import SpectacularSwaggerSplitView


class Docs(SpectacularSwaggerSplitView):
    """Swagger UI from this server; its start-up script is an address of its own, not inline."""

    url_name = "schema"
    template_name = "annotations/api_docs.html"
