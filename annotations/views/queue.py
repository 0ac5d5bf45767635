"""The leads' board: what waits, who has what, and what to do about it. Every count is loaded apart."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from annotations import board, jobs, overlap, steering
from annotations.charts import CoursePoint, course
from annotations.errors import BadInput, Conflict
from annotations.models import Case, Job, Membership, Project, Slot
from annotations.permissions import LEADS
from annotations.selection import NO_CATEGORY, Selection
from annotations.statuses import SlotPurpose, SlotStatus
from annotations.views.doors import member_page, show

ACTIVE = "Queue"
PAGE = 25
JOBS_SHOWN = 5
BATCHES_LISTED = 200
# What a job is called on the board, by its kind.
DOES = {
    "change_overlap": "Overlap",
    "hold_places": "Hold",
    "release_places": "Release",
    "assign_places": "Give by hand",
    "unassign_places": "Give back to all",
    "open_places": "Open places",
    "move_places": "Move to the released rubric",
    "reprioritise": "Order anew",
    "sample_by_score": "Draw audit cases by score",
}
STATE_WORDS = {
    "open": "place open", "in_work": "in work", "done": "place done", "held": "held back",
    "given": "given by hand", "new": "no places yet", "adjudication": "waits for an adjudicator",
    "settled": "settled",
}  # fmt: skip
CHANGED = {
    "cases": "case{s}", "drawn": "case{s} drawn", "places": "place{s}",
    "places_opened": "place{s} opened", "places_closed": "place{s} closed", "settled": "settled",
    "left_to_others": "left to others",
}  # fmt: skip


@member_page(LEADS)
@require_safe
def queue(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The page: its counts, places in work and cases come after it."""
    return _page(request, membership)


@member_page(LEADS)
@require_safe
def counts(request: HttpRequest, membership: Membership) -> HttpResponse:
    """What waits, by batch, category, severity and version; progress and the time it will take."""
    project = membership.project
    summary = board.summary(project)
    points = [CoursePoint(label, done) for label, done in board.history(project)]
    found = {
        "summary": summary,
        "outlook": board.outlook(project, left=summary.counts.left),
        "wide": course(points, summary.counts.total),
        "compact": course(points, summary.counts.total, compact=True),
        "groups": [
            {"name": name, "rows": [(row, urlencode(row.filters)) for row in rows]}
            for name, rows in (
                ("Batch", summary.by_batch), ("Category", summary.by_category),
                ("Severity foreseen", summary.by_severity), ("Rubric", summary.by_version),
            )
            if len(rows) > 1 or name == "Batch"
        ],
    }  # fmt: skip
    return _page(request, membership, part="counts", counts=found)


@member_page(LEADS)
@require_safe
def work(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Who has which case, and for how long yet."""
    now = timezone.now()
    rows = [
        {"slot": slot, "left": slot.leased_until and (slot.leased_until - now).total_seconds() / 60}
        for slot in board.in_work(membership.project)
    ]
    return _page(request, membership, part="work", work={"rows": rows})


@member_page(LEADS)
@require_safe
def cases(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The cases that the filters leave, a page at a time, and what can be done with them."""
    return _page(request, membership, part="cases", cases=_cases(request.GET, membership.project))


@member_page(LEADS)
@require_safe
def changes(request: HttpRequest, membership: Membership) -> HttpResponse:
    """The last changes to the queue, and how far each is."""
    return _page(request, membership, part="changes")


@member_page(LEADS)
@require_POST
def pause(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Stop giving out cases, or go on."""
    project = membership.project
    if request.POST.get("act") == "resume":
        steering.resume(project, by=membership.user)
        messages.success(request, "The queue gives out cases again.")
    else:
        steering.pause(project, by=membership.user)
        messages.success(request, "The queue is paused: what is in work may be finished.")
    return redirect("queue", project.slug)


@member_page(LEADS)
@require_POST
def change(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Ask for a change to the ticked cases, or to all that the filters leave."""
    project, sent = membership.project, request.POST
    try:
        job = board.ask(
            project, act=sent.get("act", ""), selection=_chosen(sent), by=membership.user,
            rater=sent.get("rater", ""), to=_number(sent.get("to", "")),
            way=sent.get("way", overlap.SET),
        )  # fmt: skip
    except BadInput as error:
        found = _cases(sent, project)
        return _page(request, membership, status=422, error=error, cases=found)
    if job.is_live:
        messages.info(request, f"{DOES[job.kind]}: asked for. It goes on if you leave this page.")
    else:
        messages.success(request, f"{DOES[job.kind]}: {_result(job)}.")
    return redirect(f"{reverse('queue', args=[project.slug])}?{_query(_selection(sent))}")


@member_page(LEADS)
@require_POST
def rule(request: HttpRequest, membership: Membership) -> HttpResponse:
    """How many raters cases get from now on."""
    project, sent = membership.project, request.POST
    share = _number(sent.get("audit", ""))
    try:
        overlap.set_rule(
            project, rule=sent.get("rule", ""), overlap=_number(sent.get("overlap", "")) or 0,
            most=_number(sent.get("most", "")) or 0, audit_share=-1 if share is None else share / 100,
            by=membership.user, budget=_budget(sent.get("budget", "")),
            budget_unit=sent.get("unit", "labels"),
        )  # fmt: skip
    except BadInput as error:
        return _page(request, membership, status=422, error=error)
    messages.success(request, "Kept: it holds for what is opened and answered from now on.")
    return redirect("queue", project.slug)


@member_page(LEADS)
@require_POST
def take_back(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """End a rater's lease on a case."""
    try:
        place = steering.take_back(membership.project, slot=pk, by=membership.user)
    except Conflict as error:
        return _page(request, membership, status=409, error=error)
    messages.success(request, f"{place.case} goes to others. What was typed stays as a draft.")
    return redirect("queue", membership.project.slug)


@member_page(LEADS)
@require_POST
def cancel(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Stop a change at its next chunk; what is done stays."""
    job = board.change_of(membership.project, pk)
    if job.is_live:
        jobs.request_cancel(job, by=membership.user)
    return redirect("queue", membership.project.slug)


def _page(
    request: HttpRequest, membership: Membership, *, part: str = "", status: int = 200, **more: Any
) -> HttpResponse:
    """The whole board, or one part of it for htmx; without scripts a part comes in the whole."""
    project = membership.project
    shown = list(board.changes(project)[:JOBS_SHOWN])
    context: dict[str, Any] = {
        "changes": [{"job": j, "does": DOES[j.kind], "what": _what(j), "result": _result(j)}
                    for j in shown],
        "any_live": any(job.is_live for job in shown),
    }  # fmt: skip
    is_fragment = bool(part) and getattr(request, "htmx", False)
    if not is_fragment:
        chosen = _selection(request.POST if request.method == "POST" else request.GET)
        context |= {
            "chosen": chosen, "query": _query(chosen), "states": STATE_WORDS,
            "batches": project.batches.order_by("-pk")[:BATCHES_LISTED],
            "no_category": NO_CATEGORY, "severities": range(5), "most_raters": overlap.MOST,
            "audit_percent": round(project.audit_share * 100), "rule_now": overlap.rule_of(project),
            "learnt": board.learnt(project), "purse": board.purse_words(project),
        }  # fmt: skip
    template = f"annotations/queue.html{f'#{part}' if is_fragment else ''}"
    return show(request, membership, template, active=ACTIVE, status=status, **(context | more))


# ---- filters


def _selection(sent: QueryDict) -> Selection:
    """The filters of the form; what is no filter is left out, since addresses are typed by hand."""
    audit = {"yes": True, "no": False}.get(sent.get("audit", ""))
    state = sent.get("state", "")
    return Selection(
        batch=_number(sent.get("batch", "")),
        category=_clean(sent.get("category", ""))[:80],
        severity=_number(sent.get("severity", "")),
        state=state if state in STATE_WORDS else "",
        audit=audit,
        text=_clean(sent.get("text", ""))[:200],
        version=_number(sent.get("version", "")),
    )


def _chosen(sent: QueryDict) -> Selection:
    """What a change is for: the ticked cases, or all that the filters leave."""
    if sent.get("scope") == "all":
        return _selection(sent)
    ticked = [number for word in sent.getlist("case") if (number := _number(word))]
    if not ticked:
        raise BadInput("Tick at least one case, or choose “all that the filters leave”.")
    return Selection.from_json({"cases": ticked})


def _number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 10 else None


def _budget(word: str) -> int | None:
    """None for no budget; what is no number is refused by the verb."""
    return (_number(word) if _number(word) is not None else -1) if word.strip() else None


def _clean(word: str) -> str:
    return word.replace("\x00", "").strip()


def _query(chosen: Selection) -> str:
    """The filters as they stand in an address."""
    words = chosen.as_json()
    if chosen.audit is not None:
        words["audit"] = "yes" if chosen.audit else "no"
    return urlencode(words)


# ---- cases


def _cases(sent: QueryDict, project: Project) -> dict[str, Any]:
    chosen = _selection(sent)
    found = chosen.cases_of(project)
    after = _number(sent.get("after", "")) or 0
    rows = list(found.filter(pk__gt=after).select_related("batch").order_by("pk")[: PAGE + 1])
    n, is_more = board.count_of(found)
    return {
        "rows": _with_places(rows[:PAGE]),
        "after": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "is_first": not after,
        "n": n, "is_more": is_more, "query": _query(chosen), "filters": _hidden(chosen),
        "is_everything": chosen.is_everything, "raters": board.who_may_label(project),
        "ticked": {_number(word) for word in sent.getlist("case")}, "sent": sent,
        "released": project.rubric.released, "overlap": project.overlap, "most": overlap.MOST,
    }  # fmt: skip


def _hidden(chosen: Selection) -> list[tuple[str, Any]]:
    words = chosen.as_json()
    if chosen.audit is not None:
        words["audit"] = "yes" if chosen.audit else "no"
    return list(words.items())


def _with_places(rows: list[Case]) -> list[dict[str, Any]]:
    """Each case of the page with its places: one query for all."""
    places: dict[int, list[Slot]] = {case.pk: [] for case in rows}
    now = timezone.now()
    found = Slot.objects.filter(case__in=rows, purpose=SlotPurpose.LABEL).select_related(
        "rater", "assigned_to", "rubric_version"
    )
    for slot in found.order_by("case_id", "number"):
        places[slot.case_id].append(slot)
    return [
        {
            "case": case,
            "places": [{"slot": s, "state": _state(s, now)} for s in places[case.pk]],
            "first": places[case.pk][0] if places[case.pk] else None,
        }
        for case in rows
    ]


def _state(slot: Slot, now: Any) -> str:
    if slot.status == SlotStatus.DONE:
        return "done"
    if slot.status == SlotStatus.LEASED and slot.leased_until and slot.leased_until > now:
        return "in work"
    if slot.is_held:
        return "held"
    return "given" if slot.assigned_to_id else "open"


# ---- changes


def _what(job: Job) -> str:
    """For which cases, in words."""
    said = job.arguments.get("selection", {})
    how = job.arguments.get("how", {})
    parts = []
    if job.kind == "sample_by_score":
        return f"{job.arguments['n']:,} asked for"
    if job.kind == "change_overlap":
        words = {"set": "set to", "raise": "raise to", "lower": "lower to"}
        parts.append(f"{words.get(how.get('way'), 'set to')} {how.get('overlap')}")
    if "cases" in said:
        parts.append(f"{len(said['cases'])} ticked")
    shown = {k: v for k, v in said.items() if k != "cases"}
    parts += [f"{name} {STATE_WORDS.get(str(value), value)}" for name, value in shown.items()]
    return ", ".join(parts if said else [*parts, "all cases"])


def _result(job: Job) -> str:
    """What came of it: so far, if it goes on or was cancelled."""
    changed = job.result or job.checkpoint.get("changed") or {}
    said = [
        f"{n:,} {CHANGED[name].format(s='' if n == 1 else 's')}"
        for name, n in changed.items()
        if n and name in CHANGED
    ]
    return ", ".join(said) or "nothing to change"
