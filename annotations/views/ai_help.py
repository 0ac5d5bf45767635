"""For leads: what help the AI gives, what it does to people, and how raters are checked."""

from collections.abc import Sequence
from math import ceil
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from annotations import anchoring, arms, checks, entrance, known, members, watching
from annotations.anchoring import Effect, Figure
from annotations.charts import ForestRow, Reference, forest
from annotations.errors import BadInput
from annotations.forms import ArmsForm, ChecksForm
from annotations.measurement.results import Estimate
from annotations.measurement.sequential import TOLERATED, Evidence
from annotations.models import (
    Check,
    CriterionVersion,
    Membership,
    Project,
    RubricVersion,
    Suspension,
)
from annotations.permissions import LEADS
from annotations.rubrics import questions_of
from annotations.statuses import Arm, SlotPurpose
from annotations.views.doors import member_page, show
from annotations.watching import NAMES

ACTIVE = "AI help"
MOST_WORDS = 2_000
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
    arm, project, by = Arm(word), membership.project, membership.user
    if request.POST.get("act") != "resume":
        arms.suspend(project, arm, by=by)
        return _done(request, membership, f"“{NAMES[arm]}” is suspended: its cases are blind.")
    arms.resume(project, arm, by=by, reason=request.POST.get("reason", "")[:MOST_WORDS])
    return _done(request, membership, f"“{NAMES[arm]}” goes on. The rule counts from now.")


def _done(request: HttpRequest, membership: Membership, said: str) -> HttpResponse:
    messages.success(request, said)
    return redirect("ai_help", membership.project.slug)


def _page(
    request: HttpRequest, membership: Membership, *, arms_form: Form | None = None,
    checks_form: Form | None = None, status: int = 200,
) -> HttpResponse:  # fmt: skip
    project = membership.project
    record = anchoring.read(project)
    effects = anchoring.readout(record)
    version = project.rubric.released
    evidence = watching.evidence_by_arm(project, record)
    return show(
        request, membership, "annotations/ai_help.html", active=ACTIVE, status=status,
        rows=[_row(project, effect, evidence.get(effect.arm)) for effect in effects],
        charts=_charts(effects, project), suspensions=_suspensions(project),
        alphas=_alphas(effects, project), tolerated=TOLERATED,
        has_effects=any(one.accuracy.value.n for one in effects),
        checks=_checks(project), notes=_notes(project, version),
        qualifying=_qualifying(project), version=version, names=members.names_in(project),
        arms_form=arms_form or ArmsForm(initial=_shares(project)),
        checks_form=checks_form or ChecksForm(initial=_mix(project)),
    )  # fmt: skip


def _row(project: Project, effect: Effect, evidence: Evidence | None) -> dict[str, Any]:
    share = {
        Arm.REVEAL: project.reveal_share, Arm.EVIDENCE: project.evidence_share,
        Arm.SHOWN: project.shown_share,
    }  # fmt: skip
    arm = effect.arm
    return {
        "effect": effect, "name": NAMES[arm], "sees": SEES[arm], "counts": COUNTS[arm],
        "share": share.get(arm, max(0.0, 1 - sum(share.values()))),
        "is_suspended": arm in project.suspended_arms, "can_be_suspended": arm != Arm.BLIND,
        "evidence": _told(evidence) if evidence else None,
        "since": watching.counts_from(project, arm) if evidence else None,
    }  # fmt: skip


def _told(evidence: Evidence) -> dict[str, Any]:
    """The rule's present value, its peak and its parts, in words."""
    return {
        "now": watching.odds(evidence.e), "peak": watching.odds(evidence.peak),
        "needed": watching.odds(evidence.needed),
        "parts": [(one.name, watching.odds(one.e), one.n) for one in evidence.processes],
    }  # fmt: skip


def _suspensions(project: Project) -> list[dict[str, Any]]:
    """What was stopped and let go on again, the newest first."""
    found = Suspension.objects.filter(project=project).order_by("-at")[:50]
    return [
        {
            "name": NAMES[Arm(one.arm)],
            "one": one,
            "odds": watching.odds(one.evidence.get("evidence")),
        }
        for one in found
    ]


# What the forest plots show: the figure, its title, how to read it, and on which scale.
PLOTS = (
    ("accuracy", "Right on decided cases: points above blind",
     "Left of zero the help does harm. An arm that helps before the answer is compared only on cases "
     "that would have been decided whatever its rater said."),
    ("departures", "Departing from another person's blind answer: points above blind",
     "On all cases that two answered, decided or not. Right of zero the help does harm."),
    ("planted", "Planted wrong answers adopted: points above blind",
     "First answers against last words of the same people on sentinels. Zero is best."),
    ("adoption", "The AI's own errors adopted: points above blind",
     "On decided cases on which the AI was wrong. Zero is best."),
    ("cant_tell", "Can't tell: points above blind", "Neither side is the better one."),
)  # fmt: skip


def _charts(effects: list[Effect], project: Project) -> list[dict[str, str]]:
    """Each arm minus blind, figure by figure, as forest plots wide and narrow."""
    drawn = []
    for name, title, help_text in PLOTS:
        shifts = [(NAMES[one.arm], getattr(one, name).shift) for one in effects]
        rows = [ForestRow(arm, *_drawn(shift)) for arm, shift in shifts if shift is not None]
        drawn.append(_pair(rows, title, help_text, domain=_domain(rows)))
    ratios = [
        ForestRow(NAMES[one.arm], *_ends(one.seconds_ratio))
        for one in effects
        if one.seconds_ratio is not None
    ]
    help_text = (
        "How many times as long as blind an answer takes, by geometric means. Left of 1 is faster."
    )
    drawn.append(_pair(ratios, "Seconds: times blind", help_text, zero=Reference(1.0, "as blind")))
    for question in _questions(project):
        rows = [
            ForestRow(NAMES[one.arm], *_ends(figure.shift))
            for one in effects
            if (figure := one.alpha.get(question.criterion_id)) is not None and figure.shift
        ]
        title = f"Alpha on {question.name}: within the arm, minus blind"
        drawn.append(_pair(rows, title, "Help that all follow raises agreement, right or wrong."))
    return [one for one in drawn if one]


def _pair(
    rows: list[ForestRow], title: str, help_text: str, *,
    domain: tuple[float, float] | None = None, zero: Reference | None = None,
) -> dict[str, str]:  # fmt: skip
    """Both sizes of one plot; nothing where no row has a value."""
    if not any(row.value is not None for row in rows):
        return {}
    references = [zero or Reference(0.0, "no difference")]
    wide, compact = (
        forest(rows, title=title, references=references, domain=domain, compact=narrow)
        for narrow in (False, True)
    )
    return {"title": title, "help": help_text, "wide": wide, "compact": compact}


def _domain(rows: list[ForestRow]) -> tuple[float, float]:
    """As far as anything reaches on either side of zero, in steps of ten points."""
    ends = [x for row in rows for x in (row.value, row.low, row.high) if x is not None]
    most = max((abs(x) for x in ends), default=0.0)
    reach = min(100.0, max(10.0, 10.0 * ceil(most / 10)))
    return -reach, reach


def _alphas(effects: list[Effect], project: Project) -> list[dict[str, Any]]:
    """A line a criterion and arm: agreement within the arm, and its difference to blind."""
    return [
        {"question": question.name, "arm": NAMES[one.arm], "figure": figure}
        for question in _questions(project)
        for one in effects
        if (figure := one.alpha.get(question.criterion_id)) is not None and _tells(figure)
    ]


def _tells(figure: Figure) -> bool:
    return figure.value.is_defined


def _questions(project: Project) -> Sequence[CriterionVersion]:
    version = project.rubric.released
    return questions_of(version.pk) if version else ()


def _drawn(e: Estimate) -> tuple[float | None, float | None, float | None, int, str]:
    """In percentage points, to a tenth."""
    value, low, high = (None if x is None else round(100 * x, 1) for x in (e.value, e.low, e.high))
    return value, low, high, e.n, e.reason or ""


def _ends(e: Estimate) -> tuple[float | None, float | None, float | None, int, str]:
    return e.value, e.low, e.high, e.n, e.reason or ""


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
