"""Writing a rubric: drafts are edited freely, a release freezes the version that raters read."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from annotations import audit, policies
from annotations.errors import BadInput, Conflict
from annotations.models import Criterion, CriterionVersion, Project, RubricVersion
from annotations.statuses import RUBRIC_NEXT, RubricStatus, Scale, check_move

BINARY_OPTIONS = [
    {"value": "yes", "label": "Violates"},
    {"value": "no", "label": "Does not violate"},
]
# What a draft copies from the version before it.
_TEXT = ("position", "name", "definition", "includes", "excludes", "scale", "options",
         "allow_cant_tell", "allow_not_applicable")  # fmt: skip


@transaction.atomic
def draft(project: Project, *, by: User | None) -> RubricVersion:
    """The project's draft; made as a copy of the released version when there is none."""
    rubric = project.rubric
    existing = rubric.draft
    if existing is not None:
        return existing
    latest = rubric.versions.order_by("-number").first()
    version = RubricVersion.objects.create(
        rubric=rubric,
        number=(latest.number if latest else 0) + 1,
        guideline=latest.guideline if latest else "",
        created_by=by,
    )
    for question in latest.criteria.all() if latest else []:
        fields = {name: getattr(question, name) for name in _TEXT}
        CriterionVersion.objects.create(version=version, criterion=question.criterion, **fields)
    audit.record("drafted rubric", version, project=project, by=by)
    return version


@transaction.atomic
def write_criterion(
    version: RubricVersion, *, key: str, name: str, by: User | None, positive: Sequence[str] = ("yes",),
    scale: Scale = Scale.BINARY, options: list[dict[str, str]] | None = None, **text: Any,
) -> CriterionVersion:  # fmt: skip
    """Add or change one criterion of a draft. Raises `Conflict` on a released version."""
    check_is_draft(version)
    options = options if options is not None else list(BINARY_OPTIONS)
    values = [option["value"] for option in options]
    unknown = [value for value in positive if value not in values]
    if unknown:
        raise BadInput(f"“{unknown[0]}” is counted as positive but is not one of the answers.")
    criterion, _ = Criterion.objects.get_or_create(rubric=version.rubric, key=key)
    criterion.positive = list(positive)
    criterion.save(update_fields=["positive"])
    existing = version.criteria.filter(criterion=criterion).first()
    position = existing.position if existing else version.criteria.count() + 1
    defaults = {"name": name, "scale": scale, "options": options, "position": position, **text}
    question, _ = CriterionVersion.objects.update_or_create(
        version=version, criterion=criterion, defaults=defaults
    )
    audit.record("wrote criterion", f"{version} {key}", project=version.rubric.project, by=by)
    return question


@transaction.atomic
def remove_criterion(question: CriterionVersion, *, by: User) -> None:
    """Take a criterion out of a draft. Its labels under earlier versions stay."""
    check_is_draft(question.version)
    project = question.version.rubric.project
    audit.record("removed criterion", question.criterion, project=project, by=by)
    question.delete()


def check_is_draft(version: RubricVersion) -> None:
    if not version.is_draft:
        raise Conflict(f"Version {version.number} is released and immutable: draft a new version.")


@transaction.atomic
def release(version: RubricVersion, *, by: User | None, note: str = "") -> RubricVersion:
    """Freeze the draft and make it what raters read; the version before it is archived."""
    locked = RubricVersion.objects.select_for_update().get(pk=version.pk)
    if locked.status == RubricStatus.RELEASED:
        return locked
    check_move(RUBRIC_NEXT, RubricStatus(locked.status), RubricStatus.RELEASED)
    policies.check_can_release(locked)
    locked.rubric.versions.filter(status=RubricStatus.RELEASED).update(status=RubricStatus.ARCHIVED)
    locked.status, locked.released_at, locked.released_by = (
        RubricStatus.RELEASED, timezone.now(), by,
    )  # fmt: skip
    locked.note = note or locked.note
    locked.save()
    audit.record("released rubric", locked, project=locked.rubric.project, by=by)
    return locked


def set_positive(criterion: Criterion, values: Sequence[str], *, by: User | None) -> Criterion:
    """Say which answers count as a failure seen, in figures and for judges."""
    known = {v for version in criterion.versions.all() for v in version.values}
    unknown = [value for value in values if value not in known]
    if unknown:
        raise BadInput(f"“{unknown[0]}” is not an answer of {criterion}: use {sorted(known)}.")
    criterion.positive = list(values)
    criterion.save(update_fields=["positive"])
    audit.record(
        "set positive answers", criterion, project=criterion.rubric.project, by=by,
        values=list(values),
    )  # fmt: skip
    return criterion
