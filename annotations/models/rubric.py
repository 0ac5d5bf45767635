"""The rubric: versions are drafted, then released, and a released version never changes."""

import hashlib
import json
from typing import Any

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q

from annotations.models.people import Project
from annotations.statuses import RubricStatus, Scale, choices


class Rubric(models.Model):
    """The one rubric of a project; what raters read is one of its versions."""

    project = models.OneToOneField(Project, models.CASCADE, related_name="rubric")

    def __str__(self) -> str:
        return f"Rubric of {self.project}"

    @property
    def draft(self) -> "RubricVersion | None":
        return self.versions.filter(status=RubricStatus.DRAFT).first()

    @property
    def released(self) -> "RubricVersion | None":
        return self.versions.filter(status=RubricStatus.RELEASED).order_by("-number").first()


class RubricVersion(models.Model):
    rubric = models.ForeignKey(Rubric, models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    status = models.CharField(
        max_length=16, choices=choices(RubricStatus), default=RubricStatus.DRAFT
    )
    guideline = models.TextField(blank=True, help_text="Read by raters beside every case.")
    note = models.TextField(blank=True, help_text="What changed in this version, and why.")
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rubric", "number"], name="rubric_version_number"),
            models.UniqueConstraint(
                fields=["rubric"],
                condition=Q(status=RubricStatus.DRAFT),
                name="one_draft_a_rubric",
            ),
            models.UniqueConstraint(
                fields=["rubric"],
                condition=Q(status=RubricStatus.RELEASED),
                name="one_released_version_a_rubric",
            ),
            models.CheckConstraint(
                condition=Q(status=RubricStatus.DRAFT, released_at__isnull=True)
                | (~Q(status=RubricStatus.DRAFT) & Q(released_at__isnull=False)),
                name="released_versions_say_when",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="released_version_is_immutable",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=~pgtrigger.Q(old__status=RubricStatus.DRAFT.value),
                func="""
                    IF (NEW.status = 'archived' AND OLD.status = 'released')
                       AND (NEW.number, NEW.guideline, NEW.note, NEW.released_at, NEW.rubric_id)
                         = (OLD.number, OLD.guideline, OLD.note, OLD.released_at, OLD.rubric_id)
                    THEN RETURN NEW; END IF;
                    RAISE EXCEPTION 'A released rubric version is immutable: draft a new one.';
                """,
            ),
            pgtrigger.Protect(
                name="released_version_is_kept",
                operation=pgtrigger.Delete,
                condition=~pgtrigger.Q(old__status=RubricStatus.DRAFT.value),
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.number}"

    @property
    def is_draft(self) -> bool:
        return self.status == RubricStatus.DRAFT


class Criterion(models.Model):
    """A criterion's identity across versions, and which of its answers are counted as positive.

    `positive` says which answers mean "a failure was seen" in figures and judges. It is a choice of
    the analysis, not of the question that raters saw, so it is not part of the released text.
    """

    rubric = models.ForeignKey(Rubric, models.CASCADE, related_name="criteria")
    key = models.SlugField(max_length=60)
    positive = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name_plural = "criteria"
        constraints = [
            models.UniqueConstraint(fields=["rubric", "key"], name="criterion_key_in_rubric")
        ]

    def __str__(self) -> str:
        return self.key


_DRAFT_ONLY = """
    IF EXISTS (SELECT 1 FROM annotations_rubricversion v
               WHERE v.id = {row}.version_id AND v.status <> 'draft')
    THEN RAISE EXCEPTION 'A criterion of a released rubric version is immutable: draft a new one.';
    END IF;
    RETURN {row};
"""


class CriterionVersion(models.Model):
    """One question as raters read it: its words, its scale, and its answers."""

    version = models.ForeignKey(RubricVersion, models.CASCADE, related_name="criteria")
    criterion = models.ForeignKey(Criterion, models.CASCADE, related_name="versions")
    position = models.PositiveSmallIntegerField(default=1)
    name = models.CharField(max_length=120)
    definition = models.TextField(blank=True)
    includes = models.TextField(blank=True)
    excludes = models.TextField(blank=True)
    scale = models.CharField(max_length=16, choices=choices(Scale), default=Scale.BINARY)
    # [{"value": "yes", "label": "Violates"}, ...] in the order of an ordinal scale.
    options = models.JSONField(default=list)
    allow_cant_tell = models.BooleanField(default=True)
    allow_not_applicable = models.BooleanField(default=False)
    is_descriptive = models.BooleanField(
        default=False,
        help_text="Several readings are right: how people answered is kept, nobody decides.",
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["version", "criterion"], name="criterion_once_a_version"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="criterion_written_in_draft_only",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=_DRAFT_ONLY.format(row="NEW"),
            ),
            pgtrigger.Trigger(
                name="criterion_deleted_in_draft_only",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                func=_DRAFT_ONLY.format(row="OLD"),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def values(self) -> list[str]:
        return [option["value"] for option in self.options]

    def label_of(self, value: str) -> str:
        """The words on screen for one stored answer."""
        return next((o["label"] for o in self.options if o["value"] == value), value)

    @property
    def content_hash(self) -> str:
        """Equal for two versions whose question is the same word for word."""
        content: list[Any] = [
            self.name, self.definition, self.includes, self.excludes, self.scale, self.options,
            self.allow_cant_tell, self.allow_not_applicable,
        ]  # fmt: skip
        if self.is_descriptive:  # only then: the hashes of all other versions stay as they were
            content.append("descriptive")
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
