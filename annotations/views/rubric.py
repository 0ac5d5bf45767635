"""The rubric board: what is released, the draft beside it, and the history."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from annotations import rubrics
from annotations.agreement import measure
from annotations.errors import BadInput, Conflict
from annotations.forms import CriterionForm, GuidelineForm, ReleaseForm
from annotations.models import CriterionVersion, Membership, Rubric, RubricVersion
from annotations.permissions import LEADS, READERS, has_role
from annotations.views.doors import member_page, show
from annotations.wording import word_diff

TEXTS = (("definition", "Definition"), ("includes", "Includes"), ("excludes", "Excludes"))


@member_page()
def rubric(request: HttpRequest, membership: Membership) -> HttpResponse:
    """A card a criterion of the released version; leads also see the draft."""
    return board(request, membership)


def board(
    request: HttpRequest, membership: Membership, *, status: int = 200, **forms: Any
) -> HttpResponse:
    """The whole page, with the forms as given or fresh."""
    found: Rubric = membership.project.rubric
    released, draft = found.released, found.draft
    is_lead, is_reader = has_role(membership, LEADS), has_role(membership, READERS)
    context: dict[str, Any] = {
        "released": released,
        "is_lead": is_lead,
        "cards": [card(q, membership, is_reader) for q in questions_of(released)],
        "history": found.versions.exclude(status="draft").order_by("-number")
        .select_related("released_by"),
    }  # fmt: skip
    if is_lead and draft is not None:
        context |= {
            "draft": draft,
            "drafted": [drafted(q, released) for q in questions_of(draft)],
            "removed": removed(draft, released),
            "guideline_diff": word_diff(released.guideline if released else "", draft.guideline),
            "guideline_form": forms.get("guideline_form")
            or GuidelineForm(initial={"guideline": draft.guideline}),
            "release_form": forms.get("release_form") or ReleaseForm(),
        }
    context["problems"] = forms.get("problems", [])
    return show(
        request, membership, "annotations/rubric.html", active="Rubric", status=status, **context
    )


def questions_of(version: RubricVersion | None) -> list[CriterionVersion]:
    return list(version.criteria.select_related("criterion", "version")) if version else []


def card(question: CriterionVersion, membership: Membership, is_reader: bool) -> dict[str, Any]:
    """A criterion with its health; figures only for those who may read them."""
    found = measure(membership.project, question, replicates=400) if is_reader else None
    return {
        "question": question,
        "alpha": found.report.coefficients["krippendorff_alpha"] if found else None,
        "cant_tell": found.cant_tell if found else None,
        "answers": answers(question),
    }


def answers(question: CriterionVersion) -> list[dict[str, Any]]:
    positive = question.criterion.positive
    return [{**option, "positive": option["value"] in positive} for option in question.options]


def drafted(question: CriterionVersion, released: RubricVersion | None) -> dict[str, Any]:
    """A drafted criterion and how its words differ from the released ones."""
    before = released.criteria.filter(criterion=question.criterion).first() if released else None
    diffs = [
        (label, word_diff(getattr(before, name) if before else "", getattr(question, name)))
        for name, label in TEXTS
    ]
    changed = before is None or before.content_hash != question.content_hash
    return {
        "question": question, "is_new": before is None, "changed": changed, "diffs": diffs,
        "answers": answers(question),
    }  # fmt: skip


def removed(draft: RubricVersion, released: RubricVersion | None) -> list[CriterionVersion]:
    kept = draft.criteria.values("criterion")
    return list(released.criteria.exclude(criterion__in=kept)) if released else []


@member_page(LEADS)
@require_POST
def draft(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Make the draft, as a copy of what is released."""
    rubrics.draft(membership.project, by=membership.user)
    return redirect("rubric", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def guideline(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Save the draft's guideline."""
    version = draft_of(membership)
    form = GuidelineForm(request.POST)
    if not form.is_valid():
        return board(request, membership, status=422, guideline_form=form)
    version.guideline = form.cleaned_data["guideline"]
    version.save(update_fields=["guideline"])
    messages.success(request, "Guideline saved in the draft.")
    return redirect("rubric", slug=membership.project.slug)


@member_page(LEADS)
def criterion(request: HttpRequest, membership: Membership, key: str = "") -> HttpResponse:
    """Write a criterion of the draft; without a key, a new one."""
    version = draft_of(membership)
    question = get_object_or_404(version.criteria, criterion__key=key) if key else None
    form = CriterionForm.of(question) if question else CriterionForm()
    if request.method == "POST":
        form = CriterionForm(request.POST)
        if form.is_valid():
            used = version.criteria.filter(criterion__key=form.key).exists()
            if not key and used:
                form.add_error("name", "The draft has a criterion of this name: change that one.")
            else:
                rubrics.write_criterion(
                    version, key=key or form.key, by=membership.user, **form.fields_of_criterion
                )
                messages.success(request, "Criterion saved in the draft.")
                return redirect("rubric", slug=membership.project.slug)
    status = 422 if form.is_bound else 200
    return show(request, membership, "annotations/rubric_criterion.html", active="Rubric",
                status=status, form=form, question=question, draft=version)  # fmt: skip


@member_page(LEADS)
@require_POST
def remove(request: HttpRequest, membership: Membership, key: str) -> HttpResponse:
    """Take a criterion out of the draft."""
    question = get_object_or_404(draft_of(membership).criteria, criterion__key=key)
    rubrics.remove_criterion(question, by=membership.user)
    messages.success(request, f"“{question.name}” is out of the draft. Its labels stay.")
    return redirect("rubric", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def release(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Freeze the draft: from now on raters read it, and nobody can change it."""
    version = draft_of(membership)
    form = ReleaseForm(request.POST)
    if not form.is_valid():
        return board(request, membership, status=422, release_form=form)
    try:
        rubrics.release(version, by=membership.user, note=form.cleaned_data["note"])
    except BadInput as refusal:
        return board(request, membership, status=422, release_form=form, problems=refusal.problems)
    messages.success(request, f"Version {version.number} is released.")
    return redirect("rubric", slug=membership.project.slug)


def draft_of(membership: Membership) -> RubricVersion:
    """The draft, or a `Conflict` that says how to get one."""
    version = membership.project.rubric.draft
    if version is None:
        raise Conflict(
            "There is no draft: a released version is immutable. Draft a new version on the rubric page."
        )
    return version
