"""What all peers have in common: a cache to be installed into, a database, processes, a port."""

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from _ours import free_port

from evalplatform.startup.postgres import Postgres
from evalplatform.startup.processes import start_child, stop_child

KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
START_SECONDS = 300


class Peer:
    """A served platform with an empty database on the measured product's PostgreSQL server."""

    name = title = ready = ""
    packages: tuple[str, ...] = ()

    def __init__(self, folder: Path, postgres: Postgres) -> None:
        self.folder, self.postgres, self.port = folder / self.name, postgres, free_port()
        self.workers = 2 * (os.cpu_count() or 1)
        self.home = installed(self.name, self.packages)
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def code(self) -> Path:
        """Where its commands are run."""
        raise NotImplementedError

    def settings(self) -> Mapping[str, str]:
        """What it is told through its environment."""
        raise NotImplementedError

    def preparations(self) -> Sequence[Sequence[str | Path]]:
        """Commands that make its tables."""
        raise NotImplementedError

    def processes(self) -> Mapping[str, Sequence[str | Path]]:
        """What runs, by the name of the part; the web server is `web`."""
        raise NotImplementedError

    def project(self, mode: str, *, raters: int, overlap: int) -> Any:
        """A new project whose raters have accounts; the way in is the same for all."""
        raise NotImplementedError

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """Until left."""
        self.folder.mkdir()
        with self.postgres.connect() as connection:
            connection.execute(f'CREATE DATABASE "{self.database}"')
        with (self.folder / "server.log").open("ab") as log, contextlib.ExitStack() as stack:
            for command in self.preparations():
                if self._start(command, log).wait():
                    sys.exit(f"{self.title} could not be prepared:\n{self._last_words()}")
            for name, command in self.processes().items():
                self.children[name] = self._start(command, log)
                stack.callback(stop_child, self.children[name], grace=30)
            self._wait()
            yield self

    @property
    def database(self) -> str:
        return self.name.partition("-")[0]

    def _start(self, command: Sequence[str | Path], log: IO[bytes]) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment = {**kept, **self.settings()}
        return start_child(command, environment=environment, folder=self.code(), output=log)

    def _wait(self) -> None:
        end = time.monotonic() + START_SECONDS
        address = f"http://127.0.0.1:{self.port}{self.ready}"
        while self.children["web"].poll() is None and time.monotonic() < end:
            try:
                urllib.request.urlopen(address, timeout=60).close()
            except OSError:
                time.sleep(0.5)
            else:
                return
        sys.exit(f"{self.title} did not start:\n{self._last_words()}")

    def _last_words(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-3000:]

    def parts(self) -> dict[str, int]:
        """The root processes of each part, the database's among them."""
        assert self.postgres.child is not None
        own = {name: child.pid for name, child in self.children.items()}
        return {**own, "database": self.postgres.child.pid}


def installed(name: str, packages: tuple[str, ...]) -> Path:
    """An environment with the packages, made when it is not there: EVALPLATFORM_PEERS, or ~/.cache."""
    cache = os.environ.get("EVALPLATFORM_PEERS") or Path.home() / ".cache" / "evalplatform-peers"
    home = Path(cache) / name
    if (home / "complete").exists():
        return home
    print(f"Installing {' and '.join(packages)} into {home} ...", file=sys.stderr, flush=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
    pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-input"]
    subprocess.run([*pip, "--disable-pip-version-check", *packages], check=True)
    (home / "complete").touch()
    return home
