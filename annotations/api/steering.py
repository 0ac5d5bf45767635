"""The queue for leads through the API: what waits, pausing it, and changes to many cases as jobs."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import board, jobs, overlap, steering
from annotations.api.doors import ApiView, Refusal, door, read
from annotations.api.estimates import EstimateOut
from annotations.models import Job, Membership, Project
from annotations.overlap import LOWER, MOST, MOST_BUDGET, RAISE, RULES, SET
from annotations.permissions import LEADS
from annotations.selection import MOST_BY_HAND, STATES, Selection
from annotations.statuses import BudgetUnit, JobStatus, choices

CHANGE = OpenApiParameter(
    "change", int, OpenApiParameter.PATH, description="From `queue/changes/`."
)
SLOT = OpenApiParameter("slot", int, OpenApiParameter.PATH, description="A place in work.")


class CountsOut(serializers.Serializer[Any]):
    """Places: open to a rater, leased now, held back, done."""

    open = serializers.IntegerField()
    in_work = serializers.IntegerField()
    held = serializers.IntegerField()
    done = serializers.IntegerField()


class GroupOut(serializers.Serializer[Any]):
    label = serializers.CharField()  # type: ignore[assignment]  # fields leave the class
    counts = CountsOut()


class SummaryOut(serializers.Serializer[Any]):
    """What waits, and how long it will take; null where that is not known yet."""

    paused_since = serializers.DateTimeField(allow_null=True)
    places = CountsOut()
    audit = CountsOut()
    by_batch = GroupOut(many=True)
    by_category = GroupOut(many=True)
    by_severity = GroupOut(many=True)
    by_version = GroupOut(many=True)
    by_purpose = GroupOut(many=True)
    hours_left = serializers.FloatField(allow_null=True)
    days_left = serializers.FloatField(allow_null=True)
    seconds_a_case = serializers.FloatField(allow_null=True)


class PausedOut(serializers.Serializer[Any]):
    paused_since = serializers.DateTimeField(allow_null=True)


class SelectionIn(serializers.Serializer[Any]):
    """Every filter that is given must hold; none at all is the whole project."""

    batch = serializers.IntegerField(required=False, min_value=1)
    category = serializers.CharField(required=False, max_length=80)
    severity = serializers.IntegerField(required=False, min_value=0, max_value=4)
    state = serializers.ChoiceField([(state, state) for state in STATES], required=False)
    audit = serializers.BooleanField(required=False)
    text = serializers.CharField(required=False, max_length=200, help_text="A part of the id.")
    version = serializers.IntegerField(required=False, min_value=1)
    cases = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, allow_empty=False,
        max_length=MOST_BY_HAND,
    )  # fmt: skip


class ChangeIn(serializers.Serializer[Any]):
    act = serializers.ChoiceField([(act, act) for act in board.ACTS])
    selection = SelectionIn()
    rater = serializers.CharField(
        required=False, default="", max_length=40, help_text="`assign`: a member's pseudonym."
    )
    overlap = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=MOST,
        help_text="`overlap`: raters a case.",
    )  # fmt: skip
    way = serializers.ChoiceField(
        [(way, way) for way in (SET, RAISE, LOWER)],
        required=False, default=SET,
    )  # fmt: skip


class ChangeOut(serializers.Serializer[Any]):
    """A change as a job: how far it is, and what it changed so far."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    status = serializers.ChoiceField(choices(JobStatus))
    cases_done = serializers.IntegerField()
    cases = serializers.IntegerField()
    changed = serializers.DictField(child=serializers.IntegerField())
    error = serializers.CharField()


class TakenBackOut(serializers.Serializer[Any]):
    slot = serializers.IntegerField()
    case = serializers.IntegerField()


class RuleIn(serializers.Serializer[Any]):
    """How many raters a case gets: `fixed`, `adaptive` (by votes) or `posterior`."""

    rule = serializers.ChoiceField(list(RULES))
    overlap = serializers.IntegerField(min_value=1, max_value=MOST, help_text="To begin with.")
    most = serializers.IntegerField(min_value=1, max_value=MOST)
    audit_share = serializers.FloatField(min_value=0, max_value=1)
    budget = serializers.IntegerField(
        min_value=0, max_value=MOST_BUDGET, allow_null=True, default=None, required=False,
        help_text="Of the whole project; the posterior rule keeps to it.",
    )  # fmt: skip
    budget_unit = serializers.ChoiceField(choices(BudgetUnit), default=BudgetUnit.LABELS)


class LearntOut(serializers.Serializer[Any]):
    """One criterion: `claimed` and `right` are of the audited cases that the rule would settle."""

    name = serializers.CharField()
    key = serializers.CharField()
    n_audit = serializers.IntegerField()
    tau = serializers.FloatField(help_text="The temperature.")
    claimed = serializers.FloatField(allow_null=True)
    right = EstimateOut()
    ai_counts = serializers.BooleanField()
    ai_reason = serializers.CharField()
    tell_most = serializers.CharField(
        help_text="Whose answer to an open case would tell most. Nobody is barred by it."
    )


class RuleOut(serializers.Serializer[Any]):
    rule = serializers.CharField()
    overlap = serializers.IntegerField()
    most = serializers.IntegerField()
    audit_share = serializers.FloatField()
    budget = serializers.IntegerField(allow_null=True)
    budget_unit = serializers.CharField()
    budget_left = serializers.CharField(help_text="In words; empty without a budget.")
    learnt = LearntOut(many=True)


class QueueSummary(ApiView):
    @door(LEADS, operation_id="queue_summary", responses={200: SummaryOut})
    def get(self, request: Request, membership: Membership) -> Response:
        """What waits by batch, category, severity and rubric version, and the time left."""
        project = membership.project
        found = board.summary(project)
        outlook = board.outlook(project, left=found.counts.left)
        groups = ("by_batch", "by_category", "by_severity", "by_version", "by_purpose")
        body = {
            "paused_since": project.paused_at,
            "places": asdict(found.counts),
            "audit": asdict(found.audit),
            **{name: [{"label": group.label, "counts": asdict(group.counts)}
                      for group in getattr(found, name)] for name in groups},
            "hours_left": outlook.hours,
            "days_left": outlook.days,
            "seconds_a_case": outlook.seconds,
        }  # fmt: skip
        return Response(body)


class QueuePause(ApiView):
    @door(LEADS, operation_id="queue_pause", request=None, responses={200: PausedOut})
    def post(self, request: Request, membership: Membership) -> Response:
        """Give out nothing more; what is in work may be finished. Twice is once."""
        steering.pause(membership.project, by=membership.user)
        return Response({"paused_since": membership.project.paused_at})


class QueueResume(ApiView):
    @door(LEADS, operation_id="queue_resume", request=None, responses={200: PausedOut})
    def post(self, request: Request, membership: Membership) -> Response:
        """Give out cases again."""
        steering.resume(membership.project, by=membership.user)
        return Response({"paused_since": None})


class QueueRule(ApiView):
    @door(LEADS, operation_id="queue_rule", responses={200: RuleOut})
    def get(self, request: Request, membership: Membership) -> Response:
        """How many raters cases get, what the budget is, and what the posterior rule has learnt."""
        return Response(_rule(membership.project))

    @door(
        LEADS, operation_id="queue_set_rule", request=RuleIn,
        responses={200: RuleOut, 422: Refusal},
    )  # fmt: skip
    def put(self, request: Request, membership: Membership) -> Response:
        """Set it for what is opened and answered from now on. Places that are open stay."""
        sent = read(request, RuleIn)
        project = overlap.set_rule(membership.project, by=membership.user, **sent)
        return Response(_rule(project))


def _rule(project: Project) -> dict[str, Any]:
    return {
        "rule": overlap.rule_of(project), "overlap": project.overlap, "most": project.max_overlap,
        "audit_share": project.audit_share, "budget": project.budget,
        "budget_unit": project.budget_unit,
        "budget_left": board.purse_words(project),
        "learnt": [
            {**asdict(row), "right": row.right.as_json()} for row in board.learnt(project)
        ],
    }  # fmt: skip


class QueueChanges(ApiView):
    @door(
        LEADS, operation_id="queue_change", request=ChangeIn,
        responses={202: ChangeOut, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership) -> Response:
        """Ask for a change to many cases. It answers at once; the worker does it in chunks."""
        sent = read(request, ChangeIn)
        job = board.ask(
            membership.project, act=sent["act"], selection=Selection.from_json(sent["selection"]),
            by=membership.user, rater=sent["rater"], to=sent["overlap"], way=sent["way"],
        )  # fmt: skip
        return Response(change_of(job), status=202)


class QueueChange(ApiView):
    @door(LEADS, operation_id="queue_change_read", parameters=[CHANGE], responses={200: ChangeOut})
    def get(self, request: Request, membership: Membership, change: int) -> Response:
        """How far a change is."""
        return Response(change_of(board.change_of(membership.project, change)))


class QueueChangeCancel(ApiView):
    @door(
        LEADS, operation_id="queue_change_cancel", parameters=[CHANGE], request=None,
        responses={200: ChangeOut},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, change: int) -> Response:
        """Stop a change at its next chunk; what is done stays."""
        job = board.change_of(membership.project, change)
        if job.is_live:
            jobs.request_cancel(job, by=membership.user)
            job.refresh_from_db()
        return Response(change_of(job))


class QueueTakeBack(ApiView):
    @door(
        LEADS, operation_id="queue_take_back", parameters=[SLOT], request=None,
        responses={200: TakenBackOut, 409: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership, slot: int) -> Response:
        """End a rater's lease, so that the case goes to others; the draft stays."""
        place = steering.take_back(membership.project, slot=slot, by=membership.user)
        return Response({"slot": place.pk, "case": place.case_id})


def change_of(job: Job) -> dict[str, Any]:
    return {
        "id": job.pk,
        "kind": job.kind,
        "status": job.status,
        "cases_done": job.done,
        "cases": job.total,
        "changed": job.result or job.checkpoint.get("changed") or {},
        "error": job.error,
    }
