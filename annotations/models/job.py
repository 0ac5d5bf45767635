"""Jobs: long work as a row that is leased, fenced by its attempt, and checkpointed."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotations.models.people import Project
from annotations.statuses import JobStatus, choices


class Job(models.Model):
    project = models.ForeignKey(Project, models.CASCADE, null=True, related_name="jobs")
    kind = models.CharField(max_length=40)
    arguments = models.JSONField(default=dict)
    status = models.CharField(max_length=16, choices=choices(JobStatus), default=JobStatus.QUEUED)
    attempt = models.PositiveIntegerField(default=0, help_text="The fence: one writer an attempt.")
    leased_until = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)
    checkpoint = models.JSONField(default=dict, blank=True)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=300, blank=True)
    error = models.TextField(blank=True)
    result = models.JSONField(default=dict, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # Asking twice for the same work while it waits or runs gives the same job.
            models.UniqueConstraint(
                fields=["kind", "arguments"],
                condition=Q(status__in=[JobStatus.QUEUED, JobStatus.RUNNING]),
                name="one_live_job_of_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in JobStatus]), name="job_status_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["leased_until"],
                name="job_live",
                condition=Q(status__in=[JobStatus.QUEUED, JobStatus.RUNNING]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk} ({self.status})"

    @property
    def is_live(self) -> bool:
        return self.status in (JobStatus.QUEUED, JobStatus.RUNNING)
