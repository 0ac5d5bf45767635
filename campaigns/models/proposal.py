"""Proposals: suggested rubric changes with their evidence, and what the lead decided."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from annotations.models import Criterion, RubricVersion
from annotations.statuses import choices
from campaigns.models.campaign import Campaign
from campaigns.models.round import Round
from campaigns.statuses import ProposalStatus


class Proposal(models.Model):
    """A pattern in the evidence. Made by counting, not by a language model; nothing is invented."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="proposals")
    round = models.ForeignKey(Round, models.CASCADE, related_name="proposals")
    criterion = models.ForeignKey(Criterion, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=24)
    title = models.CharField(max_length=300)
    case_ids = models.JSONField(default=list, help_text="Primary keys of the cited cases.")
    roles = models.JSONField(default=list, help_text="Beside case_ids: why each case is cited.")
    terms = models.JSONField(default=list)
    numbers = models.JSONField(default=dict)
    diff = models.JSONField(default=list)
    p_value = models.FloatField(null=True, blank=True)
    q_value = models.FloatField(null=True, blank=True)
    tested = models.PositiveIntegerField(help_text="Patterns tested in the same refresh.")
    engine = models.CharField(max_length=40)
    evidence_hash = models.CharField(max_length=64)
    status = models.CharField(
        max_length=16, choices=choices(ProposalStatus), default=ProposalStatus.OPEN
    )
    text = models.TextField(blank=True, help_text="What the lead wrote into the rubric.")
    reason = models.TextField(blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    became = models.ForeignKey(
        RubricVersion, models.PROTECT, null=True, blank=True, related_name="proposals",
        help_text="The draft that took it up.",
    )  # fmt: skip
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # By its cases, not by its title: two near pairs may well have the same numbers.
            models.UniqueConstraint(
                fields=["round", "criterion", "kind", "case_ids"], name="proposal_once_a_round"
            ),
            models.CheckConstraint(
                condition=Q(status=ProposalStatus.OPEN, decided_by__isnull=True)
                | (~Q(status=ProposalStatus.OPEN) & Q(decided_by__isnull=False)),
                name="proposals_are_decided_by_people",
            ),
            models.CheckConstraint(
                condition=~Q(status=ProposalStatus.REJECTED) | ~Q(reason=""),
                name="rejections_have_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.title
