"""Where an install keeps its things: data folder, sockets, logs; for everything in `startup`."""

import contextlib
import errno
import hashlib
import os
import secrets
from pathlib import Path

from evalplatform.startup.errors import StartupError

ROOT = Path(__file__).resolve().parents[2]
# The kernel takes 108 bytes with the final zero; `.s.PGSQL.5432` and a slash need 14 of them.
LONGEST_SOCKET_DIRECTORY = 108 - 1 - len("/.s.PGSQL.5432")


def data_folder() -> Path:
    """The folder with everything that must survive: database, secret key, queue, logs."""
    return Path(os.environ.get("EVALPLATFORM_VAR") or ROOT / "var").resolve()


def data_mark(folder: Path) -> str:
    """A short name for a data folder, by which two commands see that they mean the same one."""
    return hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]


def make_data_folder(folder: Path) -> None:
    """Create the data folder and what must be in it before any part starts."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in ("queue", "control", "logs", "static"):
            (folder / name).mkdir(exist_ok=True, mode=0o700)
        make_secret_key(folder / "secret_key")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise StartupError(
            f"The data folder {folder} cannot be used: {error.strerror}. Make it a folder that "
            "you may write in, or choose another: EVALPLATFORM_VAR=FOLDER ./run"
        ) from error


def make_secret_key(key: Path) -> None:
    """Write a key once: whole or not at all, also when two commands start at the same moment."""
    if key.exists():
        return
    written = key.with_name(f"{key.name}.{os.getpid()}")
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_urlsafe(48))
    with contextlib.suppress(FileExistsError):  # the other command's stays
        os.link(written, key)
    written.unlink()


def socket_directory(data: Path, *, owner: int | None = None) -> Path:
    """A private directory for the database's socket, short enough however long `data` is.

    `owner` is the user that an earlier command may have handed it to.
    """
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nonexistent")
    name = f"evalplatform-{os.geteuid()}-{data_mark(data)[:12]}"
    fits = len(os.fsencode(runtime / name)) <= LONGEST_SOCKET_DIRECTORY
    base = runtime if fits and os.access(runtime, os.W_OK) else Path("/tmp")  # noqa: S108 (short, and made private below)
    directory = base / name
    directory.mkdir(exist_ok=True, mode=0o700)
    found = directory.lstat()
    # Anyone may have made that name in /tmp before us.
    if not directory.is_dir() or directory.is_symlink() or found.st_mode & 0o077:
        raise StartupError(f"{directory} is not private to you. Remove it and start again.")
    if found.st_uid not in (os.geteuid(), owner):
        raise StartupError(f"{directory} belongs to another user. Have it removed and start again.")
    return directory
