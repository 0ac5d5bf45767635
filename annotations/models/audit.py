"""The audit trail: who did what to what, and when. Append-only."""

import pgtrigger
from django.conf import settings
from django.db import models

from annotations.models.people import Project


class AuditEvent(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, null=True, related_name="audit")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+",
        help_text="Empty: the system itself.",
    )  # fmt: skip
    verb = models.CharField(max_length=60)
    subject = models.CharField(max_length=160)
    data = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["project", "-at"], name="audit_by_project")]
        triggers = [
            pgtrigger.Protect(
                name="the_trail_is_kept", operation=pgtrigger.Update | pgtrigger.Delete
            )
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"
