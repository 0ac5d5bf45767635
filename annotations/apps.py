"""The annotations app: what was judged, by whom, how well."""

from django.apps import AppConfig


class AnnotationsConfig(AppConfig):
    name = "annotations"
    verbose_name = "Annotations"

    def ready(self) -> None:
        """Make this floor's jobs and pages known."""
        # Imported here because models can't be imported before the app registry is ready.
        from annotations import registration  # noqa: PLC0415

        registration.register()
