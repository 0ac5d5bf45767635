"""The two commands: every test really launches what it speaks of, in folders of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from evalplatform.startup.main import main
from evalplatform.startup.places import LONGEST_SOCKET_DIRECTORY, ROOT, data_mark
from evalplatform.startup.postgres import throw_away_postgres
from tests.installs import (
    STARTUP,
    Browser,
    Served,
    ask,
    copy,
    free_port,
    postgres_of,
    processes_of,
    serving,
    settings_of,
    startup,
    wait_until,
)
from tests.world import PASSWORD

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="an install's processes are found by /proc"
)
# A small world in which ann1 has a case in work; prints where a draft of it is saved.
SMALL_WORLD = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.world import make_world
world = make_world()
world.make_case()
print(f"p/{world.project.slug}/label/{world.claim(world.ann1).pk}/draft/")
"""
DRAFT = "SELECT draft->'words'->>'harm' FROM annotations_annotation"
# Starts the database of a folder, writes a row and stays until it is killed.
STARTER = """
import sys, time
from pathlib import Path
import psycopg
from tests.installs import postgres_of
with postgres_of(Path(sys.argv[1])).started() as url:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (said text)")
        connection.execute("INSERT INTO kept VALUES ('still here')")
    print("written", flush=True)
    time.sleep(600)
"""
KEPT = "SELECT said FROM kept"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A stopped install in a path with spaces, and the address of a draft in its small world."""
    folder = tmp_path_factory.mktemp("an install") / "its data"
    done = startup(folder, "manage", "shell", "--verbosity", "0", "-c", SMALL_WORLD)
    assert done.returncode == 0, done.stdout
    return folder, done.stdout.splitlines()[-1]


@pytest.fixture
def install(made: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return copy(made[0], tmp_path / "a copy")


@pytest.fixture(scope="module")
def served(made: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One more copy, served where people type another name and a proxy is set."""
    more = {"EVALPLATFORM_HOSTS": "evals.example.org", "http_proxy": "http://192.0.2.1:9"}
    with serving(copy(made[0], tmp_path_factory.mktemp("served")), **more) as install:
        yield install
        install.stop(signal.SIGTERM)
        assert processes_of(install.folder) == {}


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Makes `main` see the environment of an install, for those that are refused at once."""
    for name in set(os.environ) - set(settings_of(Path("/nowhere"))):
        monkeypatch.delenv(name)
    return monkeypatch


def said_by(
    commands: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, *words: str,
    **more: str,
) -> str:  # fmt: skip
    """What a command that fails says: never a traceback."""
    for name, value in settings_of(folder, **more).items():
        commands.setenv(name, value)
    assert main(words) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.err + said.out
    return said.err


# ---- the script


def test_help_lists_every_command_and_setting() -> None:
    script = (ROOT / "run").read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, ROOT / "run", "--help"], capture_output=True, text=True)
    commands = re.search(r"COMMANDS = \((.*)\)", script)
    assert commands is not None
    assert done.returncode == 0
    for name in re.findall(r'"(\w+)"', commands[1]):
        assert re.search(rf"\./run \[?{name}", done.stdout), name
    for name in set(re.findall(r'environ\.get\("(EVALPLATFORM_\w+)"', script)):
        assert name in done.stdout


def test_an_unknown_command_is_answered_with_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "run", "frobnicate"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr == "There is no command 'frobnicate': see ./run --help\n"


# ---- the database


def test_a_throw_away_database_starts_and_leaves_nothing() -> None:
    with throw_away_postgres() as (url, folder):
        assert ask(url, "SHOW fsync") == "off"
        assert ask(url, "SHOW listen_addresses") == ""
        sockets = Path(ask(url, "SHOW unix_socket_directories"))
        assert sockets.stat().st_mode & 0o077 == 0
        assert processes_of(folder.parent)
    assert not folder.parent.exists()
    assert not sockets.exists()
    assert processes_of(folder.parent) == {}


def test_rows_survive_a_killed_server(install: Path) -> None:
    server = postgres_of(install)
    with server.started() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 'still here' AS said")
        assert server.child is not None
        server.child.kill()
    with postgres_of(install).started() as url:
        assert ask(url, KEPT) == "still here"


def test_rows_survive_a_killed_starter_and_the_server_ends_with_it(install: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, install], env=settings_of(install), cwd=ROOT,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with starter:
        assert starter.stdout is not None
        assert starter.stdout.readline() == "written\n"
        starter.kill()
    assert wait_until(lambda: not processes_of(install)), processes_of(install)
    with postgres_of(install).started() as url:
        assert ask(url, KEPT) == "still here"


@pytest.mark.parametrize("number", [os.getpid(), 2**22 + 1], ids=["somebody else's", "nobody's"])
def test_a_stale_process_file_is_no_obstacle(install: Path, number: int) -> None:
    (install / "pg" / "postmaster.pid").write_text(f"{number}\n{install / 'pg'}\n1\n5432\n/tmp\n\n")
    with postgres_of(install).started() as url:
        assert ask(url, "SELECT count(*) FROM auth_user") == 6


def test_a_folder_deeper_than_a_socket_may_be_works(
    made: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path.joinpath(*["a folder in a folder"] * 6)
    deep.mkdir(parents=True)
    assert len(os.fsencode(deep)) > LONGEST_SOCKET_DIRECTORY
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    server = postgres_of(copy(made[0], deep / "data"))
    with server.started() as url:
        assert ask(url, "SELECT count(*) FROM auth_user") == 6
        assert len(os.fsencode(server.sockets)) <= LONGEST_SOCKET_DIRECTORY


def test_settings_for_another_server_do_not_lead_astray(
    install: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "5999")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    with postgres_of(install).started() as url:
        assert ask(url, "SELECT count(*) FROM auth_user") == 6


def test_two_commands_share_one_server_and_the_last_ends_it(install: Path) -> None:
    with postgres_of(install).started() as url:
        joined = startup(install, "manage", "shell", "-c", "print(User.objects.count())")
        assert joined.stdout.splitlines()[-1] == "6"
        assert ask(url, "SELECT 1") == 1
    assert processes_of(install) == {}


# ---- refusals: one plain sentence


def test_a_database_of_a_newer_postgresql_is_refused(
    install: Path, commands: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (install / "pg" / "PG_VERSION").write_text("99\n")
    said = said_by(commands, capsys, install, "manage", "check")
    assert "made by PostgreSQL 99, which is newer" in said
    assert "EVALPLATFORM_VAR=" in said


@pytest.mark.parametrize("command", [["serve"], ["manage", "check"]])
def test_a_database_of_a_newer_evalplatform_is_refused(
    install: Path, commands: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:  # fmt: skip
    future = "VALUES ('annotations', '9999_flying_cars', now())"
    with postgres_of(install).started() as url, psycopg.connect(url) as connection:
        connection.execute(f"INSERT INTO django_migrations (app, name, applied) {future}")
    said = said_by(commands, capsys, install, *command, PORT=str(free_port()))
    assert "newer Evalplatform" in said
    assert "9999_flying_cars" in said
    assert processes_of(install) == {}


def answer(listener: socket.socket, with_what: bytes) -> None:
    """Say the same to whoever comes, until the listener is closed."""
    while True:
        try:
            other, _ = listener.accept()
        except OSError:
            return
        with other:
            other.recv(4096)
            other.sendall(with_what)


EVALPLATFORM = b'HTTP/1.0 200 OK\r\n\r\n{"app": "evalplatform", "data": "another"}'


@pytest.mark.parametrize(
    ("answered", "named"),
    [
        (b"SSH-2.0-not-http\r\n", "another program"),
        (b"HTTP/1.0 200 OK\r\n\r\n[]", "another program"),
        (EVALPLATFORM, "an Evalplatform with another data folder"),
    ],
    ids=["no web server", "another web server", "another install"],
)
def test_a_taken_port_is_named_with_a_free_one(
    tmp_path: Path, commands: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    answered: bytes, named: str,
) -> None:  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        thread = threading.Thread(target=answer, args=(listener, answered))
        thread.start()
        said = said_by(commands, capsys, tmp_path, "serve", PORT=str(port))
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert said.startswith(f"Port {port} of 127.0.0.1 is taken by {named}.")
    offered = re.search(r"PORT=(\d+) \./run", said)
    assert offered is not None
    assert int(offered[1]) != port


@pytest.mark.parametrize("port", ["http", "0", "65536", "²"])
def test_a_port_that_is_none_is_refused(
    tmp_path: Path, commands: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], port: str
) -> None:
    assert "is not a port" in said_by(commands, capsys, tmp_path, "serve", PORT=port)


@pytest.mark.parametrize("host", ["192.0.2.1", "nowhere.invalid"])
def test_an_address_of_another_machine_is_refused(
    tmp_path: Path, commands: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str
) -> None:
    said = said_by(commands, capsys, tmp_path, "serve", HOST=host, PORT=str(free_port()))
    assert said == f"HOST={host} is not an address of this machine.\n"


def test_a_data_folder_that_cannot_be_made_is_named(
    tmp_path: Path, commands: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a file"
    file.touch()
    said = said_by(commands, capsys, file, "manage", "check")
    assert str(file) in said
    assert "EVALPLATFORM_VAR=" in said


def test_a_database_elsewhere_that_does_not_answer_is_named(
    tmp_path: Path, commands: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    said = said_by(commands, capsys, tmp_path, "manage", "check", DATABASE_URL=url)
    assert "The database that DATABASE_URL names does not answer" in said


def test_a_full_disk_is_named(
    tmp_path: Path, commands: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", tmp_path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount a small disk to fill")
    try:
        said = said_by(commands, capsys, tmp_path / "var", "manage", "check")
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)
    assert "No space is left on the disk" in said


# ---- a served install


def test_the_web_server_says_whose_data_it_serves(served: Served) -> None:
    said = Browser(served.address).get("healthz")
    assert f'"data": "{data_mark(served.folder)}"' in said
    assert '"app": "evalplatform"' in said


def test_a_second_serve_finds_the_first(served: Served) -> None:
    second = startup(served.folder, "serve", PORT=str(free_port()))
    assert second.returncode == 0
    assert second.stdout == f"Evalplatform already runs on {served.address} from {served.folder}.\n"


def test_a_command_joins_the_database_that_is_served(served: Served) -> None:
    done = startup(served.folder, "manage", "shell", "-c", "print(User.objects.count())")
    assert done.stdout.splitlines()[-1] == "6"
    assert served.starter.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_command(install: Path, number: signal.Signals) -> None:
    with serving(install) as served:
        assert all(map(served.parts, ("postgres", "celery", "sweep_jobs", "granian")))
        served.stop(number)
        assert wait_until(lambda: not processes_of(install)), processes_of(install)
        assert "Traceback" not in served.said
    with postgres_of(install).started() as url:
        assert ask(url, "SELECT count(*) FROM auth_user") == 6


def test_an_answer_outlives_a_killed_web_server(install: Path, made: tuple[Path, str]) -> None:
    with serving(install) as served:
        browser = Browser(served.address)
        browser.sign_in("ann1", PASSWORD)
        assert "saved_at" in browser.post(made[1], **{"answer-harm": "yes"})
        for number in served.parts("granian"):
            os.kill(number, signal.SIGKILL)
        assert served.ended() == 1
        assert "The web process ended" in served.said
        assert processes_of(install) == {}
    with postgres_of(install).started() as url:
        assert ask(url, DRAFT) == "yes"


def test_a_management_command_ends_with_its_starter(install: Path) -> None:
    starter = subprocess.Popen(
        [*STARTUP, "manage", "shell", "-c", "import time; print('here', flush=True); time.sleep(600)"],
        env=settings_of(install), cwd="/", stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with starter:
        assert starter.stdout is not None
        assert "here\n" in iter(starter.stdout.readline, "")
        starter.kill()
    assert wait_until(lambda: not processes_of(install)), processes_of(install)
    with postgres_of(install).started() as url:
        assert ask(url, "SELECT count(*) FROM auth_user") == 6
