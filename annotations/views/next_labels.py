"""What the next labels would buy, and the draw of the cases that give them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from annotations import board, frame, prevalence, queue, sampling
from annotations.charts import Curve, curves
from annotations.errors import BadInput, Conflict
from annotations.measurement.prevalence.next_labels import Outlook, Purchase, outlook
from annotations.models import Job, Membership, Project
from annotations.permissions import LEADS, READERS, has_role
from annotations.sampling import Plan
from annotations.views.doors import member_page, show
from annotations.views.measured import Asked, asked_of, choices, number
from annotations.views.prevalence import ACTIVE

NEXT = 100  # cases that are asked about unless another number is
STEPS = (25, 50, 100, 200, 300, 400, 600)
DRAWS_SHOWN = 5


@member_page(READERS)
@require_safe
def next_labels(request: HttpRequest, membership: Membership) -> HttpResponse:
    """What the next labels would buy, and the draw that gives them, before it is made."""
    asked = asked_of(membership, request.GET)
    return _next_page(request, membership, asked, n=number(request.GET.get("n", "")) or NEXT)


@member_page(READERS)
@require_safe
def draws(request: HttpRequest, membership: Membership) -> HttpResponse:
    """How far the last draws are; without scripts, the page that they stand on."""
    if not getattr(request, "htmx", False):
        return redirect("next_labels", membership.project.slug)
    return show(
        request, membership, "annotations/prevalence_next.html#draws", active=ACTIVE,
        **_draws(membership),
    )  # fmt: skip


@member_page(LEADS)
@require_POST
def draw(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Draw more audit cases by the judge's score, as a job."""
    asked = asked_of(membership, request.POST)
    if asked.question is None:
        raise BadInput("Release a rubric first: cases are drawn for one of its criteria.")
    n, seen = number(request.POST.get("n", "")), number(request.POST.get("seen", ""))
    try:
        sampling.ask(
            asked.project, asked.question, n=n or 0, judge=asked.judge, batch=asked.batch,
            seen=-1 if seen is None else seen, by=membership.user,
        )  # fmt: skip
    except (BadInput, Conflict) as error:
        status = 409 if isinstance(error, Conflict) else 422
        return _next_page(request, membership, asked, n=n or NEXT, status=status, error=error)
    messages.info(request, f"Drawing {n:,} cases. It goes on if you leave this page.")
    return redirect(f"{reverse('next_labels', args=[asked.project.slug])}?{asked.query}")


# ---- what the next labels would buy


def _next_page(
    request: HttpRequest, membership: Membership, asked: Asked, *, n: int, status: int = 200,
    error: Exception | None = None,
) -> HttpResponse:  # fmt: skip
    project = asked.project
    n = max(1, min(n, sampling.MOST_DRAWN))
    context: dict[str, Any] = {"asked": asked, "n": n, "error": error, **choices(asked)}
    if asked.question is not None:
        cases = frame.read(project, asked.question, judge=asked.judge, batch=asked.batch)
        is_open = sampling.open_cases(project, cases, asked.batch)
        plan = sampling.plan_of(cases, is_open, n=n)
        has_figure = asked.question.criterion.positive and cases.used.any()
        steps = tuple(sorted({*STEPS, plan.take or n}))
        found = outlook(prevalence.evidence_of(cases), steps=steps) if has_figure else None
        context |= _bought(project, plan, found)
    context |= {"most": sampling.MOST_DRAWN, **_draws(membership)}
    part = "#next" if getattr(request, "htmx", False) and request.method == "GET" else ""
    return show(
        request, membership, f"annotations/prevalence_next.html{part}", active=ACTIVE,
        status=status, **context,
    )  # fmt: skip


_WAYS: Mapping[str, Callable[[Purchase], float]] = {
    "as drawn so far": lambda bought: bought.width,
    "where they tell most": lambda bought: bought.best_width,
}


def _bought(project: Project, plan: Plan, found: Outlook | None) -> dict[str, Any]:
    """The plan, the curve, and the price at the raters' own pace."""
    pace = board.outlook(project, left=0).seconds
    context: dict[str, Any] = {
        "plan": plan,
        "raters": queue.AUDIT_RATERS,
        "seconds": pace,
        "minutes": None if pace is None else plan.places * pace / 60,
        "hours": None if pace is None else plan.places * pace / 3600,
        "outlook": found,
    }
    if found is None:
        return context
    here = next((one for one in found.purchases if one.labels >= plan.take), found.purchases[-1])
    shown = [one for one in found.purchases if one.labels <= max(STEPS)]
    lines = [
        Curve(label, [(0, found.width * 100), *((p.labels, width(p) * 100) for p in shown)])
        for label, width in _WAYS.items()
    ]
    draw = partial(
        curves, lines, title="Width of the interval against labels", x_label="more settled cases",
        y_label="width of the 95 % interval, points",
    )  # fmt: skip
    return context | {"bought": here, "wide": draw(), "compact": draw(compact=True)}


def _draws(membership: Membership) -> dict[str, Any]:
    """The last draws, newest first."""
    jobs = Job.objects.filter(project=membership.project, kind=sampling.KIND).order_by("-pk")
    last = list(jobs[:DRAWS_SHOWN])
    return {
        "draws": last, "draws_live": any(job.is_live for job in last),
        "can_lead": has_role(membership, LEADS),
    }  # fmt: skip
