"""The tables of the annotations floor, one subject a file."""

from annotations.models.annotation import Annotation, Verdict
from annotations.models.assignment import Skip, Slot
from annotations.models.audit import AuditEvent
from annotations.models.case import Batch, Case, content_hash
from annotations.models.gold import Adjudication, Gold, Release, ReleaseItem
from annotations.models.job import Job
from annotations.models.people import Membership, Project, Rater
from annotations.models.rubric import Criterion, CriterionVersion, Rubric, RubricVersion

__all__ = [
    "Adjudication",
    "Annotation",
    "AuditEvent",
    "Batch",
    "Case",
    "Criterion",
    "CriterionVersion",
    "Gold",
    "Job",
    "Membership",
    "Project",
    "Rater",
    "Release",
    "ReleaseItem",
    "Rubric",
    "RubricVersion",
    "Skip",
    "Slot",
    "Verdict",
    "content_hash",
]
