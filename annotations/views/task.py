"""One case to label, as a page part: the case itself, and the form, which is the same for every case.

The form of a released rubric version is rendered once and remembered; what a draft holds is put in by
the browser, from the JSON beside it.
"""

from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from annotations import arms, desk, queue, sittings
from annotations.errors import BadInput
from annotations.models import Membership, Rater, RubricVersion, Slot
from annotations.rubrics import moment, questions_of
from annotations.statuses import Arm, RubricStatus
from annotations.views import sheets
from annotations.views.sheets import Sent

SKIP_REASONS = (
    "I know the people or the source",
    "I can't read this language or subject well enough",
    "I would rather not read this",
    "The case is broken or cut off",
    "Another reason",
)
# What the remembered form holds in place of the one slot, and of the one session's token.
SLOT_MARK, TOKEN_MARK = "__SLOT__", "__CSRF__"


def fragment(request: HttpRequest, rater: Rater, found: desk.Next) -> HttpResponse:
    """What comes next, as the part that takes the place of the case on screen."""
    return rendered(request, context_of(request, rater, found))


def rendered(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    """The part of this context: a case, or a break."""
    template = "task" if context.get("slot") else "task_break"
    return render(request, f"annotations/{template}.html", context, status=status)


def context_of(request: HttpRequest, rater: Rater, found: desk.Next) -> dict[str, Any]:
    """What the templates of a task read, for whatever comes next."""
    if found.slot is None:
        return {"slot": None, "due": found.due, "sitting": found.sitting, "project": rater.project}
    kept = desk.kept_draft(found.slot, rater=rater) if found.slot.was_own else None
    return context_of_slot(request, rater, found.slot, sent=sheets.sent_of(kept or {}), kept=kept)


def context_of_slot(
    request: HttpRequest, rater: Rater, slot: Slot, *, sent: Sent, kept: Any = None,
    error: BadInput | None = None,
) -> dict[str, Any]:  # fmt: skip
    """One case with its form; the AI's help only in the arms that show it before the answer."""
    versions = questions_of(slot.rubric_version_id)
    shown = _help(slot, rater)
    return {
        "project": slot.project, "slot": slot, "case": slot.case, "sent": sent, "kept": kept,
        "form": form_of(request, slot), "lease": lease_seconds(slot, rater), "error": error,
        "newer": _newer(slot, versions[0].version),
        "masked": is_masked(request), "rubric": versions[0].version, "clauses": versions,
        "draft": sheets.as_json(sent), "evidence": shown.spans, "prefilled": shown.words,
        "precedents": shown.precedents,
    }  # fmt: skip


def _newer(slot: Slot, version: RubricVersion) -> RubricVersion | None:
    """The version that has been released since: this case keeps its own, and the page says so."""
    if version.status == RubricStatus.RELEASED:
        return None
    return RubricVersion.objects.filter(
        rubric=version.rubric_id, status=RubricStatus.RELEASED
    ).first()


def _help(slot: Slot, rater: Rater) -> arms.Help:
    """The AI's passages and precedents, or the answers that it filled in; most cases have none."""
    if slot.arm in ("", Arm.BLIND, Arm.REVEAL):
        return arms.NO_HELP
    return arms.help_for(slot, rater=rater)


def form_of(request: HttpRequest, slot: Slot) -> SafeString:
    """The remembered form of the slot's rubric version, for this slot and this session."""
    html = _form(slot.project.slug, slot.rubric_version_id, moment())
    html = html.replace(SLOT_MARK, str(slot.pk)).replace(TOKEN_MARK, get_token(request))
    return mark_safe(html)  # noqa: S308 (rendered by our own template, which escapes)


@lru_cache(maxsize=64)
def _form(slug: str, version_id: int, _moment: int) -> str:
    versions = questions_of(version_id)
    return render_to_string(
        "annotations/task_form.html",
        {
            "slug": slug, "questions": sheets.on_screen(versions, {}), "clauses": versions,
            "confidences": sheets.CONFIDENCES, "comment_max": sheets.COMMENT_MAX,
            "skip_reasons": SKIP_REASONS, "fields": sheets.FIELDS,
        },
    )  # fmt: skip


def lease_seconds(slot: Slot, rater: Rater) -> int | None:
    """Seconds left of the rater's lease; None when the slot is not the rater's."""
    if slot.rater_id == rater.pk and slot.was_own is not None:
        return int(queue.LEASE.total_seconds())  # just claimed or renewed
    left = queue.lease_left(slot, rater=rater)
    return None if left is None else max(0, int(left.total_seconds()))


def is_masked(request: HttpRequest) -> bool:
    return request.COOKIES.get("mask") == "1"


def progress_of(membership: Membership, rater: Rater) -> dict[str, Any]:
    """Cases done and waiting, minutes left (with a range), exposure: JSON, and what the bar shows."""
    found = queue.progress(rater)
    exposure = sittings.exposure(sittings.current(rater), membership.project, timezone.now())
    low, middle, high = found.pace or (None, None, None)
    return {
        "done": found.done, "waiting": found.waiting, "waiting_is_at_least": found.is_at_least,
        "minutes": _minutes(found.waiting, middle), "minutes_low": _minutes(found.waiting, low),
        "minutes_high": _minutes(found.waiting, high), "exposure": round(exposure.minutes),
        "exposure_cap": exposure.cap,
        "break_in": None if exposure.break_in is None else round(exposure.break_in),
    }  # fmt: skip


def _minutes(cases: int, seconds: float | None) -> int | None:
    return None if seconds is None else max(1, round(cases * seconds / 60))
