"""For leads: what help the AI gives, what it does to people, and how raters are checked."""

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from annotations import anchoring, arms, checks, entrance, known, members
from annotations.anchoring import Effect
from annotations.charts import ForestRow, Reference, forest
from annotations.errors import BadInput
from annotations.forms import ArmsForm, ChecksForm
from annotations.measurement.results import Estimate
from annotations.models import Check, Membership, Project, RubricVersion
from annotations.permissions import LEADS
from annotations.rubrics import questions_of
from annotations.statuses import Arm, SlotPurpose
from annotations.views.doors import member_page, show

ACTIVE = "AI help"
NAMES = {
    Arm.BLIND: "Blind",
    Arm.REVEAL: "Blind, then revealed",
    Arm.EVIDENCE: "Evidence only",
    Arm.SHOWN: "Verdict filled in",
}
SEES = {
    Arm.BLIND: "nothing of the AI's",
    Arm.REVEAL: "the AI's answer after the own one, which is locked",
    Arm.EVIDENCE: "passages and precedents before the answer, no verdict",
    Arm.SHOWN: "the AI's verdict, filled in",
}
COUNTS = {
    Arm.BLIND: "everything",
    Arm.REVEAL: "first answer: everything; second: the final label",
    Arm.EVIDENCE: "a stratum of its own",
    Arm.SHOWN: "bulk labels only",
}
PURPOSES = {
    SlotPurpose.KNOWN_GOLD: "Known gold",
    SlotPurpose.SENTINEL: "Planted wrong AI answers",
    SlotPurpose.REPEAT: "Repeats after a week",
    SlotPurpose.QUALIFICATION: "Qualification",
    SlotPurpose.TRAINING: "Training",
}


@member_page(LEADS)
@require_safe
def ai_help(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The arms with their effect, the checks with what they have to draw on, and the settings."""
    return _page(request, membership)


@member_page(LEADS)
@require_POST
def set_arms(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Change the shares of the arms."""
    form = ArmsForm(request.POST)
    if form.is_valid():
        try:
            arms.set_shares(membership.project, **form.cleaned_data, by=membership.user)
        except BadInput as error:
            form.add_error(None, str(error))
        else:
            return _done(
                request, membership, "The shares are changed: for cases given out from now on."
            )
    return _page(request, membership, arms_form=form, status=422)


@member_page(LEADS)
@require_POST
def set_checks(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Change how raters are checked."""
    form = ChecksForm(request.POST)
    if form.is_valid():
        checks.set_mix(membership.project, **form.cleaned_data, by=membership.user)
        return _done(
            request, membership, "The checks are changed: for cases given out from now on."
        )
    return _page(request, membership, checks_form=form, status=422)


@member_page(LEADS)
@require_POST
def suspend(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Stop one arm, or let it go on."""
    word = request.POST.get("arm", "")
    if word not in list(Arm):
        raise BadInput(f"“{word[:40]}” is no arm: use {', '.join(Arm)}.")
    arm, suspended = Arm(word), request.POST.get("act") != "resume"
    arms.suspend(membership.project, arm, by=membership.user, suspended=suspended)
    said = "is suspended: its cases are blind." if suspended else "goes on."
    return _done(request, membership, f"“{NAMES[arm]}” {said}")


def _done(request: HttpRequest, membership: Membership, said: str) -> HttpResponse:
    messages.success(request, said)
    return redirect("ai_help", membership.project.slug)


def _page(
    request: HttpRequest, membership: Membership, *, arms_form: Form | None = None,
    checks_form: Form | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    project = membership.project
    effects = anchoring.readout(project)
    version = project.rubric.released
    return show(
        request, membership, "annotations/ai_help.html", active=ACTIVE, status=status,
        rows=[_row(project, effect) for effect in effects], charts=_charts(effects),
        has_effects=any(one.accuracy_shift and one.accuracy_shift.is_defined for one in effects),
        checks=_checks(project), notes=_notes(project, version),
        qualifying=_qualifying(project), version=version,
        arms_form=arms_form or ArmsForm(initial=_shares(project)),
        checks_form=checks_form or ChecksForm(initial=_mix(project)),
    )  # fmt: skip


def _row(project: Project, effect: Effect) -> dict[str, Any]:
    share = {
        Arm.REVEAL: project.reveal_share, Arm.EVIDENCE: project.evidence_share,
        Arm.SHOWN: project.shown_share,
    }  # fmt: skip
    arm = effect.arm
    return {
        "effect": effect, "name": NAMES[arm], "sees": SEES[arm], "counts": COUNTS[arm],
        "share": share.get(arm, max(0.0, 1 - sum(share.values()))),
        "is_suspended": arm in project.suspended_arms, "can_be_suspended": arm != Arm.BLIND,
    }  # fmt: skip


def _charts(effects: list[Effect]) -> list[dict[str, str]]:
    """Accuracy and adoption, each arm minus blind, as forest plots wide and narrow."""
    drawn = []
    for name, title, help_text in (
        ("accuracy_shift", "Right answers: percentage points above blind",
         "Against what an adjudicator decided. Left of zero the help does harm."),
        ("adoption_shift", "Wrong AI answers adopted: percentage points above blind",
         "How much oftener the final answer is the AI's where the AI was wrong. Zero is best."),
    ):  # fmt: skip
        rows = [
            ForestRow(NAMES[one.arm], *_drawn(getattr(one, name)))
            for one in effects
            if getattr(one, name) is not None
        ]
        zero = [Reference(0.0, "no difference")]
        drawn.append({
            "title": title, "help": help_text,
            "wide": forest(rows, title=title, references=zero, domain=(-100.0, 100.0)),
            "compact": forest(rows, title=title, references=zero, domain=(-100.0, 100.0), compact=True),
        })  # fmt: skip
    return drawn


def _drawn(e: Estimate) -> tuple[float | None, float | None, float | None, int, str]:
    """In percentage points, to a tenth."""
    value, low, high = (None if x is None else round(100 * x, 1) for x in (e.value, e.low, e.high))
    return value, low, high, e.n, e.reason or ""


def _shares(project: Project) -> dict[str, float]:
    return {
        "reveal": project.reveal_share, "evidence": project.evidence_share,
        "shown": project.shown_share,
    }  # fmt: skip


def _mix(project: Project) -> dict[str, Any]:
    names = ("check_share", "qualification_size", "qualification_mark", "training_size")
    return {name: getattr(project, name) for name in names}


def _checks(project: Project) -> list[tuple[str, int]]:
    """How many of each kind were answered, by all together."""
    answered = Check.objects.filter(project=project, answered_at__isnull=False)
    return [(name, answered.filter(purpose=purpose).count()) for purpose, name in PURPOSES.items()]


def _notes(project: Project, version: RubricVersion | None) -> list[str]:
    """What stands in the way of the checks that are asked for, and what to do about it."""
    if version is None:
        return ["No rubric version is released yet, so nothing is settled to check against."]
    notes = []
    if project.check_share and not known.known_gold(project, version).exists():
        notes.append(
            "No case is settled under this version yet, so no known gold and no planted answers come."
        )
    teachable, size = known.teachable_count(project, version), project.qualification_size
    if size and teachable < size:
        notes.append(
            f"The qualification is off: it needs {size} decided cases under this version, and "
            f"there are {teachable}. Adjudicate more, or mark settled cases as training."
        )
    criteria = [q.criterion_id for q in questions_of(version.pk)]
    first = version.number == 1
    if project.training_size and not first and not _has_lessons(project, version, criteria):
        notes.append(
            f"There is no training on {version} yet: settle cases under it, or mark decided ones "
            "as training."
        )
    return notes


def _has_lessons(project: Project, version: RubricVersion, criteria: list[int]) -> bool:
    return known.lesson_gold(project, version, criteria).exists()


def _qualifying(project: Project) -> list[dict[str, Any]]:
    names = members.names_in(project)
    return [
        {"name": names.get(one.rater.user_id or 0, one.rater.name), "standing": one}
        for one in entrance.qualifying(project)
    ]
