"""What every page may show about this install (a context processor)."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest

# Filled by apps at start-up: each gives a sentence on what this install lacks, or None.
INSTALL_NOTES: list[Callable[[], str | None]] = []


def install(request: HttpRequest) -> dict[str, Any]:
    """`install_notes`: what this install lacks; `is_demo`: whether sign-ins may be shown; the version."""
    notes = [note for note in (source() for source in INSTALL_NOTES) if note]
    return {
        "install_notes": notes,
        "is_demo": settings.DEMO,
        "product_version": settings.VERSION,
        "source_url": settings.SOURCE_URL,
    }
