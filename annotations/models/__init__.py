"""The tables of the annotations floor, one subject a file."""

from annotations.models.annotation import Annotation, Verdict
from annotations.models.assignment import Check, Skip, Slot
from annotations.models.audit import AuditEvent
from annotations.models.case import Batch, Case, content_hash
from annotations.models.gate import GateLook, GateMark, GateSignature
from annotations.models.gold import (
    Adjudication,
    Gold,
    Mark,
    Opinion,
    Post,
    Release,
    ReleaseItem,
    TalkVote,
)
from annotations.models.job import Job
from annotations.models.people import (
    CheckIn,
    Invitation,
    Membership,
    Project,
    Rater,
    Sitting,
)
from annotations.models.routing import RaterSkill, RoutingModel
from annotations.models.rubric import Criterion, CriterionVersion, Rubric, RubricVersion
from annotations.models.watching import DriftAlarm, Suspension

__all__ = [
    "Adjudication",
    "Annotation",
    "AuditEvent",
    "Batch",
    "Case",
    "Check",
    "CheckIn",
    "Criterion",
    "CriterionVersion",
    "DriftAlarm",
    "GateLook",
    "GateMark",
    "GateSignature",
    "Gold",
    "Invitation",
    "Job",
    "Mark",
    "Membership",
    "Opinion",
    "Post",
    "Project",
    "Rater",
    "RaterSkill",
    "Release",
    "ReleaseItem",
    "RoutingModel",
    "Rubric",
    "RubricVersion",
    "Sitting",
    "Skip",
    "Slot",
    "Suspension",
    "TalkVote",
    "Verdict",
    "content_hash",
]
