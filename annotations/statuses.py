"""The states of everything on this floor, as data: which may follow which, and who owns each (pure)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar


class Role(StrEnum):
    """What a member may do in one project; each person has one role a project."""

    OWNER = "owner"
    LEAD = "lead"
    ADJUDICATOR = "adjudicator"
    ANNOTATOR = "annotator"
    VIEWER = "viewer"


class Owner(StrEnum):
    """Who makes the next move."""

    SYSTEM = "system"
    LEAD = "lead"
    ANNOTATORS = "annotators"
    ADJUDICATOR = "adjudicator"
    NOBODY = "nobody"


class RaterKind(StrEnum):
    PERSON = "person"  # a signed-in member
    IMPORTED = "imported"  # a person whose labels came with a file
    SIMULATED = "simulated"  # no person at all: marked so everywhere
    JUDGE = "judge"  # an automatic rater at one exact revision


class Scale(StrEnum):
    BINARY = "binary"
    NOMINAL = "nominal"
    ORDINAL = "ordinal"


class RubricStatus(StrEnum):
    DRAFT = "draft"
    RELEASED = "released"
    ARCHIVED = "archived"


class CaseStatus(StrEnum):
    NEW = "new"  # no slots yet
    LABELLING = "labelling"
    ADJUDICATION = "adjudication"
    SETTLED = "settled"


class SlotStatus(StrEnum):
    OPEN = "open"
    LEASED = "leased"
    DONE = "done"


class AnnotationStatus(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"


class Arm(StrEnum):
    """What AI help was shown before the answer."""

    BLIND = "blind"
    REVEAL = "reveal"  # blind first; the answer is locked, then the AI's is shown
    EVIDENCE = "evidence"
    SHOWN = "shown"


# Labels of these arms count for agreement, calibration and gold: the first answer was blind.
BLIND_ARMS = frozenset({Arm.BLIND, Arm.REVEAL})


class VerdictStatus(StrEnum):
    """Six different answers: none of the last five is ever read as "does not violate"."""

    ANSWERED = "answered"
    CANT_TELL = "cant_tell"
    NOT_APPLICABLE = "not_applicable"
    INVALID = "invalid"  # a judge answered in words that are no answer
    REFUSED_TO_JUDGE = "refused_to_judge"
    ERROR = "error"


class Cause(StrEnum):
    """Why raters disagreed, in the adjudicator's judgement."""

    SLIP = "slip"
    GUIDELINE_GAP = "guideline_gap"
    MISSING_CONTEXT = "missing_context"
    AMBIGUOUS_CASE = "ambiguous_case"
    VALUE_DIFFERENCE = "value_difference"
    AI_ARTEFACT = "ai_artefact"
    NOT_RECORDED = "not_recorded"  # imported decisions only


class Provenance(StrEnum):
    """How a gold answer was settled."""

    UNANIMOUS = "unanimous"
    ADJUDICATED = "adjudicated"
    IMPORTED = "imported"  # the adjudication came with the file


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


CASE_NEXT: Mapping[CaseStatus, frozenset[CaseStatus]] = {
    CaseStatus.NEW: frozenset({CaseStatus.LABELLING, CaseStatus.ADJUDICATION, CaseStatus.SETTLED}),
    CaseStatus.LABELLING: frozenset({CaseStatus.ADJUDICATION, CaseStatus.SETTLED}),
    CaseStatus.ADJUDICATION: frozenset({CaseStatus.SETTLED, CaseStatus.LABELLING}),
    CaseStatus.SETTLED: frozenset({CaseStatus.ADJUDICATION}),
}
CASE_OWNER: Mapping[CaseStatus, Owner] = {
    CaseStatus.NEW: Owner.SYSTEM,
    CaseStatus.LABELLING: Owner.ANNOTATORS,
    CaseStatus.ADJUDICATION: Owner.ADJUDICATOR,
    CaseStatus.SETTLED: Owner.NOBODY,
}
RUBRIC_NEXT: Mapping[RubricStatus, frozenset[RubricStatus]] = {
    RubricStatus.DRAFT: frozenset({RubricStatus.RELEASED}),
    RubricStatus.RELEASED: frozenset({RubricStatus.ARCHIVED}),
    RubricStatus.ARCHIVED: frozenset(),
}
JOB_NEXT: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED}),
    JobStatus.RUNNING: frozenset(
        {JobStatus.RUNNING, JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}
    ),
    JobStatus.DONE: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.QUEUED}),
    JobStatus.CANCELLED: frozenset({JobStatus.QUEUED}),
}

S = TypeVar("S", bound=StrEnum)


class IllegalMove(Exception):
    """A status was asked to move where its table has no way."""


def check_move(table: Mapping[S, frozenset[S]], old: S, new: S) -> None:
    """Raise `IllegalMove` unless `table` lets `old` become `new`; staying is always allowed."""
    if new is not old and new not in table[old]:
        ways = ", ".join(sorted(table[old])) or "nothing"
        raise IllegalMove(f"“{old}” can become {ways}, not “{new}”.")


def choices(enum: type[StrEnum]) -> list[tuple[str, str]]:
    """The (value, words) pairs that a model field or a form wants."""
    return [(member.value, member.value.replace("_", " ")) for member in enum]
