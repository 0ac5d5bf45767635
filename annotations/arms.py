"""Arms: which AI help a rater gets on a case, drawn once by a keyed hash and kept by the server.

blind: nothing. reveal: the AI's answer after the own one. evidence: its spans and precedents before
the answer, never its verdict. shown: its verdict filled in. The last two are exposed: their labels
are strata of their own and count for no agreement, gold or calibration.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotations import audit, precedents, rows, visibility
from annotations.answers import Answer
from annotations.details import EVIDENCE_FROM, Span, parts_of
from annotations.errors import BadInput
from annotations.models import Annotation, Case, Project, Rater, Slot, Suspension, Verdict
from annotations.precedents import Precedent
from annotations.statuses import (
    EXPOSED_ARMS,
    AnnotationStatus,
    Arm,
    RaterKind,
    SlotPurpose,
    VerdictStatus,
)

# The judge that speaks to raters for this product (see verdicts.RESERVED).
PRELABELLER = "ensemble"
MAX_SPANS, MAX_QUOTES, MIN_QUOTE = 8, 40, 4
MOST_PRECEDENTS = 3
LEAST_BLIND = 0.10
# Quoted words in what a judge said: “…” or "…", long enough to point at something.
_QUOTED = re.compile(r"“([^“”]{4,400})”|\"([^\"\n]{4,400})\"")


@dataclass(frozen=True)
class Help:
    """What one rater may see of the AI before the answer; empty in the arms blind and reveal."""

    arm: Arm = Arm.BLIND
    spans: list[Span] = field(default_factory=list)
    precedents: list[Precedent] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)


NO_HELP = Help()


# ---- which arm


def share_of(*parts: object) -> float:
    """A number in [0, 1) that these parts alone decide and nobody without the key can foresee."""
    message = ":".join(str(part) for part in parts).encode()
    digest = hmac.new(settings.SECRET_KEY.encode(), message, hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def arm_for(project: Project, *, rater: Rater, case: Case, slot: Slot | None = None) -> Arm:
    """The arm of this (rater, case): fixed as long as the shares are, and no state is kept.

    Blind instead where the arm is suspended, where the slot or the audit slice asks for it, and
    where the AI has nothing to show. A simulated rater looks at nothing, so it is always blind.
    """
    if rater.kind != RaterKind.PERSON:
        return Arm.BLIND
    arm = drawn_arm(project, rater=rater, case=case)
    if arm == Arm.BLIND or arm in project.suspended_arms or not _fits(arm, case, slot):
        return Arm.BLIND
    there = has_evidence(case, slot=slot) if arm == Arm.EVIDENCE else has_ai_answer(case)
    return arm if there else Arm.BLIND


def drawn_arm(project: Project, *, rater: Rater, case: Case) -> Arm:
    """What the hash alone says: the first share of its range is reveal, then evidence, shown."""
    share = share_of("arm", project.pk, rater.pk, case.pk)
    for arm, width in (
        (Arm.REVEAL, project.reveal_share),
        (Arm.EVIDENCE, project.evidence_share),
        (Arm.SHOWN, project.shown_share),
    ):
        if share < width:
            return arm
        share -= width
    return Arm.BLIND


def _fits(arm: Arm, case: Case, slot: Slot | None) -> bool:
    """No AI before the answer on audit cases, on checks, or where a blind answer is still owed.

    The arm shown is for work of low risk: never where a severe case is foreseen.
    """
    if slot is not None and slot.purpose != SlotPurpose.LABEL:
        return False
    if arm not in EXPOSED_ARMS:
        return True
    if case.is_audit or (slot is not None and slot.blind_only):
        return False
    severe = slot is not None and slot.severity is not None and slot.severity >= EVIDENCE_FROM
    return arm != Arm.SHOWN or not severe


def has_ai_answer(case: Case) -> bool:
    """Whether the pre-labelling judge answered anything on the case (one query)."""
    return VerdictStatus.ANSWERED in ai_statuses(case.pk)


def has_evidence(case: Case, *, slot: Slot | None = None) -> bool:
    """Whether there is anything to show that is no verdict: a passage that a judge quoted, or a
    settled case of the slot's rubric version."""
    if slot is not None and precedents.there_are(case, version_id=slot.rubric_version_id):
        return True
    return bool(spans_of(case))


def _precedents(slot: Slot, *, limit: int = MOST_PRECEDENTS) -> list[Precedent]:
    return precedents.nearest(slot.case, rubric_version=slot.rubric_version, limit=limit)


def prelabels(case_id: int) -> QuerySet[Verdict]:
    """What the pre-labelling judge said on a case. Never shown before `visibility` allows it."""
    return Verdict.objects.filter(
        case=case_id, annotation__rater__kind=RaterKind.JUDGE, annotation__rater__name=PRELABELLER
    )


_STATUSES = """
SELECT v.status FROM annotations_verdict v
JOIN annotations_annotation a ON a.id = v.annotation_id
JOIN annotations_rater r ON r.id = a.rater_id
WHERE v.case_id = %(case)s AND r.kind = 'judge' AND r.name = %(judge)s
"""


def ai_statuses(case_id: int) -> set[str]:
    """How the pre-labelling judge's answers on a case ended; nothing where it was not asked."""
    found = rows.every(_STATUSES, values={"case": case_id, "judge": PRELABELLER})
    return {status for (status,) in found}


# ---- what leads set


@transaction.atomic
def set_shares(
    project: Project, *, reveal: float, evidence: float, shown: float, by: User
) -> Project:  # fmt: skip
    """Which share of sheets each arm gets; the rest is blind. Sheets at work keep their arm."""
    shares = {"reveal_share": reveal, "evidence_share": evidence, "shown_share": shown}
    if any(not 0 <= share <= 1 for share in shares.values()) or sum(shares.values()) > 1:
        raise BadInput("The shares of the arms are each from 0 to 1, and at most 1 together.")
    if 1 - sum(shares.values()) < LEAST_BLIND:
        raise BadInput(
            f"Leave at least {LEAST_BLIND:.0%} of the sheets blind: what the AI does to people is "
            "told against them."
        )
    locked = Project.objects.select_for_update().get(pk=project.pk)
    for name, share in shares.items():
        setattr(locked, name, share)
    locked.save(update_fields=list(shares))
    audit.record("set shares of arms", locked, project=locked, by=by, **shares)
    return locked


@transaction.atomic
def suspend(
    project: Project, arm: Arm, *, by: User | None, evidence: Mapping[str, Any] | None = None
) -> Project:
    """Stop an arm at once, also on cases at work; its share is blind meanwhile. Twice is once.

    `by` is None where the rule does it; then `evidence` has the rule's figures.
    """
    if arm == Arm.BLIND:
        raise BadInput("The arm blind can't be suspended: it is what all others are told against.")
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if arm in locked.suspended_arms:
        return locked
    locked.suspended_arms = sorted({*locked.suspended_arms, str(arm)})
    locked.save(update_fields=["suspended_arms"])
    figures = dict(evidence or {})
    Suspension.objects.create(project=locked, arm=arm, by=by, evidence=figures)
    audit.record("suspended arm", arm, project=locked, by=by, **figures)
    return locked


@transaction.atomic
def resume(project: Project, arm: Arm, *, by: User, reason: str) -> Project:
    """Let an arm go on, with a reason; the rule counts afresh from now on. Twice is once."""
    if not reason.strip():
        raise BadInput("Say why the arm goes on: it stands in the record beside the figures.")
    locked = Project.objects.select_for_update().get(pk=project.pk)
    if arm not in locked.suspended_arms:
        return locked
    locked.suspended_arms = sorted({*locked.suspended_arms} - {str(arm)})
    locked.save(update_fields=["suspended_arms"])
    # An arm that was stopped before suspensions had rows of their own is given one now.
    found, _ = Suspension.objects.get_or_create(project=locked, arm=arm, ended_at=None)
    found.ended_at, found.ended_by, found.reason = timezone.now(), by, reason.strip()
    found.save(update_fields=["ended_at", "ended_by", "reason"])
    audit.record("resumed arm", arm, project=locked, by=by, reason=found.reason)
    return locked


# ---- what the arm shows before the answer


def help_for(slot: Slot, *, rater: Rater) -> Help:
    """What the page of this slot may show its rater now; nothing in the arms blind and reveal.

    That it was shown is written down first: once exposed, the sheet stays exposed, also when the
    lease lapses and the arm is suspended meanwhile.
    """
    if not visibility.can_see_help_before(slot, rater=rater):
        return NO_HELP
    found = NO_HELP
    if visibility.can_see_evidence(slot, rater=rater):
        found = Help(Arm.EVIDENCE, spans=spans_of(slot.case), precedents=_precedents(slot))
    elif visibility.can_see_verdict_before(slot, rater=rater):
        found = Help(Arm.SHOWN, words=ai_words(slot.case))
    if found.spans or found.precedents or found.words:
        note_exposure(slot, rater=rater)
    return found


def note_exposure(slot: Slot, *, rater: Rater) -> None:
    """Keep on the rater's draft that the AI was seen before the answer. Twice is once."""
    sheet, made = Annotation.objects.get_or_create(
        case=slot.case, rater=rater, rubric_version=slot.rubric_version,
        defaults={"project_id": slot.project_id, "arm": slot.arm},
    )  # fmt: skip
    if not made and sheet.arm not in EXPOSED_ARMS:
        Annotation.objects.filter(pk=sheet.pk, status=AnnotationStatus.DRAFT).update(arm=slot.arm)


def ai_words(case: Case) -> dict[str, str]:
    """The pre-labelling judge's newest answer to each criterion: {"harm": "yes"}.

    Never call this for a person before `visibility` allows it.
    """
    newest = (
        prelabels(case.pk)
        .select_related("criterion")
        .order_by("criterion_id", "-id")
        .distinct("criterion_id")
    )
    return {
        verdict.criterion.key: Answer(VerdictStatus(verdict.status), verdict.value).word
        for verdict in newest
        if verdict.status == VerdictStatus.ANSWERED
    }


def spans_of(case: Case) -> list[Span]:
    """The passages of the case that its judges quoted, whichever way they told.

    A quotation that is not found in the case word for word is dropped: it points at nothing.
    """
    said = (
        Verdict.objects.filter(case=case, annotation__rater__kind=RaterKind.JUDGE)
        .exclude(raw_output="")
        .order_by("criterion_id", "-id")
        .values_list("criterion__key", "raw_output")[:MAX_QUOTES]
    )
    parts = parts_of(case)
    spans: dict[tuple[str, int, int], Span] = {}
    for key, raw in said:
        for quote in quotes_in(raw):
            span = find(quote, parts, criterion=key)
            if span is not None and len(spans) < MAX_SPANS:
                spans.setdefault((span.part, span.start, span.end), span)
    return [spans[place] for place in sorted(spans)]


def quotes_in(raw: str) -> list[str]:
    """What stands in quotation marks in a judge's words; a cut one (…) without its end."""
    found = (first or second for first, second in _QUOTED.findall(raw))
    cut = (quote.removesuffix("…").removesuffix("...").strip() for quote in found)
    return [quote for quote in cut if len(quote) >= MIN_QUOTE][:MAX_QUOTES]


def find(quote: str, parts: Mapping[str, str], *, criterion: str) -> Span | None:
    """The first place of a quotation; what was said last is looked at first. Spaces may differ."""
    pattern = re.compile(r"\s+".join(re.escape(word) for word in quote.split()))
    for part, text in reversed(list(parts.items())):
        match = pattern.search(text)
        if match is not None:
            return Span(criterion, part, match.start(), match.end(), match.group())
    return None
