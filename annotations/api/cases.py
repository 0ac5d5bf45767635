"""Cases in and out, and what the caller may see of their labels."""

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from annotations import visibility
from annotations.answers import Answer
from annotations.api import posted_cases
from annotations.api.doors import PAGE_PARAMETERS, ApiView, Refusal, asked, door, page, paged, read
from annotations.details import Details
from annotations.errors import NotFound
from annotations.importing import importer
from annotations.models import Annotation, Case, Membership
from annotations.permissions import LEADS, MEMBERS, READERS
from annotations.statuses import (
    Arm,
    CaseStatus,
    ContextDependence,
    Quality,
    RaterKind,
    VerdictStatus,
    choices,
)

MAX_CASES = 5_000
# Named in the settings, so that the schema gives both kinds of status a name of their own.
CASE_STATUSES, VERDICT_STATUSES = choices(CaseStatus), choices(VerdictStatus)


class TurnShape(serializers.Serializer[Any]):
    role = serializers.CharField(max_length=20)
    content = serializers.CharField(allow_blank=True, trim_whitespace=False)


class CaseIn(serializers.Serializer[Any]):
    """One case: a prompt, or a whole conversation whose last assistant's turn is the response."""

    external_id = serializers.CharField(
        max_length=200, required=False, help_text="Yours; without one, made from the content."
    )
    prompt = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    system = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    conversation = TurnShape(many=True, required=False)
    response = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    context = serializers.CharField(  # type: ignore[assignment]  # fields leave the class
        required=False, allow_blank=True, trim_whitespace=False
    )
    family = serializers.CharField(
        max_length=200, required=False, help_text="Shared by all variants of one seed."
    )
    strata = serializers.DictField(
        child=serializers.CharField(max_length=200), required=False,
        help_text="Named groups, such as target or category, that figures are broken down by.",
    )  # fmt: skip


class CasesIn(serializers.Serializer[Any]):
    """All of them are taken, or none."""

    batch = serializers.CharField(max_length=160, default="API", required=False)
    open_slots = serializers.BooleanField(
        default=True, required=False, help_text="Put them into the raters' queue at once."
    )
    cases = serializers.ListField(child=CaseIn(), allow_empty=False, max_length=MAX_CASES)


class CasesTaken(serializers.Serializer[Any]):
    """What was written; the same request again adds nothing."""

    added = serializers.IntegerField()
    there = serializers.IntegerField()
    slots_opened = serializers.IntegerField()
    notes = serializers.ListField(child=serializers.CharField())


class CaseOut(serializers.Serializer[Any]):
    """A case. Names and strata are null for a rater who has yet to answer it."""

    id = serializers.IntegerField()
    external_id = serializers.CharField(allow_null=True)
    family = serializers.CharField(allow_null=True)
    batch = serializers.CharField(allow_null=True)
    strata = serializers.DictField(child=serializers.CharField(), allow_null=True)
    status = serializers.ChoiceField(CASE_STATUSES)
    notice = serializers.CharField(help_text="Why the content should be collapsed at first.")
    context = serializers.CharField()  # type: ignore[assignment]  # fields leave the class
    conversation = TurnShape(many=True)
    response = serializers.CharField()
    is_simulated = serializers.BooleanField()


class VerdictOut(serializers.Serializer[Any]):
    criterion = serializers.CharField()
    revision = serializers.IntegerField(help_text="1 is the first, blind answer.")
    status = serializers.ChoiceField(VERDICT_STATUSES)
    answer = serializers.CharField(help_text="The value, or the status where there is none.")
    score = serializers.FloatField(allow_null=True)
    after_reveal = serializers.BooleanField()


class DetailsOut(serializers.Serializer[Any]):
    """What a sheet says beside its verdicts; empty where the rater said nothing."""

    severity = serializers.IntegerField(allow_null=True, help_text="0 none to 4 major.")
    context_dependence = serializers.ChoiceField(choices(ContextDependence), allow_blank=True)
    deciding_fact = serializers.CharField()
    effects = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField()),
        help_text="At most two rows: who, scale, likelihood, reversibility, horizon, uplift.",
    )
    spans = serializers.ListField(
        child=serializers.DictField(),
        help_text="{criterion, part, start, end, quote}; offsets count code points.",
    )
    quality = serializers.ListField(child=serializers.ChoiceField(choices(Quality)))
    gap = serializers.BooleanField()
    gap_note = serializers.CharField()


class SheetOut(serializers.Serializer[Any]):
    """One rater's sheet, as far as the caller may see it."""

    rater = serializers.CharField(help_text="A pseudonym, or a judge at its revision.")
    rater_kind = serializers.ChoiceField(choices(RaterKind))
    simulated = serializers.BooleanField()
    rubric_version = serializers.IntegerField()
    arm = serializers.ChoiceField(choices(Arm))
    confidence = serializers.IntegerField(allow_null=True)
    comment = serializers.CharField()
    seconds = serializers.FloatField(allow_null=True, help_text="Time on the case, where known.")
    submitted_at = serializers.DateTimeField()
    verdicts = VerdictOut(many=True)
    details = DetailsOut()


class SheetOfCaseOut(SheetOut):
    """A sheet in a list over many cases."""

    case = serializers.IntegerField()
    external_id = serializers.CharField()


FILTERS = [
    OpenApiParameter("status", str, enum=[status.value for status in CaseStatus]),
    OpenApiParameter("batch", str, description="A batch's name."),
    OpenApiParameter("family", str),
]


class Cases(ApiView):
    @door(
        READERS, operation_id="cases_list", parameters=[*FILTERS, *PAGE_PARAMETERS],
        responses={200: paged(CaseOut)},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response:
        """The project's cases, oldest first."""
        wanted = {"status": "status", "batch": "batch__name", "family": "family"}
        chosen = {field: word for name, field in wanted.items() if (word := asked(request, name))}
        rows = Case.objects.filter(project=membership.project, **chosen).select_related("batch")
        return page(self, request, rows, lambda cases: _shown(cases, membership))

    @door(
        LEADS, operation_id="cases_add", request=CasesIn,
        responses={200: CasesTaken, 201: CasesTaken, 422: Refusal},
    )  # fmt: skip
    def post(self, request: Request, membership: Membership) -> Response:
        """Add cases, all or nothing. What is here already, word for word, is left as it is."""
        sent = read(request, CasesIn)
        table, mapping = posted_cases.as_table(sent["cases"])
        choice = importer.Choice(
            mapping=mapping, batch=sent["batch"], open_slots=sent["open_slots"]
        )
        offer = importer.read(table, choice, project=membership.project)
        posted_cases.check(importer.preview(offer, project=membership.project))
        report = importer.take(
            offer, choice, project=membership.project, sha256=_digest(sent["cases"]),
            by=membership.user,
        )  # fmt: skip
        body = {
            "added": report.cases_added,
            "there": report.cases_there,
            "slots_opened": report.slots_opened,
            "notes": [posted_cases.in_words(note) for note in offer.proposal.notes],
        }
        return Response(body, status=201 if report.cases_added else 200)


class CaseDetail(ApiView):
    @door(MEMBERS, operation_id="cases_read", responses={200: CaseOut})
    def get(self, request: Request, membership: Membership, pk: int) -> Response:
        """One case."""
        return Response(_shown([case_of(membership, pk)], membership)[0])


class CaseAnnotations(ApiView):
    @door(MEMBERS, operation_id="annotations_list", responses={200: SheetOut(many=True)})
    def get(self, request: Request, membership: Membership, pk: int) -> Response:
        """The sheets on a case that the caller may see: blindness holds here as on the pages."""
        visible = visibility.sheets_visible_to(membership, case_of(membership, pk))
        rows = visible.select_related("rater", "rubric_version").prefetch_related(
            "verdicts__criterion"
        )
        return Response([_sheet(sheet) for sheet in rows.order_by("id")])


class Sheets(ApiView):
    @door(
        READERS, operation_id="sheets_list", parameters=PAGE_PARAMETERS,
        responses={200: paged(SheetOfCaseOut)},
    )  # fmt: skip
    def get(self, request: Request, membership: Membership) -> Response:
        """Every sheet on the settled cases, people's and judges', with its details."""
        rows = visibility.settled_sheets_for(membership).select_related(
            "rater", "rubric_version", "case"
        ).prefetch_related("verdicts__criterion")  # fmt: skip
        return page(self, request, rows, lambda sheets: [
            {"case": sheet.case_id, "external_id": sheet.case.external_id, **_sheet(sheet)}
            for sheet in sheets
        ])  # fmt: skip


def case_of(membership: Membership, pk: int) -> Case:
    """The case, in the member's project; else `NotFound`."""
    found = Case.objects.filter(pk=pk, project=membership.project).select_related("batch").first()
    if found is None:
        raise NotFound("There is no such case in this project.")
    return found


def _digest(cases: Sequence[dict[str, Any]]) -> str:
    return hashlib.sha256(orjson.dumps(cases, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _shown(cases: Sequence[Case], membership: Membership) -> list[dict[str, Any]]:
    return [
        case_json(case, with_origin=visibility.can_see_origin(membership, case)) for case in cases
    ]


def case_json(case: Case, *, with_origin: bool) -> dict[str, Any]:
    """A case as `CaseOut` says."""
    return {
        "id": case.pk,
        "external_id": case.external_id if with_origin else None,
        "family": case.family if with_origin else None,
        "batch": case.batch.name if with_origin else None,
        "strata": case.strata if with_origin else None,
        "status": case.status,
        "notice": case.notice,
        "context": case.context,
        "conversation": case.conversation,
        "response": case.response,
        "is_simulated": case.is_simulated,
    }


def _sheet(sheet: Annotation) -> dict[str, Any]:
    verdicts = sorted(sheet.verdicts.all(), key=lambda verdict: verdict.pk)
    return {
        "rater": str(sheet.rater),
        "rater_kind": sheet.rater.kind,
        "simulated": sheet.rater.is_simulated,
        "rubric_version": sheet.rubric_version.number,
        "arm": sheet.arm,
        "confidence": sheet.confidence,
        "comment": sheet.comment,
        "seconds": sheet.seconds,
        "details": Details.of(sheet).as_json(),
        "submitted_at": sheet.submitted_at,
        "verdicts": [
            {
                "criterion": verdict.criterion.key,
                "revision": verdict.revision,
                "status": verdict.status,
                "answer": Answer(VerdictStatus(verdict.status), verdict.value).word,
                "score": verdict.score,
                "after_reveal": verdict.after_reveal,
            }
            for verdict in verdicts
        ],
    }
