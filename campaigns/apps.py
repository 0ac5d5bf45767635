"""The campaigns app: the hunt. It hands cases to annotations and reads labels and gold back."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = "Campaigns"
