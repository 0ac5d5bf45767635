"""Prevalence: every estimate with the labels that it rests on, what more labels would buy, and draws."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import balance, differences, frame, prevalence, sampling, strata
from annotations.api.doors import ApiView, Refusal, asked, door, read
from annotations.api.estimates import EstimateOut
from annotations.api.steering import ChangeOut, change_of
from annotations.balance import Balance
from annotations.errors import BadInput, NotFound
from annotations.frame import BATCH, Judge
from annotations.measurement.prevalence.differences import Comparison
from annotations.models import Batch, CriterionVersion, Membership, Project
from annotations.permissions import LEADS, READERS
from annotations.prevalence import Group

LIKE, THESE = "like", "these"
NEXT = 100


class TallyOut(serializers.Serializer[Any]):
    """How many cases there are, how many labels are used, and why the others are not."""

    cases = serializers.IntegerField(help_text="Of the population that the figures speak of.")
    drawn = serializers.IntegerField()
    used = serializers.IntegerField()
    positives = serializers.IntegerField()
    simulated = serializers.IntegerField(help_text="Of the used: settled with simulated raters.")
    waiting = serializers.IntegerField()
    disputed = serializers.IntegerField()
    cant_tell = serializers.IntegerField()
    not_applicable = serializers.IntegerField()
    earlier_wording = serializers.IntegerField()
    rests_on_ai = serializers.IntegerField()
    unasked = serializers.IntegerField()
    settled_undrawn = serializers.IntegerField()
    no_chance = serializers.IntegerField()
    no_label_yet = serializers.IntegerField()
    census = serializers.IntegerField()


class GroupPrevalenceOut(serializers.Serializer[Any]):
    """One group of cases; `shown` is the estimate to use, the others are there to compare."""

    label = serializers.CharField()  # type: ignore[assignment]  # fields leave the class
    labels = TallyOut()
    shown = EstimateOut()
    raw = EstimateOut(help_text="The judge's own rate, biased by its errors.")
    human_only = EstimateOut()
    ppi = EstimateOut()
    rogan_gladen = EstimateOut()
    anytime = EstimateOut(help_text="Holds if you look again after every label.")


class ComparisonOut(serializers.Serializer[Any]):
    """First minus second; q over all comparisons of the answer."""

    first = serializers.CharField()
    second = serializers.CharField()
    difference = EstimateOut()
    p_value = serializers.FloatField(allow_null=True)
    q_value = serializers.FloatField(allow_null=True)
    is_paired = serializers.BooleanField()


class BalanceRowOut(serializers.Serializer[Any]):
    """Both ways to fail, of one group of cases."""

    label = serializers.CharField()  # type: ignore[assignment]  # fields leave the class
    not_unsafe = EstimateOut()
    not_overrefuse = EstimateOut()
    balanced = EstimateOut()


class PrevalenceOut(serializers.Serializer[Any]):
    """How common a positive answer is among all cases, and in each group."""

    criterion = serializers.CharField()
    rubric_version = serializers.IntegerField()
    positive = serializers.ListField(child=serializers.CharField())
    judge = serializers.CharField(allow_null=True)
    by = serializers.CharField(allow_null=True)
    batch = serializers.CharField(allow_null=True)
    of = serializers.ChoiceField([(THESE, "these cases"), (LIKE, "cases like these")])
    helped_sheets = serializers.IntegerField(help_text="Given with the AI's help: never used.")
    overall = GroupPrevalenceOut()
    groups = GroupPrevalenceOut(many=True)
    comparisons = ComparisonOut(many=True)
    balance = BalanceRowOut(many=True)


class StratumOut(serializers.Serializer[Any]):
    """Cases of like score: how many there are, and how many would be drawn."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    cases = serializers.IntegerField()
    open = serializers.IntegerField()
    take = serializers.IntegerField()
    labels = serializers.IntegerField()
    positives = serializers.IntegerField()
    probability = serializers.FloatField()


class PlanOut(serializers.Serializer[Any]):
    """A draw before it is made; `in_slice` goes back as `seen` when it is asked for."""

    criterion = serializers.CharField()
    judge = serializers.CharField(allow_null=True)
    in_slice = serializers.IntegerField()
    cases = serializers.IntegerField(help_text="That would be drawn.")
    places = serializers.IntegerField(help_text="Sheets that it asks for, at most.")
    strata = StratumOut(many=True)


class DrawIn(serializers.Serializer[Any]):
    n = serializers.IntegerField(min_value=1, max_value=sampling.MOST_DRAWN)
    seen = serializers.IntegerField(
        min_value=0, help_text="`in_slice` of the plan: so that the same request draws once."
    )
    criterion = serializers.CharField(required=False, default="", max_length=60)
    judge = serializers.CharField(required=False, default="", max_length=120)
    batch = serializers.CharField(required=False, default="", max_length=160)


CHOICES = [
    OpenApiParameter("criterion", str, description="A key of the rubric; its first if not said."),
    OpenApiParameter(
        "judge", str, description="A judge's name; the pre-labelling ensemble if not said."
    ),
    OpenApiParameter("batch", str, description="A batch's name."),
]


class Prevalence(ApiView):
    @door(
        READERS, operation_id="prevalence_read",
        parameters=[
            *CHOICES,
            OpenApiParameter("by", str, description="The name of a stratum, or batch."),
            OpenApiParameter("of", str, enum=[THESE, LIKE],
                             description="These cases (the population), or cases like these."),
        ],
        responses={200: PrevalenceOut, 422: Refusal},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response:
        """Estimates from the audit slice's blind labels, each with interval, n and method."""
        project = membership.project
        question, judge, batch = _chosen(project, {name: asked(request, name) for name in
                                                   ("criterion", "judge", "batch")})  # fmt: skip
        known = strata.comparable(project)
        by, of = asked(request, "by"), asked(request, "of") or THESE
        if by and by != BATCH and by not in known:
            raise BadInput(
                f"“{by[:60]}” is no stratum to break down by: use {', '.join([BATCH, *known])}."
            )
        if of not in (THESE, LIKE):
            raise BadInput(f"“{of[:60]}” is no population: say {THESE} or {LIKE}.")
        values = list(known.get(by, ()))
        report = prevalence.measure(
            project, question, judge=judge, batch=batch, by=by, values=values, endless=of == LIKE
        )
        compared, _ = differences.compare_groups(report.groups, endless=report.endless)
        unsafe, refusal = balance.guess(_questions(project))
        both = balance.measure(
            project, unsafe=unsafe, refusal=refusal, judge=judge.key if judge else "", batch=batch,
            by=by, values=values, endless=of == LIKE,
        )  # fmt: skip
        return Response({
            "criterion": question.criterion.key,
            "rubric_version": question.version.number,
            "positive": question.criterion.positive,
            "judge": judge.key if judge else None,
            "by": by or None,
            "batch": batch.name if batch else None,
            "of": of,
            "helped_sheets": report.helped,
            "overall": _group(report.whole),
            "groups": [_group(group) for group in report.groups],
            "comparisons": [_comparison(one) for one in compared],
            "balance": _balance(both),
        })  # fmt: skip


class PrevalenceNext(ApiView):
    @door(
        READERS, operation_id="prevalence_next",
        parameters=[*CHOICES, OpenApiParameter("n", int, description=f"Cases; {NEXT} if not said.")],
        responses={200: PlanOut, 422: Refusal},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response:
        """Which cases would be drawn, by groups of like score. Changes nothing."""
        project = membership.project
        question, judge, batch = _chosen(project, {name: asked(request, name) for name in
                                                   ("criterion", "judge", "batch")})  # fmt: skip
        word = asked(request, "n") or str(NEXT)
        if (
            not word.isascii()
            or not word.isdecimal()
            or not 1 <= int(word[:9]) <= sampling.MOST_DRAWN
        ):
            raise BadInput(f"“n” is a number from 1 to {sampling.MOST_DRAWN:,}.")
        plan = sampling.plan(project, question, n=int(word), judge=judge, batch=batch)
        return Response({
            "criterion": question.criterion.key,
            "judge": judge.key if judge else None,
            "in_slice": plan.in_slice,
            "cases": plan.take,
            "places": plan.places,
            "strata": [{**asdict(one), "probability": one.probability} for one in plan.strata],
        })  # fmt: skip


class PrevalenceDraws(ApiView):
    @door(
        LEADS, operation_id="prevalence_draw", request=DrawIn,
        responses={202: ChangeOut, 409: Refusal, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership) -> Response:
        """Draw more audit cases by the judge's score, as a change of the queue."""
        sent = read(request, DrawIn)
        question, judge, batch = _chosen(membership.project, sent)
        job = sampling.ask(
            membership.project, question, n=sent["n"], judge=judge, seen=sent["seen"], batch=batch,
            by=membership.user,
        )  # fmt: skip
        return Response(change_of(job), status=202)


def _questions(project: Project) -> list[CriterionVersion]:
    version = project.rubric.released
    return list(version.criteria.select_related("criterion", "version")) if version else []


def _chosen(
    project: Project, words: dict[str, Any]
) -> tuple[CriterionVersion, Judge | None, Batch | None]:
    """Criterion, judge and batch by name. Raises `BadInput` that names what there is."""
    questions, key = _questions(project), words["criterion"]
    if not questions:
        raise BadInput("Release a rubric first: prevalence is measured on its criteria.")
    question = next((q for q in questions if q.criterion.key == key), None if key else questions[0])
    if question is None:
        known = ", ".join(q.criterion.key for q in questions)
        raise BadInput(f"The released rubric has no criterion “{key[:60]}”, but: {known}.")
    name = words["batch"]
    batch = project.batches.filter(name=name).first() if name else None
    if name and batch is None:
        raise NotFound(f"There is no batch “{name[:60]}” in this project.")
    return question, frame.judge_named(frame.judges_of(project, question), words["judge"]), batch


def _group(group: Group) -> dict[str, Any]:
    figures = group.figures.as_json()
    del figures["n"], figures["N"]
    return {"label": group.label, "labels": asdict(group.tally), **figures}


def _comparison(one: Comparison) -> dict[str, Any]:
    return {
        "first": one.first, "second": one.second, "difference": one.difference.as_json(),
        "p_value": one.p_value, "q_value": one.q_value, "is_paired": one.is_paired,
    }  # fmt: skip


def _balance(found: Balance) -> list[dict[str, Any]]:
    return [
        {
            "label": row.label, "not_unsafe": row.not_unsafe.as_json(),
            "not_overrefuse": row.not_overrefuse.as_json(), "balanced": row.balanced.as_json(),
        }
        for row in found.rows
    ]  # fmt: skip
