"""`./run serve`: every part of an install in one command, watched and stopped in order."""

import contextlib
import errno
import fcntl
import http.client
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evalplatform.startup.environment import MANAGE, database, environment_of
from evalplatform.startup.errors import StartupError
from evalplatform.startup.places import ROOT, data_folder, data_mark, make_data_folder
from evalplatform.startup.processes import (
    interruptible,
    last_lines,
    start_child,
    stop_child,
    undisturbed,
)

READY_SECONDS = 120
LARGEST_LOG = 5 * 2**20
LONGEST_ANSWER = 10_000
# No proxy of the environment stands between us and ourselves.
DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Part:
    """One process that runs as long as the install does."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    # Sent when the starter is killed: a job is leased and checkpointed, so it need not be finished.
    death_signal: signal.Signals = signal.SIGTERM
    # How long it may take to end; then it is killed.
    grace: float = 10


def parts(host: str, port: int) -> tuple[Part, ...]:
    """What runs beside PostgreSQL, in the order of starting; stopped in the reverse order."""
    python = sys.executable
    workers = os.environ.get("EVALPLATFORM_WORKERS", "2")
    worker = (python, "-m", "celery", "-A", "evalplatform", "worker", "--loglevel", "WARNING")
    web = (python, "-m", "granian", "evalplatform.wsgi:application", "--interface", "wsgi")
    threads = ("--no-ws", "--workers", "2", "--blocking-threads", "3")
    # A worker that does not end by itself is not waited for: its requests are safe to send again.
    stops = ("--workers-kill-timeout", "3")
    return (
        Part(
            "worker",
            (*worker, "--concurrency", workers, "--without-gossip", "--without-mingle"),
            death_signal=signal.SIGQUIT,
            grace=3,  # even an idle one would take 8, and its job goes on from its checkpoint
        ),
        Part("sweep", (*MANAGE, "sweep_jobs", "--every", "5")),
        Part(
            "web",
            (*web, *threads, *stops, "--host", host, "--port", str(port)),
            environment={"EVALPLATFORM_DB_POOL": "1"},
        ),
    )


def serve() -> int:
    """Start everything, say where it is, and stay until a part dies or we are told to stop."""
    began = time.monotonic()
    host, port, folder = os.environ.get("HOST") or "127.0.0.1", chosen_port(), data_folder()
    make_data_folder(folder)
    with contextlib.ExitStack() as stack, interruptible():
        lock = stack.enter_context((folder / "serving").open("a+"))
        if not alone(lock.fileno()):
            lock.seek(0)
            print(f"Evalplatform already runs on {lock.read().strip()} from {folder}.")
            return 0
        check_port(host, port)
        lock.truncate(0)
        lock.write(address(host, port))
        lock.flush()
        try:
            return run_parts(host, port, folder=folder, began=began, stack=stack)
        except KeyboardInterrupt:
            print("\nStopping ...", flush=True)
            return 0
        finally:
            with undisturbed():
                stack.close()


def run_parts(
    host: str, port: int, *, folder: Path, began: float, stack: contextlib.ExitStack
) -> int:
    """Start the database and the parts under `stack`, and watch them."""
    url = stack.enter_context(database(folder, wait_for_others=False))
    environment = environment_of(folder=folder, url=url)
    demo = os.environ.get("EVALPLATFORM_DEMO") or ("1" if is_loopback(host) else "0")
    environment["EVALPLATFORM_DEMO"] = demo
    # Whatever people type, we ourselves ask by number whether the web server is well.
    hosts = os.environ.get("EVALPLATFORM_HOSTS") or host
    environment["EVALPLATFORM_HOSTS"] = f"localhost,127.0.0.1,[::1],{hosts}"
    run_command("migrate", "--verbosity", "0", environment=environment)
    if demo == "1":
        run_command("load_demo", environment=environment)
    running = {}
    for part in parts(host, port):
        log = folder / "logs" / f"{part.name}.log"
        running[part.name] = (start_part(part, log=log, environment=environment, stack=stack), log)
    wait_until_ready(host, port, running=running, mark=data_mark(folder))
    seconds = time.monotonic() - began
    print(
        f"Evalplatform runs on {address(host, port)} (ready after {seconds:.1f} s). "
        f"Data and logs are in {folder}. Ctrl-C stops it.",
        flush=True,
    )
    if not is_loopback(host) and "EVALPLATFORM_HOSTS" not in os.environ:
        print("Set EVALPLATFORM_HOSTS=NAME,... to the host names that people will type.")
    while True:
        check_alive(running)
        time.sleep(0.3)


def start_part(
    part: Part, *, log: Path, environment: Mapping[str, str], stack: contextlib.ExitStack
) -> subprocess.Popen[bytes]:
    """Start one part with its own log; `stack` will stop it."""
    if log.exists() and log.stat().st_size > LARGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        child = start_child(
            part.arguments,
            environment={**environment, **part.environment},
            folder=ROOT,
            output=output,
            death_signal=part.death_signal,
        )
    stack.callback(stop_child, child, grace=part.grace)
    return child


def run_command(*arguments: str, environment: Mapping[str, str]) -> None:
    """Run one management command to its end; its output is ours."""
    child = start_child([*MANAGE, *arguments], environment=environment, folder=ROOT)
    try:
        code = child.wait()
    finally:
        stop_child(child)
    if code:
        raise StartupError(f"`manage.py {arguments[0]}` failed: see above.")


def check_alive(running: Mapping[str, tuple[subprocess.Popen[bytes], Path]]) -> None:
    """Say which part ended, and with what last words."""
    for name, (child, log) in running.items():
        if child.poll() is not None:
            raise StartupError(
                f"The {name} process ended (status {child.returncode}), so everything stops. "
                f"The end of {log}:\n{last_lines(log)}"
            )


def wait_until_ready(
    host: str,
    port: int,
    *,
    running: Mapping[str, tuple[subprocess.Popen[bytes], Path]],
    mark: str,
) -> None:
    """Return when the web server answers for our own data folder."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        check_alive(running)
        if who_answers(host, port) == mark:
            return
        time.sleep(0.1)
    raise StartupError(f"The web server did not answer within {READY_SECONDS} s: see its log.")


def who_answers(host: str, port: int) -> str | None:
    """The data mark of the Evalplatform that answers on a port; None where none does."""
    try:
        with DIRECTLY.open(address(host, port) + "healthz", timeout=5) as answer:
            said = json.loads(answer.read(LONGEST_ANSWER))
    except (OSError, ValueError, http.client.HTTPException):
        return None
    known = isinstance(said, dict) and said.get("app") == "evalplatform"
    return str(said.get("data")) if known else None


def check_port(host: str, port: int) -> None:
    """Say plainly when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise StartupError(
                f"Port {port} is kept for root. Choose another: PORT=8000 ./run"
            ) from error
        except socket.gaierror as error:
            raise StartupError(f"HOST={host} is not an address of this machine.") from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise StartupError(f"HOST={host} is not an address of this machine.") from error
            other = who_answers(host, port) is not None
            owner = "an Evalplatform with another data folder" if other else "another program"
            free = port + 1 if port < 2**16 - 1 else 8000
            raise StartupError(
                f"Port {port} of {host} is taken by {owner}. Choose another: PORT={free} ./run"
            ) from error


def chosen_port() -> int:
    """PORT, or 8000."""
    said = os.environ.get("PORT") or "8000"
    if not said.isdecimal() or not 0 < int(said) < 2**16:
        raise StartupError(f"PORT={said} is not a port. Choose one: PORT=8001 ./run")
    return int(said)


def address(host: str, port: int) -> str:
    """What to type into a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (compared, not bound)
    return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def alone(handle: int) -> bool:
    """Take the lock of the serving command; False where another has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
