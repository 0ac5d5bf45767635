"""Where Evalplatform is put together: settings, URLs, the Celery app, the start-up command."""

from evalplatform.celery import app as celery_app

__version__ = "0.3.0"
__all__ = ["__version__", "celery_app"]
