"""Writing a rubric: drafts are edited freely, a release freezes the version that raters read."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from annotations import audit, policies
from annotations.errors import BadInput, Conflict, NotFound
from annotations.models import Criterion, CriterionVersion, Project, Rubric, RubricVersion
from annotations.statuses import RUBRIC_NEXT, RubricStatus, Scale, check_move
from annotations.wording import fingerprint

BINARY_OPTIONS = [
    {"value": "yes", "label": "Violates"},
    {"value": "no", "label": "Does not violate"},
]
# What a draft copies from the version before it.
_TEXT = ("position", "name", "definition", "includes", "excludes", "scale", "options",
         "allow_cant_tell", "allow_not_applicable", "is_descriptive")  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """A piece of evidence that a version took up: what it was, and who decided how."""

    title: str
    decision: str
    by: str


# What the floor above knows of where a version's words came from; it adds its source at start-up.
ORIGINS: list[Callable[[Sequence[RubricVersion]], dict[int, list[Origin]]]] = []

# How long a process may go on with the questions that it read; what is counted as positive can change.
REMEMBER_SECONDS = 20


def questions_of(version_id: int) -> tuple[CriterionVersion, ...]:
    """The questions of a version in their order, with their criteria. Released ones are remembered."""
    questions = _remembered(version_id, moment())
    if not questions or questions[0].version.is_draft:
        _remembered.cache_clear()
    return questions


def moment() -> int:
    """Changes when what was remembered of a released version is to be read anew."""
    return int(time.monotonic() / REMEMBER_SECONDS)


@lru_cache(maxsize=128)
def _remembered(version_id: int, _moment: int) -> tuple[CriterionVersion, ...]:
    return tuple(
        CriterionVersion.objects.filter(version=version_id)
        .select_related("criterion", "version")
        .order_by("position", "id")
    )


def origins_of(versions: Sequence[RubricVersion]) -> dict[int, list[Origin]]:
    """For each version's id, the evidence that it took up."""
    found: dict[int, list[Origin]] = {version.pk: [] for version in versions}
    for source in ORIGINS:
        for pk, origins in source(versions).items():
            found[pk] += origins
    return found


@transaction.atomic
def draft(project: Project, *, by: User | None) -> RubricVersion:
    """The project's draft; made as a copy of the released version when there is none."""
    # Locked, so that two leads who ask at once get the same draft.
    rubric = Rubric.objects.select_for_update().get(project=project)
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
        _copy(question, into=version)
    audit.record("drafted rubric", version, project=project, by=by)
    return version


def _copy(question: CriterionVersion, *, into: RubricVersion) -> CriterionVersion:
    fields = {name: getattr(question, name) for name in _TEXT}
    return CriterionVersion.objects.create(version=into, criterion=question.criterion, **fields)


@transaction.atomic
def write_guideline(
    version: RubricVersion, *, text: str, by: User | None, seen: str | None = None
) -> RubricVersion:
    """Set a draft's guideline. `seen` is the fingerprint of the text that the writer started from."""
    locked = lock_draft(version)
    if seen is not None and seen != fingerprint(locked.guideline):
        raise Conflict("Somebody changed the guideline since you opened it.")
    locked.guideline = text
    locked.save(update_fields=["guideline"])
    audit.record("wrote guideline", locked, project=locked.rubric.project, by=by)
    return locked


@transaction.atomic
def write_criterion(
    version: RubricVersion, *, key: str, name: str, by: User | None, positive: Sequence[str] = ("yes",),
    scale: Scale = Scale.BINARY, options: list[dict[str, str]] | None = None,
    seen: str | None = None, **text: Any,
) -> CriterionVersion:  # fmt: skip
    """Add or change one criterion of a draft. Raises `Conflict` on a released version.

    `seen` is the content hash that the writer started from: words that somebody else wrote
    meanwhile are never overwritten unseen.
    """
    version = lock_draft(version)
    options = options if options is not None else list(BINARY_OPTIONS)
    values = [option["value"] for option in options]
    unknown = [value for value in positive if value not in values]
    if unknown:
        raise BadInput(f"“{unknown[0]}” is counted as positive but is not one of the answers.")
    existing = version.criteria.filter(criterion__key=key).first()
    if seen is not None and (existing is None or existing.content_hash != seen):
        raise Conflict(f"Somebody changed “{name}” since you opened it.")
    criterion, _ = Criterion.objects.get_or_create(rubric=version.rubric, key=key)
    # Answers of earlier versions go on counting as they did: their labels are still there.
    earlier = [value for value in criterion.positive if value not in values]
    criterion.positive = [*positive, *earlier]
    criterion.save(update_fields=["positive"])
    defaults = {"name": name, "scale": scale, "options": options, **text}
    question, _ = CriterionVersion.objects.update_or_create(
        version=version,
        criterion=criterion,
        defaults=defaults,
        create_defaults={**defaults, "position": _next_position(version)},
    )
    audit.record("wrote criterion", f"{version} {key}", project=version.rubric.project, by=by)
    return question


def _next_position(version: RubricVersion) -> int:
    last = version.criteria.last()
    return last.position + 1 if last else 1


def free_key(rubric: Rubric, name: str) -> str:
    """The key for a new criterion of this name: the same name is the same criterion as before."""
    return free_key_of(name, used=set(rubric.criteria.values_list("key", flat=True)))


def free_key_of(name: str, *, used: set[str]) -> str:
    """A slug of the name; a name that leaves none (no latin letters) gets a number that is free."""
    key, n = slugify(name)[:60].strip("-"), 1
    while not key:
        key = "" if f"criterion-{n}" in used else f"criterion-{n}"
        n += 1
    return key


@transaction.atomic
def remove_criterion(question: CriterionVersion, *, by: User) -> None:
    """Take a criterion out of a draft. Its labels under earlier versions stay."""
    version = lock_draft(question.version)
    audit.record("removed criterion", question.criterion, project=version.rubric.project, by=by)
    question.delete()


@transaction.atomic
def put_back(version: RubricVersion, *, key: str, by: User) -> CriterionVersion:
    """Undo a removal: the criterion stands in the draft again as it is released."""
    version = lock_draft(version)
    existing = version.criteria.filter(criterion__key=key).first()
    if existing is not None:
        return existing
    released = version.rubric.released
    question = released.criteria.filter(criterion__key=key).first() if released else None
    if question is None:
        raise NotFound("The released version has no such criterion.")
    audit.record("put back criterion", f"{version} {key}", project=version.rubric.project, by=by)
    return _copy(question, into=version)


def worded_in(question: CriterionVersion) -> RubricVersion:
    """The version since which the question has stood as it does, word for word."""
    found = question.version
    earlier = question.criterion.versions.filter(version__number__lt=found.number)
    for before in earlier.select_related("version__released_by").order_by("-version__number"):
        if before.content_hash != question.content_hash:
            break
        found = before.version
    return found


def lock_draft(version: RubricVersion) -> RubricVersion:
    """The version as it is now, locked against a release meanwhile; `Conflict` if that has been."""
    locked = RubricVersion.objects.select_for_update().get(pk=version.pk)
    check_is_draft(locked)
    return locked


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
    _remembered.cache_clear()
    audit.record(
        "set positive answers", criterion, project=criterion.rubric.project, by=by,
        values=list(values),
    )  # fmt: skip
    return criterion
