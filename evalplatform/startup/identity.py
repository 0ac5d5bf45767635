"""Who PostgreSQL runs as: it refuses root, and nobody should have to create a user for it.

As root it gets a user namespace of its own, in which root's files belong to an ordinary user: no
user is created and no file changes hands. Where that is not allowed it becomes a real user.
"""

import ctypes
import os
import pwd
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evalplatform.startup.errors import StartupError
from evalplatform.startup.processes import LIBC, start_child

CLONE_NEWUSER = 0x10000000


@dataclass(frozen=True)
class Identity:
    """`become` is run in the child before PostgreSQL; `owner` must own its folders, if given."""

    name: str
    become: Callable[[], None] | None = None
    owner: tuple[int, int] | None = None


def enter_user_namespace() -> None:
    """Become user 1000 of a new namespace that maps to the present user outside."""
    uid, gid = os.geteuid(), os.getegid()
    if LIBC.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    for name, value in (
        ("setgroups", "deny"),
        ("uid_map", f"1000 {uid} 1"),
        ("gid_map", f"1000 {gid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(value)


def user_identity(user: pwd.struct_passwd) -> Identity:
    """A real user; only root can become one."""

    def become() -> None:
        os.setgroups([])
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)

    return Identity(user.pw_name, become, (user.pw_uid, user.pw_gid))


def real_users(names: tuple[str, ...]) -> Iterator[pwd.struct_passwd]:
    """Those of the named users that exist."""
    for user in pwd.getpwall():
        if user.pw_name in names:
            yield user


def candidates(data: Path) -> Iterator[Identity]:
    """Who may serve this data folder when we are root, best first."""
    nearest = next(folder for folder in (data, *data.parents) if folder.exists())
    owner = nearest.stat().st_uid
    if data.exists() and owner != 0:  # made by that user before: PostgreSQL insists on its owner
        yield user_identity(pwd.getpwuid(owner))
        return
    yield Identity("a user namespace", enter_user_namespace)
    if not data.exists():
        if owner != 0:  # root at work in someone's home, which no third user can enter
            yield user_identity(pwd.getpwuid(owner))
        yield from map(user_identity, real_users(("postgres", "nobody")))


def can_run(identity: Identity, *, postgres: Path) -> bool:
    """Whether the server's program starts as this identity."""
    try:
        child = start_child(
            [postgres, "--version"],
            environment={},
            output=subprocess.DEVNULL,
            become=identity.become,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return child.wait() == 0


def choose_identity(data: Path, *, postgres: Path) -> Identity:
    """The first identity that PostgreSQL accepts and that can reach its programs."""
    if os.geteuid() != 0:
        return Identity("yourself")
    for identity in candidates(data):
        if can_run(identity, postgres=postgres):
            return identity
    raise StartupError(
        "PostgreSQL must not run as root, and this system allows neither a user namespace nor "
        f"another user to reach {postgres}. Run this command as an ordinary user, or set "
        "DATABASE_URL to a PostgreSQL server of your own."
    )
