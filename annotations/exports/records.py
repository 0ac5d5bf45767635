"""The records that are exported: of a release as it was frozen, or of the gold as it stands."""

from collections.abc import Iterator

from django.db.models import QuerySet

from annotations.errors import BadInput
from annotations.exports import FORMATS, ExportFormat
from annotations.exports.formats import Record
from annotations.models import Gold, Project, Release
from annotations.releases import record_of

CHUNK = 1_000


def format_named(name: str) -> ExportFormat:
    """The format of that name. Raises `BadInput` that names those there are."""
    if name not in FORMATS:
        raise BadInput(f"“{name[:40]}” is no format: use {', '.join(FORMATS)}.")
    return FORMATS[name]


def current_gold(project: Project) -> QuerySet[Gold]:
    """The settled answers that stand, with all that a record needs."""
    return Gold.objects.filter(project=project, superseded_at__isnull=True).select_related(
        "case", "criterion", "criterion_version__version", "adjudication"
    )


def current_records(project: Project) -> Iterator[Record]:
    """The gold as it stands now, in the order of a release."""
    rows = current_gold(project).order_by("case__external_id", "criterion__key")
    for gold in rows.iterator(chunk_size=CHUNK):
        yield record_of(gold)


def released_records(release: Release) -> Iterator[Record]:
    """The records of a release, in its order."""
    rows = release.items.order_by("position").values_list("record", flat=True)
    yield from rows.iterator(chunk_size=CHUNK)


def file_name(project: Project, chosen: ExportFormat, *, release: Release | None = None) -> str:
    """What the download is called: plain ASCII, since slugs are."""
    which = f"r{release.number}" if release else "current"
    return f"{project.slug}-gold-{which}.{chosen.suffix}"
