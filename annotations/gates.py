"""The gate of a rubric version: looks at a frozen pilot, marks, signatures, and where the version stands.

Raters label a version once it is released, so its pilot runs under it: the version counts as past its gate when
a look passed on every criterion with one right reading, and a lead and one other have signed it. Looks
are counted: each is another chance to pass by luck. Labels are first, blind answers of people, and those that
were given under an earlier version with the same words count, as they do for agreement.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.db.models import Count

from annotations import agreement, audit
from annotations.errors import BadInput, Conflict, NotAllowed
from annotations.measurement.agreement import krippendorff_alpha, specific_agreement
from annotations.measurement.bootstrap import Bootstrap
from annotations.measurement.counts import count_values
from annotations.measurement.gate import LOOKS, Marks, Result, State, decide
from annotations.measurement.inference import proportion
from annotations.measurement.results import Estimate
from annotations.measurement.weights import Level
from annotations.models import (
    Annotation,
    Batch,
    Criterion,
    CriterionVersion,
    GateLook,
    GateMark,
    GateSignature,
    Membership,
    RubricVersion,
)
from annotations.permissions import ADJUDICATORS, LEADS, has_role
from annotations.statuses import BLIND_ARMS, AnnotationStatus, RaterKind, Scale, VerdictStatus

PAIR = 2
SIGNATURES = 2
ENOUGH_CASES, ENOUGH_RATERS = 100, 3
POSITIVE, OTHER = "positive", "other"
# (case id, rater id, criterion key, word)
Label = tuple[int, int, str, str]


class Stand(StrEnum):
    """Where a version stands."""

    NO_GATE = "no gate"  # every criterion is descriptive
    PILOT = "pilot"
    BLOCKED = "blocked"  # all looks are used up
    TO_SIGN = "to sign"
    PAST = "past its gate"


@dataclass(frozen=True)
class Pilot:
    """The cases and labels that a look would freeze."""

    cases: tuple[int, ...]
    labels: tuple[Label, ...]
    sha256: str

    @property
    def raters(self) -> int:
        return len({rater for _, rater, _, _ in self.labels})


@dataclass(frozen=True)
class AtTheGate:
    """One criterion: its mark, and what the labels of the pilot say; without a gate if descriptive."""

    question: CriterionVersion
    marks: Marks
    reason: str
    result: Result | None
    positives: Estimate | None  # the share of answers that count as a failure seen


# ---- what is read


def pilot_of(version: RubricVersion, *, batch: Batch | None = None) -> Pilot:
    """Cases that two people or more answered blind under these words, with their labels."""
    labels = _labels(version, batch=batch)
    raters: dict[int, set[int]] = defaultdict(set)
    for case_id, rater, _, _ in labels:
        raters[case_id].add(rater)
    cases = tuple(sorted(case_id for case_id, who in raters.items() if len(who) >= PAIR))
    return _frozen(cases, labels)


def same_pilot(look: GateLook) -> Pilot:
    """The look's cases with their labels as they are now: more labels give another hash."""
    return _frozen(tuple(look.cases), _labels(look.version))


def measure(version: RubricVersion, pilot: Pilot) -> list[AtTheGate]:
    """Every criterion of the version on these labels."""
    marks, by_key = marks_of(version), defaultdict(list)
    for case_id, rater, key, word in pilot.labels:
        by_key[key].append((case_id, rater, word))
    found = []
    for question in _questions(version):
        mark = marks.get(question.criterion_id)
        asked = Marks(alpha=mark.alpha) if mark else Marks()
        result, positives = None, None
        if not question.is_descriptive:
            result, positives = _result(question, by_key[question.criterion.key], asked)
        found.append(AtTheGate(question, asked, mark.reason if mark else "", result, positives))
    return found


def marks_of(version: RubricVersion) -> dict[int, GateMark]:
    """criterion id -> the last mark that a lead wrote, where it is not the usual one."""
    return {mark.criterion_id: mark for mark in version.gate_marks.order_by("id")}


def looks_of(version: RubricVersion) -> list[GateLook]:
    return list(
        version.gate_looks.select_related("by")
        .prefetch_related("signatures__by")
        .order_by("number")
    )


def stand_of(version: RubricVersion) -> Stand:
    """Where the version stands: the last look decides."""
    if all(question.is_descriptive for question in _questions(version)):
        return Stand.NO_GATE
    looks = looks_of(version)
    if not looks:
        return Stand.PILOT
    last = looks[-1]
    if last.is_passed:
        return Stand.PAST if is_signed(last) else Stand.TO_SIGN
    return Stand.BLOCKED if len(looks) >= LOOKS else Stand.PILOT


def is_signed(look: GateLook) -> bool:
    """By a lead and one other."""
    signatures = look.signatures.all()
    return len(signatures) >= SIGNATURES and any(one.is_lead for one in signatures)


# ---- what people do


@transaction.atomic
def write_mark(
    version: RubricVersion, criterion: Criterion, *, alpha: float, reason: str, by: Membership
) -> GateMark:
    """Another mark of alpha for one criterion. The reason stands beside it on every page."""
    _check_lead(by)
    _check_released(version)
    if not 0 < alpha < 1:
        raise BadInput("The mark of alpha lies between 0 and 1; the usual one is 0.60.")
    if not reason.strip():
        raise BadInput("Say why this criterion has another mark: it stands beside it.")
    if is_past(version):
        raise Conflict("This version is past its gate: its marks are what was signed.")
    mark = GateMark.objects.create(
        version=version, criterion=criterion, alpha=alpha, reason=reason.strip(), by=by.user
    )
    audit.record("set mark of gate", mark, project=by.project, by=by.user, reason=mark.reason)
    return mark


@transaction.atomic
def look(version: RubricVersion, *, by: Membership, batch: Batch | None = None) -> GateLook:
    """Freeze the pilot and decide. The same labels are the same look; at most three are counted."""
    _check_lead(by)
    locked = RubricVersion.objects.select_for_update().get(pk=version.pk)
    _check_released(locked)
    pilot = pilot_of(locked, batch=batch)
    found = looks_of(locked)
    same = next((one for one in found if one.labels_sha256 == pilot.sha256), None)
    if same is not None:
        return same
    _check_can_look(locked, found, pilot)
    criteria = measure(locked, pilot)
    gated = [one.result for one in criteria if one.result is not None]
    made = GateLook.objects.create(
        version=locked, number=len(found) + 1, cases=list(pilot.cases), n_raters=pilot.raters,
        labels_sha256=pilot.sha256, by=by.user, results=_as_json(criteria),
        is_passed=all(result.state == State.PASS for result in gated),
    )  # fmt: skip
    states = {key: one.get("state") for key, one in made.results.items()}
    audit.record("looked at gate", made, project=by.project, by=by.user, states=states,
                 cases=len(pilot.cases), sha256=pilot.sha256)  # fmt: skip
    return made


@transaction.atomic
def sign(look: GateLook, *, by: Membership) -> GateSignature:
    """Stand by a look that passed: a lead and one other. Twice is once."""
    if not has_role(by, ADJUDICATORS):
        raise NotAllowed("The gate is signed by leads, owners and adjudicators of the project.")
    locked = GateLook.objects.select_for_update().get(pk=look.pk)
    if not locked.is_passed:
        raise Conflict("Only a look that passed on every criterion can be signed.")
    signature, made = GateSignature.objects.get_or_create(
        look=locked, by=by.user, defaults={"is_lead": has_role(by, LEADS)}
    )
    if made:
        past = is_signed(locked)
        audit.record("signed gate", locked, project=by.project, by=by.user, past=past)
    return signature


def is_past(version: RubricVersion) -> bool:
    """Whether the version counts as past its gate."""
    return stand_of(version) == Stand.PAST


def _check_lead(by: Membership) -> None:
    if not has_role(by, LEADS):
        raise NotAllowed("Marks and looks at the gate are for leads and owners of the project.")


def _check_released(version: RubricVersion) -> None:
    if version.is_draft:
        raise Conflict("A draft has no pilot yet: release it, so that raters can label under it.")


def _check_can_look(version: RubricVersion, looks: Sequence[GateLook], pilot: Pilot) -> None:
    if looks and looks[-1].is_passed:
        raise Conflict("The last look passed: sign it. There is nothing to look for again.")
    if len(looks) >= LOOKS:
        raise Conflict(
            f"All {LOOKS} looks are used up: draft a version with clearer words, and pilot that."
        )
    if not pilot.cases:
        raise BadInput("No case has blind answers of two people under these words yet.")
    if all(question.is_descriptive for question in _questions(version)):
        raise Conflict("Every criterion is descriptive: there is no gate to pass.")


# ---- how it is measured


def _questions(version: RubricVersion) -> list[CriterionVersion]:
    return list(version.criteria.select_related("criterion").order_by("position", "id"))


def _labels(version: RubricVersion, *, batch: Batch | None = None) -> list[Label]:
    found: list[Label] = []
    for question in _questions(version):
        rows = (
            agreement.first_blind_verdicts(version.rubric.project, question, batch=batch)
            .exclude(annotation__rater__kind=RaterKind.SIMULATED)
            .values_list("case_id", "annotation__rater_id", "status", "value")
        )
        key = question.criterion.key
        found += [(case_id, rater, key, value or status) for case_id, rater, status, value in rows]
    return sorted(found)


def _frozen(cases: Sequence[int], labels: Iterable[Label]) -> Pilot:
    wanted = set(cases)
    kept = tuple(label for label in labels if label[0] in wanted)
    digest = hashlib.sha256(json.dumps(kept, ensure_ascii=False).encode()).hexdigest()
    return Pilot(tuple(cases), kept, digest)


def _result(
    question: CriterionVersion, labels: Sequence[tuple[int, int, str]], marks: Marks
) -> tuple[Result, Estimate]:
    """Alpha at the criterion's level; positive agreement over answers that count as a failure, or not."""
    values = set(question.values)
    answered = [(case_id, rater, word) for case_id, rater, word in labels if word in values]
    level: Level = "ordinal" if question.scale == Scale.ORDINAL else "nominal"
    how = Bootstrap()
    counts = count_values(answered, values=question.values)
    alpha = krippendorff_alpha(counts, level=level, bootstrap=how)
    counted = set(question.criterion.positive)
    sides = [(c, r, POSITIVE if word in counted else OTHER) for c, r, word in answered]
    positive = specific_agreement(
        count_values(sides, values=[OTHER, POSITIVE]), value=POSITIVE, bootstrap=how
    )
    cant = sum(word == VerdictStatus.CANT_TELL for _, _, word in labels)
    share = proportion(sum(side == POSITIVE for _, _, side in sides), len(sides))
    return decide(alpha, positive, proportion(cant, len(labels)), marks=marks), share


def _as_json(criteria: Sequence[AtTheGate]) -> dict[str, Any]:
    """What a look keeps: enough to show it again without the labels."""
    return {one.question.criterion.key: _one_as_json(one) for one in criteria}


def _one_as_json(one: AtTheGate) -> dict[str, Any]:
    if one.result is None:
        return {"name": one.question.name, "state": None}
    return {
        "name": one.question.name,
        "state": str(one.result.state),
        "advice": one.result.advice,
        "power": one.result.power,
        "cases_needed": one.result.cases_needed,
        "reason_of_mark": one.reason,
        "positives": one.positives.as_json() if one.positives else None,
        "parts": [
            {"name": part.name, "mark": part.mark, "state": str(part.state),
             "estimate": part.estimate.as_json()}
            for part in one.result.parts
        ],
    }  # fmt: skip


def estimate_of(told: Mapping[str, Any]) -> Estimate:
    """An estimate that was kept as JSON."""
    return Estimate(
        told["value"], told["low"], told["high"], told["n"], level=told["level"],
        method=told["method"], reason=told["reason"],
    )  # fmt: skip


def batches_with_pairs(version: RubricVersion) -> list[Batch]:
    """Batches that have cases with two blind sheets: what a lead can choose a pilot from."""
    paired = (
        Annotation.objects.filter(
            project=version.rubric.project, status=AnnotationStatus.SUBMITTED, arm__in=BLIND_ARMS
        )
        .exclude(rater__kind__in=[RaterKind.JUDGE, RaterKind.SIMULATED])
        .values("case__batch", "case")
        .annotate(n=Count("rater", distinct=True))
        .filter(n__gte=PAIR, case__batch__isnull=False)
    )
    ids = {row["case__batch"] for row in paired}
    return list(Batch.objects.filter(pk__in=ids).order_by("-id")[:100])
