"""The rubric board: what raters read, the draft beside it word by word, and the history."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotations import gates, marks, members, rubrics
from annotations.agreement import CriterionAgreement, first_blind_verdicts, measure
from annotations.errors import BadInput, Conflict
from annotations.forms import CriterionForm, GuidelineForm, ReleaseForm, answer_lines
from annotations.measurement.results import Estimate
from annotations.models import CriterionVersion, Membership, Rubric, RubricVersion
from annotations.permissions import LEADS, READERS, has_role
from annotations.statuses import MarkKind, RubricStatus
from annotations.views.doors import member_page, show
from annotations.wording import Run, fingerprint, is_changed, word_diff

ACTIVE = "Rubric"
MOST_MARKS = 50
UNSEEN = "This text was changed since you opened it. What stands now is shown here; save again to replace it."


@dataclass(frozen=True)
class Released:
    """A criterion as raters read it. `agreement` only for those who may read figures."""

    question: CriterionVersion
    since: RubricVersion
    agreement: CriterionAgreement | None

    @property
    def alpha(self) -> Estimate | None:
        found = self.agreement
        return found.report.coefficients["krippendorff_alpha"] if found else None


@dataclass(frozen=True)
class Clause:
    """One text of a criterion, with how it differs from the version before."""

    name: str
    runs: list[Run]

    @property
    def changed(self) -> bool:
        return is_changed(self.runs)


@dataclass(frozen=True)
class Compared:
    """A criterion of one version with how its words differ from the version before."""

    question: CriterionVersion
    state: str  # new, changed or unchanged
    clauses: list[Clause]


@dataclass(frozen=True)
class Pair:
    """One criterion: what is released, and beside it what the draft makes of it."""

    now: Released | None
    next: Compared | None
    labels: str = ""

    @property
    def state(self) -> str:
        return self.next.state if self.next else "removed"


@member_page()
@require_safe
def rubric(request: HttpRequest, membership: Membership) -> HttpResponse:
    """A card a criterion of the released version; leads also see the draft."""
    return board(request, membership)


def board(
    request: HttpRequest, membership: Membership, *, status: int = 200, **forms: Any
) -> HttpResponse:
    """The whole page, with the forms as given or fresh."""
    found: Rubric = membership.project.rubric
    released = found.released
    is_lead, is_reader = has_role(membership, LEADS), has_role(membership, READERS)
    draft = found.draft if is_lead else None
    now = {
        question.criterion_id: Released(
            question,
            rubrics.worded_in(question),
            measure(membership.project, question) if is_reader else None,
        )
        for question in questions_of(released)
    }
    pairs = paired(now, draft, membership) if draft else [Pair(card, None) for card in now.values()]
    context: dict[str, Any] = {
        "released": released,
        "draft": draft,
        "is_lead": is_lead,
        "gate": gates.stand_of(released) if released and is_reader else None,
        "pairs": pairs,
        "history": history(found, is_reader=is_reader),
        "names": members.names_in(membership.project),
        "problems": [],
        # What adjudicators would have the rubric say, or show by an example.
        "marks": marks.listed(membership, [MarkKind.PROPOSAL, MarkKind.EXEMPLAR])[:MOST_MARKS],
    }
    if draft:
        context |= drafting(draft, released, pairs)
    return show(
        request, membership, "annotations/rubric.html", active=ACTIVE, status=status,
        **(context | forms),
    )  # fmt: skip


def drafting(
    draft: RubricVersion, released: RubricVersion | None, pairs: list[Pair]
) -> dict[str, Any]:
    """What only the page with a draft needs: its forms, and in one line what differs."""
    runs = word_diff(released.guideline if released else "", draft.guideline)
    states = [pair.state for pair in pairs]
    counts = [(word, states.count(word)) for word in ("new", "changed", "removed", "unchanged")]
    return {
        "guideline_runs": runs,
        "guideline_changed": is_changed(runs),
        "guideline_form": GuidelineForm.of(draft.guideline),
        "release_form": ReleaseForm(),
        "counts": [(word, n) for word, n in counts if n],
        "differs": is_changed(runs) or set(states) - {"unchanged"},
        "origins": rubrics.origins_of([draft])[draft.pk],
    }


def questions_of(version: RubricVersion | None) -> list[CriterionVersion]:
    return list(version.criteria.select_related("criterion", "version")) if version else []


def paired(now: dict[int, Released], draft: RubricVersion, membership: Membership) -> list[Pair]:
    """The draft's criteria in their order, then those that it takes out."""
    pairs = []
    left = dict(now)
    for question in questions_of(draft):
        card = left.pop(question.criterion_id, None)
        compared = compare(question, card.question if card else None)
        labels = ""
        if card and compared.state == "changed":
            count = first_blind_verdicts(membership.project, card.question).count()
            labels = f"{count:,}" if count else ""
        pairs.append(Pair(card, compared, labels))
    return pairs + [Pair(card, None) for card in left.values()]


def compare(question: CriterionVersion, before: CriterionVersion | None) -> Compared:
    """Clause by clause; a criterion that is new has nothing to differ from."""
    old = texts(before) if before else None
    clauses = [
        Clause(name, word_diff(old[name] if old else text, text))
        for name, text in texts(question).items()
    ]
    same = before is not None and before.content_hash == question.content_hash
    state = "new" if before is None else "unchanged" if same else "changed"
    # Name and scale stand over the card already, unless it is they that were changed.
    kept = [c for c in clauses if c.runs and (c.changed or c.name not in ("Name", "Scale"))]
    return Compared(question, state, kept)


def texts(question: CriterionVersion) -> dict[str, str]:
    """All that raters are asked by, in words."""
    boxes = [
        words
        for words, offered in (
            ("can't tell", question.allow_cant_tell),
            ("not applicable", question.allow_not_applicable),
            ("descriptive: several readings are right", question.is_descriptive),
        )
        if offered
    ]
    return {
        "Name": question.name,
        "Definition": question.definition,
        "Includes": question.includes,
        "Excludes": question.excludes,
        "Scale": question.get_scale_display(),
        "Answers": "\n".join([answer_lines(question), *boxes]),
    }


def history(found: Rubric, *, is_reader: bool) -> list[dict[str, Any]]:
    """Every version that was released, newest first. Evidence tells figures: for readers only."""
    versions = list(found.versions.exclude(status=RubricStatus.DRAFT).order_by("-number"))
    origins = rubrics.origins_of(versions) if is_reader else {}
    return [{"version": v, "origins": origins.get(v.pk, [])} for v in versions]


@member_page()
@require_safe
def read_version(request: HttpRequest, membership: Membership, number: int) -> HttpResponse:
    """One released version for reading, and how it differs from the one before."""
    versions = membership.project.rubric.versions.exclude(status=RubricStatus.DRAFT)
    found = get_object_or_404(versions, number=number)
    before = versions.filter(number__lt=number).order_by("-number").first()
    old = {question.criterion_id: question for question in questions_of(before)}
    compared = [compare(q, old.pop(q.criterion_id, None)) for q in questions_of(found)]
    return show(
        request, membership, "annotations/rubric_version.html", active=ACTIVE, version=found,
        before=before, compared=compared, removed=list(old.values()),
        gate=gates.stand_of(found) if has_role(membership, READERS) else None,
        names=members.names_in(membership.project),
        guideline_runs=word_diff(before.guideline if before else found.guideline, found.guideline),
    )  # fmt: skip


@member_page(LEADS)
@require_POST
def draft(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Make the draft, as a copy of what is released."""
    made = rubrics.draft(membership.project, by=membership.user)
    messages.success(
        request, f"Draft of version {made.number}. Raters go on with what is released."
    )
    return redirect("rubric", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def guideline(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Save the draft's guideline."""
    version = draft_of(request, membership)
    form = GuidelineForm(request.POST)
    if not form.is_valid():
        return board(request, membership, status=422, guideline_form=form)
    text, seen = form.cleaned_data["guideline"], form.cleaned_data["seen"] or None
    try:
        rubrics.write_guideline(version, text=text, by=membership.user, seen=seen)
    except Conflict:
        stands = draft_of(request, membership).guideline
        form.data = with_seen(request, fingerprint(stands))
        form.add_error("guideline", UNSEEN)
        return board(request, membership, status=409, guideline_form=form)
    messages.success(request, "Guideline saved in the draft.")
    return redirect("rubric", slug=membership.project.slug)


@member_page(LEADS)
@require_http_methods(["GET", "HEAD", "POST"])
def criterion(request: HttpRequest, membership: Membership, key: str = "") -> HttpResponse:
    """Write a criterion of the draft; without a key, a new one."""
    version = draft_of(request, membership)
    question = get_object_or_404(version.criteria, criterion__key=key) if key else None
    if request.method == "POST":
        return save_criterion(request, membership, version, question)
    form = CriterionForm.of(question) if question else CriterionForm()
    return criterion_page(request, membership, version, form, question)


def save_criterion(
    request: HttpRequest, membership: Membership, version: RubricVersion,
    question: CriterionVersion | None,
) -> HttpResponse:  # fmt: skip
    """The form's words into the draft; back to the form where they can't be taken as they are."""
    form, status = CriterionForm(request.POST), 422
    if form.is_valid():
        data = form.fields_of_criterion
        key = question.criterion.key if question else rubrics.free_key(version.rubric, data["name"])
        if not question and version.criteria.filter(criterion__key=key).exists():
            form.add_error("name", "The draft has a criterion of this name: change that one.")
            return criterion_page(request, membership, version, form, None, status=422)
        try:
            rubrics.write_criterion(version, key=key, by=membership.user, **data)
        except Conflict:
            version.refresh_from_db()
            question = version.criteria.filter(criterion__key=key).first()
            if not version.is_draft or question is None:
                raise  # released or taken out meanwhile: there is nothing to save into
            form.data = with_seen(request, question.content_hash)
            form.add_error(None, UNSEEN)
            status = 409
        else:
            messages.success(request, f"“{data['name']}” is saved in the draft.")
            return redirect("rubric", slug=membership.project.slug)
    return criterion_page(request, membership, version, form, question, status=status)


def criterion_page(
    request: HttpRequest, membership: Membership, version: RubricVersion, form: CriterionForm,
    question: CriterionVersion | None, *, status: int = 200,
) -> HttpResponse:  # fmt: skip
    """The form, with what is released (or, after a conflict, what stands in the draft) beside it."""
    released = version.rubric.released
    beside = question if status == 409 else None
    if question and released and not beside:
        beside = released.criteria.filter(criterion=question.criterion).first()
    return show(
        request, membership, "annotations/rubric_criterion.html", active=ACTIVE, status=status,
        form=form, question=question, draft=version, beside=beside,
        beside_texts=texts(beside) if beside else {},
    )  # fmt: skip


@member_page(LEADS)
@require_POST
def remove(request: HttpRequest, membership: Membership, key: str) -> HttpResponse:
    """Take a criterion out of the draft."""
    question = get_object_or_404(
        draft_of(request, membership).criteria.select_related("criterion"), criterion__key=key
    )
    rubrics.remove_criterion(question, by=membership.user)
    messages.success(request, f"“{question.name}” is out of the draft. Its labels stay.")
    return redirect("rubric", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def put_back(request: HttpRequest, membership: Membership, key: str) -> HttpResponse:
    """Undo a removal."""
    question = rubrics.put_back(draft_of(request, membership), key=key, by=membership.user)
    messages.success(request, f"“{question.name}” is back, as it is released.")
    return redirect("rubric", slug=membership.project.slug)


@member_page(LEADS)
@require_POST
def release(request: HttpRequest, membership: Membership) -> HttpResponse:
    """Freeze the draft: from now on raters read it, and nobody can change it."""
    version = draft_of(request, membership)
    form = ReleaseForm(request.POST)
    if not form.is_valid():
        return board(request, membership, status=422, release_form=form)
    try:
        rubrics.release(version, by=membership.user, note=form.cleaned_data["note"])
    except BadInput as refusal:
        problems = refusal.problems or [str(refusal)]
        return board(request, membership, status=422, release_form=form, problems=problems)
    messages.success(request, f"Version {version.number} is released.")
    return redirect("rubric", slug=membership.project.slug)


def with_seen(request: HttpRequest, seen: str) -> QueryDict:
    """The form as it was sent, now knowing what stands: sent once more, it replaces that."""
    data = request.POST.copy()
    data["seen"] = seen
    return data


def draft_of(request: HttpRequest, membership: Membership) -> RubricVersion:
    """The draft; `Conflict` where there is none, or where the form was made for another version."""
    version = membership.project.rubric.draft
    meant = request.POST.get("version", "")
    if version is None or (meant and meant != str(version.number)):
        number = f"Version {meant[:9]}" if meant else "A released version"
        raise Conflict(
            f"{number} is released and immutable, or is gone. Go to the rubric page to see what stands "
            "now, and draft a new version there."
        )
    return version
