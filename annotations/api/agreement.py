"""Agreement of people's first, blind answers, criterion by criterion."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import agreement, strata
from annotations.agreement import CriterionAgreement
from annotations.api.doors import ApiView, Refusal, asked, door
from annotations.api.estimates import EstimateOut
from annotations.errors import BadInput
from annotations.models import Membership
from annotations.permissions import READERS
from annotations.statuses import Scale, choices


class OtherRatersOut(serializers.Serializer[Any]):
    """The interval of the same value that speaks of other raters like these too."""

    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    method = serializers.CharField()
    reason = serializers.CharField(allow_null=True)


class CoefficientOut(EstimateOut):
    """A coefficient with its interval over cases and, with three raters or more, over raters too."""

    over_raters = OtherRatersOut(required=False)


class ReportOut(serializers.Serializer[Any]):
    """Every coefficient of one set of labels, by name."""

    n_items = serializers.IntegerField()
    n_raters = serializers.IntegerField()
    n_labels = serializers.IntegerField()
    coefficients = serializers.DictField(child=CoefficientOut())


class CriterionAgreementOut(serializers.Serializer[Any]):
    """One criterion: overall, and by stratum where one was asked for."""

    criterion = serializers.CharField()
    scale = serializers.ChoiceField(choices(Scale))
    rubric_version = serializers.IntegerField()
    people = serializers.IntegerField()
    simulated = serializers.IntegerField(help_text="Raters that are no people.")
    cant_tell = EstimateOut()
    overall = ReportOut()
    strata = serializers.DictField(child=ReportOut())


class AgreementOut(serializers.Serializer[Any]):
    by = serializers.CharField(allow_null=True)
    batch = serializers.CharField(allow_null=True)
    criteria = CriterionAgreementOut(many=True)


class Agreement(ApiView):
    @door(
        READERS, operation_id="agreement_read",
        parameters=[
            OpenApiParameter("by", str, description="The name of a stratum, such as target."),
            OpenApiParameter("batch", str, description="A batch's name."),
        ],
        responses={200: AgreementOut, 422: Refusal},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response:
        """Krippendorff's alpha and its companions, each with interval and n."""
        project = membership.project
        by, name = asked(request, "by") or None, asked(request, "batch") or None
        if by is not None and by not in (known := strata.names(project)):
            raise BadInput(f"“{by[:60]}” is no stratum to compare by: use {', '.join(known)}.")
        batch = project.batches.filter(name=name).first() if name else None
        if name and batch is None:
            raise BadInput(f"There is no batch “{name[:60]}” in this project.")
        version = project.rubric.released
        questions = version.criteria.select_related("criterion", "version") if version else []
        found = [agreement.measure(project, q, batch=batch, by=by) for q in questions]
        return Response({"by": by, "batch": name, "criteria": [_shown(one) for one in found]})


def _shown(found: CriterionAgreement) -> dict[str, Any]:
    question = found.question
    return {
        "criterion": question.criterion.key,
        "scale": question.scale,
        "rubric_version": question.version.number,
        "people": found.people,
        "simulated": found.simulated,
        "cant_tell": found.cant_tell.as_json(),
        "overall": found.report.as_json(),
        "strata": {name: report.as_json() for name, report in found.strata.items()},
    }
