"""Real installs for tests/test_run.py: their data folders, their served parts, their processes."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, ProxyHandler, Request, build_opener

import psycopg

from evalplatform.startup.places import ROOT, socket_directory
from evalplatform.startup.postgres import Postgres

STARTUP = (sys.executable, "-P", "-m", "evalplatform.startup")
OURS = ("EVALPLATFORM_", "DATABASE_URL", "CELERY_", "DJANGO_", "PG", "PORT", "HOST", "COV_")


def settings_of(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a light install in `folder`, and nothing that pytest was told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    light = {"EVALPLATFORM_EMBEDDINGS": "0", "EVALPLATFORM_DEMO": "0", "EVALPLATFORM_WORKERS": "1"}
    paths = {"PYTHONPATH": str(ROOT), "EVALPLATFORM_VAR": str(folder)}
    return {**kept, **light, **paths, **more}


def startup(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the launcher to its end; its output and its errors together."""
    return subprocess.run(
        [*STARTUP, *arguments], env=settings_of(folder, **more), cwd="/", check=False, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def copy(install: Path, to: Path) -> Path:
    """A copy of a stopped install, with the owners that PostgreSQL insists on."""
    subprocess.run(["cp", "-a", f"{install}/.", to], check=True)
    return to


def postgres_of(folder: Path) -> Postgres:
    """The embedded database of an install."""
    return Postgres(folder / "pg", log=folder / "logs" / "postgres.log")


def ask(url: str, query: str) -> Any:
    """The one value that a query gives, committed."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def processes_of(folder: Path) -> dict[int, str]:
    """Every process that works for an install, by number, with its command line.

    PostgreSQL's are known by where they work; the others by their environment.
    """
    found = {}
    needles = (os.fsencode(folder), b"EVALPLATFORM_VAR=" + os.fsencode(folder))
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):  # it has ended, or is another user's
            line = (entry / "cmdline").read_bytes()
            place = os.fsencode(os.readlink(entry / "cwd"))
            told = (entry / "environ").read_bytes().split(b"\0")
            if needles[0] in line or place.startswith(needles[0]) or needles[1] in told:
                found[int(entry.name)] = os.fsdecode(line.replace(b"\0", b" "))
    return found


def wait_until(question: Callable[[], object], *, seconds: float = 60) -> bool:
    """Whether the answer became true; the bound only ends a test that has failed."""
    end = time.monotonic() + seconds
    while not question():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    """An install that `serve` runs, its address, and what it has said so far."""

    folder: Path
    starter: subprocess.Popen[str]
    address: str
    said: str

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the starter a signal; its exit status. What it said last is added to `said`."""
        self.starter.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """The exit status, once it has ended by itself."""
        assert self.starter.stdout is not None
        self.said += self.starter.stdout.read()
        return self.starter.wait()

    def parts(self, name: str) -> list[int]:
        """The process numbers of one part: granian, celery, sweep_jobs."""
        return [pid for pid, line in processes_of(self.folder).items() if name in line]


@contextlib.contextmanager
def serving(folder: Path, **more: str) -> Iterator[Served]:
    """Serve an install; whatever happens, nothing of it is left."""
    port = free_port()
    environment = settings_of(folder, PORT=str(port), **more)
    starter = subprocess.Popen(
        [*STARTUP, "serve"], env=environment, cwd="/", text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        with starter:
            assert starter.stdout is not None
            said = ""
            while "Evalplatform runs on" not in said:
                line = starter.stdout.readline()
                assert line, f"it ended: {said}"
                said += line
            served = Served(folder, starter, f"http://127.0.0.1:{port}/", said)
            try:
                yield served
            except BaseException:
                starter.kill()  # or the failed test would wait for it for ever
                raise
            if starter.poll() is None:
                served.stop()
    finally:
        starter.kill()  # only where the test has failed is there anything to kill
        for number in processes_of(folder):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        shutil.rmtree(socket_directory(folder / "pg"), ignore_errors=True)


class Browser:
    """Just enough of one to sign in and to post a form."""

    def __init__(self, address: str) -> None:
        self.address, self.cookies = address, CookieJar()
        self.opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(self.cookies))

    def get(self, path: str) -> str:
        with self.opener.open(self.address + path) as answer:
            return str(answer.read().decode())

    def post(self, path: str, **fields: str) -> str:
        token = next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), "")
        body = urlencode({**fields, "csrfmiddlewaretoken": token or ""}).encode()
        with self.opener.open(Request(self.address + path, body)) as answer:  # noqa: S310 (ours)
            return str(answer.read().decode())

    def sign_in(self, username: str, password: str) -> None:
        self.get("sign-in/")
        assert self.post("sign-in/", username=username, password=password)
