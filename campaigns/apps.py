"""The campaigns app: the hunt. It hands cases to annotations and reads labels and gold back."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = "Campaigns"

    def ready(self) -> None:
        """Tell the floor below what it may call without knowing us: jobs, sweeps, notes, pages."""
        # Imported here because models can't be imported before the app registry is ready.
        from campaigns import registration  # noqa: PLC0415

        registration.register()
