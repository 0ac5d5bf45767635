"""The loop as data: the steps of a round, which may follow which, and who owns each (pure)."""

from collections.abc import Mapping
from enum import StrEnum

from annotations.statuses import Owner


class Step(StrEnum):
    """A round's status is the step that is to be done now."""

    DRAFT = "draft"
    GENERATE = "generate"
    ASSIGN = "assign"
    LABEL = "label"
    AGREE = "agree"
    ADJUDICATE = "adjudicate"
    CALIBRATE = "calibrate"
    NEXT = "next"
    CLOSED = "closed"


NEXT: Mapping[Step, frozenset[Step]] = {
    Step.DRAFT: frozenset({Step.GENERATE, Step.ASSIGN}),  # imported cases need no generation
    Step.GENERATE: frozenset({Step.ASSIGN}),
    Step.ASSIGN: frozenset({Step.LABEL}),
    Step.LABEL: frozenset({Step.AGREE}),
    Step.AGREE: frozenset({Step.ADJUDICATE}),
    Step.ADJUDICATE: frozenset({Step.CALIBRATE}),
    Step.CALIBRATE: frozenset({Step.NEXT}),
    Step.NEXT: frozenset({Step.CLOSED}),
    Step.CLOSED: frozenset(),
}

OWNER: Mapping[Step, Owner] = {
    Step.DRAFT: Owner.LEAD,
    Step.GENERATE: Owner.SYSTEM,
    Step.ASSIGN: Owner.SYSTEM,
    Step.LABEL: Owner.ANNOTATORS,
    Step.AGREE: Owner.SYSTEM,
    Step.ADJUDICATE: Owner.ADJUDICATOR,
    Step.CALIBRATE: Owner.SYSTEM,
    Step.NEXT: Owner.LEAD,
    Step.CLOSED: Owner.NOBODY,
}

# What each step does, in the words of the campaign page.
MEANING: Mapping[Step, str] = {
    Step.DRAFT: "The lead settles the rubric, with patterns from the evidence, and releases it.",
    Step.GENERATE: "Candidates are made from behaviours and past failures and put to the target.",
    Step.ASSIGN: "Every case gets its places for raters.",
    Step.LABEL: "Annotators answer blind.",
    Step.AGREE: "Agreement is measured; unanimous cases settle by themselves.",
    Step.ADJUDICATE: "Disagreements are decided, each with its cause.",
    Step.CALIBRATE: "Gold is released; judges are scored on it and the ensemble is calibrated.",
    Step.NEXT: "The lead reviews the round and starts the next one.",
    Step.CLOSED: "The round is over.",
}


class CandidateStatus(StrEnum):
    PLANNED = "planned"
    FOLDED = "folded"  # a near-duplicate of another candidate: never sent, never labelled
    ANSWERED = "answered"
    FAILED = "failed"  # the target gave no answer after bounded retries


class TargetKind(StrEnum):
    SANDBOX = "sandbox"  # an offline simulator, marked as one everywhere
    OPENAI = "openai"  # any OpenAI-compatible endpoint


class JudgeKind(StrEnum):
    """What stands behind a model judge."""

    OPENAI = "openai"  # any OpenAI-compatible endpoint
    DOUBLE = "double"  # a script that stands in for a model, marked as one everywhere


class JudgementStatus(StrEnum):
    """What became of one call of a model judge; the words of `VerdictStatus`."""

    ANSWERED = "answered"
    CANT_TELL = "cant_tell"
    NOT_APPLICABLE = "not_applicable"
    INVALID = "invalid"
    REFUSED_TO_JUDGE = "refused_to_judge"


class Intent(StrEnum):
    HARMFUL = "harmful"
    BENIGN = "benign"


class ProposalStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    EDITED = "edited"  # accepted after the lead's own edit
    REJECTED = "rejected"


class EnsembleStatus(StrEnum):
    CURRENT = "current"
    STALE = "stale"  # gold or rubric changed since
    SUPERSEDED = "superseded"
    OFFERED = "offered"  # taught again on found evasions: a lead takes it or leaves it
    LEFT = "left"  # offered, and not taken


# Versions that were never in use, or are not yet.
ASIDE = frozenset({EnsembleStatus.OFFERED, EnsembleStatus.LEFT})
