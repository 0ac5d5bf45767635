"""The gate of one rubric version: each criterion against its marks, the looks, and the signatures."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST, require_safe

from annotations import gates, members
from annotations.charts import ForestRow, Reference, forest
from annotations.errors import BadInput
from annotations.gates import AtTheGate, Stand
from annotations.measurement.gate import LOOKS, Marks
from annotations.measurement.results import Estimate
from annotations.models import Batch, GateLook, Membership, RubricVersion
from annotations.permissions import ADJUDICATORS, LEADS, READERS, has_role
from annotations.statuses import RubricStatus
from annotations.views.doors import member_page, show

ACTIVE = "Rubric"
MOST_WORDS = 2_000


@member_page(READERS)
@require_safe
def gate(request: HttpRequest, membership: Membership, number: int) -> HttpResponse:
    """The last look, or what a look would freeze now; marks; all looks and who signed."""
    version = _version(membership, number)
    looks, stand = gates.looks_of(version), gates.stand_of(version)
    batches = gates.batches_with_pairs(version)
    batch = next((one for one in batches if str(one.pk) == request.GET.get("batch", "")), None)
    pilot = gates.pilot_of(version, batch=batch)
    is_lead = has_role(membership, LEADS)
    found = gates.measure(version, pilot) if stand != Stand.NO_GATE else []
    return show(
        request, membership, "annotations/gate.html", active=ACTIVE, version=version, stand=stand,
        looks=[_look(one, membership) for one in looks], most_looks=LOOKS, marks=Marks(),
        pilot=pilot, batches=batches, batch=batch, criteria=[_shown(one) for one in found],
        picture=_picture([_drawn(one) for one in found]), enough=gates.ENOUGH_CASES,
        enough_raters=gates.ENOUGH_RATERS, is_lead=is_lead, names=members.names_in(version.rubric.project),
        can_look=is_lead and stand == Stand.PILOT and bool(pilot.cases),
        can_mark=is_lead and stand not in (Stand.PAST, Stand.NO_GATE),
        descriptive=[q for q in version.criteria.all() if q.is_descriptive],
    )  # fmt: skip


@member_page(LEADS)
@require_POST
def look(request: HttpRequest, membership: Membership, number: int) -> HttpResponse:
    """Freeze the pilot and decide; this look counts."""
    version = _version(membership, number)
    wanted = request.POST.get("batch", "")
    batch = None
    if wanted:
        batch = get_object_or_404(Batch, project=membership.project, pk=_whole(wanted))
    made = gates.look(version, by=membership, batch=batch)
    said = "passed on every criterion: it can be signed." if made.is_passed else "did not pass."
    messages.success(request, f"Look {made.number} of {LOOKS} {said}")
    return redirect("gate", membership.project.slug, number)


@member_page(LEADS)
@require_POST
def mark(request: HttpRequest, membership: Membership, number: int) -> HttpResponse:
    """Another mark of alpha for one criterion, with a reason."""
    version = _version(membership, number)
    key = request.POST.get("criterion", "")
    question = get_object_or_404(version.criteria.select_related("criterion"), criterion__key=key)
    try:
        alpha = float(request.POST.get("alpha", ""))
    except ValueError as error:
        raise BadInput("The mark of alpha is a number between 0 and 1, like 0.67.") from error
    reason = request.POST.get("reason", "")[:MOST_WORDS]
    gates.write_mark(version, question.criterion, alpha=alpha, reason=reason, by=membership)
    messages.success(request, f"The mark of “{question.name}” is {alpha:.2f} from now on.")
    return redirect("gate", membership.project.slug, number)


@member_page(ADJUDICATORS)
@require_POST
def sign(request: HttpRequest, membership: Membership, number: int) -> HttpResponse:
    """Stand by the look that passed."""
    version = _version(membership, number)
    wanted = _whole(request.POST.get("look", ""))
    found = get_object_or_404(GateLook, version=version, number=wanted)
    gates.sign(found, by=membership)
    past = "It is past its gate." if gates.is_past(version) else "One more has to sign."
    messages.success(request, f"You have signed for version {number}. {past}")
    return redirect("gate", membership.project.slug, number)


def _version(membership: Membership, number: int) -> RubricVersion:
    versions = membership.project.rubric.versions.exclude(status=RubricStatus.DRAFT)
    return get_object_or_404(versions.select_related("rubric__project"), number=number)


def _whole(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise BadInput("Choose one of those that the page offers.")
    return int(text)


def _shown(one: AtTheGate) -> dict[str, Any]:
    return {"one": one, "result": one.result, "name": one.question.name,
            "key": one.question.criterion.key}  # fmt: skip


def _look(one: GateLook, membership: Membership) -> dict[str, Any]:
    """A look as it was frozen, and whether its labels are still the same."""
    now = gates.same_pilot(one)
    criteria = [
        {**told, "key": key, "parts": [
            {**part, "estimate": gates.estimate_of(part["estimate"])}
            for part in told.get("parts", [])
        ]}
        for key, told in one.results.items()
    ]  # fmt: skip
    signers = [signature.by_id for signature in one.signatures.all()]
    return {
        "one": one, "criteria": criteria, "n_cases": len(one.cases),
        "is_unchanged": now.sha256 == one.labels_sha256, "is_signed": gates.is_signed(one),
        "can_sign": one.is_passed and has_role(membership, ADJUDICATORS)
        and membership.user_id not in signers,
        "picture": _picture([
            (told["name"], part["estimate"], part["mark"])
            for told in criteria
            for part in told["parts"][:1]
        ]),
    }  # fmt: skip


Drawn = tuple[str, Estimate, float]


def _drawn(one: AtTheGate) -> Drawn | None:
    if one.result is None:
        return None
    part = one.result.parts[0]
    return one.question.name, part.estimate, part.mark


def _picture(rows: list[Any]) -> dict[str, str]:
    """Alpha of each criterion against the mark; a line a mark where criteria have different ones."""
    drawn: list[Drawn] = [row for row in rows if row is not None]
    if not any(e.is_defined for _, e, _ in drawn):
        return {}
    marks = sorted({mark for _, _, mark in drawn})
    references = [Reference(mark, "mark") for mark in marks]
    forest_rows = [
        ForestRow(
            name if len(marks) == 1 else f"{name} (mark {mark:.2f})",
            e.value, e.low, e.high, e.n, e.reason or "",
        )
        for name, e, mark in drawn
    ]  # fmt: skip
    lowest = min((x for _, e, _ in drawn for x in (e.low, e.value) if x is not None), default=0.0)
    domain = (-1.0 if lowest < -0.5 else -0.5 if lowest < 0 else 0.0, 1.0)
    title = "Alpha with its interval against the mark"
    wide, compact = (
        forest(forest_rows, title=title, references=references, domain=domain, compact=narrow)
        for narrow in (False, True)
    )
    return {"wide": wide, "compact": compact}
