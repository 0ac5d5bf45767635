"""After a check that teaches: what was right, clause by clause, and on to the next case."""

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from annotations import checks, entrance, members
from annotations.checks import Lesson
from annotations.errors import NotFound
from annotations.models import Check, CriterionVersion, Membership, Rater
from annotations.permissions import LABELLERS
from annotations.rubrics import questions_of
from annotations.statuses import SlotPurpose
from annotations.views import sheets, task
from annotations.views.doors import member_page, show
from annotations.wording import Run, is_changed, word_diff

ACTIVE = "Label"
TEXTS = {"definition": "Definition", "includes": "Counts", "excludes": "Does not count"}


@dataclass(frozen=True)
class Row:
    """One lesson in the words of the screen; `changes` are the parts that read otherwise before."""

    lesson: Lesson
    own: str
    right: str
    planted: str
    changes: list[tuple[str, list[Run]]]


@member_page(LABELLERS)
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def feedback(request: HttpRequest, membership: Membership, pk: int) -> HttpResponse:
    """Own answer against the right one, and why; a POST says that it was read."""
    rater = members.rater_for(membership)
    check = _own(rater, pk)
    if request.method == "POST":
        if sheets.is_htmx(request):
            return trigger_client_event(HttpResponse(status=204), "seen", {})
        return redirect("label", membership.project.slug)
    found = checks.lessons(check, rater=rater)
    part = "#work" if sheets.is_htmx(request) else ""
    return show(
        request, membership, f"annotations/feedback.html{part}", active=ACTIVE, check=check,
        case=check.case, rows=_rows(check, rater, found), masked=task.is_masked(request),
        is_right=all(lesson.is_right for lesson in found), standing=_standing(check, rater),
        progress=task.progress_of(membership, rater),
    )  # fmt: skip


def _own(rater: Rater, pk: int) -> Check:
    found = (
        Check.objects.select_related("case", "project", "rubric_version")
        .filter(pk=pk, rater=rater)
        .first()
    )
    if found is None:
        raise NotFound("There is no such sheet of yours in this project.")
    return found


def _standing(check: Check, rater: Rater) -> entrance.Standing | None:
    """How far the rater is in this set of lessons; None where the check is no lesson."""
    if check.purpose == SlotPurpose.SENTINEL:
        return None
    return entrance.standing(rater, check)


def _rows(check: Check, rater: Rater, found: list[Lesson]) -> list[Row]:
    """The lessons in words; in training with what has changed since the rater's last sheet."""
    before: dict[int, CriterionVersion] = {}
    if check.purpose == SlotPurpose.TRAINING:
        last = entrance.version_before(rater, check.rubric_version)
        before = {q.criterion_id: q for q in questions_of(last)} if last else {}
    return [
        Row(
            lesson=one,
            own=sheets.label_of(one.question, one.own),
            right=sheets.label_of(one.question, one.right),
            planted=sheets.label_of(one.question, one.planted) if one.planted else "",
            changes=_changes(before.get(one.question.criterion_id), one.question),
        )
        for one in found
    ]


def _changes(
    old: CriterionVersion | None, new: CriterionVersion
) -> list[tuple[str, list[Run]]]:  # fmt: skip
    if old is None:
        return []
    runs = [(name, word_diff(getattr(old, at), getattr(new, at))) for at, name in TEXTS.items()]
    return [(name, diff) for name, diff in runs if is_changed(diff)]
