"""Cases: one thing to judge each, in batches as they came, in families of one seed's variants."""

import hashlib
import json
from typing import Any

from django.db import models
from django.db.models import Q

from annotations.models.people import Project
from annotations.statuses import CaseStatus, choices


class Batch(models.Model):
    """Cases that came together: one imported file, or one round's candidates."""

    project = models.ForeignKey(Project, models.CASCADE, related_name="batches")
    name = models.CharField(max_length=160)
    source = models.CharField(max_length=200, help_text="The file's name and hash, or the round.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "batches"
        constraints = [
            models.UniqueConstraint(fields=["project", "source"], name="batch_once_a_source")
        ]

    def __str__(self) -> str:
        return self.name


class Case(models.Model):
    """One thing to judge: context, conversation, response. Hostile text: never HTML.

    `conversation` is a list of {"role", "content"} that ends with the prompt; `response` is what is
    judged. `strata` are the named groups that figures are broken down by (target, category, ...).
    """

    project = models.ForeignKey(Project, models.CASCADE, related_name="cases")
    batch = models.ForeignKey(Batch, models.CASCADE, related_name="cases")
    external_id = models.CharField(max_length=200)
    family = models.CharField(max_length=200)
    context = models.TextField(blank=True)
    conversation = models.JSONField(default=list)
    response = models.TextField(blank=True)
    strata = models.JSONField(default=dict)
    content_hash = models.CharField(max_length=64)
    status = models.CharField(max_length=16, choices=choices(CaseStatus), default=CaseStatus.NEW)
    overlap = models.PositiveSmallIntegerField(default=2, help_text="No more slots than this.")
    is_audit = models.BooleanField(
        default=False, help_text="In the random audit slice: three blind raters, whatever happens."
    )
    audit_probability = models.FloatField(
        null=True, blank=True,
        help_text="With which probability the case was drawn into the audit slice, over all draws "
        "that it was up for, drawn or not. Empty: it was up for none.",
    )  # fmt: skip
    cluster = models.CharField(
        max_length=80, blank=True, help_text="Near neighbours share it; its first case comes early."
    )
    is_simulated = models.BooleanField(
        default=False, help_text="The response came from a simulator, not from a model."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "external_id"], name="case_id_in_project"),
            models.CheckConstraint(
                condition=Q(overlap__gte=1, overlap__lte=20), name="case_overlap_1_to_20"
            ),
            models.CheckConstraint(
                condition=Q(status__in=[s.value for s in CaseStatus]), name="case_status_known"
            ),
            models.CheckConstraint(
                condition=Q(audit_probability__isnull=True)
                | Q(audit_probability__gte=0, audit_probability__lte=1),
                name="audit_probability_is_a_probability",
            ),
            models.CheckConstraint(
                condition=Q(is_audit=False)
                | Q(audit_probability__isnull=False, audit_probability__gt=0),
                name="audited_cases_could_be_drawn",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "status"], name="case_by_status"),
            models.Index(fields=["project", "content_hash"], name="case_by_hash"),
            models.Index(fields=["project", "family"], name="case_by_family"),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def prompt(self) -> str:
        """The last thing that was said to the target; empty for cases without texts."""
        return self.conversation[-1]["content"] if self.conversation else ""

    @property
    def category(self) -> str:
        """The harm category, which raters may opt out of: the stratum of that name."""
        return str(self.strata.get("category") or "")[:80]

    @property
    def notice(self) -> str:
        """The content notice behind which the text is collapsed: the stratum of that name."""
        return str(self.strata.get("content_notice") or "")

    @property
    def has_text(self) -> bool:
        return bool(self.conversation or self.response or self.context)


def content_hash(context: str, conversation: list[dict[str, Any]], response: str) -> str:
    """sha256 over what is judged, so that the same content is recognised under another id."""
    canonical = json.dumps([context, conversation, response], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
