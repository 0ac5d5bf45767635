"""Child processes that cannot outlive their starter, and their orderly end.

Each child leads a process group of its own, so that Ctrl-C reaches the starter only and the starter
stops the parts in order. On Linux the kernel also signals the child when the starter is killed.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


def tied_to_us(
    death_signal: signal.Signals, *, become: Callable[[], None] | None = None
) -> Callable[[], None]:
    """What a child does before it runs, so that the kernel signals it when we are killed."""
    starter = os.getpid()

    def prepare() -> None:
        if become:
            become()  # first: a change of user clears the death signal
        if sys.platform == "linux":
            LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != starter:  # it died between the fork and the line above
                os._exit(1)

    return prepare


def start_child(
    arguments: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path | str = "/",
    output: IO[bytes] | int | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    become: Callable[[], None] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in its own process group; `become` changes who it is before it runs.

    Call it from the main thread: the kernel's death signal follows the thread that forked.
    """
    return subprocess.Popen(
        [os.fspath(argument) for argument in arguments],
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        process_group=0,
        preexec_fn=tied_to_us(death_signal, become=become),
    )


def stop_child(
    child: subprocess.Popen[bytes],
    *,
    signals: Sequence[signal.Signals] = (signal.SIGTERM,),
    grace: float = 10,
) -> None:
    """Ask a child to end, with a firmer signal after each `grace`; leave nothing of its group."""
    with undisturbed():
        for number in signals:
            if child.poll() is not None:
                break
            child.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(grace)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Within it, SIGTERM and SIGHUP unwind as Ctrl-C does: as `KeyboardInterrupt`."""
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Within it, signals to end are noted by nobody: the orderly stop is under way already.

    A handler and not SIG_IGN, which children would inherit.
    """
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log file, for the screen."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-count:])


def command_line(pid: int) -> str:
    """How a process was started, or an empty string where there is none."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
    except (FileNotFoundError, ProcessLookupError):
        if Path("/proc/self").exists():
            return ""
    found = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()
