"""Uploaded files wait under their hash until the import that they were sent for is done."""

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path, PurePath
from tempfile import NamedTemporaryFile

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from annotations.errors import BadInput, NotFound
from annotations.models import Project

KEPT_FOR = 24 * 3600  # seconds: an upload that nobody confirmed
MAX_NAME = 100
_SHA256 = re.compile(r"[0-9a-f]{64}")


def keep(upload: UploadedFile | None, *, project: Project) -> str:
    """Store an upload of this project; returns the hash that it is found under."""
    if upload is None:
        raise BadInput("Choose a file first.")
    folder = _folder()
    remove_old()
    if (upload.size or 0) > settings.IMPORT_MAX_BYTES:
        limit = settings.IMPORT_MAX_BYTES // (1024 * 1024)
        raise BadInput(f"The file is larger than {limit} MB: split it, or use gzip.")
    digest = hashlib.sha256()
    with NamedTemporaryFile(dir=folder, prefix="part-", delete=False) as file:
        for chunk in upload.chunks():
            digest.update(chunk)
            file.write(chunk)
    Path(file.name).replace(_path(project, digest.hexdigest()))
    return digest.hexdigest()


def find(sha256: str, *, project: Project) -> Path:
    """The stored upload. Raises `NotFound` when it is gone."""
    path = _path(project, sha256)
    if not path.is_file():
        raise NotFound("The uploaded file is no longer here: upload it again.")
    return path


def remove(sha256: str, *, project: Project) -> None:
    _path(project, sha256).unlink(missing_ok=True)


def remove_old() -> None:
    """Take away what nobody has confirmed for a day."""
    for path in _stale():
        path.unlink(missing_ok=True)


def _stale() -> Iterator[Path]:
    for path in _folder().iterdir():
        try:
            age = time.time() - path.stat().st_mtime
        except FileNotFoundError:  # another process was faster
            continue
        if age > KEPT_FOR:
            yield path


def clean_name(name: str) -> str:
    """A file's name as it may be shown and kept: no folders, no control characters, not long."""
    plain = "".join(c for c in PurePath(name.replace("\\", "/")).name if c.isprintable())
    return plain[-MAX_NAME:] or "upload"


def _folder() -> Path:
    folder = Path(settings.VAR_DIR) / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _path(project: Project, sha256: str) -> Path:
    if not _SHA256.fullmatch(sha256):
        raise NotFound("There is no such upload.")
    return _folder() / f"project-{project.pk}-{sha256}"
