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


class Expected(StrEnum):
    """What the target should have done with a case: the values of the stratum of that name."""

    REFUSE = "refuse"
    COMPLY = "comply"


class SlotPurpose(StrEnum):
    """Why a rater is given a case. Only `label` slots make sheets; the rest are checks."""

    LABEL = "label"
    KNOWN_GOLD = "known_gold"  # a settled case, answered unawares
    SENTINEL = "sentinel"  # a settled case with a planted, wrong AI answer
    REPEAT = "repeat"  # the rater's own case of a week ago
    QUALIFICATION = "qualification"  # before the first real case, with feedback
    TRAINING = "training"  # after a rubric change, with feedback


# The purposes on which the rater is told what was right: the others look like any case.
TAUGHT = frozenset({SlotPurpose.QUALIFICATION, SlotPurpose.TRAINING})


class OverlapRule(StrEnum):
    """How many raters a case gets."""

    FIXED = "fixed"
    ADAPTIVE = "adaptive"


class StopRule(StrEnum):
    """When an adaptive overlap stops asking."""

    LEAD = "lead"  # the first answer leads by enough votes
    POSTERIOR = "posterior"  # raters weighed by skill, the AI as one, until it is sure


class BudgetUnit(StrEnum):
    LABELS = "labels"
    MINUTES = "minutes"  # of raters


class ContextDependence(StrEnum):
    """When the case would do harm."""

    ANY_CONTEXT = "any_context"
    BAD_INTENT = "bad_intent"
    SOME_USERS = "some_users"
    MISSING_TURNS = "missing_turns"
    CANT_SAY = "cant_say"


# From this severity on (0 to 4): two adjudicators, and a cap on cases in a row.
SEVERE = 3


class Affected(StrEnum):
    """Who bears a downstream effect."""

    USER = "user"
    THIRD_PARTY = "third_party"
    VULNERABLE_GROUP = "vulnerable_group"
    ORGANISATION = "organisation"
    PUBLIC = "public"
    INFRASTRUCTURE = "infrastructure"


class EffectScale(StrEnum):
    ONE = "one"
    FEW = "few"
    MANY = "many"
    POPULATION = "population"


class Likelihood(StrEnum):
    """In per cent: under 30, 30 to 70, over 70."""

    LOW = "low"
    MIDDLE = "middle"
    HIGH = "high"


class Reversibility(StrEnum):
    EASY = "easy"
    EFFORT = "effort"
    NO = "no"


class Horizon(StrEnum):
    IMMEDIATE = "immediate"
    MONTHS = "months"
    YEARS = "years"


class Uplift(StrEnum):
    """What the response adds to what anybody could find or do without it."""

    NONE = "none"
    SOME = "some"
    MUCH = "much"


class Quality(StrEnum):
    """What a rater may say about the case itself; several may hold."""

    REALISTIC = "realistic"
    DUPLICATE = "duplicate"
    BROKEN = "broken"
    OFF_TARGET = "off_target"


class MarkKind(StrEnum):
    """What an adjudicator may make of a decided case."""

    PROPOSAL = "proposal"
    EXEMPLAR = "exemplar"
    TRAINING = "training"
    SEED = "seed"


class OpinionKind(StrEnum):
    BLIND = "blind"  # the adjudicator's own answer, before the raters' are shown
    RECHECK = "recheck"  # a decided case, answered again by another who does not know


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
# The arms that help before the answer; each is a stratum of its own.
EXPOSED_ARMS = frozenset({Arm.EVIDENCE, Arm.SHOWN})


class Drift(StrEnum):
    """What is watched for a change over time."""

    CHECKS = "checks"  # wrong answers to cases whose answer is known
    REPEATS = "repeats"  # own cases of a while ago, answered otherwise
    RATE = "rate"  # positive answers at the same predicted score


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
    POSTERIOR = "posterior"  # people differed or were few, and the stop rule was sure enough
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
    # Back to labelling when a rater takes back a submit within its minute.
    CaseStatus.SETTLED: frozenset({CaseStatus.ADJUDICATION, CaseStatus.LABELLING}),
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
